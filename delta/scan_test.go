package delta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"go.uber.org/goleak"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/delta/internal/dv"
	"github.com/freshet/freshet/schema"
)

// scanOracle is what another program counted in a golden table.
type scanOracle struct {
	Table            string `json:"table"`
	LiveRows         *int64 `json:"liveRows"`
	MissingDataFiles int    `json:"missingDataFiles"`
	Note             string `json:"note"`
}

func scanOracles(t *testing.T) map[string]scanOracle {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(goldenDir(t), "oracle_counts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []scanOracle
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]scanOracle)
	for _, o := range list {
		byName[o.Table] = o
	}
	return byName
}

// TestScanGoldenCounts reads every golden table whose data files are there
// and counts rows; an oracle made with another program knows how many.
func TestScanGoldenCounts(t *testing.T) {
	want := scanOracles(t)
	compared := 0
	for _, name := range goldenTables(t) {
		o, ok := want[name]
		if !ok || o.LiveRows == nil || o.MissingDataFiles > 0 || o.Note != "" || *o.LiveRows > 100_000 {
			continue
		}
		s, err := delta.NewTable(directory{root: filepath.Join(goldenDir(t), name)}, delta.Options{}).Snapshot(t.Context())
		if err != nil {
			continue // TestReplayCounts looks at these
		}
		rows := int64(0)
		for r, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				rows = *o.LiveRows
				break
			}
			rows += r.NumRows()
			r.Release()
		}
		compared++
		if rows != *o.LiveRows {
			t.Errorf("%s: %d rows, want %d", name, rows, *o.LiveRows)
		}
	}
	t.Logf("%d tables compared", compared)
	if compared < 120 {
		t.Errorf("only %d tables compared", compared)
	}
}

// TestGoldenDeletionVectors decodes every deletion vector that a commit of a
// golden table names; encoded again they have the same bytes.
func TestGoldenDeletionVectors(t *testing.T) {
	seen := make(map[string]bool)
	for _, name := range goldenTables(t) {
		root := filepath.Join(goldenDir(t), name)
		for _, d := range loggedVectors(t, root) {
			stored, ok := storedVector(t, root, d)
			if !ok || seen[name+d.UniqueID()] {
				continue // a table that is a log alone
			}
			seen[name+d.UniqueID()] = true
			v, err := dv.Decode(stored)
			if err != nil {
				t.Errorf("%s %s: %v", name, d.UniqueID(), err)
				continue
			}
			if v.Cardinality() != d.Cardinality {
				t.Errorf("%s %s: %d rows, want %d", name, d.UniqueID(), v.Cardinality(), d.Cardinality)
			}
			data, err := dv.New(v.Rows()).Encode()
			if err != nil || !bytes.Equal(data, stored) {
				t.Errorf("%s %s: encoded again it has %d bytes, not the %d stored: %v", name, d.UniqueID(), len(data), len(stored), err)
			}
		}
	}
	t.Logf("%d deletion vectors", len(seen))
	if len(seen) < 50 {
		t.Errorf("only %d deletion vectors seen", len(seen))
	}
}

// loggedVectors returns the deletion vectors of all commits.
func loggedVectors(t *testing.T, root string) []*delta.DeletionVector {
	t.Helper()
	commits, err := filepath.Glob(filepath.Join(root, "_delta_log", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*delta.DeletionVector
	for _, name := range commits {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var action struct {
				Add, Remove *struct{ DeletionVector *delta.DeletionVector }
			}
			if json.Unmarshal(line, &action) != nil {
				continue // some golden logs are damaged
			}
			if action.Add != nil && action.Add.DeletionVector != nil {
				out = append(out, action.Add.DeletionVector)
			}
			if action.Remove != nil && action.Remove.DeletionVector != nil {
				out = append(out, action.Remove.DeletionVector)
			}
		}
	}
	return out
}

func storedVector(t *testing.T, root string, d *delta.DeletionVector) ([]byte, bool) {
	t.Helper()
	if d.StorageType == "i" {
		data, err := dv.DecodeInline(d.PathOrInlineDV, int64(d.SizeInBytes))
		if err != nil {
			t.Logf("%s: %v", root, err) // one that was made up by hand
		}
		return data, err == nil
	}
	key, err := dv.FileKey(d.PathOrInlineDV)
	if err != nil {
		return nil, false
	}
	file, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(key)))
	if err != nil || d.Offset == nil {
		return nil, false
	}
	from := int(*d.Offset) + 4
	return file[from : from+int(d.SizeInBytes)], true
}

// skippingTable has three files by partition, with statistics.
func skippingTable(t *testing.T) *delta.Snapshot {
	t.Helper()
	s := parseDDL(t, "p int, id bigint, s string, ts timestamp, d decimal(9,2), x double, st struct<n int>, b boolean")
	m := delta.Metadata{Schema: s, PartitionColumns: []string{"p"}}
	st := newMemory()
	files := writeFiles(t, st, delta.WriterConfig{Metadata: m}, jsonRecord(t, s,
		`{"p":1,"id":1,"s":"a","ts":"2024-01-01T00:00:00.000999Z","d":"1.5","x":1,"st":{"n":1},"b":true}`,
		`{"p":1,"id":10,"s":"`+strings.Repeat("m", 40)+`","ts":"2024-01-02T00:00:00Z","d":"2.5","x":2,"st":{"n":2},"b":true}`,
		`{"p":2,"id":11,"s":"n","ts":"2024-01-03T00:00:00Z","d":"3.5","x":3,"st":{"n":3},"b":false}`,
		`{"p":2,"id":20,"s":null,"ts":null,"d":null,"x":null,"st":null,"b":null}`,
		`{"p":null,"id":null,"s":"z","ts":"2025-01-01T00:00:00Z","d":"9","x":9,"st":{"n":9},"b":true}`,
	))
	return newTable(t, st, m, files)
}

func TestScanFilter(t *testing.T) {
	s := skippingTable(t)
	col := func(name ...string) []string { return name }
	cmp := func(name string, op delta.Op, v any) delta.Predicate {
		return delta.Comparison{Column: col(name), Op: op, Value: v}
	}
	day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name   string
		filter delta.Predicate
		want   string // partitions read
	}{
		{"partition", cmp("p", delta.Equal, 1), "1"},
		{"partition by text", cmp("p", delta.Equal, "2"), "2"},
		{"partition not", delta.Not{Of: cmp("p", delta.Equal, 1)}, "2"},
		{"partition null", delta.IsNull{Column: col("p")}, "null"},
		{"partition not null", delta.Not{Of: delta.IsNull{Column: col("p")}}, "1 2"},
		{"partition in", delta.In{Column: col("p"), Values: []any{2, 3}}, "2"},
		{"less", cmp("id", delta.Less, 11), "1"},
		{"less or equal", cmp("id", delta.LessOrEqual, 11), "1 2"},
		{"greater", cmp("id", delta.Greater, int64(10)), "2"},
		{"greater or equal", cmp("id", delta.GreaterOrEqual, 10), "1 2"},
		{"fraction", cmp("id", delta.Greater, 9.5), "1 2"},
		{"not equal", cmp("id", delta.NotEqual, 5), "1 2"},
		{"and", delta.And{cmp("id", delta.Greater, 5), cmp("p", delta.Equal, 1)}, "1"},
		{"or", delta.Or{cmp("id", delta.Greater, 15), cmp("p", delta.Equal, 1)}, "1 2"},
		{"not or", delta.Not{Of: delta.Or{cmp("id", delta.Less, 11), cmp("p", delta.Equal, 3)}}, "2"},
		{"null", delta.IsNull{Column: col("id")}, "null"},
		{"not null", delta.Not{Of: delta.IsNull{Column: col("id")}}, "1 2"},
		{"string", cmp("s", delta.Equal, "zz"), ""},
		{"string beyond a truncated bound", cmp("s", delta.Equal, strings.Repeat("m", 40)), "1"},
		{"timestamp within the truncated millisecond", cmp("ts", delta.Equal, day.Add(999*time.Microsecond)), "1"},
		{"timestamp", cmp("ts", delta.Greater, day.AddDate(0, 6, 0)), "null"},
		{"timestamp by text", cmp("ts", delta.Less, "2024-01-02 12:00:00"), "1"},
		{"decimal", cmp("d", delta.Greater, big.NewRat(17, 5)), "2 null"},
		{"decimal against int", cmp("d", delta.Equal, 9), "null"},
		{"double has no upper bound", cmp("x", delta.Greater, 100.0), "1 2 null"},
		{"double", cmp("x", delta.Less, 2.5), "1"},
		{"nested", delta.Comparison{Column: col("st", "n"), Op: delta.Equal, Value: 3}, "2"},
		{"boolean has no bounds", cmp("b", delta.Equal, false), "1 2 null"},
		{"not comparable", cmp("s", delta.Equal, 5), "1 2 null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make(map[string]bool)
			for _, row := range scanRows(t, s, delta.ScanOptions{Columns: []string{"p"}, Filter: tt.filter}) {
				got[strings.Trim(strings.TrimPrefix(row, "p="), "|")] = true
			}
			var read []string
			for _, p := range []string{"1", "2", "null"} {
				if got[p] {
					read = append(read, p)
				}
			}
			if strings.Join(read, " ") != tt.want {
				t.Errorf("partitions %q are read, want %q", read, tt.want)
			}
		})
	}
	for _, err := range s.Scan(t.Context(), delta.ScanOptions{Filter: cmp("nope", delta.Equal, 1)}) {
		if err == nil {
			t.Error("a filter on an unknown column is accepted")
		}
	}
}

// TestFilesMatchingIsConservative asks for rows that no statistics rule out.
func TestFilesMatchingIsConservative(t *testing.T) {
	s := parseDDL(t, "id bigint")
	m := delta.Metadata{Schema: s}
	st := newMemory()
	files := writeFiles(t, st, delta.WriterConfig{Metadata: m}, jsonRecord(t, s, `{"id":1}`, `{"id":null}`))
	filter := delta.And{
		delta.Comparison{Column: []string{"id"}, Op: delta.Greater, Value: 1_000_000},
		delta.Not{Of: delta.IsNull{Column: []string{"id"}}},
	}
	for stats, want := range map[string]int{
		files[0].Stats: 0,
		"":             1, `{"numRecords":2}`: 1,
		`{"numRecords":2,"minValues":{"id":"x"},"maxValues":{"id":{}},"nullCount":{"id":[]}}`: 1,
		`{"numRecords":2,"maxValues":{"id":2000000},"nullCount":{"id":2}}`:                    0,
		`{"numRecords":2,"tightBounds":false,"nullCount":{"id":1}}`:                           1,
		`{"numRecords":2,"tightBounds":false,"nullCount":{"id":2}}`:                           0,
	} {
		f := files[0]
		f.Stats = stats
		kept := 0
		for _, err := range newTable(t, newMemory(), m, []delta.AddFile{f}).FilesMatching(t.Context(), filter) {
			if err != nil {
				t.Fatal(err)
			}
			kept++
		}
		if kept != want {
			t.Errorf("statistics %s: %d files are kept, want %d", stats, kept, want)
		}
	}
}

func TestScanOptions(t *testing.T) {
	s := skippingTable(t)
	rows := scanRows(t, s, delta.ScanOptions{
		Columns: []string{"id", "p"}, RowIndex: "at", BatchRows: 1,
		Files: func(f delta.AddFile) bool { return f.PartitionValues["p"] != nil && *f.PartitionValues["p"] == "2" },
	})
	if want := []string{"id=11|p=2|at=0|", "id=20|p=2|at=1|"}; !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
	paths := make(map[string]bool)
	for _, row := range scanRows(t, s, delta.ScanOptions{Columns: []string{}, FilePath: "f"}) {
		paths[row] = true
	}
	if len(paths) != 3 {
		t.Errorf("%d paths, want 3", len(paths))
	}
	for _, err := range s.Scan(t.Context(), delta.ScanOptions{Columns: []string{"nope"}}) {
		if err == nil {
			t.Error("an unknown column is accepted")
		}
	}
}

func TestScanStopsEarly(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := skippingTable(t)
	for range s.Scan(t.Context(), delta.ScanOptions{BatchRows: 1, Parallelism: 2}) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for r, err := range s.Scan(ctx, delta.ScanOptions{BatchRows: 1, Parallelism: 3}) {
		if last = err; r != nil {
			r.Release()
		}
		cancel()
	}
	// Rows are missing, so the end must say so.
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a cancelled scan ended with %v", last)
	}
}

func TestScanDamagedFiles(t *testing.T) {
	s := parseDDL(t, "id bigint, s string")
	st := newMemory()
	m := delta.Metadata{Schema: s}
	files := writeFiles(t, st, delta.WriterConfig{Metadata: m}, jsonRecord(t, s, `{"id":1,"s":"x"}`, `{"id":2,"s":"y"}`))
	snapshot := newTable(t, st, m, files)
	key := mustKey(t, files[0])
	good := st.objects[key].data
	damage := map[string][]byte{"empty": {}, "cut": good[:len(good)/2], "no magic": append(bytes.Clone(good[:len(good)-1]), 'X')}
	for name, data := range damage {
		st.objects[key] = memoryObject{data: data}
		var corrupt *delta.CorruptFileError
		for _, err := range snapshot.Scan(t.Context(), delta.ScanOptions{}) {
			if !errors.As(err, &corrupt) || corrupt.Path != files[0].Path {
				t.Errorf("%s: error is %v", name, err)
			}
		}
		if corrupt == nil {
			t.Errorf("%s: no error", name)
		}
	}
	delete(st.objects, key)
	for _, err := range snapshot.Scan(t.Context(), delta.ScanOptions{}) {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("missing: error is %v", err)
		}
	}
}

func TestScanEvolvedSchema(t *testing.T) {
	old := parseDDL(t, "a int, b struct<c int>")
	st := newMemory()
	files := writeFiles(t, st, delta.WriterConfig{Metadata: delta.Metadata{Schema: old}}, jsonRecord(t, old, `{"a":1,"b":{"c":2}}`, `{"a":null,"b":null}`))
	evolved := parseDDL(t, "new string, b struct<d array<int>, c bigint>, a bigint, v void")
	s := newTable(t, st, delta.Metadata{Schema: evolved}, files)
	got := scanRows(t, s, delta.ScanOptions{})
	if want := []string{"new=null|b=(d=null,c=2)|a=1|v=null|", "new=null|b=null|a=null|v=null|"}; !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for r := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if want := schema.ToArrow(evolved); !r.Schema().Equal(want) {
			t.Errorf("schema is %v, want %v", r.Schema(), want)
		}
		for i, c := range r.Columns() {
			if !arrow.TypeEqual(c.DataType(), r.Schema().Field(i).Type) {
				t.Errorf("column %d is %v", i, c.DataType())
			}
		}
	}
}
