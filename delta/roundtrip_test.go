package delta_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
)

// loadLog copies the log of a table on disk into memory.
func loadLog(t *testing.T, dir string) *memory {
	t.Helper()
	m := newMemory()
	disk := directory{root: dir}
	for info, err := range disk.List(t.Context(), "_delta_log/", "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, info.Name()))
		if err != nil {
			t.Fatal(err)
		}
		m.objects[info.Name()] = memoryObject{data: data, at: info.ModTime()}
	}
	return m
}

// state is everything a snapshot shows, for comparison. Whether a file
// changed data is left out: checkpoints do not keep it.
type state struct {
	Version  int64
	Protocol delta.Protocol
	Metadata delta.Metadata
	Files    map[string]delta.AddFile
	NumFiles int64
	Bytes    int64
}

func stateOf(t *testing.T, s *delta.Snapshot) state {
	t.Helper()
	st := state{
		Version: s.Version(), Protocol: s.Protocol(), Metadata: s.Metadata(),
		NumFiles: s.NumFiles(), Bytes: s.SizeInBytes(), Files: make(map[string]delta.AddFile),
	}
	for f, err := range s.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		f.DataChange = false
		f.PartitionValues = maps.Clone(f.PartitionValues)
		st.Files[f.Path+f.DeletionVector.UniqueID()] = f
	}
	return st
}

// ignoreEmpty lets a nil list and an empty one, and a nil map and an empty
// one, compare equal where the protocol gives them no different meaning.
var ignoreEmpty = cmp.FilterValues(func(a, b map[string]string) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())

func TestCheckpointRoundTrip(t *testing.T) {
	checked := 0
	for _, name := range goldenTables(t) {
		m := loadLog(t, filepath.Join(goldenDir(t), name))
		before, err := delta.NewTable(m, options()).Snapshot(t.Context())
		if err != nil {
			continue // TestReplayCounts looks at these
		}
		want := stateOf(t, before)
		if err := delta.NewTable(m, options()).Checkpoint(t.Context()); err != nil {
			t.Errorf("%s: write checkpoint: %v", name, err)
			continue
		}
		for _, key := range slices.Collect(maps.Keys(m.objects)) {
			ours := strings.HasSuffix(key, ".checkpoint.parquet") && strings.Contains(key, fmt.Sprintf("%020d", want.Version))
			if !ours && key != "_delta_log/_last_checkpoint" {
				delete(m.objects, key)
			}
		}
		after, err := delta.NewTable(m, options()).Snapshot(t.Context())
		if err != nil {
			t.Errorf("%s: read our checkpoint: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, stateOf(t, after), ignoreEmpty); diff != "" {
			t.Errorf("%s: our checkpoint changes the table (-want +got):\n%s", name, diff)
		}
		checked++
	}
	t.Logf("%d tables", checked)
	if checked < 180 {
		t.Errorf("only %d tables checked", checked)
	}
}
