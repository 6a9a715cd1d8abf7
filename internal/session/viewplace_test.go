package session_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

func TestErrorsInViewsNameTheView(t *testing.T) {
	w := newWorkspace(t)
	w.run("CREATE TABLE a (x INT, y INT); CREATE VIEW v AS SELECT x, y + 1 AS z FROM a WHERE y > 3; CREATE VIEW outer_view AS SELECT x FROM v")
	w.run("CREATE OR REPLACE TABLE a (x INT)")
	for query, want := range map[string]string{
		"SELECT some_long_name.x, 1, 2, 3 FROM v AS some_long_name": "the view v. (line 1, pos 10)",
		"SELECT * FROM outer_view":                                  "the view v. (line 1, pos 10)",
		"SELECT x, y FROM a, v":                                     "[`x`]. (line 1, pos 10)",
	} {
		err := w.fails(query, "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703")
		if text := errclass.Format(err); !strings.Contains(text, want) {
			t.Errorf("%s\ngot  %s\nwant %s", query, text, want)
		}
	}
}

// The SELECT of COPY INTO has its place in the statement, also when it fails
// while rows are read.
func TestErrorsInCopySelectHaveAPlace(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "k,v\none,1\n")
	w.run("CREATE TABLE t (k INT, v INT)")
	for _, c := range []struct{ items, class, state, want string }{
		{"nope AS k", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "(line 2, pos 21)"},
		{"CAST(k AS INT) AS k", "CAST_INVALID_INPUT", "22018", "(line 2, pos 21)"},
		{"1 / (v::INT - 1) AS k", "DIVIDE_BY_ZERO", "22012", "(line 2, pos 21)"},
	} {
		err := w.fails("COPY INTO t\nFROM (SELECT v::INT, "+c.items+" FROM '$IN') FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')", c.class, c.state)
		if text := errclass.Format(err); !strings.Contains(text, c.want) {
			t.Errorf("%s\ngot  %s\nwant %s", c.items, text, c.want)
		}
	}
}
