//go:build interop

package interop_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/schema"
)

// people are rows (id, v, p) of the table that the tests of changed rows use.
func people(t *testing.T, v string, from, to int) arrow.RecordBatch {
	t.Helper()
	s, err := schema.ParseDDL("id BIGINT, v STRING, p INT")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for id := from; id < to; id++ {
		lines = append(lines, fmt.Sprintf(`{"id":%d,"v":%q,"p":%d}`, id, v, id%2))
	}
	r, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema.ToArrow(s), strings.NewReader("["+strings.Join(lines, ",")+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// merge brings rows into a table by their id.
func merge(t *testing.T, table *delta.Table, rows arrow.RecordBatch, how delta.MatchedAction) {
	t.Helper()
	source := func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			rows.Retain()
			yield(rows, nil)
		}
	}
	opts := delta.MergeOptions{Keys: []string{"id"}, Matched: how, KeepNotMatched: how == delta.MatchedDelete}
	if _, err := table.Merge(t.Context(), source, opts); err != nil {
		t.Fatal(err)
	}
}

// feedTexts returns our reading of a table's change data feed, sorted.
func feedTexts(t *testing.T, table *delta.Table) []string {
	t.Helper()
	var out []string
	for r, err := range table.Changes(t.Context(), delta.ChangesOptions{To: -1}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(r.NumRows()) {
			out = append(out, fmt.Sprintf("%s %s %s %s", r.Column(4).ValueStr(i), r.Column(3).ValueStr(i), r.Column(0).ValueStr(i), r.Column(1).ValueStr(i)))
		}
		r.Release()
	}
	slices.Sort(out)
	return out
}

// rowTexts returns our reading of a table's rows, sorted.
func rowTexts(t *testing.T, table *delta.Table) []string {
	t.Helper()
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for r, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(r.NumRows()) {
			out = append(out, r.Column(0).ValueStr(i)+" "+r.Column(1).ValueStr(i))
		}
		r.Release()
	}
	slices.Sort(out)
	return out
}

// theirTexts returns the only column of a statement of Spark SQL, sorted.
func theirTexts(t *testing.T, format string, args ...any) []string {
	t.Helper()
	var out []string
	for _, row := range spark(t, format, args...).Rows {
		out = append(out, fmt.Sprint(row[0]))
	}
	slices.Sort(out)
	return out
}

// TestChangedRowsAreReadByThem deletes, updates and inserts rows, with deletion
// vectors and without, and compares rows and change data feed with what Spark
// sees; then Spark changes rows of the same table, and we compare again.
func TestChangedRowsAreReadByThem(t *testing.T) {
	for _, vectors := range []string{"true", "false"} {
		t.Run("vectors "+vectors, func(t *testing.T) {
			dir := t.TempDir()
			table := delta.NewTable(local.New(dir), delta.Options{})
			m := delta.Metadata{PartitionColumns: []string{"p"}, Configuration: map[string]string{
				"delta.enableDeletionVectors": vectors, "delta.enableChangeDataFeed": "true",
			}}
			var err error
			if m.Schema, err = schema.ParseDDL("id BIGINT, v STRING, p INT"); err != nil {
				t.Fatal(err)
			}
			tx := table.Begin(nil)
			tx.SetMetadata(m)
			if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
				t.Fatal(err)
			}
			merge(t, table, people(t, "first", 0, 20), delta.MatchedUpdate)
			merge(t, table, people(t, "second", 15, 25), delta.MatchedUpdate)
			merge(t, table, people(t, "", 3, 6), delta.MatchedDelete)
			compareChanges(t, table, dir)
			if got, want := len(read(t, "delta-rs", dir).Rows), 22; vectors == "false" && got != want {
				t.Errorf("delta-rs reads %d rows, want %d", got, want)
			}
			spark(t, "DELETE FROM delta.`%s` WHERE id IN (0, 1)", dir)
			spark(t, "UPDATE delta.`%s` SET v = 'spark' WHERE id IN (2, 16)", dir)
			compareChanges(t, table, dir)
		})
	}
}

func compareChanges(t *testing.T, table *delta.Table, dir string) {
	t.Helper()
	if got, want := rowTexts(t, table), theirTexts(t, "SELECT concat_ws(' ', id, v) FROM delta.`%s`", dir); !slices.Equal(got, want) {
		t.Errorf("rows: ours\n%v\ntheirs\n%v", got, want)
	}
	want := theirTexts(t, "SELECT concat_ws(' ', _commit_version, _change_type, id, v) FROM table_changes('delta.`%s`', 0)", dir)
	if got := feedTexts(t, table); !slices.Equal(got, want) {
		t.Errorf("changes: ours\n%v\ntheirs\n%v", got, want)
	}
}
