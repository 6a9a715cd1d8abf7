package session_test

import (
	"strconv"
	"testing"
)

// TestFlowDefinition: the event log says of each flow how it changes its
// table, and which columns that has (semantics §11.3).
func TestFlowDefinition(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, n INT); INSERT INTO src VALUES (1, 1)")
	for i, tt := range []struct{ definition, want string }{
		{"AS SELECT id FROM STREAM src", "APPEND|id INT"},
		{"AS SELECT id, count(*) AS n FROM STREAM src GROUP BY id", "UPDATE|id INT,n BIGINT"},
		{"AS SELECT count(*) AS n FROM STREAM src", "COMPLETE|n BIGINT"},
		{"(id INT, n INT) FLOW AUTO CDC FROM STREAM src KEYS (id) SEQUENCE BY n", "CHANGE|id INT,n INT"},
		{"(id INT) FLOW INSERT ONCE BY NAME SELECT id FROM src", "APPEND|id INT"},
	} {
		table := "t" + strconv.Itoa(i)
		w.rows("CREATE STREAMING TABLE " + table + " " + tt.definition)
		w.want(`SELECT d:flow_type, concat_ws(',', transform(from_json(d:schema, 'ARRAY<STRUCT<name: STRING, data_type: STRING>>'), c -> c.name || ' ' || c.data_type))
			FROM (SELECT details:flow_definition AS d FROM event_log(TABLE(`+table+`)) WHERE event_type = 'flow_definition')`, tt.want)
	}
}
