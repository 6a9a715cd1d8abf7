package delta

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// keyTable holds the distinct keys of a merge's source: their bytes end to
// end, and a table of where to look, by a 64-bit hash. Equal hashes are told
// apart by the bytes. A key takes its own bytes and some 20 more.
type keyTable struct {
	seed  maphash.Seed
	bytes []byte
	ends  []int64  // of each key's bytes
	slots []uint32 // number of a key, from 1 on; 0 is free
	rows  []uint8  // how many source rows have the key, up to two
	found []uint32 // how many rows of the target have it
	ids   []keyID  // of these rows, where they keep theirs
}

// keyID is the id of a row of the target that has a key.
type keyID struct {
	key uint32
	id  int64 // or noID
}

// noID stands for the id of a row that has none yet.
const noID = -1

func newKeyTable() *keyTable { return &keyTable{seed: maphash.MakeSeed(), slots: make([]uint32, 1024)} }

// find returns the number of a key, or -1, and the slot where it is or goes.
func (t *keyTable) find(key []byte) (number, slot int) {
	mask := len(t.slots) - 1
	for slot = int(maphash.Bytes(t.seed, key)) & mask; ; slot = (slot + 1) & mask {
		if t.slots[slot] == 0 {
			return -1, slot
		}
		if number = int(t.slots[slot] - 1); string(t.key(number)) == string(key) {
			return number, slot
		}
	}
}

func (t *keyTable) key(number int) []byte {
	start := int64(0)
	if number > 0 {
		start = t.ends[number-1]
	}
	return t.bytes[start:t.ends[number]]
}

// add counts a source row of the key.
func (t *keyTable) add(key []byte) error {
	number, slot := t.find(key)
	if number >= 0 {
		t.rows[number] = 2
		return nil
	}
	if len(t.ends) == math.MaxUint32-1 {
		return fmt.Errorf("merge: more than %d keys", len(t.ends))
	}
	t.bytes = append(t.bytes, key...)
	t.ends, t.rows, t.found = append(t.ends, int64(len(t.bytes))), append(t.rows, 1), append(t.found, 0)
	t.slots[slot] = uint32(len(t.ends))
	if len(t.ends) > len(t.slots)/4*3 {
		t.slots = make([]uint32, 2*len(t.slots))
		for n := range t.ends {
			_, slot := t.find(t.key(n))
			t.slots[slot] = uint32(n + 1)
		}
	}
	return nil
}

// copies counts a row of the target that has the key.
func (t *keyTable) copies(number int) {
	if t.found[number] < math.MaxUint32 {
		t.found[number]++
	}
}

// keepID notes the id of a row that has the key.
func (t *keyTable) keepID(number int, ids *array.Int64, row int) {
	id := int64(noID)
	if ids.IsValid(row) {
		id = ids.Value(row)
	}
	t.ids = append(t.ids, keyID{uint32(number), id})
}

// sortIDs ends the noting of ids.
func (t *keyTable) sortIDs() {
	slices.SortFunc(t.ids, func(a, b keyID) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id)) })
}

// idsOf returns the ids of all rows that have the keys of these numbers, key
// by key.
func (t *keyTable) idsOf(numbers []uint32) *array.Int64 {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for _, number := range numbers {
		at, _ := slices.BinarySearchFunc(t.ids, number, func(k keyID, n uint32) int { return cmp.Compare(k.key, n) })
		for ; at < len(t.ids) && t.ids[at].key == number; at++ {
			if t.ids[at].id == noID {
				b.AppendNull()
			} else {
				b.Append(t.ids[at].id)
			}
		}
	}
	return b.NewInt64Array()
}

// appendKey appends row i of the columns as bytes that are equal only for
// equal rows. ok is false when one is null: a null equals nothing.
func appendKey(dst []byte, columns []arrow.Array, i int) (key []byte, ok bool, err error) {
	for _, c := range columns {
		if c.IsNull(i) {
			return dst, false, nil
		}
		if dst, err = appendKeyValue(dst, c, i); err != nil {
			return dst, false, err
		}
	}
	return dst, true, nil
}

// appendKey is [appendKey], to which a null may be a key too.
func (m *merge) appendKey(dst []byte, columns []arrow.Array, i int) (key []byte, ok bool, err error) {
	if !m.opts.NullKeys {
		return appendKey(dst, columns, i)
	}
	for _, c := range columns {
		if c.IsNull(i) {
			dst = append(dst, 0)
			continue
		}
		if dst, err = appendKeyValue(append(dst, 1), c, i); err != nil {
			return dst, false, err
		}
	}
	return dst, true, nil
}

func appendKeyValue(dst []byte, c arrow.Array, i int) ([]byte, error) {
	switch c := c.(type) {
	case *array.Dictionary:
		return appendKeyValue(dst, c.Dictionary(), c.GetValueIndex(i))
	case *array.String:
		return appendKeyText(dst, c.Value(i)), nil
	case *array.Binary:
		return appendKeyText(dst, c.Value(i)), nil
	case *array.Decimal128:
		v := c.Value(i)
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(v.HighBits())), v.LowBits()), nil
	case *array.Float32:
		return appendKeyFloat(dst, float64(c.Value(i))), nil
	case *array.Float64:
		return appendKeyFloat(dst, c.Value(i)), nil
	case *array.Boolean:
		if c.Value(i) {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	}
	if v, ok := wholeValue(c, i); ok {
		return binary.BigEndian.AppendUint64(dst, uint64(v)), nil
	}
	return dst, fmt.Errorf("merge: a column of Arrow %s cannot be a key", c.DataType())
}

func appendKeyText[T string | []byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// appendKeyFloat makes equal what SQL calls equal: both zeros, and all NaN.
func appendKeyFloat(dst []byte, v float64) []byte {
	switch {
	case v == 0:
		v = 0
	case math.IsNaN(v):
		v = math.NaN()
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

// wholeValue returns a value of an integer, a date or a timestamp.
func wholeValue(c arrow.Array, i int) (int64, bool) {
	switch c := c.(type) {
	case *array.Int8:
		return int64(c.Value(i)), true
	case *array.Int16:
		return int64(c.Value(i)), true
	case *array.Int32:
		return int64(c.Value(i)), true
	case *array.Int64:
		return c.Value(i), true
	case *array.Date32:
		return int64(c.Value(i)), true
	case *array.Timestamp:
		return int64(c.Value(i)), true
	}
	return 0, false
}

// keyRange is the least and the greatest value of a key column in the source,
// by which target files are left out.
type keyRange struct {
	field     schema.Field
	low, high int64
	lowText   string
	highText  string
	values    int64
	unknown   bool // of a type that has no range here
}

// note widens the range by row i. A null is in no range.
func (r *keyRange) note(c arrow.Array, i int) {
	if c.IsNull(i) {
		r.unknown = true
		return
	}
	if d, ok := c.(*array.Dictionary); ok {
		c, i = d.Dictionary(), d.GetValueIndex(i)
	}
	r.values++
	if s, ok := c.(*array.String); ok {
		text := s.Value(i)
		if r.values == 1 || text < r.lowText {
			r.lowText = strings.Clone(text) // the batch is released
		}
		if r.values == 1 || text > r.highText {
			r.highText = strings.Clone(text)
		}
		return
	}
	v, ok := wholeValue(c, i)
	r.unknown = r.unknown || !ok
	if r.values == 1 || v < r.low {
		r.low = v
	}
	if r.values == 1 || v > r.high {
		r.high = v
	}
}
