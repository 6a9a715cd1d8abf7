package delta_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
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

// TestCheckpointRoundTrip writes checkpoints of tables of others, in each
// form, and removes all else from the log: the state must be the same.
func TestCheckpointRoundTrip(t *testing.T) {
	for name, write := range map[string]func(*delta.Snapshot) error{
		"classic":     func(s *delta.Snapshot) error { return s.CheckpointAs(t.Context(), false, 1) },
		"V2":          func(s *delta.Snapshot) error { return s.CheckpointAs(t.Context(), true, 1000) },
		"V2 sidecars": func(s *delta.Snapshot) error { return s.CheckpointAs(t.Context(), true, s.NumFiles()/2+1) },
	} {
		t.Run(name, func(t *testing.T) {
			checked := 0
			for _, table := range goldenTables(t) {
				if roundTrip(t, table, write) {
					checked++
				}
			}
			t.Logf("%d tables", checked)
			if checked < 180 {
				t.Errorf("only %d tables checked", checked)
			}
		})
	}
}

// roundTrip reports whether the table can be opened at all.
func roundTrip(t *testing.T, name string, write func(*delta.Snapshot) error) bool {
	t.Helper()
	m := loadLog(t, filepath.Join(goldenDir(t), name))
	before, err := delta.NewTable(m, options()).Snapshot(t.Context())
	if err != nil {
		return false // TestReplayCounts looks at these
	}
	want := stateOf(t, before)
	old := m.clone()
	if err := write(before); err != nil {
		t.Errorf("%s: write checkpoint: %v", name, err)
		return true
	}
	for key := range old.objects {
		if bytes.Equal(m.objects[key].data, old.objects[key].data) {
			delete(m.objects, key)
		}
	}
	after, err := delta.NewTable(m, options()).Snapshot(t.Context())
	if err != nil {
		t.Errorf("%s: read our checkpoint: %v", name, err)
		return true
	}
	if diff := cmp.Diff(want, stateOf(t, after), ignoreEmpty); diff != "" {
		t.Errorf("%s: our checkpoint changes the table (-want +got):\n%s", name, diff)
	}
	return true
}
