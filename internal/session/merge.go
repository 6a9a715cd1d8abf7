package session

import (
	"context"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/dml"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/setting"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// merge runs MERGE INTO.
func (s *Session) merge(ctx context.Context, stmt *sql.Merge) (*Result, error) {
	rows, err := s.change(ctx, stmt.Target, func(env dml.Env, t dml.Target) (dml.Result, error) { return dml.Merge(ctx, env, t, stmt) })
	if err != nil {
		return nil, err
	}
	out := rowset.New(schema.Col("num_affected_rows", schema.Long), schema.Col("num_updated_rows", schema.Long),
		schema.Col("num_deleted_rows", schema.Long), schema.Col("num_inserted_rows", schema.Long))
	out.Add(rows.Affected(), rows.Updated, rows.Deleted, rows.Inserted)
	return resultOf(out), nil
}

// update runs UPDATE.
func (s *Session) update(ctx context.Context, stmt *sql.Update) (*Result, error) {
	return s.changeRows(ctx, stmt.Table, func(env dml.Env, t dml.Target) (dml.Result, error) { return dml.Update(ctx, env, t, stmt) })
}

// deleteRows runs DELETE.
func (s *Session) deleteRows(ctx context.Context, stmt *sql.Delete) (*Result, error) {
	return s.changeRows(ctx, stmt.Table, func(env dml.Env, t dml.Target) (dml.Result, error) { return dml.Delete(ctx, env, t, stmt) })
}

func (s *Session) changeRows(ctx context.Context, name *sql.Name, run func(dml.Env, dml.Target) (dml.Result, error)) (*Result, error) {
	rows, err := s.change(ctx, name, run)
	if err != nil {
		return nil, err
	}
	out := rowset.New(schema.Col("num_affected_rows", schema.Long))
	out.Add(rows.Affected())
	return resultOf(out), nil
}

// change runs a statement that changes rows of a table.
func (s *Session) change(ctx context.Context, name *sql.Name, run func(dml.Env, dml.Target) (dml.Result, error)) (dml.Result, error) {
	t, base, err := s.planner.Newest(ctx, name)
	if err != nil {
		return dml.Result{}, err
	}
	eng, err := s.planner.Engine()
	if err != nil {
		return dml.Result{}, err
	}
	env := dml.Env{
		Engine: eng.InZone(s.planner.TimeZone().String()), Printer: s.planner.Printer, Fold: s.planner.Fold(ctx), Zone: s.planner.TimeZone(),
		Bind: func(ctx context.Context, q *sql.Query) (dml.Relations, error) {
			return s.planner.Bind(ctx, q)
		},
		Source:          s.planner.PlainQuery,
		IsTarget:        func(ctx context.Context, ref sql.TableRef) bool { return s.planner.IsTable(ctx, ref, t) },
		Writer:          delta.WriterConfig{MemoryLimit: s.ws.MemoryLimit / 4, Parallelism: s.ws.Parallelism, Clock: s.ws.Clock, NewID: s.ws.NewID, Evaluator: s.planner.Rules},
		SchemaEvolution: s.planner.Settings.Is(setting.AutoMerge),
	}
	rows, err := run(env, dml.Target{Table: t.Delta, Storage: t.Store, Base: base})
	return rows, workspace.Wrap(t.Name, err)
}
