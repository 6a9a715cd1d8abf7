package session_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/objecttest"
)

// A refresh that dies anywhere is gone on with by the next one, and the table
// ends with the rows of a refresh that nothing has happened to: what is kept
// between batches is that of the batch before, whatever was written since.
func TestStatefulRefreshUnderCrashes(t *testing.T) {
	for name, query := range map[string]string{
		"updated":  "SELECT k, count(*) AS c, sum(n) AS total, stddev(n) AS d FROM " + readings + " GROUP BY k",
		"complete": "SELECT count(*) AS c, max(n) AS m FROM " + readings,
		"appended": "SELECT window.start AS w, k, sum(n) AS total FROM " + readings + " WATERMARK ts DELAY OF INTERVAL 10 MINUTES GROUP BY window(ts, '10 minutes'), k",
		"distinct": "SELECT DISTINCT k, n % 2 AS odd FROM " + readings,
		"keyed":    "SELECT DISTINCT ON (k, n % 2) n, k FROM " + readings,
		"within":   "SELECT DISTINCT ON (k) WITHIN WATERMARK * FROM " + readings + " WATERMARK ts DELAY OF INTERVAL 10 MINUTES",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			batch := func(i int) {
				text := ""
				for j := range 4 {
					text += fmt.Sprintf(`{"k":"%c","n":%d,"ts":"2026-01-01T00:%02d:00Z"}`+"\n", 'a'+(i*j)%3, i*10+j, i*9+j)
				}
				w.file(strconv.Itoa(i)+".json", text)
			}
			batch(0)
			batch(1)
			w.rows("CREATE STREAMING TABLE s AS " + query)
			batch(2)
			batch(3)
			tr := &trial{workspace: w, saved: filepath.Join(w.root, "saved")}
			if err := errors.Join(w.s.Close(), os.Rename(filepath.Join(w.root, "ws"), tr.saved)); err != nil {
				t.Fatal(err)
			}
			tr.restart(t)
			tr.open()
			want := tr.rows("REFRESH TABLE s; SELECT * FROM s")
			slices.Sort(want)
			for n, more := 1, true; more; n++ {
				if !soaking() {
					n += n / 2
				}
				more = tr.crashRefresh(t, n, want)
			}
		})
	}
}

// crashRefresh refreshes table s, or runs the trial's statement, until the process dies at the nth operation
// of the storage, then again in another process. It reports whether it died.
func (tr *trial) crashRefresh(t *testing.T, n int, want []string) (died bool) {
	t.Helper()
	tr.restart(t)
	store := objecttest.NewFaulty(local.New("/"), objecttest.CrashAt(n))
	tr.through(store)
	dead := tr.s
	text := cmp.Or(tr.text, "REFRESH TABLE s")
	_, err := tr.try(text)
	died = len(store.Faults()) > 0
	// The lease of a process that has died; this one lives on.
	for _, at := range []string{"", "flows/*/*/*"} {
		leases, gerr := filepath.Glob(filepath.Join(tr.root, "ws", "checkpoints", "*", "*", "*", at, "lease"))
		if gerr != nil {
			t.Fatal(gerr)
		}
		for _, l := range leases {
			if err := os.RemoveAll(l); err != nil {
				t.Fatal(err)
			}
		}
	}
	tr.open()
	tr.rows(text)
	got := tr.rows("SELECT * FROM s")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("died at operation %d (%v), then table s has\n%q, want\n%q", n, err, got, want)
	}
	if err := errors.Join(dead.Close(), tr.s.Close()); err != nil {
		t.Error(err)
	}
	return died
}

// A stream of a table that dies anywhere has each row once: in the first
// snapshot, and in the commits that follow it.
func TestStreamOfTableUnderCrashes(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1); INSERT INTO src VALUES (2); INSERT INTO src VALUES (3)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (maxFilesPerTrigger = 1)")
	w.rows("INSERT INTO src VALUES (4); INSERT INTO src VALUES (5); OPTIMIZE src; INSERT INTO src VALUES (6)")
	tr := &trial{workspace: w, saved: filepath.Join(w.root, "saved")}
	if err := errors.Join(w.s.Close(), os.Rename(filepath.Join(w.root, "ws"), tr.saved)); err != nil {
		t.Fatal(err)
	}
	for n, more := 1, true; more; n++ {
		if !soaking() {
			n += n / 3
		}
		more = tr.crashRefresh(t, n, []string{"1", "2", "3", "4", "5", "6"})
	}
}
