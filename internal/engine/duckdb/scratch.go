//go:build duckdb_arrow

package duckdb

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/internal/engine"
)

// scratch is a connection of its own, whose temporary tables end with it.
type scratch struct {
	engine *Engine
	conn   *conn
}

// Scratch implements [engine.Engine].
func (e *Engine) Scratch(ctx context.Context) (engine.Scratch, error) { return e.scratchIn(ctx, "") }

// Scratch implements [engine.Engine].
func (e zoned) Scratch(ctx context.Context) (engine.Scratch, error) { return e.scratchIn(ctx, e.zone) }

func (e *Engine) scratchIn(ctx context.Context, zone string) (engine.Scratch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := e.connectIn(zone)
	if err != nil {
		return nil, err
	}
	return &scratch{engine: e, conn: c}, nil
}

// Query implements [engine.Scratch].
func (s *scratch) Query(ctx context.Context, query string, inputs []engine.Input) (array.RecordReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := s.engine.newReader(ctx, s.conn, query)
	if err := r.start(inputs); err != nil {
		err = r.explain(err)
		r.close()
		return nil, err
	}
	return r, nil
}

// Create implements [engine.Scratch].
func (s *scratch) Create(ctx context.Context, table, query string, inputs []engine.Input) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := s.create(ctx, table, query, inputs); err != nil {
		return 0, err
	}
	return s.count(ctx, table)
}

func (s *scratch) create(ctx context.Context, table, query string, inputs []engine.Input) error {
	r := s.engine.newReader(ctx, s.conn, query)
	defer r.close()
	stmt, err := r.prepare(inputs, "CREATE TEMP TABLE "+quoteIdent(table)+" AS ")
	if err != nil {
		return r.explain(err)
	}
	defer bindings.DestroyPrepare(&stmt)
	var res bindings.Result
	defer bindings.DestroyResult(&res)
	if bindings.ExecutePrepared(stmt, &res) == bindings.StateError {
		return r.explain(newError(bindings.ResultError(&res)))
	}
	return nil
}

func (s *scratch) count(ctx context.Context, table string) (int64, error) {
	r, err := s.Query(ctx, "SELECT count(*) FROM temp."+quoteIdent(table), nil)
	if err != nil {
		return 0, err
	}
	defer r.Release()
	if !r.Next() {
		return 0, r.Err()
	}
	n, _ := r.RecordBatch().Column(0).(*array.Int64)
	return n.Value(0), nil
}

// Drop implements [engine.Scratch].
func (s *scratch) Drop(ctx context.Context, table string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.conn.exec("DROP TABLE IF EXISTS temp." + quoteIdent(table))
}

// Close implements [engine.Scratch].
func (s *scratch) Close() { s.conn.close() }
