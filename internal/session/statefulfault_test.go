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
	t.Parallel()
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
			w.trial(faulted{}).refreshUnderCrashes(t, 8)
		})
	}
}

// refreshUnderCrashes refreshes table s, or runs the trial's statement, in a
// process that nothing happens to, and in so many that die, each at another
// request to its store, and others that go on from there: the table has the
// same rows and columns; known are the rows, if they are.
func (tr *trial) refreshUnderCrashes(t *testing.T, deaths int, known ...string) {
	t.Helper()
	tr.text = cmp.Or(tr.text, "REFRESH TABLE s")
	never := objecttest.NewFaulty(local.New("/"), objecttest.Script())
	tr.restart(t)
	tr.through(never)
	tr.rows(tr.text)
	want, columns := tr.rows("SELECT * FROM s"), tr.columns("s")
	slices.Sort(want)
	if len(known) > 0 && !slices.Equal(want, known) {
		t.Fatalf("table s has\n%q, want\n%q", want, known)
	}
	if err := tr.s.Close(); err != nil {
		t.Fatal(err)
	}
	requests := len(never.Log())
	if soaking() {
		deaths = requests
	}
	for i := range min(deaths, requests) {
		tr.crashRefresh(t, 1+i*requests/deaths, want, columns)
	}
}

// crashRefresh runs the statement until the process dies at the nth request,
// then again in another process.
func (tr *trial) crashRefresh(t *testing.T, n int, want []string, columns string) {
	t.Helper()
	tr.restart(t)
	tr.through(objecttest.NewFaulty(local.New("/"), objecttest.CrashAt(n)))
	dead := tr.s
	_, err := tr.try(tr.text)
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
	tr.rows(tr.text)
	got := tr.rows("SELECT * FROM s")
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("died at request %d (%v), then table s has\n%q, want\n%q", n, err, got, want)
	}
	if got := tr.columns("s"); got != columns {
		t.Errorf("died at request %d (%v), then the columns are %s, want %s", n, err, got, columns)
	}
	if err := errors.Join(dead.Close(), tr.s.Close()); err != nil {
		t.Error(err)
	}
}

// A stream of a table that dies anywhere has each row once: in the first
// snapshot, and in the commits that follow it.
func TestStreamOfTableUnderCrashes(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1); INSERT INTO src VALUES (2); INSERT INTO src VALUES (3)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (maxFilesPerTrigger = 1)")
	w.rows("INSERT INTO src VALUES (4); INSERT INTO src VALUES (5); OPTIMIZE src; INSERT INTO src VALUES (6)")
	w.trial(faulted{}).refreshUnderCrashes(t, 16, "1", "2", "3", "4", "5", "6")
}
