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
	const rows = 300_000
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
			w.sample = 1 << 20
			w.open()
			w.file(tc.file, tc.text)
			read := "read_files('$IN', format => '" + tc.file[2:] + "'" + tc.options + ")"
			w.want("CREATE TABLE t AS SELECT * FROM "+read, fmt.Sprintf("%d|%d", rows+1, rows+1))
			w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM " + read)
			for _, table := range []string{"t", "s"} {
				if got := w.columns(table); got != tc.columns {
					t.Errorf("columns of %s are %s, want %s", table, got, tc.columns)
				}
				w.want("SELECT count(*), count(DISTINCT id), count(_rescued_data) FROM "+table, fmt.Sprintf("%d|%d|0", rows+1, rows+1))
				w.wantNoStrays(table)
			}
		})
	}
}

// columns returns the columns of a table.
func (w *workspace) columns(table string) string {
	w.t.Helper()
	var columns []string
	for _, row := range w.rows("DESCRIBE " + table) {
		cells := strings.Split(row, "|")
		columns = append(columns, cells[0]+" "+strings.ToUpper(cells[1]))
	}
	return strings.Join(columns, ", ")
}

// drifted writes three files of which the last contradicts what the first ones
// show of the schema.
func (w *workspace) drifted() {
	w.sample = 10
	w.open()
	w.file("0.csv", "id,v,when\n1,1,2026-01-01\n2,2,2026-01-02\n")
	w.file("1.csv", "id,v,when\n3,3,2026-01-03\n4,4,2026-01-04\n")
	w.file("2.csv", "when,new,id,v\n2026-01-05 06:07:08,x,5,0.5\n2026-01-06,y,6,6\n")
}

// A guess that did not hold leaves nothing behind: not in a statement that
// fails on malformed records, which a full look finds to be none, and not in a
// query over a stream. A table that is loaded in full again is guessed anew.
func TestGuessThatDoesNotHold(t *testing.T) {
	const columns = "id INT, v DOUBLE, when TIMESTAMP, new STRING, _rescued_data STRING"
	for name, tc := range map[string]struct{ text, columns, rows string }{
		"rows of files":           {"CREATE TABLE t AS SELECT * FROM $READ", columns, "6|16.5"},
		"failing on misfits":      {"CREATE TABLE t AS SELECT * FROM read_files('$IN', format => 'csv', header => true, mode => 'FAILFAST', schemaEvolutionMode => 'none', mergeSchema => true)", "id INT, v DOUBLE, when TIMESTAMP, new STRING", "6|16.5"},
		"stream":                  {"CREATE STREAMING TABLE t AS SELECT * FROM STREAM $READ", columns, "6|16.5"},
		"stream, loaded again":    {"CREATE STREAMING TABLE t AS SELECT * FROM STREAM $READ; REFRESH TABLE t FULL", columns, "6|16.5"},
		"stream, and a query":     {"CREATE STREAMING TABLE t AS SELECT id, v * 2 AS v FROM STREAM $READ WHERE id <> 9", "id INT, v DOUBLE", "6|33"},
		"stream, rows passed by":  {"CREATE STREAMING TABLE t AS SELECT id, v FROM STREAM $READ WHERE false", "id INT, v DOUBLE", "0|NULL"},
		"stream, columns given":   {"CREATE STREAMING TABLE t (id BIGINT, v FLOAT) AS SELECT id, CAST(v AS FLOAT) AS v FROM STREAM $READ", "id BIGINT, v FLOAT", "6|16.5"},
		"stream, batches of one":  {"CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true, maxFilesPerTrigger => 1)", columns, "6|16.5"},
		"stream, and aggregation": {"CREATE STREAMING TABLE t AS SELECT sum(v) AS id, sum(v) AS v FROM STREAM $READ", "id DOUBLE, v DOUBLE", "1|16.5"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			w.drifted()
			w.rows(strings.ReplaceAll(tc.text, "$READ", "read_files('$IN', format => 'csv', header => true)"))
			if got := w.columns("t"); got != tc.columns {
				t.Errorf("columns are %s, want %s", got, tc.columns)
			}
			w.want("SELECT count(*), sum(v) FROM t", tc.rows)
			if !strings.Contains(tc.text, "FULL") {
				w.wantNoStrays("t")
			}
		})
	}
}

// A first load whose guess does not hold may die anywhere: the next one ends
// with the columns and rows of a load that was not disturbed.
func TestGuessUnderCrashes(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.drifted()
	w.trial(faulted{
		text: "CREATE OR REFRESH STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'csv', header => true)",
	}).refreshUnderCrashes(t, 16)
}
