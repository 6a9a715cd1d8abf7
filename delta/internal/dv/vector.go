// Package dv reads and writes deletion vectors: compressed sets of row
// positions of one data file (protocol: Deletion Vector Format).
//
// Everything it reads is foreign: sizes are bounded before anything is
// allocated, checksums are verified and no input makes it panic.
package dv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

const (
	// portableMagic starts the format that the protocol specifies.
	portableMagic = 1681511377
	// nativeMagic starts an older form that Spark still reads: a count of
	// 32-bit bitmaps, each with its length before it.
	nativeMagic = 1681511376

	magicSize = 4
	// maxBuckets is how many 32-bit buckets a vector may have. Positions are
	// below 2^63 by the protocol; no file has more rows than this covers.
	maxBuckets = 1 << 16
)

// Vector is a set of row positions. The zero value and nil are empty. Only Add
// changes a vector; as long as nobody calls it, it is safe for concurrent use.
type Vector struct{ rows *roaring64.Bitmap }

// New returns the set of the given row positions.
func New(positions iter.Seq[int64]) *Vector {
	rows := roaring64.New()
	for p := range positions {
		rows.Add(uint64(p))
	}
	return &Vector{rows: rows}
}

// Add puts row positions, none of them negative, into the set.
func (v *Vector) Add(positions ...int64) {
	if v.rows == nil {
		v.rows = roaring64.New()
	}
	for _, p := range positions {
		v.rows.Add(uint64(p))
	}
}

// Union returns the rows that are in v or in other.
func (v *Vector) Union(other *Vector) *Vector {
	return &Vector{rows: roaring64.Or(v.bitmap(), other.bitmap())}
}

// Without returns the rows that are in v but not in other.
func (v *Vector) Without(other *Vector) *Vector {
	return &Vector{rows: roaring64.AndNot(v.bitmap(), other.bitmap())}
}

// Has reports whether a row is in the set.
func (v *Vector) Has(position int64) bool { return v.bitmap().Contains(uint64(position)) }

// bitmap returns the set to be read; it is never nil.
func (v *Vector) bitmap() *roaring64.Bitmap {
	if v == nil || v.rows == nil {
		return roaring64.New()
	}
	return v.rows
}

// Last returns the greatest position, -1 of an empty set.
func (v *Vector) Last() int64 {
	if v.Cardinality() == 0 {
		return -1
	}
	return int64(v.rows.Maximum())
}

// Cursor walks the set's positions forwards.
type Cursor struct{ it roaring64.IntPeekable64 }

// Cursor returns a cursor before the first position.
func (v *Vector) Cursor() *Cursor { return &Cursor{it: v.bitmap().Iterator()} }

// Next returns the first position that is not below from, or -1 when there is
// none. Calls must not go back.
func (c *Cursor) Next(from int64) int64 {
	if c.it.HasNext() {
		c.it.AdvanceIfNeeded(uint64(from))
	}
	if !c.it.HasNext() {
		return -1
	}
	return int64(c.it.PeekNext())
}

// Cardinality returns the number of rows in the set.
func (v *Vector) Cardinality() int64 {
	if v == nil || v.rows == nil {
		return 0
	}
	return int64(v.rows.GetCardinality())
}

// Rows yields the positions in ascending order.
func (v *Vector) Rows() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		if v == nil || v.rows == nil {
			return
		}
		for it := v.rows.Iterator(); it.HasNext(); {
			if !yield(int64(it.Next())) {
				return
			}
		}
	}
}

// AppendKept appends to dst the offsets i, 0 ≤ i < n, whose row first+i is
// not in the set.
func (v *Vector) AppendKept(dst []int32, first int64, n int) []int32 {
	next := int64(0)
	if v != nil && v.rows != nil {
		it := v.rows.Iterator()
		it.AdvanceIfNeeded(uint64(first))
		for it.HasNext() {
			deleted := int64(it.Next()) - first
			if deleted >= int64(n) {
				break
			}
			dst = appendRange(dst, next, deleted)
			next = deleted + 1
		}
	}
	return appendRange(dst, next, int64(n))
}

// AppendHeld appends to dst the offsets i, 0 ≤ i < n, whose row first+i is in
// the set.
func (v *Vector) AppendHeld(dst []int32, first int64, n int) []int32 {
	c := v.Cursor()
	for row := c.Next(first); row >= 0 && row < first+int64(n); row = c.Next(row + 1) {
		dst = append(dst, int32(row-first))
	}
	return dst
}

func appendRange(dst []int32, from, to int64) []int32 {
	for i := from; i < to; i++ {
		dst = append(dst, int32(i))
	}
	return dst
}

// Encode returns v in the portable format, magic number included. Vectors
// that are equal encode to the same bytes as Spark's.
func (v *Vector) Encode() ([]byte, error) {
	rows := roaring64.New()
	if v != nil && v.rows != nil {
		rows = v.rows.Clone()
	}
	rows.RunOptimize()
	buf := bytes.NewBuffer(binary.LittleEndian.AppendUint32(nil, portableMagic))
	if _, err := rows.WritePortableTo(buf); err != nil {
		return nil, fmt.Errorf("encode deletion vector: %w", err)
	}
	return buf.Bytes(), nil
}

// Decode reads a vector in the portable or the native format.
func Decode(data []byte) (v *Vector, err error) {
	// The bitmap library checks most of what it reads, but has panicked on
	// damaged input.
	defer func() {
		if r := recover(); r != nil {
			v, err = nil, fmt.Errorf("decode deletion vector: damaged bitmap: %v", r)
		}
	}()
	if len(data) < magicSize {
		return nil, fmt.Errorf("decode deletion vector: %d bytes are too few", len(data))
	}
	body := data[magicSize:]
	var rows *roaring64.Bitmap
	switch magic := binary.LittleEndian.Uint32(data); magic {
	case portableMagic:
		rows, err = decodePortable(body)
	case nativeMagic:
		rows, err = decodeNative(body)
	default:
		return nil, fmt.Errorf("decode deletion vector: unknown magic number %d", magic)
	}
	if err != nil {
		return nil, fmt.Errorf("decode deletion vector: %w", err)
	}
	return &Vector{rows: rows}, nil
}

func decodePortable(body []byte) (*roaring64.Bitmap, error) {
	if len(body) < 8 {
		return nil, fmt.Errorf("no bucket count in %d bytes", len(body))
	}
	if n := binary.LittleEndian.Uint64(body); n > maxBuckets {
		return nil, fmt.Errorf("%d buckets are too many", n)
	}
	rows := roaring64.New()
	if _, err := rows.ReadPortableFrom(bytes.NewReader(body)); err != nil {
		return nil, err
	}
	if rows.GetCardinality() == 0 {
		return roaring64.New(), nil // buckets and containers without rows, which Validate refuses
	}
	if err := rows.Validate(); err != nil {
		return nil, err
	}
	if last := rows.Maximum(); last > math.MaxInt64 {
		return nil, fmt.Errorf("position %d is beyond 2^63", last)
	}
	return rows, nil
}

func decodeNative(body []byte) (*roaring64.Bitmap, error) {
	const word = 4
	if len(body) < word {
		return nil, fmt.Errorf("no bitmap count in %d bytes", len(body))
	}
	count := binary.LittleEndian.Uint32(body)
	if count > maxBuckets {
		return nil, fmt.Errorf("%d bitmaps are too many", count)
	}
	body = body[word:]
	// Framed as portable buckets, the bitmaps need not be walked.
	var buckets []byte
	filled := uint64(0)
	for high := range count {
		if len(body) < word {
			return nil, fmt.Errorf("bitmap %d of %d is missing", high, count)
		}
		size := uint64(binary.LittleEndian.Uint32(body))
		body = body[word:]
		if size > uint64(len(body)) {
			return nil, fmt.Errorf("bitmap %d has %d of %d bytes", high, len(body), size)
		}
		bucket := roaring.New()
		n, err := bucket.ReadFrom(bytes.NewReader(body[:size]))
		if err != nil {
			return nil, fmt.Errorf("bitmap %d: %w", high, err)
		}
		if !bucket.IsEmpty() {
			filled++
			buckets = binary.LittleEndian.AppendUint32(buckets, high)
			buckets = append(buckets, body[:n]...)
		}
		body = body[size:]
	}
	return decodePortable(append(binary.LittleEndian.AppendUint64(nil, filled), buckets...))
}
