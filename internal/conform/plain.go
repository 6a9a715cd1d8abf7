package conform

import (
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Plain returns an array's values, decoded from a dictionary if need be. The
// caller owns the result and still owns a.
func Plain(a arrow.Array) (arrow.Array, error) {
	if _, ok := a.(*array.Dictionary); ok {
		return decodeDictionary(a, memory.DefaultAllocator)
	}
	a.Retain()
	return a, nil
}

// PlainRows yields batches whose columns have the types of layout: dictionaries
// are replaced by their values, and timestamps lose the name of a time zone.
func PlainRows(rows iter.Seq2[arrow.RecordBatch, error], layout *arrow.Schema) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			columns := make([]arrow.Array, rec.NumCols())
			for i := range columns {
				if columns[i], err = Plain(rec.Column(i)); err != nil {
					yield(nil, err)
					return
				}
				columns[i] = Retyped(columns[i], layout.Field(i).Type)
			}
			out := array.NewRecordBatch(layout, columns, rec.NumRows())
			for _, c := range columns {
				c.Release()
			}
			more := yield(out, nil)
			out.Release()
			if !more {
				return
			}
		}
	}
}

// Retyped returns an array, which it takes over, under another type of the
// same layout: another name of a time zone, other names or nullability of
// fields.
func Retyped(a arrow.Array, want arrow.DataType) arrow.Array {
	if arrow.TypeEqual(a.DataType(), want) {
		return a
	}
	defer a.Release()
	data := retypedData(a.Data(), want)
	defer data.Release()
	return array.MakeFromData(data)
}

func retypedData(data arrow.ArrayData, want arrow.DataType) arrow.ArrayData {
	children := slices.Clone(data.Children())
	if nested, ok := want.(arrow.NestedType); ok && len(nested.Fields()) == len(children) {
		for i, f := range nested.Fields() {
			children[i] = retypedData(children[i], f.Type)
			defer children[i].Release()
		}
	}
	return array.NewData(want, data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
}
