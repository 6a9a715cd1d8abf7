package session_test

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/session"
)

// peak runs something and returns by how much the heap's live bytes exceeded
// at most what they were before.
func peak(run func()) int64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10)) // so that little of the heap is garbage
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, highest := m.HeapAlloc, m.HeapAlloc
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				highest = max(highest, m.HeapAlloc)
			}
		}
	}()
	run()
	close(done)
	<-ended
	return int64(highest - before)
}

// limited is a workspace that may use so much memory, with a table of four
// files of so many rows, each of 72 bytes.
func limited(t *testing.T, limit int64, rows int, properties string) *workspace {
	t.Helper()
	w := newWorkspace(t)
	s, err := session.Open(t.Context(), session.Config{Workspace: filepath.Join(w.root, "ws"), Parallelism: 2, MemoryLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	w.s = s
	t.Cleanup(func() { _ = s.Close() })
	w.rows("CREATE TABLE t (id BIGINT, s STRING) TBLPROPERTIES (" + properties + ")")
	for range 4 {
		w.rows("INSERT INTO t SELECT id, sha2(CAST(id AS STRING), 256) FROM range(" + strconv.Itoa(rows) + ")")
	}
	return w
}

// A MERGE of rows in all files writes all of them anew in bounded memory.
func TestMergeStaysWithinMemory(t *testing.T) {
	const limit = 40 << 20
	w := limited(t, limit, 400_000, "'delta.enableDeletionVectors' = 'false'")
	got := peak(func() {
		w.rows("MERGE INTO t USING (SELECT id, 'merged' AS s FROM range(0, 500000, 10)) n ON t.id = n.id WHEN MATCHED THEN UPDATE SET s = n.s WHEN NOT MATCHED THEN INSERT *")
	})
	t.Logf("a MERGE into 110 MB: %d MB", got>>20)
	if got > 2*limit {
		t.Errorf("a MERGE took %d MB beside what was there, want at most %d", got>>20, 2*limit>>20)
	}
	w.want("SELECT count(*), count_if(s = 'merged'), sum(id) FROM t", "1610000|170000|324499150000")
}

// Rows are packed and sorted in bounded memory, whatever the size of the table.
func TestOptimizeStaysWithinMemory(t *testing.T) {
	const limit = 20 << 20
	w := limited(t, limit, 200_000, "'delta.appendOnly' = 'false'")
	const size = 4 * 200_000 * (8 + 64)
	for _, statement := range []string{"OPTIMIZE t", "OPTIMIZE t ZORDER BY (s, id)"} {
		got := peak(func() { w.rows(statement) })
		t.Logf("%s of %d MB: %d MB", statement, size>>20, got>>20)
		if got > 2*limit {
			t.Errorf("%s took %d MB beside what was there, want at most %d", statement, got>>20, 2*limit>>20)
		}
	}
	w.want("SELECT count(*), sum(id), count_if(s = sha2(CAST(id AS STRING), 256)) FROM t", "800000|79999600000|800000")
}
