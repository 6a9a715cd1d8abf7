package session

import (
	"context"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/dml"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// merge runs MERGE INTO.
func (s *Session) merge(ctx context.Context, stmt *sql.Merge) (*Result, error) {
	rows, err := s.change(ctx, stmt.Target, func(env dml.Env, t dml.Target) (dml.Result, error) { return dml.Merge(ctx, env, t, stmt) })
	if err != nil {
		return nil, err
	}
	out := newTable(schema.Col("num_affected_rows", schema.Long), schema.Col("num_updated_rows", schema.Long),
		schema.Col("num_deleted_rows", schema.Long), schema.Col("num_inserted_rows", schema.Long))
	out.add(rows.Affected(), rows.Updated, rows.Deleted, rows.Inserted)
	return out.result(), nil
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
	out := newTable(schema.Col("num_affected_rows", schema.Long))
	out.add(rows.Affected())
	return out.result(), nil
}

// change runs a statement that changes rows of a table.
func (s *Session) change(ctx context.Context, name *sql.Name, run func(dml.Env, dml.Target) (dml.Result, error)) (dml.Result, error) {
	t, base, err := s.newest(ctx, name)
	if err != nil {
		return dml.Result{}, err
	}
	eng, err := s.openEngine()
	if err != nil {
		return dml.Result{}, err
	}
	env := dml.Env{
		Engine: eng.InZone(s.timeZone().String()), Printer: s.printer, Fold: s.fold(ctx), Zone: s.timeZone(),
		Bind: func(ctx context.Context, q *sql.Query) (dml.Relations, error) {
			if err := s.expandViews(ctx, q); err != nil {
				return nil, err
			}
			return s.binder(ctx, q), nil
		},
		Source:          s.plainQuery,
		IsTarget:        func(ctx context.Context, ref sql.TableRef) bool { return s.isTable(ctx, ref, t) },
		Writer:          delta.WriterConfig{MemoryLimit: s.cfg.MemoryLimit / 4, Parallelism: s.cfg.Parallelism, Clock: s.cfg.Clock, NewID: s.cfg.NewID, Evaluator: s.rules},
		SchemaEvolution: strings.EqualFold(s.settings[settingAutoMerge], "true"),
	}
	rows, err := run(env, dml.Target{Table: t.table, Storage: t.store, Base: base})
	return rows, wrap(t.name, err)
}

// plainQuery plans a query whose batches the engine can take.
func (s *Session) plainQuery(ctx context.Context, q *sql.Query) (*ingest.Relation, error) {
	rows, err := s.query(ctx, q)
	if err != nil {
		return nil, err
	}
	read, layout := rows.Read, schema.ToArrow(rows.Schema)
	rows.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return conform.PlainRows(read(ctx), layout)
	}
	return rows, nil
}

// Inputs implements [dml.Relations].
func (b *binder) Inputs() []engine.Input { return b.inputs }
