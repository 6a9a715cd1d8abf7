package csv

import (
	"bytes"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/internal/format/charset"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// variants types the values of a VARIANT column, in the order of Spark's
// converter: BIGINT, DECIMAL, DATE, TIMESTAMP, BOOLEAN, STRING. There is no
// DOUBLE, which would lose digits. Spark's converter never tries again a type
// that a value above did not have; here each value is typed for itself, so
// that it depends neither on those above nor on how files are cut.
type variants struct {
	*column.Variant
	column.Builder
	lattice   lattice
	timestamp func([]byte) (arrow.Timestamp, bool)
}

func newVariants(b column.Builder, p *plan) variants {
	return variants{
		Variant: column.NewVariant(schema.Variant, b), Builder: b,
		lattice: newLattice(&p.formats, p.req.Options), timestamp: p.timestampParser(schema.Timestamp),
	}
}

// parse implements [parser]. A value that is NULL is the variant null; one
// that a short record lacks is no variant at all.
func (v variants) parse(r *reader, field int) {
	for i := range r.rows {
		if field >= int(r.rows[i].tokens) {
			v.AppendNull()
			continue
		}
		v.Build.Reset()
		v.scalar(r, r.cells[i*r.width+field])
		v.put(r, i, field)
	}
}

// put appends what was built of row i, unless that is too large.
func (v variants) put(r *reader, i, field int) {
	if err := v.Put(v.Len()); err != nil {
		r.misfit(i, field)
		v.AppendNull()
	}
}

// scalar appends a value to what is being built.
func (v variants) scalar(r *reader, c cell) {
	text, ok := r.value(c)
	if !ok {
		v.Build.Null()
		return
	}
	if n, ok := value.ParseInt64(text); ok {
		v.Build.Int(n)
		return
	}
	if n, scale, ok := anyDecimal(text); ok {
		v.Build.Decimal(n, scale)
		return
	}
	if v.lattice.preferDate && v.lattice.isDate(text) {
		if days, ok := v.lattice.parseDate(text); ok {
			v.Build.Date(int32(days))
			return
		}
	}
	if t, ok := v.timestamp(text); ok {
		v.Build.Timestamp(int64(t))
		return
	}
	if b, ok := value.ParseBool(text); ok {
		v.Build.Bool(b)
		return
	}
	if !r.valid {
		text = charset.Repair(text)
	}
	v.Build.String(string(text))
}

// records makes each record an object: the parser of the column that option
// singleVariantColumn names. A record without a value for a name of the header
// lacks the field; without header it has as many fields as values.
type records struct{ variants }

// parse implements [parser].
func (o records) parse(r *reader, field int) {
	extras := r.extras
	if !r.plan.ragged() {
		extras = nil
	}
	for i := range r.rows {
		o.Build.Reset()
		o.Build.Start()
		for f := range min(int(r.rows[i].tokens), r.width) {
			o.Build.Key(r.fields.names[f])
			o.scalar(r, r.cells[i*r.width+f])
		}
		for ; len(extras) > 0 && extras[0].row == i; extras = extras[1:] {
			o.Build.Key(positionName(extras[0].field))
			o.scalar(r, extras[0].cell)
		}
		if err := o.Build.End(variant.Object); err != nil {
			r.misfit(i, field)
			o.AppendNull()
			continue
		}
		o.put(r, i, field)
	}
}

// ragged reports that records may have any number of values.
func (p *plan) ragged() bool { return p.single >= 0 && !p.header }

// bindSingle relates all fields of a file to the column that takes whole
// records. A name that occurs twice gets its position appended.
func (p *plan) bindSingle(h *head) *binding {
	b := &binding{fields: slices.Repeat([]int{-1}, len(p.req.Schema.Fields)), columns: slices.Repeat([]int{p.single}, h.width)}
	b.fields[p.single] = 0
	if h.names != nil {
		b.names = safeNames(h.names, string(p.nullValue), true)
		return b
	}
	for i := range b.columns {
		b.names = append(b.names, positionName(i))
	}
	return b
}

// anyDecimal reads a number of up to 38 digits, up to 38 of them after the
// point, with the scale it is written with.
func anyDecimal(text []byte) (n decimal128.Num, scale int, ok bool) {
	const most = schema.MaxDecimalPrecision
	if bytes.IndexByte(text, ',') >= 0 {
		text = bytes.ReplaceAll(text, []byte{','}, nil)
	}
	precision, scale, ok := value.DecimalShape(text)
	if !ok || precision > most || scale > most {
		return n, 0, false
	}
	scale = max(scale, 0)
	n, ok = value.ParseDecimal(text, most, scale)
	return n, scale, ok
}
