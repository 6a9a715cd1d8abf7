package dataset

import (
	"context"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/state"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/schema"
)

// openState readies what the query keeps between batches, if it does, and has
// the table take its rows in the mode that follows from it (semantics §10.7).
func (f *streamingFlow) openState(ctx context.Context) (err error) {
	d := f.datasets
	if f.plan, err = stateful.New(f.def.Query.String(), sourceColumns(ctx, f.sources)); err != nil || f.plan == nil {
		return err
	}
	eng, err := d.planner.Engine()
	if err != nil {
		return err
	}
	if sink, ok := f.flow.Sink.(*stream.Table); ok {
		switch f.plan.Mode {
		case stateful.Append:
		case stateful.Update:
			sink.Keys = f.plan.KeyColumns
			if len(f.def.Constraints) > 0 {
				// A row that is dropped leaves none of its group behind.
				f.plan.Mode, sink.Keys, sink.Complete = stateful.Complete, nil, true
			}
		case stateful.Complete:
			sink.Complete = true
		}
	}
	cfg := d.stateConfig(eng, f.plan, f.flow)
	cfg.Check = f.expect.Filter
	f.flow.Stateful = stateful.Open(cfg)
	return nil
}

// checkState refuses a query that cannot go on from the batches that are done.
func (f *streamingFlow) checkState(ctx context.Context) error {
	p, err := f.flow.Checkpoint.Progress(ctx)
	if err != nil || p.Planned == nil || p.Planned.ID == 0 && !p.Done {
		return err
	}
	return state.Fits(ctx, f.flow.Checkpoint.Store(), 0, f.plan != nil)
}

// stateConfig is what the state of a flow's query needs of a session.
func (d *Set) stateConfig(eng engine.Engine, plan *stateful.Plan, flow *stream.Flow) stateful.Config {
	return stateful.Config{
		Plan: plan, Checkpoint: flow.Checkpoint.Store(), Engine: eng.InZone(d.planner.TimeZone().String()),
		Query: d.planner.QueryStreamsText, Input: query.Input, TimeZone: d.planner.TimeZone(),
		Clock: d.ws.Clock, NewID: d.ws.NewID,
	}
}

// sourceColumns tells the names of the sources' columns from others.
func sourceColumns(ctx context.Context, sources []sourceWithSchema) func(string) bool {
	return func(name string) bool {
		for _, src := range sources {
			if columns, err := src.Schema(ctx); err == nil && columns.Index(name) >= 0 {
				return true
			}
		}
		return false
	}
}

// resultColumns are the columns of a query over sources, found by its result
// for no rows.
func resultColumns(ctx context.Context, sources []sourceWithSchema, run func(none []*ingest.Relation) (*ingest.Relation, error)) (*schema.Struct, error) {
	var none []*ingest.Relation
	for _, src := range sources {
		columns, err := src.Schema(ctx)
		if err != nil {
			return nil, err
		}
		none = append(none, query.Empty(columns))
	}
	rows, err := run(none)
	if err != nil {
		return nil, err
	}
	rows.Close()
	return rows.Schema, nil
}

// probe returns the result of the query for no rows, which has its columns.
func (f *streamingFlow) probe(ctx context.Context, rows []*ingest.Relation) (*ingest.Relation, error) {
	if f.plan == nil {
		return f.transform(ctx, rows)
	}
	return f.datasets.planner.QueryStreamsText(ctx, f.plan.Batch(), rows)
}
