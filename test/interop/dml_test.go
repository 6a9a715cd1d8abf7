//go:build interop

package interop_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
)

// changing is a table that statements of changes run over.
type changing struct {
	make string // makes table {t} and its rows
	feed bool   // it has a change data feed, which is compared from version
	from int64  // from on: Spark reads none across renamed columns
	rs   bool   // delta-rs reads it
	// tracked is whether rows have ids.
	tracked bool
	// varies is a column whose values may differ between engines.
	varies string
}

const someRows = "; INSERT INTO {t} (id, v, n, p) SELECT id, concat('row ', id), CAST(id * 2 AS INT), CAST(id % 3 AS STRING) FROM range(0, 60, 1, 1)" +
	"; INSERT INTO {t} (id, v, n, p) SELECT id, NULL, CAST(id * 2 AS INT), CAST(id % 3 AS STRING) FROM range(60, 100, 1, 1)"

var changingTables = map[string]changing{
	"copied files, change feed, partitions": {
		make: "CREATE TABLE {t} (id BIGINT, v STRING, n INT, p STRING) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')" + someRows,
		feed: true, rs: true,
	},
	"deletion vectors, change feed, row tracking, in-commit timestamps, V2 checkpoints": {
		make: "CREATE TABLE {t} (id BIGINT, v STRING, n INT, p STRING) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true', " +
			"'delta.enableRowTracking' = 'true', 'delta.enableInCommitTimestamps' = 'true', 'delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '2')" + someRows,
		feed: true, tracked: true,
	},
	"mapped columns, deletion vectors, change feed, partitions": {
		make: "CREATE TABLE {t} (id BIGINT, old STRING, n INT, q STRING) USING delta PARTITIONED BY (q) " +
			"TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true')" +
			"; ALTER TABLE {t} RENAME COLUMN old TO v; ALTER TABLE {t} RENAME COLUMN q TO p" + someRows,
		feed: true, from: 3,
	},
	"generated, default and identity columns, constraints": {
		make: "CREATE TABLE {t} (number BIGINT GENERATED ALWAYS AS IDENTITY, id BIGINT NOT NULL, v STRING DEFAULT 'none', n INT, p STRING, twice INT GENERATED ALWAYS AS (n * 2)) USING delta " +
			"TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported', 'delta.enableDeletionVectors' = 'true'); ALTER TABLE {t} ADD CONSTRAINT small CHECK (n < 10000)" + someRows,
		varies: "number",
	},
}

// changes are two rounds of statements over a changing table, in words that
// Spark and freshet share.
var changes = [2][]string{
	{
		"UPDATE {t} SET v = concat(coalesce(v, ''), '!'), n = n + 1 WHERE id BETWEEN 3 AND 65",
		"MERGE INTO {t} t USING (SELECT id, IF(id % 2 = 0, NULL, 'merged') AS v FROM range(50, 130, 1, 1)) s ON t.id = s.id " +
			"WHEN MATCHED AND s.v IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v " +
			"WHEN NOT MATCHED AND s.id > 100 THEN INSERT (id, v, n, p) VALUES (s.id, s.v, 7, '1') " +
			"WHEN NOT MATCHED BY SOURCE AND t.id < 10 THEN UPDATE SET v = 'alone' WHEN NOT MATCHED BY SOURCE AND t.id < 12 THEN DELETE",
		"OPTIMIZE {t}",
	},
	{
		"DELETE FROM {t} WHERE v = 'merged' AND id < 90",
		"MERGE INTO {t} t USING (SELECT id, 1 AS n, '2' AS p FROM range(90, 140, 1, 1)) s ON t.id = s.id WHEN MATCHED AND t.id < 100 THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n, p) VALUES (id, n, p)",
	},
}

// TestRowsAreChangedByBoth has freshet and Spark change equal tables by equal
// statements, then each go on with the other's table. Both statements and both
// tables must come to the same, whoever reads: the rows, the change data feed,
// what the history counts, and delta-rs where it can read the table.
func TestRowsAreChangedByBoth(t *testing.T) {
	for name, table := range changingTables {
		t.Run(name, func(t *testing.T) {
			base, f := t.TempDir(), open(t)
			ours, theirs := filepath.Join(base, "ours"), filepath.Join(base, "theirs")
			f.run("%s", replaceTable(table.make, ours))
			for _, statement := range splitStatements(replaceTable(table.make, theirs)) {
				spark(t, "%s", statement)
			}
			for round, statements := range changes {
				for _, statement := range statements {
					got := f.query("%s", replaceTable(statement, [2]string{ours, theirs}[round]))
					want := spark(t, "%s", replaceTable(statement, [2]string{theirs, ours}[round]))
					if statement[:2] != "OP" && !cmp.Equal(want.Rows, got.Rows) {
						t.Errorf("%s\nSpark counts %v, freshet %v", statement, want.Rows, got.Rows)
					}
				}
			}
			f.sameReadings(table, ours, theirs)
		})
	}
}

// sameReadings compares two tables and all readings of them.
func (f freshet) sameReadings(table changing, ours, theirs string) {
	f.t.Helper()
	var tables, feeds []rows
	for _, dir := range []string{theirs, ours} {
		want := read(f.t, "spark", dir)
		same(f.t, "freshet reads "+filepath.Base(dir), want, f.query("SELECT * FROM delta.`%s`", dir))
		if table.rs {
			same(f.t, "delta-rs reads "+filepath.Base(dir), want, read(f.t, "delta-rs", dir))
		}
		tables = append(tables, want.without(table.varies))
		if table.tracked {
			wantSameIDs(f.t, dir)
		}
		if table.feed {
			feeds = append(feeds, spark(f.t, feedOf, dir, table.from))
			same(f.t, "freshet reads the feed of "+filepath.Base(dir), feeds[len(feeds)-1], f.query(feedOf, dir, table.from))
		}
	}
	same(f.t, "the tables", tables[0], tables[1])
	if table.feed {
		same(f.t, "the feeds", feeds[0], feeds[1])
	}
	if diff := cmp.Diff(countsOf(f.t, theirs), countsOf(f.t, ours)); diff != "" {
		f.t.Errorf("what the history counts (-theirs +ours):\n%s", diff)
	}
}

// wantSameIDs compares the ids of rows, and the versions that wrote them, as
// Spark sees them and we do.
func wantSameIDs(t *testing.T, dir string) {
	t.Helper()
	s, err := delta.NewTable(local.New(dir), delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range s.Scan(t.Context(), delta.ScanOptions{Columns: []string{"id"}, RowID: "row_id", RowCommitVersion: "row_version"}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(r.NumRows()) {
			got = append(got, r.Column(0).ValueStr(i)+" "+r.Column(1).ValueStr(i)+" "+r.Column(2).ValueStr(i))
		}
		r.Release()
	}
	slices.Sort(got)
	want := theirTexts(t, "SELECT concat_ws(' ', id, _metadata.row_id, _metadata.row_commit_version) FROM delta.`%s`", dir)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row ids and versions of %s (-Spark +freshet):\n%s", filepath.Base(dir), diff)
	}
}

// without leaves a column out.
func (r rows) without(column string) rows {
	at := slices.Index(r.Columns, column)
	if at < 0 {
		return r
	}
	out := rows{Columns: slices.Delete(slices.Clone(r.Columns), at, at+1), Types: slices.Delete(slices.Clone(r.Types), at, at+1)}
	for _, row := range r.Rows {
		out.Rows = append(out.Rows, slices.Delete(slices.Clone(row), at, at+1))
	}
	slices.SortFunc(out.Rows, func(a, b []any) int { return strings.Compare(fmt.Sprint(a...), fmt.Sprint(b...)) })
	return out
}

const feedOf = "SELECT _commit_version, _change_type, id, v, n, p FROM table_changes('delta.`%s`', %d)"

// rowCounts are the operation metrics that do not depend on how an engine cuts
// files, by their operation.
var rowCounts = map[string][]string{
	"DELETE": {"numDeletedRows"},
	"UPDATE": {"numUpdatedRows"},
	"MERGE": {
		"numSourceRows", "numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted", "numTargetRowsMatchedUpdated", "numTargetRowsMatchedDeleted",
		"numTargetRowsNotMatchedBySourceUpdated", "numTargetRowsNotMatchedBySourceDeleted",
	},
}

// countsOf returns the row counts of a table's history, oldest first.
func countsOf(t *testing.T, dir string) []string {
	t.Helper()
	history := spark(t, "DESCRIBE HISTORY delta.`%s`", dir)
	version, operation, metrics := slices.Index(history.Columns, "version"), slices.Index(history.Columns, "operation"), slices.Index(history.Columns, "operationMetrics")
	slices.SortFunc(history.Rows, func(a, b []any) int { return int(a[version].(float64) - b[version].(float64)) })
	var out []string
	for _, row := range history.Rows {
		line := fmt.Sprint(row[version], " ", row[operation])
		for _, name := range rowCounts[row[operation].(string)] {
			for _, pair := range row[metrics].([]any) {
				if pair := pair.([]any); pair[0] == name {
					line += fmt.Sprint(" ", name, "=", pair[1])
				}
			}
		}
		out = append(out, line)
	}
	return out
}
