package session_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFlowsOfATableWithoutQuery: each has its own batch, and why it failed; one
// that the table's definition gives is that of the table.
func TestFlowsOfATableWithoutQuery(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE a AS SELECT 1 AS id; CREATE TABLE b AS SELECT 1 AS id")
	w.rows("CREATE STREAMING TABLE empty (id INT); CREATE STREAMING TABLE own FLOW INSERT BY NAME SELECT * FROM STREAM a")
	w.rows("CREATE STREAMING TABLE t (id INT); CREATE FLOW one AS INSERT INTO t BY NAME SELECT * FROM STREAM a; CREATE FLOW two AS INSERT INTO t BY NAME SELECT 1 / id AS id FROM STREAM b")
	w.rows("INSERT INTO a VALUES (2); REFRESH TABLE t; INSERT INTO b VALUES (0)")
	w.fails("REFRESH TABLE t", "DIVIDE_BY_ZERO", "22012")
	flows, err := w.s.Datasets().Flows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	type batch struct {
		name, state string
		id          int64
		failed      bool
	}
	var got []batch
	for _, f := range flows {
		got = append(got, batch{f.Name, f.State, f.Batch, strings.Contains(f.Error, "Division by zero")})
		for _, part := range f.Flows {
			got = append(got, batch{part.Name, part.State, part.Batch, strings.Contains(part.Error, "Division by zero")})
			if source := map[string]string{"main.default.one": "a", "main.default.two": "b"}[part.Name]; !strings.Contains(string(part.Progress), "DeltaSource[main.default."+source+"]") {
				t.Errorf("the progress of %s is %s", part.Name, part.Progress)
			}
		}
	}
	want := []batch{
		{"main.default.empty", "IDLE", -1, false},
		{"main.default.own", "IDLE", 0, false},
		{"main.default.t", "FAILED", -1, true},
		{"main.default.one", "IDLE", 1, false},
		{"main.default.two", "FAILED", 1, true},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(batch{})); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}
