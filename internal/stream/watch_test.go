package stream_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream"
)

// told is numbers that say when there are more.
type told struct {
	*numbers

	ready   chan struct{}
	looks   int
	stopped bool
}

func (s *told) Watch(context.Context) (func() error, error) {
	return func() error { s.stopped = true; return nil }, nil
}

func (s *told) Ready() <-chan struct{} { return s.ready }

func (s *told) Discover(ctx context.Context) error {
	s.looks++
	return s.numbers.Discover(ctx)
}

// TestIdleFlowIsWoken at once when its source tells of something new, and
// does next to nothing until then.
func TestIdleFlowIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there := &atomic.Int64{}
		src := &told{numbers: &numbers{there: there, limit: 3, perBatch: 100}, ready: make(chan struct{})}
		f, err := flow(t.Context(), mem.New(nil), src.numbers, stream.Trigger{})
		if err != nil {
			t.Fatal(err)
		}
		f.Sources = []stream.Source{src}
		var at []time.Duration
		start := time.Now()
		f.Progress = func(p stream.Progress) { at = append(at, p.Timestamp.Sub(start)) }
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		go func() {
			<-time.After(10*time.Minute + 30*time.Second)
			there.Store(3)
			src.ready <- struct{}{}
		}()
		if err := f.Run(ctx); err != nil {
			t.Errorf("a run that was stopped: %v", err)
		}
		if want := []time.Duration{10*time.Minute + 30*time.Second}; !slices.Equal(at, want) {
			t.Errorf("batches ran at %v, want %v", at, want)
		}
		if src.looks > 70 {
			t.Errorf("the source was asked %d times in an hour, want once a minute", src.looks)
		}
		if !src.stopped {
			t.Error("the source still watches")
		}
	})
}
