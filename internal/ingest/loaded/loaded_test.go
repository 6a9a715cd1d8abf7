package loaded_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
)

// ids returns a maker of the names id-1, id-2, ….
func ids() func() string {
	n := 0
	return func() string { n++; return fmt.Sprintf("id-%d", n) }
}

func with(t *testing.T, r *loaded.Record, newID func() string, paths ...string) *loaded.Record {
	t.Helper()
	next, err := r.With(t.Context(), paths, 1, newID)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func open(t *testing.T, store object.Store, id int64) *loaded.Record {
	t.Helper()
	r, err := loaded.Open(t.Context(), store, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func contains(t *testing.T, r *loaded.Record, paths ...string) []bool {
	t.Helper()
	l := r.Lookup(t.Context())
	defer l.Close()
	got := make([]bool, len(paths))
	for i, p := range paths {
		var err error
		if got[i], err = l.Contains(p); err != nil {
			t.Fatalf("contains %q: %v", p, err)
		}
	}
	return got
}

func TestRecordHoldsWhatWasAdded(t *testing.T) {
	store, newID := mem.New(nil), ids()
	empty := open(t, store, 0)
	first := with(t, empty, newID, "file:///a/1.csv", "file:///a/2.csv")
	second := with(t, first, newID, "", "file:///a/10.csv", "file:///ü.csv")

	probe := []string{"", "file:///a/1.csv", "file:///a/10.csv", "file:///a/2.csv", "file:///a/2.csv", "file:///zz", "file:///ü.csv"}
	for _, tc := range []struct {
		name string
		r    *loaded.Record
		want []bool
		n    int64
	}{
		{"empty", empty, []bool{false, false, false, false, false, false, false}, 0},
		{"first", open(t, store, first.ID()), []bool{false, true, false, true, true, false, false}, 2},
		{"second", open(t, store, second.ID()), []bool{true, true, true, true, true, false, true}, 5},
	} {
		if got := contains(t, tc.r, probe...); !slices.Equal(got, tc.want) || tc.r.Len() != tc.n {
			t.Errorf("%s: got %v of %d, want %v of %d", tc.name, got, tc.r.Len(), tc.want, tc.n)
		}
	}
	if second.ID() <= first.ID() {
		t.Errorf("ids do not grow: %d, %d", first.ID(), second.ID())
	}
}

func TestLookupRefusesDisorder(t *testing.T) {
	l := open(t, mem.New(nil), 0).Lookup(t.Context())
	defer l.Close()
	if _, err := l.Contains("b"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Contains("a"); err == nil {
		t.Error("a path out of order was looked up")
	}
}

func TestWithRefusesUnsortedPaths(t *testing.T) {
	if _, err := open(t, mem.New(nil), 0).With(t.Context(), []string{"b", "a"}, 1, ids()); err == nil {
		t.Error("unsorted paths were recorded")
	}
}

// Two writers that extend the same version get different ids, so that the
// table's commit decides between whole versions.
func TestConcurrentVersionsDoNotOverwriteEachOther(t *testing.T) {
	store, newID := mem.New(nil), ids()
	base := with(t, open(t, store, 0), newID, "a")
	left, right := with(t, base, newID, "b"), with(t, base, newID, "c")
	if left.ID() == right.ID() {
		t.Fatalf("both versions have id %d", left.ID())
	}
	if got, want := contains(t, open(t, store, left.ID()), "a", "b", "c"), []bool{true, true, false}; !slices.Equal(got, want) {
		t.Errorf("left holds %v, want %v", got, want)
	}
	if got, want := contains(t, open(t, store, right.ID()), "a", "b", "c"), []bool{true, false, true}; !slices.Equal(got, want) {
		t.Errorf("right holds %v, want %v", got, want)
	}
}

// Many small loads stay few objects: what a look-up opens grows with the
// logarithm of the number of loads.
func TestManyLoadsStayCompact(t *testing.T) {
	store, newID := mem.New(nil), ids()
	rng := rand.New(rand.NewPCG(1, 2))
	r := open(t, store, 0)
	all := map[string]bool{}
	for range 300 {
		var paths []string
		for range 1 + rng.IntN(20) {
			p := fmt.Sprintf("file:///landing/sensors/%08d.csv", rng.IntN(1<<20))
			if !all[p] {
				all[p] = true
				paths = append(paths, p)
			}
		}
		slices.Sort(paths)
		r = with(t, r, newID, paths...)
	}
	if r.Len() != int64(len(all)) {
		t.Errorf("record holds %d paths, want %d", r.Len(), len(all))
	}
	probe := make([]string, 0, 1<<12)
	for i := range 1 << 12 {
		probe = append(probe, fmt.Sprintf("file:///landing/sensors/%08d.csv", i<<8|rng.IntN(1<<8)))
	}
	for p := range all {
		probe = append(probe, p)
	}
	slices.Sort(probe)
	for i, got := range contains(t, open(t, store, r.ID()), probe...) {
		if got != all[probe[i]] {
			t.Fatalf("contains %s is %v, want %v", probe[i], got, all[probe[i]])
		}
	}
	if n := r.Segments(); n > 24 {
		t.Errorf("300 loads left %d segments", n)
	}
}

// Damage is an error, never a path less: that would load a file twice.
func TestDamageIsAnError(t *testing.T) {
	store, newID := mem.New(nil), ids()
	r := with(t, open(t, store, 0), newID, "file:///a/1.csv", "file:///a/2.csv", "file:///b/3.csv")
	key := segmentKey(t, store)
	intact := read(t, store, key)
	for i := range intact {
		damaged := slices.Clone(intact)
		damaged[i] ^= 0x40
		if err := store.Put(t.Context(), key, damaged); err != nil {
			t.Fatal(err)
		}
		checkDamage(t, r, fmt.Sprintf("byte %d flipped", i))
		if err := store.Put(t.Context(), key, intact[:i]); err != nil {
			t.Fatal(err)
		}
		checkDamage(t, r, fmt.Sprintf("cut at %d", i))
	}
	if err := store.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	checkDamage(t, r, "gone")
	if _, err := loaded.Open(t.Context(), mem.New(nil), r.ID()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of a missing record: %v", err)
	}
}

// checkDamage looks paths up and wants an error, or right answers that the
// checksums vouch for: some bits of a frame's header carry nothing.
func checkDamage(t *testing.T, r *loaded.Record, what string) {
	t.Helper()
	l := r.Lookup(t.Context())
	defer l.Close()
	wrong := ""
	for _, p := range []string{"file:///a/1.csv", "file:///a/2.csv", "file:///b/3.csv", "file:///b/4.csv"} {
		got, err := l.Contains(p)
		if err != nil {
			return
		}
		if want := p != "file:///b/4.csv"; got != want {
			wrong = p
		}
	}
	if l.Verify() == nil && wrong != "" {
		t.Errorf("%s: a wrong answer for %s was vouched for", what, wrong)
	}
}

func segmentKey(t *testing.T, store object.Store) string {
	t.Helper()
	for info, err := range store.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(info.Name(), ".paths") {
			return info.Name()
		}
	}
	t.Fatal("no segment stored")
	return ""
}

func read(t *testing.T, store object.Store, key string) []byte {
	t.Helper()
	o, err := store.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkLookup100k(b *testing.B) {
	store := mem.New(nil)
	paths := make([]string, 100_000)
	for i := range paths {
		paths[i] = fmt.Sprintf("file:///data/landing/sensors/2026/01/02/sensors-%08d.csv", i)
	}
	r, err := loaded.Open(b.Context(), store, 0)
	if err == nil {
		r, err = r.With(b.Context(), paths, 1, ids())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		l := r.Lookup(b.Context())
		for _, p := range paths {
			if ok, err := l.Contains(p); !ok || err != nil {
				b.Fatal(p, ok, err)
			}
		}
		if err := l.Verify(); err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
}
