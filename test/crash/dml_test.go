package crash_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/session"
)

// changedRows are the statements that change or move rows of t.
var changedRows = []struct{ name, text string }{
	{"DELETE", "DELETE FROM t WHERE id % 7 = 3"},
	{"UPDATE", "UPDATE t SET v = v + 1000000 WHERE id % 5 = 2"},
	{
		"MERGE", "MERGE INTO t USING (SELECT id * 3 AS id, id AS w FROM range(50000)) s ON t.id = s.id WHEN MATCHED AND s.w % 11 = 0 THEN DELETE " +
			"WHEN MATCHED THEN UPDATE SET v = s.w WHEN NOT MATCHED THEN INSERT (id, v, p) VALUES (s.id, -1, 'new') WHEN NOT MATCHED BY SOURCE AND t.id < 1000 THEN DELETE",
	},
	{"OPTIMIZE", "OPTIMIZE t"},
}

// tablesToChange are made anew for each of their statements' versions; every
// one begins with some files of the same 120000 rows.
var tablesToChange = map[string]string{
	"copied files":     "PARTITIONED BY (p)",
	"deletion vectors": "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true', 'delta.checkpointInterval' = '3')",
}

// A process that deletes, updates, merges or compacts rows is killed at random
// moments. Whatever the moment, rows, files and change data feed are those
// before the statement or those after it; and the statement run again does
// what it always does.
func TestKilledChanges(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for name, layout := range tablesToChange {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t, layout)
			outcomes, before := map[string]int{}, 0
			for deadline := time.Now().Add(interruptions() / 2); time.Now().Before(deadline) && !t.Failed(); {
				for i, s := range changedRows {
					outcome := v.kill(i, rng)
					outcomes[s.name+", "+outcome]++
					if outcome == "before" {
						before++
					}
				}
			}
			t.Log(outcomes)
			if before == 0 {
				t.Error("no statement was killed before its end")
			}
		})
	}
}

// victim is a table whose writers are killed.
type victim struct {
	*plant
	fresh string          // the state that every statement begins with
	feed  bool            // it has a change data feed
	after []string        // the state after each statement, and the changes
	takes []time.Duration // how long a process takes for it

	restored int64 // the version that restored the table last
}

func newVictim(t *testing.T, layout string) *victim {
	t.Helper()
	v := &victim{plant: &plant{t: t, dir: t.TempDir()}, feed: strings.Contains(layout, "enableChangeDataFeed")}
	s, err := session.Open(t.Context(), session.Config{Workspace: v.workspace(), Parallelism: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	v.session = s
	v.must("CREATE TABLE t (id BIGINT, v BIGINT, p STRING) " + layout)
	for i := range 3 {
		v.must(fmt.Sprintf("INSERT INTO t SELECT id, id * 2, concat('p', id %% 2) FROM range(%d, %d)", i*40_000, (i+1)*40_000))
	}
	v.fresh = v.state()
	v.restored = v.version()
	for _, change := range changedRows {
		started := time.Now()
		if out, err := v.process(change.text).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", change.text, err, out)
		}
		v.takes = append(v.takes, time.Since(started))
		v.after = append(v.after, v.state()+v.changes())
		v.restore()
	}
	return v
}

// process runs a statement in a process of its own.
func (v *victim) process(text string) *exec.Cmd {
	cmd := process(v.t, "sql", v.workspace(), text)
	cmd.Stderr = nil
	return cmd
}

// restore brings the table back to its first rows.
func (v *victim) restore() {
	v.t.Helper()
	v.must("RESTORE TABLE t TO VERSION AS OF 3")
	if got := v.state(); got != v.fresh {
		v.t.Fatalf("restored, the table is %q, want %q", got, v.fresh)
	}
	v.restored = v.version()
}

// version returns the newest version of the table.
func (v *victim) version() int64 {
	v.t.Helper()
	text, _, _ := strings.Cut(v.must("DESCRIBE HISTORY t LIMIT 1"), "|")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		v.t.Fatal(err)
	}
	return n
}

// state sums up the rows and files of the table.
func (v *victim) state() string {
	v.t.Helper()
	rows := v.must("SELECT count(*), count(DISTINCT id), sum(id), sum(v), sum(v * (id % 1009)), count_if(p = 'new') FROM t")
	return rows + " in " + strings.Split(v.must("DESCRIBE DETAIL t"), "|")[numFiles] + " files"
}

// numFiles is the place of this column in the result of DESCRIBE DETAIL.
const numFiles = 9

// changes sums up the change data feed since the table was restored last.
func (v *victim) changes() string {
	v.t.Helper()
	if !v.feed {
		return ""
	}
	return v.must(fmt.Sprintf("SELECT count_if(_change_type = 'insert'), count_if(_change_type = 'delete'), count_if(_change_type = 'update_preimage'), "+
		"count_if(_change_type = 'update_postimage'), sum(v) FROM table_changes('t', %d)", v.restored+1))
}

// kill ends a process that runs a statement at a random moment, and returns
// what the table then is: before or after.
func (v *victim) kill(i int, rng *rand.Rand) (outcome string) {
	v.t.Helper()
	text := changedRows[i].text
	cmd := v.process(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	delay := time.Duration(rng.Int64N(int64(v.takes[i])))
	_, err := end(cmd, delay, true)
	story := fmt.Sprintf("%s, killed after %v (%v): %s", text, delay, err, stderr.String())
	outcome = "after"
	if v.version() == v.restored {
		outcome = "before"
		if got := v.state(); got != v.fresh || err == nil {
			v.t.Fatalf("%s\nno version came and the table is %q\nwant %q", story, got, v.fresh)
		}
		v.must(text)
	}
	if got := v.state() + v.changes(); got != v.after[i] {
		v.t.Fatalf("%s\n%s, and again if before, the table is %q\nwant %q", story, outcome, got, v.after[i])
	}
	v.restore()
	return outcome
}
