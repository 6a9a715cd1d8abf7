//go:build duckdb_arrow

package duckdb

import (
	"math/big"
	"math/bits"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// uint128 is the size of a decimal: its digits without the sign.
type uint128 struct{ high, low uint64 }

// tens are the powers of ten that a decimal may have.
var tens = func() (all [39]uint128) {
	all[0].low = 1
	for i := range len(all) - 1 {
		all[i+1], _ = all[i].times(uint128{low: 10})
	}
	return all
}()

func (x uint128) isZero() bool { return x.high|x.low == 0 }

func (x uint128) less(y uint128) bool { return x.high < y.high || x.high == y.high && x.low < y.low }

func (x uint128) plus(y uint128) (sum uint128, ok bool) {
	var carry uint64
	sum.low, carry = bits.Add64(x.low, y.low, 0)
	sum.high, carry = bits.Add64(x.high, y.high, carry)
	return sum, carry == 0
}

// minus is x-y, where x is not less than y.
func (x uint128) minus(y uint128) (difference uint128) {
	var borrow uint64
	difference.low, borrow = bits.Sub64(x.low, y.low, 0)
	difference.high, _ = bits.Sub64(x.high, y.high, borrow)
	return difference
}

// times reports in ok whether the product has no more than 128 bits.
func (x uint128) times(y uint128) (product uint128, ok bool) {
	if x.high != 0 && y.high != 0 {
		return uint128{}, false
	}
	if x.high == 0 {
		x, y = y, x // now y alone has 64 bits
	}
	over, high := bits.Mul64(x.high, y.low)
	carried, low := bits.Mul64(x.low, y.low)
	high, carry := bits.Add64(high, carried, 0)
	return uint128{high, low}, over == 0 && carry == 0
}

// dividedHalfUp divides by y, of 64 bits, and rounds to the nearest, up in the
// middle.
func (x uint128) dividedHalfUp(y uint64) uint128 {
	var q uint128
	var rest uint64
	q.high, rest = bits.Div64(0, x.high, y)
	q.low, rest = bits.Div64(rest, x.low, y)
	if rest >= y-rest {
		q, _ = q.plus(uint128{low: 1})
	}
	return q
}

// setInto puts the number into n.
func (x uint128) setInto(n *big.Int) *big.Int {
	n.SetUint64(x.high)
	n.Lsh(n, 64)
	var low big.Int
	return n.Or(n, low.SetUint64(x.low))
}

// magnitude splits a number of 128 bits into its sign and size.
func magnitude(low uint64, high int64) (x uint128, negative bool) {
	x = uint128{uint64(high), low}
	if high < 0 {
		return uint128{}.minus(x), true
	}
	return x, false
}

// hugeInt is the number of this size and sign.
func (x uint128) hugeInt(negative bool) bindings.HugeInt {
	if negative {
		x = uint128{}.minus(x)
	}
	return bindings.NewHugeInt(x.low, int64(x.high))
}

// ofBig returns the size of n when it has no more than 128 bits.
func ofBig(n *big.Int) (x uint128, ok bool) {
	if n.BitLen() > 128 {
		return x, false
	}
	var bytes [16]byte
	n.FillBytes(bytes[:])
	for i, b := range bytes {
		if i < 8 {
			x.high = x.high<<8 | uint64(b)
		} else {
			x.low = x.low<<8 | uint64(b)
		}
	}
	return x, true
}
