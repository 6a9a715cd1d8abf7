//go:build duckdb_arrow

package duckdb

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// slice returns rows from up to to of a column, to be released. A struct
// comes out with no offset of its own: DuckDB does not apply a struct's
// offset to its fields, and would read their memory past its end.
func slice(column arrow.Array, from, to int64) arrow.Array {
	if column.DataType().ID() != arrow.STRUCT {
		return array.NewSlice(column, from, to)
	}
	data := sliceStruct(column.Data(), from, to)
	defer data.Release()
	return array.MakeFromData(data)
}

func sliceStruct(data arrow.ArrayData, from, to int64) arrow.ArrayData {
	offset := int64(data.Offset())
	children := make([]arrow.ArrayData, len(data.Children()))
	for i, child := range data.Children() {
		if child.DataType().ID() == arrow.STRUCT {
			children[i] = sliceStruct(child, offset+from, offset+to)
		} else {
			children[i] = array.NewSliceData(child, offset+from, offset+to)
		}
		defer children[i].Release()
	}
	valid, nulls := sliceBits(data.Buffers()[0], int(offset+from), int(to-from)), 0
	if valid != nil {
		defer valid.Release()
		nulls = array.UnknownNullCount
	}
	return array.NewData(data.DataType(), int(to-from), []*memory.Buffer{valid}, children, nulls, 0)
}

// sliceBits returns n bits of a bitmap from bit start on, or nil for nil.
func sliceBits(bits *memory.Buffer, start, n int) *memory.Buffer {
	if bits == nil || bits.Len() == 0 {
		return nil
	}
	out := memory.NewResizableBuffer(memory.DefaultAllocator)
	out.Resize(int(bitutil.BytesForBits(int64(n))))
	bitutil.CopyBitmap(bits.Bytes(), start, n, out.Bytes(), 0)
	return out
}
