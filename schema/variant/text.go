package variant

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// AppendJSON appends v as Spark's to_json writes it: fields by name, decimals
// without trailing zeros, bytes in base64, dates and times as strings, those
// of a Timestamp in the zone and with its offset. NaN and the infinities are
// strings too.
func (v Value) AppendJSON(dst []byte, zone *time.Location) ([]byte, error) {
	t := texter{zone, v.walk()}
	return t.json(dst, v)
}

type texter struct {
	zone *time.Location
	walk *walk
}

func (t *texter) json(dst []byte, v Value) ([]byte, error) {
	if err := t.walk.enter(); err != nil {
		return dst, err
	}
	defer t.walk.leave()
	kind, err := v.Kind()
	if err != nil {
		return dst, err
	}
	switch kind {
	case Object, Array:
		return t.container(dst, v, kind)
	case String:
		b, err := v.Bytes()
		return appendQuoted(dst, b), err
	case Binary, Date, Timestamp, TimestampNTZ, UUID:
		dst = append(dst, '"')
		dst, err = appendScalar(dst, v, kind, t.zone)
		if kind == Timestamp && err == nil {
			micros, _ := v.Int()
			dst = time.UnixMicro(micros).In(t.zone).AppendFormat(dst, "-07:00")
		}
		return append(dst, '"'), err
	case Float, Double:
		f, err := v.Double()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(appendFloat(append(dst, '"'), f, 64), '"'), err
		}
	case Null, Boolean, Integer, Decimal:
	}
	return appendScalar(dst, v, kind, t.zone)
}

func (t *texter) container(dst []byte, v Value, kind Kind) ([]byte, error) {
	c, err := v.Container()
	if err != nil {
		return dst, err
	}
	open, end := byte('['), byte(']')
	if kind == Object {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i := range c.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if kind == Object {
			name, err := c.Name(i)
			if err != nil {
				return dst, err
			}
			dst = append(appendQuoted(dst, name), ':')
		}
		part, err := c.At(i)
		if err != nil {
			return dst, err
		}
		if dst, err = t.json(dst, part); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

// appendScalar appends the text of a value that is no container: what JSON
// would put between quotes, and a timestamp without its offset.
func appendScalar(dst []byte, v Value, kind Kind, zone *time.Location) ([]byte, error) {
	switch kind {
	case Boolean:
		return strconv.AppendBool(dst, v.Bool()), nil
	case Integer:
		n, err := v.Int()
		return strconv.AppendInt(dst, n, 10), err
	case Decimal:
		n, scale, err := v.Decimal()
		return appendDecimal(dst, n, scale), err
	case Double, Float:
		f, err := v.Double()
		size := 64
		if kind == Float {
			size = 32
		}
		return appendFloat(dst, f, size), err
	case Date:
		days, err := v.Int()
		return appendYear(dst, time.Unix(days*secondsPerDay, 0).UTC(), "-01-02"), err
	case Timestamp, TimestampNTZ:
		micros, err := v.Int()
		at := time.UnixMicro(micros).UTC()
		if kind == Timestamp {
			at = at.In(zone)
		}
		return appendYear(dst, at, "-01-02 15:04:05.999999"), err
	case Binary:
		b, err := v.Bytes()
		return base64.StdEncoding.AppendEncode(dst, b), err
	case UUID:
		b, err := v.Bytes()
		if err != nil {
			return dst, err
		}
		return fmt.Appendf(dst, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
	case String:
		b, err := v.Bytes()
		return append(dst, b...), err
	case Null, Object, Array:
	}
	return append(dst, "null"...), nil
}

const secondsPerDay = 24 * 60 * 60

// appendYear appends a time in a layout that follows the year, which has a
// sign where it has not four digits, as in Java.
func appendYear(dst []byte, at time.Time, layout string) []byte {
	year := at.Year()
	switch {
	case year > 9999:
		dst = append(dst, '+')
	case year < 0:
		dst = append(dst, '-')
		year = -year
	}
	return at.AppendFormat(fmt.Appendf(dst, "%04d", year), layout)
}

// stripped returns a decimal without trailing zeros after its point.
func stripped(n decimal128.Num, scale int) (decimal128.Num, int) {
	ten := decimal128.FromI64(10)
	for scale > 0 {
		q, r := n.Div(ten)
		if r.Sign() != 0 {
			break
		}
		n, scale = q, scale-1
	}
	return n, scale
}

func appendDecimal(dst []byte, n decimal128.Num, scale int) []byte {
	n, scale = stripped(n, scale)
	return append(dst, n.ToString(int32(scale))...)
}

// appendFloat appends a number as Java does: with an exponent from 10^7 on and
// below 10^-3, and always a fraction.
func appendFloat(dst []byte, f float64, size int) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'f', -1, size)
		if !strings.Contains(string(dst[start:]), ".") {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, size), "E")
	dst = append(dst, mantissa...)
	if !strings.Contains(mantissa, ".") {
		dst = append(dst, ".0"...)
	}
	dst = append(dst, 'E')
	if exponent[0] == '-' {
		dst = append(dst, '-')
	}
	return append(dst, strings.TrimLeft(exponent, "+-0")...)
}

// short holds the letters of the control characters that have an escape of
// their own.
var short = [...]byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r', '"': '"', '\\': '\\'}

// appendQuoted appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst, s []byte) []byte {
	const hexDigits = "0123456789ABCDEF"
	dst = append(dst, '"')
	for len(s) > 0 {
		c := s[0]
		switch {
		case int(c) < len(short) && short[c] != 0:
			dst = append(dst, '\\', short[c])
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRune(s)
			dst = utf8.AppendRune(dst, r)
			s = s[size:]
			continue
		}
		s = s[1:]
	}
	return append(dst, '"')
}
