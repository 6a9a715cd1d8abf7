package session_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// newMixed makes a table of several files, with columns of every type that
// statistics tell something of, nulls, NaN and long texts.
func newMixed(w *workspace, rng *rand.Rand) {
	w.run(`CREATE TABLE t (i INT, l BIGINT, d DOUBLE, f FLOAT, s STRING, day DATE, ts TIMESTAMP, ntz TIMESTAMP_NTZ, m DECIMAL(9,2), b BOOLEAN,
		r STRUCT<x: INT, y: STRING>, p STRING) USING DELTA PARTITIONED BY (p)`)
	for range 8 {
		base := rng.IntN(40)
		var rows []string
		for range 1 + rng.IntN(4) {
			n := base + rng.IntN(6)
			values := []string{
				fmt.Sprint(n), fmt.Sprintf("%dL", n*1000), []string{"DOUBLE 'NaN'", fmt.Sprintf("%d.5D", n), fmt.Sprintf("%dD", n)}[rng.IntN(3)],
				fmt.Sprintf("CAST(%d.25 AS FLOAT)", n), fmt.Sprintf("'%s%02d'", strings.Repeat("k", 30*rng.IntN(2)), n),
				fmt.Sprintf("date_add(DATE'2024-01-01', %d)", n), fmt.Sprintf("timestamp'2024-01-01 22:30:00.123456' + interval %d hours", n*7),
				fmt.Sprintf("timestamp_ntz'2024-01-01 22:30:00.123456' + interval %d hours", n*7), fmt.Sprintf("%d.10BD", n),
				[]string{"true", "false"}[n%2], fmt.Sprintf("named_struct('x', %d, 'y', 'v%d')", n, n), fmt.Sprintf("'p%d'", n%4),
			}
			for i := range values {
				if rng.IntN(9) == 0 {
					values[i] = "NULL"
				}
			}
			values[2] = strings.Replace(values[2], "DOUBLE 'NaN'", "CAST('NaN' AS DOUBLE)", 1)
			rows = append(rows, "("+strings.Join(values, ", ")+")")
		}
		w.run("INSERT INTO t VALUES " + strings.Join(rows, ", "))
	}
}

// condition returns a random condition on the table of [newMixed].
func condition(rng *rand.Rand, depth int) string {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	if depth > 0 {
		switch rng.IntN(5) {
		case 0, 1:
			return "(" + condition(rng, depth-1) + " AND " + condition(rng, depth-1) + ")"
		case 2:
			return "(" + condition(rng, depth-1) + " OR " + condition(rng, depth-1) + ")"
		case 3:
			return "NOT (" + condition(rng, depth-1) + ")"
		}
	}
	n := rng.IntN(50)
	operands := [][2]string{
		{"i", fmt.Sprint(n)},
		{"t.I", fmt.Sprintf("%d.5", n)},
		{"i", fmt.Sprintf("%d.5D", n)},
		{"i", fmt.Sprintf("'%d'", n)},
		{"l", fmt.Sprint(n * 1000)},
		{"d", fmt.Sprintf("%d.5", n)},
		{"d", fmt.Sprint(n)},
		{"f", fmt.Sprintf("%d.25D", n)},
		{"f", fmt.Sprintf("%d.1", n)},
		{"s", fmt.Sprintf("'%02d'", n)},
		{"s", fmt.Sprintf("'%s%02d'", strings.Repeat("k", 30), n)},
		{"day", fmt.Sprintf("DATE'2024-01-01' + %d", n)},
		{"day", "'2024-01-20'"},
		{"day", "timestamp'2024-01-15 12:00:00'"},
		{"ts", fmt.Sprintf("timestamp'2024-01-01 22:30:00.123456' + interval %d hours", n*7)},
		{"ts", "'2024-01-05 03:00:00'"},
		{"ts", "DATE'2024-01-07'"},
		{"CAST(ts AS DATE)", fmt.Sprintf("DATE'2024-01-01' + %d", n/3)},
		{"date(ntz)", "'2024-01-05'"},
		{"ntz", "timestamp_ntz'2024-01-05 03:00:00'"},
		{"m", fmt.Sprintf("%d.10", n)},
		{"m", fmt.Sprint(n)},
		{"r.x", fmt.Sprint(n)},
		{"r.y", fmt.Sprintf("'v%d'", n)},
		{"p", fmt.Sprintf("'p%d'", n%5)},
		{"p", "NULL"},
		{"upper(p)", "'P1'"},
	}
	o := operands[rng.IntN(len(operands))]
	switch rng.IntN(10) {
	case 0:
		return o[0] + pick(" IS NULL", " IS NOT NULL")
	case 1:
		return o[0] + pick(" IN (", " NOT IN (") + o[1] + pick(", NULL)", ")", ", "+o[1]+")")
	case 2:
		return o[0] + pick(" BETWEEN ", " NOT BETWEEN ") + o[1] + " AND " + o[1]
	case 3:
		return o[1] + pick(" = ", " < ", " >= ") + o[0]
	case 4:
		return pick("b", "NOT b", "b IS TRUE", "b IS NOT TRUE", "b = false", "s LIKE 'kkk%'", "s LIKE '1%'", "s NOT LIKE '1%'", "(i > 10) IS FALSE", "i <=> NULL")
	}
	return o[0] + pick(" = ", " <> ", " < ", " <= ", " > ", " >= ", " <=> ", " IS DISTINCT FROM ") + o[1]
}

// A condition gives the same rows whether the scan leaves files out by it or
// not: a LIMIT below it keeps it from the scan.
func TestFileSkippingLosesNoRows(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	w := newWorkspace(t)
	newMixed(w, rng)
	skipped := 0
	for i := range 100 {
		if i == 50 {
			w.run("SET TIME ZONE 'America/New_York'")
		}
		where := condition(rng, rng.IntN(3))
		const columns = "i, l, d, s, day, ts, p"
		got, err := w.try("SELECT " + columns + " FROM t WHERE " + where)
		want, wantErr := w.try("SELECT " + columns + " FROM (SELECT * FROM t LIMIT 100000) t WHERE " + where)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("WHERE %s: error %v, without skipping %v", where, err, wantErr)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("WHERE %s\n got %q\nwant %q", where, got, want)
		}
		if err == nil && !strings.Contains(w.scans("SELECT i FROM t WHERE " + where)[0], "8 of 8") {
			skipped++
		}
	}
	if skipped < 25 {
		t.Errorf("files were skipped for %d conditions of 100", skipped)
	}
}

// TestConditionsAboveQueries: what a condition says of a query's result is said
// of the tables below only where that changes nothing: each query over tables
// of many files gives what it gives over tables of one file without
// statistics.
func TestConditionsAboveQueries(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	rng := rand.New(rand.NewPCG(11, 11))
	const one = " TBLPROPERTIES ('delta.dataSkippingNumIndexedCols' = '0')"
	w.run("CREATE TABLE a1 (k INT, v INT, s STRUCT<v: INT>)" + one + "; CREATE TABLE b1 (k INT, w INT)" + one + "; CREATE TABLE a (k INT, v INT, s STRUCT<v: INT>); CREATE TABLE b (k INT, w INT)")
	value := func() string { return []string{"NULL", "1", "2", "3", "4"}[rng.IntN(5)] }
	for range 9 {
		var left, right []string
		for range 2 {
			left = append(left, "("+value()+", "+value()+", named_struct('v', "+value()+"))")
			right = append(right, "("+value()+", "+value()+")")
		}
		w.run("INSERT INTO a VALUES " + strings.Join(left, ", ") + "; INSERT INTO b VALUES " + strings.Join(right, ", "))
	}
	w.run("INSERT INTO a1 SELECT * FROM a; INSERT INTO b1 SELECT * FROM b")
	conditions := []string{
		"v = 2", "v > 3", "k = 1 AND v < 3", "v IS NULL", "k <=> NULL", "NOT (v = 2)", "v IS DISTINCT FROM 3", "k IN (1, NULL)", "coalesce(v, 1) = 1", "v = 4 OR k = 4",
	}
	for _, inner := range []string{
		"SELECT k, v FROM a$",
		"SELECT DISTINCT k, v FROM a$",
		"SELECT DISTINCT ON (k) k, v FROM a$ ORDER BY k, v",
		"SELECT k, max(v) AS v FROM a$ GROUP BY k",
		"SELECT max(k) AS k, min(v) AS v FROM a$",
		"SELECT v AS k, k AS v FROM a$",
		"SELECT k + 1 AS k, v FROM a$",
		"SELECT k, s.v FROM a$",
		"SELECT k, s.v AS v FROM a$ a",
		"SELECT * FROM (SELECT k, v FROM a$ ORDER BY k NULLS LAST, v NULLS FIRST LIMIT 4)",
		"SELECT * FROM (SELECT k, v FROM a$ ORDER BY k, v OFFSET 5)",
		"SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) AS v FROM a$",
		"SELECT k, lag(v) OVER w AS v FROM a$ WINDOW w AS (ORDER BY k, v)",
		"SELECT k, v FROM a$ QUALIFY row_number() OVER (PARTITION BY k ORDER BY v) = 1",
		"SELECT k, v FROM a$ UNION ALL SELECT w, k FROM b$",
		"SELECT k, v FROM a$ EXCEPT SELECT k, w FROM b$",
		"SELECT k, v FROM a$ INTERSECT SELECT k, w FROM b$",
		"SELECT k, e AS v FROM a$ LATERAL VIEW OUTER explode(array(v, 2)) x AS e",
		"SELECT k, explode(array(v, 2)) AS v FROM a$",
		"SELECT a.k, w AS v FROM a$ a JOIN b$ b ON a.k = b.k",
		"SELECT a.k, w AS v FROM a$ a LEFT JOIN b$ b ON a.k = b.k",
		"SELECT b.k, v FROM a$ a RIGHT JOIN b$ b ON a.k = b.k AND a.v = 2",
		"SELECT a.k, b.w AS v FROM a$ a FULL JOIN b$ b ON a.k = b.k AND a.v > 1",
		"SELECT k, w AS v FROM a$ FULL JOIN b$ USING (k)",
		"SELECT k, w AS v FROM a$ LEFT JOIN b$ USING (k)",
		"SELECT k, w AS v FROM a$ NATURAL JOIN b$",
		"SELECT k, v FROM a$ a LEFT SEMI JOIN b$ b ON a.k = b.k AND b.w = 2",
		"SELECT k, v FROM a$ a LEFT ANTI JOIN b$ b ON a.k = b.k AND b.w > 2 AND a.v > 2",
		"SELECT k, v FROM a$ a WHERE EXISTS (SELECT 1 FROM b$ b WHERE b.k = a.k AND w > 2)",
		"SELECT k, v FROM a$ WHERE k NOT IN (SELECT k FROM b$ WHERE w = 3 AND k IS NOT NULL)",
		"SELECT k, (SELECT max(w) FROM b$ b WHERE b.k = a.k) AS v FROM a$ a",
		"WITH c AS (SELECT k, v FROM a$), d AS (SELECT k, max(v) AS v FROM c GROUP BY k) SELECT c.k, d.v FROM c JOIN d ON c.k = d.k",
	} {
		for _, condition := range conditions {
			query := "SELECT * FROM (" + inner + ") WHERE " + condition
			many, one := w.rows(strings.ReplaceAll(query, "$", "")), w.rows(strings.ReplaceAll(query, "$", "1"))
			slices.Sort(many)
			slices.Sort(one)
			if !slices.Equal(many, one) {
				t.Errorf("%s\n got %q\nwant %q", query, many, one)
			}
		}
	}
}

// run runs statements that must succeed.
func (w *workspace) run(text string) {
	w.t.Helper()
	if _, err := w.try(text); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
}

// scans returns what EXPLAIN tells of the scans of tables.
func (w *workspace) scans(query string) []string {
	w.t.Helper()
	var scans []string
	for _, row := range w.rows("EXPLAIN " + query) {
		if strings.HasPrefix(row, "Scan ") {
			scans = append(scans, row)
		}
	}
	return scans
}

// Each query reads the files that its conditions leave of each table, and opens
// no other: the others are gone from the disk when it runs.
func TestFilesThatCannotMatchAreNotOpened(t *testing.T) {
	for _, tc := range []struct{ name, query, kept, want string }{
		{"comparison", "SELECT id FROM t WHERE id = 3", "1", "3"},
		{"qualified, another case", "SELECT T.ID FROM t WHERE T.Id = 3", "1", "3"},
		{"full name", "SELECT id FROM default.t WHERE default.t.id = 3", "1", "3"},
		{"conjunct beside what is not understood", "SELECT id FROM t WHERE id >= 8 AND length(v) = 2", "2", "8\n9"},
		{"range", "SELECT id FROM t WHERE id BETWEEN 2 AND 3", "2", "2\n3"},
		{"list", "SELECT id FROM t WHERE id IN (1, 7)", "2", "1\n7"},
		{"partition", "SELECT id FROM t WHERE p = 'b'", "5", "1\n3\n5\n7\n9"},
		{"partition and constant expression", "SELECT id FROM t WHERE lower('B') = p AND id < 1 + 1", "1", "1"},
		{"alias of a view over a view", "SELECT x.n FROM w x WHERE x.n = 4", "1", "4"},
		{"subquery", "SELECT n FROM (SELECT id AS n, v FROM t) WHERE n > 8", "1", "9"},
		{"inner join, on both", "SELECT a.id FROM t a JOIN t b ON a.id = b.id AND b.id = 5 WHERE a.id = 5", "1,1", "5"},
		{"left join", "SELECT a.id, b.id FROM t a LEFT JOIN t b ON b.id = a.id AND b.id > 8 WHERE a.id > 7", "2,1", "8|NULL\n9|9"},
		{"left join, condition after", "SELECT a.id, b.id FROM t a LEFT JOIN t b ON b.id = a.id WHERE a.id > 7 AND b.id < 9", "2,9", "8|8"},
		{"group by", "SELECT p, count(*) FROM t WHERE id < 2 GROUP BY p", "2", "a|1\nb|1"},
		{"in a subquery of a condition", "SELECT 1 WHERE EXISTS (SELECT 1 FROM t WHERE id = 9)", "1", "1"},
		{"common table", "WITH c AS (SELECT id FROM t WHERE id = 6) SELECT * FROM c", "1", "6"},
		{"date of a timestamp", "SELECT id FROM t WHERE date(at) = '2024-03-05'", "3", "4"},
		{"the clock", "SELECT id FROM t WHERE at > current_timestamp() - INTERVAL 100 YEARS AND id = 1", "1", "1"},
		{"never", "SELECT id FROM t WHERE p = NULL", "0", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorkspace(t)
			w.run("CREATE TABLE t (id INT, v STRING, at TIMESTAMP, p STRING) USING DELTA PARTITIONED BY (p)")
			for i := range 10 {
				w.run(fmt.Sprintf("INSERT INTO t VALUES (%d, 'v%d', timestamp'2024-03-%02d 10:00:00', '%c')", i, i, i+1, 'a'+i%2))
			}
			w.run("CREATE VIEW v AS SELECT id, v FROM t; CREATE VIEW w (n) AS SELECT v.id FROM v")
			var kept []string
			for _, scan := range w.scans(tc.query) {
				n, _, _ := strings.Cut(strings.SplitN(scan, ": ", 2)[1], " of ")
				kept = append(kept, n)
			}
			if got := strings.Join(kept, ","); got != tc.kept {
				t.Fatalf("files kept: %s, want %s", got, tc.kept)
			}
			if !strings.Contains(tc.kept, ",") {
				w.keepFiles(tc.query, tc.kept)
			}
			got := w.rows(tc.query)
			slices.Sort(got)
			if strings.Join(got, "\n") != tc.want {
				t.Errorf("rows are %q, want %q", got, tc.want)
			}
		})
	}
}

// keepFiles checks how many files a query needs.
func (w *workspace) keepFiles(query, kept string) {
	w.t.Helper()
	n, err := strconv.Atoi(kept)
	if err != nil {
		w.t.Fatal(err)
	}
	w.opens("t", n, func() error {
		_, err := w.try(query)
		return err
	})
}

// opens checks how many files of a table a statement cannot do without, and
// takes the others away.
func (w *workspace) opens(table string, want int, run func() error) {
	w.t.Helper()
	var paths []string
	err := filepath.WalkDir(filepath.Join(w.root, "ws"), func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".parquet") && strings.Contains(path, string(filepath.Separator)+table+string(filepath.Separator)) {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		w.t.Fatalf("no data files found: %v", err)
	}
	needed := 0
	for _, p := range paths {
		if err := os.Rename(p, p+".away"); err != nil {
			w.t.Fatal(err)
		}
		if run() == nil {
			continue
		}
		needed++
		if err := os.Rename(p+".away", p); err != nil {
			w.t.Fatal(err)
		}
	}
	if needed != want {
		w.t.Errorf("%d files are opened, want %d", needed, want)
	}
}
