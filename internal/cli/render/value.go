package render

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// appendText appends value i of a as text: strings as they are, nested values
// as JSON, everything else as Spark prints it. The value must not be null.
func appendText(dst []byte, a arrow.Array, i int) []byte {
	switch a := a.(type) {
	case *array.String:
		return append(dst, a.Value(i)...)
	case *array.LargeString:
		return append(dst, a.Value(i)...)
	case *array.Dictionary:
		return appendText(dst, a.Dictionary(), a.GetValueIndex(i))
	case *array.Float32:
		return appendFloat(dst, float64(a.Value(i)), 32)
	case *array.Float64:
		return appendFloat(dst, a.Value(i), 64)
	case *array.Date32:
		return a.Value(i).ToTime().AppendFormat(dst, time.DateOnly)
	case *array.Timestamp:
		return appendTimestamp(dst, a, i)
	case *array.Decimal128:
		t, _ := a.DataType().(*arrow.Decimal128Type)
		return append(dst, a.Value(i).ToString(t.Scale)...)
	case *array.Binary:
		return base64.StdEncoding.AppendEncode(dst, a.Value(i))
	case *array.Struct, *array.Map, array.ListLike: // a variant is a struct
		return appendJSON(dst, a, i)
	}
	return append(dst, a.ValueStr(i)...)
}

// appendJSON appends value i of a as JSON, null when it is null. Numbers are
// numbers, but NaN and the infinities, which JSON lacks, are strings; a map is
// an object.
func appendJSON(dst []byte, a arrow.Array, i int) []byte {
	if isNull(a, i) {
		return append(dst, "null"...)
	}
	switch a := a.(type) {
	case *array.Dictionary:
		return appendJSON(dst, a.Dictionary(), a.GetValueIndex(i))
	case *array.Struct:
		if schema.IsVariant(a.DataType()) {
			return appendVariant(dst, a, i)
		}
		return appendStruct(dst, a, i)
	case *array.Map:
		return appendMap(dst, a, i)
	case array.ListLike:
		start, end := a.ValueOffsets(i)
		dst = append(dst, '[')
		for j := start; j < end; j++ {
			if j > start {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, a.ListValues(), int(j))
		}
		return append(dst, ']')
	}
	if isNumber(a, i) {
		return appendText(dst, a, i)
	}
	return appendQuoted(dst, string(appendText(nil, a, i)))
}

// appendVariant appends a variant as to_json writes it, in UTC. One whose bytes
// are damaged, which nothing has read so far, shows as what is wrong with it.
func appendVariant(dst []byte, a *array.Struct, i int) []byte {
	value, ok := a.Field(0).(*array.Binary)
	metadata, ok2 := a.Field(1).(*array.Binary)
	if !ok || !ok2 {
		return append(dst, "null"...)
	}
	v := variant.Value{Data: value.Value(i), Metadata: metadata.Value(i)}
	out, err := v.AppendJSON(dst, time.UTC)
	if err != nil {
		return appendQuoted(dst, err.Error())
	}
	return out
}

func appendStruct(dst []byte, a *array.Struct, i int) []byte {
	t, _ := a.DataType().(*arrow.StructType)
	dst = append(dst, '{')
	for j := range a.NumField() {
		if j > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, t.Field(j).Name), ':')
		dst = appendJSON(dst, a.Field(j), i)
	}
	return append(dst, '}')
}

func appendMap(dst []byte, a *array.Map, i int) []byte {
	start, end := a.ValueOffsets(i)
	dst = append(dst, '{')
	for j := start; j < end; j++ {
		if j > start {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, string(appendText(nil, a.Keys(), int(j)))), ':')
		dst = appendJSON(dst, a.Items(), int(j))
	}
	return append(dst, '}')
}

// isNumber reports whether JSON writes value i of a without quotes.
func isNumber(a arrow.Array, i int) bool {
	switch a := a.(type) {
	case *array.Float32:
		return isFinite(float64(a.Value(i)))
	case *array.Float64:
		return isFinite(a.Value(i))
	case *array.Boolean, *array.Decimal128:
		return true
	}
	return arrow.IsInteger(a.DataType().ID())
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// appendFloat appends x as Java and so Spark print it: 1.0, 0.001, 1.0E7.
func appendFloat(dst []byte, x float64, bits int) []byte {
	switch abs := math.Abs(x); {
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 0):
		if x < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "Infinity"...)
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		start := len(dst)
		dst = strconv.AppendFloat(dst, x, 'f', -1, bits)
		if !strings.Contains(string(dst[start:]), ".") {
			dst = append(dst, ".0"...)
		}
		return dst
	}
	text := strconv.FormatFloat(x, 'E', -1, bits)
	mantissa, exponent, _ := strings.Cut(text, "E")
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

// appendTimestamp appends 2026-01-01 00:00:00.123, as many digits of the
// second as there are.
func appendTimestamp(dst []byte, a *array.Timestamp, i int) []byte {
	t, _ := a.DataType().(*arrow.TimestampType)
	return a.Value(i).ToTime(t.Unit).AppendFormat(dst, "2006-01-02 15:04:05.999999999")
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a JSON string. Bytes that are not UTF-8 become U+FFFD.
func appendQuoted(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < 0x20 || r == 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[r>>4], hexDigits[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// isNull reports whether a value is NULL. An array of type VOID has no bits that
// say so.
func isNull(a arrow.Array, i int) bool { return a.DataType().ID() == arrow.NULL || a.IsNull(i) }
