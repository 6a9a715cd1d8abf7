package delta_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
)

// sourceOf returns a merge source of some batches, which it keeps.
func sourceOf(batches ...arrow.RecordBatch) func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for _, b := range batches {
				b.Retain()
				if !yield(b, nil) {
					return
				}
			}
		}
	}
}

func TestMerge(t *testing.T) {
	tests := []struct {
		name string
		opts delta.MergeOptions
		ids  []int64 // of the source
		// what becomes of the table of ids 0 to 19
		updated, deleted, inserted int64
		rows                       int
		err                        any
	}{
		{name: "upsert", ids: []int64{3, 14, 40, 41}, updated: 2, inserted: 2, rows: 22},
		{name: "nothing matches", ids: []int64{40, 40}, inserted: 2, rows: 22},
		{name: "an empty source", rows: 20},
		{name: "delete", opts: delta.MergeOptions{Matched: delta.MatchedDelete, KeepNotMatched: true}, ids: []int64{3, 3, 40}, deleted: 1, rows: 19},
		{name: "insert only", opts: delta.MergeOptions{Matched: delta.MatchedKeep}, ids: []int64{3, 40}, inserted: 1, rows: 21},
		{name: "make equal", opts: delta.MergeOptions{DeleteNotMatchedBySource: true}, ids: []int64{3, 40}, updated: 1, deleted: 19, inserted: 1, rows: 2},
		{name: "ambiguous", ids: []int64{3, 3}, rows: 20, err: new(*delta.AmbiguousMergeError)},
	}
	for _, tt := range tests {
		for _, config := range []map[string]string{nil, {vectorsOn: "true", feedOn: "true"}} {
			t.Run(fmt.Sprintf("%s/%d properties", tt.name, len(config)), func(t *testing.T) {
				st := newMemory()
				peopleTable(t, st, config, "p")
				table := delta.NewTable(st, delta.Options{})
				objects := len(st.objects)
				tt.opts.Keys = []string{"id", "p"}
				got, err := table.Merge(t.Context(), sourceOf(people(t, "new", tt.ids...)), tt.opts)
				if tt.err == nil && err != nil || tt.err != nil && !errors.As(err, tt.err) {
					t.Fatalf("got error %v, want %T", err, tt.err)
				}
				if err != nil && len(st.objects) != objects {
					t.Errorf("%d objects left behind", len(st.objects)-objects)
				}
				if got.UpdatedRows != tt.updated || got.DeletedRows != tt.deleted || got.InsertedRows != tt.inserted {
					t.Errorf("updated %d, deleted %d, inserted %d; want %d, %d, %d",
						got.UpdatedRows, got.DeletedRows, got.InsertedRows, tt.updated, tt.deleted, tt.inserted)
				}
				s, err := table.Snapshot(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if want := min(1, tt.updated+tt.deleted+tt.inserted); s.Version() != want {
					t.Errorf("version %d, want %d", s.Version(), want)
				}
				rows := texts(t, s)
				fresh := 0
				for _, row := range rows {
					if strings.HasSuffix(row, ":new") {
						fresh++
					}
				}
				if len(rows) != tt.rows || int64(fresh) != tt.updated+tt.inserted {
					t.Errorf("%d rows, %d of them new: %v", len(rows), fresh, rows)
				}
			})
		}
	}
}

// TestMergeKeys matches rows by columns of every kind that can be a key;
// nulls match nothing.
func TestMergeKeys(t *testing.T) {
	const ddl = "a string, b date, c timestamp, d decimal(20,2), e boolean, f double, g binary, h smallint, v string"
	const row = `{"a":"x","b":"2024-01-02","c":"2024-01-02T03:04:05.000006Z","d":"1.50","e":true,"f":%s,"g":"AQI=","h":%s,"v":"%s"}`
	s := parseDDL(t, ddl)
	m := delta.Metadata{Schema: s, PartitionColumns: []string{"b"}}
	st := newMemory()
	newTable(t, st, m, writeFiles(t, st, delta.WriterConfig{Metadata: m},
		jsonRecord(t, s, fmt.Sprintf(row, "0", "7", "old"), fmt.Sprintf(row, "0", "8", "old"), fmt.Sprintf(row, "0", "null", "old"))))
	table := delta.NewTable(st, delta.Options{})
	got, err := table.Merge(t.Context(), sourceOf(
		jsonRecord(t, s, fmt.Sprintf(row, "-0.0", "7", "new"), fmt.Sprintf(row, "0", "null", "new"))),
		delta.MergeOptions{Keys: strings.Split("abcdefgh", "")})
	if err != nil {
		t.Fatal(err)
	}
	if got.UpdatedRows != 1 || got.InsertedRows != 1 {
		t.Errorf("updated %d and inserted %d rows, want 1 and 1", got.UpdatedRows, got.InsertedRows)
	}
}

// TestMergeReadsOnlyCandidates checks that files whose keys are out of range
// are not read.
func TestMergeReadsOnlyCandidates(t *testing.T) {
	st := newMemory()
	s := peopleTable(t, st, map[string]string{vectorsOn: "true"})
	st.calls = nil
	table := delta.NewTable(st, delta.Options{})
	if _, err := table.Merge(t.Context(), sourceOf(people(t, "new", 12, 13)), delta.MergeOptions{Keys: []string{"id"}}); err != nil {
		t.Fatal(err)
	}
	read := 0
	for f, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(st.calls, "Open "+f.Path) {
			read++
		}
	}
	if read != 1 {
		t.Errorf("%d of 2 files read, want 1", read)
	}
}

// TestMergeTriesAgain lets another writer change the same rows in between.
func TestMergeTriesAgain(t *testing.T) {
	st := newMemory()
	peopleTable(t, st, map[string]string{vectorsOn: "true"})
	table := delta.NewTable(st, delta.Options{})
	calls := 0
	source := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		if calls++; calls == 2 { // after the snapshot of the first try
			other := delta.NewTable(st, delta.Options{})
			if _, err := other.Merge(ctx, sourceOf(people(t, "other", 5)), delta.MergeOptions{Keys: []string{"id"}}); err != nil {
				t.Error(err)
			}
		}
		return sourceOf(people(t, "mine", 5))(ctx)
	}
	got, err := table.Merge(t.Context(), source, delta.MergeOptions{Keys: []string{"id"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if rows := texts(t, s); got.Version != 2 || len(rows) != 20 || !slices.Contains(rows, "5:mine") {
		t.Errorf("version %d holds %v", got.Version, rows)
	}
}

// rowIDsOf returns, by the column id, the row ids of a table.
func rowIDsOf(t *testing.T, table *delta.Table) map[int64]int64 {
	t.Helper()
	ids := make(map[int64]int64)
	for r, err := range snapshot(t, table).Scan(t.Context(), delta.ScanOptions{Columns: []string{"id"}, RowID: "row"}) {
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range r.Column(0).(*array.Int64).Int64Values() {
			if r.Column(1).IsNull(i) {
				t.Fatalf("row %d has no id", id)
			}
			ids[id] = r.Column(1).(*array.Int64).Value(i)
		}
		r.Release()
	}
	return ids
}

// TestMergeKeepsRowIDs follows the ids of rows through merges that replace
// them: with deletion vectors and without, once and again.
func TestMergeKeepsRowIDs(t *testing.T) {
	for _, vectors := range []string{"true", "false"} {
		t.Run("deletion vectors "+vectors, func(t *testing.T) {
			st := newMemory()
			table := delta.NewTable(st, delta.Options{})
			m := delta.Metadata{Schema: parseDDL(t, peopleDDL), Configuration: map[string]string{"delta.enableRowTracking": "true", vectorsOn: vectors}}
			tx := table.Begin(nil)
			tx.SetMetadata(m)
			commit(t, tx)
			opts := delta.MergeOptions{Keys: []string{"id"}}
			merge := func(ids ...int64) {
				if _, err := table.Merge(t.Context(), sourceOf(people(t, "new", ids...)), opts); err != nil {
					t.Fatal(err)
				}
			}
			merge(span(0, 20)...)
			want := rowIDsOf(t, table)
			for range 2 {
				merge(17, 3, 4)
				if diff := cmp.Diff(want, rowIDsOf(t, table)); diff != "" {
					t.Errorf("ids after rows were replaced (-want +got):\n%s", diff)
				}
			}
			merge(19, 20, 1)
			got := rowIDsOf(t, table)
			for id, row := range got {
				if id != 20 && row != want[id] || id == 20 && slices.Contains(slices.Collect(maps.Values(want)), row) {
					t.Errorf("row %d has id %d, had %d", id, row, want[id])
				}
			}
			info := commitActions(t, st, snapshot(t, table).Version())["commitInfo"][0]
			if tags, _ := info["tags"].(map[string]any); tags["delta.rowTracking.preserved"] != "true" {
				t.Errorf("the commit says of row ids: %v", info["tags"])
			}
		})
	}
}
