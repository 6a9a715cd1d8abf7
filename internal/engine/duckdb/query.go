//go:build duckdb_arrow

package duckdb

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/internal/engine"
)

// Query implements [engine.Engine]. Result columns have types that
// schema.FromArrow knows; see [resultType] for those that change. An input is
// opened when DuckDB first pulls from it, perhaps never; one that the plan
// reads twice is copied to a temporary table before.
func (e *Engine) Query(ctx context.Context, query string, inputs []engine.Input) (array.RecordReader, error) {
	return e.run(ctx, "", query, inputs)
}

// zoned is an engine with a session time zone of its own.
type zoned struct {
	*Engine
	zone string
}

// InZone implements [engine.Engine].
func (e *Engine) InZone(zone string) engine.Engine { return zoned{e, zone} }

// Query implements [engine.Engine].
func (e zoned) Query(ctx context.Context, query string, inputs []engine.Input) (array.RecordReader, error) {
	return e.run(ctx, e.zone, query, inputs)
}

// run starts a query in a session time zone, or in the engine's for "".
func (e *Engine) run(ctx context.Context, zone, query string, inputs []engine.Input) (array.RecordReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := e.connectIn(zone)
	if err != nil {
		return nil, err
	}
	r := e.newReader(ctx, c, query)
	r.ownsConn = true
	if err := r.start(inputs); err != nil {
		err = r.explain(err)
		r.close()
		return nil, err
	}
	return r, nil
}

// connectIn connects in a session time zone, or in the engine's for "".
func (e *Engine) connectIn(zone string) (*conn, error) {
	c, err := e.connect()
	if err != nil || zone == "" {
		return c, err
	}
	if zone[0] == '+' || zone[0] == '-' {
		zone = "UTC" + zone // DuckDB's name of an offset
	}
	if err := c.exec("SET SESSION TimeZone = " + quoteString(zone)); err != nil {
		c.close()
		return nil, fmt.Errorf("set time zone: %w", err)
	}
	return c, nil
}

// newReader returns the reader of a query that has not been started.
func (e *Engine) newReader(ctx context.Context, c *conn, query string) *reader {
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{ctx: ctx, cancel: cancel, all: e.scans, conn: c, query: strings.TrimRight(query, "; \t\r\n")}
	r.runs = r.query
	r.refs.Store(1)
	r.stopWatch = interruptOnDone(ctx, c)
	return r
}

// reader is the result of one query and owns all it needs.
type reader struct {
	ctx       context.Context // ends with the reader, not with a call
	cancel    context.CancelFunc
	stopWatch func()
	all       *scans
	conn      *conn
	ownsConn  bool // to close with the reader
	kept      bool // the connection and the scans belong to a statement
	query     string
	runs      string // the query as it is run, see [normalised]
	scans     []*scan
	result    *result
	schema    *arrow.Schema

	refs  atomic.Int64
	batch arrow.RecordBatch
	err   error
	done  bool
}

func (r *reader) start(inputs []engine.Input) error {
	stmt, err := r.prepare(inputs, "")
	if err != nil {
		return err
	}
	if r.result, err = r.conn.start(stmt); err != nil {
		return err
	}
	r.schema = r.result.schema
	return nil
}

// prepare plans the query over its inputs, with what is to stand before it.
// The caller destroys the statement.
func (r *reader) prepare(inputs []engine.Input, before string) (bindings.PreparedStatement, error) {
	var stmt bindings.PreparedStatement
	for _, in := range inputs {
		s, err := r.all.add(r.ctx, r.conn, in)
		if s != nil {
			r.scans = append(r.scans, s)
		}
		if err != nil {
			return stmt, err
		}
	}
	stmt, err := r.conn.prepare(r.query)
	if err != nil {
		return stmt, err
	}
	if err := refuseIntervals(stmt); err != nil {
		bindings.DestroyPrepare(&stmt)
		return stmt, err
	}
	query, changed := normalised(stmt, r.query)
	spooled, err := r.spool()
	if err == nil && !changed && !spooled && before == "" {
		return stmt, nil
	}
	bindings.DestroyPrepare(&stmt)
	if err != nil {
		return stmt, err
	}
	r.runs = before + query
	return r.conn.prepare(r.runs)
}

// recursive finds the queries that may run a part of theirs again and again.
var recursive = regexp.MustCompile(`(?i)\brecursive\b`)

// spool copies the inputs that the planned query reads in more than one place,
// or again and again in a recursion.
func (r *reader) spool() (bool, error) {
	again := recursive.MatchString(r.query)
	spooled := false
	for _, s := range r.scans {
		if s.uses == 0 || s.uses == 1 && !again {
			continue
		}
		if err := s.spool(r.conn); err != nil {
			return false, err
		}
		spooled = true
	}
	return spooled, nil
}

// explain returns what is behind an error of DuckDB's: the end of the context
// or an input's failure, of which DuckDB only knows the text.
func (r *reader) explain(err error) error {
	if err == nil {
		return nil
	}
	for _, s := range r.scans {
		if cause := s.failure(); cause != nil && r.ctx.Err() == nil {
			return fmt.Errorf("read input %s: %w", s.input.Name, cause)
		}
	}
	if cause := context.Cause(r.ctx); cause != nil {
		return cause
	}
	return place(err, r.query, r.runs)
}

// close ends the query and frees all of it.
func (r *reader) close() {
	r.done = true
	r.cancel()
	if r.result != nil {
		r.result.close()
		r.result = nil
	}
	r.stopWatch()
	if r.kept {
		return
	}
	for _, s := range r.scans {
		if !r.ownsConn {
			_ = s.forget(r.conn) // its name may be taken again, and Close drops all
		}
	}
	if r.ownsConn {
		r.conn.close()
	}
	for _, s := range r.scans {
		r.all.remove(s)
	}
	r.scans = nil
}

// Retain implements [array.RecordReader].
func (r *reader) Retain() { r.refs.Add(1) }

// Release implements [array.RecordReader]. The last one ends the query.
func (r *reader) Release() {
	if r.refs.Add(-1) != 0 {
		return
	}
	r.drop()
	r.close()
}

// Schema implements [array.RecordReader].
func (r *reader) Schema() *arrow.Schema { return r.schema }

// Next implements [array.RecordReader].
func (r *reader) Next() bool {
	r.drop()
	if r.done {
		return false
	}
	batch, err := r.result.next()
	if err == nil && r.ctx.Err() != nil {
		err = r.ctx.Err()
	}
	if err != nil {
		if batch != nil {
			batch.Release()
		}
		r.done, r.err = true, r.explain(err)
		return false
	}
	r.batch, r.done = batch, batch == nil
	return batch != nil
}

func (r *reader) drop() {
	if r.batch != nil {
		r.batch.Release()
		r.batch = nil
	}
}

// RecordBatch implements [array.RecordReader].
func (r *reader) RecordBatch() arrow.RecordBatch { return r.batch }

// Record implements [array.RecordReader].
func (r *reader) Record() arrow.RecordBatch { return r.batch }

// Err implements [array.RecordReader].
func (r *reader) Err() error { return r.err }

// interruptEvery is how often a cancelled connection is told again: DuckDB
// forgets an interrupt that arrives just before a query begins.
const interruptEvery = 20 * time.Millisecond

// interruptOnDone interrupts what runs on c from the end of ctx until the
// returned function is called, which waits.
func interruptOnDone(ctx context.Context, c *conn) (stop func()) {
	stopped := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-stopped:
			return
		case <-ctx.Done():
		}
		tick := time.NewTicker(interruptEvery)
		defer tick.Stop()
		for {
			bindings.Interrupt(c.c)
			select {
			case <-stopped:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(stopped)
		wg.Wait()
	}
}
