package delta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
)

// logged is what tests look at of a commit's actions.
type logged struct {
	CommitInfo *struct {
		InCommitTimestamp *int64            `json:"inCommitTimestamp"`
		Tags              map[string]string `json:"tags"`
	} `json:"commitInfo"`
	Add            *delta.AddFile        `json:"add"`
	Remove         *delta.RemoveFile     `json:"remove"`
	DomainMetadata *delta.DomainMetadata `json:"domainMetadata"`
}

// actionsOf returns the actions of a commit in the log.
func actionsOf(t *testing.T, m *memory, version int64) []logged {
	t.Helper()
	var actions []logged
	for line := range strings.Lines(string(m.objects[fmt.Sprintf("_delta_log/%020d.json", version)].data)) {
		var a logged
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		actions = append(actions, a)
	}
	return actions
}

// inCommitTime returns the timestamp in the first action of a commit.
func inCommitTime(t *testing.T, m *memory, version int64) int64 {
	t.Helper()
	info := actionsOf(t, m, version)[0].CommitInfo
	if info == nil || info.InCommitTimestamp == nil {
		t.Fatalf("commit %d does not begin with a commitInfo that has a timestamp", version)
	}
	return *info.InCommitTimestamp
}

// appendFile commits one file on top of base.
func appendFile(t *testing.T, table *delta.Table, base *delta.Snapshot, name string) int64 {
	t.Helper()
	tx := table.Begin(base)
	tx.Add(file(name))
	return commit(t, tx)
}

// TestInCommitTimestampsIncrease has a clock that stands still, and losers of
// a race: each commit is later than the one before it all the same.
func TestInCommitTimestampsIncrease(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), map[string]string{"delta.enableInCommitTimestamps": "true"})
	base := snapshot(t, table)
	appendFile(t, table, base, "a")
	appendFile(t, table, base, "b") // finds version 1 taken
	now := options().Clock().UnixMilli()
	for version := range int64(3) {
		if got := inCommitTime(t, m, version); got != now+version {
			t.Errorf("timestamp of commit %d = %d, want %d", version, got, now+version)
		}
	}
	s := snapshot(t, delta.NewTable(m, options()))
	if got := s.Timestamp().UnixMilli(); got != now+2 {
		t.Errorf("Timestamp = %d, want %d", got, now+2)
	}
	if got, _ := s.Property("delta.inCommitTimestampEnablementVersion"); got != "" {
		t.Errorf("a table that was created with in-commit timestamps says that they begin at %s", got)
	}
	if !strings.Contains(fmt.Sprint(s.Protocol().WriterFeatures), "inCommitTimestamp") {
		t.Errorf("writer features = %v", s.Protocol().WriterFeatures)
	}
}

// TestInCommitTimestampsEnabledLate turns them on for an existing table, by a
// transaction that first loses a race: the properties name the version that
// it becomes. Time travel then follows file times before it, timestamps after.
func TestInCommitTimestampsEnabledLate(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	base := snapshot(t, table)
	appendFile(t, table, base, "a")
	tx := table.Begin(base)
	metadata := base.Metadata().Clone()
	metadata.Configuration = map[string]string{"delta.enableInCommitTimestamps": "true"}
	tx.SetMetadata(metadata)
	if got := commit(t, tx); got != 2 {
		t.Fatalf("committed version %d, want 2", got)
	}
	fileTime := m.objects["_delta_log/00000000000000000001.json"].at.UnixMilli()
	s := snapshot(t, table)
	want := map[string]string{
		"delta.enableInCommitTimestamps":             "true",
		"delta.inCommitTimestampEnablementVersion":   "2",
		"delta.inCommitTimestampEnablementTimestamp": fmt.Sprint(fileTime + 1),
	}
	if diff := cmp.Diff(want, s.Metadata().Configuration); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	appendFile(t, table, s, "b")
	if got := inCommitTime(t, m, 3); got != fileTime+2 {
		t.Errorf("timestamp of commit 3 = %d, want %d", got, fileTime+2)
	}
	for at, version := range map[int64]int64{fileTime: 1, fileTime + 1: 2, fileTime + 2: 3} {
		got, err := table.SnapshotAsOf(t.Context(), time.UnixMilli(at))
		if err != nil || got.Version() != version {
			t.Errorf("as of +%d ms: got %v, %v, want version %d", at-fileTime, got, err, version)
		}
	}
	history, err := table.History(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var times []int64
	for _, e := range history {
		times = append(times, e.Timestamp.UnixMilli()-fileTime)
	}
	if diff := cmp.Diff([]int64{2, 1, 0, -2000}, times); diff != "" {
		t.Errorf("times of history (-want +got):\n%s", diff)
	}

	// New metadata that knows nothing of it keeps what it was.
	tx = table.Begin(snapshot(t, table))
	metadata.Configuration = map[string]string{"delta.enableInCommitTimestamps": "true", "x": "y"}
	tx.SetMetadata(metadata)
	commit(t, tx)
	if got, _ := snapshot(t, table).Property("delta.inCommitTimestampEnablementVersion"); got != "2" {
		t.Errorf("enablement version after another change = %q, want 2", got)
	}
}
