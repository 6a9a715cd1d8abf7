package json

import "github.com/freshet/freshet/internal/format/column"

// putVariant makes the first JSON value of text row row of a column. It takes
// strict JSON alone, as Spark's parse_json does.
func putVariant(v *column.Variant, row int, text []byte) error {
	v.Build.Reset()
	if _, err := v.Build.JSON(text); err != nil {
		return err
	}
	return v.Put(row)
}

// whole reads a record of any JSON into the single VARIANT column.
func (p *parser) whole(text []byte, line int64) {
	p.reset(text)
	first := p.rows
	if err := putVariant(p.single, p.rows, text); err != nil {
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
	if err := putVariant(n.variants, row, r.data[start:r.pos]); err != nil {
		return misfits
	}
	return fits
}
