//go:build duckdb_arrow

package duckdb

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// TestDecimalsIn128BitsAndInAny holds the two ways of computing against each other.
func TestDecimalsIn128BitsAndInAny(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	number := func() (uint128, bool) {
		n := uint128{random.Uint64() >> 2 >> random.IntN(63), random.Uint64()}
		if random.IntN(2) == 0 {
			n = uint128{low: n.low >> random.IntN(64)}
		}
		return n, random.IntN(2) == 0
	}
	quick := 0
	for range 20_000 {
		var x, y decimalOperand
		a, aNegative := number()
		b, bNegative := number()
		if b.isZero() {
			continue
		}
		x.scale, y.scale = random.IntN(39), random.IntN(39)
		x.read = func(int) (uint128, bool) { return a, aNegative }
		y.read = func(int) (uint128, bool) { return b, bNegative }
		d := decimalOperator{name: []string{"*", "/"}[random.IntN(2)], x: x, y: y, scale: random.IntN(39)}
		got, negative, ok := d.quick(0)
		if !ok {
			continue
		}
		quick++
		want, wantNegative, ok := d.exact(0)
		if !ok || got != want || negative != wantNegative {
			t.Fatalf("%v %s %v, scales %d, %d, %d: %v %v, want %v %v", a, d.name, b, x.scale, y.scale, d.scale, got, negative, want, wantNegative)
		}
	}
	if quick < 1000 {
		t.Errorf("only %d of the operations were done in 128 bits", quick)
	}
}

func TestUint128(t *testing.T) {
	ten37 := tens[37]
	if got := ten37.setInto(new(big.Int)); got.Cmp(powerOfTen(37)) != 0 {
		t.Errorf("10^37 is %s", got)
	}
	if _, ok := ten37.times(tens[2]); ok {
		t.Error("10^39 in 128 bits")
	}
	if _, ok := (uint128{1 << 63, 0}).plus(uint128{1 << 63, 0}); ok {
		t.Error("2^128 in 128 bits")
	}
	if got, ok := ofBig(powerOfTen(37)); !ok || got != ten37 {
		t.Errorf("10^37 is %v", got)
	}
	low := ten37.low
	if x, negative := magnitude(-low, int64(^ten37.high)); x != ten37 || !negative {
		t.Errorf("-10^37 is %v, %v", x, negative)
	}
}
