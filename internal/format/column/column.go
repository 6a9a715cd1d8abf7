// Package column builds Arrow columns value by value, without an interface,
// an allocation or a copy per value.
//
// A reader holds one builder a column, of the concrete type, appends to it and
// finishes it batch by batch: Finish hands the memory over to the array, and
// the next batch starts with room for as much. Rows may be filled out of
// order of columns: [Builder].Resize brings a column that fell behind up to
// date with nulls, and takes back values of a row that is to be replaced or
// dropped.
//
// Builders are not safe for concurrent use. One column of a batch holds less
// than 2 GiB of text; readers see to it by the size of the blocks they parse.
package column

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// Builder is a column under construction. The concrete types of this package
// add an Append with the value's own type.
type Builder interface {
	// Len returns the number of values, nulls included.
	Len() int
	// AppendNull appends a null.
	AppendNull()
	// Resize makes the column n values long: it removes values from the end
	// or appends nulls.
	Resize(n int)
	// Finish returns the column and empties the builder. The caller owns the
	// array.
	Finish() arrow.Array
}

// New returns a builder of the Arrow type that carries t (see
// [schema.ArrowType]):
//
//	STRING, BINARY                *String
//	BIGINT, INT, SMALLINT, …      *Fixed of int64, int32, int16, int8
//	DOUBLE, FLOAT                 *Fixed of float64, float32
//	DATE                          *Fixed of arrow.Date32
//	TIMESTAMP, TIMESTAMP_NTZ      *Fixed of arrow.Timestamp
//	DECIMAL                       *Fixed of decimal128.Num
//	BOOLEAN, VOID                 *Bool, *Null
//	ARRAY, MAP, STRUCT, VARIANT   *List, *Map, *Struct, *Struct
//
// Strings are not dictionary-encoded; see [NewString].
func New(t schema.Type) Builder {
	dtype := schema.ArrowType(t)
	switch t := t.(type) {
	case schema.Primitive:
		return newPrimitive(t, dtype)
	case schema.Decimal:
		return NewFixed[decimal128.Num](dtype)
	case schema.Array:
		return &List{dtype: dtype, elem: New(t.Element)}
	case schema.Map:
		return &Map{dtype: dtype, keys: New(t.Key), values: New(t.Value)}
	case *schema.Struct:
		s := &Struct{dtype: dtype, fields: make([]Builder, len(t.Fields))}
		for i, f := range t.Fields {
			s.fields[i] = New(f.Type)
		}
		return s
	}
	return &Null{}
}

func newPrimitive(t schema.Primitive, dtype arrow.DataType) Builder {
	switch t {
	case schema.String, schema.Binary:
		return &String{dtype: dtype}
	case schema.Long:
		return NewFixed[int64](dtype)
	case schema.Integer:
		return NewFixed[int32](dtype)
	case schema.Short:
		return NewFixed[int16](dtype)
	case schema.Byte:
		return NewFixed[int8](dtype)
	case schema.Double:
		return NewFixed[float64](dtype)
	case schema.Float:
		return NewFixed[float32](dtype)
	case schema.Date:
		return NewFixed[arrow.Date32](dtype)
	case schema.Timestamp, schema.TimestampNTZ:
		return NewFixed[arrow.Timestamp](dtype)
	case schema.Boolean:
		return &Bool{}
	case schema.Variant:
		binary := arrow.BinaryTypes.Binary
		return &Struct{dtype: dtype, fields: []Builder{&String{dtype: binary}, &String{dtype: binary}}}
	case schema.Void:
		return &Null{}
	}
	return &Null{}
}

// nulls lists the rows that are null, ascending. Nulls are rare or whole
// columns, so a list keeps the path of a value free of them and of a bitmap.
type nulls []int32

// appendRange adds the rows from up to, not including, to.
func (x *nulls) appendRange(from, to int) {
	for i := from; i < to; i++ {
		*x = append(*x, int32(i))
	}
}

// cut removes the rows from n on.
func (x *nulls) cut(n int) {
	rows := *x
	for len(rows) > 0 && int(rows[len(rows)-1]) >= n {
		rows = rows[:len(rows)-1]
	}
	*x = rows
}

// finish returns the validity bitmap of n rows, nil when none is null, and
// empties the list.
func (x *nulls) finish(n int) (bitmap *memory.Buffer, count int) {
	rows := *x
	*x = rows[:0]
	if len(rows) == 0 {
		return nil, 0
	}
	bitset := make([]byte, (n+7)/8)
	for i := range bitset {
		bitset[i] = 0xff
	}
	if n%8 != 0 {
		bitset[n/8] = 1<<(n%8) - 1
	}
	for _, row := range rows {
		bitset[row/8] &^= 1 << (row % 8)
	}
	return memory.NewBufferBytes(bitset), len(rows)
}

// room returns an empty slice for as many values as a batch of n had, and
// some more. A batch that is much larger than most is not taken for the rule.
func room[T any](n int) []T {
	const most = 8 << 20
	if n == 0 || n > most {
		return nil
	}
	return make([]T, 0, n+n/16+8)
}
