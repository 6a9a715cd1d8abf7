//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"math/big"
	"slices"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// span is a list's or map's place among the elements of its column.
type span struct{ offset, length uint64 }

// decimalReader returns what reads the digits of a decimal's row i, without
// the point. The number is valid until the next call.
func decimalReader(c column, t bindings.LogicalType) func(i int) *big.Int {
	n, high := new(big.Int), new(big.Int)
	switch bindings.DecimalInternalType(t) {
	case bindings.TypeSmallInt:
		return func(i int) *big.Int { return n.SetInt64(int64(*at[int16](c, i))) }
	case bindings.TypeInteger:
		return func(i int) *big.Int { return n.SetInt64(int64(*at[int32](c, i))) }
	case bindings.TypeBigInt:
		return func(i int) *big.Int { return n.SetInt64(*at[int64](c, i)) }
	}
	return func(i int) *big.Int {
		lower, upper := bindings.HugeIntMembers(at[bindings.HugeInt](c, i))
		n.SetUint64(lower)
		return n.Add(n, high.Lsh(high.SetInt64(upper), 64))
	}
}

// twosComplement returns a number as Java's BigInteger.toByteArray does: the
// fewest bytes that hold it and its sign, the highest first.
func twosComplement(n *big.Int) []byte {
	if n.Sign() >= 0 {
		b := n.Bytes()
		if len(b) == 0 || b[0] >= 0x80 {
			return append([]byte{0}, b...)
		}
		return b
	}
	b := new(big.Int).Not(n).Bytes()
	if len(b) == 0 || b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	for i := range b {
		b[i] = ^b[i]
	}
	return b
}

// decimalOperation is spark_decimal(operator, a, b, scale): the exact result
// of +, -, * or / of two decimals, rounded half up to a scale, as text. DuckDB
// divides decimals as DOUBLE and cannot multiply beyond 38 digits.
func decimalOperation(args []column) (rowFunction, error) {
	var operands [2]func(i int) *big.Int
	var scales [2]int
	for k := range operands {
		t := bindings.VectorGetColumnType(args[k+1].vector)
		if bindings.GetTypeId(t) == bindings.TypeDecimal {
			operands[k], scales[k] = decimalReader(args[k+1], t), int(bindings.DecimalScale(t))
		}
		bindings.DestroyLogicalType(&t)
		if operands[k] == nil {
			return nil, errors.New("spark_decimal takes decimals")
		}
	}
	return func(a []column, i int, out column) {
		x, y := operands[0](i), operands[1](i)
		scale := int(*at[int32](a[3], i))
		number := new(big.Int)
		var shift int // the result has this many digits after the point too many
		divisor := big.NewInt(1)
		switch a[0].text(i) {
		case "*":
			number.Mul(x, y)
			shift = scales[0] + scales[1] - scale
		case "/":
			number.Set(x)
			divisor.Set(y)
			shift = scales[0] - scales[1] - scale
		default:
			s := max(scales[0], scales[1])
			x.Mul(x, powerOfTen(s-scales[0]))
			y.Mul(y, powerOfTen(s-scales[1]))
			if number.Add(x, y); a[0].text(i) == "-" {
				number.Sub(x, y)
			}
			shift = s - scale
		}
		if shift > 0 {
			divisor.Mul(divisor, powerOfTen(shift))
		} else {
			number.Mul(number, powerOfTen(-shift))
		}
		if divisor.Sign() == 0 {
			out.setNull(i)
			return
		}
		out.setText(i, decimalText(divideHalfUp(number, divisor), scale))
	}, nil
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// divideHalfUp divides and rounds to the nearest, away from zero in the middle.
func divideHalfUp(x, y *big.Int) *big.Int {
	negative := x.Sign()*y.Sign() < 0
	x.Abs(x)
	y.Abs(y)
	x.Lsh(x, 1).Add(x, y)
	x.Quo(x, new(big.Int).Lsh(y, 1))
	if negative {
		x.Neg(x)
	}
	return x
}

// decimalText writes a number with its last scale digits after a point.
func decimalText(n *big.Int, scale int) string {
	digits := []byte(new(big.Int).Abs(n).String())
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = append([]byte(strings.Repeat("0", missing)), digits...)
	}
	if scale > 0 {
		digits = slices.Insert(digits, len(digits)-scale, '.')
	}
	if n.Sign() < 0 {
		return "-" + string(digits)
	}
	return string(digits)
}
