package notify

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFolderBecomesAFile: neither the folder nor one above it need be one any
// more; the listing that follows says so, and what comes back is told of.
func TestFolderBecomesAFile(t *testing.T) {
	w := watch(t)
	w.do(os.Mkdir(w.path("in/a"), 0o700))
	w.write("in/a/1")
	w.want("in/a/1")
	w.do(os.RemoveAll(w.path("in")))
	w.write("in") // a file by that name
	w.take()
	w.do(os.Remove(w.path("in")))
	w.do(os.Mkdir(w.path("in"), 0o700))
	before := w.lost
	if w.take(); w.lost != before+1 {
		t.Error("nothing says that the new folder is to be listed")
	}
	clear(w.told)
	w.write("in/2")
	w.want("in/2")
}

// TestFolderBelowAFile is none, and an error that says so.
func TestFolderBelowAFile(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Watch(filepath.Join(root, "file", "in")); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("got %v, want that it is no directory", err)
	}
}

// TestFolderWhoseDirectoriesVanish: directories that go while they are added,
// or are files by then, end nothing.
func TestFolderWhoseDirectoriesVanish(t *testing.T) {
	root := t.TempDir()
	in := filepath.Join(root, "in")
	for _, dir := range []string{"gone", "replaced", "stays"} {
		if err := os.MkdirAll(filepath.Join(in, dir, "below"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	q, err := watchBy(in, func(fd int, dir string, mask uint32) (int, error) {
		wd, err := unix.InotifyAddWatch(fd, dir, mask)
		switch filepath.Base(dir) { // after it is watched, and before it is read
		case "gone":
			err = errors.Join(err, os.RemoveAll(dir))
		case "replaced":
			err = errors.Join(err, os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600))
		}
		return wd, err
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{t: t, root: root, q: q, told: map[string]int{}}
	defer func() { w.do(q.Close()) }()
	w.take()
	clear(w.told)
	w.write("in/stays/below/1")
	w.write("in/replaced")
	w.want("in/replaced", "in/stays/below/1")
}

// limited allows so many directories to be watched.
func limited(most int) func(int, string, uint32) (int, error) {
	return func(fd int, dir string, mask uint32) (int, error) {
		if most--; most < 0 {
			return 0, unix.ENOSPC
		}
		return unix.InotifyAddWatch(fd, dir, mask)
	}
}

// TestFolderBeyondTheLimit: a folder of which the machine lets nothing be
// watched is an error that says what to raise; one of which it lets a part be
// watched is listed every time.
func TestFolderBeyondTheLimit(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"in/a", "in/b", "in/c"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, err := watchBy(filepath.Join(root, "in"), limited(0))
	if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "fs.inotify.max_user_watches") {
		t.Errorf("got %v, want an error that says what to raise", err)
	}
	q, err := watchBy(filepath.Join(root, "in"), limited(2))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for range 3 {
		if n, err := q.Take(t.Context()); err != nil || !n.Lost || !errors.Is(n.Unwatched, ErrLimit) || !strings.Contains(n.Unwatched.Error(), "max_user_watches") {
			t.Errorf("got %v, %v, want that all is to be listed, and what to raise", n, err)
		}
	}
}

// TestFolderWithALoop: a link to a folder above is not followed, also when it
// is moved in, and has all be listed.
func TestFolderWithALoop(t *testing.T) {
	w := watch(t)
	w.do(os.Symlink(w.path("in"), w.path("loop")))
	w.do(os.Rename(w.path("loop"), w.path("in/loop")))
	w.write("in/1")
	w.want("in/1")
	before := w.lost
	if w.take(); w.lost != before+1 {
		t.Error("a folder with a link to itself is not to be listed")
	}
}
