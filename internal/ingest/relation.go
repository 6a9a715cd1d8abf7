package ingest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/schema"
)

// Relation is rows with a schema.
type Relation struct {
	Schema *schema.Struct
	// Read yields the rows as Arrow batches laid out per [schema.ToArrow],
	// except that strings may be dictionary-encoded. A batch is valid for one
	// turn of the loop; Retain it to keep it.
	Read func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error]
	// Origin names the file of the batch read last, so that an error about its
	// rows can tell it; nil when rows have no file.
	Origin func() string
	// Release frees what an unread relation holds; nil holds nothing.
	Release func()
}

// Results returns the results of a query as rows, which may be read once. It
// takes r over: reading releases it, and so does an error.
func Results(r array.RecordReader) (*Relation, error) {
	columns, err := schema.FromArrow(r.Schema())
	if err != nil {
		r.Release()
		return nil, err
	}
	read := func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			defer r.Release()
			for r.Next() {
				if !yield(r.RecordBatch(), nil) {
					return
				}
			}
			if err := r.Err(); err != nil {
				yield(nil, err)
			}
		}
	}
	return &Relation{Schema: columns, Read: read, Release: r.Release}, nil
}

// Map yields what do makes of each batch, and releases it when its turn is
// over. The first error ends the rows.
func Map(rows iter.Seq2[arrow.RecordBatch, error], do func(arrow.RecordBatch) (arrow.RecordBatch, error)) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range rows {
			if err == nil {
				rec, err = do(rec)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			more := yield(rec, nil)
			rec.Release()
			if !more {
				return
			}
		}
	}
}

// Close frees what r holds when it is not going to be read.
func (r *Relation) Close() {
	if r.Release != nil {
		r.Release()
	}
}

// Rename returns r with its columns called names, one for each.
func (r *Relation) Rename(names []string) *Relation {
	columns := schema.New(slices.Clone(r.Schema.Fields)...)
	for i := range columns.Fields {
		columns.Fields[i].Name = names[i]
	}
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return Map(r.Read(ctx), func(rec arrow.RecordBatch) (arrow.RecordBatch, error) { return renamed(rec, names), nil })
	}
	return &Relation{Schema: columns, Read: read, Origin: r.Origin, Release: r.Release}
}

// renamed returns rec with its columns called names, to be released.
func renamed(rec arrow.RecordBatch, names []string) arrow.RecordBatch {
	fields := slices.Clone(rec.Schema().Fields())
	for i := range fields {
		fields[i].Name = names[i]
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), rec.Columns(), rec.NumRows())
}

// Conform returns the rows with the columns of target: matched by name
// ignoring case, missing ones null, values cast as an assignment does
// (semantics §15.2). A column that target lacks, or of a type that cannot be
// assigned, is an error here already; a value that does not fit is one when it
// is read.
//
// Columns that the rows lack and that a table computes, such as generated
// ones, are left out, and so are those that may not be null: whoever writes
// the rows computes or refuses them.
func (r *Relation) Conform(target *schema.Struct, zone *time.Location) (*Relation, error) {
	target = lacking(target, r.Schema)
	caster := conform.New(target, conform.Options{TimeZone: zone})
	if err := check(caster, schema.ToArrow(r.Schema)); err != nil {
		return nil, err
	}
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return Map(r.Read(ctx), func(rec arrow.RecordBatch) (arrow.RecordBatch, error) { return r.conform(caster, rec) })
	}
	return &Relation{Schema: target, Read: read, Origin: r.Origin, Release: r.Release}, nil
}

// lacking returns target without the columns that rows of the incoming schema
// have no value for and that are not simply null.
func lacking(target, incoming *schema.Struct) *schema.Struct {
	at := make(map[string]bool, len(incoming.Fields))
	for _, f := range incoming.Fields {
		at[strings.ToLower(f.Name)] = true
	}
	out := schema.New()
	for _, f := range target.Fields {
		if at[strings.ToLower(f.Name)] || f.Nullable && !delta.Supplied(f) {
			out.Fields = append(out.Fields, f)
		}
	}
	return out
}

// conform conforms one batch; an error says where the batch comes from.
func (r *Relation) conform(caster *conform.Caster, rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	out, err := caster.Conform(rec)
	if err != nil && r.Origin != nil {
		err = fmt.Errorf("%s: %w", r.Origin(), err)
	}
	return out, err
}

// check has a caster judge the types of a layout.
func check(caster *conform.Caster, layout *arrow.Schema) error {
	b := array.NewRecordBuilder(memory.DefaultAllocator, layout)
	defer b.Release()
	empty := b.NewRecordBatch()
	defer empty.Release()
	out, err := caster.Conform(empty)
	if err == nil {
		out.Release()
	}
	return err
}
