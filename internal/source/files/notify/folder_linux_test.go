package notify

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// watched is a folder, a queue that watches it, and what it has told.
type watched struct {
	t    *testing.T
	root string
	q    Queue
	told map[string]int
	lost int
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t, root: t.TempDir(), told: map[string]int{}}
	w.do(os.Mkdir(w.path("in"), 0o700))
	var err error
	w.q, err = Watch(w.path("in"))
	w.do(err)
	t.Cleanup(func() { w.do(w.q.Close()) })
	if w.take(); w.lost != 1 {
		t.Errorf("the first notices say %d times that all is to be listed, want once", w.lost)
	}
	return w
}

func (w *watched) path(name string) string { return filepath.Join(w.root, name) }

func (w *watched) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) take() {
	w.t.Helper()
	n, err := w.q.Take(w.t.Context())
	w.do(err)
	for _, p := range n.Paths {
		w.told[p]++
	}
	if n.Lost {
		w.lost++
	}
	w.do(w.q.Ack(w.t.Context()))
}

// want waits until all these, and no others, were told of.
func (w *watched) want(names ...string) {
	w.t.Helper()
	wanted := []string{}
	for _, n := range names {
		wanted = append(wanted, w.path(n))
	}
	slices.Sort(wanted)
	patience := time.After(10 * time.Second)
	for {
		w.take()
		got := slices.Sorted(maps.Keys(w.told))
		if slices.Equal(got, wanted) {
			break
		}
		select {
		case <-w.q.Ready():
			continue
		case <-patience:
			w.t.Errorf("told of %q, want %q", got, wanted)
		}
		break
	}
	clear(w.told)
}

func (w *watched) write(name string) {
	w.t.Helper()
	w.do(os.WriteFile(w.path(name), []byte("x"), 0o600))
}

func TestFolderTellsOfWholeFiles(t *testing.T) {
	w := watch(t)
	w.write("in/written")
	w.write("outside")
	w.do(os.Rename(w.path("outside"), w.path("in/renamed")))
	w.write("kept")
	w.do(os.Link(w.path("kept"), w.path("in/linked")))
	w.do(os.Symlink(w.path("kept"), w.path("in/symlinked")))
	w.want("in/written", "in/renamed", "in/linked", "in/symlinked")

	f, err := os.Create(w.path("in/open"))
	w.do(err)
	w.write("in/other")
	w.want("in/other")
	w.do(f.Close())
	w.want("in/open")
	if w.lost != 1 {
		t.Errorf("notices were lost %d times", w.lost-1)
	}
}

func TestFolderFollowsItsDirectories(t *testing.T) {
	w := watch(t)
	w.do(os.MkdirAll(w.path("in/a/b"), 0o700))
	w.write("in/a/b/1")
	w.want("in/a/b/1")
	w.do(os.MkdirAll(w.path("new/deep"), 0o700))
	w.write("new/deep/2")
	w.do(os.Rename(w.path("new"), w.path("in/new")))
	w.want("in/new/deep/2")
	w.do(os.Rename(w.path("in/new"), w.path("in/moved")))
	w.want("in/moved/deep/2")
	w.write("in/moved/deep/3")
	w.want("in/moved/deep/3")
	w.do(os.Rename(w.path("in/moved"), w.path("gone")))
	w.write("in/4")
	w.want("in/4")
	w.write("gone/deep/5")
	w.write("in/6")
	w.want("in/6")
}

func TestFolderThatIsReplaced(t *testing.T) {
	w := watch(t)
	w.do(os.Rename(w.path("in"), w.path("old")))
	w.take()
	w.do(os.Mkdir(w.path("in"), 0o700))
	if w.take(); w.lost != 2 {
		t.Errorf("all is to be listed %d times more, want once", w.lost-1)
	}
	w.write("in/1")
	w.want("in/1")
}

// TestFolderWithLinkedDirectories is listed every time.
func TestFolderWithLinkedDirectories(t *testing.T) {
	w := watch(t)
	w.do(os.Mkdir(w.path("elsewhere"), 0o700))
	w.do(os.Symlink(w.path("elsewhere"), w.path("in/link")))
	w.write("in/1")
	w.want("in/1")
	for range 2 {
		before := w.lost
		if w.take(); w.lost != before+1 {
			t.Error("a folder with a linked directory is not to be listed")
		}
	}
}

// TestFolderWithALinkBeforeItsFile is listed, as the file comes elsewhere.
func TestFolderWithALinkBeforeItsFile(t *testing.T) {
	w := watch(t)
	w.do(os.Symlink(w.path("later"), w.path("in/link")))
	w.do(os.WriteFile(w.path("in/a"), nil, 0o600))
	w.want("in/a")
	if w.take(); w.lost < 2 {
		t.Error("what comes where the link leads to is not said to be listed")
	}
}

// TestFolderOverflows: when more happens than the kernel or the queue keeps,
// all is to be listed, and what comes then is told of again.
func TestFolderOverflows(t *testing.T) {
	w := watch(t)
	f, ok := w.q.(*folder)
	if !ok {
		t.Fatal("the queue is no folder")
	}
	f.mu.Lock() // so that nothing is read
	w.do(os.MkdirAll(w.path("in/unseen"), 0o700))
	for i := range 12_000 { // each is more than one event; the kernel keeps 16384
		name := w.path(fmt.Sprintf("in/%d", i))
		w.do(os.WriteFile(name, nil, 0o600))
		w.do(os.Remove(name))
	}
	f.mu.Unlock()
	for deadline := time.Now().Add(10 * time.Second); w.lost < 2 && time.Now().Before(deadline); {
		<-w.q.Ready()
		w.take()
	}
	if w.lost < 2 {
		t.Fatal("nothing says that notices were lost")
	}
	clear(w.told)
	w.write("in/unseen/later")
	for deadline := time.Now().Add(10 * time.Second); w.told[w.path("in/unseen/later")] == 0 && time.Now().Before(deadline); {
		<-w.q.Ready()
		w.take()
	}
	if w.told[w.path("in/unseen/later")] == 0 {
		t.Error("a directory that came unseen is not watched")
	}
}
