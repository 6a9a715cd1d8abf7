package sql_test

import (
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/sql"
)

// TestPrintedAt finds the expressions that places of the printed text are from.
func TestPrintedAt(t *testing.T) {
	text := "SELECT a + b, CAST(upper(c) AS INT) / 2 FROM t WHERE c LIKE 'x%' GROUP BY a % 2"
	printed, err := (&sql.Printer{Relations: &byName{}}).Print(parseQuery(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(printed.Text, "\x00") {
		t.Errorf("marks are left in %q", printed.Text)
	}
	for _, tt := range []struct{ at, want string }{
		{`"a"`, "a"}, {` + "b"`, "a + b"}, {`"b"`, "b"}, {"upper(", "upper(c)"}, {"CAST(", "CAST(upper(c) AS INT)"}, {"LIKE", "c LIKE 'x%'"}, {"GROUP", ""}, {"FROM", ""},
	} {
		got := ""
		if e := printed.At(strings.Index(printed.Text, tt.at)); e != nil {
			got = e.String()
		}
		if got != tt.want {
			t.Errorf("at %s of %s: got %q, want %q", tt.at, printed.Text, got, tt.want)
		}
	}
	if e := printed.At(len(printed.Text)); e != nil {
		t.Errorf("%s stands behind the end", e)
	}
}
