package value

import (
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// maxDigits is how many decimal digits always fit 128 bits.
const maxDigits = 38

// ParseDecimal reads a decimal number of at most precision digits, scale of
// them after the point, as its unscaled value. Like Spark, it rounds half up
// what is finer than the scale; a value with more digits than the precision
// allows is not ok. The grammar is that of Java's BigDecimal: a sign, digits
// with a point, an exponent.
func ParseDecimal(text []byte, precision, scale int) (v decimal128.Num, ok bool) {
	d, ok := scanDecimal(text)
	if !ok {
		return v, false
	}
	if !d.rescale(scale) || d.value.cmp(powerOfTen(precision)) >= 0 {
		return v, false
	}
	v = decimal128.New(int64(d.value.hi), d.value.lo)
	if d.negative {
		v = v.Negate()
	}
	return v, true
}

// DecimalShape returns how many digits the number has in all and after the
// point, as written; inference chooses a type by it. Leading zeros do not
// count, and an exponent moves the point.
func DecimalShape(text []byte) (precision, scale int, ok bool) {
	d, ok := scanDecimal(text)
	if !ok {
		return 0, 0, false
	}
	return d.digits, -d.exponent, true
}

// decimal is a number read: value * 10^(exponent+dropped), less what the
// dropped digits add.
type decimal struct {
	value    uint128
	negative bool
	digits   int // significant digits written, at least 1
	exponent int // of the last digit written
	dropped  int // digits after the first 38 significant ones
	roundUp  bool
}

func (d *decimal) addDigit(c byte) {
	switch {
	case d.value.isZero() && c == '0':
		return
	case d.digits < maxDigits:
		d.value = d.value.timesPlus(10, uint64(c-'0'))
	default:
		if d.dropped == 0 {
			d.roundUp = c >= '5'
		}
		d.dropped++
	}
	d.digits++
}

func scanDecimal(text []byte) (d decimal, ok bool) {
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		d.negative = text[i] == '-'
		i++
	}
	start, point := i, -1
	for ; i < len(text); i++ {
		c := text[i]
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if c-'0' > 9 {
			break
		}
		d.addDigit(c)
	}
	written := i - start
	if point >= 0 {
		written--
		d.exponent = point + 1 - i
	}
	if written == 0 {
		return d, false
	}
	d.digits = max(d.digits, 1)
	if i == len(text) {
		return d, true
	}
	e, ok := ParseInt[int32](text[i+1:])
	d.exponent += int(e)
	return d, ok && text[i]|0x20 == 'e'
}

// rescale makes the value a multiple of 10^-scale, rounding half up. It
// reports false when that has more than 38 digits.
func (d *decimal) rescale(scale int) bool {
	shift := d.exponent + d.dropped + scale
	switch {
	case d.value.isZero():
		return true
	case shift > 0:
		if d.dropped > 0 || d.digits+shift > maxDigits {
			return false
		}
		d.value = d.value.times(powerOfTen(shift))
	case shift == 0:
		if d.roundUp {
			d.value = d.value.timesPlus(1, 1)
		}
	case shift < -maxDigits:
		d.value = uint128{}
	default:
		d.value = d.value.divideHalfUp(-shift)
	}
	return true
}

type uint128 struct{ hi, lo uint64 }

func (a uint128) isZero() bool { return a.hi|a.lo == 0 }

func (a uint128) cmp(b uint128) int {
	switch {
	case a == b:
		return 0
	case a.hi < b.hi || a.hi == b.hi && a.lo < b.lo:
		return -1
	}
	return 1
}

// timesPlus returns a*m + n, which must fit.
func (a uint128) timesPlus(m, n uint64) uint128 {
	hi, lo := bits.Mul64(a.lo, m)
	lo, carry := bits.Add64(lo, n, 0)
	return uint128{hi + a.hi*m + carry, lo}
}

// times returns a*b, which must fit.
func (a uint128) times(b uint128) uint128 {
	hi, lo := bits.Mul64(a.lo, b.lo)
	return uint128{hi + a.hi*b.lo + a.lo*b.hi, lo}
}

func (a uint128) divide(by uint64) (quotient uint128, remainder uint64) {
	quotient.hi, remainder = a.hi/by, a.hi%by
	quotient.lo, remainder = bits.Div64(remainder, a.lo, by)
	return quotient, remainder
}

// divideHalfUp divides by 10^n, n from 1 to 38. Half up looks only at the
// first digit that is dropped, so that it can divide step by step.
func (a uint128) divideHalfUp(n int) uint128 {
	for n--; n > 0; {
		step := min(n, 19)
		a, _ = a.divide(powerOfTen(step).lo)
		n -= step
	}
	a, digit := a.divide(10)
	if digit >= 5 {
		a = a.timesPlus(1, 1)
	}
	return a
}

var powersOfTen = func() (p [maxDigits + 1]uint128) {
	p[0].lo = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1].timesPlus(10, 0)
	}
	return p
}()

func powerOfTen(n int) uint128 { return powersOfTen[n] }
