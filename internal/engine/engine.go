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
	// InZone returns the same engine with another session time zone, an IANA
	// name or an offset such as "+02:00".
	InZone(zone string) Engine
}

// Input is one relation of a query. It is scanned at most once.
type Input struct {
	Name   string // unique in the query
	Schema *arrow.Schema
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
