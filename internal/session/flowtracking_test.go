package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mapped = "CREATE TABLE src (id INT, name STRING) TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); INSERT INTO src VALUES (1, 'one')"

// TestSchemaTracking: a stream that keeps its schemas goes on over columns that
// are added by itself, and over such that are renamed, dropped and retyped when
// it is told to; rows are read with the columns of their time (semantics §10.9).
func TestSchemaTracking(t *testing.T) {
	w := newWorkspace(t)
	w.rows(mapped)
	create := func(options string) string {
		return "CREATE OR REFRESH STREAMING TABLE s AS SELECT * FROM STREAM src WITH (schemaTrackingLocation = 'schema'" + options + ")"
	}
	w.rows(create(""))
	w.rows("ALTER TABLE src ADD COLUMN n INT; INSERT INTO src VALUES (2, 'two', 22)")
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "1|one|NULL", "2|two|22")

	w.rows("INSERT INTO src VALUES (3, 'three', 33); ALTER TABLE src RENAME COLUMN name TO title; INSERT INTO src VALUES (4, 'four', 44)")
	w.fails("REFRESH TABLE s", "DELTA_STREAMING_METADATA_EVOLUTION", "22000")
	w.want("SELECT * FROM s", "1|one|NULL", "2|two|22", "3|three|33")
	w.fails("REFRESH TABLE s", "DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", "KD002")
	w.open()
	w.fails(create(", allowSourceColumnDrop = 'always'"), "DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", "KD002")
	w.fails(create(", allowSourceColumnRename = '3'"), "DELTA_STREAMING_CANNOT_CONTINUE_PROCESSING_POST_SCHEMA_EVOLUTION", "KD002")
	w.rows(create(", allowSourceColumnRename = '5'"))
	w.want("SELECT id, name, title, n FROM s", "1|one|NULL|NULL", "2|two|NULL|22", "3|three|NULL|33", "4|NULL|four|44")

	w.rows("ALTER TABLE src DROP COLUMN title; INSERT INTO src VALUES (5, 55)")
	w.rows(create(", allowSourceColumnRename = 'always', allowSourceColumnDrop = 'always'"))
	w.want("SELECT id, n FROM s WHERE id > 3", "4|44", "5|55")
	w.rows("REFRESH TABLE s FULL")
	w.want("SELECT id, n FROM s", "1|NULL", "2|22", "3|33", "4|44", "5|55")
}

// TestSchemaTrackingOfTypes: a column that is widened is another type.
func TestSchemaTrackingOfTypes(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT) TBLPROPERTIES ('delta.enableTypeWidening' = 'true'); INSERT INTO src VALUES (1)")
	create := "CREATE OR REFRESH STREAMING TABLE s TBLPROPERTIES ('delta.enableTypeWidening' = 'true') AS SELECT CAST(id AS BIGINT) AS id FROM STREAM src WITH (schemaLocation = 'types'"
	w.rows(create + ")")
	w.rows("ALTER TABLE src ALTER COLUMN id TYPE BIGINT; INSERT INTO src VALUES (3000000000)")
	w.fails("REFRESH TABLE s", "DELTA_STREAMING_METADATA_EVOLUTION", "22000")
	w.rows(create + ", allowSourceColumnTypeChange = 'always')")
	w.want("SELECT * FROM s", "1", "3000000000")
}

// TestSchemaTrackingRefuses places outside of the checkpoint, and damage.
func TestSchemaTrackingRefuses(t *testing.T) {
	w := newWorkspace(t)
	w.rows(mapped)
	for _, at := range []string{"/elsewhere", "../x", "a/../../b"} {
		w.fails("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (schemaTrackingLocation = '"+at+"')", "DELTA_STREAMING_SCHEMA_LOCATION_NOT_UNDER_CHECKPOINT", "22000")
	}
	w.fails("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (schemaTrackingLocation = 'x', readChangeFeed)", "DELTA_ILLEGAL_OPTION", "42616")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (schemaTrackingLocation = 'x')")
	logs, err := filepath.Glob(filepath.Join(w.root, "ws", "checkpoints", "*", "*", "*", "sources", "0", "x", "_schema_log_*", "0"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	if err := os.WriteFile(logs[0], []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	w.fails("REFRESH TABLE s", "DELTA_STREAMING_SCHEMA_LOG_DESERIALIZE_FAILED", "22000")
}

// A stream that tracks schemas and dies anywhere has each row once, with the
// columns of its time.
func TestSchemaTrackingUnderCrashes(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.rows(mapped)
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (maxFilesPerTrigger = 1, schemaTrackingLocation = 'schema', allowSourceColumnDrop = 'always')")
	w.rows("INSERT INTO src VALUES (2, 'two'); ALTER TABLE src ADD COLUMN n INT; INSERT INTO src VALUES (3, 'three', 33); ALTER TABLE src DROP COLUMN name; INSERT INTO src VALUES (4, 44)")
	w.trial(faulted{}).refreshUnderCrashes(t, 12, "1|one|NULL", "2|two|NULL", "3|three|33", "4|NULL|44")
}

// TestBacklogOfTable: progress tells of the files and bytes that are left, also
// when more comes meanwhile (semantics §11.1).
func TestBacklogOfTable(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1); INSERT INTO src VALUES (2); INSERT INTO src VALUES (3)")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM src WITH (maxFilesPerTrigger = 1)")
	w.rows("INSERT INTO src VALUES (4); OPTIMIZE src; INSERT INTO src VALUES (5); REFRESH TABLE s")
	const metric = "get_json_object(details:stream_progress:progress_json, '$.sources[0].metrics."
	w.want("SELECT origin.batch_id, "+metric+"numFilesOutstanding'), "+metric+"numBytesOutstanding')::int > 0 FROM event_log(TABLE(s)) WHERE event_type = 'stream_progress'",
		"0|2|true", "1|1|true", "2|0|false", "3|1|true", "4|0|false")
}

// TestEventTimeOrder: rows that the table has are read in the order of the
// watermark's column, a part of a file at a time, and none of them is late;
// those of later commits follow as they come (semantics §10.8).
func TestEventTimeOrder(t *testing.T) {
	const stream = "AS SELECT window.start AS w, count(*) AS n FROM STREAM src WITH (maxFilesPerTrigger = 1%s) " +
		"WATERMARK ts DELAY OF INTERVAL 1 MINUTE GROUP BY window(ts, '10 minutes')"
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, ts TIMESTAMP) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')")
	at := func(minutes ...int) {
		rows := []string{"(0, NULL)"}
		for _, m := range minutes {
			rows = append(rows, fmt.Sprintf("(%d, TIMESTAMP'2026-01-01 %02d:%02d:00Z')", m, m/60, m%60))
		}
		w.rows("INSERT INTO src VALUES " + strings.Join(rows, ", "))
	}
	at(55, 95, 5, 36)
	at(1, 15, 65, 35)
	at(25, 45, 75, 85)
	at(1, 2, 3)
	at(1)
	w.rows("CREATE STREAMING TABLE byage " + fmt.Sprintf(stream, ""))
	w.rows("CREATE STREAMING TABLE bytime " + fmt.Sprintf(stream, ", withEventTimeOrder = true"))
	w.want("SELECT sum(n) < 14 FROM byage", "true")
	const hours = "SELECT date_format(w, 'HH:mm'), n FROM bytime"
	want := []string{"00:00|6", "00:10|1", "00:20|1", "00:30|2", "00:40|1", "00:50|1", "01:00|1", "01:10|1", "01:20|1"}
	w.want(hours, want...)
	at(200)
	w.rows("REFRESH TABLE bytime")
	w.want(hours, append(want, "01:30|1")...)
	w.fails("CREATE STREAMING TABLE x AS SELECT * FROM STREAM src WITH (withEventTimeOrder = true)", "DELTA_ILLEGAL_OPTION", "42616")
	w.fails("CREATE STREAMING TABLE x AS SELECT * FROM STREAM src WITH (withEventTimeOrder = true) WATERMARK id DELAY OF INTERVAL 1 MINUTE", "DELTA_ILLEGAL_OPTION", "42616")
}
