package cdc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// Columns of events besides those of the table.
const (
	// SequenceColumn orders the events of a key; it is of any type that sorts.
	SequenceColumn = "__freshet_sequence"
	// KindColumn is an INT that says what an event is: 0 for an update, 1 for a
	// delete, 2 for a truncate, of which no column but the sequence counts.
	KindColumn = "__freshet_kind"
)

// truncate is the kind of events that empty the table.
const truncate = 2

// Columns that a table with history has besides those of events.
const (
	StartColumn = "__START_AT"
	EndColumn   = "__END_AT"
)

// DefaultTombstoneAge is how long a tombstone is kept (semantics §13.2).
const DefaultTombstoneAge = 48 * time.Hour

// Flow says how changes are applied.
type Flow struct {
	Keys    []string
	History bool // SCD type 2
	// Snapshot says that a batch is all rows there are, and not their changes.
	// The sequences of events do not count then, but the batch's number.
	Snapshot bool
	// Truncates says that there may be events that truncate the table.
	Truncates bool
	// Ignoring chooses the columns whose nulls are no updates; nil is none.
	Ignoring func(column string) bool
	// Tracked chooses the columns whose history is kept.
	Tracked func(column string) bool
	// Named are columns that Ignoring and Tracked choose by name: events have all
	// of them.
	Named []string
	// TombstoneAge is how long it is known of a row that it was deleted.
	TombstoneAge time.Duration
}

// Sink is the sink of events that applies them to a Delta table, each batch in
// one commit.
//
// What the table does not show is kept in the backing table: of each key the
// events that a late one would have to be compared with. A batch changes the
// backing table first; the commit on the table itself then names the version
// of the backing table that it goes with. That commit alone decides: a version
// of the backing table that no commit names is what a crash has left, and is
// taken back before the next batch. So both change at once, and a batch that
// runs again begins with what the one before it has left.
//
// Flows that write to one table share the backing table, and must not run at
// the same time. All fields but Committed are required.
type Sink struct {
	Name         string // for messages
	Table        *delta.Table
	Store        delta.Storage
	Backing      *delta.Table
	BackingStore delta.Storage
	Flow         Flow
	Engine       engine.Engine // in the session's time zone
	// Input makes rows an input of the engine.
	Input    func(name string, rows *ingest.Relation) engine.Input
	TimeZone *time.Location
	Env      ingest.Env
	// Committed, when set, is called after each batch that was written now.
	Committed func(ctx context.Context)

	swept bool // the backing table has no more old tombstones
}

var (
	_ stream.Sink   = (*Sink)(nil)
	_ stream.Holder = (*Sink)(nil)
)

// tries bounds how often a batch is written anew after a concurrent commit.
const tries = 5

// Description implements [stream.Sink].
func (k *Sink) Description() string { return "DeltaSink[" + k.Name + "]" }

// Holds implements [stream.Holder].
func (k *Sink) Holds(ctx context.Context, id stream.Batch) (bool, error) {
	now, err := k.Table.Snapshot(ctx)
	if err != nil {
		return false, fmt.Errorf("%s: %w", k.Name, err)
	}
	return written(now, id), nil
}

// written reports whether a version of the table has a batch.
func written(s *delta.Snapshot, id stream.Batch) bool {
	last, ok := s.TransactionVersion(id.Flow)
	return ok && last >= id.ID
}

// Columns are those of the table, given those of events.
func (f Flow) Columns(events *schema.Struct) *schema.Struct {
	columns := schema.New()
	var sequence schema.Type
	for _, field := range events.Fields {
		switch field.Name {
		case SequenceColumn:
			sequence = field.Type
		case KindColumn:
		default:
			columns.Fields = append(columns.Fields, field)
		}
	}
	if f.History {
		columns.Fields = append(columns.Fields, schema.Col(StartColumn, sequence), schema.Col(EndColumn, sequence))
	}
	return columns
}

// Write implements [stream.Sink].
func (k *Sink) Write(ctx context.Context, id stream.Batch, rows *ingest.Relation) (stream.Written, error) {
	w, err := k.write(ctx, id, rows)
	if err != nil {
		return w, fmt.Errorf("%s: %w", k.Name, err)
	}
	if k.Committed != nil && !w.Already {
		k.Committed(ctx)
	}
	return w, nil
}

func (k *Sink) write(ctx context.Context, id stream.Batch, rows *ingest.Relation) (stream.Written, error) {
	base, err := k.Table.Snapshot(ctx)
	if err != nil {
		rows.Close()
		return stream.Written{}, err
	}
	if written(base, id) {
		rows.Close()
		return stream.Written{Already: true}, nil
	}
	b := &batch{Sink: k, id: id}
	defer b.close()
	if err := b.gather(ctx, base, rows); err != nil {
		return stream.Written{}, err
	}
	for try := 1; ; try++ {
		w, err := b.apply(ctx, base)
		if lost := new(delta.ConflictError); err == nil || !errors.As(err, &lost) || try == tries {
			return w, err
		}
		was := base.Metadata().Schema
		if base, err = k.Table.Snapshot(ctx); err != nil {
			return stream.Written{}, err
		}
		if written(base, id) {
			return stream.Written{Already: true}, nil
		}
		if !schema.Equal(was, base.Schema()) {
			return stream.Written{}, errclass.New("DELTA_METADATA_CHANGED", "2D521", "The columns of the table were changed by a concurrent update (version %d). Run the flow again.", base.Version())
		}
	}
}

// batch is a batch that is being written.
type batch struct {
	*Sink
	id       stream.Batch
	meta     delta.Metadata // of the table, with the columns that the batch brings
	grown    bool           // it has columns that the table lacks so far
	layout   *layout
	sequence schema.Type
	backed   *schema.Struct // columns of rows that the backing table has
	scratch  engine.Scratch
	made     []string // tables of the try at hand
}

func (b *batch) close() {
	if b.scratch != nil {
		b.scratch.Close()
	}
}

// gather takes the batch's events into the scratch, as the table's types.
func (b *batch) gather(ctx context.Context, base *delta.Snapshot, rows *ingest.Relation) error {
	fitting, err := b.fit(base, rows)
	if err != nil {
		rows.Close()
		return err
	}
	if b.scratch, err = b.Engine.Scratch(ctx); err != nil {
		rows.Close()
		return err
	}
	names := append(b.values(), "s", "kind")
	in := b.Input(input, fitting.Rename(names))
	if b.Flow.Snapshot {
		_, err := b.scratch.Create(ctx, "snapshot", b.numberedRows(), []engine.Input{in})
		return err
	}
	if _, err := b.scratch.Create(ctx, "incoming", "SELECT * FROM "+input, []engine.Input{in}); err != nil {
		return err
	}
	return b.each(ctx, b.faults(), b.validate)
}

// fit works out the columns of the table and lays events out like them.
func (b *batch) fit(base *delta.Snapshot, rows *ingest.Relation) (*ingest.Relation, error) {
	err := b.Check(rows.Schema)
	if err != nil {
		return nil, err
	}
	b.sequence = rows.Schema.Fields[rows.Schema.Index(SequenceColumn)].Type
	b.meta = base.Metadata()
	if b.meta, err = ingest.Evolve(b.meta, b.Flow.Columns(rows.Schema)); err != nil {
		return nil, err
	}
	if b.grown = !schema.Equal(b.meta.Schema, base.Schema()); b.grown {
		b.meta = b.meta.MapColumns(b.Env.NewID)
	}
	wanted := schema.New()
	for _, f := range b.meta.Schema.Fields {
		if b.Flow.History && (f.Name == StartColumn || f.Name == EndColumn) {
			if !schema.EqualIgnoringNulls(f.Type, b.sequence) {
				return nil, errclass.New("APPLY_CHANGES_SEQUENCE_TYPE", "42K09",
					"The column %s is %s, and SEQUENCE BY is %s: declare %s and %s with the type of SEQUENCE BY.", f.Name, f.Type, b.sequence, StartColumn, EndColumn)
			}
			continue
		}
		wanted.Fields = append(wanted.Fields, f)
	}
	wanted.Fields = append(wanted.Fields, schema.Col(SequenceColumn, b.sequence), schema.Col(KindColumn, schema.Integer))
	fitting, err := rows.Conform(wanted, b.TimeZone)
	if err != nil {
		return nil, err
	}
	columns := schema.New(fitting.Schema.Fields[:len(fitting.Schema.Fields)-2]...)
	var keys []int
	for _, name := range b.Flow.Keys {
		i := columns.Index(name)
		if i < 0 {
			return nil, errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "The key %s is not among the columns of the events: %v.", schema.QuoteIdent(name), columns.Names())
		}
		keys = append(keys, i)
	}
	b.layout = newLayout(columns, keys, b.Flow.Ignoring, b.Flow.Tracked)
	b.backed = columns
	if !b.Flow.History && b.Flow.Ignoring == nil {
		// The last update of a row is in the table, all of it.
		b.backed = schema.New()
		for _, i := range keys {
			b.backed.Fields = append(b.backed.Fields, columns.Fields[i])
		}
	}
	return fitting, nil
}

// each calls do for each batch of a query's result.
func (b *batch) each(ctx context.Context, query string, do func(arrow.RecordBatch) error) error {
	r, err := b.scratch.Query(ctx, query, nil)
	if err != nil {
		return err
	}
	defer r.Release()
	for r.Next() {
		if err := do(r.RecordBatch()); err != nil {
			return err
		}
	}
	return r.Err()
}

// create makes a table of the try at hand.
func (b *batch) create(ctx context.Context, table, query string, inputs ...engine.Input) (int64, error) {
	n, err := b.scratch.Create(ctx, table, query, inputs)
	if err == nil {
		b.made = append(b.made, table)
	}
	return n, err
}

// forget drops the tables of the last try.
func (b *batch) forget(ctx context.Context) error {
	for _, table := range b.made {
		if err := b.scratch.Drop(ctx, table); err != nil {
			return err
		}
	}
	b.made = nil
	return nil
}

// read yields the batches of a query's result as rows of some columns.
func (b *batch) read(ctx context.Context, query string, columns *schema.Struct) (iter.Seq2[arrow.RecordBatch, error], error) {
	r, err := b.scratch.Query(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	rows, err := ingest.Results(r)
	if err != nil {
		return nil, err
	}
	out, err := rows.Conform(columns, b.TimeZone)
	if err != nil {
		rows.Close()
		return nil, err
	}
	return out.Read(ctx), nil
}
