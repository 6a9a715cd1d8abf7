package state_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream/state"
	"github.com/freshet/freshet/schema"
)

var columns = schema.New(schema.Col("k", schema.String), schema.Col("n", schema.Long))

// row is a row of state as the tests have it.
type row struct {
	key  string
	n    int64
	at   state.Key
	ends int64
}

// plain returns rows "key=number" that stay for ever.
func plain(tb testing.TB, texts ...string) []row {
	tb.Helper()
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	rows := make([]row, len(texts))
	for i, text := range texts {
		key, number, _ := strings.Cut(text, "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		rows[i] = row{key: key, n: n, ends: state.Never}
		b.Append(key)
	}
	keys := b.NewArray()
	defer keys.Release()
	hashes := state.Hashes([]arrow.Array{keys}, len(rows))
	defer hashes.Release()
	for i := range rows {
		rows[i].at = state.Key{Lead: state.Never, Hash: hashes.Value(i)}
	}
	return rows
}

// numbered returns so many rows.
func numbered(tb testing.TB, n int) []row {
	tb.Helper()
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("%d=%d", i, i)
	}
	return plain(tb, texts...)
}

func compare(a, b row) int {
	return cmp.Or(cmp.Compare(a.at.Lead, b.at.Lead), cmp.Compare(a.at.Hash, b.at.Hash))
}

// batchOf returns rows as the store takes them, in batches.
func batchOf(rows []row) iter.Seq2[arrow.RecordBatch, error] {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, compare)
	layout := schema.New(append(slices.Clone(columns.Fields), schema.Col(state.LeadColumn, schema.Long), schema.Col(state.HashColumn, schema.Long), schema.Col(state.EndsColumn, schema.Long))...)
	return func(yield func(arrow.RecordBatch, error) bool) {
		for part := range slices.Chunk(rows, 3000) {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(layout))
			for _, r := range part {
				b.Field(0).(*array.StringBuilder).Append(r.key)
				for i, n := range []int64{r.n, r.at.Lead, r.at.Hash, r.ends} {
					b.Field(1 + i).(*array.Int64Builder).Append(n)
				}
			}
			rec := b.NewRecordBatch()
			more := yield(rec, nil)
			rec.Release()
			b.Release()
			if !more {
				return
			}
		}
	}
}

func rowsOf(tb testing.TB, texts ...string) iter.Seq2[arrow.RecordBatch, error] {
	tb.Helper()
	return batchOf(plain(tb, texts...))
}

// texts returns rows as "key=number", sorted.
func texts(rows iter.Seq2[arrow.RecordBatch, error]) ([]string, error) {
	var out []string
	for rec, err := range rows {
		if err != nil {
			return nil, err
		}
		for i := range int(rec.NumRows()) {
			out = append(out, rec.Column(0).ValueStr(i)+"="+rec.Column(1).ValueStr(i))
		}
	}
	slices.Sort(out)
	return out, nil
}

func info(text string) func() (json.RawMessage, error) {
	return func() (json.RawMessage, error) { return json.RawMessage(text), nil }
}

func openIn(ctx context.Context, store object.Store, query string, fresh bool) (*state.Store, error) {
	return state.Open(ctx, state.Config{Checkpoint: store, Columns: columns, Keys: 1, Query: query, Fresh: fresh, NewID: uuid.NewString})
}

func open(tb testing.TB, store object.Store, query string, fresh bool) *state.Store {
	tb.Helper()
	s, err := openIn(tb.Context(), store, query, fresh)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// all returns what a version has left.
func all(tb testing.TB, s *state.Store, version int64) ([]string, error) {
	tb.Helper()
	v, err := s.At(tb.Context(), version)
	if err != nil {
		return nil, err
	}
	return texts(v.All(tb.Context()))
}

// TestVersions: a version is what its batch has changed and what it has not,
// merged or not, and older ones can be read until they are purged.
func TestVersions(t *testing.T) {
	ctx, store := t.Context(), mem.New(time.Now)
	s := open(t, store, "q", true)
	for v := range int64(12) {
		if err := s.Write(ctx, state.Change{Version: v, Over: math.MinInt64, Rows: rowsOf(t, fmt.Sprintf("k=%d", v), fmt.Sprintf("%d=%d", v, v)), Info: info(fmt.Sprint(v))}); err != nil {
			t.Fatal(err)
		}
		if err := s.Merge(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*state.Store{s, open(t, store, "q", false)} {
		for version := range int64(12) {
			want := []string{fmt.Sprintf("k=%d", version)}
			for v := range version + 1 {
				want = append(want, fmt.Sprintf("%d=%d", v, v))
			}
			slices.Sort(want)
			if got, err := all(t, s, version); err != nil || !slices.Equal(got, want) {
				t.Errorf("version %d is %q (%v), want %q", version, got, err, want)
			}
		}
	}
	var got int
	if ok, err := s.Info(ctx, 3, &got); err != nil || !ok || got != 3 {
		t.Errorf("info is %d, %t, %v", got, ok, err)
	}
	if ok, err := s.Info(ctx, 12, &got); err != nil || ok {
		t.Errorf("there is a version 12: %t, %v", ok, err)
	}
	s = open(t, store, "q", false)
	if err := s.Purge(ctx, 10); err != nil {
		t.Fatal(err)
	}
	if got, err := all(t, s, 10); err != nil || len(got) != 12 {
		t.Errorf("version 10 is %q (%v)", got, err)
	}
	if _, err := all(t, s, 1); classOf(err) != "CANNOT_LOAD_STATE_STORE.UNCATEGORIZED" {
		t.Errorf("version 1 is still there, or gone without a word: %v", err)
	}
}

func classOf(err error) string {
	if c, ok := errors.AsType[errclass.Classified](err); ok {
		return c.ErrorClass()
	}
	return ""
}

// TestAnotherQuery cannot go on with a state, nor one that had none.
func TestAnotherQuery(t *testing.T) {
	ctx, store := t.Context(), mem.New(time.Now)
	open(t, store, "q", true)
	open(t, store, "other", true) // nothing was kept yet
	for _, c := range []struct {
		store object.Store
		query string
	}{{store, "q"}, {mem.New(time.Now), "q"}} {
		if _, err := openIn(ctx, c.store, c.query, false); classOf(err) != "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE" {
			t.Errorf("opened: %v", err)
		}
	}
}

// TestOlderLayout: a state of files that are no more written so is refused, by
// an error that says what to do.
func TestOlderLayout(t *testing.T) {
	for layout, field := range map[string]string{"layout 1": "", "layout 2": `"version":2,`} {
		ctx, store := t.Context(), mem.New(time.Now)
		if err := store.Put(ctx, "state/0/schema", []byte("{"+field+`"columns":{"type":"struct","fields":[]},"query":"q"}`)); err != nil {
			t.Fatal(err)
		}
		_, err := openIn(ctx, store, "q", false)
		if classOf(err) != "CANNOT_LOAD_STATE_STORE.UNCATEGORIZED" || !strings.Contains(err.Error(), layout) || !strings.Contains(err.Error(), "REFRESH STREAMING TABLE … FULL") {
			t.Errorf("%s opened: %v", layout, err)
		}
	}
}

// TestFind reads what is wanted, whether keys are few, neighbours or all, and
// of a large state little.
func TestFind(t *testing.T) {
	ctx, store := t.Context(), &objecttest.Counting{Store: mem.New(time.Now)}
	s := open(t, store, "q", true)
	const rows = 100_000
	list := numbered(t, rows)
	if err := s.Write(ctx, state.Change{Version: 0, Over: math.MinInt64, Rows: batchOf(list), Info: info("{}")}); err != nil {
		t.Fatal(err)
	}
	whole := store.BytesWrote
	slices.SortFunc(list, compare)
	for _, c := range []struct{ from, to, step, part int }{
		{0, 1, 1, 50}, {rows - 1, rows, 1, 50}, {rows / 2, rows/2 + 1000, 1, 50}, {0, rows, rows / 10, 6}, {0, rows, 1, 0},
	} {
		want, keys := []string(nil), &state.Wanted{}
		for i := c.from; i < c.to; i += c.step {
			keys.Add(list[i].at)
			want = append(want, fmt.Sprintf("%s=%d", list[i].key, list[i].n))
		}
		slices.Sort(want)
		store.BytesRead = 0
		v, err := s.At(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := texts(v.Find(ctx, keys))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v: found %d rows (%v), want %d", c, len(got), err, len(want))
		}
		if c.part > 0 && store.BytesRead > whole/int64(c.part) {
			t.Errorf("%+v: %d bytes were read of %d", c, store.BytesRead, whole)
		}
	}
}

// TestEnded: rows that end together are found together, and are then gone
// without being read.
func TestEnded(t *testing.T) {
	ctx, store := t.Context(), &objecttest.Counting{Store: mem.New(time.Now)}
	s := open(t, store, "q", true)
	list := numbered(t, 50_000)
	for i := range list {
		list[i].at.Lead, list[i].ends = int64(i/1000), int64(i/1000)
	}
	if err := s.Write(ctx, state.Change{Version: 0, Over: -1, Rows: batchOf(list), Info: info("{}")}); err != nil {
		t.Fatal(err)
	}
	whole := store.BytesWrote
	for version := int64(1); version <= 50; version++ {
		v, err := s.At(ctx, version-1)
		if err != nil {
			t.Fatal(err)
		}
		want := &state.Wanted{}
		want.AddEnded(v.Over(), version-1)
		store.BytesRead = 0
		if got, err := texts(v.Find(ctx, want)); err != nil || len(got) != 1000 {
			t.Fatalf("%d rows end in %d (%v)", len(got), version-1, err)
		}
		if store.BytesRead > whole/10 {
			t.Fatalf("%d bytes were read of %d", store.BytesRead, whole)
		}
		if err := s.Write(ctx, state.Change{Version: version, Over: version - 1, Rows: batchOf(nil), Info: info("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	store.Opened = 0
	if got, err := all(t, s, 50); err != nil || len(got) > 0 || store.Opened > 0 {
		t.Errorf("%d rows are left (%v), and %d files", len(got), err, store.Opened)
	}
}

// TestWriteThatFails leaves nothing.
func TestWriteThatFails(t *testing.T) {
	ctx, broken := t.Context(), errors.New("broken")
	s := open(t, mem.New(time.Now), "q", true)
	err := s.Write(ctx, state.Change{Version: 0, Over: math.MinInt64, Rows: func(yield func(arrow.RecordBatch, error) bool) { yield(nil, broken) }, Info: info("{}")})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if ok, err := s.Info(ctx, 0, new(any)); ok || err != nil {
		t.Errorf("there is a version: %t, %v", ok, err)
	}
}

// content returns the bytes of the files of a version with two rows, by their
// suffixes, and their store.
func content(tb testing.TB) (*mem.Store, map[string][]byte) {
	tb.Helper()
	ctx, store, files := tb.Context(), mem.New(time.Now), map[string][]byte{}
	s := open(tb, store, "q", true)
	rows := func() iter.Seq2[arrow.RecordBatch, error] { return rowsOf(tb, "a=1", "b=2") }
	brings, err := s.WriteRows(ctx, 0, s.Columns(), rows())
	if err == nil {
		err = s.Write(ctx, state.Change{Version: 0, Over: math.MinInt64, Rows: rows(), Info: info(`{"x":1}`), Brings: brings})
	}
	if err != nil {
		tb.Fatal(err)
	}
	for in, err := range store.List(ctx, "state/0/0/", "") {
		if err != nil {
			tb.Fatal(err)
		}
		body, err := object.ReadAll(ctx, store, in.Name(), 1<<20)
		if err != nil {
			tb.Fatal(err)
		}
		files[in.Name()] = body
	}
	if len(files) != 3 {
		tb.Fatalf("a version has %d files", len(files))
	}
	return store, files
}

// TestDamage: no byte of a file can be changed, and none be missing, without
// an error, which names the file.
func TestDamage(t *testing.T) {
	store, files := content(t)
	if err := readAll(t, store); err != nil {
		t.Fatal(err)
	}
	for name, good := range files {
		put := func(body []byte) {
			if err := store.Put(t.Context(), name, body); err != nil {
				t.Fatal(err)
			}
		}
		for i := range good {
			bad := slices.Clone(good)
			bad[i] ^= 0x41
			for what, body := range map[string][]byte{"was changed": bad, "is the last": good[:i]} {
				put(body)
				err := readAll(t, store)
				if classOf(err) != "CANNOT_LOAD_STATE_STORE.UNCATEGORIZED" || !strings.Contains(err.Error(), name) {
					t.Errorf("byte %d of %s %s: %v", i, name, what, err)
				}
			}
		}
		put(good)
	}
}

// readAll reads the first version of a state, as all there is and what it has
// changed and brings.
func readAll(tb testing.TB, store object.Store) error {
	tb.Helper()
	s := open(tb, store, "q", true)
	if _, err := s.Info(tb.Context(), 0, new(any)); err != nil {
		return err
	}
	_, read, err := s.Rows(tb.Context(), 0)
	if err != nil {
		return err
	}
	if _, err := texts(read(tb.Context())); err != nil {
		return err
	}
	if _, err := texts(s.Delta(tb.Context(), 0)); err != nil {
		return err
	}
	_, err = all(tb, s, 0)
	return err
}

// FuzzFile reads what is no file of state: an error, and no panic.
func FuzzFile(f *testing.F) {
	_, files := content(f)
	for _, good := range files {
		f.Add(good)
		f.Add(good[:len(good)-1])
	}
	f.Add([]byte("FRSTATE2"))
	f.Fuzz(func(t *testing.T, body []byte) {
		store, files := content(t)
		for name := range files {
			if err := store.Put(t.Context(), name, body); err != nil {
				t.Fatal(err)
			}
			_ = readAll(t, store)
		}
	})
}

// slow is a store whose objects answer after a while, as many at a time as are
// asked.
type slow struct {
	object.Store
	latency time.Duration
}

func (s slow) Open(ctx context.Context, key string) (object.Object, error) {
	o, err := s.Store.Open(ctx, key)
	return slowObject{o, s.latency}, err
}

type slowObject struct {
	object.Object
	latency time.Duration
}

func (o slowObject) ReadAt(p []byte, at int64) (int, error) {
	<-time.After(o.latency)
	return o.Object.ReadAt(p, at)
}

// TestReadsAtOnce: keys that are far apart are asked for many at a time.
func TestReadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, store := t.Context(), mem.New(nil)
		const rows, found = 200_000, 40
		list := numbered(t, rows)
		if err := open(t, store, "q", true).Write(ctx, state.Change{Version: 0, Over: math.MinInt64, Rows: batchOf(list), Info: info("{}")}); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(list, compare)
		keys := &state.Wanted{}
		for i := range found {
			keys.Add(list[i*rows/found].at)
		}
		counting := &objecttest.Counting{Store: slow{store, time.Second}}
		v, err := open(t, counting, "q", false).At(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		counting.Reads = 0
		start := time.Now()
		got, err := texts(v.Find(ctx, keys))
		if err != nil || len(got) != found {
			t.Fatalf("found %d rows (%v), want %d", len(got), err, found)
		}
		if reads, seconds := counting.Reads, time.Since(start).Seconds(); reads < found || seconds > float64(reads)/5 {
			t.Errorf("%d requests of a second each took %.0f s", reads, seconds)
		}
	})
}
