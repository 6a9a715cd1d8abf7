package stream_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream"
)

// TestStopRequested: a run that is asked to stop ends after the batch that is
// running; later runs do not begin until the request is taken back, and go on
// then where the flow is.
func TestStopRequested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, there := mem.New(nil), &atomic.Int64{}
		f, err := flow(t.Context(), store, &numbers{there: there, limit: 10, step: 10, perBatch: 4}, stream.Trigger{Kind: stream.AvailableNow})
		if err != nil {
			t.Fatal(err)
		}
		f.Progress = func(p stream.Progress) {
			if p.BatchID == 0 {
				if err := f.Checkpoint.RequestStop(t.Context()); err != nil {
					t.Error(err)
				}
			}
		}
		for range 2 {
			if err := f.Run(t.Context()); !errors.Is(err, stream.ErrStopRequested) {
				t.Fatalf("got %v, want %v", err, stream.ErrStopRequested)
			}
			if got, want := sizes(batches(t, store)), []int{4}; !slices.Equal(got, want) {
				t.Errorf("got batches of %v, want %v", got, want)
			}
		}
		if owner, held, err := f.Checkpoint.Holder(t.Context(), nil); held || err != nil {
			t.Errorf("%v holds the flow after its end, error %v", owner, err)
		}
		if err := f.Checkpoint.ClearStop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := sizes(batches(t, store)), []int{4, 4, 2}; !slices.Equal(got, want) {
			t.Errorf("got batches of %v, want %v", got, want)
		}
	})
}

// TestStopOfThePartsOfATable: what a flow is a part of stops it too, between two
// batches.
func TestStopOfThePartsOfATable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, there := mem.New(nil), &atomic.Int64{}
		whole, err := flow(t.Context(), mem.New(nil), &numbers{there: there}, stream.Trigger{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := flow(t.Context(), store, &numbers{there: there, limit: 10, step: 10, perBatch: 4}, stream.Trigger{Kind: stream.AvailableNow})
		if err != nil {
			t.Fatal(err)
		}
		f.Within = whole.Checkpoint
		f.Progress = func(stream.Progress) {
			if err := whole.Checkpoint.RequestStop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := f.Run(t.Context()); !errors.Is(err, stream.ErrStopRequested) {
			t.Errorf("got %v, want %v", err, stream.ErrStopRequested)
		}
		if got, want := sizes(batches(t, store)), []int{4}; !slices.Equal(got, want) {
			t.Errorf("got batches of %v, want %v", got, want)
		}
	})
}
