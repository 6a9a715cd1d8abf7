package session_test

import (
	"fmt"
	"strings"
	"testing"
)

// A limit on the length of values says where one is too long.
func TestValueBeyondItsLimit(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id INT, v STRING)")
	w.file("a.csv", "id,v\n1,a\n2,"+strings.Repeat("x", 1000)+"\n")
	w.refuses("t", "INSERT INTO t SELECT id, v FROM read_files('$IN', format => 'csv', header => true, maxCharsPerColumn => '100', mode => 'FAILFAST')",
		oversized.mentioning("IN/a.csv", "line 3", "longer than 100 characters (option maxCharsPerColumn)").at(w))
}

// wideCSV returns a header and a record of n columns.
func wideCSV(n int) string {
	var head, record strings.Builder
	for i := range n {
		if i > 0 {
			head.WriteByte(',')
			record.WriteByte(',')
		}
		fmt.Fprintf(&head, "c%d", i)
		fmt.Fprintf(&record, "%d", i)
	}
	return head.String() + "\n" + record.String() + "\n"
}

func wideJSON(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString([]string{",", "{"}[min(1, max(0, 1-i))])
		fmt.Fprintf(&b, `"c%d":%d`, i, i)
	}
	b.WriteString("}\n")
	return b.String()
}

// 20,000 columns are as many as CSV may have (option maxColumns).
func TestManyColumns(t *testing.T) {
	const columns = 20_000
	for format, text := range map[string]string{"csv": wideCSV(columns), "json": wideJSON(columns)} {
		t.Run(format, func(t *testing.T) {
			w := newWorkspace(t)
			w.file("a."+format, text)
			options := ""
			if format == "csv" {
				options = " FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true')"
			}
			w.rows("CREATE TABLE t")
			w.want("COPY INTO t FROM '$IN' FILEFORMAT = "+format+options+" COPY_OPTIONS ('mergeSchema' = 'true')", copyResult(1, 0))
			w.want("SELECT c0, c9999, c19999 FROM t", "0|9999|19999")
		})
	}
}

func TestTooManyColumns(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", wideCSV(20_481))
	w.rows("CREATE TABLE t (c0 INT)")
	w.refuses("t", copyCSV, oversized.mentioning("IN/a.csv", "line 1", "more than 20480 values (option maxColumns)").at(w))
}

// Nesting is bounded, since readers of tables recurse: a record that goes
// deeper is malformed.
func TestDeepNesting(t *testing.T) {
	deep := `{"id":1,"v":` + strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000) + "}\n"
	arrays := `{"id":1,"v":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + "}\n"
	open := `{"id":1,"v":` + strings.Repeat(`{"a":`, 10_000)
	for name, text := range map[string]string{"objects": deep, "arrays": arrays, "never closed": open} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			w.file("a.json", "{\"id\":0}\n"+text)
			w.rows("CREATE TABLE t (id BIGINT)")
			w.want("SELECT id, _rescued_data IS NULL FROM read_files('$IN', format => 'json')", "0|true", "NULL|false")
			w.refuses("t", "INSERT INTO t SELECT id FROM read_files('$IN', format => 'json', mode => 'FAILFAST')",
				malformed.mentioning("IN/a.json line 2", "deep").at(w))
			w.want("COPY INTO t FROM '$IN' FILEFORMAT = JSON", copyResult(2, 0))
			w.want("SELECT * FROM t", "0", "NULL")
		})
	}
}
