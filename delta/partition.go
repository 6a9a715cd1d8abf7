package delta

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// nullPartition names the directory of a null partition value.
const nullPartition = "__HIVE_DEFAULT_PARTITION__"

// PartitionValueError says that a partition value of the log cannot be read
// as the column's type.
type PartitionValueError struct {
	Column string
	Type   schema.Type
	Value  string
}

func (e *PartitionValueError) Error() string {
	return fmt.Sprintf("partition value %q of column %s is not of type %s", e.Value, schema.QuoteIdent(e.Column), e.Type)
}

// scalar is one value of a primitive type. Integers, dates (days),
// timestamps (microseconds) and booleans (0, 1) are in i; floats of either
// width in f; decimals, scaled, in d; strings and binaries in s.
type scalar struct {
	null bool
	i    int64
	f    float64
	d    decimal128.Num
	s    string
}

// parsePartition reads a value of "protocol: Partition Value Serialization".
// Null and the empty string are null, whatever the type.
func parsePartition(column string, t schema.Type, text *string) (scalar, error) {
	if text == nil || *text == "" {
		return scalar{null: true}, nil
	}
	v, ok := parseScalar(t, *text)
	if !ok {
		return scalar{}, &PartitionValueError{Column: column, Type: t, Value: *text}
	}
	return v, nil
}

// integerBits holds the width of each integer type.
var integerBits = map[schema.Type]int{schema.Byte: 8, schema.Short: 16, schema.Integer: 32, schema.Long: 64}

// parseScalar reads the text form of a value of type t; statistics and
// partition values share it.
func parseScalar(t schema.Type, text string) (v scalar, ok bool) {
	var err error
	switch t {
	case schema.String, schema.Binary:
		v.s = text
	case schema.Boolean:
		var b bool
		if b, err = strconv.ParseBool(strings.ToLower(text)); b {
			v.i = 1
		}
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		v.i, err = strconv.ParseInt(text, 10, integerBits[t])
	case schema.Float:
		v.f, err = strconv.ParseFloat(text, 32)
	case schema.Double:
		v.f, err = strconv.ParseFloat(text, 64)
	case schema.Date:
		v.i, ok = parseDate(text)
		return v, ok
	case schema.Timestamp, schema.TimestampNTZ:
		v.i, ok = parseTimestamp(text)
		return v, ok
	default:
		d, decimal := t.(schema.Decimal)
		if !decimal {
			return v, false
		}
		v.d, ok = parseDecimal(d, text)
		return v, ok
	}
	return v, err == nil
}

// parseDecimal reads a decimal, in any spelling, that t holds exactly.
func parseDecimal(t schema.Decimal, text string) (decimal128.Num, bool) {
	// An exponent in the millions would take all memory to write out.
	const maxExponent = 2 * schema.MaxDecimalPrecision
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(text[i+1:])
		if err != nil || exponent < -maxExponent || exponent > maxExponent {
			return decimal128.Num{}, false
		}
	}
	if len(text) > 2*maxExponent || strings.Trim(text, "+-.0123456789eE") != "" {
		return decimal128.Num{}, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return decimal128.Num{}, false
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	r.Mul(r, new(big.Rat).SetInt(scale))
	if !r.IsInt() || r.Num().BitLen() > 127 {
		return decimal128.Num{}, false
	}
	v := decimal128.FromBigInt(r.Num())
	return v, v.FitsInPrecision(int32(t.Precision))
}

const secondsPerDay = 24 * 60 * 60

func parseDate(text string) (int64, bool) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, false
	}
	return at.Unix() / secondsPerDay, true
}

// timestampLayouts are those that writers of partition values and statistics
// use. Fractions of a second are accepted by all of them.
var timestampLayouts = []string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", time.DateOnly,
}

// parseTimestamp returns microseconds since 1970. A time without offset is
// taken as UTC: the zone its writer had is not recorded.
func parseTimestamp(text string) (int64, bool) {
	const separator = len(time.DateOnly)
	for _, layout := range timestampLayouts {
		if len(text) > separator && len(layout) > separator && text[separator] != layout[separator] {
			continue
		}
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMicro(), true
		}
	}
	return 0, false
}

// partitionText writes a value of "protocol: Partition Value Serialization";
// ok is false for a binary that is no text. A nil text is null, which an
// empty string becomes.
func partitionText(t schema.Type, v scalar) (text *string, ok bool) {
	if v.null {
		return nil, true
	}
	var s string
	switch t {
	case schema.String, schema.Binary:
		if v.s == "" {
			return nil, true
		}
		if !utf8.ValidString(v.s) {
			return nil, false
		}
		s = v.s
	case schema.Boolean:
		s = strconv.FormatBool(v.i != 0)
	case schema.Float:
		s = floatText(v.f, 32)
	case schema.Double:
		s = floatText(v.f, 64)
	case schema.Date:
		s = time.Unix(v.i*secondsPerDay, 0).UTC().Format(time.DateOnly)
	case schema.Timestamp:
		s = time.UnixMicro(v.i).UTC().Format("2006-01-02T15:04:05.000000Z")
	case schema.TimestampNTZ:
		s = strings.TrimSuffix(time.UnixMicro(v.i).UTC().Format("2006-01-02 15:04:05.000000"), ".000000")
	default:
		if d, decimal := t.(schema.Decimal); decimal {
			s = v.d.ToString(int32(d.Scale))
		} else {
			s = strconv.FormatInt(v.i, 10)
		}
	}
	return &s, true
}

// floatText writes a float so that Java reads it back.
func floatText(f float64, bits int) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	s := strconv.FormatFloat(f, 'g', -1, bits)
	if !strings.ContainsAny(s, ".eN") {
		s += ".0"
	}
	return s
}

// constant returns an array that holds v in every row.
func constant(t schema.Type, v scalar, rows int) (arrow.Array, error) {
	dt := schema.ArrowType(t)
	if v.null {
		return array.MakeArrayOfNull(memory.DefaultAllocator, dt, rows), nil
	}
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	defer b.Release()
	b.Reserve(rows)
	for range rows {
		if !appendPlain(b, &v) {
			return nil, fmt.Errorf("type %s cannot be a partition column", dt)
		}
	}
	return b.NewArray(), nil
}

// appendPlain appends a value that is not null. It reports false when b is of
// a type that no partition column has.
func appendPlain(b array.Builder, v *scalar) bool {
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(v.s)
	case *array.BinaryBuilder:
		b.AppendString(v.s)
	case *array.BooleanBuilder:
		b.Append(v.i != 0)
	case *array.Int8Builder:
		b.Append(int8(v.i))
	case *array.Int16Builder:
		b.Append(int16(v.i))
	case *array.Int32Builder:
		b.Append(int32(v.i))
	case *array.Int64Builder:
		b.Append(v.i)
	case *array.Float32Builder:
		b.Append(float32(v.f))
	case *array.Float64Builder:
		b.Append(v.f)
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.i))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.i))
	case *array.Decimal128Builder:
		b.Append(v.d)
	default:
		return false
	}
	return true
}

// partitionDirectory returns the directory of a partition, "a=1/b=x/" (a
// convention; readers go by the log), or "" when a part of it would be too
// long for a file system.
func partitionDirectory(columns []string, values []*string) string {
	const maxSegment = 200
	var b strings.Builder
	for i, c := range columns {
		start := b.Len()
		escapeHive(&b, c)
		b.WriteByte('=')
		if values[i] == nil {
			b.WriteString(nullPartition)
		} else {
			escapeHive(&b, *values[i])
		}
		if b.Len()-start > maxSegment {
			return ""
		}
		b.WriteByte('/')
	}
	return b.String()
}

// escapeHive writes text as Hive names directories: characters that file
// systems or Hive give a meaning become a percent sign and two digits.
func escapeHive(b *strings.Builder, text string) {
	const special = "\"#%'*/:=?\\\x7f{[]^"
	for i := range len(text) {
		if c := text[i]; c < 0x20 || strings.IndexByte(special, c) >= 0 {
			fmt.Fprintf(b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
}
