package delta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
)

// keys returns the names in the log, sorted, of which suffix is a part.
func (m *memory) keys(part string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []string
	for key := range m.objects {
		if name, ok := strings.CutPrefix(key, "_delta_log/"); ok && strings.Contains(name, part) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

func TestChecksumOfEveryVersion(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), map[string]string{"delta.enableInCommitTimestamps": "true"})
	tx := table.Begin(snapshot(t, table))
	tx.Add(file("a"))
	tx.SetTransaction("flow", 7)
	tx.SetDomainMetadata("d", "{}", false)
	commit(t, tx)
	var got map[string]any
	if err := json.Unmarshal(m.objects["_delta_log/00000000000000000001.crc"].data, &got); err != nil {
		t.Fatal(err)
	}
	metadata, _ := got["metadata"].(map[string]any)
	if metadata["schemaString"] == "" || metadata["configuration"] == nil {
		t.Errorf("metadata = %v", metadata)
	}
	delete(got, "metadata")
	want := map[string]any{
		"txnId": "id-3", "tableSizeBytes": 10.0, "numFiles": 1.0, "numMetadata": 1.0, "numProtocol": 1.0,
		"inCommitTimestampOpt": 1.700000000001e12,
		"setTransactions":      []any{map[string]any{"appId": "flow", "version": 7.0, "lastUpdated": 1.7e12}},
		"domainMetadata":       []any{map[string]any{"domain": "d", "configuration": "{}", "removed": false}},
		"protocol": map[string]any{
			"minReaderVersion": 1.0, "minWriterVersion": 7.0,
			"writerFeatures": []any{"appendOnly", "domainMetadata", "inCommitTimestamp", "invariants"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checksum (-want +got):\n%s", diff)
	}
}

// TestChecksumIsATripwire opens a table whose newest checksum is wrong, torn
// or missing: the log decides, and only a wrong one is worth a word.
func TestChecksumIsATripwire(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	appendFile(t, table, snapshot(t, table), "a")
	if err := table.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	right := string(m.objects["_delta_log/00000000000000000001.crc"].data)
	for text, warns := range map[string]bool{
		right: false, strings.Replace(right, `"numFiles":1`, `"numFiles":2`, 1): true, "{": true, `{"numFiles":1}`: true, "": false,
	} {
		m.put("_delta_log/00000000000000000001.crc", []byte(text))
		if text == "" {
			delete(m.objects, "_delta_log/00000000000000000001.crc")
		}
		var log bytes.Buffer
		opts := options()
		opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
		if s := snapshot(t, delta.NewTable(m, opts)); s.NumFiles() != 1 {
			t.Errorf("checksum %.40q: got %d files, want 1", text, s.NumFiles())
		}
		if got := strings.Contains(log.String(), "checksum does not fit"); got != warns {
			t.Errorf("checksum %.40q: warned = %t, want %t:\n%s", text, got, warns, &log)
		}
	}
}

// TestFollowUpsInBackground has the storage block what follows a commit: the
// commit returns all the same, and Close waits for the rest.
func TestFollowUpsInBackground(t *testing.T) {
	m := newMemory()
	opts := options()
	opts.Background = true
	table := create(t, m, opts, map[string]string{"delta.checkpointInterval": "1"})
	if err := table.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := snapshot(t, table)
	gate, reached := make(chan struct{}), make(chan struct{}, 1)
	slow := delta.NewTable(gated{m, gate, reached}, opts)
	tx := slow.Begin(base)
	tx.Add(file("a"))
	commit(t, tx)
	<-reached // the checkpoint has begun
	if got := m.keys("checkpoint"); len(got) != 0 {
		t.Errorf("before the checkpoint: %v", got)
	}
	close(gate)
	if err := slow.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"00000000000000000001.checkpoint.parquet", "_last_checkpoint"}
	if diff := cmp.Diff(want, m.keys("checkpoint")); diff != "" {
		t.Errorf("after Close (-want +got):\n%s", diff)
	}
}

// gated is a storage whose uploads wait until a gate opens.
type gated struct {
	*memory
	gate    chan struct{}
	reached chan struct{}
}

func (g gated) Create(ctx context.Context, key string) (delta.Upload, error) {
	g.reached <- struct{}{}
	select {
	case <-g.gate:
		return g.memory.Create(ctx, key)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestCloseAbandons gives up a checkpoint that takes too long.
func TestCloseAbandons(t *testing.T) {
	m := newMemory()
	opts := options()
	opts.Background = true
	g := gated{m, nil, make(chan struct{}, 1)}
	table := create(t, g, opts, map[string]string{"delta.checkpointInterval": "1"})
	appendFile(t, table, snapshot(t, table), "a")
	<-g.reached
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := table.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close error = %v, want context.Canceled", err)
	}
	if s := snapshot(t, delta.NewTable(m, options())); s.NumFiles() != 1 {
		t.Errorf("got %d files, want 1", s.NumFiles())
	}
}

// TestWrongCheckpointIsNotPublished has the storage keep something else than
// what was written: no hint points at it, and it is gone.
func TestWrongCheckpointIsNotPublished(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), map[string]string{"delta.checkpointInterval": "100"})
	appendFile(t, table, snapshot(t, table), "a")
	if err := table.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := m.objects["_delta_log/00000000000000000001.checkpoint.parquet"].data
	m.drop("*checkpoint*")
	appendFile(t, table, snapshot(t, table), "b")
	if err := delta.NewTable(forging{m, old}, options()).Checkpoint(t.Context()); err == nil {
		t.Error("a checkpoint of another version passed")
	}
	if got := m.keys("checkpoint"); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// forging is a storage that keeps other bytes than those uploaded.
type forging struct {
	*memory
	bytes []byte
}

func (f forging) Create(ctx context.Context, key string) (delta.Upload, error) {
	u, err := f.memory.Create(ctx, key)
	return forgedUpload{u, f, key}, err
}

type forgedUpload struct {
	delta.Upload
	storage forging
	key     string
}

func (u forgedUpload) Close() error {
	return u.storage.Put(context.Background(), u.key, u.storage.bytes)
}

// TestV2Checkpoints has a table ask for them.
func TestV2Checkpoints(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), map[string]string{"delta.checkpointPolicy": "v2", "delta.checkpointInterval": "2"})
	for i := range 2 {
		appendFile(t, table, snapshot(t, table), fmt.Sprint(i))
	}
	if got := m.keys(".checkpoint."); len(got) != 1 || !strings.HasPrefix(got[0], "00000000000000000002.checkpoint.id-") {
		t.Errorf("checkpoints = %v, want one with a unique name", got)
	}
	m.drop("0*.json")
	if s := snapshot(t, delta.NewTable(m, options())); s.Version() != 2 || s.NumFiles() != 2 {
		t.Errorf("got version %d with %d files, want 2 and 2", s.Version(), s.NumFiles())
	}
}

// TestRefreshIsOneRequest counts what a look for news costs.
func TestRefreshIsOneRequest(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	for i := range 12 {
		appendFile(t, table, snapshot(t, table), fmt.Sprint(i))
	}
	reader := delta.NewTable(m, options())
	first := snapshot(t, reader)
	m.calls = nil
	if again := snapshot(t, reader); again != first {
		t.Error("nothing is new, but the snapshot is another")
	}
	if len(m.calls) != 1 {
		t.Errorf("a refresh with nothing new made %d requests: %q", len(m.calls), m.calls)
	}
	appendFile(t, table, snapshot(t, table), "more")
	m.calls = nil
	if snapshot(t, reader).Version() != 13 || len(m.calls) != 2 {
		t.Errorf("a refresh with one new commit made %d requests: %q", len(m.calls), m.calls)
	}
}

// TestExpiredTransactionsAreForgotten follows the table's property.
func TestExpiredTransactionsAreForgotten(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), map[string]string{"delta.setTransactionRetentionDuration": "interval 1 days"})
	tx := table.Begin(snapshot(t, table))
	tx.SetTransaction("flow", 1)
	commit(t, tx)
	opts := options()
	for hours, want := range map[int]bool{23: true, 24: false} {
		opts.Clock = func() time.Time { return options().Clock().Add(time.Duration(hours) * time.Hour) }
		if _, got := snapshot(t, delta.NewTable(m, opts)).TransactionVersion("flow"); got != want {
			t.Errorf("after %d hours: known = %t, want %t", hours, got, want)
		}
	}
}
