//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
	"github.com/freshet/freshet/schema"
)

// TestEveryTypeGoesThrough sends batches longer than DuckDB's vectors, with
// NULLs, of every Delta type through the engine and back.
func TestEveryTypeGoesThrough(t *testing.T) {
	s, err := schema.ParseDDL(`b BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INT, i64 BIGINT, f FLOAT, d DOUBLE,
		dec DECIMAL(20,3), s STRING, bin BINARY, date DATE, ts TIMESTAMP, ntz TIMESTAMP_NTZ,
		l ARRAY<INT>, ls ARRAY<STRING>, m MAP<STRING,INT>, st STRUCT<x: INT, y: STRUCT<z: STRING>>,
		las ARRAY<STRUCT<p: INT, q: ARRAY<STRING>>>, sl STRUCT<a: ARRAY<INT>, k: MAP<STRING,DOUBLE>>`)
	if err != nil {
		t.Fatal(err)
	}
	fields := schema.ToArrow(s).Fields()
	in := arrow.NewSchema(fields, nil)
	const rows = 5000
	b := array.NewRecordBuilder(memory.DefaultAllocator, in)
	defer b.Release()
	for i := range rows {
		for c := range fields {
			appendValue(b.Field(c), i, i%7 == c%7)
		}
	}
	whole := b.NewRecordBatch()
	defer whole.Release()
	part := whole.NewSlice(3, rows) // offsets of its own
	defer part.Release()

	r, err := open(t, duckdb.Config{}).Query(t.Context(), "SELECT * FROM t", []engine.Input{{
		Name: "t", Schema: in, Open: func(context.Context) (array.RecordReader, error) {
			return array.NewRecordReader(in, []arrow.RecordBatch{part})
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if back, err := schema.FromArrow(r.Schema()); err != nil || !schema.EqualIgnoringNulls(back, s) {
		t.Errorf("schema = %v, %v, want %v", back, err, s)
	}
	at := 0
	for r.Next() {
		got := r.RecordBatch()
		for c := range fields {
			for i := range int(got.NumRows()) {
				g, w := got.Column(c).ValueStr(i), part.Column(c).ValueStr(at+i)
				if g != w {
					t.Fatalf("%s of row %d = %s, want %s", fields[c].Name, at+i, g, w)
				}
			}
		}
		at += int(got.NumRows())
	}
	if r.Err() != nil || at != rows-3 {
		t.Errorf("%d rows, %v", at, r.Err())
	}
}

func appendValue(b array.Builder, i int, null bool) {
	if null {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(i%3 == 0)
	case *array.Int8Builder:
		b.Append(int8(i))
	case *array.Int16Builder:
		b.Append(int16(i))
	case *array.Int32Builder:
		b.Append(int32(i))
	case *array.Int64Builder:
		b.Append(int64(i) << 33)
	case *array.Float32Builder:
		b.Append(float32(i) / 4)
	case *array.Float64Builder:
		b.Append(float64(i) / 3)
	case *array.StringBuilder:
		b.Append(strings.Repeat("é", i%20) + fmt.Sprint(i))
	case *array.BinaryBuilder:
		b.Append([]byte{byte(i), 0, 0xFF})
	case *array.Date32Builder:
		b.Append(arrow.Date32(i - 100))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(i) * 1_000_001)
	case *array.MapBuilder:
		b.Append(true)
		for k := range i % 3 {
			b.KeyBuilder().(*array.StringBuilder).Append(fmt.Sprint(k))
			appendValue(b.ItemBuilder(), i+k, k == 1)
		}
	case *array.ListBuilder:
		b.Append(true)
		for k := range i % 4 {
			appendValue(b.ValueBuilder(), i+k, k == 2)
		}
	case *array.StructBuilder:
		b.Append(true)
		for k := range b.NumField() {
			appendValue(b.FieldBuilder(k), i+k, (i+k)%5 == 0)
		}
	default:
		if err := b.AppendValueFromString(fmt.Sprintf("%d.25", i)); err != nil {
			panic(err)
		}
	}
}
