// Package conform makes Arrow record batches fit a table's schema: columns by
// name, missing ones null, values cast by the rules of storing into a table
// (semantics §15.2).
package conform

import (
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// Options change how batches are conformed. The zero value is useful.
type Options struct {
	DropUnknown   bool // drop columns and fields that the target lacks, instead of refusing them
	CaseSensitive bool // match names exactly
	// Accept says which simple types are cast to one another; nil is
	// [Assignable].
	Accept func(from, to schema.Type) bool
	// NullRefused makes a column or struct field whose type is not accepted
	// null, instead of an error.
	NullRefused bool
	TimeZone    *time.Location   // between TIMESTAMP and DATE, TIMESTAMP_NTZ and STRING; nil is UTC
	Allocator   memory.Allocator // nil is the default
}

// Caster conforms batches to one schema. It is safe for concurrent use.
type Caster struct {
	target *schema.Struct
	opts   Options
	last   atomic.Pointer[plan] // batches of one source have one schema
}

// New returns a caster to target.
func New(target *schema.Struct, opts Options) *Caster {
	if opts.TimeZone == nil {
		opts.TimeZone = time.UTC
	}
	if opts.Accept == nil {
		opts.Accept = Assignable
	}
	if opts.Allocator == nil {
		opts.Allocator = memory.DefaultAllocator
	}
	return &Caster{target: target, opts: opts}
}

// Conform returns rec as a batch of the target's columns, in order. Columns
// match by name, by the rules of [Match]; a column that is not there is null.
// Dictionary-encoded strings stay so. The caller owns the result and still
// owns rec.
//
// Errors that types decide are [*IncompatibleError] and [*UnknownColumnError];
// a value that does not fit is an [*OverflowError], a null where there may be
// none a [*NotNullError].
func (c *Caster) Conform(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	p := c.last.Load()
	if p == nil || p.from != rec.Schema() && !p.from.Equal(rec.Schema()) {
		var err error
		if p, err = c.plan(rec.Schema()); err != nil {
			return nil, err
		}
		c.last.Store(p)
	}
	if err := p.checkNulls(rec); err != nil {
		return nil, err
	}
	if p.identity {
		rec.Retain()
		return rec, nil
	}
	cols := make([]arrow.Array, len(p.columns))
	defer func() {
		for _, col := range cols {
			if col != nil {
				col.Release()
			}
		}
	}()
	n := int(rec.NumRows())
	for i, col := range p.columns {
		var err error
		if cols[i], err = col.run(rec.Columns(), n, c.opts.Allocator); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(p.to, cols, rec.NumRows()), nil
}

// plan is what is done to batches of one schema.
type plan struct {
	from     *arrow.Schema
	to       *arrow.Schema
	columns  []column
	identity bool
}

// column says how one target column, or field of a struct, comes about.
type column struct {
	source int  // index among the source's, -1 for none
	cast   cast // nil takes the source as it is
	typ    arrow.DataType
	path   string
	notNil bool
}

func (c *Caster) plan(from *arrow.Schema) (*plan, error) {
	builder := planner{opts: c.opts}
	columns, err := builder.columns(from.Fields(), c.target, "")
	if err != nil {
		return nil, err
	}
	p := &plan{from: from, columns: columns, identity: from.NumFields() == len(columns)}
	fields := make([]arrow.Field, len(columns))
	for i, col := range columns {
		f := c.target.Fields[i]
		fields[i] = arrow.Field{Name: f.Name, Type: col.typ, Nullable: f.Nullable}
		p.identity = p.identity && col.cast == nil && col.source == i && from.Field(i).Name == f.Name
	}
	p.to = arrow.NewSchema(fields, nil)
	return p, nil
}

func (p *plan) checkNulls(rec arrow.RecordBatch) error {
	for _, col := range p.columns {
		missing := col.source < 0 && rec.NumRows() > 0
		if col.notNil && (missing || col.source >= 0 && rec.Column(col.source).NullN() > 0) {
			return &NotNullError{Column: col.path}
		}
	}
	return nil
}

// run makes the column from the source's columns; the caller owns it.
func (c column) run(sources []arrow.Array, rows int, mem memory.Allocator) (arrow.Array, error) {
	if c.source < 0 {
		return array.MakeArrayOfNull(mem, c.typ, rows), nil
	}
	source := sources[c.source]
	if c.cast == nil {
		source.Retain()
		return source, nil
	}
	return c.cast(source)
}
