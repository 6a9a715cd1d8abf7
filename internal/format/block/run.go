package block

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/freshet/freshet/internal/format"
)

// run is one call of Read.
//
// One goroutine walks the files and starts a reader for each, at most
// openAhead before their turn. Readers cut blocks and queue each twice: for
// the workers, and in their file's own queue, which deliver empties in order.
// Workers never wait for anything but work, so whatever a reader has queued
// gets done; and the budget always lets the file whose turn it is read on.
type run[H, R any] struct {
	cfg     Config
	grammar Grammar[H]
	cancel  context.CancelFunc
	budget  *budget
	buffers sync.Pool // *[]byte of cfg.Size
	streams chan *stream[H, R]
	tasks   chan *task[H, R]
	readers sync.WaitGroup
	workers sync.WaitGroup
}

// stream is one file being read.
type stream[H, R any] struct {
	file   format.File
	share  *share
	blocks chan *task[H, R] // in order, closed at the end of the file
	// ended is done when nobody wants the rest of the file.
	ended context.Context // the file's life, shared by its reader and deliver
	end   context.CancelFunc
	// Set before the first block is queued, or blocks is closed.
	headLines int64
	err       error // why blocks ended early
}

// task is one block on its way. Its result is set when done is closed.
type task[H, R any] struct {
	block  Block[H]
	buffer []byte // that holds block.Data
	cost   int    // of buffer in the budget
	size   int64  // of block.Data
	stored int64  // bytes of the file read for it
	done   chan struct{}
	result R
	lines  int64
	err    error
}

func (r *run[H, R]) start(ctx context.Context, files iter.Seq[format.File], newParser func() Parser[H, R]) {
	ctx, r.cancel = context.WithCancel(ctx) //nolint:gosec // stop calls it
	r.budget = newBudget(r.cfg.Memory)
	r.streams = make(chan *stream[H, R], openAhead)
	r.tasks = make(chan *task[H, R])
	for range r.cfg.Workers {
		parser := newParser()
		r.workers.Go(func() { r.work(ctx, parser) })
	}
	r.readers.Go(func() { r.open(ctx, files) })
}

// stop ends everything and waits for it.
func (r *run[H, R]) stop() {
	r.cancel()
	r.readers.Wait()
	close(r.tasks)
	r.workers.Wait()
}

func (r *run[H, R]) open(ctx context.Context, files iter.Seq[format.File]) {
	defer close(r.streams)
	for file := range files {
		s := r.newStream(ctx, file)
		select {
		case r.streams <- s:
		case <-ctx.Done():
			s.end()
			return
		}
		r.readers.Go(func() {
			defer close(s.blocks)
			s.err = r.read(s)
		})
	}
}

func (r *run[H, R]) newStream(ctx context.Context, file format.File) *stream[H, R] {
	s := &stream[H, R]{file: file, share: r.budget.share(), blocks: make(chan *task[H, R], r.cfg.Memory/r.cfg.Size+1)}
	s.ended, s.end = context.WithCancel(ctx) //nolint:gosec // deliver and open call it
	return s
}

func (r *run[H, R]) work(ctx context.Context, parser Parser[H, R]) {
	for t := range r.tasks {
		if t.err = ctx.Err(); t.err == nil {
			t.result, t.lines, t.err = parser.Parse(ctx, t.block)
		}
		r.recycle(t.buffer)
		t.buffer, t.block.Data = nil, nil
		close(t.done)
	}
}

// deliver yields what workers made, in order, until yield stops it or an
// error does that is not of one file.
func (r *run[H, R]) deliver(ctx context.Context, yield func(Output[H, R], error) bool) {
	for s := range r.streams {
		s.share.lead()
		ok := r.deliverFile(ctx, s, yield)
		s.end()
		if !ok {
			return
		}
	}
	if err := ctx.Err(); err != nil {
		yield(Output[H, R]{}, err)
	}
}

// deliverFile yields the results of one file and reports whether to go on.
func (r *run[H, R]) deliverFile(ctx context.Context, s *stream[H, R], yield func(Output[H, R], error) bool) bool {
	index, line, ended := int64(0), int64(1), false
	for t := range s.blocks {
		<-t.done
		if index == 0 {
			line += s.headLines
		}
		skip := errors.Is(t.err, ErrSkipFile)
		if !ended && t.err != nil && !skip {
			ended = true
			s.end()
			if !r.fail(ctx, t.err, line, yield) {
				return false
			}
		}
		out := Output[H, R]{Value: t.result, File: &s.file, Head: t.block.Head, Index: index, Line: line, Size: t.size, Bytes: t.stored}
		if !ended && !yield(out, nil) {
			return false
		}
		if skip {
			ended = true
			s.end()
		}
		s.share.give(t.cost)
		index++
		line += t.lines
	}
	if ended || s.err == nil {
		return true
	}
	if errors.Is(s.err, errTooLong) {
		if index == 0 {
			line += s.headLines
		}
		s.err = tooLong(&s.file, line, r.cfg.MaxRecord)
	}
	return r.fail(ctx, s.err, line, yield)
}

// fail yields err and reports whether to go on with the next file.
func (r *run[H, R]) fail(ctx context.Context, err error, line int64, yield func(Output[H, R], error) bool) bool {
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	var record *format.RecordError
	if errors.As(err, &record) && record.Line > 0 {
		record.Line += line - 1
	}
	var file *format.FileError
	return yield(Output[H, R]{}, err) && errors.As(err, &file)
}
