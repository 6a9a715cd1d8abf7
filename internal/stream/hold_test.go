package stream_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// counter is a flow of numbers whose checkpoint is in store.
func counter(t *testing.T, store object.Store) *stream.Flow {
	t.Helper()
	f, err := flow(t.Context(), store, &numbers{there: &atomic.Int64{}, perBatch: 1}, stream.Trigger{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestHoldExcludesRuns: while a flow runs it cannot be held, and while it is
// held it cannot run.
func TestHoldExcludesRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New(nil)
		open := func() *stream.Flow { return counter(t, store) }
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- open().Run(ctx) }()
		synctest.Wait()
		var other *checkpoint.ConcurrentRunError
		if err := open().Hold(t.Context(), func(context.Context) error { return errors.New("held") }); !errors.As(err, &other) {
			t.Errorf("holding a flow that runs gave %v, want a concurrent run", err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		err := open().Hold(t.Context(), func(ctx context.Context) error {
			if err := open().Run(ctx); !errors.As(err, &other) {
				t.Errorf("running a flow that is held gave %v, want a concurrent run", err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestHoldThatWasLost: a run that another has taken over from blames that for
// what it meets, whether it has noticed before or not.
func TestHoldThatWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := mem.New(nil)
		open := func() *stream.Flow {
			f := counter(t, store)
			f.Gone = func(checkpoint.Owner) bool { return true }
			return f
		}
		broken := errors.New("a file is gone")
		err := open().Hold(t.Context(), func(ctx context.Context) error {
			synctest.Wait() // it has looked at its lease, and will again in a while
			if err := open().Hold(t.Context(), func(context.Context) error { return nil }); err != nil {
				t.Errorf("taking over: %v", err)
			}
			if ctx.Err() != nil {
				t.Error("the run has noticed already")
			}
			return broken
		})
		if _, ok := errors.AsType[*checkpoint.ConcurrentRunError](err); !ok || errors.Is(err, broken) {
			t.Errorf("the run that was overtaken ended with %v, want a concurrent run", err)
		}
		if err := open().Hold(t.Context(), func(context.Context) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("a run that was not ended with %v", err)
		}
	})
}
