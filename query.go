package freshet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/internal/stream"
)

// Progress is what a batch was like, as Structured Streaming reports it. It
// marshals to that JSON.
type Progress = stream.Progress

// StreamingQuery is a stream that runs. It is safe for concurrent use.
type StreamingQuery struct {
	stop  context.CancelFunc
	ended chan struct{} // closed when err is final
	err   error
	wake  chan struct{}

	mu      sync.Mutex
	recent  []Progress
	batches int
	slept   int       // batches when it went to sleep last
	waiting []*waiter // for all that is available
}

// waiter waits for a look at the sources that began after it did and found
// nothing.
type waiter struct {
	done    chan struct{}
	looking bool // a look has begun after it
}

// recentProgress is how many progress reports a query keeps.
const recentProgress = 100

// Start runs the stream in the background until its trigger ends it, Stop is
// called, ctx is done, or a batch fails. The error is of what can be known
// before it runs; [StreamingQuery.AwaitTermination] has those that come later.
//
// Only one query runs with a checkpoint at a time; another one ends with the
// error CONCURRENT_STREAM_LOG_UPDATE.
func (s *Stream) Start(ctx context.Context, to Sink) (*StreamingQuery, error) {
	if err := to.check(); err != nil {
		return nil, err
	}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	if err := s.ws.begin(ctx); err != nil {
		return nil, err
	}
	own, err := s.ws.session.Fork(ctx)
	s.ws.end()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	q := &StreamingQuery{stop: stop, ended: make(chan struct{}), wake: make(chan struct{}, 1), slept: -1}
	flow := to.flow(text, own)
	flow.Progress, flow.Sleep = q.report, q.sleep
	go q.run(ctx, own, flow)
	return q, nil
}

func (q *StreamingQuery) run(ctx context.Context, own *session.Session, flow dataset.StreamQuery) {
	defer close(q.ended)
	defer q.stop()
	q.err = errors.Join(own.RunStream(ctx, flow), own.Close()) //nolint:contextcheck // Close waits on its own, also when ctx is done
}

func (q *StreamingQuery) report(p Progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batches++
	if q.recent = append(q.recent, p); len(q.recent) > recentProgress {
		q.recent = q.recent[1:]
	}
}

// sleep waits until the next look at the sources is due, or asked for.
func (q *StreamingQuery) sleep(ctx context.Context, d time.Duration) error {
	if q.settle() {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.wake:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// settle tells those who wait when there is nothing left, and reports whether
// some still do.
func (q *StreamingQuery) settle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	idle := q.slept == q.batches // no batch has run since
	q.slept = q.batches
	var left []*waiter
	for _, w := range q.waiting {
		if w.looking && idle {
			close(w.done)
			continue
		}
		w.looking = true
		left = append(left, w)
	}
	q.waiting = left
	return len(left) > 0
}

// ProcessAllAvailable waits until all is in the sink that was there when it was
// called. Files and rows that keep coming may keep it waiting. The error is the
// query's when it ends before.
func (q *StreamingQuery) ProcessAllAvailable(ctx context.Context) error {
	w := &waiter{done: make(chan struct{})}
	q.mu.Lock()
	q.waiting = append(q.waiting, w)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // it is told already
	}
	select {
	case <-w.done:
		return nil
	case <-q.ended:
		return q.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// AwaitTermination waits for the end of the query and returns what it ended
// with: nil when its trigger ended it or it was stopped.
func (q *StreamingQuery) AwaitTermination(ctx context.Context) error {
	select {
	case <-q.ended:
		return q.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop ends the query and waits for its end. The batch that runs is finished or
// left to the next start, never half written.
func (q *StreamingQuery) Stop() error {
	q.stop()
	<-q.ended
	return q.err
}

// Active reports whether the query runs.
func (q *StreamingQuery) Active() bool {
	select {
	case <-q.ended:
		return false
	default:
		return true
	}
}

// LastProgress returns the report of the last batch; ok is false before the
// first one.
func (q *StreamingQuery) LastProgress() (p Progress, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.recent) == 0 {
		return p, false
	}
	return q.recent[len(q.recent)-1], true
}

// RecentProgress returns the reports of the last batches, 100 at most, oldest
// first.
func (q *StreamingQuery) RecentProgress() []Progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.recent)
}
