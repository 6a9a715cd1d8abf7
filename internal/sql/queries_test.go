package sql_test

import (
	"os"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/engine/duckdb"
)

// TestQueries runs the queries of testdata/queries.txt and compares their
// answers with Spark's; the file has the form of functions.txt.
func TestQueries(t *testing.T) {
	e, err := duckdb.Open(duckdb.Config{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile("testdata/queries.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if line == "" || line[0] == '#' || line[0] == ' ' || i+1 == len(lines) {
			continue
		}
		spark := strings.TrimPrefix(lines[i+1], "  ")
		want, reason, differs := spark, "", false
		if i+2 < len(lines) {
			if rest, ok := strings.CutPrefix(lines[i+2], "  differs "); ok {
				want, reason, differs = strings.Cut(rest, " -- ")
			}
		}
		got, query := answer(t, e, line)
		if !sameAnswer(got, want) {
			t.Errorf("line %d: %s\ngot   %s\nwant  %s\nquery %s", i+1, line, got, want, query)
		}
		if differs && (reason == "" || sameAnswer(got, spark)) {
			t.Errorf("line %d: %s\nmust differ from Spark's answer %s, with a reason", i+1, line, spark)
		}
	}
}
