package filestate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// edit does an edit to the files named and checks how many it changed.
func edit(t *testing.T, s *filestate.Store, what filestate.Edit, want int64, paths ...string) {
	t.Helper()
	n, err := s.Edit(t.Context(), what, func(e *filestate.Entry) bool { return slices.Contains(paths, e.Path) }, 50)
	if err != nil || n != want {
		t.Errorf("edit %d of %q changed %d files, %v, want %d", what, paths, n, err, want)
	}
}

func finish(t *testing.T, s *filestate.Store, b filestate.Batch, changed ...filestate.Entry) {
	t.Helper()
	if err := s.Finish(t.Context(), b, changed); err != nil {
		t.Fatal(err)
	}
}

func TestEdits(t *testing.T) {
	objects := mem.New(nil)
	newID := names()
	s := open(t, objects, filestate.Options{NewID: newID})
	discover(t, s, listing(1, "a", "b", "c", "d"), filestate.Discovery{Now: 2}, 4)
	skipped := filestate.Entry{Seq: 1, Path: "b", Size: 1, ModTime: 1, Discovered: 2, State: filestate.SkippedCorrupted, StateTime: 3, Detail: "why"}
	finish(t, s, filestate.Batch{ID: 0, End: 2}, skipped)
	// a is loaded, b skipped; c and d wait.
	edit(t, s, filestate.Retry, 0, "a", "c", "none")
	edit(t, s, filestate.Replay, 0, "b", "c")
	edit(t, s, filestate.Retry, 1, "b")
	edit(t, s, filestate.Retry, 0, "b") // it waits already
	edit(t, s, filestate.Replay, 1, "a", "b")
	edit(t, s, filestate.Forget, 1, "c")
	s = open(t, objects, filestate.Options{NewID: newID})
	if got, want := pending(t, s, s.Taken(), s.Next()), []string{"d", "b", "a"}; !slices.Equal(got, want) {
		t.Errorf("files that wait are %q, want %q", got, want)
	}
	// A file that was forgotten while it waited comes again when it is listed.
	discover(t, s, listing(1, "a", "b", "c", "d"), filestate.Discovery{Now: 60}, 1)
	finish(t, s, filestate.Batch{ID: 1, End: s.Next()})
	discover(t, s, listing(1, "a", "b", "c", "d"), filestate.Discovery{Now: 61}, 0)
	edit(t, s, filestate.ReplayAppend, 4, "a", "b", "c", "d")
	edit(t, s, filestate.Forget, 4, "a", "b", "c", "d")
	if got := pending(t, s, s.Taken(), s.Next()); len(got) > 0 {
		t.Errorf("files %q wait although all are forgotten", got)
	}
	discover(t, s, listing(1, "a"), filestate.Discovery{Now: 62}, 1)
}

// TestEditsAgainstModel edits thousands of files by patterns, and compares
// what waits with a map.
func TestEditsAgainstModel(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		objects := mem.New(nil)
		newID := names()
		s := open(t, objects, filestate.Options{NewID: newID})
		loaded, waiting := map[string]bool{}, map[string]bool{}
		var all []string
		for step := range int64(60) {
			switch rng.IntN(4) {
			case 0:
				for i := range rng.IntN(300) {
					all = append(all, fmt.Sprintf("%02d-%d-%d", rng.IntN(20), step, i))
				}
				for e := range slices.Values(all) {
					if !loaded[e] && !waiting[e] {
						waiting[e] = true
					}
				}
				if _, err := s.Discover(t.Context(), listing(step, all...), filestate.Discovery{Now: step}); err != nil {
					t.Fatal(err)
				}
			case 1:
				end := s.Taken() + int64(rng.IntN(int(s.Next()-s.Taken())+1))
				for _, p := range pending(t, s, s.Taken(), end) {
					loaded[p], waiting[p] = true, false
				}
				finish(t, s, filestate.Batch{ID: step, End: end})
			default:
				prefix := fmt.Sprintf("%02d-", rng.IntN(20))
				match := func(path string) bool { return path[:3] == prefix }
				what := []filestate.Edit{filestate.Forget, filestate.Replay}[rng.IntN(2)]
				want := int64(0)
				for _, p := range all {
					switch {
					case !match(p):
					case what == filestate.Forget && (loaded[p] || waiting[p]):
						loaded[p], waiting[p] = false, false
						want++
					case what == filestate.Replay && loaded[p]:
						loaded[p], waiting[p] = false, true
						want++
					}
				}
				n, err := s.Edit(t.Context(), what, func(e *filestate.Entry) bool { return match(e.Path) }, step)
				if err != nil || n != want {
					t.Fatalf("seed %d step %d: edit %d changed %d files, %v, want %d", seed, step, what, n, err, want)
				}
			}
			if rng.IntN(5) == 0 {
				s = open(t, objects, filestate.Options{NewID: newID})
			}
		}
		got := pending(t, s, s.Taken(), s.Next())
		want := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return !waiting[p] })
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %d files wait, want %d", seed, len(got), len(want))
		}
	}
}

// TestEditsSurviveFaults: an edit that is tried until it succeeds, over storage
// that fails and with a process that is killed, is done once.
func TestEditsSurviveFaults(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			objects := mem.New(nil)
			newID := names()
			s := open(t, objects, filestate.Options{NewID: newID})
			discover(t, s, listing(1, paths(50)...), filestate.Discovery{}, 50)
			finish(t, s, filestate.Batch{End: 40})
			var done []filestate.Edit
			faults := objecttest.Schedule{Seed: seed, Faults: 0.1, Crashes: 0.1, Store: objects}
			_, err := faults.Run(t.Context(), objecttest.Actor{Name: "edit", Restarts: 100, Run: func(ctx context.Context, objects object.Store) {
				for ctx.Err() == nil && len(done) < 2 {
					s, err := filestate.Open(ctx, objects, prefix, filestate.Options{NewID: newID})
					if err != nil {
						continue
					}
					next := []filestate.Edit{filestate.Replay, filestate.Forget}[len(done)]
					_, err = s.Edit(ctx, next, func(e *filestate.Entry) bool { return next == filestate.Replay || e.Size%2 == 1 }, 5)
					if err == nil {
						done = append(done, next)
					}
				}
			}})
			if err != nil {
				t.Error(err)
			}
			s = open(t, objects, filestate.Options{NewID: newID})
			var want []string
			for _, p := range paths(50) {
				if len(p)%2 == 0 {
					want = append(want, p)
				}
			}
			got := pending(t, s, s.Taken(), s.Next())
			slices.Sort(got)
			slices.Sort(want)
			if len(done) != 2 || !slices.Equal(got, want) {
				t.Errorf("after edits %v, %q wait, want %q", done, got, want)
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
