package state_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream/state"
)

// TestOvertaken: a run that slept while it ran a batch, and finds something else
// in it than its successor, changes nothing of what that has kept, in whichever
// order they come to their ends, and goes on with the same.
func TestOvertaken(t *testing.T) {
	run := func(s *state.Store, version int64, name string, asleep func()) error {
		ctx := t.Context()
		rows := func() iter.Seq2[arrow.RecordBatch, error] {
			return func(yield func(arrow.RecordBatch, error) bool) {
				asleep()
				rowsOf(t, fmt.Sprintf("%s=%d", name, version), fmt.Sprintf("both=%d", version))(yield)
			}
		}
		brings, err := s.WriteRows(ctx, version, s.Columns(), rowsOf(t, fmt.Sprintf("%s=%d", name, version)))
		if err != nil {
			return err
		}
		return s.Write(ctx, state.Change{Version: version, Over: math.MinInt64, Rows: rows(), Info: info(`"` + name + `"`), Brings: brings})
	}
	nothing := func() {}
	for name, c := range map[string]struct {
		ahead int64 // by how many versions the successor gets ahead
		want  []string
	}{
		"in the same batch":    {1, []string{"both=10", "new=10", "old=9"}},
		"a batch later":        {2, []string{"both=11", "new=11", "old=9"}},
		"when all were merged": {12, []string{"both=21", "new=21", "old=9"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, disk := t.Context(), mem.New(time.Now)
			sleeper := open(t, disk, "q", true)
			for v := range int64(10) {
				if err := run(sleeper, v, "old", nothing); err != nil {
					t.Fatal(err)
				}
			}
			successor := open(t, disk, "q", false)
			if err := run(sleeper, 10, "old", func() {
				for v := 10; int64(v) < 10+c.ahead; v++ {
					if err := run(successor, int64(v), "new", nothing); err != nil {
						t.Fatal(err)
					}
					if err := successor.Merge(ctx, int64(v)); err != nil {
						t.Fatal(err)
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
			for who, s := range map[string]*state.Store{"the sleeper": sleeper, "the successor": successor, "the next one": open(t, disk, "q", false)} {
				var kept string
				if _, err := s.Info(ctx, 10, &kept); err != nil || kept != "new" {
					t.Errorf("%s has %s of the batch (%v), want that of the successor", who, kept, err)
				}
				if got, err := texts(s.Delta(ctx, 10)); err != nil || !slices.Equal(got, []string{"both=10", "new=10"}) {
					t.Errorf("%s has a delta of %q (%v)", who, got, err)
				}
				if got, err := brought(ctx, s, 10); err != nil || !slices.Equal(got, []string{"new=10"}) {
					t.Errorf("%s brings %q (%v)", who, got, err)
				}
				if got, err := all(t, s, 9+c.ahead); err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%s has %q in the end (%v), want %q", who, got, err, c.want)
				}
			}
		})
	}
}

// brought returns what a version brings.
func brought(ctx context.Context, s *state.Store, version int64) ([]string, error) {
	_, read, err := s.Rows(ctx, version)
	if err != nil {
		return nil, err
	}
	return texts(read(ctx))
}

// TestPurgeLeavesNothing: files that no delta came to list are purged with
// their version, as are merged ones.
func TestPurgeLeavesNothing(t *testing.T) {
	ctx, disk := t.Context(), mem.New(time.Now)
	s := open(t, disk, "q", true)
	for v := range int64(30) {
		if _, err := s.WriteRows(ctx, v, s.Columns(), rowsOf(t, "dead=1")); err != nil {
			t.Fatal(err)
		}
		broken := state.Change{Version: v, Over: math.MinInt64, Rows: rowsOf(t, "dead=1"), Info: func() (json.RawMessage, error) { return nil, context.Canceled }}
		if err := s.Write(ctx, broken); err == nil {
			t.Fatal("it was written")
		}
		if err := s.Write(ctx, state.Change{Version: v, Over: math.MinInt64, Rows: rowsOf(t, "k=1"), Info: info("{}")}); err != nil {
			t.Fatal(err)
		}
		if err := s.Merge(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Purge(ctx, 29); err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, err := range object.Store(disk).List(ctx, "state/0/0/", "") {
		if err != nil {
			t.Fatal(err)
		}
		left++
	}
	if left > 16 {
		t.Errorf("%d files are left of a row", left)
	}
}
