package session_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/local"
)

// TestDropOfABusyTable: what would take a table away from a flow that runs
// waits for its end or fails, so that the flow writes to no table that is no
// more.
func TestDropOfABusyTable(t *testing.T) {
	t.Parallel()
	files := "STREAM read_files('$IN', format => 'json', schema => 'id INT, seq INT')"
	query := "CREATE STREAMING TABLE bronze AS SELECT id FROM " + files
	flow := "CREATE STREAMING TABLE bronze; CREATE FLOW f AS INSERT INTO bronze BY NAME SELECT id FROM " + files
	cdc := "CREATE STREAMING TABLE bronze; CREATE FLOW f AS AUTO CDC INTO bronze FROM " + files + " KEYS (id) SEQUENCE BY seq COLUMNS * EXCEPT (seq)"
	const busy, replace = "CONCURRENT_STREAM_LOG_UPDATE", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.REPLACE"
	for _, c := range []struct{ name, make, drop, class string }{
		{"DROP TABLE", query, "DROP TABLE s.bronze", busy},
		{"DROP TABLE IF EXISTS", query, "DROP TABLE IF EXISTS s.bronze", busy},
		{"DROP STREAMING TABLE", query, "DROP STREAMING TABLE s.bronze", busy},
		{"DROP SCHEMA", query, "DROP SCHEMA s CASCADE", busy},
		{"DROP TABLE with a flow", flow, "DROP TABLE s.bronze", busy},
		{"DROP FLOW", flow, "DROP FLOW s.f", busy},
		{"DROP TABLE of changes", cdc, "DROP TABLE s.bronze", busy},
		{"DROP FLOW of changes", cdc, "DROP FLOW s.f", busy},
		{"CREATE OR REPLACE TABLE", query, "CREATE OR REPLACE TABLE s.bronze AS SELECT 1 AS id", replace},
		{"CREATE OR REPLACE TABLE CLONE", query, "CREATE OR REPLACE TABLE s.bronze SHALLOW CLONE s.other", replace},
		{"full refresh", query, "REFRESH STREAMING TABLE s.bronze FULL", busy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			w.file("0.json", `{"id":0,"seq":0}`)
			w.rows("CREATE SCHEMA s; CREATE TABLE s.other (id INT); USE SCHEMA s; " + c.make)
			w.file("1.json", `{"id":1,"seq":1}`)
			other := *w
			other.open()
			var dropped error
			w.through(&interrupting{Store: local.New("/"), then: func() { _, dropped = other.try(c.drop) }})
			if _, err := w.try("REFRESH TABLE s.bronze"); err != nil {
				t.Errorf("the refresh that was there first: %v", err)
			}
			if of, ok := errors.AsType[errclass.Classified](dropped); !ok || of.ErrorClass() != c.class {
				t.Errorf("%s while the flow runs: got %v, want %s", c.drop, dropped, c.class)
			}
			w.want("SELECT id FROM s.bronze", "0", "1")
			if c.class == busy {
				w.rows(c.drop)
			}
		})
	}
}

// TestDropLeavesNothing: neither files nor a checkpoint, of a table with a
// query or with flows, also when its checkpoint was lost before.
func TestDropLeavesNothing(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorkspace(t)
		w.file("0.json", `{"id":0}`)
		w.rows(bronze + "; CREATE STREAMING TABLE t; CREATE FLOW f AS INSERT INTO t BY NAME SELECT * FROM STREAM bronze")
		at := filepath.Join(w.root, "ws", "checkpoints", "main", "default")
		if lost {
			if err := os.RemoveAll(at); err != nil {
				t.Fatal(err)
			}
		}
		w.rows("DROP TABLE t; DROP STREAMING TABLE bronze; DROP TABLE IF EXISTS bronze")
		if left, err := filepath.Glob(filepath.Join(at, "*")); err != nil || len(left) > 0 {
			t.Errorf("checkpoints %q, %v are left", left, err)
		}
		w.want(bronze, "1|1")
	}
}
