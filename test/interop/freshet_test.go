//go:build interop

package interop_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/schema"
)

// freshet is a session whose workspace lives as long as the test.
type freshet struct {
	t *testing.T
	s *session.Session
}

func open(t *testing.T) freshet {
	t.Helper()
	s, err := session.Open(t.Context(), session.Config{Workspace: t.TempDir()})
	if err != nil {
		t.Fatalf("open workspace: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close workspace: %v", err)
		}
	})
	return freshet{t, s}
}

// run executes statements and drops what they return.
func (f freshet) run(format string, args ...any) {
	f.t.Helper()
	text := fmt.Sprintf(format, args...)
	for r, err := range f.s.Run(f.t.Context(), text) {
		if err != nil {
			f.t.Fatalf("%s: %v", text, err)
		}
		if r.Rows == nil {
			continue
		}
		for _, err := range r.Rows {
			if err != nil {
				f.t.Fatalf("%s: %v", text, err)
			}
		}
	}
}

// query returns the rows of one statement in the canonical form, by way of an
// Arrow file that the driver reads.
func (f freshet) query(format string, args ...any) rows {
	f.t.Helper()
	text := fmt.Sprintf(format, args...)
	path := filepath.Join(f.t.TempDir(), "result.arrow")
	for r, err := range f.s.Run(f.t.Context(), text) {
		if err != nil {
			f.t.Fatalf("%s: %v", text, err)
		}
		if err := writeArrow(path, r); err != nil {
			f.t.Fatalf("%s: %v", text, err)
		}
	}
	return mustAsk[rows](f.t, request{Do: "arrow", Path: path})
}

func writeArrow(path string, r *session.Result) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	w, err := ipc.NewFileWriter(out, ipc.WithSchema(schema.ToArrow(r.Schema)))
	if err != nil {
		return err
	}
	for batch, err := range r.Rows {
		if err != nil {
			return err
		}
		if err := w.Write(batch); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Close()
}

// same reports a difference between two readings of one table.
func same(t *testing.T, what string, want, got rows) {
	t.Helper()
	if len(want.Rows) == 0 {
		t.Errorf("%s: the table has no rows, which proves nothing", what)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// everyType is a query that both dialects have and that holds every type with
// the ends of its range.
const everyType = `
SELECT * FROM VALUES
 (CAST(-128 AS TINYINT), CAST(-32768 AS SMALLINT), -2147483648, CAST(-9223372036854775807 AS BIGINT), CAST(1.5 AS FLOAT), CAST(-1.0E300 AS DOUBLE),
  true, 'ä "quoted" line', CAST('xyz' AS BINARY), DATE'0001-01-01', TIMESTAMP'2026-01-02 03:04:05.678901', TIMESTAMP_NTZ'0001-01-01 00:00:00',
  CAST('12345678901234567890.123456789012345678' AS DECIMAL(38,18)), CAST('-0.01' AS DECIMAL(3,2)), CAST('99999999999' AS DECIMAL(11,0))),
 (CAST(127 AS TINYINT), CAST(32767 AS SMALLINT), 2147483647, CAST(9223372036854775807 AS BIGINT), CAST('NaN' AS FLOAT), CAST('Infinity' AS DOUBLE),
  false, '', CAST('' AS BINARY), DATE'9999-12-31', TIMESTAMP'1969-12-31 23:59:59.999999', TIMESTAMP_NTZ'9999-12-31 23:59:59.999999',
  CAST('-1' AS DECIMAL(38,18)), CAST('9.99' AS DECIMAL(3,2)), CAST('0' AS DECIMAL(11,0))),
 (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
 AS t(i8, i16, i32, i64, f32, f64, b, s, bin, day, at, ntz, d38, d3, d11)`

const everyShape = `
SELECT * FROM VALUES
 (1, array(1, NULL, 3), map('k', 1.5D, 'n', NULL), named_struct('x', 1, 'y', named_struct('z', 'deep')), array(named_struct('a', 1), named_struct('a', NULL)), map('m', array(1, 2))),
 (2, array(), map(), named_struct('x', NULL, 'y', named_struct('z', NULL)), array(), map()),
 (3, NULL, NULL, NULL, NULL, NULL)
 AS t(id, a, m, st, las, mla)`

// TestOursIsReadByThem has freshet write what a query gives, and Spark and
// delta-rs read what Spark says the query gives.
func TestOursIsReadByThem(t *testing.T) {
	queries := map[string]string{"every type": everyType, "every shape": everyShape}
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			open(t).run("CREATE TABLE delta.`%s` AS %s", dir, query)
			want := spark(t, "%s", query)
			same(t, "Spark reads our table", want, read(t, "spark", dir))
			same(t, "delta-rs reads our table", want, read(t, "delta-rs", dir))
		})
	}
}

// TestOurChangesAreReadByThem makes each kind of change to a table and has
// the others read what we read.
func TestOurChangesAreReadByThem(t *testing.T) {
	many := "CREATE TABLE {t} (id BIGINT, s STRING)"
	for i := range 23 {
		many += fmt.Sprintf("; INSERT INTO {t} VALUES (%d, 'row %d')", i, i)
	}
	tests := map[string]string{
		"appends":   "CREATE TABLE {t} (id INT NOT NULL, s STRING COMMENT 'text'); INSERT INTO {t} VALUES (1, 'a'), (2, NULL); INSERT INTO {t} (id) VALUES (3)",
		"overwrite": "CREATE TABLE {t} AS SELECT 1 AS id, 'old' AS s; INSERT OVERWRITE {t} VALUES (2, 'new')",
		"replace":   "CREATE TABLE {t} AS SELECT 1 AS id; CREATE OR REPLACE TABLE {t} AS SELECT 'other' AS name, 2.5D AS x",
		"partitions": `CREATE TABLE {t} PARTITIONED BY (p, day) AS SELECT * FROM VALUES
			(1, 'plain', DATE'2026-01-01'), (2, 'a b/c=d%e:f"g''h', DATE'0001-01-01'), (3, 'ü?#[]{}^~|\\&', NULL), (4, NULL, DATE'9999-12-31'), (5, ' lead and trail ', NULL) AS t(id, p, day)`,
		"partitions of every type": `CREATE TABLE {t} PARTITIONED BY (i, l, d, b, n, at, f) AS SELECT * FROM VALUES
			(1, -5, CAST(7 AS BIGINT), DATE'2026-02-03', true, CAST('1.50' AS DECIMAL(5,2)), TIMESTAMP'2026-01-02 03:04:05.678', 1.5D),
			(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL) AS t(id, i, l, d, b, n, at, f)`,
		"schema merge":    "CREATE TABLE {t} AS SELECT 1 AS id; SET spark.databricks.delta.schema.autoMerge.enabled = true; INSERT INTO {t} BY NAME SELECT 2 AS id, 'new' AS added",
		"log checkpoints": many,
		"many columns":    "CREATE TABLE {t} AS SELECT " + columns(40),
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			f := open(t)
			f.run("%s", replaceTable(script, dir))
			want := f.query("SELECT * FROM delta.`%s`", dir)
			same(t, "Spark reads our table", want, read(t, "spark", dir))
			same(t, "delta-rs reads our table", want, read(t, "delta-rs", dir))
		})
	}
}

// TestTheyAndWeShareATable has all three write to one table in turn.
func TestTheyAndWeShareATable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t")
	f := open(t)
	f.run("CREATE TABLE delta.`%s` AS SELECT 1 AS id, 'freshet' AS who", dir)
	spark(t, "INSERT INTO delta.`%s` VALUES (2, 'spark')", dir)
	f.run("INSERT INTO delta.`%s` VALUES (3, 'freshet')", dir)
	spark(t, "DELETE FROM delta.`%s` WHERE id = 1", dir)
	f.run("INSERT INTO delta.`%s` VALUES (4, 'freshet')", dir)
	spark(t, "OPTIMIZE delta.`%s`", dir)
	want := f.query("SELECT * FROM delta.`%s`", dir)
	if len(want.Rows) != 3 {
		t.Errorf("freshet reads %d rows, want 3", len(want.Rows))
	}
	same(t, "Spark", want, read(t, "spark", dir))
	same(t, "delta-rs", want, read(t, "delta-rs", dir))
}

// TestHistoryReadsTheSame compares what we and Spark say of our history.
func TestHistoryReadsTheSame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t")
	f := open(t)
	f.run("CREATE TABLE delta.`%s` PARTITIONED BY (p) AS SELECT 1 AS id, 'a' AS p; INSERT INTO delta.`%s` VALUES (2, 'b'); INSERT OVERWRITE delta.`%s` VALUES (3, 'c')", dir, dir, dir)
	want, got := spark(t, "DESCRIBE HISTORY delta.`%s`", dir), f.query("DESCRIBE HISTORY delta.`%s`", dir)
	if diff := cmp.Diff(want.Columns, got.Columns); diff != "" {
		t.Errorf("columns of the history (-Spark +freshet):\n%s", diff)
	}
	same(t, "history", want, got)
}

// TestTheirsIsReadByUs has Spark write tables with each feature that changes
// how a table is read.
func TestTheirsIsReadByUs(t *testing.T) {
	tests := map[string]string{
		"every type":  "CREATE TABLE {t} USING delta AS " + everyType,
		"every shape": "CREATE TABLE {t} USING delta AS " + everyShape,
		"deletion vectors": `CREATE TABLE {t} USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true') AS SELECT id, id % 7 AS k FROM range(0, 5000, 1, 2);
			DELETE FROM {t} WHERE k = 3; DELETE FROM {t} WHERE id BETWEEN 100 AND 200`,
		"column mapping by name": `CREATE TABLE {t} (id INT, old STRING, gone INT, st STRUCT<a: INT, b: STRING>) USING delta TBLPROPERTIES ('delta.columnMapping.mode' = 'name');
			INSERT INTO {t} VALUES (1, 'x', 9, named_struct('a', 1, 'b', 'y')); ALTER TABLE {t} RENAME COLUMN old TO ` + "`new, name`" + `; ALTER TABLE {t} DROP COLUMN gone; INSERT INTO {t} VALUES (2, 'z', NULL)`,
		"column mapping by id": `CREATE TABLE {t} (id INT, s STRING) USING delta TBLPROPERTIES ('delta.columnMapping.mode' = 'id'); INSERT INTO {t} VALUES (1, 'x'), (2, NULL)`,
		"type widening": `CREATE TABLE {t} (id INT, f FLOAT, b TINYINT) USING delta TBLPROPERTIES ('delta.enableTypeWidening' = 'true'); INSERT INTO {t} VALUES (1, 1.5, 2);
			ALTER TABLE {t} ALTER COLUMN id TYPE BIGINT; ALTER TABLE {t} ALTER COLUMN f TYPE DOUBLE; ALTER TABLE {t} ALTER COLUMN b TYPE INT; INSERT INTO {t} VALUES (5000000000, 2.5, 100000)`,
		"checkpoints of version 2": `CREATE TABLE {t} USING delta TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '2') AS SELECT 1 AS id; INSERT INTO {t} VALUES (2); INSERT INTO {t} VALUES (3); INSERT INTO {t} VALUES (4); INSERT INTO {t} VALUES (5)`,
		"checkpoints":              `CREATE TABLE {t} USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.checkpointInterval' = '2') AS SELECT 1 AS id, DATE'2026-01-01' AS p; INSERT INTO {t} VALUES (2, NULL); INSERT INTO {t} VALUES (3, DATE'0001-01-01'); DELETE FROM {t} WHERE id = 2; INSERT INTO {t} VALUES (5, DATE'9999-12-31')`,
		"odd partitions":           `CREATE TABLE {t} USING delta PARTITIONED BY (p) AS SELECT * FROM VALUES (1, 'a b/c=d%e:f'), (2, 'ü?#[]'), (3, NULL), (4, ' x ') AS t(id, p)`,
		"in-commit timestamps":     `CREATE TABLE {t} USING delta TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true') AS SELECT 1 AS id; INSERT INTO {t} VALUES (2)`,
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			for _, statement := range splitStatements(replaceTable(script, dir)) {
				spark(t, "%s", statement)
			}
			same(t, "freshet reads Spark's table", read(t, "spark", dir), open(t).query("SELECT * FROM delta.`%s`", dir))
		})
	}
}

// TestDeltaRSIsReadByUs has delta-rs write what Spark then reads as well.
func TestDeltaRSIsReadByUs(t *testing.T) {
	base := t.TempDir()
	parquet, dir := filepath.Join(base, "in"), filepath.Join(base, "t")
	for i, partition := range [][]string{nil, {"k"}} {
		t.Run(fmt.Sprint("partitioned by ", partition), func(t *testing.T) {
			in, out := fmt.Sprint(parquet, i), fmt.Sprint(dir, i)
			spark(t, "INSERT OVERWRITE DIRECTORY '%s' USING parquet SELECT id, id %% 3 AS k, CAST(id AS STRING) AS s, DATE'2026-01-01' AS day FROM range(100)", in)
			for range 2 {
				mustAsk[any](t, request{Do: "write", Engine: "delta-rs", Path: out, Parquet: in, Mode: "append", Partition: partition})
			}
			want := read(t, "delta-rs", out)
			same(t, "freshet reads delta-rs's table", want, open(t).query("SELECT * FROM delta.`%s`", out))
			same(t, "Spark reads delta-rs's table", want, read(t, "spark", out))
		})
	}
}

func columns(n int) string {
	list := ""
	for i := range n {
		if i > 0 {
			list += ", "
		}
		list += fmt.Sprintf("%d AS c%d", i, i)
	}
	return list
}

// replaceTable puts the table of a directory for {t} in a script.
func replaceTable(script, dir string) string {
	return strings.ReplaceAll(script, "{t}", "delta.`"+dir+"`")
}

// splitStatements cuts a script at its semicolons; strings in it have none.
func splitStatements(script string) []string {
	return slices.DeleteFunc(strings.Split(script, ";"), func(s string) bool { return strings.TrimSpace(s) == "" })
}
