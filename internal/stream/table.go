package stream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/schema"
)

// Table is the sink that appends each batch to a Delta table in one commit,
// which carries the batch's number: a batch that the table has is left at that
// (semantics §10.4). Columns that a batch with Keys is the first to have come in
// a commit before it. Its name, table and store are required.
type Table struct {
	Name  string // for messages
	Table *delta.Table
	Store delta.Storage
	// MergeSchema lets the table gain the columns that rows bring.
	MergeSchema bool
	// Complete replaces all rows of the table by those of each batch.
	Complete bool
	// Keys, when set, are places of columns of the rows: each row replaces that
	// of the table with the same values there, or comes in beside the others.
	// Rows are then read twice.
	Keys     []int
	TimeZone *time.Location
	Env      ingest.Env
	// Replaced, when set, says which rows leave as the batch at hand has them
	// again; nil for none.
	Replaced func() (*Replaced, error)
	// Metrics, when set, returns what the history is to tell of a batch besides
	// what it tells of every write; it is asked once the rows are read.
	Metrics func() map[string]string
	// Committed, when set, is called after each batch that was written now.
	// What it does about the table cannot fail the batch.
	Committed func(ctx context.Context)
}

var (
	_ Sink   = (*Table)(nil)
	_ Holder = (*Table)(nil)
)

// errWritten says that the table has the batch.
var errWritten = errors.New("the batch is written")

// Description implements [Sink].
func (s *Table) Description() string { return "DeltaSink[" + s.Name + "]" }

// Write implements [Sink].
func (s *Table) Write(ctx context.Context, b Batch, rows *ingest.Relation) (Written, error) {
	rows, free := freed(rows)
	defer free()
	base, err := s.Table.Snapshot(ctx)
	if err != nil {
		return Written{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	if written(base, b) {
		return Written{Already: true}, nil
	}
	meta, err := s.target(base, rows.Schema)
	if err != nil {
		return Written{}, err
	}
	fitting, err := rows.Conform(meta.Schema, s.TimeZone)
	if err != nil {
		return Written{}, err
	}
	if s.Keys != nil {
		if meta, err = s.grown(ctx, base, meta); err != nil {
			return s.wrote(ctx)(Written{}, err)
		}
		return s.wrote(ctx)(s.update(ctx, b, meta, rows, fitting))
	}
	if s.Replaced != nil {
		gone, err := s.Replaced()
		if err != nil {
			return Written{}, err
		}
		if gone != nil {
			return s.wrote(ctx)(s.replace(ctx, b, base, meta, fitting, gone))
		}
	}
	staged, err := ingest.Stage(ctx, s.Store, meta, fitting.Read(ctx), s.Env)
	if err != nil {
		return Written{}, err
	}
	c := s.commit(b, base, meta)
	if s.Metrics != nil {
		c.Metrics = s.Metrics()
	}
	_, err = c.Apply(ctx, staged)
	return s.wrote(ctx)(Written{Rows: staged.Rows}, err)
}

// freed returns rows, and what closes them unless they were read.
func freed(rows *ingest.Relation) (out *ingest.Relation, free func()) {
	begun := false
	noted := *rows
	noted.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			begun = true
			rows.Read(ctx)(yield)
		}
	}
	return &noted, func() {
		if !begun {
			rows.Close()
		}
	}
}

// wrote says how writing a batch ended.
func (s *Table) wrote(ctx context.Context) func(Written, error) (Written, error) {
	return func(w Written, err error) (Written, error) {
		switch {
		case errors.Is(err, errWritten):
			return Written{Already: true}, nil
		case err != nil:
			return Written{}, fmt.Errorf("%s: %w", s.Name, err)
		case s.Committed != nil:
			s.Committed(ctx)
		}
		return w, nil
	}
}

// Holds implements [Holder].
func (s *Table) Holds(ctx context.Context, b Batch) (bool, error) {
	now, err := s.Table.Snapshot(ctx)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.Name, err)
	}
	return written(now, b), nil
}

// written reports whether a version of the table has the batch.
func written(s *delta.Snapshot, b Batch) bool {
	last, ok := s.TransactionVersion(b.Flow)
	return ok && last >= b.ID
}

// target returns what the table becomes when it takes rows of these columns.
func (s *Table) target(base *delta.Snapshot, incoming *schema.Struct) (delta.Metadata, error) {
	meta := base.Metadata()
	for _, f := range incoming.Fields {
		if f.Type == schema.Void {
			return meta, errclass.New("DELTA_NULL_SCHEMA_IN_STREAMING_WRITE", "42P18",
				"%s: column %s has no type, as it is NULL in every row; cast it to one.", s.Name, schema.QuoteIdent(f.Name))
		}
	}
	if s.MergeSchema {
		return ingest.Evolve(meta, incoming)
	}
	if added := evolve.NewColumns(meta.Schema, incoming); len(added) > 0 {
		return meta, errclass.New("DELTA_METADATA_MISMATCH", "42KDG",
			"A schema mismatch detected when writing to the Delta table %s: it lacks columns %q. Set mergeSchema to add them.\nTable columns: %s\nData columns: %s",
			s.Name, added, meta.Schema.DDL(), incoming.DDL())
	}
	return meta, nil
}

// grown gives the table the columns that it lacks, before rows are merged into
// it. That is a commit of its own, which brings no rows and is of no batch.
func (s *Table) grown(ctx context.Context, base *delta.Snapshot, meta delta.Metadata) (delta.Metadata, error) {
	if schema.Equal(meta.Schema, base.Schema()) {
		return meta, nil
	}
	c := ingest.Commit{Table: s.Table, Store: s.Store, Base: base, Metadata: &meta, Now: s.Env.Clock, Operation: "UPDATE SCHEMA"}
	if _, err := c.Apply(ctx, nil); err != nil {
		return meta, err
	}
	now, err := s.Table.Snapshot(ctx)
	if err != nil {
		return meta, err
	}
	return now.Metadata(), nil
}

// update merges the rows of a batch into the table by their keys.
func (s *Table) update(ctx context.Context, b Batch, meta delta.Metadata, rows, fitting *ingest.Relation) (Written, error) {
	opts := delta.MergeOptions{
		NullKeys: true, Operation: "STREAMING UPDATE", Parameters: s.parameters(b, "Update"),
		Writer: delta.WriterConfig{Metadata: meta, Parallelism: s.Env.Parallelism, Clock: s.Env.Clock, NewID: s.Env.NewID, Evaluator: s.Env.Evaluator},
		Also:   func(base *delta.Snapshot, tx *delta.Transaction) error { return claim(b, base, tx) },
	}
	for _, i := range s.Keys {
		opts.Keys = append(opts.Keys, rows.Schema.Fields[i].Name)
	}
	result, err := s.Table.Merge(ctx, func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return handedOver(fitting.Read(ctx))
	}, opts)
	return Written{Rows: result.SourceRows}, err
}

// handedOver yields batches that whoever takes them releases.
func handedOver(rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range rows {
			if err == nil {
				rec.Retain()
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// claim makes a transaction that of a batch, unless the table has the batch.
func claim(b Batch, base *delta.Snapshot, tx *delta.Transaction) error {
	if written(base, b) {
		return errWritten
	}
	tx.ReadTransaction(b.Flow)
	tx.SetTransaction(b.Flow, b.ID)
	return nil
}

// parameters are those of a commit in the table's history.
func (*Table) parameters(b Batch, mode string) map[string]any {
	return map[string]any{"outputMode": mode, "queryId": b.Flow, "epochId": strconv.FormatInt(b.ID, 10)}
}

// commit is the commit of a batch. Another run of the flow that commits first
// makes it lose, and look again.
func (s *Table) commit(b Batch, base *delta.Snapshot, meta delta.Metadata) ingest.Commit {
	mode := "Append"
	if s.Complete {
		mode = "Complete"
	}
	c := ingest.Commit{
		Table: s.Table, Store: s.Store, Base: base, Overwrite: s.Complete, Now: s.Env.Clock, Operation: "STREAMING UPDATE",
		Parameters: s.parameters(b, mode),
		Also:       func(_ context.Context, base *delta.Snapshot, tx *delta.Transaction) error { return claim(b, base, tx) },
	}
	if !schema.Equal(meta.Schema, base.Schema()) {
		c.Metadata = &meta
	}
	return c
}
