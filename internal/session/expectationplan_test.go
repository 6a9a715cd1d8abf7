package session_test

import (
	"strings"
	"testing"
)

// TestExpectationsArePlanned: a rule that cannot be one for the columns that
// there are is refused before the table is made, by its name.
func TestExpectationsArePlanned(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, n INT)")
	for _, tt := range []struct{ check, class, state, mentions string }{
		{"nosuch > 0", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "rule"},
		{"nosuch > 0", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "`id`"},
		{"id + 1", "INVALID_EXPECTATION", "42000", "INT"},
		{"'x'", "INVALID_EXPECTATION", "42000", "STRING"},
		{"nofunction(id)", "UNRESOLVED_ROUTINE", "42883", "rule"},
	} {
		for _, create := range []string{"STREAMING TABLE t (CONSTRAINT rule EXPECT (%)) AS SELECT * FROM STREAM src", "MATERIALIZED VIEW t (CONSTRAINT rule EXPECT (%)) AS SELECT * FROM src"} {
			err := w.fails("CREATE "+strings.Replace(create, "%", tt.check, 1), tt.class, tt.state)
			if !strings.Contains(err.Error(), tt.mentions) || strings.Contains(err.Error(), "pos 1)") {
				t.Errorf("%s: %v; want %s in it", tt.check, err, tt.mentions)
			}
			w.fails("SELECT * FROM t", "TABLE_OR_VIEW_NOT_FOUND", "42P01")
		}
	}
	w.rows("CREATE STREAMING TABLE t (CONSTRAINT rule EXPECT (ID IS NOT NULL AND n > 0)) AS SELECT * FROM STREAM src")
}
