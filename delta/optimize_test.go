package delta_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/delta/internal/dv"
	"github.com/freshet/freshet/schema"
)

// filled makes a table and appends one record a commit.
func filled(tb testing.TB, st delta.Storage, m delta.Metadata, records ...arrow.RecordBatch) *delta.Table {
	tb.Helper()
	opts := options()
	table := delta.NewTable(st, opts)
	tx := table.Begin(nil)
	tx.SetMetadata(m)
	if _, err := tx.Commit(tb.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
		tb.Fatal(err)
	}
	for _, r := range records {
		appendRecord(tb, table, st, r)
	}
	return table
}

func appendRecord(tb testing.TB, table *delta.Table, st delta.Storage, records ...arrow.RecordBatch) {
	tb.Helper()
	s, err := table.Snapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tx := table.Begin(s)
	for _, f := range writeFiles(tb, st, delta.WriterConfig{Metadata: s.Metadata()}, records...) {
		tx.Add(f)
	}
	if _, err := tx.Commit(tb.Context(), delta.CommitInfo{Operation: "WRITE"}); err != nil {
		tb.Fatal(err)
	}
}

// ranged returns rows (id, p, text) with ids of a range, of partition id%2.
func ranged(tb testing.TB, from, to int) arrow.RecordBatch {
	tb.Helper()
	var rows []string
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"p":"%d","text":"row %d"}`, i, i%2, i))
	}
	return jsonRecord(tb, rangedSchema(tb), rows...)
}

func rangedSchema(tb testing.TB) *schema.Struct {
	tb.Helper()
	return parseDDL(tb, "id BIGINT, p STRING, text STRING")
}

// rowsOf returns a table's rows, sorted.
func rowsOf(tb testing.TB, table *delta.Table) []string {
	tb.Helper()
	s, err := table.Snapshot(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return scanRows(tb, s, delta.ScanOptions{})
}

// integers returns a BIGINT or INT column's values in the order in which they
// are read.
func integers(tb testing.TB, s *delta.Snapshot, column string, files func(delta.AddFile) bool) []int {
	tb.Helper()
	var all []int
	for r, err := range s.Scan(tb.Context(), delta.ScanOptions{Columns: []string{column}, Files: files}) {
		if err != nil {
			tb.Fatal(err)
		}
		for i := range int(r.NumRows()) {
			n, err := strconv.Atoi(r.Column(0).ValueStr(i))
			if err != nil {
				tb.Fatal(err)
			}
			all = append(all, n)
		}
		r.Release()
	}
	return all
}

func TestOptimizePacksSmallFiles(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{Schema: rangedSchema(t), PartitionColumns: []string{"p"}},
		ranged(t, 0, 10), ranged(t, 10, 20), ranged(t, 20, 30))
	before := rowsOf(t, table)

	got, err := table.Optimize(t.Context(), delta.OptimizeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Removed.Files != 6 || got.Added.Files != 2 || got.Partitions != 2 || got.Considered != 6 || got.Skipped != 0 || got.Commits != 1 {
		t.Errorf("result is %+v", got)
	}
	if d := cmp.Diff(before, rowsOf(t, table)); d != "" {
		t.Errorf("rows changed (-before +after):\n%s", d)
	}
	s := snapshot(t, table)
	for _, p := range []string{"0", "1"} {
		ids := integers(t, s, "id", func(f delta.AddFile) bool { return *f.PartitionValues["p"] == p })
		if len(ids) != 15 || !slices.IsSorted(ids) {
			t.Errorf("rows of partition %s are %v, want 15 in the order of insertion", p, ids)
		}
	}
	for f, err := range s.Files(t.Context()) {
		if err != nil || f.DataChange {
			t.Errorf("file %s: dataChange %v, %v", f.Path, f.DataChange, err)
		}
	}
	entry := lastEntry(t, table)
	want := map[string]string{"numAddedFiles": "2", "numRemovedFiles": "6", "numDeletionVectorsRemoved": "0"}
	for name, value := range want {
		if entry.OperationMetrics[name] != value {
			t.Errorf("metric %s is %q, want %q", name, entry.OperationMetrics[name], value)
		}
	}
	if entry.Operation != "OPTIMIZE" || entry.IsolationLevel != "SnapshotIsolation" || *entry.OperationParameters["zOrderBy"] != "[]" {
		t.Errorf("history has %+v", entry)
	}
}

func lastEntry(tb testing.TB, table *delta.Table) delta.HistoryEntry {
	tb.Helper()
	h, err := table.History(tb.Context(), 1)
	if err != nil {
		tb.Fatal(err)
	}
	return h[0]
}

func TestOptimizeTwiceChangesNothing(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{Schema: rangedSchema(t)}, ranged(t, 0, 5), ranged(t, 5, 9))
	for range 2 {
		if _, err := table.Optimize(t.Context(), delta.OptimizeOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if v := snapshot(t, table).Version(); v != 3 {
		t.Errorf("version %d after the second run, want 3 as after the first", v)
	}
}

func TestOptimizeOptions(t *testing.T) {
	size := snapshotSize(t)
	tests := map[string]struct {
		opts           delta.OptimizeOptions
		removed, added int64
	}{
		"bins of two files":           {delta.OptimizeOptions{TargetFileSize: 2*size + size/2}, 4, 2},
		"files large enough":          {delta.OptimizeOptions{MinFileSize: 1}, 0, 0},
		"one partition":               {delta.OptimizeOptions{Files: func(f delta.AddFile) bool { return *f.PartitionValues["p"] == "0" }}, 4, 1},
		"too few files":               {delta.OptimizeOptions{MinFiles: 5}, 0, 0},
		"no two files fit the target": {delta.OptimizeOptions{TargetFileSize: size + size/2, MinFileSize: 1 << 30}, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			table := filled(t, newMemory(), delta.Metadata{Schema: rangedSchema(t), PartitionColumns: []string{"p"}},
				evens(t, 0), evens(t, 10), evens(t, 20), evens(t, 30))
			got, err := table.Optimize(t.Context(), test.opts)
			if err != nil {
				t.Fatal(err)
			}
			if got.Removed.Files != test.removed || got.Added.Files != test.added {
				t.Errorf("removed %d, added %d, want %d and %d", got.Removed.Files, got.Added.Files, test.removed, test.added)
			}
		})
	}
}

// evens returns a record of one partition.
func evens(tb testing.TB, from int) arrow.RecordBatch {
	tb.Helper()
	return jsonRecord(tb, rangedSchema(tb), fmt.Sprintf(`{"id":%d,"p":"0","text":"row %d"}`, from, from))
}

// snapshotSize returns the size of a file of evens.
func snapshotSize(t *testing.T) int64 {
	t.Helper()
	return snapshot(t, filled(t, newMemory(), delta.Metadata{Schema: rangedSchema(t), PartitionColumns: []string{"p"}}, evens(t, 10))).SizeInBytes()
}

// TestOptimizeUnderConcurrency lets other commits in just before those of an
// OPTIMIZE of two groups.
func TestOptimizeUnderConcurrency(t *testing.T) {
	tests := map[string]struct {
		// interfere commits to another handle of the table, once.
		interfere func(t *testing.T, other *delta.Table, m *memory)
		rows      int
		files     int64 // of the result
	}{
		"append": {func(t *testing.T, other *delta.Table, m *memory) {
			t.Helper()
			appendRecord(t, other, m, evens(t, 100))
		}, 41, 3},
		"delete of a file being packed": {func(t *testing.T, other *delta.Table, _ *memory) {
			t.Helper()
			s := snapshot(t, other)
			tx := other.Begin(s)
			for f, err := range s.Files(t.Context()) {
				if err == nil && *f.PartitionValues["p"] == "0" {
					tx.Remove(f.Remove(1, true))
					break
				}
			}
			commit(t, tx)
		}, 35, 2},
		"properties": {func(t *testing.T, other *delta.Table, _ *memory) {
			t.Helper()
			s := snapshot(t, other)
			tx := other.Begin(s)
			meta := s.Metadata().Clone()
			meta.Configuration["k"] = "v"
			tx.SetMetadata(meta)
			commit(t, tx)
		}, 40, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			table := filled(t, m, delta.Metadata{Schema: rangedSchema(t), PartitionColumns: []string{"p"}},
				ranged(t, 0, 10), ranged(t, 10, 20), ranged(t, 20, 30), ranged(t, 30, 40))
			done := false
			storage := intercept{memory: m, before: func() {
				if !done {
					done = true
					test.interfere(t, delta.NewTable(m, options()), m)
				}
			}}
			got, err := delta.NewTable(storage, options()).Optimize(t.Context(), delta.OptimizeOptions{GroupBytes: 1})
			if err != nil {
				t.Fatal(err)
			}
			if got.Commits != 2 {
				t.Errorf("%d commits, want one a group", got.Commits)
			}
			if rows := rowsOf(t, table); len(rows) != test.rows || len(slices.Compact(slices.Clone(rows))) != test.rows {
				t.Errorf("%d rows, want %d different ones", len(rows), test.rows)
			}
			if n := snapshot(t, table).NumFiles(); n != test.files {
				t.Errorf("%d files, want %d", n, test.files)
			}
			checkNoOrphans(t, m, table, 8+int(test.files))
		})
	}
}

// intercept calls before ahead of the first put of each commit.
type intercept struct {
	*memory
	before func()
}

func (i intercept) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	i.before()
	return i.memory.PutIfAbsent(ctx, key, data)
}

// checkNoOrphans counts data files: those that were ever in the table.
func checkNoOrphans(t *testing.T, m *memory, _ *delta.Table, want int) {
	t.Helper()
	n := 0
	for key := range m.objects {
		if strings.HasSuffix(key, ".parquet") && !strings.HasPrefix(key, "_delta_log/") {
			n++
		}
	}
	if n > want {
		t.Errorf("%d data files are left, want at most %d: output of a group done again was not deleted", n, want)
	}
}

func TestOptimizeLeavesNothingWhenItFails(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{Schema: rangedSchema(t)}, ranged(t, 0, 10), ranged(t, 10, 20))
	before := len(m.objects)
	m.fault = func(call string) faultKind {
		if strings.HasPrefix(call, "Close part-") {
			return faultBefore
		}
		return noFault
	}
	if _, err := table.Optimize(t.Context(), delta.OptimizeOptions{}); !errors.Is(err, errInjected) {
		t.Fatalf("error %v, want the storage's", err)
	}
	if len(m.objects) != before {
		t.Errorf("%d objects, want %d as before", len(m.objects), before)
	}
}

func TestPurgeDropsDeletedRows(t *testing.T) {
	m := newMemory()
	table := filled(t, m, delta.Metadata{
		Schema: rangedSchema(t), Configuration: map[string]string{"delta.enableDeletionVectors": "true"},
	}, ranged(t, 0, 10), ranged(t, 10, 20))
	deleteRows(t, table, 0, 3)
	before := rowsOf(t, table)
	got, err := table.Purge(t.Context(), delta.PurgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Removed.Files != 1 || got.Added.Files != 1 || got.VectorsRemoved != 1 || got.RowsRemoved != 2 {
		t.Errorf("result is %+v", got)
	}
	if d := cmp.Diff(before, rowsOf(t, table)); d != "" {
		t.Errorf("rows changed (-before +after):\n%s", d)
	}
	for f := range snapshot(t, table).Files(t.Context()) {
		if f.DeletionVector != nil {
			t.Errorf("file %s still has a deletion vector", f.Path)
		}
	}
	if e := lastEntry(t, table); e.Operation != "REORG" || *e.OperationParameters["applyPurge"] != "true" {
		t.Errorf("history has %+v", e)
	}
}

// deleteRows marks rows of the table's first file as deleted, inline.
func deleteRows(t *testing.T, table *delta.Table, rows ...int64) {
	t.Helper()
	s := snapshot(t, table)
	for f, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		tx := table.Begin(s)
		tx.Remove(f.Remove(1, true))
		f.DeletionVector = inlineVector(t, rows...)
		tx.Add(f)
		commit(t, tx)
		return
	}
}

func TestZOrder(t *testing.T) {
	ddl := parseDDL(t, "x INT, y INT, s STRUCT<n: STRING>")
	for _, limit := range []int64{0, 1 << 20} { // in memory, and by a temporary file
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			dir := t.TempDir()
			m := newMemory()
			const side = 128
			var records []arrow.RecordBatch
			for x := range side {
				var rows []string
				for y := range side {
					rows = append(rows, fmt.Sprintf(`{"x":%d,"y":%d,"s":{"n":"%064d"}}`, x, (y*37)%side, x*y))
				}
				records = append(records, jsonRecord(t, ddl, rows...))
			}
			table := filled(t, m, delta.Metadata{Schema: ddl})
			appendRecord(t, table, m, records...)
			before := rowsOf(t, table)
			got, err := table.Optimize(t.Context(), delta.OptimizeOptions{
				ZOrderBy: [][]string{{"x"}, {"y"}}, MemoryLimit: limit, TempDir: dir,
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Removed.Files != 1 {
				t.Errorf("%d files removed, want 1", got.Removed.Files)
			}
			if d := cmp.Diff(before, rowsOf(t, table)); d != "" {
				t.Error("rows changed")
			}
			s := snapshot(t, table)
			for _, column := range []string{"x", "y"} {
				// A sixteenth of the rows spans about a quarter of each column.
				if span := meanSpan(integers(t, s, column, nil), side*side/16); span > side/2 {
					t.Errorf("runs of rows span %d of %d values of %s", span, side, column)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("temporary files %v, %v are left", left, err)
			}
			if params := lastEntry(t, table).OperationParameters; *params["zOrderBy"] != `["x","y"]` {
				t.Errorf("parameters are %v", params)
			}
		})
	}
}

// meanSpan returns the mean distance of the extremes in runs of n values.
func meanSpan(values []int, n int) int {
	total, runs := 0, 0
	for run := range slices.Chunk(values, n) {
		total += slices.Max(run) - slices.Min(run) + 1
		runs++
	}
	return total / runs
}

func TestZOrderRefused(t *testing.T) {
	table := filled(t, newMemory(), delta.Metadata{
		Schema: rangedSchema(t), PartitionColumns: []string{"p"},
		Configuration: map[string]string{"delta.dataSkippingNumIndexedCols": "1"},
	}, ranged(t, 0, 4))
	tests := map[string]string{
		"p": "DELTA_ZORDERING_ON_PARTITION_COLUMN", "text": "DELTA_ZORDERING_ON_COLUMN_WITHOUT_STATS", "no": "DELTA_ZORDERING_COLUMN_DOES_NOT_EXIST",
	}
	for column, want := range tests {
		if _, err := table.Optimize(t.Context(), delta.OptimizeOptions{ZOrderBy: [][]string{{column}}}); class(err) != want {
			t.Errorf("ZORDER BY %s: %v, want class %s", column, err, want)
		}
	}
}

func clustered(t *testing.T, m *memory, columns string) *delta.Table {
	t.Helper()
	table := delta.NewTable(m, options())
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: rangedSchema(t), Configuration: map[string]string{"delta.feature.clustering": "supported"}})
	tx.SetDomainMetadata("delta.clustering", `{"clusteringColumns":`+columns+`}`, false)
	commit(t, tx)
	return table
}

func TestClustering(t *testing.T) {
	for _, columns := range []string{`[["id"],["text"]]`, `["id"]`} {
		t.Run(columns, func(t *testing.T) {
			m := newMemory()
			table := clustered(t, m, columns)
			appendRecord(t, table, m, ranged(t, 0, 50))
			appendRecord(t, table, m, ranged(t, 50, 99))
			optimize := func(opts delta.OptimizeOptions) *delta.OptimizeResult {
				t.Helper()
				r, err := table.Optimize(t.Context(), opts)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			if r := optimize(delta.OptimizeOptions{}); r.Removed.Files != 2 || r.Added.Files != 1 {
				t.Errorf("first run: %+v", r)
			}
			for f := range snapshot(t, table).Files(t.Context()) {
				if f.ClusteringProvider != "liquid" || f.Tags["ZCUBE_ID"] == "" {
					t.Errorf("file has provider %q, tags %v", f.ClusteringProvider, f.Tags)
				}
			}
			if r := optimize(delta.OptimizeOptions{}); r.Removed.Files != 0 {
				t.Errorf("second run removed %d files, want none", r.Removed.Files)
			}
			appendRecord(t, table, m, ranged(t, 100, 120))
			if r := optimize(delta.OptimizeOptions{CubeSize: 1}); r.Removed.Files != 1 {
				t.Errorf("run after an append removed %d files, want the new one", r.Removed.Files)
			}
			if r := optimize(delta.OptimizeOptions{Full: true}); r.Removed.Files != 2 {
				t.Errorf("full run removed %d files, want all", r.Removed.Files)
			}
			if n := len(rowsOf(t, table)); n != 119 {
				t.Errorf("%d rows, want 119", n)
			}
			_, err := table.Optimize(t.Context(), delta.OptimizeOptions{ZOrderBy: [][]string{{"id"}}})
			if class(err) != "DELTA_CLUSTERING_WITH_ZORDER_BY" {
				t.Errorf("ZORDER BY: %v", err)
			}
		})
	}
}

func TestClusteredTablesKeepStatistics(t *testing.T) {
	m := newMemory()
	table := delta.NewTable(m, options())
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: rangedSchema(t), Configuration: map[string]string{
		"delta.feature.clustering": "supported", "delta.dataSkippingNumIndexedCols": "1",
	}})
	tx.SetDomainMetadata("delta.clustering", `{"clusteringColumns":[["text"]]}`, false)
	commit(t, tx)
	s := snapshot(t, table)
	if err := s.CheckWrite(); class(err) != "DELTA_CLUSTERING_COLUMN_MISSING_STATS" {
		t.Errorf("CheckWrite: %v", err)
	}
	tx = table.Begin(s)
	tx.Add(file("a.parquet"))
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"}); class(err) != "DELTA_CLUSTERING_COLUMN_MISSING_STATS" {
		t.Errorf("Commit: %v", err)
	}
}

// inlineVector returns a deletion vector that holds its rows itself.
func inlineVector(t *testing.T, rows ...int64) *delta.DeletionVector {
	t.Helper()
	data, err := dv.New(slices.Values(rows)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return &delta.DeletionVector{
		StorageType: "i", PathOrInlineDV: dv.EncodeInline(data), SizeInBytes: int32(len(data)), Cardinality: int64(len(rows)),
	}
}
