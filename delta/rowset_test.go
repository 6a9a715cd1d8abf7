package delta_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
)

// meter is storage that counts the bytes read.
type meter struct {
	*memory
	read atomic.Int64
}

func (m *meter) Open(ctx context.Context, key string) (delta.Object, error) {
	o, err := m.memory.Open(ctx, key)
	return meteredObject{o, m}, err
}

type meteredObject struct {
	delta.Object
	meter *meter
}

func (o meteredObject) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Object.ReadAt(p, off)
	o.meter.read.Add(int64(n))
	return n, err
}

// groupsTable creates a table of one file of some row groups of so many rows,
// which hardly compress.
func groupsTable(tb testing.TB, st delta.Storage, groups, rows int) *delta.Snapshot {
	tb.Helper()
	m := delta.Metadata{Schema: parseDDL(tb, peopleDDL)}
	records := make([]arrow.RecordBatch, groups)
	for g := range records {
		texts := make([]string, rows)
		for i := range texts {
			id := int64(g*rows + i)
			texts[i] = fmt.Sprintf(`{"id":%d,"v":"%x","p":0}`, id, uint64(id+1)*0x9e3779b97f4a7c15)
		}
		records[g] = jsonRecord(tb, m.Schema, texts...)
	}
	files := writeFiles(tb, st, delta.WriterConfig{Metadata: m, MemoryLimit: 1}, records...)
	if len(files) != 1 {
		tb.Fatalf("%d files, want 1", len(files))
	}
	return newTable(tb, st, m, files)
}

// scanIDs returns the ids at some positions.
func scanIDs(tb testing.TB, s *delta.Snapshot, rows ...int64) []int64 {
	tb.Helper()
	set := delta.NewRowSet(rows...)
	var ids []int64
	for r, err := range s.Scan(tb.Context(), delta.ScanOptions{Parallelism: 1, Rows: func(delta.AddFile) *delta.RowSet { return set }}) {
		if err != nil {
			tb.Fatal(err)
		}
		ids = append(ids, r.Column(0).(*array.Int64).Int64Values()...)
		r.Release()
	}
	return ids
}

// TestScanRowsSkipsRowGroups reads positions of a file of several row groups:
// those without any are not read.
func TestScanRowsSkipsRowGroups(t *testing.T) {
	const groups, rows = 3, 25_000
	st := &meter{memory: newMemory()}
	s := groupsTable(t, st, groups, rows)
	st.read.Store(0)
	if all := scanRows(t, s, delta.ScanOptions{}); len(all) != groups*rows {
		t.Fatalf("%d rows", len(all))
	}
	whole := st.read.Load()
	tests := []struct {
		rows []int64
		most float64 // share of the file that is read
	}{
		{[]int64{0}, 0.40},
		{[]int64{rows + 5, 2*rows - 1}, 0.40},
		{[]int64{rows - 1, rows}, 0.75},
		{[]int64{groups*rows - 1}, 0.40},
		{[]int64{groups * rows}, 0.01}, // behind the end: the footer alone
		{nil, 0},
	}
	for _, tt := range tests {
		st.read.Store(0)
		got := scanIDs(t, s, tt.rows...)
		want := slices.DeleteFunc(slices.Clone(tt.rows), func(row int64) bool { return row >= groups*rows })
		if !slices.Equal(got, want) {
			t.Errorf("positions %v: got ids %v", tt.rows, got)
		}
		if share := float64(st.read.Load()) / float64(whole); share > tt.most {
			t.Errorf("positions %v: %.2f of the file was read, want at most %.2f", tt.rows, share, tt.most)
		}
	}
}

// BenchmarkScanRows reads three rows of a file of a million, near the end of
// different row groups, which is the worst of places.
func BenchmarkScanRows(b *testing.B) {
	const groups, rows = 10, 100_000
	s := groupsTable(b, newMemory(), groups, rows)
	for _, bench := range []struct {
		name string
		rows []int64
	}{{"three", []int64{rows - 1, 5*rows - 1, 9*rows - 1}}, {"first", []int64{0}}} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				if got := scanIDs(b, s, bench.rows...); len(got) != len(bench.rows) {
					b.Fatal(got)
				}
			}
		})
	}
}
