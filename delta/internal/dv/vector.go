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

// Vector is a set of deleted row positions. It is immutable and safe for
// concurrent use; the zero value and nil are empty.
type Vector struct{ rows *roaring64.Bitmap }

// New returns the set of the given row positions.
func New(positions iter.Seq[int64]) *Vector {
	rows := roaring64.New()
	for p := range positions {
		rows.Add(uint64(p))
	}
	return &Vector{rows: rows}
}

// Cardinality returns the number of deleted rows.
func (v *Vector) Cardinality() int64 {
	if v == nil || v.rows == nil {
		return 0
	}
	return int64(v.rows.GetCardinality())
}

// Rows yields the deleted positions in ascending order.
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
// not deleted.
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
	if err := rows.Validate(); err != nil && rows.GetCardinality() > 0 {
		return nil, err
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
