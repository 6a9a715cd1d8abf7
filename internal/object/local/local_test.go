package local_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/objecttest"
)

// Stores serve as a Delta table's storage without an adapter.
var _ delta.Storage = (*local.Store)(nil)

func TestContract(t *testing.T) {
	objecttest.Run(t, func(t *testing.T) object.Store {
		t.Helper()
		return local.New(filepath.Join(t.TempDir(), "root", "below"))
	})
}

func TestNoTemporaryFileStays(t *testing.T) {
	root := t.TempDir()
	st := local.New(root)
	for range 2 {
		err := st.PutIfAbsent(t.Context(), "a/x", []byte("1"))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			t.Fatal(err)
		}
	}
	up, err := st.Create(t.Context(), "a/y")
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := st.Put(t.Context(), "a/z", nil); err != nil {
		t.Fatal(err)
	}
	if got, want := dirNames(t, root+"/a"), []string{"x", "z"}; !slices.Equal(got, want) {
		t.Errorf("directory holds %v, want %v", got, want)
	}
}

func TestFilesHaveTheModeOfTheUmask(t *testing.T) {
	root := t.TempDir()
	if err := local.New(root).PutIfAbsent(t.Context(), "x", nil); err != nil {
		t.Fatal(err)
	}
	plain, err := os.Create(filepath.Join(root, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := plain.Stat()
	plain.Close()
	if got, _ := os.Stat(filepath.Join(root, "x")); got.Mode() != want.Mode() {
		t.Errorf("mode %v, want that of any new file, %v", got.Mode(), want.Mode())
	}
}

func TestListFollowsLinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, outside+"/data/one.csv")
	write(t, root+"/real/two.csv")
	link(t, outside+"/data", root+"/linked")
	link(t, outside+"/data/one.csv", root+"/alias.csv")
	link(t, root, root+"/real/loop")
	link(t, root+"/nowhere", root+"/dangling")
	link(t, root+"/self", root+"/self")
	got := listed(t, local.New(root), "")
	want := []string{"alias.csv", "linked/one.csv", "real/two.csv"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestListPassesOverWhatIsNoFile(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/a")
	write(t, root+"/.freshet-LEFTOVER.tmp")
	if err := syscall.Mkfifo(root+"/pipe", 0o600); err != nil {
		t.Skip("no named pipes here: ", err)
	}
	st := local.New(root)
	if got := listed(t, st, ""); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %v, want [a]", got)
	}
	if _, err := st.Open(t.Context(), "pipe"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a named pipe: %v, want fs.ErrNotExist", err)
	}
}

func TestListReportsUnreadableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("the superuser may read every directory")
	}
	root := t.TempDir()
	write(t, root+"/closed/x")
	if err := os.Chmod(root+"/closed", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(root+"/closed", 0o700) })
	for _, err := range local.New(root).List(t.Context(), "", "") {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v, want fs.ErrPermission", err)
		}
	}
}

func TestListManyFilesInOrder(t *testing.T) {
	root := t.TempDir()
	var want []string
	for i := range 10_000 {
		want = append(want, fmt.Sprintf("d/%d.csv", i))
	}
	makeFiles(t, root+"/d", 10_000)
	slices.Sort(want)
	if got := listed(t, local.New(root), "d/"); !slices.Equal(got, want) {
		t.Errorf("%d keys, want %d in byte order", len(got), len(want))
	}
}

func TestIsDir(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/dir/file")
	st := local.New(root)
	for key, want := range map[string]bool{"": true, "dir": true, "dir/": true, "dir/file": false, "none": false, "../x": false} {
		if got := st.IsDir(key); got != want {
			t.Errorf("IsDir(%q) = %t, want %t", key, got, want)
		}
	}
}

func TestPruneRemovesEmptyDirectoriesAlone(t *testing.T) {
	root := t.TempDir()
	write(t, root+"/t/a/b/file")
	write(t, root+"/u/file")
	if err := os.MkdirAll(root+"/t/c/d", 0o777); err != nil {
		t.Fatal(err)
	}
	st := local.New(root)
	if err := st.Prune("t/"); err != nil {
		t.Fatal(err)
	}
	if !st.IsDir("t/a/b") || st.IsDir("t/c") {
		t.Error("a full directory went, or an empty one stayed")
	}
	if err := st.Delete(t.Context(), "t/a/b/file"); err != nil {
		t.Fatal(err)
	}
	if err := st.Prune("t/"); err != nil || st.IsDir("t") || !st.IsDir("u") {
		t.Errorf("error %v; t is there: %t, u is there: %t", err, st.IsDir("t"), st.IsDir("u"))
	}
}

func TestSweepRemovesOldTemporaryFilesAlone(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	old, young := time.Unix(1_000_000, 0), time.Unix(3_000_000, 0)
	for name, at := range map[string]time.Time{
		"/t/.freshet-OLD.tmp": old, "/t/d/e/.freshet-OLD.tmp": old, "/t/.freshet-YOUNG.tmp": young,
		"/t/data": old, "/t/.freshet-x": old, "/u/.freshet-OLD.tmp": old,
	} {
		write(t, root+name)
		if err := os.Chtimes(root+name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	write(t, outside+"/.freshet-OLD.tmp")
	if err := os.Chtimes(outside+"/.freshet-OLD.tmp", old, old); err != nil {
		t.Fatal(err)
	}
	link(t, outside, root+"/t/linked")
	before := time.Unix(2_000_000, 0)
	store := object.Under(local.New(root), "t/").(object.Sweeper)
	if n, err := store.Sweep(t.Context(), "", before); n != 2 || err != nil {
		t.Errorf("swept %d, %v; want 2", n, err)
	}
	for _, name := range []string{root + "/t/.freshet-YOUNG.tmp", root + "/t/data", root + "/t/.freshet-x", root + "/u/.freshet-OLD.tmp", outside + "/.freshet-OLD.tmp"} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
	if n, err := store.Sweep(t.Context(), "nothing/", before); n != 0 || err != nil {
		t.Errorf("where there is nothing: %d, %v", n, err)
	}
}

// A directory that is taken away for being empty is no hindrance to writers.
func TestPruneWhileWriting(t *testing.T) {
	st := local.New(t.TempDir())
	for i := range 100 {
		pruned := make(chan error)
		go func() { pruned <- errors.Join(st.Prune("t/"), st.Prune("t/")) }()
		if err := st.Put(t.Context(), "t/a/b/x", []byte{byte(i)}); err != nil {
			t.Error(err)
		}
		if err := <-pruned; err != nil {
			t.Errorf("prune: %v", err)
		}
		if err := st.Delete(t.Context(), "t/a/b/x"); err != nil {
			t.Error(err)
		}
	}
}

// A full disk is known by its errno, however the error is wrapped.
func TestDiskFullIsTyped(t *testing.T) {
	st := objecttest.NewFaulty(local.New(t.TempDir()), objecttest.OnNth(1, objecttest.Put, "", objecttest.Before,
		&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}))
	if err := st.Put(t.Context(), "x", nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
}

func BenchmarkList100k(b *testing.B) {
	root := b.TempDir()
	makeFiles(b, root, 100_000)
	st := local.New(root)
	for b.Loop() {
		n := 0
		for in, err := range st.List(b.Context(), "", "") {
			if err != nil || in.ModTime().IsZero() {
				b.Fatal(err)
			}
			n++
		}
		if n != 100_000 {
			b.Fatalf("%d files", n)
		}
	}
}

func BenchmarkPutIfAbsent(b *testing.B) {
	st := local.New(b.TempDir())
	i := 0
	for b.Loop() {
		if err := st.PutIfAbsent(b.Context(), strconv.Itoa(i), []byte("{}")); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func makeFiles(tb testing.TB, dir string, n int) {
	tb.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		f, err := os.Create(fmt.Sprintf("%s/%d.csv", dir, i))
		if err != nil {
			tb.Fatal(err)
		}
		f.Close()
	}
}

func write(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, st *local.Store, prefix string) []string {
	t.Helper()
	var out []string
	for in, err := range st.List(t.Context(), prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, in.Name())
	}
	return out
}

func dirNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSpace(e.Name()))
	}
	return names
}

// A file that is written to in place is no longer the one that was opened.
func TestChangedInPlace(t *testing.T) {
	for _, change := range []struct{ name, text string }{{"same size", "other bytes."}, {"longer", "much longer than it was"}, {"shorter", "less"}} {
		t.Run(change.name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "a.csv")
			if err := os.WriteFile(name, []byte("twelve bytes"), 0o600); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-time.Hour)
			if err := os.Chtimes(name, old, old); err != nil {
				t.Fatal(err)
			}
			o, err := local.New(dir).Open(t.Context(), "a.csv")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = o.Close() }()
			p := make([]byte, 6)
			if n, err := o.ReadAt(p, 0); n != 6 || err != nil || string(p) != "twelve" {
				t.Fatalf("before: %q, %v", p[:n], err)
			}
			if err := os.WriteFile(name, []byte(change.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if n, err := o.ReadAt(p, 6); n != 0 || !errors.Is(err, object.ErrChanged) {
				t.Errorf("after: %d bytes, %v; want object.ErrChanged", n, err)
			}
		})
	}
}
