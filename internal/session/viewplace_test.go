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
