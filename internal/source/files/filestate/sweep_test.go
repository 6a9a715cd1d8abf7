package filestate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// TestExpiryKeepsItsRule: whatever is listed, taken, swept and reopened when,
// a file that stays is loaded again only when maxFileAge has passed since it
// was discovered, and not before a batch has taken it.
func TestExpiryKeepsItsRule(t *testing.T) {
	const maxAge = 100
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		objects, ids := mem.New(nil), names()
		opts := filestate.Options{NewID: ids, MaxAge: maxAge}
		s := open(t, objects, opts)
		discovered, seq := map[string]int64{}, map[string]int64{}
		again, now := 0, int64(1)
		for range 300 {
			now += rng.Int64N(15)
			switch rng.IntN(8) {
			case 0:
				if end := s.Taken() + rng.Int64N(s.Next()-s.Taken()+1); end > s.Taken() {
					if err := s.Finish(t.Context(), filestate.Batch{End: end, Committed: now}, nil); err != nil {
						t.Fatal(err)
					}
				}
			case 1:
				if err := s.Sweep(t.Context(), time.UnixMicro(now)); err != nil {
					t.Fatal(err)
				}
			case 2:
				s = open(t, objects, opts)
			default:
				var paths []string
				for i := range 20 {
					if int64(i) < now {
						paths = append(paths, fmt.Sprintf("f%02d", i))
					}
				}
				taken, from := s.Taken(), s.Next()
				if _, err := s.Discover(t.Context(), listing(0, paths...), filestate.Discovery{Now: now}); err != nil {
					t.Fatal(err)
				}
				for e, err := range s.Pending(t.Context(), from, s.Next()) {
					if err != nil {
						t.Fatal(err)
					}
					if at, known := discovered[e.Path]; known {
						again++
						if now-at <= maxAge || seq[e.Path] >= taken {
							t.Fatalf("seed %d: %s was discovered at %d as %d and again at %d, when %d were taken", seed, e.Path, at, seq[e.Path], now, taken)
						}
					}
					discovered[e.Path], seq[e.Path] = now, e.Seq
				}
			}
		}
		if again == 0 {
			t.Errorf("seed %d: no file expired: the test shows nothing", seed)
		}
	}
}

// held is a store that does something else before it writes a manifest.
type held struct {
	object.Store
	meanwhile func()
}

func (h *held) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	if meanwhile := h.meanwhile; meanwhile != nil {
		h.meanwhile = nil
		meanwhile()
	}
	return h.Store.PutIfAbsent(ctx, key, data)
}

// TestSweptWhileWriting: a run that slept before it published what it had
// written cannot publish it once that was swept as nobody's, nor is it swept
// by a run that has not seen it published.
func TestSweptWhileWriting(t *testing.T) {
	later := time.Now().Add(2 * time.Hour)
	for _, sweeps := range []string{"before it publishes", "after it has published"} {
		t.Run(sweeps, func(t *testing.T) {
			objects := &held{Store: mem.New(nil)}
			opts := filestate.Options{NewID: names()}
			slow := open(t, objects, opts)
			discover(t, slow, listing(0, "a"), filestate.Discovery{Now: 1}, 1)
			next := open(t, objects, opts)
			var swept error
			if sweeps == "before it publishes" {
				objects.meanwhile = func() { swept = next.Sweep(t.Context(), later) }
			}
			_, published := slow.Discover(t.Context(), listing(0, "a", "b"), filestate.Discovery{Now: 2})
			if sweeps == "after it has published" {
				swept = next.Sweep(t.Context(), later)
			}
			if (swept == nil) == (published == nil) {
				t.Errorf("swept: %v, published: %v; want one of them", swept, published)
			}
			after := open(t, objects, opts)
			for _, err := range after.Pending(t.Context(), 0, after.Next()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			discover(t, after, listing(0, "a", "c"), filestate.Discovery{Now: 3}, 1)
		})
	}
}

// TestSweepForgetsFiles that are long past their age, and only those.
func TestSweepForgetsFiles(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{MaxAge: 100})
	discover(t, s, listing(0, "old"), filestate.Discovery{Now: 10}, 1)
	discover(t, s, listing(0, "waits"), filestate.Discovery{Now: 11}, 1)
	discover(t, s, listing(0, "young"), filestate.Discovery{Now: 100}, 1)
	if err := s.Finish(t.Context(), filestate.Batch{End: 1}, nil); err != nil {
		t.Fatal(err)
	}
	known := func() (paths []string) {
		for e, err := range s.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, e.Path)
		}
		return paths
	}
	for _, c := range []struct {
		now  int64
		want []string
	}{{120, []string{"old", "waits", "young"}}, {136, []string{"waits", "young"}}} {
		if err := s.Sweep(t.Context(), time.UnixMicro(c.now)); err != nil {
			t.Fatal(err)
		}
		if got := known(); !slices.Equal(got, c.want) {
			t.Errorf("at %d: %q are known, want %q", c.now, got, c.want)
		}
	}
}

// TestSweepDeletesOrphans once nobody can be reading them.
func TestSweepDeletesOrphans(t *testing.T) {
	now := time.Unix(1000, 0)
	objects := mem.New(func() time.Time { return now })
	s := open(t, objects, filestate.Options{})
	discover(t, s, listing(0, "a"), filestate.Discovery{}, 1)
	if err := objects.Put(t.Context(), prefix+"segments/orphan", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{time.Minute, 3}, {2 * time.Hour, 2}} {
		if err := s.Sweep(t.Context(), now.Add(c.after)); err != nil {
			t.Fatal(err)
		}
		if got := count(t.Context(), t, objects); got != c.want {
			t.Errorf("after %v: %d segments, want %d", c.after, got, c.want)
		}
	}
	if got := pending(t, s, 0, 1); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %q, want what the state holds", got)
	}
}

func count(ctx context.Context, t *testing.T, objects object.Store) (n int) {
	t.Helper()
	for _, err := range objects.List(ctx, prefix+"segments/", "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestOutstanding(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{})
	discover(t, s, listing(0, "a", "bb", "ccc"), filestate.Discovery{}, 3)
	discover(t, s, listing(0, "dddd"), filestate.Discovery{}, 1)
	for from, want := range [][2]int64{{4, 10}, {3, 9}, {2, 7}, {1, 4}, {0, 0}} {
		files, bytes, err := s.Outstanding(t.Context(), int64(from))
		if err != nil || [2]int64{files, bytes} != want {
			t.Errorf("from %d: got %d files of %d bytes, %v, want %v", from, files, bytes, err, want)
		}
	}
}
