//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
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

// decimalFunctions are spark_decimal_S(operator, a, b), for each scale S: the
// exact result of +, -, * or / of two decimals as DECIMAL(38, S), rounded half
// up. DuckDB divides decimals as DOUBLE and cannot multiply beyond 38 digits.
var decimalFunctions = func() map[string][]*function {
	all := map[string][]*function{}
	for scale := range len(tens) {
		all["spark_decimal_"+strconv.Itoa(scale)] = []*function{{
			takes: []bindings.Type{textType, bindings.TypeAny, bindings.TypeAny}, returns: bindings.TypeDecimal, scale: scale,
			trying: func(args []column) (tryingRow, error) { return decimalRow(args, scale) },
		}}
	}
	return all
}()

// decimalOperand reads the decimals of a column.
type decimalOperand struct {
	scale int
	read  func(i int) (x uint128, negative bool)
}

func operandOf(c column) (o decimalOperand, err error) {
	t := bindings.VectorGetColumnType(c.vector)
	defer bindings.DestroyLogicalType(&t)
	if bindings.GetTypeId(t) != bindings.TypeDecimal {
		return o, errors.New("spark_decimal takes decimals")
	}
	o.scale = int(bindings.DecimalScale(t))
	small := func(n int64) (uint128, bool) { return magnitude(uint64(n), n>>63) }
	switch bindings.DecimalInternalType(t) {
	case bindings.TypeSmallInt:
		o.read = func(i int) (uint128, bool) { return small(int64(*at[int16](c, i))) }
	case bindings.TypeInteger:
		o.read = func(i int) (uint128, bool) { return small(int64(*at[int32](c, i))) }
	case bindings.TypeBigInt:
		o.read = func(i int) (uint128, bool) { return small(*at[int64](c, i)) }
	default:
		o.read = func(i int) (uint128, bool) { return magnitude(bindings.HugeIntMembers(at[bindings.HugeInt](c, i))) }
	}
	return o, nil
}

// decimalRow computes rows in 128 bits, and where those do not do in as many
// as it takes.
func decimalRow(args []column, scale int) (tryingRow, error) {
	x, err := operandOf(args[1])
	if err != nil {
		return nil, err
	}
	y, err := operandOf(args[2])
	if err != nil {
		return nil, err
	}
	d := decimalOperator{name: args[0].text(0), x: x, y: y, scale: scale}
	return func(_ []column, i int, out column) error {
		if d.name == "/" {
			if divisor, _ := y.read(i); divisor.isZero() {
				out.setNull(i)
				return nil
			}
		}
		result, negative, ok := d.quick(i)
		if !ok {
			if result, negative, ok = d.exact(i); !ok {
				return decimalOverflow(scale)
			}
		}
		if !result.less(tens[len(tens)-1]) {
			return decimalOverflow(scale)
		}
		*at[bindings.HugeInt](out, i) = result.hugeInt(negative)
		return nil
	}, nil
}

func decimalOverflow(scale int) error {
	return fmt.Errorf("[NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION] The result cannot be represented as Decimal(38, %d). Use `try_add`, `try_divide` and their like to tolerate it and return NULL instead. SQLSTATE: 22003", scale)
}

// decimalOperator is an operator on decimals with the scale of its result.
type decimalOperator struct {
	name  string
	x, y  decimalOperand
	scale int
}

// quick computes row i, unless a number on the way has more than 128 bits, or
// a divisor more than 64.
func (d *decimalOperator) quick(i int) (result uint128, negative, ok bool) {
	x, xNegative := d.x.read(i)
	y, yNegative := d.y.read(i)
	divisor := uint128{low: 1}
	var shift int // the digits that the result has too many
	ok = true
	switch d.name {
	case "*":
		x, ok = x.times(y)
		shift = d.x.scale + d.y.scale - d.scale
	case "/":
		divisor = y
		shift = d.x.scale - d.y.scale - d.scale
	default:
		return uint128{}, false, false
	}
	if !ok || shift >= len(tens) || shift <= -len(tens) {
		return uint128{}, false, false
	}
	if shift > 0 {
		divisor, ok = divisor.times(tens[shift])
	} else {
		x, ok = x.times(tens[-shift])
	}
	if !ok || divisor.high != 0 {
		return uint128{}, false, false
	}
	if divisor.low != 1 {
		x = x.dividedHalfUp(divisor.low)
	}
	return x, xNegative != yNegative && !x.isZero(), true
}

// exact computes row i in numbers of any size.
func (d *decimalOperator) exact(i int) (result uint128, negative, ok bool) {
	read := func(o decimalOperand) *big.Int {
		size, negative := o.read(i)
		n := size.setInto(new(big.Int))
		if negative {
			n.Neg(n)
		}
		return n
	}
	x, y := read(d.x), read(d.y)
	divisor := big.NewInt(1)
	var shift int
	switch d.name {
	case "*":
		x.Mul(x, y)
		shift = d.x.scale + d.y.scale - d.scale
	case "/":
		divisor = y
		shift = d.x.scale - d.y.scale - d.scale
	default:
		s := max(d.x.scale, d.y.scale)
		x.Mul(x, powerOfTen(s-d.x.scale))
		y.Mul(y, powerOfTen(s-d.y.scale))
		if d.name == "-" {
			y.Neg(y)
		}
		x.Add(x, y)
		shift = s - d.scale
	}
	if shift > 0 {
		divisor.Mul(divisor, powerOfTen(shift))
	} else {
		x.Mul(x, powerOfTen(-shift))
	}
	n := divideHalfUp(x, divisor)
	negative = n.Sign() < 0
	result, ok = ofBig(n.Abs(n))
	return result, negative, ok
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
