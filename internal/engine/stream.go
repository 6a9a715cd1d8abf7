package engine

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// recordStream is a sequence of batches as a reader that the engine may call from
// threads of its own, which iter.Pull does not allow: a goroutine runs the
// sequence and hands batches over.
type recordStream struct {
	refs    atomic.Int64
	schema  *arrow.Schema
	batches chan arrow.RecordBatch
	cancel  context.CancelFunc
	err     error // of the sequence; set before batches is closed
	current arrow.RecordBatch
	ended   bool
}

var _ array.RecordReader = (*recordStream)(nil)

// NewReader starts the sequence of batches that read returns, for an [Input].
// The last Release ends it, and waits for its end.
func NewReader(ctx context.Context, layout *arrow.Schema, read func(context.Context) iter.Seq2[arrow.RecordBatch, error]) array.RecordReader {
	ctx, cancel := context.WithCancel(ctx)
	s := &recordStream{schema: layout, batches: make(chan arrow.RecordBatch), cancel: cancel}
	s.refs.Store(1)
	go s.run(ctx, read)
	return s
}

func (s *recordStream) run(ctx context.Context, read func(context.Context) iter.Seq2[arrow.RecordBatch, error]) {
	defer close(s.batches)
	for rec, err := range read(ctx) {
		if err != nil {
			s.err = err
			return
		}
		rec.Retain()
		select {
		case s.batches <- rec:
		case <-ctx.Done():
			rec.Release()
			s.err = ctx.Err()
			return
		}
	}
}

func (s *recordStream) Schema() *arrow.Schema { return s.schema }

func (s *recordStream) Next() bool {
	s.drop()
	rec, ok := <-s.batches
	s.current, s.ended = rec, !ok
	return ok
}

func (s *recordStream) drop() {
	if s.current != nil {
		s.current.Release()
		s.current = nil
	}
}

// RecordBatch returns the batch that Next has moved to.
func (s *recordStream) RecordBatch() arrow.RecordBatch { return s.current }

// Record is the older name of RecordBatch.
func (s *recordStream) Record() arrow.RecordBatch { return s.current }

// Err returns what ended the sequence early.
func (s *recordStream) Err() error {
	if !s.ended || errors.Is(s.err, context.Canceled) && s.refs.Load() == 0 {
		return nil
	}
	return s.err
}

func (s *recordStream) Retain() { s.refs.Add(1) }

// Release ends the sequence with the last reference, and waits for its end.
func (s *recordStream) Release() {
	if s.refs.Add(-1) != 0 {
		return
	}
	s.cancel()
	s.drop()
	for rec := range s.batches {
		rec.Release()
	}
}
