package trial_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// reading is a row of a stream. Pointers are nil where it is NULL.
type reading struct {
	id int
	k  *string
	n  *int
	ts *time.Time
}

// readingColumns are those that the grammar computes with.
var readingColumns = []column{{"k", text}, {"n", integer}, {"d", decimal}}

// schemaOfReadings is what a stream reads of its files.
const schemaOfReadings = "id BIGINT, k STRING, n INT, d DECIMAL(10,2), ts TIMESTAMP"

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// json writes the row; its decimal follows from its number.
func (r reading) json() string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"id":%d`, r.id)
	if r.k != nil {
		fmt.Fprintf(&b, `,"k":%q`, *r.k)
	}
	if r.n != nil {
		fmt.Fprintf(&b, `,"n":%d,"d":%d.25`, *r.n, *r.n)
	}
	if r.ts != nil {
		fmt.Fprintf(&b, `,"ts":%q`, r.ts.Format(time.RFC3339))
	}
	return b.String() + "}\n"
}

// readings returns random rows, whose times go on with the numbers.
func (w *workspace) readings(first, n int) []reading {
	list := make([]reading, n)
	for i := range list {
		r := reading{id: first + i}
		if !w.chance(8) {
			k := oneOf(w.Rand, "a", "b", "c", "d", "zoë")
			r.k = &k
		}
		if !w.chance(8) {
			v := w.IntN(6)
			r.n = &v
		}
		if !w.chance(12) {
			ts := dawn.Add(time.Duration(3*r.id+w.IntN(40)) * time.Minute)
			r.ts = &ts
		}
		list[i] = r
	}
	return list
}

// streamWorld is a streaming table, and the rows that have come for it.
type streamWorld struct {
	*workspace
	files [][]reading
	rows  int
	table bool // they come through a table
}

// arrive brings so many files with rows.
func (w *streamWorld) arrive(files int) {
	w.t.Helper()
	for range files {
		rows := w.readings(w.rows, w.IntN(12))
		w.rows += len(rows)
		text := ""
		for _, r := range rows {
			text += r.json()
		}
		path := filepath.Join(w.in, fmt.Sprintf("%03d.json", len(w.files)))
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			w.t.Fatal(err)
		}
		if w.table {
			w.run("INSERT INTO src SELECT * FROM read_files('" + path + "', format => 'json', schema => '" + schemaOfReadings + "')")
		}
		w.files = append(w.files, rows)
	}
}

// source returns the stream, and the same rows at rest.
func (w *streamWorld) source() (stream, rest string) {
	limit := oneOf(w.Rand, 1, 1, 2, 3)
	if w.table {
		return fmt.Sprintf("STREAM src WITH (maxFilesPerTrigger = %d)", limit), "src"
	}
	options := "format => 'json', schema => '" + schemaOfReadings + "'"
	return fmt.Sprintf("STREAM read_files('$IN', %s, maxFilesPerTrigger => %d)", options, limit), "read_files('$IN', " + options + ")"
}

// refreshes runs a statement that refreshes the table, again and again, while
// files arrive and processes die.
func (w *streamWorld) refreshes(text string) {
	w.t.Helper()
	for range 3 {
		for w.chance(2) {
			w.interrupted(text)
		}
		w.run(text)
		w.arrive(w.IntN(4))
		text = oneOf(w.Rand, text, "REFRESH TABLE result")
	}
	w.run(text)
}

// TestStreams: in whatever batches rows come, and however often a refresh is
// interrupted, a query over a stream leaves what the same query gives over the
// rows at rest.
func TestStreams(t *testing.T) {
	t.Parallel()
	eachSeed(t, 6, func(t *testing.T, seed uint64) {
		t.Helper()
		w := &streamWorld{workspace: newWorkspace(t, seed), table: seed%2 == 0}
		w.run("CREATE TABLE dim (k STRING, name STRING, w INT); INSERT INTO dim VALUES ('a', 'one', 1), ('b', 'two', 2), ('b', 'two again', NULL), (NULL, 'none', 3)")
		if w.table {
			w.run("CREATE TABLE src (" + schemaOfReadings + ")")
		}
		w.arrive(1 + w.IntN(4))
		stream, rest := w.source()
		query := w.streamQuery()
		w.refreshes("CREATE OR REFRESH STREAMING TABLE result AS " + strings.ReplaceAll(query, "$S", stream))
		w.same("SELECT * FROM result", strings.ReplaceAll(query, "$S", rest))
	})
}

// streamQuery returns a query over the stream $S.
func (w *streamWorld) streamQuery() string {
	g := &grammar{Rand: w.Rand}
	from, scope := "$S s", relation{columns: readingColumns}.named("s")
	switch w.IntN(5) {
	case 0:
		dim := relation{columns: []column{{"k", text}, {"name", text}, {"w", integer}}}
		from = "$S s " + oneOf(w.Rand, "JOIN", "LEFT JOIN") + " dim ON s.k = dim.k" + oneOf(w.Rand, "", " AND s.n > dim.w")
		scope = append(scope, dim.named("dim")...)
	case 1:
		q, made := g.selection(from, scope, g.kindsOf(3), 0)
		from, scope = "("+q+") q", relation{columns: made}.named("q")
	case 2:
		one, made := g.selection("$S s", scope, []kind{text, integer, decimal}, 0)
		other, _ := g.selection("$S s", scope, []kind{text, integer, decimal}, 0)
		from, scope = "("+one+" UNION ALL "+other+") q", relation{columns: made}.named("q")
	}
	if w.chance(5) {
		q, _ := g.selection(from, scope, g.kindsOf(1+w.IntN(3)), 0)
		return oneOf(w.Rand, strings.Replace(q, "SELECT", "SELECT DISTINCT", 1), q)
	}
	return w.streamGroups(g, from, scope)
}

// streamGroups returns a query with the aggregates that can be kept up to date
// as rows come.
func (w *streamWorld) streamGroups(g *grammar, from string, scope []column) string {
	var items, keys []string
	for i := range w.IntN(3) {
		e := g.expr(scope, oneOf(w.Rand, integer, text, boolean, decimal), 1)
		if strings.Contains(e, ".") && !strings.HasPrefix(e, "CAST(") {
			keys = append(keys, e)
			if !w.chance(8) {
				items = append(items, e+" AS k"+fmt.Sprint(i))
			}
		}
	}
	for i := range 1 + w.IntN(3) {
		k := oneOf(w.Rand, integer, decimal)
		call := oneOf(w.Rand, "count(*)", "count("+g.expr(scope, k, 1)+")", "sum("+g.expr(scope, k, 1)+")", "avg("+g.expr(scope, k, 1)+")",
			"min("+g.expr(scope, text, 1)+")", "max("+g.expr(scope, k, 1)+")", "count_if("+g.expr(scope, boolean, 1)+")",
			"bool_or("+g.expr(scope, boolean, 1)+")", "array_sort(collect_set("+g.expr(scope, text, 1)+"))", "sum("+g.expr(scope, integer, 0)+") + count(*)")
		items = append(items, call+" AS a"+fmt.Sprint(i))
	}
	q := "SELECT " + strings.Join(items, ", ") + " FROM " + from + g.where(scope, 0)
	if len(keys) > 0 {
		q += " GROUP BY " + strings.Join(keys, ", ")
	}
	if w.chance(6) {
		q += " HAVING count(*) " + oneOf(w.Rand, "> 1", "< 4")
	}
	return q
}
