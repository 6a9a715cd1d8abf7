package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// disk is a small file system of its own.
type disk struct {
	t   *testing.T
	dir string
}

// newDisk mounts a file system in memory at dir, which takes rights that not
// every machine gives to its tests.
func newDisk(t *testing.T, dir string) *disk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return &disk{t: t, dir: dir}
}

// leave changes the disk's size so that so many bytes are free.
func (d *disk) leave(free int64) {
	d.t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &stat); err != nil {
		d.t.Fatal(err)
	}
	used := int64(stat.Blocks-stat.Bfree) * stat.Bsize
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT, "size="+strconv.FormatInt(used+free, 10)); err != nil {
		d.t.Fatal(err)
	}
}

// full reports whether an error says that the disk is full.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || err != nil && strings.Contains(err.Error(), "no space left on device")
}

// A disk gets full at each page of a load in turn. The load fails with a class,
// the table stays as it was and its directory too; with more space the load
// goes through.
func TestFullDisk(t *testing.T) {
	w := newWorkspace(t)
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	d := newDisk(t, filepath.Join(w.root, "ws", "tables"))
	w.open()
	defer func() { _ = w.s.Close() }() // before the disk goes
	var text strings.Builder
	text.WriteString("id\n")
	for i := range 20_000 {
		fmt.Fprintln(&text, i*7919%1_000_003)
	}
	w.file("a.csv", text.String())
	w.rows("CREATE TABLE t (id INT)")
	const page = 4096
	failed := 0
	for free := int64(0); ; free += page {
		if free > 100*page {
			t.Fatal("the load does not work however much space there is")
		}
		before := w.state("t")
		d.leave(free)
		_, err := w.try(copyCSV)
		if err == nil {
			break
		}
		failed++
		if !full(err) {
			t.Errorf("%d bytes free: %v, want that the disk is full", free, err)
		}
		if _, ok := errors.AsType[errclass.Classified](err); !ok {
			t.Errorf("%d bytes free: the error has no class: %v", free, err)
		}
		if after := w.state("t"); after.Version != before.Version || len(after.Rows) != 0 {
			t.Fatalf("%d bytes free: the load failed and the table has version %s and %d rows", free, after.Version, len(after.Rows))
		}
		w.wantNoStrays("t")
	}
	if failed < 10 {
		t.Errorf("the disk was full %d times only", failed)
	}
	w.want("SELECT count(*), count(DISTINCT id) FROM t", "20000|20000")
	w.want(copyCSV, copyResult(0, 0))
}
