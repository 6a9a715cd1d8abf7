package session_test

import "testing"

// TestFlowClause: the clause FLOW of CREATE STREAMING TABLE is a query, or a
// flow of the table's name, which follows the definition (semantics §9.1).
func TestFlowClause(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, v STRING, n INT); INSERT INTO src VALUES (1, 'a', 1), (1, 'b', 2), (3, 'c', 1)")
	w.rows("CREATE STREAMING TABLE plain FLOW INSERT BY NAME SELECT v, id FROM STREAM src")
	w.want("SELECT * FROM plain", "a|1", "b|1", "c|3")
	w.want("SHOW CREATE TABLE plain", "CREATE STREAMING TABLE plain AS SELECT v, id FROM STREAM main.default.src AS src")

	cdc := "CREATE OR REFRESH STREAMING TABLE now COMMENT 'x' FLOW AUTO CDC FROM STREAM src KEYS (id) SEQUENCE BY n"
	w.rows(cdc)
	w.want("SELECT * FROM now", "1|b|2", "3|c|1")
	w.want("SHOW CREATE TABLE now", "CREATE OR REFRESH STREAMING TABLE now COMMENT 'x' FLOW AUTO CDC FROM STREAM main.default.src KEYS (id) SEQUENCE BY n")
	w.rows("INSERT INTO src VALUES (1, 'late', 1), (2, 'd', 1)")
	w.rows(cdc)
	w.want("SELECT * FROM now", "1|b|2", "2|d|1", "3|c|1")
	w.rows("CREATE OR REFRESH STREAMING TABLE now AS SELECT * FROM STREAM src WHERE id = 2")
	w.fails("DROP FLOW now", "FLOW_NOT_FOUND", "42704")
	w.want("SELECT id FROM now", "1", "2", "2", "3")
}

// TestFlowInsertOnce: a flow that inserts once reads tables as they are when
// it first runs, and again after a full refresh alone (semantics §9.4).
func TestFlowInsertOnce(t *testing.T) {
	w := newWorkspace(t)
	for _, tt := range []struct{ statements, first string }{
		{"CREATE STREAMING TABLE t FLOW INSERT ONCE BY NAME SELECT id, count(*) AS n FROM old GROUP BY id", "1|2"},
		{"CREATE STREAMING TABLE t (id INT, n BIGINT); CREATE FLOW fill AS INSERT ONCE INTO t BY NAME SELECT count(*) AS n, id FROM old GROUP BY id", "1|2"},
		{"CREATE STREAMING TABLE t (id INT, n BIGINT); CREATE FLOW fill AS INSERT INTO ONCE t BY NAME WITH o AS (SELECT DISTINCT id FROM old) SELECT id FROM o", "1|NULL"},
		{"CREATE STREAMING TABLE t (id INT, n BIGINT); CREATE FLOW fill AS INSERT ONCE INTO t BY NAME SELECT id, 7 AS n FROM STREAM old WHERE id > 1", ""},
	} {
		w.rows("CREATE TABLE old (id INT); CREATE TABLE new (id INT); INSERT INTO old VALUES (1), (1)")
		w.rows(tt.statements)
		w.rows("CREATE FLOW more AS INSERT INTO t BY NAME SELECT id FROM STREAM new; INSERT INTO new VALUES (5); INSERT INTO old VALUES (2)")
		want := []string{"5|NULL"}
		if tt.first != "" {
			want = append(want, tt.first)
		}
		w.rows("REFRESH STREAMING TABLE t; REFRESH STREAMING TABLE t")
		w.want("SELECT * FROM t", want...)
		w.rows("REFRESH STREAMING TABLE t FULL")
		w.want("SELECT count(*) FROM t WHERE id = 2", "1")
		w.rows("DROP TABLE t; DROP TABLE old; DROP TABLE new")
	}
}

// A flow that inserts once and dies anywhere has inserted once.
func TestFlowInsertOnceUnderCrashes(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.rows("CREATE TABLE old (id INT); INSERT INTO old VALUES (1), (2); CREATE STREAMING TABLE s")
	tr := w.trial(faulted{})
	tr.text = "CREATE OR REFRESH STREAMING TABLE s FLOW INSERT ONCE BY NAME SELECT id FROM old"
	tr.refreshUnderCrashes(t, 8, "1", "2")
}

// TestFlowClauseRefuses what cannot run before the table is made.
func TestFlowClauseRefuses(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, n INT)")
	for _, tt := range [][3]string{
		{"CREATE STREAMING TABLE t FLOW INSERT BY NAME SELECT id FROM src", "STREAMING_TABLE_QUERY_INVALID", "42000"},
		{"CREATE STREAMING TABLE t FLOW AUTO CDC FROM src KEYS (id) SEQUENCE BY n", "APPLY_CHANGES_SOURCE_NOT_STREAM", "42000"},
		{"CREATE STREAMING TABLE t FLOW REPLACE WHERE id > 1 BY NAME SELECT id FROM src", "UNSUPPORTED_FEATURE", "0A000"},
		{"CREATE STREAMING TABLE t FLOW REPLACE USING (id) SEQUENCE BY n BY NAME SELECT id FROM STREAM src", "UNSUPPORTED_FEATURE", "0A000"},
		{"CREATE STREAMING TABLE t FLOW INSERT BY NAME SELECT id FROM STREAM src FLOW INSERT BY NAME SELECT 1", "PARSE_SYNTAX_ERROR", "42601"},
		{"CREATE MATERIALIZED VIEW t FLOW INSERT BY NAME SELECT id FROM src", "PARSE_SYNTAX_ERROR", "42601"},
	} {
		w.fails(tt[0], tt[1], tt[2])
	}
	w.fails("SELECT * FROM t", "TABLE_OR_VIEW_NOT_FOUND", "42P01")
}
