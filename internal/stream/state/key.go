package state

import (
	"cmp"
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/cespare/xxhash/v2"
)

// Key is where in the order of a run a row stands: rows with equal keys have
// the same one, others rarely do.
type Key struct {
	// Lead is what rows are ordered by first: when their group ends, in
	// microseconds since 1970, where their keys tell, so that groups that end
	// together lie together; [First] where only other columns do; [Never].
	Lead int64
	// Hash is that of the keys.
	Hash int64
}

// Leads besides times.
const (
	First = -math.MaxInt64
	Never = math.MaxInt64
)

var (
	leastKey    = Key{math.MinInt64, math.MinInt64}
	greatestKey = Key{math.MaxInt64, math.MaxInt64}
)

func (k Key) compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Lead, other.Lead), cmp.Compare(k.Hash, other.Hash))
}

// Hashes returns the hash of the keys of each row. It is part of the layout:
// it may not change without a new one.
func Hashes(keys []arrow.Array, rows int) *array.Int64 {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(rows)
	var text []byte
	for i := range rows {
		text = appendKeys(text[:0], keys, i)
		b.UnsafeAppend(int64(xxhash.Sum64(text)))
	}
	return b.NewInt64Array()
}

// appendKeys appends the keys of a row, so that rows have the same bytes if
// and only if none of their keys is distinct from the other's.
func appendKeys(b []byte, keys []arrow.Array, i int) []byte {
	for _, k := range keys {
		b = appendKey(b, k, i)
	}
	return b
}

func appendKey(b []byte, a arrow.Array, i int) []byte {
	if a.IsNull(i) {
		return append(b, 0)
	}
	b = append(b, 1)
	number := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(b, n) }
	switch a := a.(type) {
	case *array.Boolean:
		if a.Value(i) {
			return append(b, 1)
		}
		return append(b, 0)
	case *array.Int8:
		return number(uint64(a.Value(i)))
	case *array.Int16:
		return number(uint64(a.Value(i)))
	case *array.Int32:
		return number(uint64(a.Value(i)))
	case *array.Int64:
		return number(uint64(a.Value(i)))
	case *array.Float32:
		return number(floatBits(float64(a.Value(i))))
	case *array.Float64:
		return number(floatBits(a.Value(i)))
	case *array.Date32:
		return number(uint64(a.Value(i)))
	case *array.Timestamp:
		return number(uint64(a.Value(i)))
	case *array.Decimal128:
		v := a.Value(i)
		b = number(v.LowBits())
		return number(uint64(v.HighBits()))
	case *array.Struct:
		for f := range a.NumField() {
			b = appendKey(b, a.Field(f), i)
		}
		return b
	case array.ListLike: // maps too
		from, to := a.ValueOffsets(i)
		b = number(uint64(to - from))
		for j := from; j < to; j++ {
			b = appendKey(b, a.ListValues(), int(j))
		}
		return b
	case interface{ Value(i int) []byte }:
		v := a.Value(i)
		return append(number(uint64(len(v))), v...)
	}
	v := a.ValueStr(i)
	return append(number(uint64(len(v))), v...)
}

// floatBits are the bits of a number, the same for all that are equal.
func floatBits(v float64) uint64 {
	switch {
	case math.IsNaN(v):
		return math.Float64bits(math.NaN())
	case v == 0:
		return 0
	}
	return math.Float64bits(v)
}
