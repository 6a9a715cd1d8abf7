package autoloader_test

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/schema"
)

// calm is the local file system with directories that have settled after some
// ms, which is more than its clock's tick, instead of seconds.
type calm struct {
	*local.Store

	skipped *int // directories that were not read
}

const tick = 25 * time.Millisecond

func (s calm) ListNew(ctx context.Context, prefix string, past object.Past) iter.Seq2[fs.FileInfo, error] {
	return s.Store.ListNew(ctx, prefix, calmPast{past, s.skipped})
}

type calmPast struct {
	object.Past

	skipped *int
}

func (p calmPast) Unchanged(dir string, stamp object.Stamp) ([]string, bool) {
	below, ok := p.Past.Unchanged(dir, stamp)
	if ok {
		*p.skipped++
	}
	return below, ok
}

func (p calmPast) Listed(dir string, stamp object.Stamp, below []string) {
	if stamp.Taken-stamp.Changed > int64(tick) {
		stamp.Taken += int64(time.Hour)
	}
	p.Past.Listed(dir, stamp, below)
}

// folder is a local folder and the state of a source that watches it.
type folder struct {
	t          testing.TB
	root       string
	checkpoint object.Store
	options    map[string]string
	now        time.Time
	source     *autoloader.Source
	skipped    int
}

func newFolder(tb testing.TB, options map[string]string) *folder {
	tb.Helper()
	f := &folder{t: tb, root: tb.TempDir(), checkpoint: mem.New(nil), options: options, now: time.Unix(1_800_000_000, 0)}
	if err := os.Mkdir(filepath.Join(f.root, "in"), 0o700); err != nil {
		tb.Fatal(err)
	}
	f.open()
	return f
}

func (f *folder) open() {
	f.t.Helper()
	store := calm{local.New("/"), &f.skipped}
	var err error
	f.source, err = autoloader.Open(f.t.Context(), autoloader.Config{
		Path: filepath.Join(f.root, "in"), Options: f.options, Schema: schema.New(schema.Col("a", schema.Integer)),
		Openers:    location.Openers{"file": func(context.Context, location.Location) (object.Store, error) { return store, nil }},
		Checkpoint: f.checkpoint, State: "sources/0/", Clock: func() time.Time { return f.now }, NewID: uuid.NewString,
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) discover() {
	f.t.Helper()
	f.now = f.now.Add(2 * time.Minute)
	if err := f.source.Discover(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// settle discovers until directories are passed over.
func (f *folder) settle() {
	f.t.Helper()
	for range 100_000 {
		if f.discover(); f.skipped > 0 {
			return
		}
	}
	f.t.Fatal("no directory was ever passed over")
}

// path makes the directories of a name and returns it whole.
func (f *folder) path(name string) string {
	f.t.Helper()
	p := filepath.Join(f.root, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *folder) write(name string) {
	f.t.Helper()
	if err := os.WriteFile(f.path(name), []byte(`{"a":1}`), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) do(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// found returns the files discovered, in order, below the folder.
func (f *folder) found() []string {
	f.t.Helper()
	var names []string
	for e, err := range f.source.State().Pending(f.t.Context(), 0, f.source.State().Next()) {
		if err != nil {
			f.t.Fatal(err)
		}
		names = append(names, strings.TrimPrefix(e.Path, "file://"+f.root+"/in/"))
	}
	return names
}

// arrive lets a file come in one of the ways in which files come, and returns
// its name. Some sort before what was seen, some are old, some have been
// elsewhere, or are whole directories.
func (f *folder) arrive(rng *rand.Rand, n int) string {
	name := fmt.Sprintf("d=%d/h=%d/%03d-%d.json", rng.IntN(4), rng.IntN(3), rng.IntN(1000), n)
	switch rng.IntN(6) {
	case 0: // at the top
		name = fmt.Sprintf("%03d-%d.json", rng.IntN(1000), n)
		f.write("in/" + name)
	case 1: // written elsewhere before, visible by renaming
		f.write("elsewhere")
		f.do(os.Rename(f.path("elsewhere"), f.path("in/"+name)))
	case 2: // by a link
		f.write("kept/" + fmt.Sprint(n))
		f.do(os.Link(f.path("kept/"+fmt.Sprint(n)), f.path("in/"+name)))
	case 3: // of old
		f.write("in/" + name)
		old := time.Unix(int64(rng.IntN(1_000_000)), 0)
		f.do(os.Chtimes(f.path("in/"+name), old, old))
		f.do(os.Chtimes(filepath.Dir(f.path("in/"+name)), old, old))
	case 4: // with its directory
		f.write(fmt.Sprintf("new%d/x.json", n))
		f.do(os.Rename(f.path(fmt.Sprintf("new%d", n)), f.path(fmt.Sprintf("in/d=%d/new%d", rng.IntN(4), n))))
		found, err := filepath.Glob(filepath.Join(f.root, "in", "*", fmt.Sprintf("new%d", n), "x.json"))
		f.do(err)
		name = strings.TrimPrefix(found[0], f.root+"/in/")
	default:
		f.write("in/" + name)
	}
	return name
}

// TestEachFileIsFoundOnce however files come and however the source looks for
// them. Runs end at random, and what they remembered of listings is lost at
// random.
func TestEachFileIsFoundOnce(t *testing.T) {
	for _, options := range []map[string]string{
		json(), json("useIncrementalListing", "true"), json("useIncrementalListing", "auto"), json("backfillInterval", "10 minutes"),
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%v/%d", options, seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 0))
				f := newFolder(t, options)
				want := map[string]bool{}
				for n := range 150 {
					want[f.arrive(rng, n)] = true
					switch rng.IntN(8) {
					case 0, 1:
						f.discover()
					case 2:
						f.open()
						f.discover()
					case 3:
						if rng.IntN(10) == 0 {
							f.do(f.checkpoint.Delete(t.Context(), "sources/0/listing.json"))
							f.open()
						}
					}
				}
				for range 9 { // the last of them at the latest lists everything
					f.discover()
				}
				got := f.found()
				slices.Sort(got)
				if wanted := slices.Sorted(maps.Keys(want)); !slices.Equal(got, wanted) {
					t.Errorf("got %d files\n%q\nwant %d\n%q", len(got), got, len(wanted), wanted)
				}
				if f.skipped == 0 {
					t.Error("no directory was passed over: the test shows nothing")
				}
			})
		}
	}
}

// TestEachNotifiedFileIsFoundOnce: while a source is told of files, and over
// restarts, between which nobody tells it.
func TestEachNotifiedFileIsFoundOnce(t *testing.T) {
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 1))
		f := newFolder(t, json("useNotifications", "true"))
		stop := f.watch()
		want := map[string]bool{}
		for n := range 150 {
			want[f.arrive(rng, n)] = true
			switch rng.IntN(12) {
			case 0, 1, 2:
				f.discover()
			case 3:
				stop()
				want[f.arrive(rng, 1000+n)] = true
				f.open()
				stop = f.watch()
				f.discover()
			}
		}
		f.skipped = 0
		for deadline := time.Now().Add(10 * time.Second); len(f.found()) < len(want) && time.Now().Before(deadline); {
			select {
			case <-f.source.Ready():
			case <-time.After(time.Second):
			}
			f.discover()
		}
		got := f.found()
		slices.Sort(got)
		if wanted := slices.Sorted(maps.Keys(want)); !slices.Equal(got, wanted) {
			t.Errorf("seed %d: got %d files\n%q\nwant %d\n%q", seed, len(got), got, len(wanted), wanted)
		}
		if f.skipped > 0 {
			t.Errorf("seed %d: the folder was listed although notices came", seed)
		}
		stop()
	}
}

// watch begins to be told, and returns what ends it.
func (f *folder) watch() (stop func()) {
	f.t.Helper()
	end, err := f.source.Watch(f.t.Context())
	f.do(err)
	return func() { f.t.Helper(); f.do(end()) }
}

// TestNotificationsAreBackfilled: what nobody was told of is found by the next
// full listing.
func TestNotificationsAreBackfilled(t *testing.T) {
	f := newFolder(t, json("useNotifications", "true", "backfillInterval", "6 minutes"))
	// A file that is being written is not told of before it is closed.
	stop := f.watch()
	defer stop()
	f.discover()
	open, err := os.Create(f.path("in/open.json"))
	f.do(err)
	for range 2 {
		f.discover()
	}
	if got := f.found(); len(got) != 0 {
		t.Errorf("got %q before the backfill", got)
	}
	f.discover()
	if got := f.found(); !slices.Equal(got, []string{"open.json"}) {
		t.Errorf("got %q after the backfill, want the file that is open", got)
	}
	f.do(open.Close())
}

// TestListingModes: what is listed after files came behind and before the
// last one (semantics §2.5).
func TestListingModes(t *testing.T) {
	for _, c := range []struct {
		options map[string]string
		found   []int // listings until early.json is found, after 1 and after 3 with names in order
	}{
		{json(), []int{1, 1}},
		{json("useIncrementalListing", "auto"), []int{1, 8}},
		{json("useIncrementalListing", "true"), []int{8, 6}},
		{json("useIncrementalListing", "true", "backfillInterval", "6 minutes"), []int{3, 1}},
	} {
		for i, before := range []int{1, 3} {
			f := newFolder(t, c.options)
			for n := range before {
				f.write(fmt.Sprintf("in/m%d.json", n))
				f.discover()
			}
			f.write("in/early.json")
			tries := 1
			for ; tries < 20; tries++ {
				f.discover()
				if slices.Contains(f.found(), "early.json") {
					break
				}
			}
			if tries != c.found[i] {
				t.Errorf("%v: found by listing %d after %d, want %d", c.options, tries, before, c.found[i])
			}
		}
	}
}

// TestListingFollowsOptions although no directory has changed.
func TestListingFollowsOptions(t *testing.T) {
	f := newFolder(t, json("pathGlobFilter", "*.json"))
	f.write("in/d/1.json")
	f.write("in/d/1.jsonl")
	f.discover()
	f.discover()
	f.options = json()
	f.open()
	f.discover()
	if got := f.found(); !slices.Equal(got, []string{"d/1.json", "d/1.jsonl"}) {
		t.Errorf("got %q, want the file that the old options left out too", got)
	}
}

// TestOlderStateListsAnew: a file state that was put back as it was does not
// take over what later listings have shown.
func TestOlderStateListsAnew(t *testing.T) {
	f := newFolder(t, json())
	f.write("in/d/1.json")
	f.discover()
	copied := map[string][]byte{}
	each := func(do func(key string)) {
		for in, err := range f.checkpoint.List(t.Context(), "sources/0/", "") {
			f.do(err)
			if !strings.HasSuffix(in.Name(), "listing.json") {
				do(in.Name())
			}
		}
	}
	each(func(key string) {
		body, err := object.ReadAll(t.Context(), f.checkpoint, key, 1<<20)
		f.do(err)
		copied[key] = body
	})
	f.write("in/d/2.json")
	f.settle()
	each(func(key string) { f.do(f.checkpoint.Delete(t.Context(), key)) })
	for key, body := range copied {
		f.do(f.checkpoint.Put(t.Context(), key, body))
	}
	f.open()
	f.discover()
	if got, want := f.found(), []string{"d/1.json", "d/2.json"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNamesThatSortOtherwiseEncoded: files are known by their names as they
// are. Percent-encoded they sort otherwise, and known ones would be missed.
func TestNamesThatSortOtherwiseEncoded(t *testing.T) {
	for name, options := range map[string]map[string]string{"by directory": json(), "all": json("backfillInterval", "1 second"), "overwrites": json("allowOverwrites", "true")} {
		f := newFolder(t, options)
		for _, n := range []string{"a b/1.json", "a!b/1.json", "a%20b/1.json", "zebra.json", "été.json", "é/z.json", "z/é.json", "100%.json"} {
			f.write("in/" + n)
		}
		for range 3 {
			f.discover()
			f.open()
		}
		if got := f.found(); len(got) != 8 {
			t.Errorf("%s: got %q, want each of 8 files once", name, got)
		}
	}
}

// TestLinkBeforeItsFile: a link that leads nowhere yet is a file once that is
// there, though its directory does not change.
func TestLinkBeforeItsFile(t *testing.T) {
	f := newFolder(t, json())
	f.do(os.Symlink(filepath.Join(f.root, "away", "1.json"), f.path("in/d/1.json")))
	f.write("in/e/2.json")
	f.settle()
	f.write("away/1.json")
	f.discover()
	if got, want := f.found(), []string{"e/2.json", "d/1.json"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAssertion7_EmptyAtFirstStart: what is there at the second start has come
// since the first.
func TestAssertion7_EmptyAtFirstStart(t *testing.T) {
	f := newFolder(t, json("includeExistingFiles", "false"))
	f.discover()
	f.write("in/1.json")
	f.open()
	f.discover()
	if got := f.found(); !slices.Equal(got, []string{"1.json"}) {
		t.Errorf("got %q, want the file that came after the first start", got)
	}
}

// BenchmarkPoll is a poll of a million known files in date folders of which
// one is new, by a process that has just begun; and one that looks at every
// directory, as the first one of an option or a backfill does.
func BenchmarkPoll(b *testing.B) {
	const days, each = 1000, 1000
	for _, full := range []bool{false, true} {
		b.Run(fmt.Sprintf("full=%t", full), func(b *testing.B) {
			f := newFolder(b, json())
			for day := range days {
				dir := f.path(fmt.Sprintf("in/day=%04d/x", day))
				for n := range each {
					f.do(os.WriteFile(fmt.Sprintf("%s-%04d.json", dir, n), nil, 0o600))
				}
			}
			f.discover()
			f.now = f.now.Add(time.Hour)
			f.discover()
			b.ResetTimer()
			for n := 0; b.Loop(); n++ {
				b.StopTimer()
				f.write(fmt.Sprintf("in/day=0500/new%d.json", n))
				if full {
					f.do(f.checkpoint.Delete(b.Context(), "sources/0/listing.json"))
				}
				b.StartTimer()
				f.open()
				f.discover()
			}
			if got, want := f.source.State().Next(), int64(days*each); got < want {
				b.Errorf("%d files are known, want %d at least", got, want)
			}
		})
	}
}

// TestOutstandingFiles are those that batches have yet to take, as each batch
// leaves them (semantics §11.1).
func TestOutstandingFiles(t *testing.T) {
	l := newLanding(t, json("maxFilesPerTrigger", "2"))
	for i := range 5 {
		l.put(fmt.Sprintf("%d.json", i), `{"a":1}`)
	}
	var got []string
	l.progress = func(p stream.Progress) {
		m := p.Sources[0].Metrics
		got = append(got, m["numFilesOutstanding"]+" files, "+m["numBytesOutstanding"]+" bytes")
	}
	l.mustRun()
	l.put("5.json", `{"a":1}`)
	l.mustRun()
	if want := []string{"3 files, 21 bytes", "1 files, 7 bytes", "0 files, 0 bytes", "0 files, 0 bytes"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
