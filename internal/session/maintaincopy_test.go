package session_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
)

// age makes everything in the workspace's tables older.
func (w *workspace) age(by time.Duration) {
	w.t.Helper()
	err := filepath.WalkDir(filepath.Join(w.root, "ws", "tables"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		at := info.ModTime().Add(-by)
		return os.Chtimes(path, at, at)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// records lists the manifests of the record of loaded files.
func (w *workspace) records() []string {
	w.t.Helper()
	return slices.DeleteFunc(w.stored(), func(name string) bool {
		return !strings.Contains(name, "/_copy_into_log/") || !strings.HasSuffix(name, ".json")
	})
}

const month = 30 * 24 * time.Hour

// loadLines adds n files of one row each and loads them, one by one.
func (w *workspace) loadLines(from, n int) {
	w.t.Helper()
	for i := from; i < from+n; i++ {
		w.file(fmt.Sprintf("lines/%d.json", i), fmt.Sprintf(`{"id":%d}`, i))
		w.want("COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON", copyResult(1, 0))
	}
}

// A vacuum leaves the records of loaded files that versions within the
// retention time name, however old the files of the record are.
func TestVacuumKeepsLoadedFiles(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id BIGINT)")
	w.loadLines(0, 3)
	w.age(month)
	w.loadLines(3, 1)
	w.rows("VACUUM t")
	if got := w.records(); len(got) != 2 {
		t.Errorf("records after a load just now are %q, want the old one and the new", got)
	}
	w.age(month)
	w.rows("VACUUM t")
	if got := w.records(); len(got) != 1 {
		t.Errorf("records a month later are %q, want one", got)
	}
	w.want("COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON", copyResult(0, 0))
	w.loadLines(4, 2)
	w.want("SELECT count(DISTINCT id), count(*) FROM t", "6|6")
}

// A table that has forgotten its record, as its property allows, must not
// lose the trace that it had one.
func TestVacuumKeepsTheTraceOfAForgottenRecord(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id BIGINT) TBLPROPERTIES ('delta.setTransactionRetentionDuration' = 'interval 1 days')")
	w.loadLines(0, 2)
	log := filepath.Join(w.root, "ws", "tables", "main", "default", "t", "_delta_log")
	for _, version := range []int{1, 2} { // as if checkpoints had left it out
		name := filepath.Join(log, fmt.Sprintf("%020d.json", version))
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := slices.DeleteFunc(strings.SplitAfter(string(text), "\n"), func(s string) bool { return strings.HasPrefix(s, `{"txn"`) })
		if err := os.WriteFile(name, []byte(strings.Join(lines, "")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := filepath.Glob(filepath.Join(log, "*.crc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sums {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	w.age(month)
	w.rows("VACUUM t")
	w.fails("COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON", "COPY_INTO_STATE_INTERNAL_ERROR", "55019")
	w.want("SELECT * FROM t", "0", "1")
}

// RESTORE across a replacement brings back what was loaded with the rows.
func TestRestoreOfAReplacedTableBringsItsRecordBack(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id BIGINT)")
	w.loadLines(0, 2)
	w.age(month)
	w.rows("CREATE OR REPLACE TABLE t (id BIGINT); VACUUM t; RESTORE TABLE t TO VERSION AS OF 2")
	w.want("COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON", copyResult(0, 0))
	w.want("SELECT * FROM t", "0", "1")
	w.rows("RESTORE TABLE t TO VERSION AS OF 1")
	w.want("COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON", copyResult(0, 0))
	w.want("SELECT * FROM t", "0")
}

// A replacement by a clone has loaded nothing.
func TestCloneForgetsLoadedFiles(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id BIGINT); CREATE TABLE empty (id BIGINT)")
	w.loadLines(0, 1)
	w.rows("CREATE OR REPLACE TABLE t DEEP CLONE empty")
	w.want("COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON", copyResult(1, 0))
}

// A load that began before another one committed ends well although a vacuum
// ran meanwhile, and every file is loaded once.
func TestVacuumDuringCopyInto(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id BIGINT)")
	w.loadLines(0, 3)
	w.age(month)
	w.file("other/9.json", `{"id":9}`)
	w.file("lines/3.json", `{"id":3}`)
	during := &interrupting{Store: local.New("/"), then: func() {
		w.rows("COPY INTO t FROM '$IN/other' FILEFORMAT = JSON; VACUUM t")
	}}
	other := &workspace{t: t, root: w.root, in: w.in}
	other.through(object.Store(during))
	rows, err := other.tryContext(context.WithoutCancel(t.Context()), "COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON")
	if err != nil || !slices.Equal(rows, []string{copyResult(1, 0)}) {
		t.Errorf("COPY INTO returned %q, %v", rows, err)
	}
	w.want("SELECT * FROM t", "0", "1", "2", "3", "9")
	w.want("COPY INTO t FROM '$IN/lines' FILEFORMAT = JSON", copyResult(0, 0))
	w.want("COPY INTO t FROM '$IN/other' FILEFORMAT = JSON", copyResult(0, 0))
}

// A vacuum also removes what listings do not show: temporary files of writers
// that were killed, and directories that it has emptied.
func TestVacuumTidiesUp(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id BIGINT, p STRING) PARTITIONED BY (p); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
	dir := filepath.Join(w.root, "ws", "tables", "main", "default", "t")
	for _, name := range []string{"p=b/.freshet-KILLED.tmp", "_delta_log/.freshet-KILLED.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	w.rows("TRUNCATE TABLE t PARTITION (p = 'a')")
	w.rows("VACUUM t")
	if got := w.stored(); !slices.ContainsFunc(got, func(name string) bool { return strings.HasSuffix(name, ".tmp") }) {
		t.Errorf("young temporary files are gone: %q", got)
	}
	w.rows("SET spark.databricks.delta.retentionDurationCheck.enabled = false")
	w.age(month)
	w.rows("VACUUM t RETAIN 0 HOURS")
	if got := w.stored(); slices.ContainsFunc(got, func(name string) bool { return strings.HasSuffix(name, ".tmp") }) {
		t.Errorf("temporary files are left: %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "p=a")); !os.IsNotExist(err) {
		t.Errorf("the empty directory is left: %v", err)
	}
	w.want("SELECT * FROM t", "2|b")
}
