package session_test

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
)

// rowIDs returns the id and the version of each row of a table, by its column
// id.
func rowIDs(t *testing.T, dir string) (ids, versions map[int64]int64) {
	t.Helper()
	s, err := delta.NewTable(local.New(dir), delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids, versions = map[int64]int64{}, map[int64]int64{}
	for r, err := range s.Scan(t.Context(), delta.ScanOptions{Columns: []string{"id"}, RowID: "row_id", RowCommitVersion: "row_version"}) {
		if err != nil {
			t.Fatal(err)
		}
		id, row, version := r.Column(0).(*array.Int64), r.Column(1).(*array.Int64), r.Column(2).(*array.Int64)
		for i := range id.Len() {
			if row.IsNull(i) || version.IsNull(i) {
				t.Errorf("row %d has no id or version", id.Value(i))
			}
			ids[id.Value(i)], versions[id.Value(i)] = row.Value(i), version.Value(i)
		}
		r.Release()
	}
	seen := map[int64]int64{}
	for id, row := range ids {
		if other, twice := seen[row]; twice {
			t.Errorf("rows %d and %d have one id", id, other)
		}
		seen[row] = id
	}
	return ids, versions
}

// Rows keep their ids for life, whatever moves them to other files; what
// updates them gives them its version.
func TestRowsKeepTheirIDs(t *testing.T) {
	for name, properties := range map[string]string{
		"copied files":     "'delta.enableRowTracking' = 'true'",
		"deletion vectors": "'delta.enableRowTracking' = 'true', 'delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true'",
		"mapped columns":   "'delta.enableRowTracking' = 'true', 'delta.columnMapping.mode' = 'name'",
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := newWorkspace(t), filepath.Join(t.TempDir(), "t")
			table := "delta.`" + dir + "`"
			w.rows("CREATE TABLE " + table + " (id BIGINT, v STRING, p INT) PARTITIONED BY (p) TBLPROPERTIES (" + properties + ")")
			w.rows("INSERT INTO " + table + " SELECT id, 'old', CAST(id % 2 AS INT) FROM range(10)")
			w.rows("INSERT INTO " + table + " SELECT id, 'old', CAST(id % 2 AS INT) FROM range(10, 20)")
			steps := []struct {
				statement string
				updated   []int64
				deleted   []int64
				inserted  []int64
			}{
				{statement: "UPDATE " + table + " SET v = 'new' WHERE id IN (3, 14)", updated: []int64{3, 14}},
				{statement: "UPDATE " + table + " SET p = 1 - p WHERE id IN (3, 4)", updated: []int64{3, 4}},
				{statement: "DELETE FROM " + table + " WHERE id IN (5, 15)", deleted: []int64{5, 15}},
				{
					statement: "MERGE INTO " + table + " t USING (SELECT id, CAST(0 AS INT) AS p FROM range(17, 22)) s ON t.id = s.id WHEN MATCHED AND t.id = 17 THEN DELETE " +
						"WHEN MATCHED THEN UPDATE SET v = 'merged' WHEN NOT MATCHED THEN INSERT (id, v, p) VALUES (s.id, 'in', s.p)",
					updated: []int64{18, 19}, deleted: []int64{17}, inserted: []int64{20, 21},
				},
				{
					statement: "MERGE INTO " + table + " t USING (SELECT id, CAST(0 AS INT) AS p FROM range(1, 3)) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET p = s.p",
					updated:   []int64{1, 2},
				},
				{statement: "OPTIMIZE " + table},
				{statement: "UPDATE " + table + " SET v = 'again' WHERE id = 3", updated: []int64{3}},
				{statement: "OPTIMIZE " + table + " ZORDER BY (id)"},
				{statement: "REORG TABLE " + table + " APPLY (PURGE)"},
			}
			ids, versions := rowIDs(t, dir)
			for _, step := range steps {
				w.rows(step.statement)
				gotIDs, gotVersions := rowIDs(t, dir)
				wantIDs, wantVersions, version := maps.Clone(ids), maps.Clone(versions), newestVersion(t, dir)
				for _, id := range step.deleted {
					delete(wantIDs, id)
					delete(wantVersions, id)
				}
				for _, id := range step.inserted { // any id that is nobody else's
					wantIDs[id] = gotIDs[id]
				}
				for _, id := range append(step.updated, step.inserted...) {
					wantVersions[id] = version
				}
				if diff := cmp.Diff([]map[int64]int64{wantIDs, wantVersions}, []map[int64]int64{gotIDs, gotVersions}); diff != "" {
					t.Errorf("%s\nids and versions (-want +got):\n%s", step.statement, diff)
				}
				ids, versions = gotIDs, gotVersions
			}
			w.want("SELECT count(*), count_if(v = 'new'), count_if(v = 'again') FROM "+table, "19|1|1")
		})
	}
}

func newestVersion(t *testing.T, dir string) int64 {
	t.Helper()
	s, err := delta.NewTable(local.New(dir), delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Version()
}

// Row tracking begins on a table that has rows: they get ids first.
func TestRowTrackingBeginsLater(t *testing.T) {
	w, dir := newWorkspace(t), filepath.Join(t.TempDir(), "t")
	table := "delta.`" + dir + "`"
	w.rows("CREATE TABLE " + table + " AS SELECT id FROM range(5)")
	w.rows("INSERT INTO " + table + " SELECT id FROM range(5, 9)")
	w.rows("ALTER TABLE " + table + " SET TBLPROPERTIES ('delta.enableRowTracking' = 'true')")
	before, _ := rowIDs(t, dir)
	if len(before) != 9 {
		t.Errorf("%d rows have ids", len(before))
	}
	w.rows("OPTIMIZE " + table)
	if after, _ := rowIDs(t, dir); !maps.Equal(before, after) {
		t.Errorf("ids were %v and are %v", before, after)
	}
	w.want("SELECT count(*), sum(id) FROM "+table, "9|36")
}

// _metadata of a table tells where rows are and who they are; it is in no *.
func TestMetadataOfTables(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE a (id INT, s STRING) TBLPROPERTIES ('delta.enableRowTracking' = 'true'); INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO a VALUES (3, 'z')")
	w.rows("UPDATE a SET s = 'new' WHERE id = 2")
	w.want("SELECT id, _metadata.row_id, _metadata.row_commit_version FROM a", "1|0|1", "2|1|3", "3|2|2")
	w.want("SELECT *, _metadata.row_id AS r FROM a AS t WHERE t._metadata.row_id = 1", "2|new|1")
	w.want("SELECT count(*), count(DISTINCT _metadata.file_path), min(_metadata.row_index), min(_metadata.file_size) > 0, max(_metadata.file_modification_time) > TIMESTAMP'2020-01-01' FROM a", "3|2|0|true|true")
	w.want("WITH c AS (SELECT *, _metadata.file_name AS f FROM a) SELECT count(*) FROM c WHERE f LIKE 'part-%'", "3")
	w.want("WITH c AS (SELECT id, _metadata.row_id AS r FROM a) SELECT * FROM c WHERE r = 2", "3|2")
	w.want("SELECT x.id, y._metadata.row_id FROM a x JOIN a y ON x.id = y.id WHERE x.id > 2", "3|2")
	w.rows("CREATE TABLE b (id INT); INSERT INTO b VALUES (7)")
	w.failing("SELECT _metadata.row_id FROM b", "FIELD_NOT_FOUND")
	w.rows("CREATE TABLE c AS SELECT id, named_struct('mine', 1) AS _metadata FROM b")
	w.want("SELECT *, _metadata.mine FROM c", `7|{"mine":1}|1`)
}
