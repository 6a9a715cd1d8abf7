package delta_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
)

const peopleDDL = "id bigint, v string, p int"

// people returns rows (id, v, p) with ids in [from, to), p being the id's
// remainder by 2.
func people(tb testing.TB, v string, ids ...int64) arrow.RecordBatch {
	tb.Helper()
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = fmt.Sprintf(`{"id":%d,"v":%q,"p":%d}`, id, v, id%2)
	}
	return jsonRecord(tb, parseDDL(tb, peopleDDL), rows...)
}

func span(from, to int64) []int64 {
	var ids []int64
	for i := from; i < to; i++ {
		ids = append(ids, i)
	}
	return ids
}

// place is where a row is.
type place struct {
	path string
	row  int64
}

// places returns where the row of each id is.
func places(tb testing.TB, s *delta.Snapshot) map[int64]place {
	tb.Helper()
	out := make(map[int64]place)
	for r, err := range s.Scan(tb.Context(), delta.ScanOptions{Columns: []string{"id"}, FilePath: "_path", RowIndex: "_row"}) {
		if err != nil {
			tb.Fatal(err)
		}
		for i := range int(r.NumRows()) {
			out[r.Column(0).(*array.Int64).Value(i)] = place{r.Column(1).(*array.String).Value(i), r.Column(2).(*array.Int64).Value(i)}
		}
		r.Release()
	}
	return out
}

// texts returns the rows of a table as sorted texts "id:v".
func texts(tb testing.TB, s *delta.Snapshot) []string {
	tb.Helper()
	out := []string{}
	for r, err := range s.Scan(tb.Context(), delta.ScanOptions{Columns: []string{"id", "v"}}) {
		if err != nil {
			tb.Fatal(err)
		}
		for i := range int(r.NumRows()) {
			out = append(out, fmt.Sprintf("%d:%s", r.Column(0).(*array.Int64).Value(i), r.Column(1).(*array.String).Value(i)))
		}
		r.Release()
	}
	slices.Sort(out)
	return out
}

// change is what a test does to a table of people, by ids.
type change struct {
	deletes, updates []int64
	value            string
	inserts          []int64
}

// apply makes one commit of a change and returns the table after it.
func (ch change) apply(tb testing.TB, st delta.Storage, base *delta.Snapshot) (*delta.Snapshot, delta.RowChangeMetrics) {
	tb.Helper()
	ctx := tb.Context()
	c, err := delta.NewRowChange(st, base, delta.WriterConfig{})
	if err != nil {
		tb.Fatal(err)
	}
	at := places(tb, base)
	for _, id := range ch.deletes {
		c.Delete(at[id].path, at[id].row)
	}
	for _, id := range ch.updates {
		c.Replace(at[id].path, at[id].row)
	}
	if len(ch.updates) > 0 {
		if err := c.Update(ctx, people(tb, ch.value, ch.updates...)); err != nil {
			tb.Fatal(err)
		}
	}
	if len(ch.inserts) > 0 {
		if err := c.Insert(ctx, people(tb, ch.value, ch.inserts...)); err != nil {
			tb.Fatal(err)
		}
	}
	table := delta.NewTable(st, delta.Options{})
	tx := table.Begin(base)
	metrics, err := c.Apply(ctx, tx)
	if err != nil {
		tb.Fatal(err)
	}
	version, err := tx.Commit(ctx, delta.CommitInfo{Operation: "MERGE"})
	if err != nil {
		tb.Fatal(err)
	}
	s, err := table.SnapshotAt(ctx, version)
	if err != nil {
		tb.Fatal(err)
	}
	return s, metrics
}

// peopleTable creates a table of two files for each partition there is: ids
// 0 to 9 and 10 to 19.
func peopleTable(tb testing.TB, st delta.Storage, config map[string]string, partitions ...string) *delta.Snapshot {
	tb.Helper()
	m := delta.Metadata{Schema: parseDDL(tb, peopleDDL), Configuration: config, PartitionColumns: partitions}
	files := writeFiles(tb, st, delta.WriterConfig{Metadata: m}, people(tb, "old", span(0, 10)...))
	files = append(files, writeFiles(tb, st, delta.WriterConfig{Metadata: m}, people(tb, "old", span(10, 20)...))...)
	return newTable(tb, st, m, files)
}

// commitActions returns the actions of a commit by their name.
func commitActions(tb testing.TB, st *memory, version int64) map[string][]map[string]any {
	tb.Helper()
	out := make(map[string][]map[string]any)
	for line := range bytes.Lines(st.objects[fmt.Sprintf("_delta_log/%020d.json", version)].data) {
		var a map[string]map[string]any
		if err := json.Unmarshal(line, &a); err != nil {
			tb.Fatal(err)
		}
		for name, action := range a {
			out[name] = append(out[name], action)
		}
	}
	return out
}

const (
	vectorsOn = "delta.enableDeletionVectors"
	feedOn    = "delta.enableChangeDataFeed"
)

// TestRowChangeActions checks the actions of one commit: what is removed,
// added, marked and told to the change data feed.
func TestRowChangeActions(t *testing.T) {
	tests := []struct {
		name              string
		vectors, feed     bool
		change            change
		removes, adds     int // actions
		marked            int // adds with a deletion vector
		cdc               int
		metrics           delta.RowChangeMetrics
		rows              int
		deletionFilesSeen int
	}{
		{
			name: "vectors: some rows of both files", vectors: true, feed: true, change: change{deletes: []int64{1, 3, 15}},
			removes: 2, adds: 2, marked: 2, metrics: delta.RowChangeMetrics{DeletedRows: 3, VectorsAdded: 2}, rows: 17, deletionFilesSeen: 1,
		},
		{
			name: "vectors: a whole file", vectors: true, feed: true, change: change{deletes: span(0, 10)},
			removes: 1, metrics: delta.RowChangeMetrics{DeletedRows: 10, RemovedFiles: 1}, rows: 10,
		},
		{
			name: "vectors: update", vectors: true, change: change{updates: []int64{1, 2}, value: "new"},
			removes: 1, adds: 2, marked: 1, metrics: delta.RowChangeMetrics{UpdatedRows: 2, AddedFiles: 1, VectorsAdded: 1}, rows: 20, deletionFilesSeen: 1,
		},
		{
			name: "vectors: update with feed", vectors: true, feed: true, change: change{updates: []int64{1, 2}, value: "new"},
			removes: 1, adds: 2, marked: 1, cdc: 1,
			metrics: delta.RowChangeMetrics{UpdatedRows: 2, AddedFiles: 1, VectorsAdded: 1, ChangeFiles: 1}, rows: 20, deletionFilesSeen: 1,
		},
		{
			name: "copy: some rows", feed: false, change: change{deletes: []int64{1, 3, 15}},
			removes: 2, adds: 1, metrics: delta.RowChangeMetrics{DeletedRows: 3, CopiedRows: 17, AddedFiles: 1, RemovedFiles: 2}, rows: 17,
		},
		{
			name: "copy: some rows with feed", feed: true, change: change{deletes: []int64{1}},
			removes: 1, adds: 1, cdc: 1,
			metrics: delta.RowChangeMetrics{DeletedRows: 1, CopiedRows: 9, AddedFiles: 1, RemovedFiles: 1, ChangeFiles: 1}, rows: 19,
		},
		{
			name: "copy: a whole file needs no feed", feed: true, change: change{deletes: span(0, 10)},
			removes: 1, metrics: delta.RowChangeMetrics{DeletedRows: 10, RemovedFiles: 1}, rows: 10,
		},
		{
			name: "copy: everything at once", feed: true, change: change{deletes: span(0, 10), updates: []int64{11}, value: "new", inserts: []int64{90}},
			removes: 2, adds: 1, cdc: 1,
			metrics: delta.RowChangeMetrics{DeletedRows: 10, UpdatedRows: 1, InsertedRows: 1, CopiedRows: 9, AddedFiles: 1, RemovedFiles: 2, ChangeFiles: 1}, rows: 11,
		},
		{
			name: "an insert alone needs no feed", vectors: true, feed: true, change: change{inserts: []int64{90, 91}, value: "new"},
			adds: 1, metrics: delta.RowChangeMetrics{InsertedRows: 2, AddedFiles: 1}, rows: 22,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := newMemory()
			base := peopleTable(t, st, map[string]string{vectorsOn: strconv.FormatBool(tt.vectors), feedOn: strconv.FormatBool(tt.feed)})
			s, metrics := tt.change.apply(t, st, base)
			got := commitActions(t, st, 1)
			marked := 0
			for _, add := range got["add"] {
				if add["deletionVector"] != nil {
					marked++
					if stats := add["stats"].(string); !strings.HasPrefix(stats, `{"numRecords":10,"tightBounds":false,"minValues":{"id":`) {
						t.Errorf("stats of a marked file: %s", stats)
					}
				}
			}
			if len(got["remove"]) != tt.removes || len(got["add"]) != tt.adds || marked != tt.marked || len(got["cdc"]) != tt.cdc {
				t.Errorf("got %d removes, %d adds, %d of them marked, %d cdc; want %d, %d, %d, %d",
					len(got["remove"]), len(got["add"]), marked, len(got["cdc"]), tt.removes, tt.adds, tt.marked, tt.cdc)
			}
			metrics.AddedBytes, metrics.RemovedBytes, metrics.ChangeBytes, metrics.RewriteTime = 0, 0, 0, 0
			if metrics != tt.metrics {
				t.Errorf("metrics\n got %+v\nwant %+v", metrics, tt.metrics)
			}
			files := map[string]int{}
			for key := range st.objects {
				switch {
				case strings.HasPrefix(key, "deletion_vector_"):
					files["vectors"]++
				case strings.HasPrefix(key, "_change_data/cdc-"):
					files["cdc"]++
				}
			}
			if files["vectors"] != tt.deletionFilesSeen || files["cdc"] != tt.cdc {
				t.Errorf("files written: %v", files)
			}
			if rows := texts(t, s); len(rows) != tt.rows {
				t.Errorf("%d rows left, want %d: %v", len(rows), tt.rows, rows)
			}
		})
	}
}

// TestRowChangeVectorGrows deletes twice from one file: the second vector
// holds both, and the first is what the remove names.
func TestRowChangeVectorGrows(t *testing.T) {
	st := newMemory()
	s := peopleTable(t, st, map[string]string{vectorsOn: "true"}, "p")
	s, _ = change{deletes: []int64{2}}.apply(t, st, s)
	first := commitActions(t, st, 1)["add"][0]["deletionVector"]
	s, metrics := change{deletes: []int64{4, 6}}.apply(t, st, s)
	if metrics.VectorsAdded != 1 || metrics.VectorsRemoved != 1 || metrics.VectorsUpdated != 1 {
		t.Errorf("metrics %+v", metrics)
	}
	got := commitActions(t, st, 2)
	if fmt.Sprint(got["remove"][0]["deletionVector"]) != fmt.Sprint(first) {
		t.Errorf("removed with %v, want %v", got["remove"][0]["deletionVector"], first)
	}
	if n := got["add"][0]["deletionVector"].(map[string]any)["cardinality"]; n != 3.0 {
		t.Errorf("cardinality %v, want 3", n)
	}
	// The rest of the partition's file: nothing is left to mark.
	s, _ = change{deletes: []int64{0, 8}}.apply(t, st, s)
	got = commitActions(t, st, 3)
	if len(got["add"]) != 0 || len(got["remove"]) != 1 {
		t.Errorf("an emptied file: %v", got)
	}
	if want := 15; len(texts(t, s)) != want {
		t.Errorf("%d rows, want %d", len(texts(t, s)), want)
	}
}

// TestRowChangeRefusals are changes that must not be made.
func TestRowChangeRefusals(t *testing.T) {
	tests := []struct {
		name   string
		config map[string]string
		leave  func(c *delta.RowChange, path string)
		check  func(error) bool
	}{
		{
			"append only",
			map[string]string{"delta.appendOnly": "true"},
			func(c *delta.RowChange, path string) { c.Delete(path, 1) },
			func(err error) bool { return errors.As(err, new(*delta.AppendOnlyError)) },
		},
		{
			"unknown file", nil,
			func(c *delta.RowChange, path string) { c.Delete(path, 1); c.Delete("elsewhere", 1) },
			func(err error) bool {
				return errors.As(err, new(*delta.ActionError)) && strings.Contains(err.Error(), "elsewhere")
			},
		},
		{
			"unknown row", nil,
			func(c *delta.RowChange, path string) { c.Replace(path, 10) },
			func(err error) bool { return errors.As(err, new(*delta.ActionError)) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := newMemory()
			s := peopleTable(t, st, tt.config)
			c, err := delta.NewRowChange(st, s, delta.WriterConfig{})
			if err != nil {
				t.Fatal(err)
			}
			tt.leave(c, places(t, s)[1].path)
			if _, err := c.Apply(t.Context(), delta.NewTable(st, delta.Options{}).Begin(s)); !tt.check(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestRowChangeAbort leaves nothing behind.
func TestRowChangeAbort(t *testing.T) {
	st := newMemory()
	s := peopleTable(t, st, map[string]string{vectorsOn: "true", feedOn: "true"})
	before := len(st.objects)
	c, err := delta.NewRowChange(st, s, delta.WriterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	at := places(t, s)[7]
	c.Replace(at.path, at.row)
	if err := c.Update(t.Context(), people(t, "new", 7)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Apply(t.Context(), delta.NewTable(st, delta.Options{}).Begin(s)); err != nil {
		t.Fatal(err)
	}
	if n := len(st.objects) - before; n != 3 {
		t.Errorf("%d objects written, want a data file, a vector and a change file", n)
	}
	for range 2 {
		if err := c.Abort(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(st.objects) - before; n != 0 {
		t.Errorf("%d objects left", n)
	}
}

// TestScanRows reads chosen positions.
func TestScanRows(t *testing.T) {
	st := newMemory()
	m := delta.Metadata{Schema: parseDDL(t, peopleDDL+", l array<int>"), Configuration: map[string]string{vectorsOn: "true"}}
	var records []arrow.RecordBatch
	for from := int64(0); from < 20_000; from += 5_000 {
		rows := make([]string, 0, 5_000)
		for id := from; id < from+5_000; id++ {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"v":"v%d","p":0,"l":[%d,%d]}`, id, id, id, id+1))
		}
		records = append(records, jsonRecord(t, m.Schema, rows...))
	}
	s := newTable(t, st, m, writeFiles(t, st, delta.WriterConfig{Metadata: m}, records...))
	tests := [][]int64{{}, {0}, {19_999}, {0, 1, 5_000, 19_999}, {7, 1_100, 1_101, 9_000, 15_000}, span(4_000, 9_000), {25_000}}
	for _, want := range tests {
		var got []int64
		set := delta.NewRowSet(want...)
		for r, err := range s.Scan(t.Context(), delta.ScanOptions{RowIndex: "_row", Rows: func(delta.AddFile) *delta.RowSet { return set }}) {
			if err != nil {
				t.Fatal(err)
			}
			for i := range int(r.NumRows()) {
				row := r.Column(4).(*array.Int64).Value(i)
				got = append(got, row)
				if id := r.Column(0).(*array.Int64).Value(i); id != row || renderArrow(r.Column(3), i) != fmt.Sprintf("[%d,%d]", row, row+1) {
					t.Fatalf("position %d holds id %d and %s", row, id, renderArrow(r.Column(3), i))
				}
			}
			r.Release()
		}
		if len(want) > 0 && want[0] == 25_000 {
			want = nil
		}
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("chosen %d rows, got %d", len(want), len(got))
		}
	}
}
