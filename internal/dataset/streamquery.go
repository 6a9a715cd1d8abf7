package dataset

import (
	"context"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// StreamQuery is a query over streams that runs as a flow of its own, with a
// checkpoint that the caller names. Query, Checkpoint and one of Table and Each
// are required.
type StreamQuery struct {
	Name  string // for progress reports
	Query string // Databricks SQL with streams, as a streaming table's
	// Checkpoint is the place of the flow's memory, a path or URL. Another
	// checkpoint is another flow, which begins anew.
	Checkpoint string
	Trigger    stream.Trigger
	// Table is the name of the table that batches are written to, which is
	// created when it is not there.
	Table string
	// Mode is what batches are to the table.
	Mode stateful.Mode
	// MergeSchema lets the table gain the columns that rows bring.
	MergeSchema bool
	// Each is called with each batch, whose rows it may read several times.
	Each func(ctx context.Context, batch stream.Batch, rows *ingest.Relation) error
	// Progress, when set, is told of each batch.
	Progress func(stream.Progress)
	// Sleep waits for the next tick; nil is the session's.
	Sleep func(ctx context.Context, d time.Duration) error
}

// RunStream runs a query until its trigger ends it or ctx is done, which is no
// error. A schema that its sources have taken up ends it with the error that
// tells so; run again, it goes on with that.
func (d *Set) RunStream(ctx context.Context, q StreamQuery) error {
	f := &queryFlow{datasets: d, StreamQuery: q}
	if err := f.open(ctx); err != nil {
		return place.Text(q.Query, f.query, err)
	}
	return place.Text(q.Query, f.query, f.flow.Hold(ctx, f.run))
}

// queryFlow is a query over streams, open.
type queryFlow struct {
	StreamQuery
	datasets *Set
	query    *sql.Query
	flow     *stream.Flow
	sources  []sourceWithSchema
	plan     *stateful.Plan // nil when the query needs no state
}

// open opens the checkpoint, once the query is known to be one over streams.
func (f *queryFlow) open(ctx context.Context) (err error) {
	d := f.datasets
	if f.query, err = sql.ParseQuery(f.Query); err != nil {
		return err
	}
	if len(query.Streams(f.query)) == 0 {
		return errclass.New("UNSUPPORTED_STREAMING_OPERATION", "0A000", "The query reads no stream; write STREAM before a relation, as in FROM STREAM read_files(…).")
	}
	if err := d.planner.Qualify(ctx, f.query); err != nil {
		return err
	}
	if _, err := stateful.New(f.query.String(), nil); err != nil {
		return err
	}
	at, err := workspace.Locate(f.Checkpoint)
	if err != nil {
		return err
	}
	c, err := d.checkpointAt(ctx, at, checkpoint.Open)
	if err != nil {
		return err
	}
	f.flow = &stream.Flow{
		Name: f.Name, Checkpoint: c, Trigger: f.Trigger, Transform: f.transform, Progress: f.Progress,
		Clock: d.ws.Clock, NewID: d.ws.NewID, Sleep: f.Sleep, Logger: d.ws.Logger, Gone: checkpoint.Died,
	}
	if f.Sleep == nil {
		f.flow.Sleep = d.ws.Sleep
	}
	return nil
}

// run runs the flow, which is held.
func (f *queryFlow) run(ctx context.Context) error {
	want := query.Wanted(f.query)
	for i, ref := range query.Streams(f.query) {
		src, err := f.datasets.openSource(ctx, ref, f.flow.Checkpoint, i, want)
		if err != nil {
			return err
		}
		f.sources, f.flow.Sources = append(f.sources, src), append(f.flow.Sources, src)
	}
	if err := f.openState(ctx); err != nil {
		return err
	}
	if f.Each != nil {
		// Without columns there is nothing to wait for, as with a table.
		for _, src := range f.sources {
			if _, err := src.Schema(ctx); err != nil {
				return err
			}
		}
		f.flow.Sink = &stream.ForeachBatch{Name: f.Name, Do: f.Each}
	} else if err := f.openTable(ctx); err != nil {
		return err
	}
	return f.flow.Run(ctx)
}

// openState readies what the query keeps between batches, if it does.
func (f *queryFlow) openState(ctx context.Context) (err error) {
	d := f.datasets
	if f.plan, err = stateful.New(f.query.String(), sourceColumns(ctx, f.sources)); err != nil {
		return err
	}
	if f.plan == nil {
		if f.Mode == stateful.Complete {
			return stateful.NoMode(f.Mode, "queries without aggregation")
		}
		return nil
	}
	if err := f.plan.As(f.Mode); err != nil {
		return err
	}
	eng, err := d.planner.Engine()
	if err != nil {
		return err
	}
	f.flow.Stateful = stateful.Open(d.stateConfig(eng, f.plan, f.flow))
	return nil
}

// openTable makes the table the sink, creating it when it is not there.
func (f *queryFlow) openTable(ctx context.Context) error {
	d := f.datasets
	name, err := sql.ParseName(f.Table)
	if err != nil {
		return err
	}
	columns, err := f.columns(ctx)
	if err != nil {
		return err
	}
	if _, _, path := name.Path(); !path {
		create, err := sql.Parse("CREATE TABLE IF NOT EXISTS " + name.String() + " (" + columns.DDL() + ")")
		if err != nil {
			return err
		}
		if stmt, ok := create[0].(*sql.CreateTable); ok {
			if err := d.CreateTable(ctx, stmt); err != nil {
				return err
			}
		}
	}
	t, err := d.planner.Target(ctx, name)
	if err != nil {
		return err
	}
	if t.Entry != nil && t.Entry.Kind != catalog.KindTable {
		return errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.WRITE", "42601", "%s is filled by its own query; write to a table.", t.Name)
	}
	sink := &stream.Table{
		Name: t.Name, Table: t.Delta, Store: t.Store, MergeSchema: f.MergeSchema, Complete: f.Mode == stateful.Complete,
		TimeZone: d.planner.TimeZone(), Env: d.planner.LoadEnv(), Committed: func(ctx context.Context) { d.ws.Compact(ctx, t) },
	}
	if f.plan != nil && f.plan.Mode == stateful.Update {
		if sink.Keys = f.plan.KeyColumns; sink.Keys == nil {
			return stateful.NoMode(f.Mode, "a table, where the select list lacks a key of the groups or HAVING may take rows back; use complete")
		}
	}
	f.flow.Sink = sink
	return nil
}

// columns are those of the result.
func (f *queryFlow) columns(ctx context.Context) (*schema.Struct, error) {
	text := f.query.String()
	if f.plan != nil {
		text = f.plan.Batch()
	}
	return resultColumns(ctx, f.sources, func(none []*ingest.Relation) (*ingest.Relation, error) {
		return f.datasets.planner.QueryStreamsText(ctx, text, none)
	})
}

// transform runs the query over the rows of a batch, and again whenever its
// result is read again.
func (f *queryFlow) transform(ctx context.Context, rows []*ingest.Relation) (*ingest.Relation, error) {
	text := f.query.String()
	first, err := f.datasets.planner.QueryStreamsText(ctx, text, rows)
	if err != nil {
		return nil, err
	}
	out := *first
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			result := first
			if first = nil; result == nil {
				var err error
				if result, err = f.datasets.planner.QueryStreamsText(ctx, text, rows); err != nil {
					yield(nil, err)
					return
				}
			}
			result.Read(ctx)(yield)
		}
	}
	out.Release = func() {
		if first != nil {
			first.Close()
			first = nil
		}
	}
	return &out, nil
}
