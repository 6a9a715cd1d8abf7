// Package engine runs SQL over Arrow data. Each sub-package is one engine.
package engine

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Engine runs queries. It is safe for concurrent use.
type Engine interface {
	// Query runs one query in the engine's own dialect and streams its
	// result. Inputs are visible to it as tables. The result must be
	// released; cancelling ctx ends it with an error.
	Query(ctx context.Context, query string, inputs []Input) (array.RecordReader, error)
	// Prepare plans a query of one input, which it reads once, to be run over
	// other rows again and again. The statement is for one goroutine.
	Prepare(ctx context.Context, query string, input Input) (Statement, error)
	// InZone returns the same engine with another session time zone, an IANA
	// name or an offset such as "+02:00".
	InZone(zone string) Engine
	// Scratch returns a place where one statement keeps intermediate results,
	// which spill as the engine's own do.
	Scratch(ctx context.Context) (Scratch, error)
}

// Statement is a planned query. Close frees it, before its engine closes.
type Statement interface {
	// Query runs it over the rows of a reader, which it releases. The result
	// must be released before the next call.
	Query(ctx context.Context, open func(context.Context) (array.RecordReader, error)) (array.RecordReader, error)
	Close()
}

// Scratch runs the queries of one statement, which may read the tables that
// it has made before, and none but those. It is for one goroutine: a result
// must be released before the next call. Close drops the tables.
type Scratch interface {
	// Query is as [Engine]'s.
	Query(ctx context.Context, query string, inputs []Input) (array.RecordReader, error)
	// Create keeps the rows of a query as a table and returns their number.
	// After an error, or the end of ctx, there is no such table.
	Create(ctx context.Context, table, query string, inputs []Input) (rows int64, err error)
	// Drop removes a table before Close does.
	Drop(ctx context.Context, table string) error
	Close()
}

// Input is one relation of a query. It is scanned at most once.
type Input struct {
	Name   string // unique in the query
	Schema *arrow.Schema
	// Rows is about how many rows there are, 0 when that is not known. Of two
	// relations joined, the engine holds the smaller one.
	Rows int64
	// Open starts the scan. The engine releases the reader.
	Open func(ctx context.Context) (array.RecordReader, error)
}

// PlacedError is an error about a place in a query's text.
type PlacedError struct {
	Err    error
	Offset int // in bytes
}

// Error returns the error's text, without the place.
func (e *PlacedError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *PlacedError) Unwrap() error { return e.Err }
