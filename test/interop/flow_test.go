//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/session"
)

// TestFlowsAreReadBySpark: a streaming table whose schema has grown and whose
// rescued values were put back, one that keeps aggregates, a materialized view
// and the log of events have the rows in Spark that they have here.
func TestFlowsAreReadBySpark(t *testing.T) {
	ws, in := t.TempDir(), t.TempDir()
	s, err := session.Open(t.Context(), session.Config{Workspace: ws})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := freshet{t, s}
	file := func(name, text string) {
		if err := os.WriteFile(filepath.Join(in, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	file("1.json", `{"id":1,"v":1,"s":{"a":[{"x":1}]}}`+"\n"+`{"id":2,"v":"two"}`)
	f.run("CREATE STREAMING TABLE bronze (CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION DROP ROW) AS SELECT *, _metadata.file_name AS file FROM STREAM read_files('%s', format => 'json', schemaHints => 'v INT')", in)
	f.run("CREATE STREAMING TABLE counts AS SELECT id %% 2 AS odd, count(*) AS n FROM STREAM bronze GROUP BY id %% 2")
	f.run("CREATE MATERIALIZED VIEW latest AS SELECT id, v, file FROM bronze WHERE id > 0")
	file("2.json", `{"id":3,"v":3,"note":"new","s":{"a":[{"x":2,"y":"more"}]}}`+"\n"+`{"v":4}`)
	f.run("REFRESH STREAMING TABLE bronze; REFRESH STREAMING TABLE counts; REFRESH MATERIALIZED VIEW latest")
	f.run("ALTER TABLE bronze SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.columnMapping.mode' = 'name'); ALTER TABLE bronze DROP COLUMN v; ALTER TABLE bronze ADD COLUMN v STRING")
	f.run("REPAIR TABLE bronze RESCUED DATA")
	for _, dir := range []string{"tables/main/default/bronze", "tables/main/default/counts", "tables/main/default/latest", "events"} {
		dir = filepath.Join(ws, dir)
		ours := f.query("SELECT * FROM delta.`%s`", dir)
		if len(ours.Rows) == 0 {
			t.Errorf("%s has no rows", dir)
		}
		same(t, dir, ours, read(t, "spark", dir))
	}
}
