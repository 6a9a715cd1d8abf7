package session_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
)

// disturbing is a store that runs a function once, when a file whose name ends
// in suffix has been opened or read from for the nth time.
type disturbing struct {
	object.Store
	suffix string
	opens  int64 // 0 counts reads
	reads  int64
	then   func()

	opened, read atomic.Int64
}

func (d *disturbing) Open(ctx context.Context, key string) (object.Object, error) {
	if !strings.HasSuffix(key, d.suffix) {
		return d.Store.Open(ctx, key)
	}
	if d.opened.Add(1) == d.opens {
		d.then()
	}
	o, err := d.Store.Open(ctx, key)
	return &disturbedObject{o, d}, err
}

type disturbedObject struct {
	object.Object
	store *disturbing
}

func (o *disturbedObject) ReadAt(p []byte, off int64) (int, error) {
	n, err := o.Object.ReadAt(p, off)
	if len(p) > 1<<10 && o.store.read.Add(1) == o.store.reads {
		o.store.then()
	}
	return n, err
}

const versionRows = 400_000

// version is a file of several megabytes whose rows all say which version of
// the file they are of.
func version(v int) []byte {
	var text strings.Builder
	text.WriteString("v,n\n")
	for n := range versionRows {
		fmt.Fprintf(&text, "%d,%07d\n", v, n)
	}
	return []byte(text.String())
}

// TestOverwrittenWhileRead: whatever happens to a file while it is loaded, the
// rows that the table gets of it are all those of one version (semantics §2.3),
// and with allowOverwrites each version that is met comes once.
func TestOverwrittenWhileRead(t *testing.T) {
	t.Parallel()
	replace := func(t *testing.T, name string) {
		t.Helper()
		temp := filepath.Join(filepath.Dir(filepath.Dir(name)), "new")
		if err := os.WriteFile(temp, version(2), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, name); err != nil {
			t.Fatal(err)
		}
	}
	inPlace := func(t *testing.T, name string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(version(2), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	const one, two = "1|400000|400000", "2|400000|400000"
	for _, c := range []struct {
		name         string
		overwrites   bool
		opens, reads int64
		change       func(*testing.T, string)
		fails        bool   // the refresh during which it happens
		want         string // versions, rows and different rows after two more refreshes
	}{
		{name: "replaced before it is opened", opens: 1, change: replace, want: two},
		{name: "replaced while it is read", reads: 2, change: replace, want: one},
		{name: "written to while it is read", reads: 2, change: inPlace, fails: true, want: two},
		{name: "replaced before it is opened, overwrites allowed", overwrites: true, opens: 1, change: replace, want: two},
		{name: "replaced while it is read, overwrites allowed", overwrites: true, reads: 2, change: replace, want: one + " " + two},
		{name: "written to while it is read, overwrites allowed", overwrites: true, reads: 2, change: inPlace, fails: true, want: two},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorkspace(t)
			name := w.file("a.csv", string(version(1)))
			past := time.Now().Add(-time.Hour)
			if err := os.Chtimes(name, past, past); err != nil {
				t.Fatal(err)
			}
			create := fmt.Sprintf("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('$IN', format => 'csv', schema => 'v INT, n INT', header => true, allowOverwrites => %v)", c.overwrites)
			w.through(&disturbing{Store: local.New("/"), suffix: "/a.csv", opens: c.opens, reads: c.reads, then: func() { c.change(t, name) }})
			_, err := w.try(create)
			if failed := err != nil; failed != c.fails || failed && !strings.Contains(err.Error(), "changed while it was read") {
				t.Fatalf("the refresh meanwhile: %v, want it to fail: %v", err, c.fails)
			}
			w.rows("REFRESH STREAMING TABLE t; REFRESH STREAMING TABLE t")
			got := strings.Join(w.rows("SELECT v, count(*), count(DISTINCT n) FROM t GROUP BY v ORDER BY v"), " ")
			if got != c.want {
				t.Errorf("the table has %s, want %s", got, c.want)
			}
		})
	}
}
