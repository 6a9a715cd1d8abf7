package conform

import (
	"math"
	"math/big"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"

	"github.com/freshet/freshet/schema"
)

// decimalToFloat is the double nearest to n·10^-scale.
func decimalToFloat(n decimal128.Num, scale int32) float64 {
	f, _ := strconv.ParseFloat(n.ToString(scale), 64)
	return f
}

// lower128 returns a decimal of at most 38 digits in 128 bits, and for one of
// more a value that no precision admits.
func lower128(n decimal256.Num) decimal128.Num {
	v := n.BigInt()
	if v.BitLen() > 127 {
		return decimal128.New(math.MaxInt64, math.MaxUint64)
	}
	return decimal128.FromBigInt(v)
}

// rescale returns n, of the given scale, as a decimal of type to, rounding
// half away from zero as Spark does; ok is false when it has too many digits.
func rescale(n decimal128.Num, scale int32, to schema.Decimal) (out decimal128.Num, ok bool) {
	switch delta := int32(to.Scale) - scale; {
	case delta > 0:
		// Checked before, as the product may not fit in 128 bits.
		if digits := int32(to.Precision) - delta; digits <= 0 || !n.FitsInPrecision(digits) {
			return n, n == decimal128.Num{}
		}
		n = n.IncreaseScaleBy(delta)
	case delta < 0:
		n = n.ReduceScaleBy(-delta, true)
	}
	return n, n.FitsInPrecision(int32(to.Precision))
}

// floatToDecimal rounds the shortest decimal notation of f half away from
// zero.
func floatToDecimal(f float64, to schema.Decimal) (out decimal128.Num, ok bool) {
	if math.IsNaN(f) || math.Abs(f) >= 1e38 {
		return out, false
	}
	exact, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	if !ok {
		return out, false
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(to.Scale)), nil)
	exact.Mul(exact, new(big.Rat).SetInt(ten))
	half := big.NewRat(int64(exact.Sign()), 2)
	exact.Add(exact, half)
	n := new(big.Int).Quo(exact.Num(), exact.Denom())
	if n.BitLen() > 127 {
		return out, false
	}
	out = decimal128.FromBigInt(n)
	return out, out.FitsInPrecision(int32(to.Precision))
}
