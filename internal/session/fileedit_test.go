package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	ledger = "SELECT replace(path, 'file://$IN/', ''), state, reason FROM file_ledger(TABLE(t))"
	traced = "CREATE STREAMING TABLE t AS SELECT id, _metadata.file_path AS file FROM STREAM read_files('$IN', format => 'json', schema => 'id INT'"
)

// TestLedgerSaysWhy: each file at the source is there, with the reason why it
// is not loaded.
func TestLedgerSaysWhy(t *testing.T) {
	w := newWorkspace(t)
	w.file("a.json", `{"id":1}`)
	w.file("empty.json", "")
	w.file("note.txt", "x")
	w.file("_tmp/b.json", `{"id":2}`)
	w.file(".c.json", `{"id":3}`)
	old := w.file("old.json", `{"id":4}`)
	if err := os.Chtimes(old, day(2020), day(2020)); err != nil {
		t.Fatal(err)
	}
	w.rows("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT', pathGlobFilter => '*.json', modifiedAfter => '2021-01-01')")
	w.file("z.json", `{"id":5}`)
	w.want(ledger,
		"a.json|committed|NULL",
		"empty.json|committed|it is empty",
		"note.txt|skipped|option pathGlobFilter does not match its name",
		"_tmp/b.json|skipped|its name, or that of a directory, is hidden (option ignoredPathSegmentRegex)",
		".c.json|skipped|its name, or that of a directory, is hidden (option ignoredPathSegmentRegex)",
		"old.json|skipped|it was not modified after option modifiedAfter",
		"z.json|new|the next refresh discovers it",
	)
	w.want("SELECT count(*) FROM file_ledger(TABLE(t)) WHERE discovery_time IS NULL AND commit_time IS NULL AND ingestion_state IS NULL", "5")
	w.fails("SELECT * FROM file_ledger('t')", "WRONG_NUM_ARGS", "42605")
}

// TestRetryFiles: what was skipped is offered again, once.
func TestRetryFiles(t *testing.T) {
	w := newWorkspace(t)
	w.file("0.json", `{"id":0}`)
	w.rows(traced + ", includeExistingFiles => false)")
	w.file("1.json", `{"id":1}`)
	w.rows("REFRESH STREAMING TABLE t")
	w.want(ledger, "0.json|skipped|it was there at the first start, and option includeExistingFiles is false", "1.json|committed|NULL")
	w.fails("ALTER STREAMING TABLE t RETRY FILES ('1.json', 'none.json')", "STREAMING_TABLE_FILES_NOT_FOUND", "42K03")
	w.want("ALTER STREAMING TABLE t RETRY FILES ('0.json')", "1")
	w.want("REFRESH STREAMING TABLE t", "1|1")
	w.want("REFRESH STREAMING TABLE t; SELECT id FROM t", "0", "1")
	w.want(ledger, "0.json|committed|NULL", "1.json|committed|NULL")
	w.fails("ALTER STREAMING TABLE t RETRY FILES PATTERN '*'", "STREAMING_TABLE_FILES_NOT_FOUND", "42K03")
}

// TestForgetFiles: a forgotten file is loaded again when it is listed again,
// and one that fails its batch no longer does.
func TestForgetFiles(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(traced + ", mode => 'FAILFAST')")
	bad := w.file("2.json", `{"id":`)
	w.file("3.json", `{"id":3}`)
	for range 2 {
		w.fails("REFRESH STREAMING TABLE t", "MALFORMED_RECORD_IN_PARSING", "22023")
	}
	w.want("ALTER STREAMING TABLE t RETRY FILES PATTERN = '*'", "1") // the one that failed
	w.want("ALTER STREAMING TABLE t FORGET FILES ('"+bad+"')", "1")
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	w.want("REFRESH STREAMING TABLE t", "1|1")
	w.want("SELECT id FROM t", "1", "3")
	w.want("ALTER STREAMING TABLE t FORGET FILES ('file://$IN/1.json')", "1")
	w.want(ledger, "1.json|forgotten|it was forgotten; the next refresh that lists it discovers it",
		"2.json|forgotten|it was forgotten; the next refresh that lists it discovers it", "3.json|committed|NULL")
	w.want("SELECT count(*) FROM cloud_files_state(TABLE(t))", "1")
	w.want("REFRESH STREAMING TABLE t; SELECT id FROM t", "1", "1", "3")
}

// TestReplayFiles: the rows of a file are loaded again, in the place of those
// it gave before or, with APPEND, in addition.
func TestReplayFiles(t *testing.T) {
	for _, vectors := range []bool{false, true} {
		w := newWorkspace(t)
		w.file("1.json", `{"id":1}`+"\n"+`{"id":10}`)
		w.file("2.json", `{"id":2}`)
		w.rows(traced + ")")
		w.rows(fmt.Sprintf("ALTER TABLE t SET TBLPROPERTIES ('delta.enableDeletionVectors' = '%t')", vectors))
		w.file("1.json", `{"id":11}`)
		before := w.version("t")
		w.want("ALTER STREAMING TABLE t REPLAY FILES ('1.json')", "1")
		w.fails("ALTER STREAMING TABLE t REPLAY FILES ('1.json')", "STREAMING_TABLE_FILES_NOT_FOUND", "42K03")
		w.want("SELECT id FROM t", "1", "10", "2")
		w.file("3.json", `{"id":3}`)
		w.want("REFRESH STREAMING TABLE t", "2|2")
		w.want("SELECT id FROM t", "11", "2", "3")
		w.want("REFRESH STREAMING TABLE t", "0|0")
		if after := w.version("t"); after != following(t, before) {
			t.Errorf("the table went from version %s to %s, want one commit", before, after)
		}
		w.want("ALTER STREAMING TABLE t REPLAY FILES PATTERN '[12].json' APPEND; REFRESH STREAMING TABLE t; SELECT id FROM t", "11", "11", "2", "2", "3")
	}
}

// TestReplayThroughViews: rows of a file are replaced as well when a view over
// the files has the column that tells of it.
func TestReplayThroughViews(t *testing.T) {
	for query, traced := range map[string]bool{
		"SELECT * FROM STREAM v":                          true,
		"SELECT v.id, F AS origin FROM STREAM v":          true,
		"SELECT * FROM STREAM vv WHERE id > 0":            true,
		"SELECT * EXCEPT (f) FROM STREAM v":               false,
		"SELECT id, upper(f) AS f FROM STREAM v":          false,
		"SELECT a.id, b.f FROM STREAM v a CROSS JOIN v b": false,
	} {
		t.Run(query, func(t *testing.T) {
			w := newWorkspace(t)
			w.file("1.json", `{"id":1}`)
			w.file("2.json", `{"id":2}`)
			w.rows("CREATE TEMPORARY VIEW v AS SELECT id, _metadata.file_path AS f FROM STREAM read_files('$IN', format => 'json')")
			w.rows("CREATE TEMPORARY VIEW vv AS SELECT id + 10 AS more, * FROM STREAM v")
			if strings.Contains(query, "JOIN") {
				w.rows("CREATE TABLE b (f STRING); INSERT INTO b VALUES ('x')")
				query = strings.Replace(query, "JOIN v b", "JOIN b", 1)
			}
			w.rows("CREATE STREAMING TABLE t AS " + query)
			w.file("1.json", `{"id":3}`)
			if !traced {
				w.fails("ALTER STREAMING TABLE t REPLAY FILES ('1.json')", "STREAMING_TABLE_REPLAY_NEEDS_FILE_COLUMN", "42000")
				w.want("ALTER STREAMING TABLE t REPLAY FILES ('1.json') APPEND; REFRESH STREAMING TABLE t; SELECT id FROM t", "1", "2", "3")
				return
			}
			w.want("ALTER STREAMING TABLE t REPLAY FILES ('1.json'); REFRESH STREAMING TABLE t; SELECT id FROM t", "2", "3")
		})
	}
}

func following(t *testing.T, version string) string {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(version, &n); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(n + 1)
}

// TestReplayKeepsRowsOfAFileThatCannotBeRead, whatever options say: its rows
// would be lost.
func TestReplayKeepsRowsOfAFileThatCannotBeRead(t *testing.T) {
	w := newWorkspace(t)
	path := w.file("1.json", `{"id":1}`)
	w.rows(traced + ", ignoreMissingFiles => true)")
	w.rows("ALTER STREAMING TABLE t REPLAY FILES ('1.json')")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.fails("REFRESH STREAMING TABLE t", "FAILED_READ_FILE.DBR_FILE_NOT_EXIST", "KD001")
	w.want("SELECT id FROM t", "1")
	w.want("ALTER STREAMING TABLE t FORGET FILES ('1.json'); REFRESH STREAMING TABLE t; SELECT id FROM t", "1")
}

// TestReplayNeedsAFileColumn: without one, rows would come twice.
func TestReplayNeedsAFileColumn(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows("CREATE STREAMING TABLE t AS SELECT id FROM STREAM read_files('$IN', format => 'json', schema => 'id INT')")
	w.fails("ALTER STREAMING TABLE t REPLAY FILES ('1.json')", "STREAMING_TABLE_REPLAY_NEEDS_FILE_COLUMN", "42000")
	w.want("ALTER STREAMING TABLE t REPLAY FILES ('1.json') APPEND; REFRESH STREAMING TABLE t; SELECT id FROM t", "1", "1")
}

// TestEditsWaitForTheLastBatch: files of a batch that the table has, and the
// checkpoint does not know to be done, are not edited.
func TestEditsWaitForTheLastBatch(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(traced + ")")
	commit := filepath.Join(filepath.Dir(w.checkpoints()[0]), "commits", "0")
	if err := os.Remove(commit); err != nil {
		t.Fatal(err)
	}
	w.fails("ALTER STREAMING TABLE t FORGET FILES ('1.json')", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.UNFINISHED_BATCH", "55000")
	w.want("REFRESH STREAMING TABLE t; ALTER STREAMING TABLE t FORGET FILES ('1.json')", "1")
}

func day(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
