package session_test

import (
	"fmt"
	"strings"
	"testing"
)

// Large files are inferred from their first rows. When later rows contradict
// those, the load begins again with the schema that all rows give, and nothing
// of the first attempt stays.
func TestLateRowsDecideTheSchema(t *testing.T) {
	const rows = 1_500_000
	text := func(row func(i int) string) string {
		var b strings.Builder
		for i := range rows {
			b.WriteString(row(i))
		}
		return b.String()
	}
	for _, tc := range []struct{ name, file, options, text, columns string }{
		{
			"CSV: whole numbers, then a fraction", "a.csv", ", header => true",
			"id,value\n" + text(func(i int) string { return fmt.Sprintf("%d,%d\n", i, i%10) }) + "-1,0.5\n",
			"id INT, value DOUBLE, _rescued_data STRING",
		},
		{
			"JSON: a field that comes late", "a.json", "",
			text(func(i int) string { return fmt.Sprintf("{\"id\":%d}\n", i) }) + `{"id":-1,"value":"x"}` + "\n",
			"id BIGINT, value STRING, _rescued_data STRING",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorkspace(t)
			w.file(tc.file, tc.text)
			create := "CREATE TABLE t AS SELECT * FROM read_files('$IN', format => '" + tc.file[2:] + "'" + tc.options + ")"
			w.want(create, fmt.Sprintf("%d|%d", rows+1, rows+1))
			var columns []string
			for _, row := range w.rows("DESCRIBE t") {
				cells := strings.Split(row, "|")
				columns = append(columns, cells[0]+" "+strings.ToUpper(cells[1]))
			}
			if got := strings.Join(columns, ", "); got != tc.columns {
				t.Errorf("columns are %s, want %s", got, tc.columns)
			}
			w.want("SELECT count(*), count(DISTINCT id), count(_rescued_data) FROM t", fmt.Sprintf("%d|%d|0", rows+1, rows+1))
			w.wantNoStrays("t")
		})
	}
}
