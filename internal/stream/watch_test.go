package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	fails   error
	partial error
}

func (s *told) Watch(context.Context) (func() error, error) {
	return func() error { s.stopped = true; return nil }, s.fails
}

func (s *told) Ready() <-chan struct{} { return s.ready }

func (s *told) Unwatched() error { return s.partial }

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

// TestUnwatchedSource: a source that is not told of what is new, or not of
// everything, as the machine allows no more, is asked instead, and the log says
// why, once.
func TestUnwatchedSource(t *testing.T) {
	why := errors.New("no more watches")
	for name, src := range map[string]*told{
		"at all":  {fails: fmt.Errorf("%w: %w", why, stream.ErrUnwatched)},
		"in part": {partial: why},
	} {
		t.Run(name, func(t *testing.T) { testUnwatched(t, src) })
	}
}

func testUnwatched(t *testing.T, src *told) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		there, log := &atomic.Int64{}, &bytes.Buffer{}
		src.numbers = &numbers{there: there, limit: 3, perBatch: 100}
		f, err := flow(t.Context(), mem.New(nil), src.numbers, stream.Trigger{})
		if err != nil {
			t.Fatal(err)
		}
		f.Sources, f.Logger = []stream.Source{src}, slog.New(slog.NewTextHandler(log, nil))
		batches := 0
		f.Progress = func(stream.Progress) { batches++ }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		there.Store(3)
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if batches != 1 || src.looks < 5 {
			t.Errorf("got %d batches of %d looks, want one, and to go on looking", batches, src.looks)
		}
		if strings.Count(log.String(), "no more watches") != 1 {
			t.Errorf("the log is %q, want why the source is not watched, once", log)
		}
	})
}
