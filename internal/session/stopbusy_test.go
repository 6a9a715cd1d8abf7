package session_test

import (
	"testing"

	"github.com/freshet/freshet/internal/object/local"
)

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
