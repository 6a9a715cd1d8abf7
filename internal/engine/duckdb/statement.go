//go:build duckdb_arrow

package duckdb

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/internal/engine"
)

// statement is a planned query on a connection of its own.
type statement struct {
	engine *Engine
	conn   *conn
	text   string
	stmt   bindings.PreparedStatement
	input  *scan
}

// Prepare implements [engine.Engine].
func (e *Engine) Prepare(ctx context.Context, query string, input engine.Input) (engine.Statement, error) {
	return e.prepareIn(ctx, "", query, input)
}

// Prepare implements [engine.Engine].
func (e zoned) Prepare(ctx context.Context, query string, input engine.Input) (engine.Statement, error) {
	return e.prepareIn(ctx, e.zone, query, input)
}

var errReadTwice = errors.New("prepare a query: it reads its input more than once")

func (e *Engine) prepareIn(ctx context.Context, zone, query string, input engine.Input) (engine.Statement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := e.connectIn(zone)
	if err != nil {
		return nil, err
	}
	r := e.newReader(ctx, c, query)
	r.ownsConn = true
	stmt, err := r.prepare([]engine.Input{input}, "")
	if err == nil && r.scans[0].table != "" {
		bindings.DestroyPrepare(&stmt)
		err = errReadTwice
	}
	if err != nil {
		err = r.explain(err)
		r.close()
		return nil, err
	}
	r.cancel()
	r.stopWatch()
	return &statement{engine: e, conn: c, text: r.runs, stmt: stmt, input: r.scans[0]}, nil
}

// Query implements [engine.Statement].
func (s *statement) Query(ctx context.Context, open func(context.Context) (array.RecordReader, error)) (array.RecordReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := s.engine.newReader(ctx, s.conn, s.text)
	r.kept = true
	r.scans = []*scan{s.input}
	s.input.rewind(r.ctx, open) //nolint:contextcheck // the reader's context is made of ctx
	var err error
	if r.result, err = s.conn.run(s.stmt); err != nil {
		err = r.explain(err)
		r.close()
		return nil, err
	}
	r.schema = r.result.schema
	return r, nil
}

// Close implements [engine.Statement].
func (s *statement) Close() {
	bindings.DestroyPrepare(&s.stmt)
	s.conn.close()
	s.engine.scans.remove(s.input)
}

// rewind makes a scan one of other rows.
func (s *scan) rewind(ctx context.Context, open func(context.Context) (array.RecordReader, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	s.ctx, s.input.Open = ctx, open
	s.started, s.ended, s.offset, s.err = false, false, 0, nil
	s.columns, s.schema = nil, nil
}
