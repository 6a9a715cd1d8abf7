package csv

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/charset"
	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
)

// badRow is a malformed row of the table: one with more or fewer values than
// it should have, or with a value that does not fit its column.
type badRow struct {
	row   int
	field int // of the value that does not fit, -1 if the number is wrong
}

func (r *reader) sortMisfits() {
	slices.SortFunc(r.misfits, func(a, b misfit) int {
		return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.field, b.field))
	})
}

// malformed returns the malformed rows of the table, in order, and counts
// those, the ones with values that inference types otherwise, and the ones that
// rescued data makes good: with a rescued data column,
// neither a value that does not fit nor one too many is malformed, since both
// are kept there (semantics §4.3).
func (r *reader) malformed() []badRow {
	r.sortMisfits()
	var bad []badRow
	next := 0
	for i := range r.rows {
		first := next
		for next < len(r.misfits) && r.misfits[next].row == i {
			next++
		}
		tokens := int(r.rows[i].tokens)
		if first == next && (tokens == r.width || r.plan.ragged()) {
			if r.coerced != nil && r.coerced[i] {
				r.mismatches++
			}
			continue
		}
		r.mismatches++
		switch {
		case tokens < r.width || tokens > r.width && r.rescued == nil:
			bad = append(bad, badRow{row: i, field: -1})
		case first < next && r.rescued == nil:
			bad = append(bad, badRow{row: i, field: r.misfits[first].field})
		}
	}
	return bad
}

// treat does to the malformed rows what the request says, except to keep
// their text. It reports whether they are to be dropped.
func (r *reader) treat(bad []badRow) (drop bool, err error) {
	if r.plan.failOnWidened {
		if err := r.checkWidened(); err != nil {
			return false, err
		}
	}
	if len(bad) == 0 {
		return false, nil
	}
	if report := r.plan.req.BadRecord; report != nil {
		for _, b := range bad {
			e := r.recordError(b)
			report(format.BadRecord{Path: e.Path, Record: string(charset.Repair(r.record(b.row))), Reason: e.Reason})
		}
		return true, nil
	}
	if r.plan.mode == failFast {
		return false, r.recordError(bad[0])
	}
	return r.plan.mode == dropMalformed, nil
}

// recordError says what is wrong with a row. Its line counts from the start
// of the block.
func (r *reader) recordError(b badRow) *format.RecordError {
	const maxRecord = 1000 // of a record's text in messages, as in Spark
	record := r.record(b.row)
	e := &format.RecordError{
		Path:   r.block.File.Path,
		Line:   int64(r.rows[b.row].line) + 1,
		Record: string(charset.Repair(record[:min(len(record), maxRecord)])),
	}
	if b.field < 0 {
		e.Reason = fmt.Sprintf("the record has %d values, not %d", r.rows[b.row].tokens, r.width)
		return e
	}
	c := r.plan.req.Schema.Fields[r.fields.columns[b.field]]
	text := r.text(r.cells[b.row*r.width+b.field])
	e.Column = c.Name
	e.Reason = fmt.Sprintf("the value %.100q is not a %s", text, c.Type)
	return e
}

// checkWidened finds a number that is too large or too exact for its column's
// type, but not for a wider one (option failOnWidenedFields).
func (r *reader) checkWidened() error {
	for _, m := range r.misfits {
		switch t := r.plan.req.Schema.Fields[r.fields.columns[m.field]].Type.(type) {
		case schema.Decimal:
		case schema.Primitive:
			if t != schema.Byte && t != schema.Short && t != schema.Integer && t != schema.Long {
				continue
			}
		default:
			continue
		}
		if _, _, ok := value.DecimalShape(r.text(r.cells[m.row*r.width+m.field])); ok {
			e := r.recordError(badRow(m))
			e.Reason += ", but fits a wider type (option failOnWidenedFields)"
			return e
		}
	}
	return nil
}

// remove takes rows out of the table.
func (r *reader) remove(bad []badRow) {
	kept, extras, next := 0, r.extras[:0], 0
	for i := range r.rows {
		drop := len(bad) > 0 && bad[0].row == i
		if drop {
			bad = bad[1:]
		}
		for ; next < len(r.extras) && r.extras[next].row == i; next++ {
			if !drop {
				e := r.extras[next]
				e.row = kept
				extras = append(extras, e)
			}
		}
		if !drop {
			copy(r.cells[kept*r.width:], r.cells[i*r.width:(i+1)*r.width])
			r.rows[kept] = r.rows[i]
			kept++
		}
	}
	r.rows, r.cells, r.extras = r.rows[:kept], r.cells[:kept*r.width], extras
}

// keepRecords fills the column of corrupt records.
func (r *reader) keepRecords(base int, bad []badRow) {
	if len(bad) == 0 {
		return
	}
	r.corrupt.Resize(base)
	for _, b := range bad {
		r.corrupt.Resize(base + b.row)
		r.corrupt.Append(charset.Repair(r.record(b.row)))
	}
	r.corrupt.Resize(base + len(r.rows))
}
