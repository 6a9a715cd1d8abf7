package delta_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/freshet/freshet/delta"
)

// mappedPeople creates a table of people that maps columns, with its second
// column renamed since.
func mappedPeople(t *testing.T, st delta.Storage, config map[string]string) (s *delta.Snapshot, physical []string) {
	t.Helper()
	n := 0
	m := delta.Metadata{Schema: parseDDL(t, strings.Replace(peopleDDL, "v string", "old string", 1)), Configuration: config}
	m = m.MapColumns(func() string { n++; return fmt.Sprint(n) })
	files := writeFiles(t, st, delta.WriterConfig{Metadata: m}, people(t, "old", span(0, 10)...))
	base := newTable(t, st, m, files)
	renamed := base.Metadata().Clone()
	renamed.Schema.Fields[1].Name = "v"
	table := delta.NewTable(st, delta.Options{})
	tx := table.Begin(base)
	tx.SetMetadata(renamed)
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "RENAME COLUMN"}); err != nil {
		t.Fatal(err)
	}
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range renamed.Schema.Fields {
		physical = append(physical, f.Metadata["delta.columnMapping.physicalName"].(string))
	}
	return s, physical
}

// TestRowChangeUnderColumnMapping changes rows of tables that map columns:
// files, change data files too, have the columns' names for files and their
// ids, statistics as well, and the columns stay what they are.
func TestRowChangeUnderColumnMapping(t *testing.T) {
	for _, mode := range []string{"name", "id"} {
		for _, vectors := range []string{"true", "false"} {
			t.Run(mode+", deletion vectors "+vectors, func(t *testing.T) {
				st := newMemory()
				base, physical := mappedPeople(t, st, map[string]string{
					"delta.columnMapping.mode": mode, vectorsOn: vectors, feedOn: "true",
				})
				before := slices.Collect(maps.Keys(st.objects))
				s, _ := change{deletes: []int64{0}, updates: []int64{3, 4}, value: "new", inserts: []int64{40}}.apply(t, st, base)
				want := []string{"1:old", "2:old", "3:new", "40:new", "4:new", "5:old", "6:old", "7:old", "8:old", "9:old"}
				if got := texts(t, s); !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				if got, want := s.Metadata().Schema.JSON(), base.Metadata().Schema.JSON(); !bytes.Equal(got, want) {
					t.Errorf("the schema is %s, was %s", got, want)
				}
				checkMappedFiles(t, st, before, physical)
				checkMappedStats(t, s, physical)
				// MERGE by key, which also skips files by statistics.
				table := delta.NewTable(st, delta.Options{})
				r, err := table.Merge(t.Context(), sourceOf(people(t, "merged", 5, 50)), delta.MergeOptions{Keys: []string{"id"}})
				if err != nil || r.UpdatedRows != 1 || r.InsertedRows != 1 {
					t.Fatalf("merge: %+v, %v", r, err)
				}
				checkMappedFiles(t, st, before, physical)
			})
		}
	}
}

// checkMappedFiles checks the columns of all Parquet files that are new.
func checkMappedFiles(t *testing.T, st *memory, before, physical []string) {
	t.Helper()
	data, feed := 0, 0
	for key, object := range st.objects {
		if !strings.HasSuffix(key, ".parquet") || strings.HasPrefix(key, "_delta_log/") || slices.Contains(before, key) {
			continue
		}
		f, err := parquet.OpenFile(bytes.NewReader(object.data), int64(len(object.data)))
		if err != nil {
			t.Fatal(err)
		}
		want := physical
		if path.Dir(key) == "_change_data" {
			want = append(slices.Clone(physical), "_change_type")
			feed++
		} else {
			data++
		}
		var names []string
		for i, c := range f.Root().Columns() {
			names = append(names, c.Name())
			if i < len(physical) && c.ID() != i+1 {
				t.Errorf("%s: column %s has id %d, want %d", key, c.Name(), c.ID(), i+1)
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s has columns %v, want %v", key, names, want)
		}
	}
	if data == 0 || feed == 0 {
		t.Errorf("%d data files and %d change data files, want some of each", data, feed)
	}
}

// checkMappedStats checks that statistics are by the names for files.
func checkMappedStats(t *testing.T, s *delta.Snapshot, physical []string) {
	t.Helper()
	for f, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var stats struct{ MinValues, MaxValues, NullCount map[string]any }
		if err := json.Unmarshal([]byte(f.Stats), &stats); err != nil {
			t.Fatal(err)
		}
		for _, of := range []map[string]any{stats.MinValues, stats.MaxValues, stats.NullCount} {
			if got, want := slices.Sorted(maps.Keys(of)), slices.Sorted(slices.Values(physical)); !slices.Equal(got, want) {
				t.Errorf("statistics of %v, want %v", got, want)
			}
		}
	}
}

// TestChangeFilesAreNoState checks that change data files are in the log and
// the feed alone: no snapshot lists them, no checkpoint or checksum has them
// (protocol: Add CDC File), and the state does not change by losing the log.
func TestChangeFilesAreNoState(t *testing.T) {
	for _, limit := range []int64{0, 1000, 1} { // classic, V2, V2 with sidecars
		st := newMemory()
		base := peopleTable(t, st, map[string]string{feedOn: "true"})
		s, metrics := change{deletes: []int64{1}, updates: []int64{12}, value: "new"}.apply(t, st, base)
		if metrics.ChangeFiles == 0 {
			t.Fatal("no change data files")
		}
		if err := s.CheckpointAs(t.Context(), limit > 0, max(limit, 1)); err != nil {
			t.Fatal(err)
		}
		want := texts(t, s)
		for key := range maps.Clone(st.objects) {
			switch {
			case strings.HasPrefix(key, "_delta_log/") && strings.HasSuffix(key, ".parquet"):
				f, err := parquet.OpenFile(bytes.NewReader(st.objects[key].data), int64(len(st.objects[key].data)))
				if err != nil {
					t.Fatal(err)
				}
				if f.Root().Column("cdc") != nil {
					t.Errorf("%s has a column cdc", key)
				}
			case strings.HasSuffix(key, ".crc"):
				if bytes.Contains(st.objects[key].data, []byte("_change_data")) {
					t.Errorf("%s tells of change data files: %s", key, st.objects[key].data)
				}
			case strings.HasSuffix(key, ".json") && strings.Contains(key, "_delta_log/0"), strings.HasPrefix(key, "_change_data/"):
				delete(st.objects, key)
			}
		}
		again, err := delta.NewTable(st, delta.Options{}).Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(t, again); !slices.Equal(got, want) {
			t.Errorf("limit %d: got %v, want %v", limit, got, want)
		}
		for f, err := range again.Files(t.Context()) {
			if err != nil || strings.Contains(f.Path, "_change_data") {
				t.Errorf("the table holds %s (error %v)", f.Path, err)
			}
		}
	}
}
