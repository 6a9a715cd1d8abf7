package delta

import (
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/freshet/freshet/schema"
)

// json returns the statistics as the add action holds them. Spark writes
// tightBounds only where deletion vectors are in use, and so do we.
func (s *statistics) json(tightBounds bool) string {
	b := []byte(`{"numRecords":`)
	b = strconv.AppendInt(b, s.rows, 10)
	if tightBounds {
		b = append(b, `,"tightBounds":true`...)
	}
	b = s.appendObject(b, "minValues", (*columnStats).appendLow)
	b = s.appendObject(b, "maxValues", (*columnStats).appendHigh)
	b = s.appendObject(b, "nullCount", func(c *columnStats, b []byte) ([]byte, bool) {
		return strconv.AppendInt(b, c.nulls, 10), true
	})
	return string(append(b, '}'))
}

// appendObject appends a member that nests like the schema. Columns for which
// value is false are left out, and structs without any.
func (s *statistics) appendObject(b []byte, name string, value func(*columnStats, []byte) ([]byte, bool)) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, `":{`...)
	var open []string // the structs around the last column
	for i := range s.columns {
		c := &s.columns[i]
		text, ok := value(c, nil)
		if !ok {
			continue
		}
		parents := c.path[:len(c.path)-1]
		shared := 0
		for shared < min(len(open), len(parents)) && open[shared] == parents[shared] {
			shared++
		}
		for range len(open) - shared {
			b = append(b, '}')
		}
		if last := b[len(b)-1]; last != '{' {
			b = append(b, ',')
		}
		for _, p := range parents[shared:] {
			b = append(appendString(b, p), ':', '{')
		}
		open = parents
		b = append(appendString(b, c.path[len(c.path)-1]), ':')
		b = append(b, text...)
	}
	for range open {
		b = append(b, '}')
	}
	return append(b, '}')
}

// appendString appends a JSON string; the text is valid UTF-8.
func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func (c *columnStats) appendLow(b []byte) ([]byte, bool) {
	if !c.filled || c.nan {
		return b, false
	}
	if c.typ == schema.String {
		return appendBound(b, lowPrefix(c.low.s, c.prefix), utf8.ValidString(c.low.s))
	}
	low := c.low
	if low.f == 0 {
		low.f = math.Copysign(0, -1) // -0.0 may be among the values, and is less
	}
	return appendValue(b, c.typ, low)
}

func (c *columnStats) appendHigh(b []byte) ([]byte, bool) {
	if !c.filled || c.nan {
		return b, false
	}
	if c.typ == schema.String {
		text, ok := highPrefix(c.high.s, c.prefix)
		return appendBound(b, text, ok && utf8.ValidString(c.high.s))
	}
	high := c.high
	if high.f == 0 {
		high.f = 0 // and not -0.0
	}
	return appendValue(b, c.typ, high)
}

func appendBound(b []byte, text string, ok bool) ([]byte, bool) {
	if !ok {
		return b, false
	}
	return appendString(b, text), true
}

// Years that the text forms of dates and timestamps can hold.
var (
	firstSecond = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	endSecond   = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// appendValue appends a bound in JSON; ok is false when JSON cannot hold it.
func appendValue(b []byte, t schema.Type, v scalar) (out []byte, ok bool) {
	switch t {
	case schema.Float, schema.Double:
		if math.IsInf(v.f, 0) {
			return b, false
		}
		bits := 64
		if t == schema.Float {
			bits = 32
		}
		return append(b, floatText(v.f, bits)...), true
	case schema.Date:
		at := time.Unix(v.i*secondsPerDay, 0).UTC()
		return appendTime(b, at, `"2006-01-02"`)
	case schema.Timestamp:
		return appendTime(b, milliseconds(v.i), `"2006-01-02T15:04:05.000Z"`)
	case schema.TimestampNTZ:
		return appendTime(b, milliseconds(v.i), `"2006-01-02T15:04:05.000"`)
	}
	if d, decimal := t.(schema.Decimal); decimal {
		return append(b, v.d.ToString(int32(d.Scale))...), true
	}
	return strconv.AppendInt(b, v.i, 10), true
}

// milliseconds truncates downwards, as readers expect of both bounds.
func milliseconds(micros int64) time.Time {
	ms := micros / 1000
	if micros%1000 < 0 {
		ms--
	}
	return time.UnixMilli(ms).UTC()
}

func appendTime(b []byte, at time.Time, layout string) ([]byte, bool) {
	if at.Unix() < firstSecond || at.Unix() >= endSecond {
		return b, false
	}
	return at.AppendFormat(b, layout), true
}

// lowPrefix returns at most limit UTF-16 units of text, whole characters.
func lowPrefix(text string, limit int) string {
	units := 0
	for i, r := range text {
		if units += max(utf16.RuneLen(r), 1); units > limit {
			return text[:i]
		}
	}
	return text
}

// highPrefix returns a short text that is not less than text in byte order: a
// prefix and a character above the one that was cut. Characters that nothing
// is above stay, up to twice the limit; beyond there is no bound.
func highPrefix(text string, limit int) (string, bool) {
	prefix := lowPrefix(text, limit)
	units := limit
	for len(prefix) < len(text) {
		cut, size := utf8.DecodeRuneInString(text[len(prefix):])
		switch {
		case cut < 0x7F:
			return prefix + "\x7f", true
		case cut < utf8.MaxRune:
			return prefix + string(utf8.MaxRune), true
		}
		if units += utf16.RuneLen(cut); units > 2*limit {
			return "", false
		}
		prefix = text[:len(prefix)+size]
	}
	return prefix, true
}

// NumRecords returns how many rows the file holds, deleted ones included, as
// its statistics tell; ok is false when they do not.
func (f AddFile) NumRecords() (n int64, ok bool) {
	s, err := parseStats(f.Stats)
	if err != nil || s.NumRecords == nil {
		return 0, false
	}
	return *s.NumRecords, true
}
