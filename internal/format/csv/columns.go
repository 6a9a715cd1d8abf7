package csv

import (
	"bytes"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/internal/format/charset"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
)

// parser types the values of one field of a table and appends them to a
// column. It is called once a table, so that the loop over values has the
// type fixed.
type parser interface {
	parse(r *reader, field int)
}

// newParser returns the parser of a column of type t, into b.
func newParser(t schema.Type, b column.Builder, p *plan) parser {
	switch b := b.(type) {
	case *column.Fixed[int64]:
		return &fixed[int64]{Fixed: b, parseValue: value.ParseInt64}
	case *column.Fixed[int32]:
		return &fixed[int32]{Fixed: b, parseValue: value.ParseInt[int32]}
	case *column.Fixed[int16]:
		return &fixed[int16]{Fixed: b, parseValue: value.ParseInt[int16]}
	case *column.Fixed[int8]:
		return &fixed[int8]{Fixed: b, parseValue: value.ParseInt[int8]}
	case *column.Fixed[float64]:
		return &fixed[float64]{Fixed: b, parseValue: p.float64}
	case *column.Fixed[float32]:
		return &fixed[float32]{Fixed: b, parseValue: p.float32}
	case *column.Fixed[arrow.Date32]:
		return &fixed[arrow.Date32]{b, p.parseDate, p.infersAs(kindDate)}
	case *column.Fixed[arrow.Timestamp]:
		return &fixed[arrow.Timestamp]{b, p.timestampParser(t), p.infersAs(kindTimestamp)}
	case *column.Fixed[decimal128.Num]:
		d, _ := t.(schema.Decimal) // the builder's type says so
		return &fixed[decimal128.Num]{Fixed: b, parseValue: func(text []byte) (decimal128.Num, bool) { return parseDecimal(text, d) }}
	case *column.Bool:
		return &boolean{b}
	case *column.String:
		return &text{b, t == schema.String}
	case *column.Struct:
		return newVariants(b, p)
	}
	return &null{b}
}

// value returns the text of a cell; it is not ok if that is NULL.
func (r *reader) value(c cell) (text []byte, ok bool) {
	// The usual way, short enough to be inlined.
	if c.size == 0 || r.hasNullValue {
		return r.rareValue(c)
	}
	return r.text(c), true
}

func (r *reader) rareValue(c cell) (text []byte, ok bool) {
	if c.size == 0 {
		return nil, c.at == quotedEmpty && r.hasNullValue
	}
	text = r.text(c)
	return text, !r.hasNullValue || !bytes.Equal(text, r.nullValue)
}

// fixed types values of a fixed width.
type fixed[T arrow.FixedWidthType] struct {
	*column.Fixed[T]
	parseValue func([]byte) (T, bool)
	// inferred, when set, reports whether inference takes a value that fits the
	// column's type for one of that type.
	inferred func([]byte) bool
}

func (f *fixed[T]) parse(r *reader, field int) {
	for i, at := 0, field; i < len(r.rows); i, at = i+1, at+r.width {
		text, ok := r.value(r.cells[at])
		if !ok {
			f.AppendNull()
			continue
		}
		v, ok := f.parseValue(text)
		if !ok {
			r.misfit(i, field)
			f.AppendNull()
			continue
		}
		if f.inferred != nil && !f.inferred(text) {
			r.coerce(i)
		}
		f.Append(v)
	}
}

type boolean struct{ *column.Bool }

func (b *boolean) parse(r *reader, field int) {
	for i := range r.rows {
		text, ok := r.value(r.cells[i*r.width+field])
		if !ok {
			b.AppendNull()
			continue
		}
		v, ok := value.ParseBool(text)
		if !ok {
			r.misfit(i, field)
			b.AppendNull()
			continue
		}
		b.Append(v)
	}
}

// text takes STRING and BINARY values as they are, STRING as valid UTF-8.
type text struct {
	*column.String
	isText bool
}

func (s *text) parse(r *reader, field int) {
	repair := s.isText && !r.valid
	for i, at := 0, field; i < len(r.rows); i, at = i+1, at+r.width {
		text, ok := r.value(r.cells[at])
		if !ok {
			s.AppendNull()
			continue
		}
		if repair {
			text = charset.Repair(text)
		}
		s.Append(text)
	}
}

// null is a VOID column: no value fits.
type null struct{ column.Builder }

func (n *null) parse(r *reader, field int) {
	for i := range r.rows {
		if _, ok := r.value(r.cells[i*r.width+field]); ok {
			r.misfit(i, field)
		}
		n.AppendNull()
	}
}

func (f *formats) float64(text []byte) (float64, bool) {
	if f.numbersFirst {
		if v, ok := value.ParseFloat64(text); ok {
			return v, true
		}
	}
	if v, ok := f.special(text); ok || f.numbersFirst {
		return v, ok
	}
	return value.ParseFloat64(text)
}

func (f *formats) float32(text []byte) (float32, bool) {
	if v, ok := f.special(text); ok {
		return float32(v), true
	}
	return value.ParseFloat32(text)
}

// special reads the texts of options nanValue, positiveInf and negativeInf.
func (f *formats) special(text []byte) (v float64, ok bool) {
	switch string(text) {
	case f.nan:
		return math.NaN(), true
	case f.positiveInf:
		return math.Inf(1), true
	case f.negativeInf:
		return math.Inf(-1), true
	}
	return 0, false
}

func (f *formats) parseDate(text []byte) (arrow.Date32, bool) {
	if f.date != nil {
		days, ok := f.date.Date(text)
		return arrow.Date32(days), ok
	}
	days, ok := value.CastDate(text)
	return arrow.Date32(days), ok
}

// timestampParser returns the parser for a TIMESTAMP or TIMESTAMP_NTZ column.
// It is for one goroutine.
func (f *formats) timestampParser(t schema.Type) func([]byte) (arrow.Timestamp, bool) {
	zone, layout := value.NewZone(f.zone), f.timestamp
	switch {
	case t == schema.TimestampNTZ && f.timestampNTZ != nil:
		return func(text []byte) (arrow.Timestamp, bool) {
			v, ok := f.timestampNTZ.TimestampNTZ(text)
			return arrow.Timestamp(v), ok
		}
	case t == schema.TimestampNTZ:
		return func(text []byte) (arrow.Timestamp, bool) {
			v, ok := value.CastTimestampNTZ(text, false)
			return arrow.Timestamp(v), ok
		}
	case layout != nil:
		return func(text []byte) (arrow.Timestamp, bool) {
			v, ok := layout.Timestamp(text, zone)
			return arrow.Timestamp(v), ok
		}
	}
	return func(text []byte) (arrow.Timestamp, bool) {
		v, ok := value.CastTimestamp(text, zone)
		return arrow.Timestamp(v), ok
	}
}

// parseDecimal reads a decimal, in which Spark lets commas group digits.
func parseDecimal(text []byte, d schema.Decimal) (decimal128.Num, bool) {
	v, ok := value.ParseDecimal(text, d.Precision, d.Scale)
	if !ok && bytes.IndexByte(text, ',') >= 0 {
		return value.ParseDecimal(bytes.ReplaceAll(text, []byte{','}, nil), d.Precision, d.Scale)
	}
	return v, ok
}
