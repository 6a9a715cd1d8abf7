package value_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/format/value"
)

func TestParseInt64(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "+7": 7, "0012": 12,
		"999999999999999999":             999999999999999999,
		"9223372036854775807":            math.MaxInt64,
		"-9223372036854775808":           math.MinInt64,
		"000000000000000000000000000042": 42,
	} {
		if got, ok := value.ParseInt64([]byte(text)); !ok || got != want {
			t.Errorf("ParseInt64(%q) = %d, %t; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-", "+", " 1", "1 ", "1.0", "1e3", "0x10", "1_000", "--1", "9223372036854775808", "-9223372036854775809", "99999999999999999999"} {
		if got, ok := value.ParseInt64([]byte(text)); ok {
			t.Errorf("ParseInt64(%q) = %d; want not ok", text, got)
		}
	}
}

func TestParseIntRanges(t *testing.T) {
	if v, ok := value.ParseInt[int8]([]byte("-128")); !ok || v != -128 {
		t.Errorf("int8 -128 = %d, %t", v, ok)
	}
	if _, ok := value.ParseInt[int8]([]byte("128")); ok {
		t.Error("128 fits int8")
	}
	if _, ok := value.ParseInt[int16]([]byte("32768")); ok {
		t.Error("32768 fits int16")
	}
	if _, ok := value.ParseInt[int32]([]byte("-2147483649")); ok {
		t.Error("-2147483649 fits int32")
	}
}

func TestParseFloat64(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "1.5": 1.5, ".5": 0.5, "5.": 5, "-2.5e3": -2500, "1E-2": 0.01, "+3": 3,
		"22.714285714285715": 22.714285714285715, "1e400": math.Inf(1), "-1e400": math.Inf(-1), "1e-400": 0,
		"9007199254740993": 9007199254740993, "0.1e23": 0.1e23, " 7 ": 7, "1d": 1, "1.5F": 1.5, "Infinity": math.Inf(1),
		"-Infinity": math.Inf(-1), "0x1p3": 8, "123456789012345678901234567890": 123456789012345678901234567890,
		"4.9E-324": 4.9e-324, "1e99999": math.Inf(1), "0e99999": 0,
	} {
		if got, ok := value.ParseFloat64([]byte(text)); !ok || got != want {
			t.Errorf("ParseFloat64(%q) = %v, %t; want %v", text, got, ok, want)
		}
	}
	if got, ok := value.ParseFloat64([]byte("NaN")); !ok || !math.IsNaN(got) {
		t.Errorf("ParseFloat64(NaN) = %v, %t", got, ok)
	}
	for _, text := range []string{"", " ", "-", ".", "e5", "1e", "1e+", "inf", "nan", "INFINITY", "1_0", "0x_1p3", "1,5", "1.2.3", "--1", "abc", "d", "0x1"} {
		if got, ok := value.ParseFloat64([]byte(text)); ok {
			t.Errorf("ParseFloat64(%q) = %v; want not ok", text, got)
		}
	}
}

func TestParseFloat32RoundsOnce(t *testing.T) {
	// Rounded to 64 bits first, this lands on a tie and then on the wrong side.
	const text = "1.00000017881393432617187499"
	want, _ := strconv.ParseFloat(text, 32)
	if got, ok := value.ParseFloat32([]byte(text)); !ok || got != float32(want) {
		t.Errorf("ParseFloat32 = %v, %t; want %v", got, ok, float32(want))
	}
	if got, ok := value.ParseFloat32([]byte("23.25")); !ok || got != 23.25 {
		t.Errorf("ParseFloat32(23.25) = %v, %t", got, ok)
	}
}

func TestParseDecimal(t *testing.T) {
	nines := strings.Repeat("9", 38)
	for _, c := range []struct {
		text             string
		precision, scale int
		want             string // unscaled, "" for not ok
	}{
		{"1.23", 5, 2, "123"},
		{"1.235", 5, 2, "124"},
		{"-1.235", 5, 2, "-124"},
		{"1.2349", 5, 2, "123"},
		{"999.99", 5, 2, "99999"},
		{"999.995", 5, 2, ""},
		{"1000", 5, 2, ""},
		{"1e2", 5, 2, "10000"},
		{"1e3", 5, 2, ""},
		{"12345e-3", 5, 2, "1235"},
		{"0.00", 5, 2, "0"},
		{"0e999999999", 5, 2, "0"},
		{"1e-999999999", 5, 2, "0"},
		{"1e999999999", 5, 2, ""},
		{nines, 38, 0, nines},
		{nines + "9", 38, 0, ""},
		{"0." + nines + "4", 38, 38, nines},
		{"0." + nines + "5", 38, 38, ""},
		{"1." + strings.Repeat("3", 60), 10, 4, "13333"},
		{nines + "e-20", 38, 0, "1000000000000000000"},
		{"-.5", 1, 0, "-1"},
		{"5.", 1, 0, "5"},
		{"", 5, 2, ""},
		{".", 5, 2, ""},
		{"-", 5, 2, ""},
		{"1e", 5, 2, ""},
		{" 1", 5, 2, ""},
		{"1x", 5, 2, ""},
		{"1.2.3", 5, 2, ""},
	} {
		got, ok := value.ParseDecimal([]byte(c.text), c.precision, c.scale)
		if ok != (c.want != "") || ok && got.BigInt().String() != c.want {
			t.Errorf("ParseDecimal(%q, %d, %d) = %s, %t; want %q", c.text, c.precision, c.scale, got.BigInt(), ok, c.want)
		}
	}
}

func TestDecimalShape(t *testing.T) {
	for text, want := range map[string][2]int{"1.50": {3, 2}, "0.001": {1, 3}, "-12": {2, 0}, "0": {1, 0}, "1e3": {1, -3}} {
		p, s, ok := value.DecimalShape([]byte(text))
		if !ok || p != want[0] || s != want[1] {
			t.Errorf("DecimalShape(%q) = %d, %d, %t; want %v", text, p, s, ok, want)
		}
	}
}

func TestParseBool(t *testing.T) {
	for text, want := range map[string]bool{"true": true, "TRUE": true, "False": false} {
		if got, ok := value.ParseBool([]byte(text)); !ok || got != want {
			t.Errorf("ParseBool(%q) = %t, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "t", "1", "yes", "true "} {
		if _, ok := value.ParseBool([]byte(text)); ok {
			t.Errorf("ParseBool(%q) is ok", text)
		}
	}
}

func FuzzParseFloat64(f *testing.F) {
	for _, s := range []string{"1.5", "-0.1e-3", "17976931348623157e292", "9007199254740993.0", "2.2250738585072011e-308"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Trim(s, "+-0123456789.eE") != "" {
			value.ParseFloat64([]byte(s))
			return
		}
		want, err := strconv.ParseFloat(s, 64)
		got, ok := value.ParseFloat64([]byte(s))
		if wantOK := err == nil || math.IsInf(want, 0); ok != wantOK || ok && got != want {
			t.Errorf("ParseFloat64(%q) = %v, %t; strconv: %v, %v", s, got, ok, want, err)
		}
		want32, err := strconv.ParseFloat(s, 32)
		got32, ok := value.ParseFloat32([]byte(s))
		if wantOK := err == nil || math.IsInf(want32, 0); ok != wantOK || ok && got32 != float32(want32) {
			t.Errorf("ParseFloat32(%q) = %v, %t; strconv: %v, %v", s, got32, ok, want32, err)
		}
	})
}

func FuzzParseInt64(f *testing.F) {
	f.Add("9223372036854775808")
	f.Fuzz(func(t *testing.T, s string) {
		want, err := strconv.ParseInt(s, 10, 64)
		if got, ok := value.ParseInt64([]byte(s)); ok != (err == nil) || ok && got != want {
			t.Errorf("ParseInt64(%q) = %d, %t; strconv: %d, %v", s, got, ok, want, err)
		}
	})
}

func FuzzParseDecimal(f *testing.F) {
	f.Add("1.235", uint8(5), uint8(2))
	f.Add("99999999999999999999999999999999999999.5", uint8(38), uint8(0))
	f.Fuzz(func(t *testing.T, s string, p, sc uint8) {
		precision := int(p)%38 + 1
		scale := int(sc) % (precision + 1)
		got, ok := value.ParseDecimal([]byte(s), precision, scale)
		if strings.Trim(s, "+-0123456789.") != "" || len(s) > 100 {
			return
		}
		r, valid := new(big.Rat).SetString(s)
		if !valid {
			if ok {
				t.Errorf("ParseDecimal(%q) is ok, math/big refuses it", s)
			}
			return
		}
		want := roundHalfUp(r, scale)
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
		if fits := want.CmpAbs(limit) < 0; ok != fits || ok && got.BigInt().Cmp(want) != 0 {
			t.Errorf("ParseDecimal(%q, %d, %d) = %s, %t; want %s", s, precision, scale, got.BigInt(), ok, want)
		}
	})
}

// roundHalfUp returns r * 10^scale to the nearest integer, ties away from
// zero.
func roundHalfUp(r *big.Rat, scale int) *big.Int {
	scaled := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	num := new(big.Int).Mul(r.Num(), scaled)
	num.Mul(num, big.NewInt(2))
	if r.Sign() < 0 {
		num.Sub(num, r.Denom())
	} else {
		num.Add(num, r.Denom())
	}
	return num.Quo(num, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
}

func BenchmarkParseFloat64(b *testing.B) {
	text := []byte("22.7143")
	for b.Loop() {
		value.ParseFloat64(text)
	}
}

func BenchmarkParseInt64(b *testing.B) {
	text := []byte("1704067200")
	for b.Loop() {
		value.ParseInt64(text)
	}
}

func BenchmarkParseDecimal(b *testing.B) {
	text := []byte("1013.25")
	for b.Loop() {
		value.ParseDecimal(text, 10, 2)
	}
}
