package state_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream/state"
	"github.com/freshet/freshet/schema"
)

var columns = schema.New(schema.Col("k", schema.String), schema.Col("n", schema.Long))

// rowsOf returns rows "key=number".
func rowsOf(texts ...string) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
		defer b.Release()
		for _, text := range texts {
			key, number, _ := strings.Cut(text, "=")
			var n int64
			if _, err := fmt.Sscan(number, &n); err != nil {
				yield(nil, err)
				return
			}
			b.Field(0).(*array.StringBuilder).Append(key)
			b.Field(1).(*array.Int64Builder).Append(n)
		}
		rec := b.NewRecordBatch()
		defer rec.Release()
		yield(rec, nil)
	}
}

func textsOf(rec arrow.RecordBatch) []string {
	var out []string
	for i := range int(rec.NumRows()) {
		out = append(out, rec.Column(0).ValueStr(i)+"="+rec.Column(1).ValueStr(i))
	}
	return out
}

func info(text string) func() (json.RawMessage, error) {
	return func() (json.RawMessage, error) { return json.RawMessage(text), nil }
}

func open(t *testing.T, store object.Store, query string, fresh bool) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), store, 0, columns, query, fresh)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// chain returns what holds a version, as "version:key=number".
func chain(ctx context.Context, s *state.Store, version int64) ([]string, error) {
	c, err := s.Chain(ctx, version)
	if err != nil {
		return nil, err
	}
	var out []string
	for rows, err := range c.Read(ctx) {
		if err != nil {
			return nil, err
		}
		for _, text := range textsOf(rows) {
			out = append(out, fmt.Sprintf("%d:%s", rows.Version, text))
		}
	}
	return out, nil
}

// TestVersions: a version is the newest snapshot up to it and the deltas
// since, and older ones can be read until they are purged.
func TestVersions(t *testing.T) {
	ctx, store := t.Context(), mem.New(time.Now)
	s := open(t, store, "q", true)
	for v := range int64(4) {
		if err := s.Write(ctx, v, rowsOf(fmt.Sprintf("k=%d", v)), info(fmt.Sprint(v))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Snapshot(ctx, 2, rowsOf("k=2")); err != nil {
		t.Fatal(err)
	}
	want := func(version int64, want ...string) {
		t.Helper()
		if got, err := chain(ctx, s, version); err != nil || !slices.Equal(got, want) {
			t.Errorf("version %d is %q (%v), want %q", version, got, err, want)
		}
	}
	want(-1)
	want(0, "0:k=0")
	want(1, "0:k=0", "1:k=1")
	want(2, "2:k=2")
	want(3, "2:k=2", "3:k=3")
	if got, ok, err := s.Info(ctx, 3); err != nil || !ok || string(got) != "3" {
		t.Errorf("info is %s, %t, %v", got, ok, err)
	}
	if _, ok, err := s.Info(ctx, 4); err != nil || ok {
		t.Errorf("there is a version 4: %t, %v", ok, err)
	}
	s = open(t, store, "q", false)
	if err := s.Purge(ctx, 3); err != nil {
		t.Fatal(err)
	}
	want(3, "2:k=2", "3:k=3")
	if _, err := chain(ctx, s, 1); classOf(err) != "CANNOT_LOAD_STATE_STORE.UNCATEGORIZED" {
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
		if _, err := state.Open(ctx, c.store, 0, columns, c.query, false); classOf(err) != "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE" {
			t.Errorf("opened: %v", err)
		}
	}
}

// TestLargeRows are kept in blocks within limits.
func TestLargeRows(t *testing.T) {
	ctx := t.Context()
	s := open(t, mem.New(time.Now), "q", true)
	var texts []string
	for i := range 40000 {
		texts = append(texts, fmt.Sprintf("%d=%d", i, i))
	}
	if err := s.Write(ctx, 0, rowsOf(texts...), info("{}")); err != nil {
		t.Fatal(err)
	}
	var got []string
	for rec, err := range s.Delta(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, textsOf(rec)...)
	}
	if !slices.Equal(got, texts) {
		t.Errorf("%d rows came back of %d", len(got), len(texts))
	}
}

// TestWriteThatFails leaves nothing.
func TestWriteThatFails(t *testing.T) {
	ctx, broken := t.Context(), errors.New("broken")
	s := open(t, mem.New(time.Now), "q", true)
	err := s.Write(ctx, 0, func(yield func(arrow.RecordBatch, error) bool) { yield(nil, broken) }, info("{}"))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, ok, err := s.Info(ctx, 0); ok || err != nil {
		t.Errorf("there is a version: %t, %v", ok, err)
	}
}

// content returns the bytes of a delta with two rows.
func content(tb testing.TB) []byte {
	tb.Helper()
	store := mem.New(time.Now)
	s, err := state.Open(tb.Context(), store, 0, columns, "q", true)
	if err == nil {
		err = s.Write(tb.Context(), 0, rowsOf("a=1", "b=2"), info(`{"x":1}`))
	}
	var o object.Object
	if err == nil {
		o, err = store.Open(tb.Context(), "state/0/0/0.delta")
	}
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// TestDamage: no byte of a file can be changed, and none be missing, without
// an error.
func TestDamage(t *testing.T) {
	good := content(t)
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 0x41
		if err := readAll(t, bad); err == nil {
			t.Errorf("byte %d was changed, and nobody noticed", i)
		}
		if err := readAll(t, good[:i]); err == nil {
			t.Errorf("%d of %d bytes were taken for all", i, len(good))
		}
	}
	if err := readAll(t, good); err != nil {
		t.Error(err)
	}
}

// readAll reads a file of these bytes as a delta.
func readAll(tb testing.TB, body []byte) error {
	tb.Helper()
	store := mem.New(time.Now)
	s, err := state.Open(tb.Context(), store, 0, columns, "q", true)
	if err != nil {
		tb.Fatal(err)
	}
	if err := store.Put(tb.Context(), "state/0/0/0.delta", body); err != nil {
		tb.Fatal(err)
	}
	if _, _, err := s.Info(tb.Context(), 0); err != nil {
		return err
	}
	for _, err := range s.Delta(tb.Context(), 0) {
		if err != nil {
			return err
		}
	}
	return nil
}

// FuzzFile reads what is no file of state: an error, and no panic.
func FuzzFile(f *testing.F) {
	good := content(f)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("FRSTATE1"))
	f.Fuzz(func(t *testing.T, body []byte) { _ = readAll(t, body) })
}
