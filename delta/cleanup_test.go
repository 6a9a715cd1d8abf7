package delta_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
)

// aging is a log that gets one commit an hour, and options whose clock says
// how late it is.
func aging(t *testing.T, commits int, config map[string]string) (*memory, delta.Options) {
	t.Helper()
	m := newMemory()
	opts := options()
	opts.Clock = func() time.Time { return m.now }
	table := create(t, m, opts, config)
	for i := range commits {
		m.now = m.now.Add(time.Hour)
		appendFile(t, table, snapshot(t, table), fmt.Sprint(i))
	}
	return m, opts
}

// versions returns which commits and checkpoints the log still holds.
func versions(m *memory, suffix string) (found []string) {
	for _, key := range m.keys(suffix) {
		if strings.HasPrefix(key, "0") {
			found = append(found, strings.TrimLeft(path.Base(key)[:20], "0"))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestLogCleanUp lets a table age: what remains begins at the newest
// checkpoint from which all versions younger than the retention are rebuilt.
func TestLogCleanUp(t *testing.T) {
	config := func(more ...string) map[string]string {
		c := map[string]string{"delta.checkpointInterval": "10", "delta.logRetentionDuration": "interval 1 days"}
		for i := 0; i < len(more); i += 2 {
			c[more[i]] = more[i+1]
		}
		return c
	}
	for name, test := range map[string]struct {
		config map[string]string
		first  string // commit
	}{
		"kept for a day":   {config(), "40"},
		"not cleaned up":   {config("delta.enableExpiredLogCleanup", "false"), ""},
		"kept for 30 days": {config("delta.logRetentionDuration", "interval 30 days"), ""},
		"protected above":  {config("delta.requireCheckpointProtectionBeforeVersion", "50"), ""},
		"protected up to":  {config("delta.requireCheckpointProtectionBeforeVersion", "40"), "40"},
		"V2":               {config("delta.checkpointPolicy", "v2"), "40"},
	} {
		t.Run(name, func(t *testing.T) {
			m, opts := aging(t, 90, test.config)
			commits := versions(m, ".json")
			if commits[0] != test.first {
				t.Fatalf("the log begins with commit %q, want %q", commits[0], test.first)
			}
			if test.first == "" {
				return
			}
			if diff := cmp.Diff([]string{"40", "50", "60", "70", "80", "90"}, versions(m, ".checkpoint.")); diff != "" {
				t.Errorf("checkpoints (-want +got):\n%s", diff)
			}
			if got := versions(m, ".crc"); got[0] != test.first {
				t.Errorf("checksums begin with version %s", got[0])
			}
			table := delta.NewTable(m, opts)
			for _, version := range []int64{40, 45, 90} {
				if s, err := table.SnapshotAt(t.Context(), version); err != nil || s.NumFiles() != version {
					t.Errorf("version %d: got %v, %v", version, s, err)
				}
			}
			if _, err := table.SnapshotAt(t.Context(), 39); class(err) != "DELTA_VERSION_NOT_FOUND" {
				t.Errorf("version 39: error = %v", err)
			}
			if classic := m.keys("0.checkpoint.parquet"); test.config["delta.checkpointPolicy"] == "v2" && len(classic) == 0 {
				t.Error("no checkpoint of the classic name tells old programs that they do not know the table")
			}
		})
	}
}

// TestSidecarCleanUp keeps the sidecars that a checkpoint names and those
// that may be on their way into one.
func TestSidecarCleanUp(t *testing.T) {
	m, opts := aging(t, 5, map[string]string{"delta.checkpointPolicy": "v2", "delta.logRetentionDuration": "interval 1 days"})
	used := delta.NewTable(m, opts)
	if err := snapshot(t, used).CheckpointAs(t.Context(), true, 2); err != nil {
		t.Fatal(err)
	}
	named := len(m.keys("_sidecars/"))
	if named != 3 {
		t.Fatalf("%d sidecars, want 3", named)
	}
	m.put("_delta_log/_sidecars/orphan.parquet", nil)
	table := delta.NewTable(m, opts)
	for i := range 100 {
		m.now = m.now.Add(time.Hour)
		if i == 95 {
			m.put("_delta_log/_sidecars/young.parquet", nil)
		}
		appendFile(t, table, snapshot(t, table), fmt.Sprint("more", i))
	}
	got := m.keys("_sidecars/")
	if slices.Contains(got, "_sidecars/orphan.parquet") || !slices.Contains(got, "_sidecars/young.parquet") {
		t.Errorf("sidecars = %v", got)
	}
	if versions(m, ".checkpoint.")[0] == "5" && len(got) != named+1 {
		t.Errorf("sidecars of a checkpoint are gone: %v", got)
	}
}

// TestLogCompaction reads compacted commits in place of the commits, and the
// commits when what was made of them is damaged.
func TestLogCompaction(t *testing.T) {
	m, opts := aging(t, 6, nil)
	compact := func(first, last int) string { return fmt.Sprintf("_delta_log/%020d.%020d.compacted.json", first, last) }
	var lines strings.Builder
	for i := 1; i < 5; i++ {
		fmt.Fprintf(&lines, `{"add":{"path":"%d","partitionValues":{},"size":10,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":1}"}}`+"\n", i)
	}
	m.put(compact(2, 5), []byte(lines.String()))
	m.put(compact(2, 3), []byte("not the longest"))
	m.put(compact(3, 9), []byte("beyond the end"))
	m.calls = nil
	s := snapshot(t, delta.NewTable(m, opts))
	if s.Version() != 6 || s.NumFiles() != 6 {
		t.Errorf("got version %d with %d files, want 6 and 6", s.Version(), s.NumFiles())
	}
	want := []string{
		"Open _delta_log/_last_checkpoint", "List ", "Open _delta_log/00000000000000000000.json", "Open _delta_log/00000000000000000001.json",
		"Open " + compact(2, 5), "Open _delta_log/00000000000000000006.json",
	}
	if diff := cmp.Diff(want, m.calls); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	m.put(compact(2, 5), []byte(lines.String()+"{"))
	if got := paths(t, snapshot(t, delta.NewTable(m, opts))); !slices.Equal(got, []string{"0", "1", "2", "3", "4", "5"}) {
		t.Errorf("files with damaged compaction: %v", got)
	}
}

// TestStorageFaultIsNotDamage reports a storage that fails in the middle of a
// log file as that, and not as a table that cannot be recovered.
func TestStorageFaultIsNotDamage(t *testing.T) {
	m, opts := aging(t, 3, nil)
	_, err := delta.NewTable(breaking{m, ".json"}, opts).Snapshot(t.Context())
	if damaged := new(delta.LogError); errors.As(err, &damaged) || !errors.Is(err, errInjected) {
		t.Errorf("commit cannot be fetched: error = %v", err)
	}
	if err := delta.NewTable(m, opts).Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.drop("0*.json")
	_, err = delta.NewTable(breaking{m, ".parquet"}, opts).Snapshot(t.Context())
	if damaged := new(delta.LogError); errors.As(err, &damaged) || !errors.Is(err, errInjected) {
		t.Errorf("checkpoint cannot be fetched: error = %v", err)
	}
}

// breaking is a storage that opens objects of a kind but cannot read them.
type breaking struct {
	*memory
	suffix string
}

func (b breaking) Open(ctx context.Context, key string) (delta.Object, error) {
	obj, err := b.memory.Open(ctx, key)
	if err == nil && strings.HasSuffix(key, b.suffix) {
		return broken{obj}, nil
	}
	return obj, err
}

type broken struct{ delta.Object }

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errInjected }
