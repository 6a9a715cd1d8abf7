// Package objecttest proves that an [object.Store] keeps its contract, and
// makes stores fail on purpose, by a schedule that can be replayed.
package objecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/freshet/freshet/internal/object"
)

// Run checks every promise of [object.Store] against stores that open
// returns, each empty.
func Run(t *testing.T, open func(t *testing.T) object.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, st object.Store)
	}{
		{"PutThenOpen", putThenOpen},
		{"Missing", missing},
		{"PutReplaces", putReplaces},
		{"PutIfAbsent", putIfAbsent},
		{"PutIfAbsentRace", putIfAbsentRace},
		{"Upload", upload},
		{"UploadAbort", uploadAbort},
		{"ListOrder", listOrder},
		{"ListStartAfter", listStartAfter},
		{"ListStops", listStops},
		{"ConcurrentReadAt", concurrentReadAt},
		{"BadKeys", badKeys},
		{"Cancelled", cancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func putThenOpen(t *testing.T, st object.Store) {
	t.Helper()
	for _, data := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("0123456789abcdef"), 1<<16)} {
		must(t, st.Put(t.Context(), "a/b/c.bin", data))
		if got := content(t, st, "a/b/c.bin"); !bytes.Equal(got, data) {
			t.Errorf("read %d bytes back, want the %d written", len(got), len(data))
		}
	}
	o, err := st.Open(t.Context(), "a/b/c.bin")
	must(t, err)
	defer closing(t, o)
	if o.ModTime() <= 0 {
		t.Errorf("ModTime is %d, want microseconds since 1970", o.ModTime())
	}
}

func missing(t *testing.T, st object.Store) {
	t.Helper()
	must(t, st.Put(t.Context(), "a", []byte("x")))
	must(t, st.Put(t.Context(), "dir/a", []byte("x")))
	for _, key := range []string{"b", "dir/b", "no/such/key", "dir", "a/below-a-file"} {
		if _, err := st.Open(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v, want fs.ErrNotExist", key, err)
		}
		if err := st.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q) of a missing object: %v", key, err)
		}
	}
	must(t, st.Delete(t.Context(), "a"))
	if _, err := st.Open(t.Context(), "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a deleted object: %v, want fs.ErrNotExist", err)
	}
	if got := content(t, st, "dir/a"); string(got) != "x" {
		t.Errorf("deleting the missing object dir changed dir/a to %q", got)
	}
}

func putReplaces(t *testing.T, st object.Store) {
	t.Helper()
	must(t, st.Put(t.Context(), "k", []byte("first and long")))
	before, err := st.Open(t.Context(), "k")
	must(t, err)
	defer closing(t, before)
	must(t, st.Put(t.Context(), "k", []byte("second")))
	if got := content(t, st, "k"); string(got) != "second" {
		t.Errorf("got %q, want second", got)
	}
	old := make([]byte, before.Size())
	if _, err := before.ReadAt(old, 0); err != nil && !errors.Is(err, io.EOF) || string(old) != "first and long" {
		t.Errorf("an open object changed under its reader: %q, %v", old, err)
	}
}

func putIfAbsent(t *testing.T, st object.Store) {
	t.Helper()
	must(t, st.PutIfAbsent(t.Context(), "log/0", []byte("mine")))
	if err := st.PutIfAbsent(t.Context(), "log/0", []byte("yours")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second PutIfAbsent: %v, want fs.ErrExist", err)
	}
	if got := content(t, st, "log/0"); string(got) != "mine" {
		t.Errorf("the loser's bytes are there: %q", got)
	}
	must(t, st.Delete(t.Context(), "log/0"))
	must(t, st.PutIfAbsent(t.Context(), "log/0", []byte("again")))
}

// putIfAbsentRace lets 16 writers race for each of 20 keys: one wins, and its
// bytes are the object.
func putIfAbsentRace(t *testing.T, st object.Store) {
	t.Helper()
	const writers = 16
	for round := range 20 {
		key := fmt.Sprintf("log/%020d.json", round)
		var start, done sync.WaitGroup
		start.Add(1)
		errs := make([]error, writers)
		for i := range writers {
			done.Go(func() {
				start.Wait()
				errs[i] = st.PutIfAbsent(t.Context(), key, fmt.Appendf(nil, "writer %d", i))
			})
		}
		start.Done()
		done.Wait()
		winner := slices.Index(errs, nil)
		for i, err := range errs {
			if i != winner && !errors.Is(err, fs.ErrExist) {
				t.Errorf("round %d: writer %d got %v beside the winner %d", round, i, err, winner)
			}
		}
		if got, want := string(content(t, st, key)), fmt.Sprintf("writer %d", winner); got != want {
			t.Errorf("round %d: object holds %q, want %q", round, got, want)
		}
	}
	if got := keys(t, st, "", ""); len(got) != 20 {
		t.Errorf("after the races %d objects are listed, want 20: %v", len(got), got)
	}
}

func upload(t *testing.T, st object.Store) {
	t.Helper()
	up, err := st.Create(t.Context(), "data/part-0.bin")
	must(t, err)
	for range 100 {
		if _, err := up.Write(bytes.Repeat([]byte("x"), 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := st.Open(t.Context(), "data/part-0.bin"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("visible before Close: %v", err)
	}
	if got := keys(t, st, "", ""); len(got) != 0 {
		t.Errorf("listed before Close: %v", got)
	}
	must(t, up.Close())
	if got := len(content(t, st, "data/part-0.bin")); got != 100_000 {
		t.Errorf("object has %d bytes, want 100000", got)
	}
	must(t, up.Abort())
	if got := keys(t, st, "", ""); len(got) != 1 {
		t.Errorf("Abort after Close removed the object")
	}
}

func uploadAbort(t *testing.T, st object.Store) {
	t.Helper()
	must(t, st.Put(t.Context(), "k", []byte("old")))
	up, err := st.Create(t.Context(), "k")
	must(t, err)
	if _, err := up.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	must(t, up.Abort())
	if err := up.Close(); err == nil {
		t.Errorf("Close after Abort reports success")
	}
	if got := content(t, st, "k"); string(got) != "old" {
		t.Errorf("an aborted upload replaced the object: %q", got)
	}
}

// ordered are keys in byte order, chosen where a walk of directories in name
// order goes wrong.
var ordered = []string{
	"A", "_x/1", "a", "a b", "a!/z", "a-b", "a-b/1", "a.b", "a/1", "a/1.5", "a/1/2/3", "a/10", "a/2", "a0", "ab/c",
	"b/Ü", "b/é", "z",
}

func putOrdered(t *testing.T, st object.Store) {
	t.Helper()
	t.Helper()
	for _, k := range slices.Backward(ordered) {
		if isPrefixOfAnother(k) {
			continue
		}
		must(t, st.Put(t.Context(), k, []byte(k)))
	}
}

// isPrefixOfAnother tells keys that a directory tree cannot hold beside
// others.
func isPrefixOfAnother(key string) bool {
	return slices.ContainsFunc(ordered, func(o string) bool { return strings.HasPrefix(o, key+"/") })
}

func wantKeys(prefix, startAfter string) []string {
	return slices.DeleteFunc(slices.Clone(ordered), func(k string) bool {
		return isPrefixOfAnother(k) || !strings.HasPrefix(k, prefix) || k <= startAfter
	})
}

func listOrder(t *testing.T, st object.Store) {
	t.Helper()
	if got := keys(t, st, "", ""); len(got) != 0 {
		t.Errorf("an empty store lists %v", got)
	}
	putOrdered(t, st)
	for _, prefix := range []string{"", "a", "a/", "a/1", "a/1/", "a/1/2/3", "b/", "b/é", "c", "c/d/", "a/1/2/3/", "..", "/"} {
		if got, want := keys(t, st, prefix, ""), wantKeys(prefix, ""); !slices.Equal(got, want) {
			t.Errorf("List(%q)\n got %q\nwant %q", prefix, got, want)
		}
	}
	for in, err := range st.List(t.Context(), "a/", "") {
		must(t, err)
		if in.Size() != int64(len(in.Name())) || in.IsDir() || in.ModTime().IsZero() {
			t.Errorf("info of %s: size %d, dir %t, modified %v", in.Name(), in.Size(), in.IsDir(), in.ModTime())
		}
	}
}

func listStartAfter(t *testing.T, st object.Store) {
	t.Helper()
	putOrdered(t, st)
	for _, prefix := range []string{"", "a", "a/"} {
		for _, after := range append(slices.Clone(ordered), "a/", "a/1/", "a/1/2", "a0/", "~") {
			if got, want := keys(t, st, prefix, after), wantKeys(prefix, after); !slices.Equal(got, want) {
				t.Errorf("List(%q, after %q)\n got %q\nwant %q", prefix, after, got, want)
			}
		}
	}
}

func listStops(t *testing.T, st object.Store) {
	t.Helper()
	putOrdered(t, st)
	n := 0
	for _, err := range st.List(t.Context(), "", "") {
		must(t, err)
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d objects before the break, want 3", n)
	}
}

func concurrentReadAt(t *testing.T, st object.Store) {
	t.Helper()
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	must(t, st.Put(t.Context(), "big", data))
	o, err := st.Open(t.Context(), "big")
	must(t, err)
	defer closing(t, o)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			buf := make([]byte, 1000)
			for off := w * 999; off+len(buf) <= len(data); off += 8000 {
				if _, err := o.ReadAt(buf, int64(off)); err != nil || !bytes.Equal(buf, data[off:off+len(buf)]) {
					t.Errorf("ReadAt %d: wrong bytes or %v", off, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n, err := o.ReadAt(make([]byte, 10), int64(len(data))-4); n != 4 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt over the end: %d, %v, want 4, EOF", n, err)
	}
}

func badKeys(t *testing.T, st object.Store) {
	t.Helper()
	for _, key := range []string{"", "/a", "../a", "a/../b", "a//b", "a/", ".", "a/."} {
		if err := st.Put(t.Context(), key, nil); err == nil {
			t.Errorf("Put(%q) is accepted", key)
		}
		if err := st.PutIfAbsent(t.Context(), key, nil); err == nil || errors.Is(err, fs.ErrExist) {
			t.Errorf("PutIfAbsent(%q): %v, want an error other than fs.ErrExist", key, err)
		}
		if _, err := st.Create(t.Context(), key); err == nil {
			t.Errorf("Create(%q) is accepted", key)
		}
	}
}

func cancelled(t *testing.T, st object.Store) {
	t.Helper()
	must(t, st.Put(t.Context(), "k", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := st.Open(ctx, "k"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v, want context.Canceled", err)
	}
	if err := st.PutIfAbsent(ctx, "l", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("PutIfAbsent: %v, want context.Canceled", err)
	}
	for _, err := range st.List(ctx, "", "") {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("List: %v, want context.Canceled", err)
		}
	}
}

func closing(t *testing.T, c io.Closer) {
	t.Helper()
	must(t, c.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, st object.Store, key string) []byte {
	t.Helper()
	o, err := st.Open(t.Context(), key)
	must(t, err)
	defer closing(t, o)
	data, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	must(t, err)
	return data
}

func keys(t *testing.T, st object.Store, prefix, startAfter string) []string {
	t.Helper()
	var out []string
	for in, err := range st.List(t.Context(), prefix, startAfter) {
		must(t, err)
		out = append(out, in.Name())
	}
	return out
}
