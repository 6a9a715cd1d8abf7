package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const bronze = "CREATE OR REFRESH STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json')"

// TestAssertion50_RefreshTakesWhatIsNew and nothing twice; a full refresh
// takes everything again, into an empty table.
func TestAssertion50_RefreshTakesWhatIsNew(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.want(bronze, "1|1")
	w.want("REFRESH STREAMING TABLE bronze", "0|0")
	w.file("0.json", `{"id":0}`) // sorts before what is loaded
	w.open()
	w.want("REFRESH TABLE bronze; SELECT id FROM bronze", "0", "1")
	w.want(bronze+"; SELECT count(*) FROM bronze", "2")
	before := w.checkpoints()
	w.want("REFRESH STREAMING TABLE bronze FULL", "2|2")
	w.want("SELECT id FROM bronze", "0", "1")
	if after := w.checkpoints(); len(after) != 1 || after[0] == before[0] {
		t.Errorf("checkpoints are %q after a full refresh, want a new one alone", after)
	}
}

// checkpoints returns the checkpoints there are.
func (w *workspace) checkpoints() []string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.root, "ws", "checkpoints", "*", "*", "*", "metadata"))
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// TestAssertion51_Expectations: rows that fail are kept, dropped, or fail the
// refresh and leave the table as it was; NULL fails (semantics §12).
func TestAssertion51_Expectations(t *testing.T) {
	for _, c := range []struct {
		violation string
		want      []string
	}{
		{"", []string{"1|5", "2|-5", "3|NULL"}},
		{" ON VIOLATION DROP ROW", []string{"1|5"}},
	} {
		w := newWorkspace(t)
		w.file("1.json", `{"id":1,"v":5}`+"\n"+`{"id":2,"v":-5}`+"\n"+`{"id":3}`)
		w.rows("CREATE STREAMING TABLE s (CONSTRAINT positive EXPECT (v > 0)" + c.violation + ") AS SELECT id, v FROM STREAM read_files('$IN', format => 'json')")
		w.want("SELECT * FROM s", c.want...)
	}
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"v":5}`)
	w.rows("CREATE STREAMING TABLE s (CONSTRAINT positive EXPECT (v > 0) ON VIOLATION FAIL UPDATE) AS SELECT id, v FROM STREAM read_files('$IN', format => 'json')")
	bad := w.file("2.json", `{"id":2,"v":-5}`)
	before := w.version("s")
	for range 2 {
		err := w.fails("REFRESH STREAMING TABLE s", "EXPECTATION_VIOLATION.VERBOSITY_ALL", "22000")
		if !strings.Contains(err.Error(), "positive") || !strings.Contains(err.Error(), "-5") {
			t.Errorf("got %v, want an error that names the expectation and the row", err)
		}
		w.want("SELECT id FROM s", "1")
		if got := w.version("s"); got != before {
			t.Errorf("the table went from version %s to %s", before, got)
		}
	}
	if err := os.WriteFile(bad, []byte(`{"id":2,"v":6}`), 0o666); err != nil {
		t.Fatal(err)
	}
	w.want("REFRESH STREAMING TABLE s; SELECT id FROM s", "1", "2")
}

// TestAssertion10_ColumnsOfTheTable: columns that come later are the table's
// last, and the run that found them wrote nothing: each batch is one version.
func TestAssertion10_ColumnsOfTheTable(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"a":1}`)
	w.rows(bronze)
	before := w.version("bronze")
	w.file("2.json", `{"a":2,"b":"x"}`)
	w.want("REFRESH TABLE bronze", "1|1")
	w.want("SELECT col_name FROM (DESCRIBE bronze)", "a", "_rescued_data", "b")
	if got := w.rows("SELECT col_name FROM (DESCRIBE bronze)"); got[len(got)-1] != "b" {
		t.Errorf("got columns %q, want the new one last", got)
	}
	w.want("SELECT a, b, _rescued_data FROM bronze", "1|NULL|NULL", "2|x|NULL")
	if got := w.version("bronze"); got != following(t, before) {
		t.Errorf("the table went from version %s to %s, want one batch", before, got)
	}
}

// TestAssertion31_MetricOfTheTable: corrupt files that a batch leaves out are
// counted in the table's history and in cloud_files_state.
func TestAssertion31_MetricOfTheTable(t *testing.T) {
	w := newWorkspace(t)
	w.file("bad.parquet", "PAR1 but no Parquet")
	from := " AS SELECT * FROM STREAM read_files('$IN', format => 'parquet', schema => 'id INT'"
	w.fails("CREATE STREAMING TABLE s"+from+")", "FAILED_READ_FILE.NO_HINT", "KD001")
	w.rows("CREATE OR REFRESH STREAMING TABLE s" + from + ", ignoreCorruptFiles => true)")
	w.want("SELECT ingestion_state, commit_time IS NOT NULL FROM cloud_files_state(TABLE(s))", "SKIPPED_CORRUPTED|true")
	w.want("SELECT operationMetrics['numSkippedCorruptFiles'] FROM (DESCRIBE HISTORY s) WHERE operation = 'STREAMING UPDATE'", "1")
}

// TestAssertion32_BeforeItsBatch: a file that is discovered and that no batch
// has taken is in no state, and one whose batch runs is being processed.
func TestAssertion32_BeforeItsBatch(t *testing.T) {
	w := newWorkspace(t)
	w.file("0.json", `{"id":0}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json', mode => 'FAILFAST', maxFilesPerTrigger => 1, schema => 'id INT')")
	w.file("1.json", `{"id":`)
	w.fails("REFRESH STREAMING TABLE s", "MALFORMED_RECORD_IN_PARSING", "22023")
	w.file("2.json", `{"id":2}`)
	w.want("SELECT count(*) FROM cloud_files_state(TABLE(s)) WHERE path LIKE '%2.json'", "0")
	w.fails("REFRESH STREAMING TABLE s", "MALFORMED_RECORD_IN_PARSING", "22023")
	w.want("SELECT replace(path, 'file://$IN/', ''), ingestion_state, commit_time IS NULL, processed_time IS NULL FROM cloud_files_state(TABLE(s)) WHERE ingestion_state IS DISTINCT FROM 'INGESTED'",
		"1.json|PROCESSING|true|true")
}

// TestAssertion35_EmptyFolder: without a schema there is nothing to make a
// table of, and it can be made once there is a file; with one the table is there
// without a batch.
func TestAssertion35_EmptyFolder(t *testing.T) {
	w := newWorkspace(t)
	w.fails("CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json')", "CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE", "42000")
	w.want("CREATE STREAMING TABLE e AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT')", "0|0")
	w.want("SELECT count(*) FROM (DESCRIBE HISTORY e) WHERE operation = 'STREAMING UPDATE'", "0")
	w.file("1.json", `{"id":1}`)
	w.want("CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json')", "1|1")
}

// TestStreamingTableEvolves: new fields become columns, earlier rows have NULL
// there, and every row is in the table once.
func TestStreamingTableEvolves(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"a":1}`)
	w.rows(bronze)
	w.file("2.json", `{"a":2,"b":"x"}`)
	w.file("3.json", `{"a":3,"c":{"d":true}}`)
	w.rows("REFRESH TABLE bronze")
	w.want("SELECT a, b, c.d FROM bronze", "1|NULL|NULL", "2|x|NULL", "3|NULL|true")
}

func TestStreamingTableQuery(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE names (id BIGINT, name STRING); INSERT INTO names VALUES (1, 'one'), (2, 'two')")
	w.file("1.csv", "id,v\n1,10\n2,20\n3,30\n")
	w.rows(`CREATE OR REFRESH STREAMING TABLE joined PARTITIONED BY (name) COMMENT 'with names' AS
		SELECT s.id, n.name, s.v * 2 AS twice, _metadata.file_name AS f
		FROM STREAM read_files('$IN', format => 'csv') s JOIN names n ON n.id = s.id WHERE v < 30`)
	w.want("SELECT * FROM joined", "1|one|20|1.csv", "2|two|40|1.csv")
	w.rows("INSERT INTO names VALUES (3, 'three'), (4, 'four')")
	w.file("2.csv", "id,v\n4,5\n")
	w.rows("REFRESH TABLE joined")
	w.want("SELECT id, name FROM joined", "1|one", "2|two", "4|four")
	// A changed query applies to rows that come later.
	w.rows("CREATE OR REFRESH STREAMING TABLE joined AS SELECT id, 'later' AS name FROM STREAM read_files('$IN', format => 'csv')")
	w.file("3.csv", "id,v\n5,5\n")
	w.rows("REFRESH TABLE joined")
	w.want("SELECT id, name FROM joined", "1|one", "2|two", "4|four", "5|later")
}

// TestStreamingTableIsRedefined: CREATE OR REFRESH changes what the statement
// says beside the query, at once.
func TestStreamingTableIsRedefined(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	const create, query = "CREATE OR REFRESH STREAMING TABLE s (id BIGINT COMMENT '%s') COMMENT '%s' TBLPROPERTIES (%s) AS SELECT id FROM ",
		"STREAM read_files('$IN', format => 'json')"
	w.rows(fmt.Sprintf(create, "old", "old", "'a' = '1', 'b' = '2', 'delta.appendOnly' = 'false'") + query)
	w.rows(fmt.Sprintf(create, "new", "newer", "'a' = '3', 'delta.enableChangeDataFeed' = 'true'") + query)
	w.want("SELECT data_type FROM (DESCRIBE EXTENDED s) WHERE col_name = 'Comment'", "newer")
	w.want("SELECT comment FROM (DESCRIBE s)", "new")
	w.want("SELECT key, value FROM (SHOW TBLPROPERTIES s) WHERE key IN ('a', 'b', 'delta.appendOnly', 'delta.enableChangeDataFeed')",
		"a|3", "delta.appendOnly|false", "delta.enableChangeDataFeed|true")
	w.want("SELECT max(version) FROM (DESCRIBE HISTORY s)", "5") // create, load, comment, set, unset, column
	w.rows(fmt.Sprintf(create, "new", "newer", "'a' = '3', 'delta.enableChangeDataFeed' = 'true'") + query)
	w.want("SELECT max(version) FROM (DESCRIBE HISTORY s)", "5")
	w.file("2.json", `{"id":2}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT id FROM s", "1", "2")
}

func TestStreamingTableLimitsBatches(t *testing.T) {
	w := newWorkspace(t)
	for i := range 5 {
		w.file(fmt.Sprintf("%d.json", i), `{"id":1}`)
	}
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json', maxFilesPerTrigger => 2)")
	w.want("SELECT count(*) FROM (DESCRIBE HISTORY s) WHERE operation = 'STREAMING UPDATE'", "3")
}

func TestStreamingTableRefusals(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	from := " FROM STREAM read_files('$IN', format => 'json')"
	w.rows("CREATE TABLE t (id INT)")
	w.rows("CREATE STREAMING TABLE once AS SELECT *" + from)
	w.rows("CREATE STREAMING TABLE kept TBLPROPERTIES ('pipelines.reset.allowed' = 'false') AS SELECT *" + from)
	for _, c := range []struct{ text, class, state string }{
		{"CREATE STREAMING TABLE s AS SELECT * FROM read_files('$IN')", "STREAMING_TABLE_QUERY_INVALID", "42000"},
		{"CREATE STREAMING TABLE s AS SELECT median(id) AS m" + from, "UNSUPPORTED_STREAMING_OPERATION", "0A000"},
		{"CREATE STREAMING TABLE s AS SELECT count(DISTINCT id) AS n" + from, "UNSUPPORTED_STREAMING_OPERATION", "0A000"},
		{"CREATE STREAMING TABLE s AS SELECT id, row_number() OVER (ORDER BY id)" + from, "UNSUPPORTED_STREAMING_OPERATION", "0A000"},
		{"CREATE STREAMING TABLE s AS SELECT *" + from + " LIMIT 1", "UNSUPPORTED_STREAMING_OPERATION", "0A000"},
		{"REFRESH TABLE t", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601"},
		{"CREATE OR REFRESH STREAMING TABLE t AS SELECT *" + from, "STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601"},
		{"CREATE STREAMING TABLE once AS SELECT *" + from, "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"},
		{"REFRESH TABLE kept FULL", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.FULL_REFRESH", "42601"},
		{"CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json', maxFilesPerTriger => 1)", "CF_UNKNOWN_OPTION_KEYS_ERROR", "42000"},
	} {
		w.fails(c.text, c.class, c.state)
	}
	w.want("SHOW TABLES LIKE 's'")
	if _, err := w.try("SELECT * FROM s"); err == nil {
		t.Error("a streaming table that was refused is there")
	}
}

func TestDropStreamingTable(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(bronze)
	w.rows("DROP TABLE bronze")
	if left := w.checkpoints(); len(left) > 0 {
		t.Errorf("checkpoints %q are left", left)
	}
	w.want(bronze, "1|1")
}

// TestBadRecordsOfStreams go to the directory, with path, text and reason, and
// nothing of them to the table (semantics §4.3).
func TestBadRecordsOfStreams(t *testing.T) {
	w := newWorkspace(t)
	bad := filepath.Join(w.root, "bad")
	w.file("1.json", `{"id":1}`+"\n"+`{"id":`)
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT', badRecordsPath => '" + bad + "')")
	w.file("2.json", `[}`+"\n"+`{"id":2}`)
	w.want("REFRESH STREAMING TABLE s; SELECT * FROM s", "1", "2")
	w.want("SELECT replace(path, 'file://$IN/', ''), record, reason IS NOT NULL FROM read_files('"+bad+"', format => 'json')",
		`1.json|{"id":|true`, "2.json|[}|true")
}
