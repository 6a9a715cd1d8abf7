// Package selection copies chosen rows of Arrow arrays.
package selection

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TakeRecord returns the given rows of r, in the order given. Arrays of a
// type that [Take] does not know are an error.
func TakeRecord(r arrow.RecordBatch, rows []int32) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, r.NumCols())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, c := range r.Columns() {
		taken, err := Take(c, rows)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", r.ColumnName(i), err)
		}
		columns = append(columns, taken)
	}
	return array.NewRecordBatch(r.Schema(), columns, int64(len(rows))), nil
}

// Take returns the given rows of arr, in the order given. Dictionaries are
// shared, not copied.
func Take(arr arrow.Array, rows []int32) (arrow.Array, error) {
	data, err := take(arr, rows)
	if err != nil {
		return nil, err
	}
	defer data.Release()
	return array.MakeFromData(data), nil
}

func take(arr arrow.Array, rows []int32) (arrow.ArrayData, error) {
	valid, nulls := validity(arr, rows)
	switch arr := arr.(type) {
	case *array.Null:
		return array.NewData(arr.DataType(), len(rows), []*memory.Buffer{nil}, nil, len(rows), 0), nil
	case *array.Boolean:
		return booleans(arr, rows, valid, nulls), nil
	case *array.Struct:
		return structs(arr, rows, valid, nulls)
	case *array.List:
		return lists(arr, arr.ListValues(), rows, valid, nulls)
	case *array.Map:
		return lists(arr, arr.ListValues(), rows, valid, nulls)
	case *array.Dictionary:
		indices, err := take(arr.Indices(), rows)
		if err != nil {
			return nil, err
		}
		defer indices.Release()
		data := array.NewData(arr.DataType(), len(rows), indices.Buffers(), nil, nulls, 0)
		data.SetDictionary(arr.Dictionary().Data())
		return data, nil
	case binary:
		return binaries(arr, rows, valid, nulls), nil
	}
	if fixed, ok := arr.DataType().(arrow.FixedWidthDataType); ok && fixed.BitWidth()%8 == 0 && len(arr.Data().Buffers()) == 2 {
		return words(arr, fixed.BitWidth()/8, rows, valid, nulls), nil
	}
	return nil, fmt.Errorf("rows of Arrow %s cannot be selected", arr.DataType())
}

// validity returns the null bitmap of the rows, nil when none is null.
func validity(arr arrow.Array, rows []int32) (*memory.Buffer, int) {
	if arr.NullN() == 0 {
		return nil, 0
	}
	bits := make([]byte, bitutil.BytesForBits(int64(len(rows))))
	nulls := 0
	for i, r := range rows {
		if arr.IsNull(int(r)) {
			nulls++
		} else {
			bitutil.SetBit(bits, i)
		}
	}
	if nulls == 0 {
		return nil, 0
	}
	return memory.NewBufferBytes(bits), nulls
}

func booleans(arr *array.Boolean, rows []int32, valid *memory.Buffer, nulls int) arrow.ArrayData {
	bits := make([]byte, bitutil.BytesForBits(int64(len(rows))))
	for i, r := range rows {
		if arr.Value(int(r)) {
			bitutil.SetBit(bits, i)
		}
	}
	return array.NewData(arr.DataType(), len(rows), []*memory.Buffer{valid, memory.NewBufferBytes(bits)}, nil, nulls, 0)
}

// words copies values of a fixed number of bytes.
func words(arr arrow.Array, width int, rows []int32, valid *memory.Buffer, nulls int) arrow.ArrayData {
	var out []byte
	if buf := arr.Data().Buffers()[1]; buf != nil {
		src := buf.Bytes()[arr.Data().Offset()*width:]
		switch width {
		case 8:
			out = arrow.GetBytes(gather(arrow.GetData[uint64](src), rows))
		case 4:
			out = arrow.GetBytes(gather(arrow.GetData[uint32](src), rows))
		default:
			out = make([]byte, 0, len(rows)*width)
			for _, r := range rows {
				out = append(out, src[int(r)*width:(int(r)+1)*width]...)
			}
		}
	}
	return array.NewData(arr.DataType(), len(rows), []*memory.Buffer{valid, memory.NewBufferBytes(out)}, nil, nulls, 0)
}

func gather[T any](src []T, rows []int32) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = src[r]
	}
	return out
}

// binary is what string and binary arrays have in common.
type binary interface {
	arrow.Array
	ValueOffsets() []int32
	ValueBytes() []byte
}

func binaries(arr binary, rows []int32, valid *memory.Buffer, nulls int) arrow.ArrayData {
	offsets := make([]int32, 1, len(rows)+1)
	var out []byte
	if len(rows) > 0 {
		from, src := arr.ValueOffsets(), arr.ValueBytes()
		base := from[0] // the bytes start with the array's first value
		size := 0
		for _, r := range rows {
			size += int(from[r+1] - from[r])
		}
		out = make([]byte, 0, size)
		for _, r := range rows {
			out = append(out, src[from[r]-base:from[r+1]-base]...)
			offsets = append(offsets, int32(len(out)))
		}
	}
	buffers := []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(out)}
	return array.NewData(arr.DataType(), len(rows), buffers, nil, nulls, 0)
}

func structs(arr *array.Struct, rows []int32, valid *memory.Buffer, nulls int) (arrow.ArrayData, error) {
	children := make([]arrow.ArrayData, 0, arr.NumField())
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	for i := range arr.NumField() {
		child, err := take(arr.Field(i), rows)
		if err != nil {
			return nil, err
		}
		children = append(children, child)
	}
	return array.NewData(arr.DataType(), len(rows), []*memory.Buffer{valid}, children, nulls, 0), nil
}

// listLike is what lists and maps have in common.
type listLike interface {
	arrow.Array
	ValueOffsets(i int) (start, end int64)
}

func lists(arr listLike, elements arrow.Array, rows []int32, valid *memory.Buffer, nulls int) (arrow.ArrayData, error) {
	offsets := make([]int32, 1, len(rows)+1)
	var inner []int32
	for _, r := range rows {
		if arr.IsValid(int(r)) {
			from, to := arr.ValueOffsets(int(r))
			for j := from; j < to; j++ {
				inner = append(inner, int32(j))
			}
		}
		offsets = append(offsets, int32(len(inner)))
	}
	child, err := take(elements, inner)
	if err != nil {
		return nil, err
	}
	defer child.Release()
	buffers := []*memory.Buffer{valid, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}
	return array.NewData(arr.DataType(), len(rows), buffers, []arrow.ArrayData{child}, nulls, 0), nil
}
