package session_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestAlterOfDatasets: a dataset's columns are those of its definition, and an
// ALTER that would change them behind its back is refused, by whatever name.
func TestAlterOfDatasets(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"v":"a"}`)
	w.rows("CREATE TABLE src AS SELECT 1L AS id, 'a' AS v")
	w.rows("CREATE MATERIALIZED VIEW mv AS SELECT id, v FROM src")
	w.rows("CREATE STREAMING TABLE named AS SELECT id, v FROM STREAM read_files('$IN', format => 'json')")
	w.rows("CREATE STREAMING TABLE copied AS SELECT * FROM STREAM src")
	w.rows("CREATE STREAMING TABLE filled (id BIGINT, v STRING); CREATE FLOW f AS INSERT INTO filled BY NAME SELECT * FROM STREAM src")
	w.rows("CREATE STREAMING TABLE starred AS SELECT * FROM STREAM read_files('$IN', format => 'json')")
	const streaming, view = "STREAMING_TABLE_OPERATION_NOT_ALLOWED.INVALID_ALTER", "MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.INVALID_ALTER"
	for _, c := range []struct {
		action  string
		starred string // how the table that keeps rescued data fails, where it does
		ok      bool   // allowed everywhere
	}{
		{action: "ADD COLUMN one_$BY INT"},
		{action: "ADD COLUMNS (two_$BY INT, three_$BY INT)"},
		{action: "ALTER COLUMN v FIRST", starred: streaming},
		{action: "ALTER COLUMN id SET NOT NULL", starred: streaming},
		{action: "ALTER COLUMN id TYPE DOUBLE", starred: "DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP"},
		{action: "DROP COLUMN id", starred: "DELTA_UNSUPPORTED_DROP_COLUMN"},
		{action: "RENAME COLUMN id TO other", starred: streaming},
		{action: "REPLACE COLUMNS (id BIGINT)", starred: streaming},
		{action: "ADD CONSTRAINT c CHECK (id > 0)", starred: streaming},
		{action: "ALTER COLUMN id COMMENT 'the key'", ok: true},
		{action: "SET TBLPROPERTIES ('quality' = 'good')", ok: true},
	} {
		for _, table := range []string{"named", "copied", "filled", "starred", "mv"} {
			want, kind := streaming, "STREAMING TABLE "
			switch {
			case c.ok:
				want = ""
			case table == "starred":
				want = c.starred
			case table == "mv":
				want = view
			}
			if table == "mv" {
				kind = "MATERIALIZED VIEW "
			}
			for by, words := range []string{"TABLE ", kind} {
				text := "ALTER " + words + table + " " + strings.ReplaceAll(c.action, "$BY", strconv.Itoa(by))
				if want == "" {
					w.rows(text)
				} else {
					w.failing(text, want)
				}
			}
		}
	}
	w.file("2.json", `{"id":2,"v":"b"}`)
	w.want("REFRESH TABLE named; SELECT * FROM named", "1|a", "2|b")
	w.want("ALTER TABLE src ADD COLUMN n INT; ALTER TABLE src ALTER COLUMN v COMMENT 'x'; SELECT * FROM src", "1|a|NULL")
	w.fails("ALTER MATERIALIZED VIEW named ADD COLUMN n INT", "WRONG_COMMAND_FOR_OBJECT_TYPE", "42809")
}

// beneath names a table by its path, past the catalog.
func (w *workspace) beneath(table string) string {
	return "delta.`" + filepath.Join(w.root, "ws", "tables", "main", "default", table) + "`"
}

// TestDatasetsAreNotTakenBack: a view's rows are those of its query, and a flow
// does not go back with its table.
func TestDatasetsAreNotTakenBack(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src AS SELECT 1 AS id; CREATE MATERIALIZED VIEW mv AS SELECT * FROM src; CREATE STREAMING TABLE st AS SELECT * FROM STREAM src")
	w.fails("RESTORE TABLE st TO VERSION AS OF 0", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.RESTORE", "42601")
	w.fails("RESTORE TABLE mv TO VERSION AS OF 0", "MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.MV_NOT_WRITABLE", "56038")
	w.fails("TRUNCATE TABLE mv", "MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.MV_NOT_WRITABLE", "56038")
	w.want("SELECT (SELECT count(*) FROM st), (SELECT count(*) FROM mv)", "1|1")
}

// TestRepairOfATableThatFlowsFill goes by the names of the files.
func TestRepairOfATableThatFlowsFill(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"v":"a"}`)
	w.rows("CREATE STREAMING TABLE t (id BIGINT)")
	w.fails("REPAIR TABLE t RESCUED DATA", "RESCUED_DATA_COLUMN_NOT_FOUND", "42703")
	w.rows("CREATE FLOW f AS INSERT INTO t BY NAME SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT', rescuedDataColumn => '_rescued_data')")
	w.rows("REFRESH TABLE t; ALTER TABLE t ADD COLUMN v STRING; REPAIR TABLE t RESCUED DATA")
	w.want("SELECT id, v, _rescued_data FROM t", "1|a|NULL")
}
