package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// checkpoint returns the directory of the only checkpoint.
func (w *workspace) checkpoint() string {
	w.t.Helper()
	found := w.checkpoints()
	if len(found) != 1 {
		w.t.Fatalf("there are checkpoints %q, want one", found)
	}
	return filepath.Dir(found[0])
}

// keeping copies a directory and returns what puts the copy in its place.
func (w *workspace) keeping(dir string) (restore func()) {
	w.t.Helper()
	kept := w.t.TempDir()
	if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		w.t.Helper()
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(kept))); err != nil {
			w.t.Fatal(err)
		}
	}
}

// fed is a streaming table t of (id, n) that is fed by files of the workspace.
type fed struct {
	name string
	make string
	// row is a line of a file, of a number.
	row  string
	also []string // what else a checkpoint of its kind keeps
}

// feeds are streaming tables of every kind.
func feeds() []fed {
	files := "STREAM read_files('$IN', format => 'json', schema => 'id INT, seq INT', maxFilesPerTrigger => 1)"
	row := `{"id":%[1]d,"seq":%[1]d}`
	return []fed{
		{"files", "CREATE STREAMING TABLE t AS SELECT id, 1 AS n FROM " + files, row, []string{"sources"}},
		{"aggregate", "CREATE STREAMING TABLE t AS SELECT id, count(*) AS n FROM " + files + " GROUP BY id", row, []string{"sources", "state"}},
		{"distinct", "CREATE STREAMING TABLE t AS SELECT DISTINCT id, 1 AS n FROM " + files, row, []string{"sources", "state"}},
		{
			"table", "CREATE STREAMING TABLE src AS SELECT id FROM " + files + "; CREATE STREAMING TABLE t AS SELECT id, 1 AS n FROM STREAM src",
			row, nil,
		},
		{"flow", "CREATE STREAMING TABLE t; CREATE FLOW f AS INSERT INTO t BY NAME SELECT id, 1 AS n FROM " + files, row, []string{"flows", "flows/*/*/*/metadata"}},
		{
			"AUTO CDC", "CREATE STREAMING TABLE t; CREATE FLOW f AS AUTO CDC INTO t FROM " + files + " KEYS (id) SEQUENCE BY seq COLUMNS * EXCEPT (seq)", row,
			[]string{"flows", "cdc"},
		},
	}
}

// at is the checkpoint of t.
func (f *fed) at(w *workspace) string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.root, "ws", "checkpoints", "*", "*", "t-*"))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("checkpoints of t are %q, %v, want one", found, err)
	}
	return found[0]
}

// parts returns the parts of the checkpoint of t that a pattern names, of the
// flow that reads when t has no query.
func (f *fed) parts(w *workspace, pattern string) []string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(f.at(w), pattern))
	if err != nil {
		w.t.Fatal(err)
	}
	if len(found) == 0 {
		if found, err = filepath.Glob(filepath.Join(f.at(w), "flows", "*", "*", "*", pattern)); err != nil || len(found) == 0 {
			w.t.Fatalf("the checkpoint %s has no %s", f.at(w), pattern)
		}
	}
	return found
}

func (f *fed) refresh(w *workspace) ([]string, error) {
	if f.name == "table" {
		w.rows("REFRESH TABLE src")
	}
	return w.try("REFRESH TABLE t")
}

// arrive brings files of rows, the first as long ago as possible.
func (f *fed) arrive(w *workspace, from, to int) {
	w.t.Helper()
	for i := from; i < to; i++ {
		w.file(fmt.Sprintf("%03d.json", i), fmt.Sprintf(f.row, i))
	}
}

func (f *fed) holds(w *workspace, to int) {
	w.t.Helper()
	w.want("SELECT count(*), count(DISTINCT id), max(id) FROM t", fmt.Sprintf("%d|%[1]d|%d", to, to-1))
}

// refused says that a refresh fails because of the checkpoint and says what to
// do about it.
func (f *fed) refused(w *workspace) {
	w.t.Helper()
	_, err := f.refresh(w)
	c, ok := errors.AsType[errclass.Classified](err)
	if !ok || len(c.SQLState()) != 5 {
		w.t.Fatalf("REFRESH: got %v, want an error with a class", err)
	}
	if !strings.HasPrefix(c.ErrorClass(), "STREAMING_CHECKPOINT_") && !strings.HasPrefix(c.ErrorClass(), "STATE_STORE_") {
		w.t.Errorf("REFRESH: got %s", errclass.Format(err))
	}
	for _, part := range []string{"checkpoint", "REFRESH STREAMING TABLE … FULL"} {
		if !strings.Contains(err.Error(), part) {
			w.t.Errorf("REFRESH: got %v, want it to mention %q", err, part)
		}
	}
}

// TestLostCheckpoint: a flow whose checkpoint was deleted, or part of it, loads
// nothing twice and passes over nothing, but says what is missing and what to
// do. Put back, it goes on; loaded anew, it has everything.
func TestLostCheckpoint(t *testing.T) {
	t.Parallel()
	for _, f := range feeds() {
		lost := append([]string{".", "metadata", "offsets", "commits", "offsets+commits"}, f.also...)
		for _, part := range lost {
			t.Run(f.name+"/"+part, func(t *testing.T) {
				t.Parallel()
				w := newWorkspace(t)
				f.arrive(w, 0, 3)
				w.rows(f.make)
				restore := w.keeping(f.at(w))
				f.lose(w, part)
				w.open()
				f.arrive(w, 3, 5)
				if part == "commits" { // which are not needed to know what is loaded
					if _, err := f.refresh(w); err != nil {
						t.Fatal(err)
					}
					f.holds(w, 5)
					return
				}
				for range 2 {
					f.refused(w)
					f.holds(w, 3)
				}
				restore()
				if _, err := f.refresh(w); err != nil {
					t.Fatal(err)
				}
				f.holds(w, 5)
				f.lose(w, part)
				w.rows("REFRESH STREAMING TABLE t FULL")
				f.holds(w, 5)
				f.arrive(w, 5, 6)
				if _, err := f.refresh(w); err != nil {
					t.Fatal(err)
				}
				f.holds(w, 6)
			})
		}
	}
}

// lose deletes parts of the checkpoint of t, "offsets+commits" for example.
func (f *fed) lose(w *workspace, pattern string) {
	w.t.Helper()
	for p := range strings.SplitSeq(pattern, "+") {
		for _, at := range f.parts(w, p) {
			if err := os.RemoveAll(at); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// TestOldCheckpoint: a checkpoint that was restored from a copy older than the
// table is refused, as its next batches would be taken for those that the table
// has; the newest one goes on.
func TestOldCheckpoint(t *testing.T) {
	t.Parallel()
	for _, f := range feeds() {
		for _, behind := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", f.name, behind), func(t *testing.T) {
				t.Parallel()
				w := newWorkspace(t)
				f.arrive(w, 0, 3)
				w.rows(f.make)
				restore := w.keeping(f.at(w))
				f.arrive(w, 3, 3+behind)
				if _, err := f.refresh(w); err != nil {
					t.Fatal(err)
				}
				newest := w.keeping(f.at(w))
				restore()
				w.open()
				f.arrive(w, 3+behind, 8)
				for range 2 {
					f.refused(w)
					f.holds(w, 3+behind)
				}
				newest()
				if _, err := f.refresh(w); err != nil {
					t.Fatal(err)
				}
				f.holds(w, 8)
			})
		}
	}
}

// TestResetOfALostCheckpoint: freshet stream reset begins anew too, and adds to
// the rows that are there.
func TestResetOfALostCheckpoint(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(bronze)
	if err := os.RemoveAll(w.checkpoint()); err != nil {
		t.Fatal(err)
	}
	w.fails("REFRESH TABLE bronze", "STREAMING_CHECKPOINT_MISSING_METADATA_FILE", "42K03")
	if err := w.s.Datasets().ResetFlow(t.Context(), "bronze"); err != nil {
		t.Fatal(err)
	}
	w.want("REFRESH TABLE bronze", "1|1")
	w.want("SELECT id FROM bronze", "1", "1")
}

// TestFlowsTellOfALostCheckpoint: the state of one flow is that it fails, and
// the others are told of. Looking makes no checkpoint.
func TestFlowsTellOfALostCheckpoint(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(bronze + "; CREATE STREAMING TABLE silver AS SELECT * FROM STREAM bronze")
	lost := filepath.Dir(w.checkpoints()[0])
	if err := os.RemoveAll(lost); err != nil {
		t.Fatal(err)
	}
	flows, err := w.s.Datasets().Flows(t.Context())
	if err != nil || len(flows) != 2 {
		t.Fatalf("got flows %v, %v, want 2", flows, err)
	}
	if got := flows[0]; got.State != "FAILED" || !strings.Contains(got.Error, lost) {
		t.Errorf("got %s %q, want FAILED and where the checkpoint was", got.State, got.Error)
	}
	if got := flows[1]; got.State != "IDLE" || got.Batch != 0 {
		t.Errorf("got %s with batch %d, want IDLE and 0", got.State, got.Batch)
	}
	for _, look := range []string{
		"SELECT * FROM cloud_files_state(TABLE(bronze))", "SELECT * FROM file_ledger(TABLE(bronze))",
		"ALTER STREAMING TABLE bronze RETRY FILES ('1.json')", "REPAIR TABLE bronze RESCUED DATA",
	} {
		w.fails(look, "STREAMING_CHECKPOINT_MISSING_METADATA_FILE", "42K03")
	}
	if _, err := w.s.Datasets().Stopped(t.Context(), flows[0].Table); err == nil {
		t.Error("a flow without checkpoint is not stopped and can run")
	}
	if _, err := os.Stat(lost); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is something at %s again: %v", lost, err)
	}
	w.rows("DROP TABLE bronze")
}
