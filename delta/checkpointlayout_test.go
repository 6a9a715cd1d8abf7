package delta

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// typedColumns returns, by path of the file, the typed statistics and
// partition values of a checkpoint as JSON.
func typedColumns(t *testing.T, data []byte) map[string]map[string]any {
	t.Helper()
	leavesOf := func(pq *file.Reader) (leaves []int) {
		for i := range pq.MetaData().Schema.NumColumns() {
			words := pq.MetaData().Schema.Column(i).ColumnPath()
			if words[0] == "add" && (words[1] == "path" || strings.HasSuffix(words[1], "_parsed")) {
				leaves = append(leaves, i)
			}
		}
		return leaves
	}
	found := make(map[string]map[string]any)
	read := func(rec arrow.RecordBatch) error {
		for i, f := range rec.Schema().Fields() {
			if f.Name != "add" {
				continue
			}
			g, err := newGroup("add", rec.Column(i))
			if err != nil {
				return err
			}
			paths := g.texts("path")
			for row := range g.present {
				text, _ := appendStat(nil, g.rows, row)
				var values map[string]any
				if err := json.Unmarshal(text, &values); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				found[keep(paths.get(row))] = values
			}
		}
		return nil
	}
	err := withParquet(t.Context(), objects{"x": data}, "x", func(pq *file.Reader) error {
		return readBatches(t.Context(), pq, leavesOf(pq), nil, read)
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestTypedColumnsEqualOthers compares the statistics and partition values in
// their own types with those that Spark and others wrote to checkpoints of
// the same versions.
func TestTypedColumnsEqualOthers(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "golden")
	if dir := os.Getenv("FRESHET_GOLDEN"); dir != "" {
		root = dir
	}
	var keys []string
	for _, pattern := range []string{"*/*", "*/*/delta"} {
		found, err := filepath.Glob(filepath.Join(root, pattern, "_delta_log", "*.checkpoint.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, found...)
	}
	if len(keys) == 0 {
		t.Skip("golden tables are absent (set FRESHET_GOLDEN)")
	}
	compared := 0
	for _, key := range keys {
		data, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		theirs := typedColumns(t, data)
		r := newReplay(nil)
		if err := r.readCheckpoint(t.Context(), objects{"x.parquet": data}, &checkpointFile{keys: []string{"x.parquet"}}); err != nil {
			continue
		}
		s, err := r.snapshot(NewTable(objects{}, Options{}), commitFile{})
		if err != nil {
			continue
		}
		var b bytes.Buffer
		if err := s.writeCheckpointTo(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		for path, ours := range typedColumns(t, b.Bytes()) {
			compared += compareTyped(t, key+": "+path, theirs[path], ours)
		}
	}
	t.Logf("%d values compared", compared)
	if compared < 1000 {
		t.Errorf("only %d values compared", compared)
	}
}

// compareTyped compares the leaves that both sides have and returns how many.
func compareTyped(t *testing.T, name string, theirs, ours map[string]any) (n int) {
	t.Helper()
	for key, value := range ours {
		other, ok := theirs[key]
		if !ok || key == "path" {
			continue
		}
		inner, isObject := value.(map[string]any)
		if isObject {
			otherInner, _ := other.(map[string]any)
			n += compareTyped(t, name+"."+key, otherInner, inner)
			continue
		}
		// Some writers do not say of timestamps that they are in UTC.
		text, _ := value.(string)
		if n++; value != other && strings.TrimSuffix(text, "Z") != other {
			t.Errorf("%s.%s = %v, theirs is %v", name, key, value, other)
		}
	}
	return n
}
