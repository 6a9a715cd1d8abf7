//go:build duckdb_arrow

package duckdb

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	bindings "github.com/duckdb/duckdb-go-bindings"
)

// result is a running query. DuckDB computes it while it is read, a bounded
// buffer ahead: duckdb-go's own Arrow query holds the whole result in memory
// first, hence this one on the bindings.
type result struct {
	conn    *conn
	stmt    bindings.PreparedStatement // to be freed with the result
	pending bindings.PendingResult
	res     bindings.Result
	options bindings.ArrowOptions
	schema  *arrow.Schema
}

// prepare plans one query. The caller destroys the statement.
func (c *conn) prepare(query string) (bindings.PreparedStatement, error) {
	var stmt bindings.PreparedStatement
	if bindings.Prepare(c.c, query, &stmt) == bindings.StateError {
		err := newError(bindings.PrepareError(stmt))
		bindings.DestroyPrepare(&stmt)
		return stmt, err
	}
	return stmt, nil
}

// start runs a statement and owns it from then on.
func (c *conn) start(stmt bindings.PreparedStatement) (*result, error) {
	r, err := c.run(stmt)
	if err != nil {
		bindings.DestroyPrepare(&stmt)
		return nil, err
	}
	r.stmt = stmt
	return r, nil
}

// run runs a statement that outlives the result.
func (c *conn) run(stmt bindings.PreparedStatement) (*result, error) {
	r := &result{conn: c}
	// Deprecated without a successor: the only way to a result that streams.
	if bindings.PendingPreparedStreaming(stmt, &r.pending) == bindings.StateError {
		err := newError(bindings.PendingError(r.pending))
		r.close()
		return nil, err
	}
	if bindings.ExecutePending(r.pending, &r.res) == bindings.StateError {
		err := newError(bindings.ResultError(&r.res))
		r.close()
		return nil, err
	}
	r.options = bindings.ResultGetArrowOptions(&r.res)
	if err := r.readSchema(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *result) readSchema() error {
	n := bindings.ColumnCount(&r.res)
	names := make([]string, n)
	types := make([]bindings.LogicalType, n)
	for i := range n {
		names[i] = bindings.ColumnName(&r.res, i)
		types[i] = bindings.ColumnLogicalType(&r.res, i)
	}
	schema, ed := bindings.NewArrowSchema(r.options, types, names)
	for i := range types {
		bindings.DestroyLogicalType(&types[i])
	}
	if err := dataError("read the result's columns", ed); err != nil {
		return err
	}
	r.schema = fromEngine(schema)
	return nil
}

// next returns the next batch, which the caller releases, or nil at the end.
func (r *result) next() (arrow.RecordBatch, error) {
	chunk := bindings.FetchChunk(r.res)
	if chunk.Ptr == nil {
		if text := bindings.ResultError(&r.res); text != "" {
			return nil, newError(text)
		}
		return nil, nil
	}
	defer bindings.DestroyDataChunk(&chunk)
	batch, ed := bindings.DataChunkToArrowArray(r.options, r.schema, chunk)
	return batch, dataError("read the result's rows", ed)
}

// close ends the query, running or not.
func (r *result) close() {
	bindings.DestroyArrowOptions(&r.options)
	bindings.DestroyResult(&r.res)
	bindings.DestroyPending(&r.pending)
	bindings.DestroyPrepare(&r.stmt)
}

func dataError(doing string, ed bindings.ErrorData) error {
	defer bindings.DestroyErrorData(&ed)
	if !bindings.ErrorDataHasError(ed) {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, newError(bindings.ErrorDataMessage(ed)))
}
