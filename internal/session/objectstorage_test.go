package session_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/session"
)

// bucket is a workspace whose schema lake is on an object store: sources,
// tables and checkpoints. What is local is the catalog, and the log of events.
type bucket struct {
	*workspace
	store *mem.Store
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{workspace: &workspace{t: t, root: t.TempDir(), in: "mem://bucket/in"}, store: mem.New(nil)}
	b.over(b.store)
	b.rows("CREATE SCHEMA lake MANAGED LOCATION 'mem://bucket/lake'")
	return b
}

// over starts a session as another process would, which reaches the bucket by
// way of a store.
func (b *bucket) over(store object.Store) {
	b.t.Helper()
	if b.s != nil {
		_ = b.s.Close()
	}
	opener := func(to object.Store) location.Opener {
		return func(context.Context, location.Location) (object.Store, error) { return to, nil }
	}
	s, err := session.Open(b.t.Context(), session.Config{
		Workspace: filepath.Join(b.root, "ws"), Parallelism: 2,
		Openers: location.Openers{"mem": opener(store), "file": opener(local.New("/"))},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.s = s
	b.t.Cleanup(func() { _ = s.Close() })
}

// restart starts a process anew that finds nothing on this machine but the
// catalog: what flows know is in their checkpoints.
func (b *bucket) restart() {
	b.t.Helper()
	_ = b.s.Close()
	entries, err := os.ReadDir(filepath.Join(b.root, "ws"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "catalog.db") {
			if err := os.RemoveAll(filepath.Join(b.root, "ws", e.Name())); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.over(b.store)
}

func (b *bucket) object(key, text string) {
	b.t.Helper()
	if err := b.store.Put(b.t.Context(), key, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

// keys returns the keys that begin so.
func (b *bucket) keys(prefix string) (keys []string) {
	b.t.Helper()
	for in, err := range b.store.List(b.t.Context(), prefix, "") {
		if err != nil {
			b.t.Fatal(err)
		}
		keys = append(keys, in.Name())
	}
	return keys
}

// TestStreamsOnObjectStorage: a streaming table whose files, rows and
// checkpoint are in an object store, through every restart with nothing else
// than the checkpoint: each file is loaded once, the schema evolves, values are
// put back, files are replayed and cleaned; a stream of the table and a view
// follow.
func TestStreamsOnObjectStorage(t *testing.T) {
	b := newBucket(t)
	b.object("in/d=1/1.json", `{"id":1}`)
	b.rows(`CREATE STREAMING TABLE lake.t AS SELECT *, _metadata.file_path AS file FROM STREAM read_files('$IN', format => 'json',
		maxFilesPerTrigger => 1, cleanSource => 'MOVE', ` + "`cleanSource.retentionDuration` => '0 seconds', `cleanSource.moveDestination`" + ` => 'mem://bucket/done')`)
	b.rows("CREATE STREAMING TABLE lake.counts AS SELECT d, count(*) AS n FROM STREAM lake.t GROUP BY d")
	b.rows("CREATE MATERIALIZED VIEW lake.sums AS SELECT sum(id) AS total FROM lake.t")
	const all = "SELECT id, d, replace(file, '$IN/', '') FROM lake.t"
	b.want(all, "1|1|d=1/1.json")
	if got := b.keys("lake/_checkpoints/"); len(got) == 0 {
		t.Error("the bucket has no checkpoint")
	}
	b.restart()
	b.object("in/d=2/0.json", `{"id":"two"}`)
	b.object("in/d=1/2.json", `{"id":3}`)
	b.want("REFRESH STREAMING TABLE lake.t", "2|2")
	b.restart()
	b.want("REFRESH STREAMING TABLE lake.t", "0|0")
	b.want(all, "1|1|d=1/1.json", "NULL|2|d=2/0.json", "3|1|d=1/2.json")
	b.want("REFRESH STREAMING TABLE lake.counts; SELECT d, n FROM lake.counts", "1|2", "2|1")
	b.want("REFRESH MATERIALIZED VIEW lake.sums; SELECT total FROM lake.sums", "4")

	b.object("in/d=3/4.json", `{"id":4,"note":"new"}`)
	b.want("REFRESH STREAMING TABLE lake.t; SELECT id, note FROM lake.t WHERE note IS NOT NULL", "4|new")

	// What is loaded has been moved away, and the state says where.
	b.want("SELECT ingestion_state, archive_mode, move_location FROM cloud_files_state(TABLE(lake.t)) WHERE path = '$IN/d=1/1.json'",
		"INGESTED|MOVE|mem://bucket/done/d=1/1.json")
	b.want("SELECT count(*) FROM cloud_files_state('mem://bucket/"+b.checkpointOf("t")+"') WHERE commit_time IS NOT NULL", "4")
	for _, key := range b.keys("in/d=1/") {
		t.Errorf("%s is still there", key)
	}

	// Rescued values go back without the files; a full refresh has none to read.
	b.want("ALTER TABLE lake.t ADD COLUMN text STRING; REPAIR TABLE lake.t RESCUED DATA", "0|0|1")
	b.object("in/d=9/9.json", `{"id":9}`)
	b.want("REFRESH STREAMING TABLE lake.t", "1|1")
	b.want("ALTER STREAMING TABLE lake.t FORGET FILES ('d=9/9.json')", "1")
	b.restart()
	b.want("SELECT state FROM file_ledger(TABLE(lake.t)) WHERE path LIKE '$IN/d=9/%'", "forgotten")
	b.object("in/d=9/9.json", `{"id":9}`)
	b.want("REFRESH STREAMING TABLE lake.t", "1|1")

	if _, err := os.Stat(filepath.Join(b.root, "ws", "checkpoints")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a checkpoint is on this machine: %v", err)
	}
	b.rows("DROP TABLE lake.counts; DROP MATERIALIZED VIEW lake.sums; DROP TABLE lake.t")
	if left := b.keys("lake/"); len(left) > 0 {
		t.Errorf("dropped tables leave %q", left)
	}
}

// checkpointOf returns the key of the checkpoint of a table.
func (b *bucket) checkpointOf(table string) string {
	b.t.Helper()
	for _, key := range b.keys("lake/_checkpoints/" + table + "-") {
		if dir, ok := strings.CutSuffix(key, "/metadata"); ok {
			return dir
		}
	}
	b.t.Fatalf("table %s has no checkpoint", table)
	return ""
}

// TestStreamsOnObjectStorageKilled: a refresh that is cut off at any of its
// requests to the store goes on from the checkpoint, and every row is there
// once.
func TestStreamsOnObjectStorageKilled(t *testing.T) {
	t.Parallel()
	const load = "CREATE OR REFRESH STREAMING TABLE lake.t AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT', maxFilesPerTrigger => 2)"
	deaths := 0
	for n, died := 1, true; died; n++ {
		if !soaking() {
			n += n / 5
		}
		b := newBucket(t)
		for i := range 4 {
			b.object(fmt.Sprintf("in/%d.json", i), fmt.Sprintf(`{"id":%d}`, i))
		}
		faulty := objecttest.NewFaulty(b.store, objecttest.CrashAt(n))
		b.over(faulty)
		_, err := b.try(load)
		if err := faulty.Settle(); err != nil {
			t.Fatal(err)
		}
		died = len(faulty.Faults()) > 0
		// The lease of a process that has died; this one lives on.
		for _, key := range b.keys("lake/_checkpoints/") {
			if strings.Contains(key, "/lease/") {
				if err := b.store.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
		}
		b.restart()
		b.rows(load)
		b.want("SELECT * FROM lake.t", "0", "1", "2", "3")
		if t.Failed() {
			t.Fatalf("died at request %d (%v)", n, err)
		}
		deaths++
	}
	if deaths < 15 {
		t.Errorf("it died %d times, want at least 15", deaths)
	}
}
