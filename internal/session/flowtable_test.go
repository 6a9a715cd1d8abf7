package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStreamOfStreamingTable: bronze → silver → gold, each row once, whatever
// is refreshed when.
func TestStreamOfStreamingTable(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"v":5}`)
	w.rows(bronze)
	w.want("CREATE STREAMING TABLE silver AS SELECT id, v * 2 AS v FROM STREAM bronze WHERE v > 0", "1|1")
	w.want("CREATE STREAMING TABLE gold AS SELECT * FROM STREAM(silver)", "1|1")
	w.file("2.json", `{"id":2,"v":6}`+"\n"+`{"id":3,"v":-1}`)
	w.want("REFRESH TABLE silver", "0|0")
	w.rows("REFRESH TABLE bronze; REFRESH TABLE silver")
	w.open()
	w.want("REFRESH TABLE silver", "0|0")
	w.want("REFRESH TABLE gold", "1|1")
	w.want("SELECT * FROM gold", "1|10", "2|12")
}

// TestStreamOfTableGrows: a column that the source gains is one of the target.
func TestStreamOfTableGrows(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src")
	w.rows("ALTER TABLE src ADD COLUMN name STRING; INSERT INTO src VALUES (2, 'two')")
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "1|NULL", "2|two")
}

// TestStreamOfTableThatIsReloaded says what to do about a source that was
// loaded anew, and that it helps.
func TestStreamOfTableThatIsReloaded(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(bronze + "; CREATE STREAMING TABLE silver AS SELECT * FROM STREAM bronze; REFRESH TABLE bronze FULL")
	err := w.fails("REFRESH TABLE silver", "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE", "55019")
	if !strings.Contains(err.Error(), "REFRESH STREAMING TABLE … FULL") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
	w.want("SELECT id FROM silver", "1")
	w.rows("REFRESH STREAMING TABLE silver FULL")
	w.want("SELECT id FROM silver", "1")
}

// TestStreamOfTableChanges: what becomes of commits that are no appends
// (semantics §10.9).
func TestStreamOfTableChanges(t *testing.T) {
	for _, c := range []struct {
		change, options string
		class           string
		want            []string
	}{
		{"DELETE FROM src WHERE id < 9", "", "DELTA_SOURCE_IGNORE_DELETE", nil},
		{"DELETE FROM src WHERE id < 9", "ignoreDeletes = true", "", []string{"1", "2", "3"}},
		{"DELETE FROM src WHERE id < 9", "SKIPCHANGECOMMITS", "", []string{"1", "2", "3"}},
		{"UPDATE src SET id = 9 WHERE id = 1", "", "DELTA_SOURCE_TABLE_IGNORE_CHANGES", nil},
		{"UPDATE src SET id = 9 WHERE id = 1", "ignoreDeletes", "DELTA_SOURCE_TABLE_IGNORE_CHANGES", nil},
		{"UPDATE src SET id = 9 WHERE id = 1", "skipChangeCommits", "", []string{"1", "2", "3"}},
		{"UPDATE src SET id = 9 WHERE id = 1", "ignoreChanges", "", []string{"1", "2", "2", "3", "9"}},
		{"OPTIMIZE src", "", "", []string{"1", "2", "3"}},
	} {
		t.Run(c.change+" "+c.options, func(t *testing.T) {
			w := newWorkspace(t)
			w.rows("CREATE TABLE src (id INT) TBLPROPERTIES ('delta.enableDeletionVectors' = 'false'); INSERT INTO src VALUES (1), (2)")
			with := ""
			if c.options != "" {
				with = " WITH (" + c.options + ")"
			}
			w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src" + with)
			w.rows(c.change + "; INSERT INTO src VALUES (3)")
			if c.class != "" {
				w.fails("REFRESH TABLE s", c.class, "0A000")
				w.want("SELECT * FROM s", "1", "2")
				return
			}
			w.rows("REFRESH TABLE s")
			w.want("SELECT * FROM s", c.want...)
		})
	}
}

// TestAssertion62_OptimizedSource: OPTIMIZE of the source brings no rows.
func TestAssertion62_OptimizedSource(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1); INSERT INTO src VALUES (2)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src")
	w.rows("OPTIMIZE src")
	w.want("REFRESH TABLE s", "0|0")
	w.want("SELECT * FROM s", "1", "2")
}

// TestAssertion60_RestoredSource: files that RESTORE brings back come again.
func TestAssertion60_RestoredSource(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (ignoreDeletes)")
	w.rows("DELETE FROM src; RESTORE TABLE src TO VERSION AS OF 1")
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "1", "1")
}

// TestStreamOfTableBegins with the version or the time that options say.
func TestStreamOfTableBegins(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1); INSERT INTO src VALUES (2); INSERT INTO src VALUES (3)")
	for _, c := range []struct {
		name, options string
		want          []string
	}{
		{"all", "maxFilesPerTrigger = 1", []string{"1", "2", "3", "4"}},
		{"version", "startingVersion = 2", []string{"2", "3", "4"}},
		{"latest", "startingVersion = 'latest'", []string{"4"}},
		{"past", "startingTimestamp = '2000-01-01'", []string{"1", "2", "3", "4"}},
	} {
		w.rows("CREATE STREAMING TABLE s_" + c.name + " AS SELECT * FROM STREAM src WITH (" + c.options + ")")
	}
	w.rows("INSERT INTO src VALUES (4)")
	for _, name := range []string{"all", "version", "latest", "past"} {
		w.rows("REFRESH TABLE s_" + name)
	}
	w.want("SELECT * FROM s_all", "1", "2", "3", "4")
	w.want("SELECT * FROM s_version", "2", "3", "4")
	w.want("SELECT * FROM s_latest", "4")
	w.want("SELECT * FROM s_past", "1", "2", "3", "4")
	w.want("SELECT count(*) FROM (DESCRIBE HISTORY s_all) WHERE operation = 'STREAMING UPDATE'", "4")
	for _, c := range []struct{ options, class, state string }{
		{"startingVersion = 99", "DELTA_VERSION_NOT_FOUND", "22003"},
		{"startingVersion = 'last'", "DELTA_ILLEGAL_OPTION", "42616"},
		{"startingVersion = 1, startingTimestamp = '2000-01-01'", "DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET", "42613"},
		{"maxFilesPerTriger = 1", "UNKNOWN_OPTION", "42K06"},
		{"maxFilesPerTrigger = 0", "DELTA_ILLEGAL_OPTION", "42616"},
	} {
		w.fails("CREATE STREAMING TABLE refused AS SELECT * FROM STREAM src WITH ("+c.options+")", c.class, c.state)
	}
}

// TestStreamOfChangeFeed reads what happened to rows.
func TestStreamOfChangeFeed(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, v STRING) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true'); INSERT INTO src VALUES (1, 'a'), (2, 'b')")
	w.rows("CREATE STREAMING TABLE s AS SELECT id, v, _change_type, _commit_version FROM STREAM src WITH (readChangeFeed = true)")
	w.rows("UPDATE src SET v = 'c' WHERE id = 2; DELETE FROM src WHERE id = 1; INSERT INTO src VALUES (3, 'd')")
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "1|a|delete|3", "1|a|insert|1", "2|b|insert|1", "2|b|update_preimage|2", "2|c|update_postimage|2", "3|d|insert|4")
}

// TestStreamOfCleanedLog: commits that are gone before they were read are an
// error, unless data may be lost.
func TestStreamOfCleanedLog(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT) LOCATION '$IN/src'; INSERT INTO src VALUES (1)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src; CREATE STREAMING TABLE lossy AS SELECT * FROM STREAM src WITH (failOnDataLoss = false)")
	for range 12 {
		w.rows("INSERT INTO src VALUES (2)")
	}
	if err := w.s.Close(); err != nil { // it ends when the checkpoint of version 10 is there
		t.Fatal(err)
	}
	for version := range 4 {
		if err := os.Remove(filepath.Join(w.in, "src", "_delta_log", fmt.Sprintf("%020d.json", version))); err != nil {
			t.Fatal(err)
		}
	}
	w.open()
	w.fails("REFRESH TABLE s", "DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE", "42K03")
	w.rows("REFRESH TABLE lossy")
	w.want("SELECT count(*) FROM lossy", "11")
}

// TestStreamOfRenamedColumn cannot go on: the rows in between have another
// name for the column.
func TestStreamOfRenamedColumn(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT) TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); INSERT INTO src VALUES (1)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src")
	w.rows("ALTER TABLE src RENAME COLUMN id TO number; INSERT INTO src VALUES (2)")
	w.fails("REFRESH TABLE s", "DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE_USE_SCHEMA_LOG", "42KD4")
	w.rows("REFRESH TABLE s FULL")
	w.want("SELECT number FROM s", "1", "2")
}
