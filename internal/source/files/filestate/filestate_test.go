package filestate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

const prefix = "sources/0/"

// names returns a maker of unique names.
func names() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("seg%06d", n) }
}

func open(tb testing.TB, objects object.Store, opts filestate.Options) *filestate.Store {
	tb.Helper()
	if opts.NewID == nil {
		opts.NewID = names()
	}
	s, err := filestate.Open(tb.Context(), objects, prefix, opts)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// listing yields files of these paths, all modified at the same time.
func listing(modTime int64, paths ...string) iter.Seq2[filestate.File, error] {
	return func(yield func(filestate.File, error) bool) {
		for _, p := range slices.Sorted(slices.Values(paths)) {
			if !yield(filestate.File{Path: p, Size: int64(len(p)), ModTime: modTime}, nil) {
				return
			}
		}
	}
}

func discover(t *testing.T, s *filestate.Store, files iter.Seq2[filestate.File, error], how filestate.Discovery, want int64) {
	t.Helper()
	added, err := s.Discover(t.Context(), files, how)
	if err != nil || added != want {
		t.Errorf("got %d new files, %v, want %d", added, err, want)
	}
}

func pending(t *testing.T, s *filestate.Store, from, to int64) []string {
	t.Helper()
	var paths []string
	for e, err := range s.Pending(t.Context(), from, to) {
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, e.Path)
	}
	return paths
}

func TestEachFileIsDiscoveredOnce(t *testing.T) {
	objects := mem.New(nil)
	s := open(t, objects, filestate.Options{})
	discover(t, s, listing(5, "b", "d"), filestate.Discovery{Now: 10}, 2)
	discover(t, s, listing(5, "b", "d"), filestate.Discovery{Now: 11}, 0)
	// Later files are found wherever their names sort and however old they are.
	discover(t, s, listing(1, "a", "b", "c", "d", "e"), filestate.Discovery{Now: 12}, 3)
	s = open(t, objects, filestate.Options{})
	discover(t, s, listing(99, "a", "b", "c", "d", "e"), filestate.Discovery{Now: 13}, 0)
	if got, want := pending(t, s, 0, s.Next()), []string{"b", "d", "a", "c", "e"}; !slices.Equal(got, want) {
		t.Errorf("got files %q, want %q", got, want)
	}
	if got := pending(t, s, 1, 3); !slices.Equal(got, []string{"d", "a"}) {
		t.Errorf("got files %q of batch [1,3), want d and a", got)
	}
}

func TestOldestFilesComeFirst(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{})
	files := func(yield func(filestate.File, error) bool) {
		for i, p := range []string{"a", "b", "c"} {
			if !yield(filestate.File{Path: p, ModTime: int64(10 - i)}, nil) {
				return
			}
		}
	}
	discover(t, s, files, filestate.Discovery{}, 3)
	if got, want := pending(t, s, 0, 3), []string{"c", "b", "a"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOverwrites(t *testing.T) {
	for _, c := range []struct {
		modTime    int64
		overwrites bool
		want       int64
	}{{6, false, 0}, {5, true, 0}, {4, true, 0}, {6, true, 1}} {
		s := open(t, mem.New(nil), filestate.Options{})
		discover(t, s, listing(5, "a"), filestate.Discovery{}, 1)
		discover(t, s, listing(c.modTime, "a"), filestate.Discovery{Overwrites: c.overwrites}, c.want)
		// The newest version is the one that counts from then on.
		discover(t, s, listing(c.modTime, "a"), filestate.Discovery{Overwrites: c.overwrites}, 0)
	}
}

func TestIgnoredFilesAreKnownAndNeverTaken(t *testing.T) {
	objects := mem.New(nil)
	s := open(t, objects, filestate.Options{})
	discover(t, s, listing(1, "a", "b"), filestate.Discovery{Ignore: true}, 2)
	s = open(t, objects, filestate.Options{})
	discover(t, s, listing(1, "a", "b", "c"), filestate.Discovery{}, 1)
	if got := pending(t, s, s.Taken(), s.Next()); !slices.Equal(got, []string{"c"}) {
		t.Errorf("got %q, want c alone", got)
	}
}

// TestIgnoringBeginsAgain: files that were there at the first start are ignored
// as well when their discovery is cut off.
func TestIgnoringBeginsAgain(t *testing.T) {
	objects := mem.New(nil)
	s := open(t, objects, filestate.Options{})
	cut := errors.New("cut off")
	_, err := s.Discover(t.Context(), func(yield func(filestate.File, error) bool) {
		_ = yield(filestate.File{Path: "a"}, nil) && yield(filestate.File{}, cut)
	}, filestate.Discovery{Ignore: true})
	if !errors.Is(err, cut) {
		t.Fatalf("got %v, want %v", err, cut)
	}
	s = open(t, objects, filestate.Options{})
	if s.Started() {
		t.Error("a discovery that was cut off counts as the first")
	}
	discover(t, s, listing(1, "a", "b"), filestate.Discovery{Ignore: true}, 1)
	s = open(t, objects, filestate.Options{})
	if got := pending(t, s, 0, s.Next()); !s.Started() || len(got) > 0 {
		t.Errorf("started: %t, waiting: %q; want a start and nothing that waits", s.Started(), got)
	}
}

func TestMaxAgeForgets(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{MaxAge: 100})
	discover(t, s, listing(1, "a"), filestate.Discovery{Now: 1000}, 1)
	discover(t, s, listing(1, "a"), filestate.Discovery{Now: 1101}, 0) // no batch has it yet
	if err := s.Finish(t.Context(), filestate.Batch{End: 1, Committed: 1102}, nil); err != nil {
		t.Fatal(err)
	}
	discover(t, s, listing(1, "a"), filestate.Discovery{Now: 1100}, 0)
	discover(t, s, listing(1, "a"), filestate.Discovery{Now: 1101}, 1)
}

func TestForgottenFilesComeAgain(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{})
	discover(t, s, listing(1, "a"), filestate.Discovery{}, 1)
	for e, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		e.State, e.StateTime = filestate.Forgotten, 7
		if err := s.Update(t.Context(), []filestate.Entry{e}, 7); err != nil {
			t.Fatal(err)
		}
	}
	discover(t, s, listing(1, "a"), filestate.Discovery{}, 1)
	discover(t, s, listing(1, "a"), filestate.Discovery{}, 0)
}

func TestFinish(t *testing.T) {
	objects := mem.New(nil)
	s := open(t, objects, filestate.Options{})
	discover(t, s, listing(1, "a", "b", "c"), filestate.Discovery{Now: 2}, 3)
	first := filestate.Batch{ID: 0, End: 2, Processed: 3, Committed: 4}
	gone := filestate.Entry{Seq: 1, Path: "b", Size: 1, ModTime: 1, Discovered: 2, State: filestate.SkippedMissing, StateTime: 3}
	for range 2 { // the second time, as after a crash, does nothing
		if err := s.Finish(t.Context(), first, []filestate.Entry{gone}); err != nil {
			t.Fatal(err)
		}
		s = open(t, objects, filestate.Options{NewID: func() string { return "later" }})
	}
	if s.Taken() != 2 {
		t.Errorf("taken up to %d, want 2", s.Taken())
	}
	var got []filestate.Entry
	for e, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	want := []filestate.Entry{{Seq: 0, Path: "a", Size: 1, ModTime: 1, Discovered: 2}, gone, {Seq: 2, Path: "c", Size: 1, ModTime: 1, Discovered: 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for b, err := range s.Batches(t.Context()) {
		if err != nil || b != first {
			t.Errorf("got batch %+v, %v, want %+v", b, err, first)
		}
	}
}

// TestAgainstModel makes random discoveries and batches of many sizes, with
// restarts in between, and compares everything with maps.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 0))
		objects := mem.New(nil)
		newID := names()
		s := open(t, objects, filestate.Options{NewID: newID})
		there, known := map[string]bool{}, map[string]int64{}
		var ordered []string
		for batch := range int64(40) {
			for range rng.IntN(1 << rng.IntN(10)) {
				there[fmt.Sprintf("2024-%02d/%05d.json", rng.IntN(12), rng.IntN(100_000))] = true
			}
			fresh := int64(len(there) - len(known))
			discover(t, s, listing(batch, slices.Collect(maps.Keys(there))...), filestate.Discovery{Now: batch}, fresh)
			for _, p := range slices.Sorted(maps.Keys(there)) {
				if _, ok := known[p]; !ok {
					known[p] = int64(len(ordered))
					ordered = append(ordered, p)
				}
			}
			if rng.IntN(3) == 0 {
				s = open(t, objects, filestate.Options{NewID: newID})
			}
			end := min(s.Taken()+int64(rng.IntN(300)), s.Next())
			if got, want := pending(t, s, s.Taken(), end), ordered[s.Taken():end]; !slices.Equal(got, want) {
				t.Fatalf("seed %d, batch %d: got %q, want %q", seed, batch, got, want)
			}
			if err := s.Finish(t.Context(), filestate.Batch{ID: batch, End: end}, nil); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]int64{}
		for e, err := range s.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got[e.Path] = e.Seq
		}
		if diff := cmp.Diff(known, got); diff != "" {
			t.Fatalf("seed %d: files (-want +got):\n%s", seed, diff)
		}
	}
}

// TestUnderFaults cuts runs off at every request: no file is lost, none is
// numbered twice, and a batch that was planned keeps its files.
func TestUnderFaults(t *testing.T) {
	for seed := range uint64(80) {
		synctest.Test(t, func(t *testing.T) {
			objects := mem.New(nil)
			newID := names()
			ready := 0 // files there so far
			planned := map[[2]int64][]string{}
			s := objecttest.Schedule{Seed: seed, Faults: 0.05, Crashes: 0.05, Store: objects}
			_, err := s.Run(t.Context(), objecttest.Actor{Name: "run", Restarts: 50, Run: func(ctx context.Context, objects object.Store) {
				for ctx.Err() == nil && oneBatch(ctx, t, objects, newID, &ready, planned) {
				}
			}})
			if err != nil {
				t.Error(err)
			}
			st := open(t, objects, filestate.Options{})
			if err := st.Sweep(t.Context(), time.Now().Add(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			discover(t, st, listing(1, paths(ready)...), filestate.Discovery{}, int64(ready)-st.Next())
			seen := map[int64]bool{}
			for e, err := range st.Files(t.Context()) {
				if err != nil || seen[e.Seq] {
					t.Fatalf("file %+v: %v, number seen %v", e, err, seen[e.Seq])
				}
				seen[e.Seq] = true
			}
			if len(seen) != ready {
				t.Errorf("%d files are known, want %d", len(seen), ready)
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func paths(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("in/%d.json", i)
	}
	return list
}

// oneBatch discovers more files, looks at the next batch and finishes it. It
// reports whether there is more to do.
func oneBatch(ctx context.Context, t *testing.T, objects object.Store, newID func() string, ready *int, planned map[[2]int64][]string) bool {
	t.Helper()
	s, err := filestate.Open(ctx, objects, prefix, filestate.Options{NewID: newID})
	if err != nil {
		return true
	}
	*ready = min(*ready+2, 30)
	if _, err := s.Discover(ctx, listing(1, paths(*ready)...), filestate.Discovery{}); err != nil {
		return true
	}
	end := min(s.Taken()+3, s.Next())
	var batch []string
	for e, err := range s.Pending(ctx, s.Taken(), end) {
		if err != nil {
			return true
		}
		batch = append(batch, e.Path)
	}
	key := [2]int64{s.Taken(), end}
	if before, ok := planned[key]; ok && !slices.Equal(before, batch) {
		t.Errorf("batch %v had files %q, and has %q now", key, before, batch)
	}
	planned[key] = batch
	_ = s.Finish(ctx, filestate.Batch{ID: end, End: end}, nil) // it is done again when it failed
	return s.Taken() < 30
}

func TestTwoRunsExclude(t *testing.T) {
	objects := mem.New(nil)
	newID := names()
	a, b := open(t, objects, filestate.Options{NewID: newID}), open(t, objects, filestate.Options{NewID: newID})
	discover(t, a, listing(1, "x"), filestate.Discovery{}, 1)
	_, err := b.Discover(t.Context(), listing(1, "y"), filestate.Discovery{})
	var classified interface{ ErrorClass() string }
	if !errors.As(err, &classified) || classified.ErrorClass() != "CONCURRENT_STREAM_LOG_UPDATE" {
		t.Errorf("got %v, want CONCURRENT_STREAM_LOG_UPDATE", err)
	}
}

// TestSleeperDeletesNothing: a run that slept while another went on, until the
// version it would write was written and deleted again, is told so, and takes
// nothing away from the other.
func TestSleeperDeletesNothing(t *testing.T) {
	objects, newID := mem.New(nil), names()
	opts := filestate.Options{NewID: newID}
	for i := range 3 {
		discover(t, open(t, objects, opts), listing(1, fmt.Sprint("old", i)), filestate.Discovery{}, 1)
	}
	sleeper, other := open(t, objects, opts), open(t, objects, opts)
	for i := range 3 {
		if err := other.Finish(t.Context(), filestate.Batch{ID: int64(i), End: int64(i + 1)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		_, err := sleeper.Discover(t.Context(), listing(1, fmt.Sprint("new", i)), filestate.Discovery{})
		var classified interface{ ErrorClass() string }
		if !errors.As(err, &classified) || classified.ErrorClass() != "CONCURRENT_STREAM_LOG_UPDATE" {
			t.Errorf("got %v, want CONCURRENT_STREAM_LOG_UPDATE", err)
		}
	}
	s := open(t, objects, opts)
	discover(t, s, listing(1, "old0", "old1", "old2", "x"), filestate.Discovery{}, 1)
	if got := s.Taken(); got != 3 {
		t.Errorf("%d files are taken, want 3", got)
	}
}

// TestOlderState: batches that the checkpoint has, and the file state does not
// know, are an error and no empty batch.
// TestUnsortedListing: what comes out of order is refused, as a known file might
// be taken for a new one.
func TestUnsortedListing(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{})
	discover(t, s, listing(1, "a", "b", "c"), filestate.Discovery{}, 3)
	n, err := s.Discover(t.Context(), func(yield func(filestate.File, error) bool) {
		for _, p := range []string{"b", "a"} {
			if !yield(filestate.File{Path: p, ModTime: 1}, nil) {
				return
			}
		}
	}, filestate.Discovery{})
	if err == nil || n != 0 {
		t.Errorf("got %d new files, %v, want an error", n, err)
	}
	if got, want := pending(t, s, 0, 3), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got the files %q, want %q", got, want)
	}
}

// TestLongDetail: an error that quotes a huge record is cut off, and the state
// can be read.
func TestLongDetail(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{})
	discover(t, s, listing(1, "a", "b"), filestate.Discovery{}, 2)
	failed := filestate.Entry{Path: "a", State: filestate.Failed, Detail: strings.Repeat("ü", 2<<20)}
	if err := s.Update(t.Context(), []filestate.Entry{failed}, 2); err != nil {
		t.Fatal(err)
	}
	got := selected(t, s, filestate.Select{})
	if len(got) != 2 || !strings.HasPrefix(got[0].Detail, "üü") || !utf8.ValidString(got[0].Detail) {
		t.Errorf("got %d files, want 2 of which the first begins to say why it failed", len(got))
	}
}

func TestOlderState(t *testing.T) {
	s := open(t, mem.New(nil), filestate.Options{})
	discover(t, s, listing(1, "a", "b"), filestate.Discovery{}, 2)
	for _, c := range []struct{ from, to int64 }{{0, 3}, {2, 3}, {3, 2}, {5, 9}} {
		var err error
		for _, err = range s.Pending(t.Context(), c.from, c.to) {
		}
		var classified interface{ ErrorClass() string }
		if !errors.As(err, &classified) || classified.ErrorClass() != "STREAMING_CHECKPOINT_CORRUPT" {
			t.Errorf("files %d to %d: got %v, want STREAMING_CHECKPOINT_CORRUPT", c.from, c.to, err)
		}
	}
}

// TestDamage flips each byte of a segment: what is read is right or an error.
func TestDamage(t *testing.T) {
	objects := mem.New(nil)
	s := open(t, objects, filestate.Options{})
	discover(t, s, listing(1, paths(200)...), filestate.Discovery{}, 200)
	want := pending(t, s, 0, 200)
	for in, err := range objects.List(t.Context(), prefix+"segments/", "") {
		if err != nil {
			t.Fatal(err)
		}
		o, err := objects.Open(t.Context(), in.Name())
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, o.Size())
		if _, err := o.ReadAt(body, 0); err != nil {
			t.Fatal(err)
		}
		for i := range body {
			damaged := slices.Clone(body)
			damaged[i] ^= 0x41
			if err := objects.Put(t.Context(), in.Name(), damaged); err != nil {
				t.Fatal(err)
			}
			var got []string
			var failed error
			for e, err := range s.Pending(t.Context(), 0, 200) {
				failed = errors.Join(failed, err)
				got = append(got, e.Path)
			}
			for _, err := range s.Files(t.Context()) {
				failed = errors.Join(failed, err)
			}
			if failed == nil && !slices.Equal(got, want) {
				t.Fatalf("byte %d of %s: got other files and no error", i, in.Name())
			}
		}
		if err := objects.Put(t.Context(), in.Name(), body); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzManifest opens states by manifests that somebody has made up: they are
// refused as damaged, or what they lead to is.
func FuzzManifest(f *testing.F) {
	const key = prefix + "manifest/00000000000000000001.json"
	for _, seed := range []string{
		"", "{}", "null", `{"format":1,"next":-1}`, `{"format":1,"next":2,"taken":3}`, `{"format":1,"next":1,"cleaned":9}`,
		`{"format":1,"next":2,"pending":[{"name":"a","lastSeq":1}],"index":[{"name":"a"}],"batches":[{"name":"a"}]}`,
		`{"format":1,"next":1,"index":[{"name":"../../offsets/0"}]}`, `{"format":1,"next":9223372036854775807,"taken":9223372036854775806}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		objects := mem.New(nil)
		if err := objects.Put(t.Context(), key, body); err != nil {
			t.Fatal(err)
		}
		s, err := filestate.Open(t.Context(), objects, prefix, filestate.Options{NewID: names()})
		if err != nil {
			return
		}
		if s.Taken() < 0 || s.Taken() > s.Next() {
			t.Errorf("of %d files %d are taken", s.Next(), s.Taken())
		}
		for e, err := range s.Pending(t.Context(), s.Taken(), s.Next()) {
			if err == nil {
				t.Errorf("got file %q of a segment that is none", e.Path)
			}
		}
		next := s.Next()
		one := func(yield func(filestate.File, error) bool) { yield(filestate.File{Path: "new"}, nil) }
		if n, err := s.Discover(t.Context(), one, filestate.Discovery{}); err == nil && (n != 1 || s.Next() != next+1) {
			t.Errorf("after %d files and %d more there are %d", next, n, s.Next())
		}
	})
}

// TestDamagedManifest is said to be that, with the file and what to do.
func TestDamagedManifest(t *testing.T) {
	const first = "manifest/00000000000000000001.json"
	for _, c := range []struct{ name, body string }{
		{first, ""},
		{first, `{"format":1,"next":2,"taken":3}`},
		{first, `{"format":1,"next":1,"index":[{"name":"../../offsets/0"}]}`},
		{first, `{"format":1,"next":9223372036854775807}`},
		{first, `{"format":1,"next":9223372036854775808}`},
		{first, `{"format":1,"next":1,"forgets":9223372036854775807}`},
		{first, `{"format":1,"next":1,"index":[{"name":"a","entries":9223372036854775807}]}`},
		{first, `{"format":1,"next":1,"index":[{"name":"a","entries":-1}]}`},
		{first, `{"format":1,"next":1,"pending":[{"name":"a","entries":1,"firstSeq":2,"lastSeq":2}]}`},
		{first, `{"format":1,"next":1,"pending":[{"name":"a","entries":1,"firstSeq":1,"lastSeq":0}]}`},
		{first, `{"format":1,"next":1,"index":[` + strings.Repeat(`{"name":"a"},`, 5000) + `{"name":"a"}]}`},
		{"manifest/09223372036854775807.json", `{"format":1}`},
		{"manifest/99999999999999999999.json", `{"format":1}`},
		{"manifest/2.json", `{"format":1}`},
		{"manifest/notes", `{"format":1}`},
	} {
		objects := mem.New(nil)
		if err := objects.Put(t.Context(), prefix+c.name, []byte(c.body)); err != nil {
			t.Fatal(err)
		}
		_, err := filestate.Open(t.Context(), objects, prefix, filestate.Options{NewID: names()})
		var classified interface{ ErrorClass() string }
		if !errors.As(err, &classified) || classified.ErrorClass() != "STREAMING_CHECKPOINT_CORRUPT" || !strings.Contains(err.Error(), prefix+c.name) {
			t.Errorf("%s: %.60s: got %v, want STREAMING_CHECKPOINT_CORRUPT of that file", c.name, c.body, err)
		}
	}
}

// BenchmarkPoll is a listing of a million known files in a hundred folders.
func BenchmarkPoll(b *testing.B) {
	const files = 1_000_000
	objects := mem.New(nil)
	s := open(b, objects, filestate.Options{})
	list := func(yield func(filestate.File, error) bool) {
		for i := range files {
			if !yield(filestate.File{Path: fmt.Sprintf("file:///landing/2024-%03d/sensor-%08d.json", i/10_000, i), Size: 10_000, ModTime: int64(i)}, nil) {
				return
			}
		}
	}
	if _, err := s.Discover(b.Context(), list, filestate.Discovery{Now: files}); err != nil {
		b.Fatal(err)
	}
	var size int64
	for in := range objects.List(b.Context(), prefix, "") {
		if !strings.Contains(in.Name(), "manifest") {
			size += in.Size()
		}
	}
	for b.Loop() {
		if n, err := s.Discover(b.Context(), list, filestate.Discovery{}); n != 0 || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(size)/files, "bytes/file")
}
