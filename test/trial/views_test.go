package trial_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/object/local"
)

// TestViews: whatever happens to the tables that a materialized view reads,
// after a refresh it has the rows and columns that its query gives, by
// whichever way they came there; and all ways come up.
func TestViews(t *testing.T) {
	t.Parallel()
	ways := map[string]int{}
	eachSeed(t, 6, func(t *testing.T, seed uint64) {
		t.Helper()
		w := newViewWorld(t, seed)
		for range 4 {
			list := changes
			if w.chance(2) {
				list = insertions
			}
			for range 1 + w.IntN(3) {
				w.change(oneOf(w.Rand, list...))
			}
			if w.chance(4) {
				w.open(local.New("/"))
			}
			w.refresh()
		}
		for _, v := range w.views {
			_, rows := w.run("SELECT operationParameters.technique FROM (DESCRIBE HISTORY " + v.name + ")")
			for _, way := range rows {
				ways[strings.TrimPrefix(way, "MAINTENANCE_TYPE_")]++
			}
		}
	})
	t.Logf("views were refreshed by %v", ways)
	if *replay == 0 && (ways["APPEND_ONLY"] == 0 || ways["GROUP_AGGREGATE"] == 0 || ways["COMPLETE_RECOMPUTE"] == 0) {
		t.Error("some way never came up")
	}
}

// viewWorld are tables that change, and views over them.
type viewWorld struct {
	*workspace
	tables []string
	views  []madeView
	next   int // number of what is made next
}

// madeView is a view, and the query that it is to have the rows of.
type madeView struct{ name, query string }

// columns of all tables of a trial.
var columns = []column{{"i", integer}, {"k", text}, {"d", decimal}, {"x", double}, {"b", boolean}}

func newViewWorld(t *testing.T, seed uint64) *viewWorld {
	t.Helper()
	w := &viewWorld{workspace: newWorkspace(t, seed), tables: []string{"t0", "t1"}}
	g := &grammar{Rand: w.Rand}
	for _, table := range w.tables {
		w.run("CREATE TABLE " + table + " (i INT, k STRING, d DECIMAL(10,2), x DOUBLE, b BOOLEAN) TBLPROPERTIES (" + w.properties() + ")")
		g.relations = append(g.relations, relation{table, columns})
		if !w.chance(6) {
			w.run("INSERT INTO " + table + " VALUES " + w.values(1+w.IntN(6)))
		}
	}
	w.run("CREATE VIEW plain AS SELECT i, upper(k) AS k, x FROM t0 WHERE i > 1 OR i IS NULL")
	g.relations = append(g.relations, relation{"plain", []column{{"i", integer}, {"k", text}, {"x", double}}})
	for i := range 6 {
		query, made := g.query(2)
		v := madeView{fmt.Sprintf("v%d", i), query}
		w.run("CREATE MATERIALIZED VIEW " + v.name + " AS " + v.query)
		w.views = append(w.views, v)
		if w.chance(3) { // views over views
			g.relations = append(g.relations, relation{v.name, made})
		}
	}
	w.compare()
	return w
}

// properties are those of a table.
func (w *viewWorld) properties() string {
	list := []string{fmt.Sprintf("'delta.enableTypeWidening' = '%t'", w.chance(2))}
	for _, name := range []string{"delta.enableDeletionVectors", "delta.enableChangeDataFeed", "delta.enableRowTracking"} {
		list = append(list, fmt.Sprintf("'%s' = '%t'", name, w.chance(2)))
	}
	if w.chance(3) {
		list = append(list, "'delta.columnMapping.mode' = 'name'")
	}
	return strings.Join(list, ", ")
}

// values returns n random rows as text.
func (w *viewWorld) values(n int) string {
	g := &grammar{Rand: w.Rand}
	rows := make([]string, n)
	for i := range rows {
		cells := make([]string, len(columns))
		for j, c := range columns {
			cells[j] = "NULL"
			if !w.chance(6) {
				cells[j] = g.literal(c.kind)
			}
		}
		rows[i] = "(" + strings.Join(cells, ", ") + ")"
	}
	return strings.Join(rows, ", ")
}

// What may happen to a table. $t is the table, $o a table, $r rows, $e a
// condition, $n a number. After insertions alone, views may do with less than
// computing everything again.
var (
	insertions = []string{
		"INSERT INTO $t (i, k, d, x, b) VALUES $r",
		"INSERT INTO $t (i, k, d, x, b) SELECT i, k, d, x, b FROM $o WHERE $e",
		"INSERT INTO $t (i, k, d, x, b) SELECT i, k, d, x, b FROM $t WHERE false",
		"MERGE INTO $t USING (SELECT i, max(k) AS k FROM $o WHERE i IS NOT NULL GROUP BY i) s ON $t.i = s.i WHEN NOT MATCHED THEN INSERT (i, k) VALUES (s.i, s.k)",
		"ALTER TABLE $t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')",
	}
	changes = []string{
		"INSERT INTO $t (i, k, d, x, b) VALUES $r",
		"UPDATE $t SET i = i + 1, k = upper(k) WHERE $e",
		"DELETE FROM $t WHERE $e",
		"MERGE INTO $t USING (SELECT i, max(k) AS k FROM $o WHERE i IS NOT NULL GROUP BY i) s ON $t.i = s.i " +
			"WHEN MATCHED AND s.i % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET k = s.k WHEN NOT MATCHED THEN INSERT (i, k) VALUES (s.i, s.k)",
		"OPTIMIZE $t",
		"OPTIMIZE $t ZORDER BY (i)",
		"REORG TABLE $t APPLY (PURGE)",
		"ALTER TABLE $t ADD COLUMN n$n INT",
		"ALTER TABLE $t SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')",
		"ALTER TABLE $t SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'false')",
		"ALTER TABLE $t SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true'); ALTER TABLE $t ALTER COLUMN i TYPE BIGINT",
		"RESTORE TABLE $t TO VERSION AS OF 1",
		"INSERT OVERWRITE $t (i, k, d, x, b) VALUES $r",
		"INSERT INTO $t BY NAME REPLACE WHERE i = 3 SELECT 3 AS i, 'c' AS k",
		"CREATE OR REPLACE TABLE $t AS SELECT i, k, d, x, b FROM $o",
		"TRUNCATE TABLE $t",
		"VACUUM $t",
	}
)

// change changes a random table.
func (w *viewWorld) change(how string) {
	w.t.Helper()
	w.next++
	g := &grammar{Rand: w.Rand}
	w.run(strings.NewReplacer("$t", oneOf(w.Rand, w.tables...), "$o", oneOf(w.Rand, w.tables...), "$r", w.values(1+w.IntN(3)), "$n", fmt.Sprint(w.next),
		"$e", g.expr(columns, boolean, 2)).Replace(how))
}

// refresh refreshes all views, those first that others read, and compares
// them; or some of them alone, and none.
func (w *viewWorld) refresh() {
	w.t.Helper()
	some := w.chance(4)
	for _, v := range w.views {
		switch {
		case some && w.chance(2):
		case w.chance(20):
			w.run("REFRESH MATERIALIZED VIEW " + v.name + " FULL")
		default:
			w.run("REFRESH MATERIALIZED VIEW " + v.name)
		}
	}
	if !some {
		w.compare()
	}
}

// compare compares all views with their queries.
func (w *viewWorld) compare() {
	w.t.Helper()
	for _, v := range w.views {
		w.same("SELECT * FROM "+v.name, v.query)
	}
}
