package csv

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/schema"
)

// tableCells bounds the cells of a table, so that it stays in the cache
// between cutting values and typing them.
const tableCells = 8192

// reader turns blocks into batches. Each worker has its own.
type reader struct {
	tokenizer
	plan    *plan
	batch   *column.Batch
	parsers []parser       // of each column; nil for the one of corrupt records
	corrupt *column.String // nil if there is none
	rescued *column.String // nil if there is none
	unknown *inferrer      // of fields that would make new columns

	block      block.Block[*head]
	fields     *binding // of block
	valid      bool     // block is valid UTF-8
	misfits    []misfit // of the table
	coerced    []bool   // rows with values that fit, but that inference types otherwise; nil for none
	mismatches int64    // of the batch
	rescue     []byte   // rescued data of the row at hand
}

// misfit is a value of the table that its column cannot hold.
type misfit struct{ row, field int }

func (r *reader) misfit(row, field int) { r.misfits = append(r.misfits, misfit{row, field}) }

func (r *reader) coerce(row int) {
	if r.coerced == nil {
		r.coerced = make([]bool, len(r.rows))
	}
	r.coerced[row] = true
}

func newReader(p *plan) *reader {
	s := p.req.Schema
	if p.req.Rescue != "" {
		s = schema.New(append(slices.Clone(s.Fields), schema.Col(p.req.Rescue, schema.String))...)
	}
	r := &reader{tokenizer: tokenizer{dialect: p.dialect}, plan: p, batch: column.NewBatch(s), unknown: newInferrer(p)}
	builders := r.batch.Columns()
	for i, c := range p.req.Schema.Fields {
		r.parsers = append(r.parsers, newParser(c.Type, builders[i], p))
	}
	if p.single >= 0 {
		r.keepExtras = true
		r.parsers[p.single] = records{newVariants(builders[p.single], p)}
	}
	if p.corrupt >= 0 {
		r.parsers[p.corrupt] = nil
		r.corrupt, _ = builders[p.corrupt].(*column.String)
	}
	if p.req.Rescue != "" {
		r.keepExtras = true
		r.rescued, _ = builders[len(builders)-1].(*column.String)
	}
	return r
}

// Parse implements [block.Parser].
func (r *reader) Parse(ctx context.Context, b block.Block[*head]) ([]format.Batch, int64, error) {
	r.block, r.fields = b, b.Head.fields
	defer r.forget()
	r.begin(b.Data, len(r.fields.columns), b.Head.separators)
	r.valid = utf8.Valid(b.Data)
	r.unknown.reset(len(r.fields.added))
	var batches []format.Batch
	rows := 0
	for {
		limit := max(1, tableCells/max(1, r.width))
		if r.plan.req.BatchRows > 0 {
			limit = min(limit, r.plan.req.BatchRows-rows)
		}
		more, err := r.next(limit)
		if err == nil && more {
			err = r.parseTable(rows)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			r.batch.Resize(0)
			return nil, 0, atFile(err, b.File, 0)
		}
		rows += len(r.rows)
		if rows > 0 && (!more || rows == r.plan.req.BatchRows) || !more && r.mismatches > 0 {
			batches = append(batches, r.finish(rows))
			rows = 0
		}
		if !more {
			return batches, int64(r.line), nil
		}
	}
}

// forget lets go of the block, and of the room that a very long value took.
func (r *reader) forget() {
	const long = 1 << 20
	r.block, r.data = block.Block[*head]{}, nil
	if cap(r.scratch) > long {
		r.scratch = nil
	}
}

// finish makes a batch of the columns.
func (r *reader) finish(rows int) format.Batch {
	b := format.Batch{RecordBatch: r.batch.Finish(rows), Mismatches: r.mismatches}
	r.mismatches = 0
	for i, f := range r.fields.added {
		if b.Unknown == nil {
			b.Unknown = &schema.Struct{}
		}
		b.Unknown.Fields = append(b.Unknown.Fields, schema.Col(r.fields.names[f], r.unknown.columnType(i, false)))
	}
	return b
}

// parseTable types the rows of the table, behind the base rows the batch has,
// and treats those that are malformed. It leaves only rows that stay in the
// table.
func (r *reader) parseTable(base int) error {
	r.parseColumns(base)
	bad := r.malformed()
	drop, err := r.treat(bad)
	if err != nil {
		return err
	}
	if drop {
		r.remove(bad)
		r.parseColumns(base)
		r.sortMisfits()
		bad = nil
	}
	if r.corrupt != nil {
		r.keepRecords(base, bad)
	}
	for i, f := range r.fields.added {
		r.unknown.addColumn(i, r, f)
	}
	if r.rescued != nil {
		r.rescueRows(base)
	}
	return nil
}

// parseColumns types the values of the table, column by column.
func (r *reader) parseColumns(base int) {
	r.misfits, r.coerced = r.misfits[:0], nil
	builders := r.batch.Columns()
	for i, p := range r.parsers {
		if p == nil {
			continue
		}
		builders[i].Resize(base)
		if f := r.fields.fields[i]; f >= 0 {
			p.parse(r, f)
		}
	}
	for _, b := range builders {
		b.Resize(base + len(r.rows))
	}
}
