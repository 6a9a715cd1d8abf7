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
)

// Structs of more rows than a vector, null ones and nested ones among them,
// arrive as they are: DuckDB gets them in slices.
func TestLongStructs(t *testing.T) {
	inner := arrow.StructOf(arrow.Field{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true})
	outer := arrow.StructOf(
		arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "inner", Type: inner, Nullable: true},
	)
	layout := arrow.NewSchema([]arrow.Field{{Name: "s", Type: outer, Nullable: true}}, nil)
	const rows = 10_007
	b := array.NewRecordBuilder(memory.DefaultAllocator, layout)
	defer b.Release()
	s := b.Field(0).(*array.StructBuilder)
	var sum int64
	for i := range int64(rows) {
		if i%7 == 3 {
			s.AppendNull()
			continue
		}
		s.Append(true)
		s.FieldBuilder(0).(*array.Int64Builder).Append(i)
		nested := s.FieldBuilder(1).(*array.StructBuilder)
		if i%5 == 0 {
			nested.AppendNull()
			continue
		}
		nested.Append(true)
		nested.FieldBuilder(0).(*array.StringBuilder).Append(fmt.Sprintf("row %d %s", i, strings.Repeat("x", int(i%40))))
		sum += i
	}
	rec := b.NewRecordBatch()
	defer rec.Release()
	e, err := duckdb.Open(duckdb.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	input := engine.Input{Name: "t", Schema: layout, Open: func(context.Context) (array.RecordReader, error) {
		return array.NewRecordReader(layout, []arrow.RecordBatch{rec})
	}}
	const query = `SELECT count(*), count(s), count(s.inner), CAST(sum(s.n) FILTER (s.inner IS NOT NULL) AS BIGINT),
		count(*) FILTER (starts_with(s.inner.text, concat('row ', s.n, ' '))) FROM t`
	reader, err := e.Query(t.Context(), query, []engine.Input{input})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	if !reader.Next() {
		t.Fatal(reader.Err())
	}
	got := make([]string, 5)
	for i := range got {
		got[i] = reader.RecordBatch().Column(i).ValueStr(0)
	}
	valid, inners := 0, 0
	for i := range rows {
		if i%7 != 3 {
			valid++
			if i%5 != 0 {
				inners++
			}
		}
	}
	want := fmt.Sprint(rows, valid, inners, sum, inners)
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
