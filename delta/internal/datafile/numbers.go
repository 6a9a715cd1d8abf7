package datafile

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
)

// numbers is the dictionary of a column chunk of numbers, which it tells apart
// by their bits.
type numbers[K uint32 | uint64] struct {
	entries []K
	slots   []int32 // open addressing: a code plus one, 0 when free
	secret  uint64  // spreads values over slots in a way that data cannot foresee
}

func newNumbers[K uint32 | uint64]() *numbers[K] {
	const firstSlots = 1 << 10 // a power of two
	// The secret decides only where slots are.
	return &numbers[K]{slots: make([]int32, firstSlots), secret: maphash.Bytes(maphash.MakeSeed(), nil) | 1}
}

// encode appends the codes of values to dst. It reports false when the
// dictionary no longer pays.
func (n *numbers[K]) encode(dst []int32, values []K) ([]int32, bool) {
	for _, v := range values {
		at := n.home(v)
		for n.slots[at] != 0 && n.entries[n.slots[at]-1] != v {
			at = (at + 1) & (len(n.slots) - 1)
		}
		code := n.slots[at] - 1
		if code < 0 {
			code = n.add(at, v)
			if len(n.entries)*int(unsafe.Sizeof(v)) >= dictionaryLimit {
				return dst, false
			}
		}
		dst = append(dst, code)
	}
	return dst, true
}

// home returns the slot at which to begin to look for v.
func (n *numbers[K]) home(v K) int {
	high, low := bits.Mul64(uint64(v)^n.secret, n.secret)
	return int(high^low) & (len(n.slots) - 1)
}

// add makes v an entry, found by the free slot at.
func (n *numbers[K]) add(at int, v K) int32 {
	n.entries = append(n.entries, v)
	code := int32(len(n.entries))
	n.slots[at] = code
	if 2*len(n.entries) > len(n.slots) {
		n.slots = make([]int32, 2*len(n.slots))
		for i, entry := range n.entries {
			at := n.home(entry)
			for n.slots[at] != 0 {
				at = (at + 1) & (len(n.slots) - 1)
			}
			n.slots[at] = int32(i) + 1
		}
	}
	return code - 1
}

// numberColumn is how the values of a physical type become a dictionary's.
type numberColumn[T int32 | int64 | float32 | float64, K uint32 | uint64] struct {
	dtype  arrow.DataType
	values func(v *levels) ([]T, error) // the stored ones
}

// writeNumbers encodes a flat column of numbers that has a dictionary. It
// reports false, having written nothing, when there is none or the column is
// better off without.
func (s *scratch) writeNumbers(cw file.ColumnChunkWriter, l *leaf, batches []arrow.Array) (bool, error) {
	switch cw := cw.(type) {
	case *file.Int32ColumnChunkWriter:
		return numberColumn[int32, uint32]{arrow.PrimitiveTypes.Int32, s.integers}.write(s, cw, l, batches)
	case *file.Int64ColumnChunkWriter:
		return numberColumn[int64, uint64]{arrow.PrimitiveTypes.Int64, s.longs}.write(s, cw, l, batches)
	case *file.Float32ColumnChunkWriter:
		return numberColumn[float32, uint32]{arrow.PrimitiveTypes.Float32, s.singles}.write(s, cw, l, batches)
	case *file.Float64ColumnChunkWriter:
		return numberColumn[float64, uint64]{arrow.PrimitiveTypes.Float64, s.wides}.write(s, cw, l, batches)
	}
	return false, nil
}

func (c numberColumn[T, K]) write(s *scratch, cw indexWriter, l *leaf, batches []arrow.Array) (bool, error) {
	encoder, ok := cw.CurrentEncoder().(dictionaryEncoder)
	if !ok {
		return false, nil
	}
	dict := newNumbers[K]()
	codes := make([][]int32, len(batches)) // of the values that are stored
	for b, arr := range batches {
		if err := s.levels.flat(l, arr); err != nil {
			return false, err
		}
		values, err := c.values(&s.levels)
		if err != nil {
			return false, err
		}
		codes[b], ok = dict.encode(make([]int32, 0, len(values)), reinterpret[K](values))
		if !ok {
			cw.FallbackToPlain()
			return false, nil
		}
	}
	entries := reinterpret[T](dict.entries)
	if several(entries) {
		return false, nil
	}
	if err := putDictionary(encoder, c.dtype, entries); err != nil {
		return false, err
	}
	pages := indexPages{indexWriter: cw, leaf: l, bounds: func(stats metadata.TypedStatistics, some bool) {
		if stats, ok := stats.(interface{ Update(values []T, nulls int64) }); ok && some {
			stats.Update(entries, 0)
		}
	}}
	for b, arr := range batches {
		rest := codes[b]
		for from := 0; from < arr.Len(); from += dictionaryPageRows {
			part := array.NewSlice(arr, int64(from), int64(min(from+dictionaryPageRows, arr.Len())))
			here := rest[:part.Len()-part.NullN()]
			rest = rest[len(here):]
			err := pages.write(s, part, spaced(part, here))
			part.Release()
			if err != nil {
				return true, err
			}
		}
	}
	return true, pages.flush()
}

// spaced gives each row of arr the code of its value; nulls have none.
func spaced(arr arrow.Array, codes []int32) []int32 {
	if arr.NullN() == 0 {
		return codes
	}
	out := make([]int32, arr.Len())
	next := 0
	for row := range present(arr) {
		out[row] = codes[next]
		next++
	}
	return out
}

// several reports whether there are NaNs of more than one kind: the library
// takes them for one, and its codes would not be these.
func several[T int32 | int64 | float32 | float64](entries []T) bool {
	nans := 0
	for _, v := range entries {
		if v != v { //nolint:gocritic // as NaN is
			nans++
		}
	}
	return nans > 1
}

func putDictionary[T int32 | int64 | float32 | float64](encoder dictionaryEncoder, dtype arrow.DataType, entries []T) error {
	data := array.NewData(dtype, len(entries), []*memory.Buffer{nil, memory.NewBufferBytes(arrow.GetBytes(entries))}, nil, 0, 0)
	defer data.Release()
	arr := array.MakeFromData(data)
	defer arr.Release()
	if err := encoder.PutDictionary(arr); err != nil {
		return fmt.Errorf("put dictionary: %w", err)
	}
	if n := encoder.NumEntries(); n != len(entries) {
		return fmt.Errorf("put dictionary: %d entries became %d", len(entries), n)
	}
	return nil
}

// reinterpret returns the same bits as another type of the same size.
func reinterpret[U, T arrow.FixedWidthType](values []T) []U {
	return arrow.GetData[U](arrow.GetBytes(values))
}

func (s *scratch) singles(v *levels) ([]float32, error) {
	arr, ok := v.values.(*array.Float32)
	if !ok {
		return nil, v.unstorable("FLOAT")
	}
	return pick(&s.floats, arr.Float32Values(), v), nil
}

func (s *scratch) wides(v *levels) ([]float64, error) {
	arr, ok := v.values.(*array.Float64)
	if !ok {
		return nil, v.unstorable("DOUBLE")
	}
	return pick(&s.doubles, arr.Float64Values(), v), nil
}
