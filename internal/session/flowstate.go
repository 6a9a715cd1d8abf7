package session

import (
	"context"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/schema"
)

// openState readies what the query keeps between batches, if it does, and has
// the table take its rows in the mode that follows from it (semantics §10.7).
func (f *streamingFlow) openState(ctx context.Context) (err error) {
	s := f.session
	if f.plan, err = stateful.New(f.def.Query.String(), sourceColumns(ctx, f.sources)); err != nil || f.plan == nil {
		return err
	}
	eng, err := s.openEngine()
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
	cfg := s.stateConfig(eng, f.plan, f.flow)
	cfg.Check = f.expect.check
	f.flow.Stateful = stateful.Open(cfg)
	return nil
}

// stateConfig is what the state of a flow's query needs of a session.
func (s *Session) stateConfig(eng engine.Engine, plan *stateful.Plan, flow *stream.Flow) stateful.Config {
	return stateful.Config{
		Plan: plan, Checkpoint: flow.Checkpoint.Store(), Engine: eng.InZone(s.timeZone().String()),
		Query: s.queryStreamsText, Input: engineInput, TimeZone: s.timeZone(), Clock: s.cfg.Clock,
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
func resultColumns(ctx context.Context, sources []sourceWithSchema, query func(none []*ingest.Relation) (*ingest.Relation, error)) (*schema.Struct, error) {
	var none []*ingest.Relation
	for _, src := range sources {
		columns, err := src.Schema(ctx)
		if err != nil {
			return nil, err
		}
		none = append(none, emptyRelation(columns))
	}
	rows, err := query(none)
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
	return f.session.queryStreamsText(ctx, f.plan.Batch(), rows)
}

// queryStreams runs a query whose streams are the given rows, in the order of
// its text.
func (s *Session) queryStreams(ctx context.Context, q *sql.Query, rows []*ingest.Relation) (*ingest.Relation, error) {
	s.streams = map[sql.TableRef]*ingest.Relation{}
	defer func() { s.streams = nil }()
	for i, ref := range streams(q) {
		s.streams[ref] = rows[i]
	}
	return s.query(ctx, q)
}

func (s *Session) queryStreamsText(ctx context.Context, text string, rows []*ingest.Relation) (*ingest.Relation, error) {
	q, err := sql.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	return s.queryStreams(ctx, q, rows)
}
