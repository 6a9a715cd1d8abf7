package session_test

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/session"
)

// through starts a session of the workspace whose files and tables are in
// store, which is all of this machine's.
func (w *workspace) through(store object.Store) {
	w.t.Helper()
	s, err := session.Open(w.t.Context(), session.Config{
		Workspace: filepath.Join(w.root, "ws"), Parallelism: 2, Sample: w.sample,
		Openers: location.Openers{"file": func(context.Context, location.Location) (object.Store, error) { return store, nil }},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	w.t.Cleanup(func() { _ = s.Close() })
}

// interrupting is a store that runs a function once, when a file has been
// listed and not yet opened.
type interrupting struct {
	object.Store
	once sync.Once
	then func()
}

func (i *interrupting) List(ctx context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		for info, err := range i.Store.List(ctx, prefix, startAfter) {
			if !yield(info, err) {
				return
			}
		}
		if strings.Contains(prefix, "/in/") {
			i.once.Do(i.then)
		}
	}
}

const sources = 1000

// thousand writes sources files with one row each: 0, 1 and so on.
func (w *workspace) thousand() {
	w.t.Helper()
	for i := range sources {
		w.file(fmt.Sprintf("%04d.csv", i), fmt.Sprintf("id\n%d\n", i))
	}
}

// One file among a thousand that cannot be read fails the load, which names
// it, unless such files are to be left out; once it can be read it is loaded.
func TestUnreadableAmongThousand(t *testing.T) {
	const at, name = 500, "0500.csv"
	whole := fmt.Sprintf("id\n%d\n", at)
	for _, c := range []struct {
		name  string
		spoil func(w *workspace)
		mend  func(w *workspace)
	}{
		{"replaced by garbage", func(w *workspace) {
			w.file(name+".gz", "no gzip at all")
			w.remove(name)
		}, func(w *workspace) {
			w.file(name, whole)
			w.remove(name + ".gz")
		}},
		{"cut in a character", func(w *workspace) { w.file(name, "\xff\xfei\x00d\x00\n\x00x") }, func(w *workspace) { w.file(name, whole) }},
		{"read fails", func(w *workspace) {
			w.through(objecttest.NewFaulty(local.New("/"), func(c objecttest.Call) objecttest.Fault {
				if c.Op == objecttest.ReadAt && strings.HasSuffix(c.Key, "/"+name) {
					return objecttest.Fault{When: objecttest.Before}
				}
				return objecttest.Fault{}
			}))
		}, func(w *workspace) { w.open() }},
		{"open fails", func(w *workspace) {
			w.through(objecttest.NewFaulty(local.New("/"), func(c objecttest.Call) objecttest.Fault {
				if c.Op == objecttest.Open && strings.HasSuffix(c.Key, "/"+name) {
					return objecttest.Fault{When: objecttest.Before}
				}
				return objecttest.Fault{}
			}))
		}, func(w *workspace) { w.open() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkspace(t)
			w.thousand()
			w.rows("CREATE TABLE t (id INT)")
			c.spoil(w)
			w.refuses("t", copyCSV, *unread.mentioning(name))
			ignoring := strings.Replace(copyCSV, "'header'", "'ignoreCorruptFiles' = 'true', 'header'", 1)
			w.want(ignoring, copyResult(sources-1, 1))
			w.want("SELECT count(*), count(DISTINCT id), sum(id) FROM t", fmt.Sprintf("%d|%d|%d", sources-1, sources-1, sources*(sources-1)/2-at))
			c.mend(w)
			w.want(copyCSV, copyResult(1, 0))
			w.want(copyCSV, copyResult(0, 0))
			w.want("SELECT count(*), count(DISTINCT id) FROM t", fmt.Sprintf("%d|%d", sources, sources))
			w.wantNoStrays("t")
		})
	}
}

func (w *workspace) remove(name string) {
	w.t.Helper()
	if err := os.RemoveAll(filepath.Join(w.in, name)); err != nil {
		w.t.Fatal(err)
	}
}

// What is no file is passed over: a link to nothing, and a directory, however
// it is called.
func TestNoFileAmongFiles(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	if err := os.Symlink(filepath.Join(w.in, "nowhere"), filepath.Join(w.in, "b.csv")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.in, "c.csv"), 0o777); err != nil {
		t.Fatal(err)
	}
	w.rows("CREATE TABLE t (id INT)")
	w.want(copyCSV, copyResult(1, 0))
	w.file("c.csv/d.csv", "id\n2\n")
	w.want(copyCSV, copyResult(1, 0))
	w.want("SELECT * FROM t", "1", "2")
}

// Files that vanish between listing and reading fail a query; COPY INTO
// passes over them and loads them when they are back (semantics §4.6).
func TestVanishing(t *testing.T) {
	const strict = "COPY INTO t FROM '$IN' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true', 'inferSchema' = 'true', 'ignoreMissingFiles' = 'false')"
	missing := refusal{"FAILED_READ_FILE.DBR_FILE_NOT_EXIST", "KD001", nil}
	for _, c := range []struct {
		name   string
		vanish string
		left   []string
	}{
		{"one file", "sub/b.csv", []string{"1"}},
		{"a directory", "sub", []string{"1"}},
		{"everything", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, statement := range []string{
				strict, "SELECT * FROM read_files('$IN', format => 'csv', header => true)",
				"INSERT INTO t SELECT id FROM read_files('$IN', format => 'csv', header => true)",
				"CREATE TABLE u AS SELECT id FROM read_files('$IN', format => 'csv', header => true)",
			} {
				w := newWorkspace(t)
				w.rows("CREATE TABLE t (id INT)")
				w.vanishing(c.vanish)
				w.refuses("t", statement, *missing.mentioning(".csv"))
			}
			w := newWorkspace(t)
			w.rows("CREATE TABLE t (id INT)")
			w.vanishing(c.vanish)
			w.want(copyCSV, copyResult(len(c.left), 0))
			w.want("SELECT * FROM t", c.left...)
			w.file("a.csv", "id\n1\n")
			w.file("sub/b.csv", "id\n2\n")
			w.want(copyCSV, copyResult(2-len(c.left), 0))
			w.want("SELECT * FROM t", "1", "2")
		})
	}
}

// vanishing makes a.csv and sub/b.csv, of which name vanishes once they are
// listed.
func (w *workspace) vanishing(name string) {
	w.t.Helper()
	w.file("a.csv", "id\n1\n")
	w.file("sub/b.csv", "id\n2\n")
	w.through(&interrupting{Store: local.New("/"), then: func() { w.remove(name) }})
}

// A directory that is not there at all is told as such.
func TestNoDirectory(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id INT)")
	w.remove("")
	w.refuses("t", copyCSV, refusal{"PATH_NOT_FOUND", "42K03", []string{w.in}})
}

// A directory that cannot be listed is no empty one.
func TestUnlistableDirectory(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.csv", "id\n1\n")
	w.rows("CREATE TABLE t (id INT)")
	w.through(objecttest.NewFaulty(local.New("/"), func(c objecttest.Call) objecttest.Fault {
		if c.Op == objecttest.List && strings.Contains(c.Key, "/in/") {
			return objecttest.Fault{When: objecttest.After, Err: fs.ErrPermission}
		}
		return objecttest.Fault{}
	}))
	w.refuses("t", copyCSV, refusal{"FAILED_READ_FILE", "KD001", []string{w.in, "permission"}})
}
