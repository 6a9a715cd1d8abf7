package materialized_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/materialized"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// columns of all sources of the tests.
var columns = schema.New(schema.Col("id", schema.Integer), schema.Col("k", schema.String), schema.Col("v", schema.Integer), schema.Col("x", schema.Double))

// lake is two tables, and a view over them.
type lake struct {
	*testing.T
	tables map[string]*delta.Table
	// shaped and definition are those of the view.
	shaped     bool
	definition string
}

func newLake(t *testing.T) *lake {
	t.Helper()
	l := &lake{T: t, tables: map[string]*delta.Table{}, definition: "of the view"}
	for _, name := range []string{"src", "other"} {
		l.tables[name] = delta.NewTable(mem.New(nil), delta.Options{})
		l.commit(name, func(tx *delta.Transaction) {
			tx.SetMetadata(delta.Metadata{Schema: columns, Configuration: map[string]string{"delta.enableDeletionVectors": "true"}})
		})
		l.commit(name, adding("one"), adding("two"))
	}
	return l
}

// commit changes a table.
func (l *lake) commit(name string, changes ...func(*delta.Transaction)) {
	l.Helper()
	table := l.tables[name]
	base, err := table.Snapshot(l.Context())
	if err != nil {
		base = nil // there is no table yet
	}
	tx := table.Begin(base)
	for _, change := range changes {
		change(tx)
	}
	if _, err := tx.Commit(l.Context(), delta.CommitInfo{Operation: "WRITE"}); err != nil {
		l.Fatal(err)
	}
}

func adding(file string) func(*delta.Transaction) {
	return func(tx *delta.Transaction) {
		tx.Add(delta.AddFile{Path: file, Size: 1, DataChange: true, Stats: `{"numRecords":9}`})
	}
}

func removing(file string) func(*delta.Transaction) {
	return func(tx *delta.Transaction) { tx.Remove(delta.RemoveFile{Path: file, DataChange: true}) }
}

// deleting deletes a row of a file, which stays.
func deleting(file string) func(*delta.Transaction) {
	return func(tx *delta.Transaction) {
		tx.Remove(delta.RemoveFile{Path: file, DataChange: true})
		tx.Add(delta.AddFile{
			Path: file, Size: 1, DataChange: true, Stats: `{"numRecords":9,"tightBounds":false}`,
			DeletionVector: &delta.DeletionVector{StorageType: "i", PathOrInlineDV: "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", SizeInBytes: 40, Cardinality: 1},
		})
	}
}

// view opens the view of a query over the tables as they are; rows is its
// table, nil when there is none.
func (l *lake) view(query string, rows *delta.Table) *materialized.View {
	l.Helper()
	q, err := sql.ParseQuery(query)
	if err != nil {
		l.Fatal(err)
	}
	v := &materialized.View{Query: q, Definition: l.definition, Location: "/view", Shaped: l.shaped}
	if rows != nil {
		if v.Rows, err = rows.Snapshot(l.Context()); err != nil {
			l.Fatal(err)
		}
	}
	for name, table := range l.tables {
		at, err := table.Snapshot(l.Context())
		if err != nil {
			l.Fatal(err)
		}
		if strings.Contains(query, name) {
			v.Read(name, table, at)
		}
	}
	return v
}

// refreshed returns the table of a view that was just refreshed, and has the
// given columns.
func (l *lake) refreshed(query string, fields *schema.Struct) *delta.Table {
	l.Helper()
	table := delta.NewTable(mem.New(nil), delta.Options{})
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: fields, Configuration: map[string]string{materialized.DefinitionProperty: l.definition}})
	l.record(query, 0, tx)
	return table
}

// refresh refreshes a view's table again.
func (l *lake) refresh(query string, rows *delta.Table) {
	l.Helper()
	base, err := rows.Snapshot(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	l.record(query, base.Version()+1, rows.Begin(base))
}

// record commits a refresh, which makes a version of the view's table.
func (l *lake) record(query string, version int64, tx *delta.Transaction) {
	l.Helper()
	l.view(query, nil).Record(version, tx)
	if _, err := tx.Commit(l.Context(), delta.CommitInfo{Operation: "REFRESH"}); err != nil {
		l.Fatal(err)
	}
}

func (l *lake) plan(v *materialized.View, full bool) *materialized.Plan {
	l.Helper()
	plan, err := v.Plan(l.Context(), full)
	if err != nil {
		l.Fatal(err)
	}
	return plan
}

// TestTechniques: the shape of a query decides what becomes of rows that were
// added to its tables, and the plan says why.
func TestTechniques(t *testing.T) {
	t.Parallel()
	const appends, merges, anew = materialized.AppendOnly, materialized.Aggregate, materialized.Recompute
	names := func(names ...string) *schema.Struct {
		s := schema.New()
		for _, name := range names {
			s.Fields = append(s.Fields, schema.Col(name, schema.Long))
		}
		return s
	}
	for _, c := range []struct{ query, technique, why string }{
		{"SELECT id, upper(k) AS a FROM src WHERE v > 5", appends, ""},
		{"SELECT id FROM src UNION ALL SELECT id FROM other", appends, ""},
		{"SELECT id FROM (SELECT id FROM src WHERE v > 5)", appends, ""},
		{"SELECT k AS a, count(*) AS b FROM src GROUP BY k", merges, ""},
		{"SELECT k AS a, sum(v) AS b FROM src GROUP BY 1", merges, ""},
		{"SELECT k || 'x' AS a, min(v) AS b FROM src GROUP BY a", merges, ""},
		{"SELECT k AS a, count_if(v > 1) AS b FROM src GROUP BY ALL", merges, ""},
		{"SELECT k AS a, max(v) FILTER (WHERE id > 1) AS b FROM src GROUP BY k", merges, ""},
		{"SELECT max(v) AS a FROM src", merges, ""},
		{"SELECT upper(k) AS k, count(*) AS b FROM src GROUP BY k", anew, "the key k is not among its columns"},
		{"SELECT k AS a, count(*) AS b FROM src GROUP BY ROLLUP (k)", anew, "is not among its columns"},
		{"SELECT k AS a, count(*) AS b FROM src GROUP BY k WITH CUBE", anew, "is not among its columns"},
		{"SELECT k AS a, avg(v) AS b FROM src GROUP BY k", anew, "avg(v) is neither a key nor a count, sum, min or max"},
		{"SELECT k AS a, count(DISTINCT v) AS b FROM src GROUP BY k", anew, "is neither a key nor"},
		{"SELECT k AS a, count(*) + 1 AS b FROM src GROUP BY ALL", anew, "is neither a key nor an aggregate"},
		{"SELECT k AS a, sum(v) AS b FROM src GROUP BY k HAVING sum(v) > 1", anew, "only aggregates with GROUP BY alone are merged"},
		{"SELECT k AS a, sum(v) AS b FROM src GROUP BY k LIMIT 1", anew, "orders or limits its rows"},
		{"SELECT k AS a, sum((SELECT max(v) FROM other)) AS b FROM src GROUP BY k", anew, "it has subqueries"},
		{"SELECT s.k AS a, sum(o.v) AS b FROM src s JOIN other o ON s.id = o.id GROUP BY s.k", anew, "it joins tables"},
		{"SELECT src.id FROM src JOIN other USING (id)", anew, "The query joins tables"},
		{"SELECT id FROM src, other", anew, "reads other than one table"},
		{"SELECT DISTINCT id FROM src", anew, "is DISTINCT"},
		{"SELECT id FROM src UNION SELECT id FROM other", anew, "has a UNION other than UNION ALL"},
		{"SELECT id FROM src EXCEPT ALL SELECT id FROM other", anew, "has a EXCEPT other than UNION ALL"},
		{"SELECT id FROM src WHERE EXISTS (SELECT 1 FROM other)", anew, "has subqueries"},
		{"SELECT id, sum(v) OVER (ORDER BY id) AS s FROM src", anew, "has window functions"},
		{"SELECT id FROM src QUALIFY row_number() OVER (ORDER BY id) = 1", anew, "has window functions"},
		{"SELECT id FROM src VERSION AS OF 1", anew, "reads a table of another time"},
		{"WITH c AS (SELECT id FROM src) SELECT id FROM c", anew, "has common table expressions"},
		{"SELECT id, rand() AS r FROM src", anew, "calls rand, which gives another value each time"},
		{"SELECT id, current_date AS d FROM src", anew, "current_date, which gives another value each time"},
		{"SELECT id FROM src TABLESAMPLE (10 PERCENT)", anew, "takes a sample"},
		{"SELECT id FROM src UNION ALL SELECT id FROM read_files('/in')", anew, "reads read_files"},
	} {
		l := newLake(t)
		fields := names("a", "b")
		if !strings.Contains(c.query, " AS b") {
			fields = names("a")
		}
		rows := l.refreshed(c.query, fields)
		l.commit("src", adding("three"))
		got := l.plan(l.view(c.query, rows), false)
		if got.Technique != c.technique || !strings.Contains(got.Why, c.why) || (got.Why == "") != (c.why == "") {
			t.Errorf("%s is refreshed by %s: %q\nwant %s: %q", c.query, got.Technique, got.Why, c.technique, c.why)
		}
		added, appended := c.technique != anew, c.technique == appends
		if got.Added != added || got.Append != appended || got.Anew != (c.technique == anew) || got.Query == nil {
			t.Errorf("%s: got %+v", c.query, got)
		}
	}
}

// TestMergedAggregates: sums and counts are added up, as the types they have,
// by the keys that the view has.
func TestMergedAggregates(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	const query = "SELECT k, v > 1 AS big, count(*) AS n, sum(v) AS s, max(x) AS `größte` FROM src GROUP BY k, v > 1"
	rows := l.refreshed(query, schema.New(schema.Col("k", schema.String), schema.Col("big", schema.Boolean), schema.Col("n", schema.Long),
		schema.Col("s", schema.Long), schema.Col("größte", schema.Double)))
	l.commit("src", adding("three"))
	const want = "SELECT k, big, CAST(sum(n) AS BIGINT) AS n, CAST(sum(s) AS BIGINT) AS s, CAST(max(`größte`) AS DOUBLE) AS `größte` " +
		"FROM (SELECT * FROM delta.`/view` VERSION AS OF 0 UNION ALL " + query + ") GROUP BY k, big"
	if got := l.plan(l.view(query, rows), false).Query.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	l.shaped = true
	if got := l.plan(l.view(query, rows), false); got.Technique != materialized.Recompute || !strings.Contains(got.Why, "columns that are declared") {
		t.Errorf("a view with declared columns is refreshed by %s: %s", got.Technique, got.Why)
	}
}

// TestFloatingSums are never added up: they depend on the order of rows.
func TestFloatingSums(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	const query = "SELECT k, sum(x) AS s FROM src GROUP BY k"
	rows := l.refreshed(query, schema.New(schema.Col("k", schema.String), schema.Col("s", schema.Double)))
	l.commit("src", adding("three"))
	if got := l.plan(l.view(query, rows), false); got.Technique != materialized.Recompute || !strings.Contains(got.Why, "floating point") {
		t.Errorf("got %s: %s", got.Technique, got.Why)
	}
}

// TestChanges: what has happened to a view's tables, or to the view, decides
// whether the rows that it has are of use.
func TestChanges(t *testing.T) {
	t.Parallel()
	const query = "SELECT id FROM src"
	for name, c := range map[string]struct {
		change         func(l *lake, rows *delta.Table)
		full           bool
		technique, why string
	}{
		"nothing":       {func(*lake, *delta.Table) {}, false, materialized.NoOp, "No table that the view reads has changed."},
		"full":          {func(*lake, *delta.Table) {}, true, materialized.Recompute, "A full refresh was asked for."},
		"another table": {func(l *lake, _ *delta.Table) { l.commit("other", adding("three")) }, false, materialized.NoOp, "No table"},
		"rows":          {func(l *lake, _ *delta.Table) { l.commit("src", adding("three")); l.commit("src", adding("four")) }, false, materialized.AppendOnly, ""},
		"removed":       {func(l *lake, _ *delta.Table) { l.commit("src", removing("one")) }, false, materialized.Recompute, "src has had rows changed, or files rewritten."},
		"deleted":       {func(l *lake, _ *delta.Table) { l.commit("src", deleting("one")) }, false, materialized.Recompute, "src has lost rows."},
		"and back": {func(l *lake, _ *delta.Table) {
			l.commit("src", removing("one"))
			l.commit("src", adding("one"), adding("three"))
		}, false, materialized.AppendOnly, ""},
		"columns": {func(l *lake, _ *delta.Table) {
			l.commit("src", func(tx *delta.Transaction) {
				wider := *columns
				wider.Fields = append(slices.Clip(wider.Fields), schema.Col("y", schema.Integer))
				tx.SetMetadata(delta.Metadata{Schema: &wider})
			})
		}, false, materialized.Recompute, "The columns of src have changed."},
		"replaced": {func(l *lake, _ *delta.Table) { l.tables["src"] = newLake(l.T).tables["src"] }, false, materialized.Recompute, "src is another table than before."},
		"replaced, and restored": {func(l *lake, rows *delta.Table) {
			at, err := l.tables["src"].Snapshot(l.Context())
			if err != nil {
				l.Fatal(err)
			}
			was, next := at.Metadata(), at.Metadata()
			next.ID = "another"
			l.commit("src", removing("one"), func(tx *delta.Transaction) { tx.SetMetadata(next) })
			l.refresh(query, rows)
			l.commit("src", adding("one"), func(tx *delta.Transaction) { tx.SetMetadata(was) })
		}, false, materialized.Recompute, "src is another table than before."},
		"refreshed": {func(l *lake, rows *delta.Table) {
			l.commit("src", removing("one"))
			l.refresh(query, rows)
			l.commit("src", adding("three"))
		}, false, materialized.AppendOnly, ""},
		"definition": {func(l *lake, _ *delta.Table) { l.definition = "of another" }, false, materialized.Recompute, "The definition has changed."},
		"the view": {func(l *lake, rows *delta.Table) {
			l.tables["view"] = rows
			l.commit("view", adding("foreign"))
			delete(l.tables, "view")
		}, false, materialized.Recompute, "The table was changed by something else than a refresh."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLake(t)
			rows := l.refreshed(query, schema.New(schema.Col("id", schema.Integer)))
			c.change(l, rows)
			got := l.plan(l.view(query, rows), c.full)
			if got.Technique != c.technique || !strings.HasPrefix(got.Why, c.why) || (got.Why == "") != (c.why == "") {
				t.Errorf("got %s: %q\nwant %s: %q", got.Technique, got.Why, c.technique, c.why)
			}
		})
	}
}

// TestAddedFiles are those that no refresh has read.
func TestAddedFiles(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	const query = "SELECT id FROM src"
	rows := l.refreshed(query, schema.New(schema.Col("id", schema.Integer)))
	l.commit("src", adding("three"))
	v := l.view(query, rows)
	if v.Sources["src"].Added() != nil {
		t.Error("files are chosen before there is a plan")
	}
	l.plan(v, false)
	for file, want := range map[string]bool{"one": false, "two": false, "three": true} {
		if got := v.Sources["src"].Added()(delta.AddFile{Path: file}); got != want {
			t.Errorf("%s is added: %t, want %t", file, got, want)
		}
	}
}

// TestSteady: a query is steady when its rows depend on its tables alone.
func TestSteady(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	for query, want := range map[string]bool{
		"SELECT id FROM src":                                true,
		"SELECT id, explode(array(1, 2)) AS e FROM src":     true,
		"SELECT id FROM src LATERAL VIEW explode(k) t AS e": true,
		"SELECT id, now() AS n FROM src":                    false,
		"SELECT id, current_user() AS n FROM src":           false,
		"SELECT id FROM src WHERE rand() < 0.5":             false,
		"SELECT * FROM json.`/in`":                          false,
		"SELECT * FROM delta.`/in`":                         true,
		"SELECT id FROM range(5)":                           true,
		"SELECT id FROM event_log(TABLE(src))":              false,
	} {
		if got := l.view(query, nil).Steady(); got != want {
			t.Errorf("%s is steady: %t, want %t", query, got, want)
		}
	}
}
