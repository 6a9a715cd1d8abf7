package delta_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
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

// checkpointForms are the ways to write a checkpoint.
var checkpointForms = map[string]func(context.Context, *delta.Snapshot) error{
	"classic":     func(ctx context.Context, s *delta.Snapshot) error { return s.CheckpointAs(ctx, false, 1) },
	"V2":          func(ctx context.Context, s *delta.Snapshot) error { return s.CheckpointAs(ctx, true, 1000) },
	"V2 sidecars": func(ctx context.Context, s *delta.Snapshot) error { return s.CheckpointAs(ctx, true, s.NumFiles()/2+1) },
}

// TestCheckpointRoundTrip writes checkpoints of tables of others, in each
// form, and removes all else from the log: the state must be the same.
func TestCheckpointRoundTrip(t *testing.T) {
	var checked atomic.Int64
	tables := goldenTables(t)
	t.Run("tables", func(t *testing.T) {
		for _, name := range tables {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				m := loadLog(t, filepath.Join(goldenDir(t), name))
				before, err := delta.NewTable(m, options()).Snapshot(t.Context())
				if err != nil {
					return // TestReplayCounts looks at these
				}
				checked.Add(1)
				want, old := stateOf(t, before), maps.Clone(m.objects)
				for form, write := range checkpointForms {
					m.objects = maps.Clone(old)
					if err := write(t.Context(), before); err != nil {
						t.Errorf("write checkpoint %s: %v", form, err)
						continue
					}
					maps.DeleteFunc(m.objects, func(key string, o memoryObject) bool { return bytes.Equal(o.data, old[key].data) })
					after, err := delta.NewTable(m, options()).Snapshot(t.Context())
					if err != nil {
						t.Errorf("read our checkpoint %s: %v", form, err)
						continue
					}
					if diff := cmp.Diff(want, stateOf(t, after), ignoreEmpty); diff != "" {
						t.Errorf("our checkpoint %s changes the table (-want +got):\n%s", form, diff)
					}
				}
			})
		}
	})
	if checked.Load() < 200 {
		t.Errorf("only %d tables checked", checked.Load())
	}
}
