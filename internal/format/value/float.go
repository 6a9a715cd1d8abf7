package value

import (
	"bytes"
	"math"
	"strconv"
)

// exactPowers are the powers of ten that float64 holds exactly.
var exactPowers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// ParseFloat64 reads a floating-point number as Java's parseDouble does, to
// the nearest value: blanks around it, a sign, digits with a point and an
// exponent, NaN, Infinity, hexadecimal, and a final d or f are accepted.
// A number too large is infinite.
func ParseFloat64(text []byte) (v float64, ok bool) {
	if len(text) <= WordSize {
		if mantissa, scale, size := ShortDecimal(Word(text)); size == len(text) && size > 0 {
			return ExactFloat64(mantissa, -scale, false)
		}
	}
	if mantissa, exponent, negative, ok := shortDecimal(text); ok {
		if v, ok := ExactFloat64(mantissa, exponent, negative); ok {
			return v, true
		}
	}
	return parseFloat(text, 64)
}

// ExactFloat64 returns mantissa * 10^exponent rounded to the nearest value,
// or not ok when that takes more than one operation. It is for readers that
// have the digits of a number already.
func ExactFloat64(mantissa uint64, exponent int, negative bool) (v float64, ok bool) {
	if mantissa >= 1<<53 || exponent < -22 || exponent > 22 {
		return 0, false
	}
	// Both operands are exact, so that one rounding gives the nearest value
	// (W. Clinger, How to Read Floating Point Numbers Accurately).
	v = float64(mantissa)
	if exponent < 0 {
		v /= exactPowers[-exponent]
	} else {
		v *= exactPowers[exponent]
	}
	if negative {
		v = -v
	}
	return v, true
}

// ParseFloat32 is [ParseFloat64] for FLOAT: one rounding to 32 bits.
func ParseFloat32(text []byte) (v float32, ok bool) {
	mantissa, exponent, negative, ok := shortDecimal(text)
	if !ok || mantissa >= 1<<24 || exponent < -10 || exponent > 10 {
		wide, ok := parseFloat(text, 32)
		return float32(wide), ok
	}
	v = float32(mantissa)
	if exponent < 0 {
		v /= float32(exactPowers[-exponent])
	} else {
		v *= float32(exactPowers[exponent])
	}
	if negative {
		v = -v
	}
	return v, true
}

// shortDecimal reads a plain decimal of at most 19 digits with an optional
// short exponent as mantissa * 10^exponent. It is not ok for any other text,
// number or not.
func shortDecimal(text []byte) (mantissa uint64, exponent int, negative, ok bool) {
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		negative = text[i] == '-'
		i++
	}
	start := i
	for i < len(text) && text[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(text[i]-'0')
		i++
	}
	digits := i - start
	if i < len(text) && text[i] == '.' {
		i++
		point := i
		for i < len(text) && text[i]-'0' <= 9 {
			mantissa = mantissa*10 + uint64(text[i]-'0')
			i++
		}
		exponent = point - i
		digits += i - point
	}
	if digits == 0 || digits > 19 {
		return 0, 0, false, false
	}
	if i == len(text) {
		return mantissa, exponent, negative, true
	}
	if text[i]|0x20 != 'e' {
		return 0, 0, false, false
	}
	e, ok := ParseInt[int16](text[i+1:])
	return mantissa, exponent + int(e), negative, ok
}

// parseFloat reads what Java's parseDouble accepts, whatever its length.
func parseFloat(text []byte, bits int) (v float64, ok bool) {
	text = trim(text)
	if len(text) == 0 {
		return 0, false
	}
	digits := bytes.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 || len(digits) == 0 {
		return 0, false
	}
	switch first := digits[0]; {
	case string(digits) == "NaN":
		return math.NaN(), true
	case string(digits) == "Infinity":
		if text[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	case first != '.' && first-'0' > 9, bytes.IndexByte(digits, '_') >= 0:
		return 0, false // strconv accepts more spellings than Java
	}
	hex := len(digits) > 1 && digits[1]|0x20 == 'x'
	last := text[len(text)-1] | 0x20
	if (last == 'd' || last == 'f') && (!hex || bytes.ContainsAny(digits, "pP")) {
		text = text[:len(text)-1]
	}
	v, err := strconv.ParseFloat(string(text), bits)
	if err != nil && !math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}
