package delta_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	arrowmemory "github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// TestCommits: each version says which files it brought and took, and files
// can be read that the table no longer has.
func TestCommits(t *testing.T) {
	st := newMemory()
	s := peopleTable(t, st, nil)
	s, _ = change{deletes: []int64{3}}.apply(t, st, s)
	s, _ = change{inserts: []int64{90}}.apply(t, st, s)
	table := delta.NewTable(st, delta.Options{})
	var got []string
	var removed []delta.AddFile
	for c, err := range table.Commits(t.Context(), 0, s.Version()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%d +%d -%d %t", c.Version, len(c.Adds), len(c.Removes), c.Metadata != nil))
		if c.Version == 0 {
			removed = c.Adds
		}
	}
	if want := []string{"0 +2 -0 true", "1 +1 -1 false", "2 +1 -0 false"}; !slices.Equal(got, want) {
		t.Errorf("commits %q, want %q", got, want)
	}
	rows := int64(0)
	files := func(yield func(delta.AddFile, error) bool) {
		for _, f := range removed {
			if !yield(f, nil) {
				return
			}
		}
	}
	for r, err := range s.ScanFiles(t.Context(), files, delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		rows += r.NumRows()
		r.Release()
	}
	if rows != 20 {
		t.Errorf("the first version's files have %d rows, want 20", rows)
	}
	if err := st.Delete(t.Context(), "_delta_log/00000000000000000001.json"); err != nil {
		t.Fatal(err)
	}
	for _, err := range table.Commits(t.Context(), 1, 2) {
		if lost := new(delta.TruncatedLogError); !errors.As(err, &lost) || lost.Missing != 1 {
			t.Errorf("a commit that is gone gives %v", err)
		}
	}
}

// TestVersionSince finds the version to begin with at a point in time.
func TestVersionSince(t *testing.T) {
	st := newMemory()
	start := st.now
	s := peopleTable(t, st, nil)
	st.now = start.Add(time.Hour)
	_, _ = change{inserts: []int64{90}}.apply(t, st, s)
	table := delta.NewTable(st, delta.Options{})
	for after, want := range map[time.Duration]int64{-time.Hour: 0, 0: 0, time.Minute: 1, time.Hour: 1} {
		if got, err := table.VersionSince(t.Context(), start.Add(after)); err != nil || got != want {
			t.Errorf("%v after the start begins version %d (%v), want %d", after, got, err, want)
		}
	}
}

// TestMergeNullKeys: nulls are keys like others when that is asked for, and
// what the source's batches hold is not looked at after they are released.
func TestMergeNullKeys(t *testing.T) {
	st := newMemory()
	columns := schema.New(schema.Col("k", schema.String), schema.Col("n", schema.Long))
	table := delta.NewTable(st, delta.Options{})
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: columns})
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
		t.Fatal(err)
	}
	batch := func(text string) arrow.RecordBatch {
		rec, _, err := array.RecordFromJSON(arrowmemory.DefaultAllocator, schema.ToArrow(columns), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	for version, text := range []string{
		`[{"k":"a","n":1},{"k":null,"n":2}]`, `[{"k":null,"n":3},{"k":"b","n":4}]`, `[{"k":"a","n":5}]`, `[]`,
	} {
		opts := delta.MergeOptions{
			Keys: []string{"k"}, NullKeys: true, Operation: "STREAMING UPDATE", Parameters: map[string]any{"epochId": "0"},
			Also: func(_ *delta.Snapshot, tx *delta.Transaction) error {
				tx.SetTransaction("flow", int64(version))
				return nil
			},
		}
		if _, err := table.Merge(t.Context(), sourceOf(batch(text)), opts); err != nil {
			t.Fatal(err)
		}
	}
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(r.NumRows()) {
			got = append(got, r.Column(0).ValueStr(i)+"="+r.Column(1).ValueStr(i))
		}
		r.Release()
	}
	slices.Sort(got)
	if want := []string{"(null)=3", "a=5", "b=4"}; !slices.Equal(got, want) {
		t.Errorf("the table has %q, want %q", got, want)
	}
	if last, ok := s.TransactionVersion("flow"); !ok || last != 3 {
		t.Errorf("the table has come to batch %d (%t), want 3, which changed nothing", last, ok)
	}
}
