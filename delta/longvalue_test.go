package delta_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// A very long value is stored whole, and its bounds are the prefixes that
// those of any long value are, whichever characters they are cut between.
func TestVeryLongValues(t *testing.T) {
	columns := schema.New(schema.Col("v", schema.String))
	long := strings.Repeat("ä€𝄞", 3<<20) + "end"
	b := array.NewRecordBuilder(arrowmemory.DefaultAllocator, schema.ToArrow(columns))
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"zz", long, "aa"}, nil)
	rec := b.NewRecordBatch()
	defer rec.Release()
	store := newMemory()
	w, err := delta.NewWriter(store, delta.WriterConfig{Metadata: delta.Metadata{Schema: columns}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	files, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var stats struct{ MinValues, MaxValues struct{ V string } }
	if err := json.Unmarshal([]byte(files[0].Stats), &stats); err != nil {
		t.Fatal(err)
	}
	if low, high := stats.MinValues.V, stats.MaxValues.V; low != "aa" || !strings.HasPrefix(high, "ä€𝄞ä€𝄞") || high <= long || len(high) > 200 {
		t.Errorf("bounds are %q and %q", low, high)
	}
	table := delta.NewTable(store, delta.Options{})
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: columns})
	tx.Add(files[0])
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"}); err != nil {
		t.Fatal(err)
	}
	snap, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rec, err := range snap.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			got = append(got, strings.Clone(rec.Column(0).ValueStr(i)))
		}
	}
	if len(got) != 3 || got[0] != "zz" || got[1] != long || got[2] != "aa" {
		t.Errorf("read %d values back, or other ones", len(got))
	}
}
