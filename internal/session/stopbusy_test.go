package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/local"
)

// TestStateOfABusyFlow: a refresh that is turned away, because another one is
// at work, is no failure of the flow.
func TestStateOfABusyFlow(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(bronze)
	w.file("2.json", `{"id":2}`)
	other := *w
	other.open()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var turnedAway error
	w.through(&interrupting{Store: local.New("/"), then: func() {
		_, turnedAway = other.try("REFRESH TABLE bronze")
		cancel()
	}})
	if _, err := w.tryContext(ctx, "REFRESH TABLE bronze"); !errors.Is(err, context.Canceled) {
		t.Errorf("the refresh that was there first: %v, want that it was interrupted", err)
	}
	if of, ok := errors.AsType[errclass.Classified](turnedAway); !ok || of.ErrorClass() != "CONCURRENT_STREAM_LOG_UPDATE" {
		t.Errorf("the other refresh: %v", turnedAway)
	}
	flows, err := other.s.Datasets().Flows(t.Context())
	if err != nil || len(flows) != 1 || flows[0].State != "IDLE" || flows[0].Error != "" {
		t.Errorf("got flows %+v, %v, want one that is idle", flows, err)
	}
}

// TestStopOfFlows: the flows of a table without a query stop too when the table
// is asked to, between two batches, and go on with the next refresh.
func TestStopOfFlows(t *testing.T) {
	t.Parallel()
	for _, f := range feeds() {
		if f.name != "flow" && f.name != "AUTO CDC" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			f.arrive(w, 0, 1)
			w.rows(f.make)
			f.arrive(w, 1, 4)
			other := *w
			other.open()
			w.through(&interrupting{Store: local.New("/"), then: func() {
				if err := other.s.Datasets().StopFlow(t.Context(), "t"); err != nil {
					t.Error(err)
				}
			}})
			if _, err := f.refresh(w); err != nil {
				t.Fatal(err)
			}
			f.holds(w, 1)
			if _, err := f.refresh(w); err != nil {
				t.Fatal(err)
			}
			f.holds(w, 4)
		})
	}
}
