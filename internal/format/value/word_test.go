package value_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/format/value"
)

func TestWord(t *testing.T) {
	const text = "abcdefgh"
	for n := range len(text) + 1 {
		want := uint64(0)
		for i := n - 1; i >= 0; i-- {
			want = want<<8 | uint64(text[i])
		}
		if got := value.Word([]byte(text[:n])); got != want {
			t.Errorf("Word(%q) = %x, want %x", text[:n], got, want)
		}
	}
}

func TestShortDecimal(t *testing.T) {
	for text, want := range map[string]struct {
		mantissa    uint64
		scale, size int
	}{
		"0,": {0, 0, 1}, "7}": {7, 0, 1}, "1234567,": {1234567, 0, 7}, "0.5,": {5, 1, 3}, "18.30,\"h": {1830, 2, 5},
		"1000.15,": {100015, 2, 7}, "12.3.4": {123, 1, 4}, "1-2": {1, 0, 1}, "0.0\xff\xff\xff": {0, 1, 3}, "3\x8a9": {3, 0, 1},
		// Not short decimals.
		"": {}, ",": {}, "-1,": {}, "01,": {}, "00.5,": {}, ".5,": {}, "5.,": {}, "12345678": {}, "123.4567": {}, "1234567.": {}, "abc": {},
	} {
		mantissa, scale, size := value.ShortDecimal(value.Word([]byte(text)))
		if mantissa != want.mantissa || scale != want.scale || size != want.size {
			t.Errorf("ShortDecimal(%q) = %d, %d, %d; want %v", text, mantissa, scale, size, want)
		}
	}
}

func TestShortDecimalsAsStrconv(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		text := strconv.FormatFloat(float64(random.IntN(1e6)), 'f', 0, 64)
		text = text[:1+random.IntN(len(text))]
		if random.IntN(2) == 0 {
			text += "." + strings.Repeat("0", random.IntN(3)) + strconv.Itoa(random.IntN(100))
		}
		want, err := strconv.ParseFloat(text, 64)
		if got, ok := value.ParseFloat64([]byte(text)); err != nil || !ok || got != want {
			t.Fatalf("ParseFloat64(%q) = %v, %t; want %v", text, got, ok, want)
		}
	}
}
