package freshet_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/freshet/freshet"
)

// TestTableIsDroppedUnderAStream: the stream ends at its next batch with an
// error that says so, and nothing is made anew at the place.
func TestTableIsDroppedUnderAStream(t *testing.T) {
	h := newHouse(t)
	h.arrive("1.json", `{"id":1}`)
	q, err := h.ws.Stream(h.files("*")).Start(t.Context(), freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "t", Trigger: freshet.ProcessingTime(10 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	if err := q.ProcessAllAvailable(t.Context()); err != nil {
		t.Fatal(err)
	}
	place := func() []string {
		found, err := filepath.Glob(filepath.Join(h.root, "ws", "tables", "main", "default", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if len(place()) != 1 {
		t.Fatalf("the table is at %v", place())
	}
	if err := h.ws.Exec(t.Context(), "DROP TABLE t"); err != nil {
		t.Fatal(err)
	}
	h.arrive("2.json", `{"id":2}`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = q.AwaitTermination(ctx)
	if class, _ := freshet.ErrorClass(err); class != "DELTA_TABLE_NOT_FOUND" {
		t.Errorf("the stream ended with %v", err)
	}
	if left := place(); len(left) > 0 {
		t.Errorf("%v is left of the table", left)
	}
}
