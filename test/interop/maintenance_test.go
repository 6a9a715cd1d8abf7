//go:build interop

package interop_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// events makes a partitioned table of five commits.
const events = `CREATE TABLE {t} (id BIGINT, day DATE, s STRING) PARTITIONED BY (day);
	INSERT INTO {t} VALUES (1, DATE'2026-01-01', 'a'), (2, DATE'2026-01-02', 'b');
	INSERT INTO {t} VALUES (3, DATE'2026-01-01', 'c'), (4, DATE'2026-01-02', NULL);
	INSERT INTO {t} VALUES (5, NULL, 'ü'), (6, DATE'2026-01-01', 'd');
	INSERT INTO {t} VALUES (7, DATE'2026-01-02', 'e');`

// plain makes a table of three commits, without partitions.
const plain = `CREATE TABLE {t} (id BIGINT, s STRING);
	INSERT INTO {t} VALUES (1, 'a'), (2, 'b'); INSERT INTO {t} VALUES (3, NULL); INSERT INTO {t} VALUES (4, 'd');`

const clusteredTable = `CREATE TABLE {t} (x INT, s STRING); ALTER TABLE {t} CLUSTER BY (x);
	INSERT INTO {t} VALUES (1, 'a'), (9, 'b'); INSERT INTO {t} VALUES (5, 'c'), (2, 'd');`

const unchecked = "SET spark.databricks.delta.retentionDurationCheck.enabled = false;"

// TestOurMaintenanceIsReadByThem runs each statement that keeps a table in
// good order. Spark and delta-rs must read what we read then, which is as many
// rows as the case says, and Spark's history must tell of it.
func TestOurMaintenanceIsReadByThem(t *testing.T) {
	tests := map[string]struct {
		script  string
		rows    int
		history []string // newest first
	}{
		"compaction":               {events + "OPTIMIZE {t}", 7, []string{"OPTIMIZE"}},
		"compaction of a part":     {events + "OPTIMIZE {t} WHERE day = '2026-01-01'", 7, []string{"OPTIMIZE"}},
		"z-order":                  {events + "OPTIMIZE {t} ZORDER BY (id, s)", 7, []string{"OPTIMIZE"}},
		"clustering":               {clusteredTable + "OPTIMIZE {t}; INSERT INTO {t} VALUES (4, 'late'); OPTIMIZE {t} FULL", 5, []string{"OPTIMIZE", "WRITE", "OPTIMIZE"}},
		"vacuum":                   {events + "OPTIMIZE {t};" + unchecked + "VACUUM {t} RETAIN 0 HOURS", 7, []string{"VACUUM END", "VACUUM START", "OPTIMIZE"}},
		"vacuum lite":              {events + "OPTIMIZE {t};" + unchecked + "VACUUM {t} LITE RETAIN 0 HOURS", 7, []string{"VACUUM END", "VACUUM START"}},
		"restore":                  {events + "OPTIMIZE {t}; RESTORE TABLE {t} TO VERSION AS OF 2", 4, []string{"RESTORE", "OPTIMIZE"}},
		"restore of another shape": {plain + "CREATE OR REPLACE TABLE {t} AS SELECT 1.5D AS other; RESTORE TABLE {t} TO VERSION AS OF 3", 4, []string{"RESTORE"}},
		"truncation":               {plain + "TRUNCATE TABLE {t}; INSERT INTO {t} VALUES (8, 'new')", 1, []string{"WRITE", "TRUNCATE"}},
		"truncation of a part":     {events + "TRUNCATE TABLE {t} PARTITION (day = DATE'2026-01-02')", 4, []string{"TRUNCATE"}},
		"purge of deleted rows":    {"CREATE TABLE {t} (id BIGINT) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true'); INSERT INTO {t} VALUES (1), (2), (3); DELETE FROM {t} WHERE id = 2; REORG TABLE {t} APPLY (PURGE)", 2, []string{"REORG", "DELETE"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			f := open(t)
			f.run("%s", replaceTable(test.script, dir))
			wantReadings(t, f, dir, test.rows, "spark", "delta-rs")
			wantHistory(t, dir, test.history...)
		})
	}
}

// wantReadings checks that others read the rows that we do.
func wantReadings(t *testing.T, f freshet, dir string, n int, engines ...string) {
	t.Helper()
	want := f.query("SELECT * FROM delta.`%s`", dir)
	if len(want.Rows) != n {
		t.Errorf("freshet reads %d rows, want %d", len(want.Rows), n)
	}
	for _, engine := range engines {
		same(t, engine+" reads our table", want, read(t, engine, dir))
	}
}

// wantHistory checks the operations of the newest commits, as Spark shows
// them.
func wantHistory(t *testing.T, dir string, operations ...string) {
	t.Helper()
	history := spark(t, "DESCRIBE HISTORY delta.`%s`", dir)
	slices.SortFunc(history.Rows, func(a, b []any) int { return int(b[0].(float64) - a[0].(float64)) })
	at := slices.Index(history.Columns, "operation")
	for i, want := range operations {
		if got := history.Rows[i][at]; got != want {
			t.Errorf("commit %v is %v, want %s", history.Rows[i][0], got, want)
		}
	}
}

// TestOurClonesAreReadByThem clones tables of ours and of Spark's. A shallow
// clone names the files of another table, which delta-rs does not read.
func TestOurClonesAreReadByThem(t *testing.T) {
	for name, source := range map[string]string{
		"plain": plain, "partitions": events,
		"deletion vectors": "CREATE TABLE {t} (id BIGINT) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true'); INSERT INTO {t} VALUES (1), (2), (3); DELETE FROM {t} WHERE id = 2",
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			f := open(t)
			from, shallow, deep := filepath.Join(base, "a b%c"), filepath.Join(base, "shallow"), filepath.Join(base, "deep")
			f.run("%s", replaceTable(source, from))
			f.run("CREATE TABLE delta.`%s` SHALLOW CLONE delta.`%s`; CREATE TABLE delta.`%s` DEEP CLONE delta.`%s`", shallow, from, deep, from)
			n := len(f.query("SELECT * FROM delta.`%s`", from).Rows)
			wantReadings(t, f, shallow, n, "spark")
			wantReadings(t, f, deep, n, "spark", "delta-rs")
			wantHistory(t, shallow, "CLONE")
			wantHistory(t, deep, "CLONE")
		})
	}
}

// TestOurConversionIsReadByThem converts Parquet files that Spark wrote.
func TestOurConversionIsReadByThem(t *testing.T) {
	for name, test := range map[string]struct{ query, partitions string }{
		"partitions":  {"PARTITIONED BY (day, p) AS SELECT id, CAST(id AS STRING) AS s, DATE'2026-01-01' + CAST(id % 2 AS INT) AS day, CASE WHEN id % 3 > 0 THEN 'a b/' || id % 3 END AS p FROM range(20)", "PARTITIONED BY (day DATE, p STRING)"},
		"every type":  {"AS " + everyType, ""},
		"every shape": {"AS " + everyShape, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			table := "converted_" + strings.ReplaceAll(name, " ", "_")
			spark(t, "CREATE TABLE %s USING parquet LOCATION '%s' %s", table, dir, test.query)
			want := spark(t, "SELECT * FROM %s", table)
			f := open(t)
			f.run("CONVERT TO DELTA parquet.`%s` %s", dir, test.partitions)
			same(t, "freshet reads what it converted", want, f.query("SELECT * FROM delta.`%s`", dir))
			wantReadings(t, f, dir, len(want.Rows), "spark", "delta-rs")
			wantHistory(t, dir, "CONVERT")
			spark(t, "DROP TABLE %s", table)
		})
	}
}

// TestTheirMaintenanceIsReadByUs reads tables after Spark has kept them in
// good order.
func TestTheirMaintenanceIsReadByUs(t *testing.T) {
	const rows = "CREATE TABLE {t} (id BIGINT, k INT, s STRING) USING delta %s; INSERT INTO {t} SELECT id, id %% 7, CAST(id AS STRING) FROM range(0, 200, 1, 2); INSERT INTO {t} SELECT id, id %% 5, NULL FROM range(200, 300, 1, 2);"
	table := fmt.Sprintf(rows, "")
	tests := map[string]string{
		"compaction":  table + "OPTIMIZE {t}",
		"z-order":     table + "OPTIMIZE {t} ZORDER BY (k, id)",
		"clustering":  fmt.Sprintf(rows, "CLUSTER BY (k)") + "OPTIMIZE {t}; INSERT INTO {t} VALUES (1000, 3, 'late'); OPTIMIZE {t}",
		"restore":     table + "DELETE FROM {t} WHERE k = 1; OPTIMIZE {t}; RESTORE TABLE {t} TO VERSION AS OF 1",
		"vacuum":      table + "OPTIMIZE {t}; SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM {t} RETAIN 0 HOURS; SET spark.databricks.delta.retentionDurationCheck.enabled = true",
		"vacuum lite": table + "OPTIMIZE {t}; SET spark.databricks.delta.retentionDurationCheck.enabled = false; VACUUM {t} LITE RETAIN 0 HOURS; SET spark.databricks.delta.retentionDurationCheck.enabled = true",
		"purge":       fmt.Sprintf(rows, "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')") + "DELETE FROM {t} WHERE k = 1; REORG TABLE {t} APPLY (PURGE)",
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			for _, statement := range splitStatements(replaceTable(script, dir)) {
				spark(t, "%s", statement)
			}
			f := open(t)
			same(t, "freshet reads Spark's table", read(t, "spark", dir), f.query("SELECT * FROM delta.`%s`", dir))
			f.run("OPTIMIZE delta.`%s`; VACUUM delta.`%s`", dir, dir)
			same(t, "Spark reads what freshet went on with", f.query("SELECT * FROM delta.`%s`", dir), read(t, "spark", dir))
		})
	}
}

// TestTheirShallowCloneIsReadByUs reads a table whose files are another's.
func TestTheirShallowCloneIsReadByUs(t *testing.T) {
	base := t.TempDir()
	from, clone := filepath.Join(base, "a b%c"), filepath.Join(base, "clone")
	spark(t, "CREATE TABLE delta.`%s` USING delta PARTITIONED BY (k) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true') AS SELECT id, CAST(id %% 3 AS STRING) || ' x' AS k FROM range(0, 30, 1, 1)", from)
	spark(t, "DELETE FROM delta.`%s` WHERE id = 4", from)
	spark(t, "CREATE TABLE delta.`%s` SHALLOW CLONE delta.`%s`", clone, from)
	spark(t, "DELETE FROM delta.`%s` WHERE id = 5", clone)
	f := open(t)
	wantReadings(t, f, clone, 28, "spark")
	f.run("OPTIMIZE delta.`%s`; VACUUM delta.`%s`", clone, clone)
	wantReadings(t, f, clone, 28, "spark")
	wantReadings(t, f, from, 29, "spark")
}

// TestOptimizeReturnsWhatSparkReturns compares the types of the results.
func TestOptimizeReturnsWhatSparkReturns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t")
	f := open(t)
	f.run("%s", replaceTable(plain, dir))
	got := f.query("OPTIMIZE delta.`%s`", dir)
	want := spark(t, "OPTIMIZE delta.`%s`", dir)
	if diff := cmp.Diff([][]string{want.Columns, want.Types}, [][]string{got.Columns, got.Types}); diff != "" {
		t.Errorf("the result of OPTIMIZE (-Spark +freshet):\n%s", diff)
	}
}
