package session

import (
	"context"
	"iter"
	"maps"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/internal/stream/stateful"
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

// Fork opens a session of the same workspace with the same settings, current
// schema and temporary views, to be used beside this one. It tells nobody of
// its progress.
func (s *Session) Fork(ctx context.Context) (*Session, error) {
	cfg := s.cfg
	cfg.Workspace, cfg.Progress = s.root, nil
	f, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	f.current, f.settings, f.tempView = s.current, maps.Clone(s.settings), maps.Clone(s.tempView)
	return f, nil
}

// RunStream runs a query until its trigger ends it or ctx is done, which is no
// error. A schema that its sources have taken up ends it with the error that
// tells so; run again, it goes on with that.
func (s *Session) RunStream(ctx context.Context, q StreamQuery) error {
	stop := s.watch()
	defer stop()
	f := &queryFlow{session: s, StreamQuery: q}
	if err := f.open(ctx); err != nil {
		return place.Text(q.Query, f.query, err)
	}
	return place.Text(q.Query, f.query, f.flow.Hold(ctx, f.run))
}

// queryFlow is a query over streams, open.
type queryFlow struct {
	StreamQuery
	session *Session
	query   *sql.Query
	flow    *stream.Flow
	sources []sourceWithSchema
	plan    *stateful.Plan // nil when the query needs no state
}

// open opens the checkpoint, once the query is known to be one over streams.
func (f *queryFlow) open(ctx context.Context) (err error) {
	s := f.session
	if f.query, err = sql.ParseQuery(f.Query); err != nil {
		return err
	}
	if len(streams(f.query)) == 0 {
		return errclass.New("UNSUPPORTED_STREAMING_OPERATION", "0A000", "The query reads no stream; write STREAM before a relation, as in FROM STREAM read_files(…).")
	}
	if err := s.qualify(ctx, f.query); err != nil {
		return err
	}
	if _, err := stateful.New(f.query.String(), nil); err != nil {
		return err
	}
	at, err := s.location(f.Checkpoint)
	if err != nil {
		return err
	}
	c, err := s.checkpointAt(ctx, at, checkpoint.Open)
	if err != nil {
		return err
	}
	f.flow = &stream.Flow{
		Name: f.Name, Checkpoint: c, Trigger: f.Trigger, Transform: f.transform, Progress: f.Progress,
		Clock: s.cfg.Clock, NewID: s.cfg.NewID, Sleep: f.Sleep, Logger: s.cfg.Logger, Gone: gone,
	}
	if f.Sleep == nil {
		f.flow.Sleep = s.cfg.Sleep
	}
	return nil
}

// run runs the flow, which is held.
func (f *queryFlow) run(ctx context.Context) error {
	want := wanted(f.query)
	for i, ref := range streams(f.query) {
		src, err := f.session.openSource(ctx, ref, f.flow.Checkpoint, i, want)
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
	s := f.session
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
	eng, err := s.openEngine()
	if err != nil {
		return err
	}
	f.flow.Stateful = stateful.Open(s.stateConfig(eng, f.plan, f.flow))
	return nil
}

// openTable makes the table the sink, creating it when it is not there.
func (f *queryFlow) openTable(ctx context.Context) error {
	s := f.session
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
		if _, err := s.run(ctx, create[0]); err != nil {
			return err
		}
	}
	t, err := s.target(ctx, name)
	if err != nil {
		return err
	}
	if t.entry != nil && t.entry.Kind != catalog.KindTable {
		return errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.WRITE", "42601", "%s is filled by its own query; write to a table.", t.name)
	}
	sink := &stream.Table{
		Name: t.name, Table: t.table, Store: t.store, MergeSchema: f.MergeSchema, Complete: f.Mode == stateful.Complete,
		TimeZone: s.timeZone(), Env: s.env(), Committed: func(ctx context.Context) { s.compact(ctx, t) },
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
		return f.session.queryStreamsText(ctx, text, none)
	})
}

// transform runs the query over the rows of a batch, and again whenever its
// result is read again.
func (f *queryFlow) transform(ctx context.Context, rows []*ingest.Relation) (*ingest.Relation, error) {
	text := f.query.String()
	first, err := f.session.queryStreamsText(ctx, text, rows)
	if err != nil {
		return nil, err
	}
	out := *first
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			result := first
			if first = nil; result == nil {
				var err error
				if result, err = f.session.queryStreamsText(ctx, text, rows); err != nil {
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

// AppendBatch appends the rows of a batch to a table, unless the table has that
// batch of that flow: txnAppId and txnVersion of Spark (semantics §10.5). It
// reports whether the rows were written now.
func (s *Session) AppendBatch(ctx context.Context, table string, batch stream.Batch, rows *ingest.Relation) (bool, error) {
	name, err := sql.ParseName(table)
	if err != nil {
		return false, err
	}
	t, err := s.target(ctx, name)
	if err != nil {
		return false, err
	}
	sink := &stream.Table{Name: t.name, Table: t.table, Store: t.store, TimeZone: s.timeZone(), Env: s.env()}
	w, err := sink.Write(ctx, batch, rows)
	return err == nil && !w.Already, err
}
