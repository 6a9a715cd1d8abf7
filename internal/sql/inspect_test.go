package sql_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/sql"
)

func parseQuery(tb testing.TB, text string) *sql.Query {
	tb.Helper()
	q, err := sql.ParseQuery(text)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

func TestColumnNames(t *testing.T) {
	for _, tt := range []struct {
		text, want string
		all        bool
	}{
		{"SELECT a, t.B + 1 FROM t WHERE f(c) > 0 ORDER BY d", "a b c d t", false},
		{"SELECT s.x.y FROM t", "s x y", false},
		{"SELECT count(*) FROM t", "", false},
		{"SELECT count(*) FILTER (WHERE a) FROM t", "a", true},
		{"SELECT * FROM t", "", true},
		{"SELECT t.* FROM t", "", true},
		{"SELECT * EXCEPT (a) FROM t", "a", true},
		{"SELECT a FROM t JOIN u USING (k)", "a k", false},
		{"SELECT a FROM t NATURAL JOIN u", "a", true},
		{"SELECT x FROM t AS q (x, y)", "x", true},
		{"SELECT a FROM (SELECT b AS a FROM t) GROUP BY ALL", "a b", false},
		{"SELECT v:p.q, f(r)[0].g FROM t", "g r v", false},
		{"SELECT a FROM t LATERAL VIEW explode(l) AS e", "a l", false},
		{"SELECT transform(l, x -> x + m) FROM t", "l m x", false},
		{"SELECT x FROM t PIVOT (sum(a) FOR c IN (1))", "a c x", true},
		{"SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t QUALIFY d > 0", "a b c d", false},
	} {
		names, all := sql.ColumnNames(parseQuery(t, tt.text))
		got := strings.Join(slices.Sorted(maps.Keys(names)), " ")
		if got != tt.want || all != tt.all {
			t.Errorf("%s\ngot  %q %v\nwant %q %v", tt.text, got, all, tt.want, tt.all)
		}
	}
}

func TestPlainScan(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT * FROM t":                                 "t",
		"TABLE a.b":                                       "a.b",
		"(SELECT * FROM t AS x)":                          "t AS x",
		"SELECT * FROM t VERSION AS OF 3":                 "t VERSION AS OF 3",
		"SELECT * FROM read_files('/x', format => 'csv')": "read_files('/x', format => 'csv')",
		"SELECT * FROM STREAM read_files('/x')":           "STREAM read_files('/x')",
		"SELECT * FROM t LIMIT 1":                         "",
		"SELECT DISTINCT * FROM t":                        "",
		"SELECT t.* FROM t":                               "",
		"SELECT * EXCEPT (a) FROM t":                      "",
		"SELECT *, 1 FROM t":                              "",
		"SELECT * FROM t, u":                              "",
		"SELECT * FROM t WHERE a":                         "",
		"SELECT * FROM t AS x (a, b)":                     "",
		"SELECT * FROM t TABLESAMPLE (1 ROWS)":            "",
		"SELECT * FROM (SELECT 1)":                        "",
		"SELECT * FROM range(3)":                          "",
		"SELECT * FROM explode(array(1))":                 "",
		"WITH t AS (SELECT 1) SELECT * FROM t":            "",
		"SELECT * FROM t LATERAL VIEW explode(a) AS b":    "",
		"SELECT * FROM t ORDER BY a":                      "",
		"SELECT * FROM t UNION ALL SELECT * FROM u":       "",
		"SELECT * FROM t WINDOW w AS (ORDER BY a)":        "",
		"SELECT * FROM t GROUP BY ALL":                    "",
	} {
		ref, ok := sql.PlainScan(parseQuery(t, text))
		got := ""
		if ok {
			got = ref.String()
		}
		if got != want {
			t.Errorf("%s\ngot  %q\nwant %q", text, got, want)
		}
	}
}

func TestSelectAll(t *testing.T) {
	n, err := sql.ParseName("a.`b c`")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sql.SelectAll(n).String(), "SELECT * FROM a.`b c`"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNamePath(t *testing.T) {
	for text, want := range map[string]string{
		"delta.`/a/b`": "delta /a/b", "PARQUET.`x`": "parquet x", "delta.x": "", "a.`b`": "", "a.delta.`x`": "", "`/x`": "",
	} {
		n, err := sql.ParseName(text)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if format, path, ok := n.Path(); ok {
			got = format + " " + path
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestComplete(t *testing.T) {
	for _, tt := range []struct {
		text     string
		complete bool
	}{
		{"", true},
		{"  -- nothing\n", true},
		{"SELECT 1", false},
		{"SELECT 1;", true},
		{"SELECT 1; -- done", true},
		{"SELECT ';' /* ; */, 2;\nSELECT 3", false},
		{";;SELECT 1;;", true},
		{"SELECT 'open;", false},
		{"SELECT `open;", false},
		{"SELECT 1 /* open;", false},
		{"SELECT #", true},
	} {
		if got := sql.Complete(tt.text); got != tt.complete {
			t.Errorf("%q: complete is %v, want %v", tt.text, got, tt.complete)
		}
	}
}

func TestInspect(t *testing.T) {
	statements, err := sql.Parse("MERGE INTO t USING (SELECT k FROM s WHERE z) s ON t.k = s.k WHEN MATCHED AND c THEN UPDATE SET v = s.v + 1 WHEN NOT MATCHED THEN INSERT (k) VALUES (s.k)")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	sql.Inspect(statements[0], func(n sql.Node) bool {
		if c, ok := n.(*sql.Column); ok {
			got = append(got, c.String())
		}
		_, sub := n.(*sql.Subquery)
		return !sub
	})
	if want := []string{"t.k", "s.k", "c", "v", "s.v", "k", "s.k"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPositions checks what range of the text some nodes have.
func TestPositions(t *testing.T) {
	text := "SELECT a + (b * 2), f(x -> x) OVER w, CASE WHEN c THEN 1 END FROM s.t AS u WHERE d IN (1, 2) -- end"
	got := map[string]bool{}
	sql.Inspect(parseQuery(t, text), func(n sql.Node) bool {
		r := n.Pos()
		got[strings.TrimPrefix(typeName(n), "*sql.")+": "+text[r.Start:r.End]] = true
		return true
	})
	for _, want := range []string{
		"Binary: a + (b * 2)", "Binary: b * 2", "FunctionCall: f(x -> x) OVER w", "Lambda: x -> x", "Case: CASE WHEN c THEN 1 END",
		"When: WHEN c THEN 1", "Table: s.t AS u", "Name: s.t", "Alias: AS u", "In: d IN (1, 2)",
	} {
		if !got[want] {
			t.Errorf("no node is %q", want)
		}
	}
}
