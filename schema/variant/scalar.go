package variant

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/schema"
)

// scalar is the value of a variant that is no container.
type scalar struct {
	kind Kind
	text string   // of a string, or the bytes of a binary; of others as JSON has it, without quotes
	num  *big.Rat // of a Boolean, Integer, Decimal or finite Double
	f    float64  // of a Double or Float
	i    int64    // of a Date or Timestamp
	v    Value
}

func newScalar(v Value, kind Kind) (s scalar, err error) {
	s = scalar{kind: kind, v: v}
	switch kind {
	case Boolean:
		s.num = new(big.Rat)
		if v.Bool() {
			s.num.SetInt64(1)
		}
	case Integer:
		s.i, err = v.Int()
		s.num = new(big.Rat).SetInt64(s.i)
	case Decimal:
		n, scale, failure := v.Decimal()
		if failure != nil {
			return s, failure
		}
		s.num = new(big.Rat).SetFrac(n.BigInt(), powerOfTen(scale))
	case Double, Float:
		s.f, err = v.Double()
		// The number that its shortest text names, as in Java.
		s.num, _ = new(big.Rat).SetString(strconv.FormatFloat(s.f, 'e', -1, 64))
	case Date, Timestamp, TimestampNTZ:
		s.i, err = v.Int()
	case String, Binary:
		b, failure := v.Bytes()
		s.text, err = string(b), failure
	case Null, UUID, Object, Array:
	}
	return s, err
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// to returns the text of a scalar as t, and whether it has one.
func (s scalar) to(t schema.Type, zone *time.Location) (string, bool) {
	if d, ok := t.(schema.Decimal); ok {
		return s.decimal(d)
	}
	switch t {
	case schema.String:
		return s.string(zone)
	case schema.Binary:
		return s.text, s.kind == Binary || s.kind == String
	case schema.Boolean:
		return s.boolean()
	case schema.Byte:
		return s.integer(math.MinInt8, math.MaxInt8)
	case schema.Short:
		return s.integer(math.MinInt16, math.MaxInt16)
	case schema.Integer:
		return s.integer(math.MinInt32, math.MaxInt32)
	case schema.Long:
		return s.integer(math.MinInt64, math.MaxInt64)
	case schema.Float:
		return s.floating(32)
	case schema.Double:
		return s.floating(64)
	case schema.Date, schema.Timestamp, schema.TimestampNTZ:
		return s.time(t, zone)
	}
	return "", false
}

func (s scalar) string(zone *time.Location) (string, bool) {
	if s.kind == Binary || s.kind == String {
		return strings.ToValidUTF8(s.text, "\uFFFD"), true
	}
	b, err := appendScalar(nil, s.v, s.kind, zone)
	return string(b), err == nil
}

func (s scalar) boolean() (string, bool) {
	switch s.kind {
	case String:
		switch strings.ToLower(strings.TrimSpace(s.text)) {
		case "t", "true", "y", "yes", "1":
			return "true", true
		case "f", "false", "n", "no", "0":
			return "false", true
		}
		return "", false
	case Double, Float:
		return strconv.FormatBool(s.f != 0), true
	case Boolean, Integer, Decimal:
		return strconv.FormatBool(s.num.Sign() != 0), true
	case Null, Binary, Date, Timestamp, TimestampNTZ, UUID, Object, Array:
	}
	return "", false
}

const microsPerSecond = 1_000_000

// integer cuts off a fraction; a timestamp is its whole seconds.
func (s scalar) integer(low, high int64) (string, bool) {
	var n int64
	switch {
	case s.kind == String:
		var err error
		if n, err = strconv.ParseInt(strings.TrimSpace(s.text), 10, 64); err != nil {
			return "", false
		}
	case s.kind == Timestamp && high >= math.MaxInt32:
		n = floorDiv(s.i, microsPerSecond)
	case s.num == nil:
		return "", false
	default:
		whole := new(big.Int).Quo(s.num.Num(), s.num.Denom())
		if !whole.IsInt64() {
			return "", false
		}
		n = whole.Int64()
	}
	return strconv.FormatInt(n, 10), low <= n && n <= high
}

func floorDiv(x, d int64) int64 {
	q := x / d
	if x%d < 0 {
		q--
	}
	return q
}

// seconds is a timestamp as a number.
func (s scalar) seconds() *big.Rat { return big.NewRat(s.i, microsPerSecond) }

func (s scalar) floating(size int) (string, bool) {
	f := s.f
	switch s.kind {
	case String:
		var ok bool
		if f, ok = parseFloat(s.text); !ok {
			return "", false
		}
	case Timestamp:
		f, _ = s.seconds().Float64()
	case Boolean, Integer, Decimal:
		f, _ = s.num.Float64()
	case Double, Float:
	case Null, Binary, Date, TimestampNTZ, UUID, Object, Array:
		return "", false
	}
	if size == 32 {
		f = float64(float32(f))
	}
	return string(appendFloat(nil, f, size)), true
}

// parseFloat reads what Java's Double.valueOf and Spark's names of infinities
// allow.
func parseFloat(text string) (float64, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	if strings.ContainsAny(text, "xp_") {
		return 0, false
	}
	if n := len(text); n > 1 && (text[n-1] == 'd' || text[n-1] == 'f') && strings.IndexByte("0123456789.", text[n-2]) >= 0 {
		text = text[:n-1]
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil || math.IsInf(f, 0)
}

// maxExponent bounds the digits that a text's exponent stands for.
const maxExponent = 400

func (s scalar) decimal(t schema.Decimal) (string, bool) {
	num := s.num
	switch s.kind {
	case String:
		if num = parseDecimal(s.text); num == nil {
			return "", false
		}
	case Timestamp:
		num = s.seconds()
	case Null, Boolean, Integer, Decimal, Double, Float, Binary, Date, TimestampNTZ, UUID, Object, Array:
	}
	if num == nil {
		return "", false
	}
	// Half up, away from zero.
	n := new(big.Int).Mul(num.Num(), powerOfTen(t.Scale))
	n, rest := n.QuoRem(n, num.Denom(), new(big.Int))
	if rest.Abs(rest).Lsh(rest, 1).Cmp(num.Denom()) >= 0 {
		n.Add(n, big.NewInt(int64(num.Sign())))
	}
	if new(big.Int).Abs(n).Cmp(powerOfTen(t.Precision)) >= 0 {
		return "", false
	}
	return new(big.Rat).SetFrac(n, powerOfTen(t.Scale)).FloatString(t.Scale), true
}

func parseDecimal(text string) *big.Rat {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxExponent || strings.Trim(text, "0123456789.eE+-") != "" {
		return nil
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n > maxExponent || n < -maxExponent {
			return nil
		}
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return n
}
