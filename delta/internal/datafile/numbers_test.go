package datafile_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"github.com/freshet/freshet/schema"
)

// numberRecord returns rows of "l bigint, i int, d double, f float", each
// value one of so many, at an offset into longer arrays; some are null.
func numberRecord(tb testing.TB, s *schema.Struct, random *rand.Rand, rows, distinct int, nulls float64) arrow.RecordBatch {
	tb.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(s))
	const before = 3
	for range before + rows {
		for c := range s.Fields {
			n := random.IntN(distinct)
			if random.Float64() < nulls {
				b.Field(c).AppendNull()
				continue
			}
			switch b := b.Field(c).(type) {
			case *array.Int64Builder:
				b.Append(int64(n) * math.MaxInt32)
			case *array.Int32Builder:
				b.Append(int32(n) - 7)
			case *array.Float64Builder:
				b.Append(float64(n) / 4)
			case *array.Float32Builder:
				b.Append(-float32(n) / 4)
			}
		}
	}
	return b.NewRecordBatch().NewSlice(before, int64(before+rows))
}

func TestNumbersWithDictionary(t *testing.T) {
	s := parse(t, "l bigint, i int, d double, f float")
	for _, c := range []struct {
		distinct, rows int
		nulls          float64
	}{{1, 5000, 0}, {100, 5000, 0}, {100, 70_000, 0.3}, {5, 1000, 1}, {2000, 5000, 0.01}} {
		t.Run(fmt.Sprintf("distinct=%d,nulls=%g", c.distinct, c.nulls), func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 2))
			groups := [][]arrow.RecordBatch{
				{numberRecord(t, s, random, c.rows, c.distinct, c.nulls), numberRecord(t, s, random, 17, c.distinct, c.nulls)},
				{numberRecord(t, s, random, c.rows, c.distinct, 0)},
			}
			data := write(t, s, "snappy", groups...)
			want := lines(t, append(groups[0], groups[1]...))
			if got := lines(t, read(t, data, s, 1000)); len(got) != len(want) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			} else {
				for i := range got {
					if got[i] != want[i] {
						t.Fatalf("row %d is %s, want %s", i, got[i], want[i])
					}
				}
			}
			chunk := chunkOf(t, data, 0, 2)
			if !chunk.HasDictionaryPage() {
				t.Error("the chunk has no dictionary")
			}
			checkBounds(t, chunk, groups[0])
		})
	}
}

// checkBounds compares the statistics of the column "d double".
func checkBounds(t *testing.T, chunk *metadata.ColumnChunkMetaData, records []arrow.RecordBatch) {
	t.Helper()
	low, high, nulls := math.Inf(1), math.Inf(-1), 0
	for _, r := range records {
		values := r.Column(2).(*array.Float64)
		nulls += values.NullN()
		for i := range values.Len() {
			if values.IsValid(i) {
				low, high = min(low, values.Value(i)), max(high, values.Value(i))
			}
		}
	}
	stats, err := chunk.Statistics()
	if err != nil {
		t.Fatal(err)
	}
	if stats.NullCount() != int64(nulls) || stats.HasMinMax() != (low <= high) {
		t.Errorf("%d nulls, bounds %t; want %d, %t", stats.NullCount(), stats.HasMinMax(), nulls, low <= high)
	}
	if s, ok := stats.(*metadata.Float64Statistics); ok && s.HasMinMax() && (s.Min() != low || s.Max() != high) {
		t.Errorf("from %v to %v, want from %v to %v", s.Min(), s.Max(), low, high)
	}
}

func chunkOf(t *testing.T, data []byte, group, column int) *metadata.ColumnChunkMetaData {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	chunk, err := r.MetaData().RowGroup(group).ColumnChunk(column)
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}

// A dictionary that outgrows its limit is given up for the whole chunk.
func TestNumbersWithTooManyValues(t *testing.T) {
	s := parse(t, "l bigint")
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(s))
	const rows = 150_000
	for i := range rows {
		n := int64(i)
		if i < 5000 {
			n %= 10 // so it begins with a dictionary
		}
		b.Field(0).(*array.Int64Builder).Append(n)
	}
	records := []arrow.RecordBatch{b.NewRecordBatch()}
	data := write(t, s, "snappy", records)
	next := 0
	for _, r := range read(t, data, s, 10_000) {
		for i, v := range r.Column(0).(*array.Int64).Int64Values() {
			if want := records[0].Column(0).(*array.Int64).Value(next + i); v != want {
				t.Fatalf("row %d is %d, want %d", next+i, v, want)
			}
		}
		next += int(r.NumRows())
	}
	if next != rows {
		t.Errorf("%d rows, want %d", next, rows)
	}
	if chunk := chunkOf(t, data, 0, 0); chunk.HasDictionaryPage() {
		t.Error("the chunk has a dictionary")
	}
}

// Zeros have two signs, and NaNs many payloads.
func TestNumbersByTheirBits(t *testing.T) {
	s := parse(t, "d double")
	for _, values := range [][]float64{
		{0, math.Copysign(0, -1), 1, 0, math.Copysign(0, -1), 1},
		{math.NaN(), 1, math.NaN(), 1, 2, 2},
		{math.NaN(), math.Float64frombits(0x7ff8000000000123), 1, 1, math.Inf(-1), math.Inf(-1)},
	} {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(s))
		b.Field(0).(*array.Float64Builder).AppendValues(values, nil)
		data := write(t, s, "snappy", []arrow.RecordBatch{b.NewRecordBatch()})
		got := read(t, data, s, 100)[0].Column(0).(*array.Float64).Float64Values()
		for i, v := range got {
			same := math.Float64bits(v) == math.Float64bits(values[i]) || math.IsNaN(v) && math.IsNaN(values[i])
			if !same {
				t.Errorf("%v: value %d is %v", values, i, v)
			}
		}
	}
}
