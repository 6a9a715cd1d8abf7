// Package rowset makes small results row by row: those of SHOW, DESCRIBE and
// their like.
package rowset

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// Table is a result that is built row by row. It is not safe for concurrent use.
type Table struct {
	Schema *schema.Struct
	Rows   [][]any // as given to [Table.Add]
}

// New returns a table of these columns without rows.
func New(fields ...schema.Field) *Table { return &Table{Schema: schema.New(fields...)} }

// Add appends a row; values that it lacks are null. Its values are strings, int64s, int32s, bools, times,
// float64s, string lists, maps of strings or of pointers to them, lists of the
// values of a struct's fields, or nil.
func (t *Table) Add(values ...any) { t.Rows = append(t.Rows, values) }

// Batches yields the rows as they are when it is read, as one batch that is
// released after the loop body.
func (t *Table) Batches() iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(t.Schema))
		defer b.Release()
		for _, row := range t.Rows {
			for i, field := range b.Fields() {
				if i >= len(row) {
					field.AppendNull()
					continue
				}
				appendValue(field, row[i])
			}
		}
		rec := b.NewRecordBatch()
		defer rec.Release()
		yield(rec, nil)
	}
}

// appendValue appends v to a builder of its type; a value of another type is
// null.
func appendValue(b array.Builder, v any) {
	switch b := b.(type) {
	case *array.StringBuilder:
		if s, ok := v.(string); ok {
			b.Append(s)
			return
		}
	case *array.Int64Builder:
		if n, ok := v.(int64); ok {
			b.Append(n)
			return
		}
	case *array.Int32Builder:
		if n, ok := v.(int32); ok {
			b.Append(n)
			return
		}
	case *array.BooleanBuilder:
		if x, ok := v.(bool); ok {
			b.Append(x)
			return
		}
	case *array.TimestampBuilder:
		if at, ok := v.(time.Time); ok {
			b.Append(arrow.Timestamp(at.UnixMicro()))
			return
		}
	case *array.MapBuilder:
		switch m := v.(type) {
		case map[string]string:
			appendMap(b, m, func(s string) any { return s })
			return
		case map[string]*string:
			appendMap(b, m, func(s *string) any {
				if s == nil {
					return nil
				}
				return *s
			})
			return
		}
	case *array.Float64Builder:
		if x, ok := v.(float64); ok {
			b.Append(x)
			return
		}
	case *array.StructBuilder:
		if values, ok := v.([]any); ok {
			b.Append(true)
			for i, x := range values {
				appendValue(b.FieldBuilder(i), x)
			}
			return
		}
	case *array.ListBuilder:
		if list, ok := v.([]string); ok {
			b.Append(true)
			for _, x := range list {
				appendValue(b.ValueBuilder(), x)
			}
			return
		}
	}
	b.AppendNull()
}

// appendMap appends a map in the order of its keys.
func appendMap[V any](b *array.MapBuilder, m map[string]V, value func(V) any) {
	b.Append(true)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		appendValue(b.KeyBuilder(), k)
		appendValue(b.ItemBuilder(), value(m[k]))
	}
}
