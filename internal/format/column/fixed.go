package column

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Fixed builds a column of values of one fixed width.
type Fixed[T arrow.FixedWidthType] struct {
	dtype  arrow.DataType
	values []T
	nulls  nulls
}

// NewFixed returns a builder of dtype, whose values are stored as T.
func NewFixed[T arrow.FixedWidthType](dtype arrow.DataType) *Fixed[T] {
	return &Fixed[T]{dtype: dtype}
}

// Len implements [Builder].
func (f *Fixed[T]) Len() int { return len(f.values) }

// Append appends v.
func (f *Fixed[T]) Append(v T) { f.values = append(f.values, v) }

// Put makes v the value of row, the last: it replaces one that the row has, and
// rows that the column lacks before it are null.
func (f *Fixed[T]) Put(row int, v T) {
	if len(f.values) != row {
		f.Resize(row)
	}
	f.values = append(f.values, v)
}

// AppendNull implements [Builder].
func (f *Fixed[T]) AppendNull() {
	var zero T
	f.nulls = append(f.nulls, int32(len(f.values)))
	f.values = append(f.values, zero)
}

// Resize implements [Builder].
func (f *Fixed[T]) Resize(n int) {
	if n <= len(f.values) {
		f.values = f.values[:n]
		f.nulls.cut(n)
		return
	}
	f.nulls.appendRange(len(f.values), n)
	f.values = append(f.values, make([]T, n-len(f.values))...)
}

// Finish implements [Builder].
func (f *Fixed[T]) Finish() arrow.Array {
	n := len(f.values)
	valid, count := f.nulls.finish(n)
	values := memory.NewBufferBytes(arrow.GetBytes(f.values))
	f.values = room[T](n)
	return makeArray(f.dtype, n, count, nil, valid, values)
}

// Bool builds a BOOLEAN column.
type Bool struct {
	bitset []byte
	n      int
	nulls  nulls
}

// Len implements [Builder].
func (b *Bool) Len() int { return b.n }

// Append appends v.
func (b *Bool) Append(v bool) {
	if b.n%8 == 0 {
		b.bitset = append(b.bitset, 0)
	}
	if v {
		b.bitset[b.n/8] |= 1 << (b.n % 8)
	}
	b.n++
}

// Put makes v the value of row; see [Fixed].Put.
func (b *Bool) Put(row int, v bool) {
	b.Resize(row)
	b.Append(v)
}

// AppendNull implements [Builder].
func (b *Bool) AppendNull() {
	b.nulls = append(b.nulls, int32(b.n))
	b.Append(false)
}

// Resize implements [Builder].
func (b *Bool) Resize(n int) {
	if n > b.n {
		b.nulls.appendRange(b.n, n)
		b.bitset = append(b.bitset, make([]byte, (n+7)/8-len(b.bitset))...)
		b.n = n
		return
	}
	b.nulls.cut(n)
	b.n = n
	b.bitset = b.bitset[:(n+7)/8]
	if n%8 != 0 {
		b.bitset[n/8] &= 1<<(n%8) - 1 // Append relies on unset bits
	}
}

// Finish implements [Builder].
func (b *Bool) Finish() arrow.Array {
	n := b.n
	valid, count := b.nulls.finish(n)
	values := memory.NewBufferBytes(b.bitset)
	b.bitset, b.n = room[byte](len(b.bitset)), 0
	return makeArray(arrow.FixedWidthTypes.Boolean, n, count, nil, valid, values)
}

// Null builds a VOID column, which holds only nulls.
type Null struct{ n int }

// Len implements [Builder].
func (b *Null) Len() int { return b.n }

// AppendNull implements [Builder].
func (b *Null) AppendNull() { b.n++ }

// Resize implements [Builder].
func (b *Null) Resize(n int) { b.n = n }

// Finish implements [Builder].
func (b *Null) Finish() arrow.Array {
	n := b.n
	b.n = 0
	return array.NewNull(n)
}

// makeArray assembles an array, handing the buffers over to it.
func makeArray(dtype arrow.DataType, n, nullCount int, children []arrow.Array, buffers ...*memory.Buffer) arrow.Array {
	childData := make([]arrow.ArrayData, len(children))
	for i, c := range children {
		childData[i] = c.Data()
	}
	data := array.NewData(dtype, n, buffers, childData, nullCount, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release() // data holds its own reference
		}
	}
	for _, c := range children {
		c.Release()
	}
	defer data.Release()
	return array.MakeFromData(data)
}
