package json

import (
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// variants builds a VARIANT column from JSON text.
type variants struct {
	column *column.Struct
	value  *column.String
	names  *column.String // metadata
	build  variant.Builder
}

// newVariants returns the builder over a column, nil when it has another type.
func newVariants(t schema.Type, c column.Builder) *variants {
	object, ok := c.(*column.Struct)
	if t != schema.Variant || !ok {
		return nil
	}
	v := &variants{column: object}
	v.value, _ = object.Fields()[0].(*column.String)
	v.names, _ = object.Fields()[1].(*column.String)
	return v
}

// put makes the first JSON value of text row row of the column. It takes
// strict JSON alone, as Spark's parse_json does.
func (v *variants) put(row int, text []byte) error {
	v.build.Reset()
	if _, err := v.build.JSON(text); err != nil {
		return err
	}
	x, err := v.build.Finish()
	if err != nil {
		return err
	}
	v.column.Resize(row)
	v.column.Append()
	v.value.Put(row, x.Data)
	v.names.Put(row, x.Metadata)
	return nil
}

// singleVariant returns the VARIANT column that takes whole records, which
// must be the only one besides that of malformed records.
func singleVariant(fields []schema.Field, columns []column.Builder, set *settings) (*variants, error) {
	var single *variants
	for i, f := range fields {
		switch {
		case f.Name == set.single && f.Type == schema.Variant:
			single = newVariants(f.Type, columns[i])
		case f.Type != schema.Void: // that of malformed records is made VOID
			return nil, errclass.New("INVALID_SINGLE_VARIANT_COLUMN", "42613",
				"the schema has the column %s beside %s, which the option %s fills with whole records", schema.QuoteIdent(f.Name), set.single, optSingleVariant)
		}
	}
	if single == nil {
		return nil, errclass.New("INVALID_SINGLE_VARIANT_COLUMN", "42613",
			"the schema lacks the VARIANT column %s of the option %s", schema.QuoteIdent(set.single), optSingleVariant)
	}
	return single, nil
}

// whole reads a record of any JSON into the single VARIANT column.
func (p *parser) whole(text []byte, line int64) {
	p.reset(text)
	first := p.rows
	if err := p.single.put(p.rows, text); err != nil {
		p.mismatches++
		p.reason = err.Error()
		p.malformed(text, line, first)
		return
	}
	p.rows++
}

// anyVariant reads any value into a VARIANT column.
func (r *reader) anyVariant(n *node, row int) outcome {
	start := r.pos
	if !r.skip() {
		return malformed
	}
	if err := n.variants.put(row, r.data[start:r.pos]); err != nil {
		return misfits
	}
	return fits
}
