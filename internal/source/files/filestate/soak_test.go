package filestate_test

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"os"
	"path"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// manyFiles is how many files the test of a large state has; 0 chooses.
var manyFiles = flag.Int("files", 0, "files of TestManyFiles; 0 is 100 million with FRESHET_SOAK set, and 100,000 otherwise")

// weighed is a store that counts the bytes written and the objects opened.
type weighed struct {
	object.Store
	written, opened atomic.Int64
}

type weighedWriter struct {
	object.Upload
	to *weighed
}

func (w *weighedWriter) Write(p []byte) (int, error) {
	w.to.written.Add(int64(len(p)))
	return w.Upload.Write(p)
}

func (w *weighed) Create(ctx context.Context, key string) (object.Upload, error) {
	to, err := w.Store.Create(ctx, key)
	return &weighedWriter{to, w}, err
}

func (w *weighed) Open(ctx context.Context, key string) (object.Object, error) {
	w.opened.Add(1)
	return w.Store.Open(ctx, key)
}

// folder lists n files of one day, whose names sort as they were written.
func folder(day, n int) iter.Seq2[filestate.File, error] {
	return func(yield func(filestate.File, error) bool) {
		for i := range n {
			f := filestate.File{Path: nameOf(day, i), Size: 10_000, ModTime: int64(day)<<32 + int64(i)}
			if !yield(f, nil) {
				return
			}
		}
	}
}

func nameOf(day, i int) string {
	return fmt.Sprintf("s3://landing/readings/day=%05d/sensor-%08d.json", day, i)
}

// A state of many files is written a few times over, stands in few objects of
// a few bytes a file, and takes neither time nor memory to open: look-ups and
// the poll of a folder read what they need of it.
func TestManyFiles(t *testing.T) {
	total := *manyFiles
	switch {
	case total > 0:
	case os.Getenv("FRESHET_SOAK") != "":
		total = 100_000_000
	default:
		total = 100_000
	}
	const days = 100
	daily := total / days
	dir := t.TempDir()
	store := &weighed{Store: local.New(dir)}
	s := open(t, store, filestate.Options{NewID: uuid.NewString})
	began := time.Now()
	for day := range days {
		discover(t, s, folder(day, daily), filestate.Discovery{Now: int64(day)}, int64(daily))
		if err := s.Finish(t.Context(), filestate.Batch{ID: int64(day), End: s.Next()}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var stored, objects int64
	for in, err := range store.List(t.Context(), prefix, "") {
		if err != nil {
			t.Fatal(err)
		}
		stored, objects = stored+in.Size(), objects+1
	}
	t.Logf("%d files taken in %v: %.1f bytes a file in %d objects, %.1f bytes a file written", days*daily, time.Since(began).Round(time.Millisecond),
		float64(stored)/float64(total), objects, float64(store.written.Load())/float64(total))
	if perFile := stored / int64(total); perFile > 40 || objects > 200 {
		t.Errorf("the state takes %d bytes a file in %d objects", perFile, objects)
	}
	if times := store.written.Load() / stored; times > 12 {
		t.Errorf("the state was written %d times over", times)
	}

	before := heap()
	began = time.Now()
	s = open(t, store, filestate.Options{NewID: uuid.NewString})
	opening := time.Since(began)
	began = time.Now()
	const looks = 1000
	seen := s.Seen(filestate.Discovery{})
	for i := range looks {
		at := int(int64(i) * int64(total) / looks)
		for _, c := range []struct {
			path string
			want bool
		}{{nameOf(at/daily, at%daily), true}, {nameOf(at/daily, at%daily) + ".late", false}} {
			if got, err := seen.Has(t.Context(), c.path); err != nil || got != c.want {
				t.Fatalf("%s is known: %t (%v), want %t", c.path, got, err, c.want)
			}
		}
	}
	took := time.Since(began)
	grown := heap() - before
	seen.Close()
	t.Logf("reopened in %v; %d look-ups across all of it in %v, with %d KB of memory", opening.Round(time.Microsecond), 2*looks, took.Round(time.Millisecond), grown>>10)
	if grown > 64<<20 {
		t.Errorf("the open state takes %d bytes of memory", grown)
	}

	began = time.Now()
	discover(t, s, func(yield func(filestate.File, error) bool) {
		for f, err := range folder(days/2, daily) {
			if !yield(f, err) {
				return
			}
		}
		yield(filestate.File{Path: path.Dir(nameOf(days/2, 0)) + "/z-late.json", Size: 1}, nil)
	}, filestate.Discovery{Now: days}, 1)
	t.Logf("polled a folder of %d known files and a new one in %v", daily, time.Since(began).Round(time.Microsecond))
	if got := pending(t, s, s.Taken(), s.Next()); len(got) != 1 {
		t.Errorf("files to load: %q, want the new one", got)
	}
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
