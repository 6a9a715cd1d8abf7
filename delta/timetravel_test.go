package delta_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/freshet/freshet/delta"
)

// appended returns a table of n commits after its creation, each a file.
func appended(t *testing.T, m *memory, n int) *delta.Table {
	t.Helper()
	table := create(t, m, options(), nil)
	for i := range n {
		tx := table.Begin(snapshot(t, table))
		tx.Add(file(fmt.Sprintf("f%d", i)))
		commit(t, tx)
	}
	return table
}

func class(err error) string {
	var classified interface{ ErrorClass() string }
	if errors.As(err, &classified) {
		return classified.ErrorClass()
	}
	return fmt.Sprint(err)
}

func TestSnapshotAt(t *testing.T) {
	m := newMemory()
	table := appended(t, m, 12)
	for _, version := range []int64{0, 3, 9, 10, 11, 12} {
		s, err := table.SnapshotAt(t.Context(), version)
		if err != nil || s.Version() != version || s.NumFiles() != version {
			t.Errorf("SnapshotAt(%d) = %v, %v, want %d files", version, s, err, version)
		}
	}
	for _, version := range []int64{-1, 13} {
		if _, err := table.SnapshotAt(t.Context(), version); class(err) != "DELTA_VERSION_NOT_FOUND" {
			t.Errorf("SnapshotAt(%d) error = %v, want DELTA_VERSION_NOT_FOUND", version, err)
		}
	}
	m.drop("00000000000000000000.json")
	if _, err := table.SnapshotAt(t.Context(), 4); class(err) != "DELTA_VERSION_NOT_FOUND" {
		t.Errorf("SnapshotAt(4) of a log that starts at checkpoint 10: error = %v", err)
	}
	if s, err := table.SnapshotAt(t.Context(), 11); err != nil || s.NumFiles() != 11 {
		t.Errorf("SnapshotAt(11) after clean-up = %v, %v", s, err)
	}
	m.drop("*.checkpoint.parquet")
	if _, err := delta.NewTable(m, options()).Snapshot(t.Context()); class(err) != "DELTA_TRUNCATED_TRANSACTION_LOG" {
		t.Errorf("log without its start: error = %v, want DELTA_TRUNCATED_TRANSACTION_LOG", err)
	}
}

func TestSnapshotAsOf(t *testing.T) {
	m := newMemory()
	table := appended(t, m, 4)
	at := func(version int64) time.Time {
		return m.objects[fmt.Sprintf("_delta_log/%020d.json", version)].at
	}
	for name, test := range map[string]struct {
		ts   time.Time
		want int64
	}{
		"at the first":   {at(0), 0},
		"at a commit":    {at(2), 2},
		"between":        {at(3).Add(-time.Millisecond), 2},
		"at the last":    {at(4), 4},
		"just after one": {at(1).Add(time.Millisecond), 1},
	} {
		if s, err := table.SnapshotAsOf(t.Context(), test.ts); err != nil || s.Version() != test.want {
			t.Errorf("%s: got %v, %v, want version %d", name, s, err, test.want)
		}
	}
	if _, err := table.SnapshotAsOf(t.Context(), at(0).Add(-time.Second)); class(err) != "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION" {
		t.Errorf("before the first: error = %v", err)
	}
	if _, err := table.SnapshotAsOf(t.Context(), at(4).Add(time.Second)); class(err) != "DELTA_TIMESTAMP_GREATER_THAN_COMMIT" {
		t.Errorf("after the last: error = %v", err)
	}
}

// TestSnapshotAsOfOfDisturbedTimes has files copied at once: each version
// then counts as one millisecond after the one before.
func TestSnapshotAsOfOfDisturbedTimes(t *testing.T) {
	m := newMemory()
	appended(t, m, 4)
	same := time.UnixMilli(1_700_000_100_000)
	for key, obj := range m.objects {
		m.objects[key] = memoryObject{data: obj.data, at: same}
	}
	for version := range int64(5) {
		s, err := delta.NewTable(m, options()).SnapshotAsOf(t.Context(), same.Add(time.Duration(version)*time.Millisecond))
		if err != nil || s.Version() != version {
			t.Errorf("as of +%d ms: got %v, %v, want version %d", version, s, err, version)
		}
	}
}

func TestSnapshotAsOfInCommitTimestamps(t *testing.T) {
	m := newMemory()
	put := func(version, ict int64, more string) {
		m.put(fmt.Sprintf("_delta_log/%020d.json", version), []byte(fmt.Sprintf(
			`{"commitInfo":{"inCommitTimestamp":%d,"timestamp":1,"operation":"WRITE"}}`+"\n%s", ict, more)))
	}
	put(0, 5_000, `{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["inCommitTimestamp"]}}`+"\n"+
		`{"metaData":{"id":"x","format":{"provider":"parquet"},"schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":[],`+
		`"configuration":{"delta.enableInCommitTimestamps":"true"}}}`)
	put(1, 6_000, "")
	put(2, 7_000, "")
	table := delta.NewTable(m, options())
	if got := snapshot(t, table).Timestamp().UnixMilli(); got != 7_000 {
		t.Errorf("Timestamp = %d, want 7000", got)
	}
	if s, err := table.SnapshotAsOf(t.Context(), time.UnixMilli(6_500)); err != nil || s.Version() != 1 {
		t.Errorf("as of 6500: got %v, %v, want version 1", s, err)
	}
	if _, err := table.SnapshotAsOf(t.Context(), time.UnixMilli(7_001)); class(err) != "DELTA_TIMESTAMP_GREATER_THAN_COMMIT" {
		t.Errorf("as of 7001: error = %v", err)
	}
	if _, err := table.SnapshotAsOf(t.Context(), time.UnixMilli(4_999)); class(err) != "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION" {
		t.Errorf("as of 4999: error = %v", err)
	}
}

func TestHistory(t *testing.T) {
	m := newMemory()
	table := appended(t, m, 4)
	all, err := table.History(t.Context(), 0)
	if err != nil || len(all) != 5 || all[0].Version != 4 || all[4].Operation != "CREATE TABLE" || all[4].ReadVersion != nil {
		t.Fatalf("History(0) = %+v, %v", all, err)
	}
	if !all[1].Timestamp.Before(all[0].Timestamp) || *all[0].ReadVersion != 3 || !*all[0].IsBlindAppend || all[0].EngineInfo != "test/1" {
		t.Errorf("newest entries = %+v", all[:2])
	}
	two, err := table.History(t.Context(), 2)
	if err != nil || len(two) != 2 || two[1].Version != 3 {
		t.Errorf("History(2) = %+v, %v", two, err)
	}
}

func TestHistoryOfAnyParameterTypes(t *testing.T) {
	dir := filepath.Join(goldenDir(t), "delta-io-golden", "commit-info-containing-arbitrary-operationParams-types")
	entries, err := delta.NewTable(directory{root: dir}, options()).History(t.Context(), 0)
	if err != nil || len(entries) != 3 {
		t.Fatalf("History = %d entries, %v, want 3", len(entries), err)
	}
	for _, e := range entries {
		t.Logf("%d %s %v", e.Version, e.Operation, e.OperationParameters)
		if e.Operation == "" || len(e.OperationParameters) == 0 {
			t.Errorf("version %d lost what it says: %+v", e.Version, e)
		}
	}
}
