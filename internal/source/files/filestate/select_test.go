package filestate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// selected collects what a selection yields.
func selected(t *testing.T, s *filestate.Store, what filestate.Select) (list []filestate.Entry) {
	t.Helper()
	for e, err := range s.Select(t.Context(), what) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// leftOut are the states of files that finished batches went past without
// loading them.
var leftOut = []filestate.State{filestate.SkippedCorrupted, filestate.SkippedMissing, filestate.SkippedExisting, filestate.Forgotten}

// TestSelectIsAllLessWhatIsNotAskedFor: over histories of discoveries,
// batches and edits, ranges and unfinished files are what a look at all files
// would leave.
func TestSelectIsAllLessWhatIsNotAskedFor(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			s := open(t, mem.New(nil), filestate.Options{})
			name := func() string { return fmt.Sprintf("%03d", rng.IntN(300)) }
			for round := range int64(25) {
				paths := make([]string, 1+rng.IntN(20))
				for i := range paths {
					paths[i] = name()
				}
				slices.Sort(paths)
				if _, err := s.Discover(t.Context(), listing(1, slices.Compact(paths)...), filestate.Discovery{Now: round}); err != nil {
					t.Fatal(err)
				}
				history(t, rng, s, round, name)
			}
			all := selected(t, s, filestate.Select{})
			for range 30 {
				what := filestate.Select{Range: filestate.Range{Low: name(), High: name()}, Unfinished: rng.IntN(2) == 0}
				if rng.IntN(4) == 0 {
					what.Range = filestate.At(name())
				}
				want := slices.DeleteFunc(slices.Clone(all), func(e filestate.Entry) bool {
					return e.Path < what.Low || e.Path >= what.High ||
						what.Unfinished && e.Seq < s.Taken() && !slices.Contains(leftOut, e.State)
				})
				if diff := cmp.Diff(want, selected(t, s, what), cmp.Transformer("none", func(l []filestate.Entry) []filestate.Entry { return append([]filestate.Entry{}, l...) })); diff != "" && len(want) > 0 {
					t.Fatalf("%+v (-want +got):\n%s", what, diff)
				}
			}
		})
	}
}

// history does to some files what batches and users do.
func history(t *testing.T, rng *rand.Rand, s *filestate.Store, now int64, name func() string) {
	t.Helper()
	if rng.IntN(2) == 0 && s.Taken() < s.Next() {
		end := s.Taken() + 1 + rng.Int64N(s.Next()-s.Taken())
		var skipped []filestate.Entry
		for e, err := range s.Pending(t.Context(), s.Taken(), end) {
			if err != nil {
				t.Fatal(err)
			}
			if rng.IntN(10) == 0 {
				e.State = filestate.SkippedCorrupted
				skipped = append(skipped, e)
			}
		}
		if err := s.Finish(t.Context(), filestate.Batch{ID: now, End: end}, skipped); err != nil {
			t.Fatal(err)
		}
	}
	if rng.IntN(3) == 0 {
		one := name()
		edit := []filestate.Edit{filestate.Retry, filestate.Forget, filestate.Replay}[rng.IntN(3)]
		if _, err := s.Edit(t.Context(), edit, func(e *filestate.Entry) bool { return e.Path >= one && e.Path < one+"9" }, now); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRanges: what they have in common, together, and at their beginning.
func TestRanges(t *testing.T) {
	ab := filestate.Range{Low: "ab", High: "ac"} // LIKE 'ab%'
	for r, want := range map[filestate.Range]string{
		ab: "ab", filestate.At("abc"): "abc", {Low: "ab", High: "ad"}: "a", {Low: "x"}: "", {}: "", {Low: "ab", High: "abz"}: "ab",
	} {
		if got := r.Prefix(); got != want {
			t.Errorf("%+v begins with %q, want %q", r, got, want)
		}
	}
	if got, some := ab.Intersect(filestate.At("abx")); !some || got != filestate.At("abx") {
		t.Errorf("got %+v, %t, want the one path", got, some)
	}
	if got, some := ab.Intersect(filestate.Range{Low: "ac"}); some {
		t.Errorf("got %+v in common, want nothing", got)
	}
	got := filestate.Unite([]filestate.Range{{Low: "x"}, {Low: "b", High: "c"}, ab, {Low: "y", High: "z"}, {Low: "ac", High: "b"}, filestate.At("a")})
	if diff := cmp.Diff([]filestate.Range{filestate.At("a"), {Low: "ab", High: "c"}, {Low: "x"}}, got); diff != "" {
		t.Errorf("united (-want +got):\n%s", diff)
	}
}
