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
