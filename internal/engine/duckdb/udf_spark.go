//go:build duckdb_arrow

package duckdb

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math"
	"math/big"
	"strconv"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

const (
	textType  = bindings.TypeVarchar
	bytesType = bindings.TypeBlob
	intType   = bindings.TypeInteger
	longType  = bindings.TypeBigInt
)

// functions are those of Spark's in Go, by name and by what they take.
var functions = map[string][]*function{
	"spark_crc32": {{takes: []bindings.Type{bytesType}, returns: longType, row: func(a []column, i int, out column) {
		*at[int64](out, i) = int64(crc32.ChecksumIEEE([]byte(a[0].text(i))))
	}}},
	"spark_sha2":       {{takes: []bindings.Type{bytesType, intType}, returns: textType, row: sha2}},
	"spark_conv":       {{takes: []bindings.Type{textType, intType, intType}, returns: textType, row: conv}},
	"spark_soundex":    {{takes: []bindings.Type{textType}, returns: textType, row: func(a []column, i int, out column) { out.setText(i, soundex(a[0].text(i))) }}},
	"spark_luhn_check": {{takes: []bindings.Type{textType}, returns: bindings.TypeBoolean, row: func(a []column, i int, out column) { *at[bool](out, i) = luhn(a[0].text(i)) }}},
	"spark_size":       {{takes: []bindings.Type{bindings.TypeAny}, returns: intType, bind: size}},
	"spark_double_text": {{takes: []bindings.Type{bindings.TypeDouble}, returns: textType, row: func(a []column, i int, out column) {
		out.setText(i, floatText(*at[float64](a[0], i), 64))
	}}},
	"spark_float_text": {{takes: []bindings.Type{bindings.TypeFloat}, returns: textType, row: func(a []column, i int, out column) {
		out.setText(i, floatText(float64(*at[float32](a[0], i)), 32))
	}}},
	"spark_round_double": {{takes: []bindings.Type{bindings.TypeDouble, intType}, returns: bindings.TypeDouble, row: func(a []column, i int, out column) {
		*at[float64](out, i) = roundText(*at[float64](a[0], i), int(*at[int32](a[1], i)))
	}}},
	"spark_shiftleft": {
		{takes: []bindings.Type{intType, intType}, returns: intType, row: func(a []column, i int, out column) {
			*at[int32](out, i) = *at[int32](a[0], i) << (*at[int32](a[1], i) & 31)
		}},
		{takes: []bindings.Type{longType, intType}, returns: longType, row: func(a []column, i int, out column) {
			*at[int64](out, i) = *at[int64](a[0], i) << (*at[int32](a[1], i) & 63)
		}},
	},
	"spark_json_fields": {{takes: []bindings.Type{bindings.TypeAny, textType}, returns: textType, trying: jsonFields}},
	"spark_nested_text": {{takes: []bindings.Type{bindings.TypeAny}, returns: textType, bind: nestedText}},
	"spark_hash":        {hasher[int32]{hashInt, hashLong, hashBytes}.function(intType)},
	"spark_xxhash64":    {hasher[int64]{xxhashInt, xxhashLong, xxhash64}.function(longType)},
}

// floatText writes a number as Java does: with an exponent from 10^7 on and
// below 10^-3, and always a fraction.
func floatText(f float64, size int) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strconv.FormatFloat(f, 'f', -1, 64)+"inity", "+")
	case abs != 0 && (abs >= 1e7 || abs < 1e-3):
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, size), "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		exponent = strings.TrimPrefix(exponent, "+")
		sign := ""
		if strings.HasPrefix(exponent, "-") {
			sign, exponent = "-", exponent[1:]
		}
		return mantissa + "E" + sign + strings.TrimLeft(exponent, "0")
	}
	text := strconv.FormatFloat(f, 'f', -1, size)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// roundText rounds half up to places after the point, or before it when
// negative, the number that Java writes f as: 1.005 becomes 1.01, although its
// binary value is below 1.005.
func roundText(f float64, places int) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || places > 340 || places < -340 {
		return f
	}
	n, ok := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
	if !ok {
		return f
	}
	unit := new(big.Rat).SetInt(powerOfTen(max(places, -places)))
	if places < 0 {
		unit.Inv(unit)
	}
	n.Mul(n, unit)
	whole := new(big.Rat).SetInt(divideHalfUp(new(big.Int).Set(n.Num()), new(big.Int).Set(n.Denom())))
	rounded, _ := whole.Quo(whole, unit).Float64()
	return math.Copysign(rounded, f)
}

// size is the length of a list or map: both are an offset and a length.
func size(args []column) (rowFunction, error) {
	switch args[0].kind() {
	case bindings.TypeList, bindings.TypeMap, bindings.TypeSQLNull:
		return func(a []column, i int, out column) { *at[int32](out, i) = int32(at[span](a[0], i).length) }, nil
	}
	return nil, errors.New("[DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE] size takes an array or a map. SQLSTATE: 42K09")
}

func sha2(a []column, i int, out column) {
	data := []byte(a[0].text(i))
	var sum []byte
	switch *at[int32](a[1], i) {
	case 0, 256:
		s := sha256.Sum256(data)
		sum = s[:]
	case 224:
		s := sha256.Sum224(data)
		sum = s[:]
	case 384:
		s := sha512.Sum384(data)
		sum = s[:]
	case 512:
		s := sha512.Sum512(data)
		sum = s[:]
	default:
		out.setNull(i)
		return
	}
	out.setText(i, hex.EncodeToString(sum))
}

// conv converts a number between bases 2 to 36 as Hive and Spark do: the
// longest prefix of digits counts, a negative target base gives a signed
// number, and what exceeds 64 bits becomes -1 unsigned.
func conv(a []column, i int, out column) {
	text, from, to := strings.TrimSpace(a[0].text(i)), *at[int32](a[1], i), *at[int32](a[2], i)
	base := to
	if base < 0 {
		base = -base
	}
	if from < 2 || from > 36 || base < 2 || base > 36 || text == "" {
		out.setNull(i)
		return
	}
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	var value uint64
	for _, c := range []byte(text) {
		d, err := strconv.ParseUint(string(c), 36, 8)
		if err != nil || d >= uint64(from) {
			break
		}
		if value > (math.MaxUint64-d)/uint64(from) {
			value = math.MaxUint64
			break
		}
		value = value*uint64(from) + d
	}
	if negative {
		value = -value
	}
	if to < 0 {
		out.setText(i, strings.ToUpper(strconv.FormatInt(int64(value), int(base))))
		return
	}
	out.setText(i, strings.ToUpper(strconv.FormatUint(value, int(base))))
}

// soundex is the American Soundex code; a text that does not begin with a
// letter is its own.
func soundex(s string) string {
	const codes = "01230120022455012623010202"
	if s == "" || !isLetter(s[0]) {
		return s
	}
	upper := strings.ToUpper(s)
	code := []byte{upper[0]}
	last := codes[upper[0]-'A']
	for _, c := range []byte(upper[1:]) {
		if !isLetter(c) {
			last = '0'
			continue
		}
		d := codes[c-'A']
		if d != '0' && d != last {
			code = append(code, d)
			if len(code) == 4 {
				break
			}
		}
		if c != 'H' && c != 'W' {
			last = d
		}
	}
	return (string(code) + "000")[:4]
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// luhn reports whether the digits' check digit is right.
func luhn(s string) bool {
	sum := 0
	for i, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		d := int(c - '0')
		if (len(s)-i)%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return s != "" && sum%10 == 0
}
