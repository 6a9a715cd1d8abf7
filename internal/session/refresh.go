package session

import (
	"context"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
)

// Datasets returns the streaming tables and materialized views of the workspace,
// as this session sees them.
func (s *Session) Datasets() *dataset.Set { return s.datasets }

// Refresh runs a statement that makes or refreshes a dataset: CREATE STREAMING
// TABLE or MATERIALIZED VIEW, and REFRESH. text is what the statement was
// parsed from, for messages.
func (s *Session) Refresh(ctx context.Context, text string, stmt sql.Statement, how dataset.Refreshing) (*dataset.Outcome, error) {
	s.planner.Text = text
	stop := s.watch()
	defer stop()
	outcome, err := s.datasets.Refresh(ctx, stmt, how)
	return outcome, place.Text(text, stmt, err)
}

// runRefresh runs a statement that makes or refreshes a dataset, for its result.
// One that was cancelled has loaded some batches, and is an error nevertheless:
// it has not done what was asked for.
func (s *Session) runRefresh(ctx context.Context, stmt sql.Statement) (*Result, error) {
	if r, ok := stmt.(*sql.Refresh); ok && r.Async {
		return s.refreshAside(ctx, r)
	}
	outcome, err := s.datasets.Refresh(ctx, stmt, dataset.Refreshing{})
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return affected(outcome.Rows, outcome.Rows), nil
}

// Fork opens a session of the same workspace with the same settings, current
// schema and temporary views, to be used beside this one. It tells nobody of
// its progress.
func (s *Session) Fork(ctx context.Context) (*Session, error) {
	f, err := open(ctx, s.ws.Config, nil)
	if err != nil {
		return nil, err
	}
	f.planner.Inherit(s.planner)
	return f, nil
}

// RunStream runs a query over streams until its trigger ends it or ctx is done,
// which is no error. A schema that its sources have taken up ends it with the
// error that tells so; run again, it goes on with that.
func (s *Session) RunStream(ctx context.Context, q dataset.StreamQuery) error {
	stop := s.watch()
	defer stop()
	return s.datasets.RunStream(ctx, q)
}

// AppendBatch appends the rows of a batch to a table, unless the table has that
// batch of that flow: txnAppId and txnVersion of Spark (semantics §10.5). It
// reports whether the rows were written now.
func (s *Session) AppendBatch(ctx context.Context, table string, batch stream.Batch, rows *ingest.Relation) (bool, error) {
	name, err := sql.ParseName(table)
	if err != nil {
		return false, err
	}
	t, err := s.planner.Target(ctx, name)
	if err != nil {
		return false, err
	}
	sink := &stream.Table{Name: t.Name, Table: t.Delta, Store: t.Store, TimeZone: s.planner.TimeZone(), Env: s.planner.LoadEnv()}
	w, err := batch.WriteTo(ctx, sink, rows)
	return err == nil && !w.Already, err
}
