package state

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// copyValue appends a value of an array to the builder of one of its type,
// which is one that a column of a table may have.
func copyValue(b array.Builder, from arrow.Array, i int) error {
	if from.IsNull(i) {
		b.AppendNull()
		return nil
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		return copyOf[bool](b, from, i)
	case *array.Int8Builder:
		return copyOf[int8](b, from, i)
	case *array.Int16Builder:
		return copyOf[int16](b, from, i)
	case *array.Int32Builder:
		return copyOf[int32](b, from, i)
	case *array.Int64Builder:
		return copyOf[int64](b, from, i)
	case *array.Float32Builder:
		return copyOf[float32](b, from, i)
	case *array.Float64Builder:
		return copyOf[float64](b, from, i)
	case *array.Date32Builder:
		return copyOf[arrow.Date32](b, from, i)
	case *array.TimestampBuilder:
		return copyOf[arrow.Timestamp](b, from, i)
	case *array.StringBuilder:
		return copyOf[string](b, from, i)
	case *array.BinaryBuilder:
		return copyOf[[]byte](b, from, i)
	case *array.Decimal128Builder:
		if a, ok := from.(*array.Decimal128); ok {
			b.Append(a.Value(i))
			return nil
		}
	case *array.StructBuilder:
		return copyStruct(b, from, i)
	case *array.ListBuilder:
		b.Append(true)
		return copyList(b.ValueBuilder(), from, i)
	case *array.MapBuilder:
		b.Append(true)
		return copyList(b.ValueBuilder(), from, i)
	}
	return fmt.Errorf("state has no columns of type %s", from.DataType())
}

// copyOf copies a value that is one of Go's types.
func copyOf[T any](b interface{ Append(v T) }, from arrow.Array, i int) error {
	a, ok := from.(interface{ Value(i int) T })
	if !ok {
		return fmt.Errorf("state has a column of type %s where another is declared", from.DataType())
	}
	b.Append(a.Value(i))
	return nil
}

func copyStruct(b *array.StructBuilder, from arrow.Array, i int) error {
	a, ok := from.(*array.Struct)
	if !ok || a.NumField() != b.NumField() {
		return fmt.Errorf("state has a column of type %s where a struct is declared", from.DataType())
	}
	b.Append(true)
	for f := range a.NumField() {
		if err := copyValue(b.FieldBuilder(f), a.Field(f), i); err != nil {
			return err
		}
	}
	return nil
}

// copyList copies the elements of a list, or the entries of a map.
func copyList(b array.Builder, from arrow.Array, i int) error {
	a, ok := from.(array.ListLike)
	if !ok {
		return fmt.Errorf("state has a column of type %s where a list is declared", from.DataType())
	}
	begin, end := a.ValueOffsets(i)
	for j := begin; j < end; j++ {
		if err := copyValue(b, a.ListValues(), int(j)); err != nil {
			return err
		}
	}
	return nil
}
