package column

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/format/value"
)

// When a dictionary pays: from minSample values on, at most half of the
// values may be distinct, and the dictionary stays small enough to be cached.
const (
	minSample     = 2048
	maxDictionary = 1 << 16
	firstSlots    = 64 // of the table, a power of two: thousands of columns have one each
)

// dictionaryType is the type of dictionary-encoded STRING columns.
var dictionaryType = &arrow.DictionaryType{
	IndexType: arrow.PrimitiveTypes.Uint32,
	ValueType: arrow.BinaryTypes.String,
}

// String builds a STRING or BINARY column. With a dictionary, it gives each
// distinct value an index in order of first appearance, until too many are
// distinct; the rest of the batch, and what came before, then is plain. The
// choice depends only on the batch's own values.
type String struct {
	dtype arrow.DataType
	// offsets and data hold the values, or the dictionary's values while
	// indexed is set. offsets has one entry a value: its end.
	offsets []int32
	data    []byte
	nulls   nulls

	dictionary bool // every batch starts with one
	indexed    bool // this batch still has one
	indices    []uint32
	sample     int // number of values at which to look at the cardinality again
	table      []slot
	used       int // slots of table
	last       uint32
	seed       maphash.Seed
	secret     uint64 // spreads keys over the table in a way that data cannot foresee
	hint       int    // bytes of the last batch
}

// slot is a place in the open-addressing table: a distinct value's key and
// size, and its index plus one, 0 when free.
type slot struct {
	key   uint64
	size  uint32
	index uint32
}

// NewString returns a builder of a STRING column, dictionary-encoded while
// that pays when dictionary is set: Finish returns an array of
// dictionary<uint32, string> or of string, batch by batch.
func NewString(dictionary bool) *String {
	s := &String{dtype: arrow.BinaryTypes.String, dictionary: dictionary}
	if dictionary {
		s.seed = maphash.MakeSeed() // decides only where the table puts values
		s.secret = maphash.Bytes(s.seed, nil) | 1
		s.table = make([]slot, firstSlots)
		s.restart()
	}
	return s
}

func (s *String) restart() {
	s.indexed = s.dictionary
	s.sample = minSample
	s.used = 0
	clear(s.table)
}

// Len implements [Builder].
func (s *String) Len() int {
	if s.indexed {
		return len(s.indices)
	}
	return len(s.offsets)
}

// Append appends a copy of v.
func (s *String) Append(v []byte) {
	if s.indexed {
		s.appendIndex(s.intern(v))
		return
	}
	s.addData(v)
	s.offsets = append(s.offsets, int32(len(s.data)))
}

// addData appends v to the text of the batch. It leaves room behind a very
// long value: the next one would else have all of it moved to twice the space.
func (s *String) addData(v []byte) {
	const long = 1 << 20
	if len(v) > long && cap(s.data)-len(s.data) < len(v) {
		s.data = slices.Grow(s.data, len(v)+long)
	}
	s.data = append(s.data, v...)
}

// Put makes a copy of v the value of row; see [Fixed].Put.
func (s *String) Put(row int, v []byte) {
	if s.Len() != row {
		s.Resize(row)
	}
	s.Append(v)
}

// PutWord is Put for a value of size bytes that is a word; see [value.Word].
func (s *String) PutWord(row int, word uint64, size int) {
	if s.Len() != row {
		s.Resize(row)
	}
	if s.indexed {
		s.appendIndex(s.internWord(word, size))
		return
	}
	s.data = binary.LittleEndian.AppendUint64(s.data, word)
	s.data = s.data[:len(s.data)-value.WordSize+size]
	s.offsets = append(s.offsets, int32(len(s.data)))
}

func (s *String) appendIndex(index uint32) {
	s.indices = append(s.indices, index)
	if len(s.indices) < s.sample {
		return
	}
	s.sample *= 2
	if 2*s.used > len(s.indices) || s.used > maxDictionary {
		s.expand()
	}
}

// intern returns the index of v in the dictionary, which it extends if v is
// new.
func (s *String) intern(v []byte) uint32 {
	if len(v) > value.WordSize {
		return s.internLong(v)
	}
	// A word is its own key: neither hashing nor comparing it takes a call.
	return s.internWord(value.Word(v), len(v))
}

// internWord is intern for a value of size bytes that is a word.
func (s *String) internWord(word uint64, size int) uint32 {
	at := s.home(word)
	for s.table[at].index != 0 {
		if entry := &s.table[at]; entry.key == word && entry.size == uint32(size) {
			return entry.index - 1
		}
		at = (at + 1) & (len(s.table) - 1)
	}
	var room [value.WordSize]byte
	binary.LittleEndian.PutUint64(room[:], word)
	return s.add(at, word, room[:size])
}

func (s *String) internLong(v []byte) uint32 {
	if s.last < uint32(len(s.offsets)) && string(s.value(s.last)) == string(v) {
		return s.last // runs of one value are common
	}
	key := maphash.Bytes(s.seed, v)
	at := s.home(key)
	for s.table[at].index != 0 {
		entry := &s.table[at]
		if entry.key == key && int(entry.size) == len(v) && string(s.value(entry.index-1)) == string(v) {
			s.last = entry.index - 1
			return s.last
		}
		at = (at + 1) & (len(s.table) - 1)
	}
	s.last = s.add(at, key, v)
	return s.last
}

// home returns the place in the table at which to begin to look for a key.
func (s *String) home(key uint64) int {
	high, low := bits.Mul64(key^s.secret, s.secret)
	return int(high^low) & (len(s.table) - 1)
}

// add makes v a value of the dictionary, in the free place at of the table.
func (s *String) add(at int, key uint64, v []byte) uint32 {
	s.addData(v)
	s.offsets = append(s.offsets, int32(len(s.data)))
	index := uint32(len(s.offsets))
	s.table[at] = slot{key: key, size: uint32(len(v)), index: index}
	s.used++
	if 2*s.used > len(s.table) {
		s.rehash()
	}
	return index - 1
}

func (s *String) rehash() {
	old := s.table
	s.table = make([]slot, 2*len(old))
	for _, entry := range old {
		if entry.index == 0 {
			continue
		}
		at := s.home(entry.key)
		for s.table[at].index != 0 {
			at = (at + 1) & (len(s.table) - 1)
		}
		s.table[at] = entry
	}
}

// Value returns the i-th value of the batch so far. It is valid until the next
// Append.
func (s *String) Value(i int) []byte {
	if s.indexed {
		return s.value(s.indices[i])
	}
	return s.value(uint32(i))
}

// value returns the i-th of the values that offsets delimits.
func (s *String) value(i uint32) []byte {
	start := int32(0)
	if i > 0 {
		start = s.offsets[i-1]
	}
	return s.data[start:s.offsets[i]]
}

// expand gives up the dictionary for the rest of the batch.
func (s *String) expand() {
	offsets := make([]int32, 0, cap(s.indices))
	data := make([]byte, 0, max(s.hint, 2*len(s.data)))
	isNull := s.nulls
	for row, index := range s.indices {
		if len(isNull) > 0 && int(isNull[0]) == row {
			isNull = isNull[1:]
		} else {
			data = append(data, s.value(index)...)
		}
		offsets = append(offsets, int32(len(data)))
	}
	s.offsets, s.data = offsets, data
	s.indices = s.indices[:0]
	s.indexed = false
}

// AppendNull implements [Builder].
func (s *String) AppendNull() { s.Resize(s.Len() + 1) }

// Resize implements [Builder].
func (s *String) Resize(n int) {
	from := s.Len()
	if n > from {
		s.nulls.appendRange(from, n)
	} else {
		s.nulls.cut(n)
	}
	switch {
	case s.indexed && n > from:
		s.indices = append(s.indices, make([]uint32, n-from)...)
	case s.indexed:
		s.indices = s.indices[:n]
	case n > from:
		end := int32(len(s.data))
		for range n - from {
			s.offsets = append(s.offsets, end)
		}
	default:
		s.offsets = s.offsets[:n]
		s.data = s.data[:s.end()]
	}
}

// end returns where the last value ends.
func (s *String) end() int32 {
	if len(s.offsets) == 0 {
		return 0
	}
	return s.offsets[len(s.offsets)-1]
}

// Finish implements [Builder].
func (s *String) Finish() arrow.Array {
	n := s.Len()
	if s.indexed && len(s.offsets) == 0 && n > 0 {
		// Only nulls: an index must point at something.
		s.offsets = append(s.offsets, 0)
	}
	valid, count := s.nulls.finish(n)
	offsets := make([]int32, len(s.offsets)+1)
	copy(offsets[1:], s.offsets)
	ends := memory.NewBufferBytes(arrow.GetBytes(offsets))
	data := memory.NewBufferBytes(s.data)
	var out arrow.Array
	if s.indexed {
		values := makeArray(s.dtype, len(s.offsets), 0, nil, nil, ends, data)
		indices := makeArray(arrow.PrimitiveTypes.Uint32, n, count, nil, valid,
			memory.NewBufferBytes(arrow.GetBytes(s.indices)))
		out = array.NewDictionaryArray(dictionaryType, indices, values)
		indices.Release()
		values.Release()
		s.indices = room[uint32](n)
	} else {
		out = makeArray(s.dtype, n, count, nil, valid, ends, data)
		s.hint = len(s.data)
	}
	s.offsets = s.offsets[:0]
	s.data = room[byte](len(s.data))
	s.restart()
	return out
}
