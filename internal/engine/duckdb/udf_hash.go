//go:build duckdb_arrow

package duckdb

import (
	"encoding/binary"
	"math"
	"math/bits"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// hashes are the overloads of a hash of one value and a seed, which a NULL
// returns as it is. Integers up to 32 bits, booleans and dates hash as an
// int, 64-bit ones and timestamps as a long, floats by their bits.
func hashes[H int32 | int64](seed bindings.Type, ofInt func(int32, H) H, ofLong func(int64, H) H, ofBytes func([]byte, H) H) []*function {
	overload := func(t bindings.Type, hash func(c column, i int, seed H) H) *function {
		return &function{takes: []bindings.Type{t, seed}, returns: seed, nulls: true, row: func(a []column, i int, out column) {
			h := *at[H](a[1], i)
			if !a[0].null(i) {
				h = hash(a[0], i, h)
			}
			*at[H](out, i) = h
		}}
	}
	long := func(c column, i int, seed H) H { return ofLong(*at[int64](c, i), seed) }
	integer := func(c column, i int, seed H) H { return ofInt(*at[int32](c, i), seed) }
	text := func(c column, i int, seed H) H { return ofBytes([]byte(c.text(i)), seed) }
	return []*function{
		overload(bindings.TypeBoolean, func(c column, i int, seed H) H { return ofInt(int32(*at[int8](c, i)), seed) }),
		overload(bindings.TypeTinyInt, func(c column, i int, seed H) H { return ofInt(int32(*at[int8](c, i)), seed) }),
		overload(bindings.TypeSmallInt, func(c column, i int, seed H) H { return ofInt(int32(*at[int16](c, i)), seed) }),
		overload(bindings.TypeInteger, integer),
		overload(bindings.TypeDate, integer),
		overload(bindings.TypeBigInt, long),
		overload(bindings.TypeTimestamp, long),
		overload(bindings.TypeTimestampTZ, long),
		overload(bindings.TypeFloat, func(c column, i int, seed H) H {
			f := *at[float32](c, i) + 0 // -0 hashes as 0
			return ofInt(int32(math.Float32bits(f)), seed)
		}),
		overload(bindings.TypeDouble, func(c column, i int, seed H) H {
			f := *at[float64](c, i) + 0
			return ofLong(int64(math.Float64bits(f)), seed)
		}),
		overload(bindings.TypeVarchar, text),
		overload(bindings.TypeBlob, text),
	}
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
