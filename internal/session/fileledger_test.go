package session_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAssertion32_CloudFilesState: files are there once they are discovered,
// and ingested with a commit time once their batch is done (semantics §11.2).
func TestAssertion32_CloudFilesState(t *testing.T) {
	const state = "SELECT replace(path, 'file://$IN/', ''), size, flow_name, source_id, ingestion_state, commit_time IS NOT NULL, processed_time >= discovery_time, archive_mode FROM "
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows("CREATE STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT')")
	w.file("2.json", `{"id":22}`)
	want := []string{"1.json|8|main.default.bronze|0|INGESTED|true|true|NULL"}
	w.want(state+"cloud_files_state(TABLE(bronze))", want...)
	w.rows("REFRESH STREAMING TABLE bronze")
	w.want(state+"cloud_files_state(TABLE(main.default.bronze))", append(want, "2.json|9|main.default.bronze|0|INGESTED|true|true|NULL")...)

	// Of a checkpoint, and of one source in it, the table's name is not known.
	checkpoint := filepath.Dir(w.checkpoints()[0])
	for _, place := range []string{checkpoint, checkpoint + "/sources/0", "file://" + checkpoint} {
		w.want(state+"cloud_files_state('"+place+"') WHERE path LIKE '%2.json'", "2.json|9|NULL|0|INGESTED|true|true|NULL")
	}
	w.want("SELECT count(*) FROM cloud_files_state('"+checkpoint+"/sources/1')", "0")
	w.want("DESCRIBE QUERY SELECT * FROM cloud_files_state(TABLE(bronze))",
		"path|string|NULL", "size|bigint|NULL", "create_time|timestamp|NULL", "discovery_time|timestamp|NULL", "processed_time|timestamp|NULL",
		"commit_time|timestamp|NULL", "archive_time|timestamp|NULL", "archive_mode|string|NULL", "move_location|string|NULL",
		"source_id|string|NULL", "flow_name|string|NULL", "ingestion_state|string|NULL")

	w.rows("CREATE TABLE plain (id INT)")
	w.fails("SELECT * FROM cloud_files_state(TABLE(plain))", "STREAMING_TABLE_OPERATION_NOT_ALLOWED", "42601")
	w.fails("SELECT * FROM cloud_files_state('$IN')", "CF_INVALID_CHECKPOINT", "42000")
	w.fails("SELECT * FROM cloud_files_state(TABLE(bronze), 1)", "WRONG_NUM_ARGS", "42605")
}

// TestCloudFilesStateOfAnUnfinishedBatch: its files are being processed.
func TestCloudFilesStateOfAnUnfinishedBatch(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows("CREATE STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json', mode => 'FAILFAST', schema => 'id INT')")
	w.file("2.json", `{"id":`)
	w.fails("REFRESH STREAMING TABLE bronze", "MALFORMED_RECORD_IN_PARSING", "22023")
	w.want("SELECT ingestion_state, commit_time FROM cloud_files_state(TABLE(bronze)) WHERE path LIKE '%/2.json'", "PROCESSING|NULL")
	got := w.rows("SELECT state, reason FROM file_ledger(TABLE(bronze)) WHERE path LIKE '%/2.json'")
	if len(got) != 1 || !strings.HasPrefix(got[0], "failed|") || !strings.Contains(got[0], "2.json line 1") {
		t.Errorf("got %q, want the file as failed, and why", got)
	}
}

// TestLedgerConditions: what a condition leaves of the ledger is what it
// leaves of all its rows, and files that are known are shown even where there
// is no source left to look at.
func TestLedgerConditions(t *testing.T) {
	w := newWorkspace(t)
	for _, name := range []string{"a/1", "a/2", "b/1", "b/2"} {
		w.file(name+".json", `{"id":1}`)
	}
	w.rows("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT')")
	w.rows("ALTER STREAMING TABLE t FORGET FILES ('b/2.json')")
	w.file("b/3.json", `{"id":1}`)
	w.file("b/_4.json", `{"id":1}`)
	conditions := []string{
		"path = 'file://$IN/a/2.json'", "l.path = 'file://$IN/b/3.json'", "path IN ('file://$IN/a/1.json', 'file://$IN/none.json')",
		"path LIKE 'file://$IN/b/%'", "path LIKE '%.json'", "path NOT LIKE 'file://$IN/a%'", "path > 'file://$IN/a/1.json' AND path <= 'file://$IN/b/1.json'",
		"state = 'committed'", "state <> 'committed'", "state IN ('new', 'skipped')", "state = 'forgotten' OR path = 'file://$IN/a/1.json'",
		"ingestion_state IS NULL", "ingestion_state IS NOT NULL", "commit_time IS NOT NULL", "commit_time > timestamp'2020-01-01'", "discovery_time IS NULL",
		"flow_name = 'main.default.t'", "flow_name = 'other'", "state <=> NULL", "size = 8 AND NOT (state = 'new')", "reason LIKE 'it%'", "upper(state) = 'NEW'",
	}
	for _, c := range conditions {
		// No condition goes below a LIMIT.
		want := w.rows("SELECT path, state FROM (SELECT * FROM file_ledger(TABLE(t)) LIMIT 1000) l WHERE " + c)
		w.want("SELECT path, state FROM file_ledger(TABLE(t)) l WHERE "+c, want...)
	}
	w.want("SELECT count(*) FROM file_ledger(TABLE(t)) l JOIN file_ledger(TABLE(t)) r USING (path) WHERE r.state = 'committed'", "3")
	w.want("SELECT count(*) FROM file_ledger(TABLE(t)) l LEFT JOIN file_ledger(TABLE(t)) r ON l.path = r.path AND r.state = 'new' WHERE r.path IS NULL", "5")
}
