package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/objecttest"
)

// faultKinds are the operations that can fail, and how.
var faultKinds = []struct {
	op   objecttest.Op
	when []objecttest.When
}{
	{objecttest.Open, []objecttest.When{objecttest.Before}},
	{objecttest.ReadAt, []objecttest.When{objecttest.Before}},
	{objecttest.List, []objecttest.When{objecttest.Before, objecttest.After}},
	{objecttest.Create, []objecttest.When{objecttest.Before}},
	{objecttest.Write, []objecttest.When{objecttest.Before}},
	{objecttest.Close, []objecttest.When{objecttest.Before, objecttest.After}},
	{objecttest.Put, []objecttest.When{objecttest.Before, objecttest.After, objecttest.Late}},
	{objecttest.PutIfAbsent, []objecttest.When{objecttest.Before, objecttest.After, objecttest.Late}},
}

// soaking is set to try everything: each fault, and interruptions for minutes.
func soaking() bool { return os.Getenv("FRESHET_SOAK") != "" }

// faulted is a statement that writes table t.
type faulted struct {
	prepare string // makes what the statement starts from
	text    string
	before  string // count of the table's rows while the statement has done nothing
	after   string // and once it has done all
	// repeatable says that the statement, run again after it has worked, adds
	// no rows.
	repeatable bool
	// replaces says that the statement takes files out of the table, which
	// stay until they are vacuumed.
	replaces bool
}

// counted returns how many rows t has, and how many different ones; without
// the engine, which takes its time to start.
func (w *workspace) counted() (string, error) {
	rows, err := w.try("SELECT * FROM t")
	n := len(rows)
	slices.Sort(rows)
	return fmt.Sprintf("%d|%d", n, len(slices.Compact(rows))), err
}

func (w *workspace) wantCounted(want string) {
	w.t.Helper()
	if got, err := w.counted(); err != nil || got != want {
		w.t.Errorf("table t has %s rows (%v), want %s", got, err, want)
	}
}

// faultedStatements are those whose faults are tested. They load 8 rows of 4
// files in $IN/new. Each COPY INTO adds a segment to the record of loaded
// files, and that of the test merges them.
func faultedStatements() map[string]faulted {
	const files = "read_files('$IN/new', format => 'csv', header => true, schema => 'id INT')"
	const one = "CREATE TABLE t (id INT); INSERT INTO t VALUES (1)"
	load := strings.Replace(copyCSV, "$IN", "$IN/%s", 1)
	prepared := "CREATE TABLE t (id INT)"
	for i := range 4 {
		prepared += ";" + fmt.Sprintf(load, fmt.Sprintf("old/%d.csv", i))
	}
	const four = "INSERT INTO t VALUES (100, 0), (1, 0); INSERT INTO t VALUES (101, 0), (2, 0)"
	return map[string]faulted{
		"DELETE": {prepare: "CREATE TABLE t (id INT, v INT);" + four, text: "DELETE FROM t WHERE id < 101", before: "4|4", after: "1|1", replaces: true},
		"UPDATE": {prepare: "CREATE TABLE t (id INT, v INT);" + four, text: "UPDATE t SET id = 7 WHERE id < 3", before: "4|4", after: "4|3", replaces: true},
		"MERGE": {
			prepare: "CREATE TABLE t (id INT, v INT) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true');" + four,
			text: "MERGE INTO t USING " + files + " s ON t.id = s.id WHEN MATCHED AND t.id = 100 THEN DELETE WHEN MATCHED THEN UPDATE SET id = 2 " +
				"WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 1)",
			before: "4|4", after: "9|8", replaces: true,
		},
		"REPAIR": {
			prepare: `CREATE TABLE t (id INT, v STRUCT<x: INT>, _rescued_data STRING); INSERT INTO t VALUES (1, NULL, '{"v":{"x":7},"_file_path":"a.json"}'), (2, NULL, NULL);
				INSERT INTO t VALUES (1, NULL, '{"v":{"x":7},"_file_path":"b.json"}'), (3, NULL, '{"y":1,"_file_path":"b.json"}')`,
			text: "REPAIR TABLE t RESCUED DATA", before: "4|4", after: "4|3", repeatable: true, replaces: true,
		},
		"COPY INTO": {prepare: prepared, text: fmt.Sprintf(load, "new"), before: "4|4", after: "12|12", repeatable: true},
		"INSERT":    {prepare: one, text: "INSERT INTO t SELECT * FROM " + files, before: "1|1", after: "9|9"},
		"OVERWRITE": {prepare: one, text: "INSERT OVERWRITE t SELECT * FROM " + files, before: "1|1", after: "8|8", repeatable: true, replaces: true},
		"CTAS":      {text: "CREATE TABLE t AS SELECT * FROM " + files, before: "no table", after: "8|8"},
	}
}

// trial is a faulted statement on a table that is made anew for each run.
type trial struct {
	faulted
	*workspace
	saved string // copy of the workspace as prepared
}

func newTrial(t *testing.T, f faulted) *trial {
	t.Helper()
	w := newWorkspace(t)
	for i := range 4 {
		w.file(fmt.Sprintf("old/%d.csv", i), fmt.Sprintf("id\n%d\n", i))
		w.file(fmt.Sprintf("new/%d.csv", i), fmt.Sprintf("id\n%d\n%d\n", 100+i, 200+i))
	}
	w.rows(f.prepare)
	return w.trial(f)
}

// trial ends the session; what there is by now is what each run begins with.
func (w *workspace) trial(f faulted) *trial {
	w.t.Helper()
	tr := &trial{faulted: f, workspace: w, saved: filepath.Join(w.root, "saved")}
	if err := errors.Join(w.s.Close(), os.Rename(filepath.Join(w.root, "ws"), tr.saved)); err != nil {
		w.t.Fatal(err)
	}
	return tr
}

// restart brings the workspace back to what was prepared.
func (tr *trial) restart(t *testing.T) {
	t.Helper()
	tr.t = t
	ws := filepath.Join(tr.root, "ws")
	if err := os.RemoveAll(ws); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(ws, os.DirFS(tr.saved)); err != nil {
		t.Fatal(err)
	}
}

// run runs the statement while the store fails by plan, looks at the table as
// another process would, and runs the statement again as a user would. It
// reports whether a fault came up at all.
func (tr *trial) run(t *testing.T, plan objecttest.Plan) (met bool) {
	t.Helper()
	tr.restart(t)
	armed := true
	store := objecttest.NewFaulty(local.New("/"), func(c objecttest.Call) objecttest.Fault {
		if !armed {
			return objecttest.Fault{}
		}
		return plan(c)
	})
	tr.through(store)
	faulty := tr.s
	_, err := tr.try(tr.text)
	armed = false
	faults := store.Faults()
	if serr := store.Settle(); serr != nil {
		t.Fatal(serr)
	}
	defer func() {
		if t.Failed() {
			t.Logf("the statement met %v and gave: %v", faults, err)
		}
	}()
	tr.open()
	clean := tr.s
	if !tr.judge(err) || tr.repeatable {
		tr.s = faulty
		tr.rows(tr.text)
		tr.s = clean
	}
	tr.wantCounted(tr.after)
	if err := errors.Join(faulty.Close(), clean.Close()); err != nil {
		t.Error(err)
	}
	return len(faults) > 0
}

// judge checks that the table is what the outcome of the statement promises,
// and reports whether the statement has done its work.
func (tr *trial) judge(err error) (done bool) {
	t := tr.t
	t.Helper()
	got := tr.before
	if rows, cerr := tr.counted(); cerr == nil {
		got = rows
	} else if tr.before != "no table" {
		t.Error(describe(cerr))
	}
	var unknown *delta.UnknownCommitError
	switch certain := !errors.As(err, &unknown); {
	case err == nil && got != tr.after:
		t.Errorf("the statement succeeded and the table has %s rows, want %s", got, tr.after)
	case err != nil && certain && got != tr.before:
		t.Errorf("the statement failed and the table has %s rows, want %s", got, tr.before)
	case got != tr.before && got != tr.after:
		t.Errorf("the table has %s rows, want %s or %s", got, tr.before, tr.after)
	case certain && !tr.replaces && got != "no table":
		tr.wantNoStrays("t")
	case certain && got != "no table":
		tr.wantNamed("t")
	}
	var c errclass.Classified
	if err != nil && !errors.As(err, &c) {
		t.Errorf("the error has no class: %v", err)
	}
	return got == tr.after
}

// Every single operation of the storage fails once, in every way it can. Then
// the statement succeeded and did all, or failed with a class and did nothing;
// and run again it does what is left, so that each row is there once.
func TestStatementsUnderFaults(t *testing.T) {
	t.Parallel()
	for name, f := range faultedStatements() {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, f)
			for _, kind := range faultKinds {
				for _, when := range kind.when {
					for n, more := 1, true; more; n = next(n) {
						t.Run(fmt.Sprintf("%s_%s/%d", kind.op, when, n), func(t *testing.T) {
							more = tr.run(t, objecttest.OnNth(n, kind.op, "", when, nil))
						})
					}
				}
			}
		})
	}
}

// next returns the operation after the nth to try: of many, some.
func next(n int) int {
	if soaking() {
		return n + 1
	}
	return n + 1 + n/3
}

// A process that dies leaves the table as it was or with all of the load; the
// next one completes it.
func TestStatementsUnderCrashes(t *testing.T) {
	t.Parallel()
	for name, f := range faultedStatements() {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, f)
			for n, more := 1, true; more; n = next(n) {
				t.Run(strconv.Itoa(n), func(t *testing.T) { more = tr.crash(t, n) })
			}
		})
	}
}

// crash runs the statement until the process dies at the nth operation, then
// again in another process. It reports whether it died at all.
func (tr *trial) crash(t *testing.T, n int) (died bool) {
	t.Helper()
	tr.restart(t)
	store := objecttest.NewFaulty(local.New("/"), objecttest.CrashAt(n))
	tr.through(store)
	dead := tr.s
	_, err := tr.try(tr.text)
	died = len(store.Faults()) > 0
	tr.open()
	got, cerr := tr.counted()
	if cerr != nil {
		got = "no table"
	}
	if got != tr.before && got != tr.after || err == nil && !died && got != tr.after {
		t.Errorf("after %v the table has %s rows, want %s or %s", err, got, tr.before, tr.after)
	}
	if got != tr.after || tr.repeatable {
		tr.rows(tr.text)
	}
	tr.wantCounted(tr.after)
	if err := errors.Join(dead.Close(), tr.s.Close()); err != nil {
		t.Error(err)
	}
	return died
}

// Storage that fails at random does not lose or double a row either, however
// often the statement is run until it succeeds.
func TestCopyIntoUnderRandomFaults(t *testing.T) {
	tr := newTrial(t, faultedStatements()["COPY INTO"])
	seeds := uint64(5)
	if soaking() {
		seeds = 200
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			tr.restart(t)
			store := objecttest.NewFaulty(local.New("/"), objecttest.Random(seed, 0.03))
			tr.through(store)
			for try := 0; ; try++ {
				if _, err := tr.try(tr.text); err == nil {
					break
				} else if try == 100 {
					t.Fatalf("the load never succeeds: %v", err)
				}
			}
			failing := tr.s
			tr.open()
			tr.wantCounted(tr.after)
			tr.want(tr.text, copyResult(0, 0))
			if err := errors.Join(failing.Close(), tr.s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}
