package loaded_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
)

// sweep deletes what is unused and returns the keys.
func sweep(t *testing.T, store object.Store, newest int64, earlier []int64, before time.Time) []string {
	t.Helper()
	var gone []string
	for info, err := range loaded.Unused(t.Context(), store, newest, earlier, before) {
		if err != nil {
			t.Fatal(err)
		}
		gone = append(gone, info.Name())
		if err := store.Delete(t.Context(), info.Name()); err != nil {
			t.Fatal(err)
		}
	}
	return gone
}

func TestUnused(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	store, newID := mem.New(func() time.Time { return now }), ids()
	first := with(t, open(t, store, 0), newID, "a")
	second := with(t, first, newID, "b")
	lost := with(t, second, newID, "lost")
	now = now.Add(time.Hour)
	running := with(t, second, newID, "c")
	before := now

	if got := sweep(t, store, second.ID(), []int64{first.ID(), second.ID()}, before); !slices.Equal(got, []string{
		fmt.Sprintf("_copy_into_log/%020d.json", lost.ID()), "_copy_into_log/id-3.paths",
	}) {
		t.Errorf("with both versions of use: %v", got)
	}
	if got := sweep(t, store, second.ID(), nil, before); !slices.Equal(got, []string{fmt.Sprintf("_copy_into_log/%020d.json", first.ID())}) {
		t.Errorf("with the second one of use: %v", got)
	}
	if got := sweep(t, store, second.ID(), []int64{first.ID()}, before); got != nil {
		t.Errorf("an earlier version that is gone: %v", got)
	}
	for _, r := range []*loaded.Record{second, running} {
		if got := contains(t, open(t, store, r.ID()), "a", "b"); !slices.Equal(got, []bool{true, true}) {
			t.Errorf("record %d holds %v", r.ID(), got)
		}
	}
	now = now.Add(time.Hour)
	if got := sweep(t, store, 0, nil, now); len(got) != 5 {
		t.Errorf("of a table that was replaced: %v, want all of it", got)
	}
	for _, err := range loaded.Unused(t.Context(), store, second.ID(), nil, now) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the newest record is gone: %v", err)
		}
	}
}

// TestUnusedLeavesWhatIsOfUse runs random histories of loads, some of which
// never commit, and sweeps, against a model of what each version holds.
func TestUnusedLeavesWhatIsOfUse(t *testing.T) {
	const retention = 10 * time.Hour
	type version struct {
		id       int64
		paths    []string
		replaced time.Time // by the next one
	}
	deleted := 0
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		now := time.Unix(1_700_000_000, 0)
		store, newID := mem.New(func() time.Time { return now }), ids()
		versions := []version{{}}
		for step := range 60 {
			now = now.Add(time.Duration(random.IntN(120)) * time.Minute)
			last := &versions[len(versions)-1]
			path := fmt.Sprintf("%03d", step)
			next := with(t, open(t, store, last.id), newID, path)
			if random.IntN(4) > 0 {
				last.replaced = now
				versions = append(versions, version{id: next.ID(), paths: append(slices.Clone(last.paths), path)})
			}
			before := now.Add(-retention)
			var earlier []int64
			for _, v := range versions[:len(versions)-1] {
				if v.replaced.After(before) {
					earlier = append(earlier, v.id)
				}
			}
			newest := versions[len(versions)-1]
			if step%3 == 0 {
				deleted += len(sweep(t, store, newest.id, earlier, before))
			}
			for _, v := range versions {
				if v.id != newest.id && !slices.Contains(earlier, v.id) {
					continue
				}
				if d := cmp.Diff(slices.Repeat([]bool{true}, len(v.paths)), contains(t, open(t, store, v.id), v.paths...)); len(v.paths) > 0 && d != "" {
					t.Fatalf("seed %d, step %d: record %d has lost paths:\n%s", seed, step, v.id, d)
				}
			}
		}
	}
	if deleted == 0 {
		t.Error("nothing was ever deleted")
	}
}
