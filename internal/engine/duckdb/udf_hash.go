//go:build duckdb_arrow

package duckdb

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// hasher is one of Spark's hashes: of 32 bits, of 64 bits and of bytes, each
// from a seed.
type hasher[H int32 | int64] struct {
	ofInt   func(v int32, seed H) H
	ofLong  func(v int64, seed H) H
	ofBytes func(v []byte, seed H) H
}

// function is the hash of a value of any type and a seed.
func (h hasher[H]) function(seed bindings.Type) *function {
	return &function{
		takes: []bindings.Type{bindings.TypeAny, seed}, returns: seed, nulls: true,
		bind: func(args []column) (rowFunction, error) {
			hash, err := h.of(args[0])
			if err != nil {
				return nil, err
			}
			return func(a []column, i int, out column) { *at[H](out, i) = hash(i, *at[H](a[1], i)) }, nil
		},
	}
}

// of returns the hash of row i of a column. NULL gives the seed; arrays and
// structs hash one value after another, each from the hash before.
func (h hasher[H]) of(c column) (func(i int, seed H) H, error) {
	t := bindings.VectorGetColumnType(c.vector)
	defer bindings.DestroyLogicalType(&t)
	var hash func(i int, seed H) H
	var err error
	switch id := bindings.GetTypeId(t); id {
	case bindings.TypeList:
		hash, err = h.ofList(c)
	case bindings.TypeStruct:
		hash, err = h.ofStruct(c, int(bindings.StructTypeChildCount(t)))
	case bindings.TypeDecimal:
		hash = h.ofDecimal(c, t)
	default:
		hash = h.ofPlain(c, id)
	}
	if err != nil {
		return nil, err
	}
	if hash == nil {
		return nil, errors.New("[DATATYPE_MISMATCH.HASH_MAP_TYPE] Input to the function hash cannot contain elements of this type. SQLSTATE: 42K09")
	}
	return func(i int, seed H) H {
		if c.null(i) {
			return seed
		}
		return hash(i, seed)
	}, nil
}

// ofPlain hashes integers up to 32 bits, booleans and dates as an int, 64-bit
// ones and timestamps as a long, and floats by their bits.
func (h hasher[H]) ofPlain(c column, id bindings.Type) func(i int, seed H) H {
	switch id {
	case bindings.TypeSQLNull:
		return func(_ int, seed H) H { return seed }
	case bindings.TypeBoolean, bindings.TypeTinyInt:
		return func(i int, seed H) H { return h.ofInt(int32(*at[int8](c, i)), seed) }
	case bindings.TypeSmallInt:
		return func(i int, seed H) H { return h.ofInt(int32(*at[int16](c, i)), seed) }
	case bindings.TypeInteger, bindings.TypeDate:
		return func(i int, seed H) H { return h.ofInt(*at[int32](c, i), seed) }
	case bindings.TypeBigInt, bindings.TypeTimestamp, bindings.TypeTimestampTZ:
		return func(i int, seed H) H { return h.ofLong(*at[int64](c, i), seed) }
	case bindings.TypeFloat:
		return func(i int, seed H) H { // -0 hashes as 0
			return h.ofInt(int32(math.Float32bits(*at[float32](c, i)+0)), seed)
		}
	case bindings.TypeDouble:
		return func(i int, seed H) H { return h.ofLong(int64(math.Float64bits(*at[float64](c, i)+0)), seed) }
	case bindings.TypeVarchar, bindings.TypeBlob:
		return func(i int, seed H) H { return h.ofBytes([]byte(c.text(i)), seed) }
	}
	return nil
}

// ofDecimal hashes the digits without the point: as a long up to 18 of them,
// beyond as the bytes of Java's BigInteger.
func (h hasher[H]) ofDecimal(c column, t bindings.LogicalType) func(i int, seed H) H {
	unscaled := decimalReader(c, t)
	if bindings.DecimalWidth(t) <= 18 {
		return func(i int, seed H) H { return h.ofLong(unscaled(i).Int64(), seed) }
	}
	return func(i int, seed H) H { return h.ofBytes(twosComplement(unscaled(i)), seed) }
}

func (h hasher[H]) ofList(c column) (func(i int, seed H) H, error) {
	element, err := h.of(newColumn(bindings.ListVectorGetChild(c.vector)))
	if err != nil {
		return nil, err
	}
	return func(i int, seed H) H {
		s := *at[span](c, i)
		for k := s.offset; k < s.offset+s.length; k++ {
			seed = element(int(k), seed)
		}
		return seed
	}, nil
}

func (h hasher[H]) ofStruct(c column, fields int) (func(i int, seed H) H, error) {
	hashes := make([]func(int, H) H, fields)
	for k := range hashes {
		var err error
		if hashes[k], err = h.of(newColumn(bindings.StructVectorGetChild(c.vector, bindings.IdxT(k)))); err != nil {
			return nil, err
		}
	}
	return func(i int, seed H) H {
		for _, hash := range hashes {
			seed = hash(i, seed)
		}
		return seed
	}, nil
}

// Murmur3 in 32 bits, with Spark's way of hashing the last bytes: each as an
// int, sign and all.
func murmurK(k uint32) uint32 { return bits.RotateLeft32(k*0xcc9e2d51, 15) * 0x1b873593 }

func murmurH(h, k uint32) uint32 { return bits.RotateLeft32(h^k, 13)*5 + 0xe6546b64 }

func murmurEnd(h, length uint32) int32 {
	h ^= length
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return int32(h ^ h>>16)
}

func hashInt(v, seed int32) int32 {
	return murmurEnd(murmurH(uint32(seed), murmurK(uint32(v))), 4)
}

func hashLong(v int64, seed int32) int32 {
	h := murmurH(uint32(seed), murmurK(uint32(v)))
	return murmurEnd(murmurH(h, murmurK(uint32(v>>32))), 8)
}

func hashBytes(b []byte, seed int32) int32 {
	h, n := uint32(seed), uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		h = murmurH(h, murmurK(binary.LittleEndian.Uint32(b)))
	}
	for _, c := range b {
		h = murmurH(h, murmurK(uint32(int32(int8(c)))))
	}
	return murmurEnd(h, n)
}

// xxHash in 64 bits.
const (
	xxPrime1 = 0x9E3779B185EBCA87
	xxPrime2 = 0xC2B2AE3D27D4EB4F
	xxPrime3 = 0x165667B19E3779F9
	xxPrime4 = 0x85EBCA77C2B2AE63
	xxPrime5 = 0x27D4EB2F165667C5
)

func xxEnd(h uint64) int64 {
	h ^= h >> 33
	h *= xxPrime2
	h ^= h >> 29
	h *= xxPrime3
	return int64(h ^ h>>32)
}

func xxLong(h, v uint64) uint64 {
	h ^= bits.RotateLeft64(v*xxPrime2, 31) * xxPrime1
	return bits.RotateLeft64(h, 27)*xxPrime1 + xxPrime4
}

func xxInt(h, v uint64) uint64 {
	return bits.RotateLeft64(h^v*xxPrime1, 23)*xxPrime2 + xxPrime3
}

func xxhashInt(v int32, seed int64) int64 {
	return xxEnd(xxInt(uint64(seed)+xxPrime5+4, uint64(uint32(v))))
}

func xxhashLong(v, seed int64) int64 {
	return xxEnd(xxLong(uint64(seed)+xxPrime5+8, uint64(v)))
}

func xxhash64(b []byte, seed int64) int64 {
	s, n := uint64(seed), uint64(len(b))
	h := s + xxPrime5
	if len(b) >= 32 {
		lanes := [4]uint64{s, s, s, s}
		lanes[0] += xxPrime1
		lanes[0] += xxPrime2
		lanes[1] += xxPrime2
		lanes[3] -= xxPrime1
		for ; len(b) >= 32; b = b[32:] {
			for i := range lanes {
				lanes[i] = xxRound(lanes[i], binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
		h = bits.RotateLeft64(lanes[0], 1) + bits.RotateLeft64(lanes[1], 7) + bits.RotateLeft64(lanes[2], 12) + bits.RotateLeft64(lanes[3], 18)
		for _, lane := range lanes {
			h = (h^xxRound(0, lane))*xxPrime1 + xxPrime4
		}
	}
	h += n
	for ; len(b) >= 8; b = b[8:] {
		h = xxLong(h, binary.LittleEndian.Uint64(b))
	}
	if len(b) >= 4 {
		h = xxInt(h, uint64(binary.LittleEndian.Uint32(b)))
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*xxPrime5, 11) * xxPrime1
	}
	return xxEnd(h)
}

func xxRound(lane, v uint64) uint64 {
	return bits.RotateLeft64(lane+v*xxPrime2, 31) * xxPrime1
}
