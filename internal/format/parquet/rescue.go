package parquet

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// pathKey is the key of the file's path in rescued data, always the last.
const pathKey = "_file_path"

// appendRescued appends the rescued data of every row: typed JSON scalars by
// name, those of nested fields in objects (semantics §4.2). It returns how
// many rows had a value of another type than its column's.
func (p *plan) appendRescued(b *array.StringBuilder, source arrow.RecordBatch, path string) (mismatches int64) {
	tail := append(appendQuoted([]byte{','}, pathKey), ':')
	tail = append(appendQuoted(tail, path), '}')
	var row []byte
	for i := range int(source.NumRows()) {
		row = append(row[:0], '{')
		mismatch := false
		for _, node := range p.rescued {
			row = node.append(row, source.Column(node.index), i, &mismatch)
		}
		if mismatch {
			mismatches++
		}
		if len(row) == 1 {
			b.AppendNull()
			continue
		}
		b.Append(string(append(row, tail...)))
	}
	return mismatches
}

// append writes the node's part of row i into the object that b ends in.
func (r rescued) append(b []byte, arr arrow.Array, i int, mismatch *bool) []byte {
	if isNull(arr, i) {
		return b
	}
	start := len(b)
	if b[start-1] != '{' {
		b = append(b, ',')
	}
	b = append(appendQuoted(b, r.name), ':')
	if r.whole {
		*mismatch = *mismatch || r.mismatch
		return appendJSON(b, arr, i)
	}
	s, ok := arr.(*array.Struct)
	if !ok {
		return b[:start]
	}
	b = append(b, '{')
	opened := len(b)
	for _, child := range r.children {
		b = child.append(b, s.Field(child.index), i, mismatch)
	}
	if len(b) == opened {
		return b[:start]
	}
	return append(b, '}')
}

// isNull reports whether a value is NULL, as all of a column without a type
// are, though its array denies it.
func isNull(arr arrow.Array, i int) bool { return arr.DataType().ID() == arrow.NULL || arr.IsNull(i) }

// appendJSON writes one value that is not null as Spark's to_json does,
// timestamps with all their digits.
func appendJSON(b []byte, arr arrow.Array, i int) []byte {
	switch a := arr.(type) {
	case *array.Boolean:
		return strconv.AppendBool(b, a.Value(i))
	case *array.Float32:
		return appendFloat(b, float64(a.Value(i)), 32)
	case *array.Float64:
		return appendFloat(b, a.Value(i), 64)
	case *array.String:
		return appendQuoted(b, a.Value(i))
	case *array.LargeString:
		return appendQuoted(b, a.Value(i))
	case *array.Binary:
		return appendQuoted(b, base64.StdEncoding.EncodeToString(a.Value(i)))
	case *array.FixedSizeBinary:
		return appendQuoted(b, base64.StdEncoding.EncodeToString(a.Value(i)))
	case *array.Decimal128:
		return append(b, a.Value(i).ToString(scaleOf(a))...)
	case *array.Timestamp:
		return appendTimestamp(b, a, i)
	case *array.Struct:
		return appendObject(b, a, i)
	case *array.Map:
		return appendMap(b, a, i)
	case array.ListLike:
		return appendList(b, a, i)
	case *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Uint8, *array.Uint16, *array.Uint32, *array.Uint64:
		return append(b, arr.ValueStr(i)...)
	}
	return appendQuoted(b, arr.ValueStr(i))
}

func scaleOf(a arrow.Array) int32 {
	if d, ok := a.DataType().(arrow.DecimalType); ok {
		return d.GetScale()
	}
	return 0
}

// appendFloat writes a number that tells itself from an integer, as Spark's
// to_json does, and numbers that JSON lacks as strings.
func appendFloat(b []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(b, `"-Infinity"`...)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'g', -1, bits)
	if !bytes.ContainsAny(b[start:], ".e") {
		b = append(b, ".0"...)
	}
	return b
}

func appendTimestamp(b []byte, a *array.Timestamp, i int) []byte {
	t, ok := a.DataType().(*arrow.TimestampType)
	if !ok {
		return append(b, "null"...)
	}
	at := a.Value(i).ToTime(t.Unit)
	layout := "2006-01-02T15:04:05.000"
	if at.Nanosecond()%1_000_000 != 0 {
		layout = "2006-01-02T15:04:05.000000"
	}
	if t.TimeZone != "" {
		layout += "Z07:00"
	}
	return append(at.AppendFormat(append(b, '"'), layout), '"')
}

func appendObject(b []byte, a *array.Struct, i int) []byte {
	t, ok := a.DataType().(*arrow.StructType)
	if !ok {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for f := range a.NumField() {
		if isNull(a.Field(f), i) {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, t.Field(f).Name), ':')
		b = appendJSON(b, a.Field(f), i)
	}
	return append(b, '}')
}

func appendMap(b []byte, a *array.Map, i int) []byte {
	from, to := a.ValueOffsets(i)
	b = append(b, '{')
	for j := int(from); j < int(to); j++ {
		if j > int(from) {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, a.Keys().ValueStr(j)), ':')
		b = appendItem(b, a.Items(), j)
	}
	return append(b, '}')
}

func appendList(b []byte, a array.ListLike, i int) []byte {
	from, to := a.ValueOffsets(i)
	b = append(b, '[')
	for j := int(from); j < int(to); j++ {
		if j > int(from) {
			b = append(b, ',')
		}
		b = appendItem(b, a.ListValues(), j)
	}
	return append(b, ']')
}

func appendItem(b []byte, arr arrow.Array, i int) []byte {
	if isNull(arr, i) {
		return append(b, "null"...)
	}
	return appendJSON(b, arr, i)
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes text as a JSON string. Bytes that are not UTF-8 become
// the replacement character.
func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xF])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
