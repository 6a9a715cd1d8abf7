package session_test

import (
	"fmt"
	"path/filepath"
	"testing"
)

const readings = "STREAM read_files('$IN', format => 'json', schema => 'k STRING, n BIGINT, ts TIMESTAMP', maxFilesPerTrigger => 1)"

// TestAggregateOfStream: groups are updated in place, whatever batches their
// rows come in; NULL is a group.
func TestAggregateOfStream(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`+"\n"+`{"k":"b","n":5}`+"\n"+`{"n":7}`)
	w.file("2.json", `{"k":"a","n":2}`+"\n"+`{"k":"c"}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT k, count(*) AS c, sum(n) AS total, avg(n) AS mean FROM " + readings + " GROUP BY k")
	w.want("SELECT * FROM s", "NULL|1|7|7", "a|2|3|1.5", "b|1|5|5", "c|1|NULL|NULL")
	w.open()
	w.file("3.json", `{"n":1}`+"\n"+`{"k":"c","n":4}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "NULL|2|8|4", "a|2|3|1.5", "b|1|5|5", "c|2|4|4")
	w.want("REFRESH TABLE s", "0|0")
}

// TestWindowsOfStream: a window is appended when the watermark has passed its
// end, and what comes later is dropped (semantics §10.8).
func TestWindowsOfStream(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1,"ts":"2026-01-01T00:01:00Z"}`+"\n"+`{"k":"a","n":2,"ts":"2026-01-01T00:12:00Z"}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT window.start AS w, k, sum(n) AS total FROM " + readings +
		" WATERMARK ts DELAY OF INTERVAL 10 MINUTES GROUP BY window(ts, '10 minutes'), k")
	w.want("SELECT * FROM s")
	w.file("2.json", `{"k":"a","n":4,"ts":"2026-01-01T00:02:00Z"}`+"\n"+`{"k":"a","n":8,"ts":"2026-01-01T00:25:00Z"}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT date_format(w, 'HH:mm'), k, total FROM s", "00:00|a|5")
	w.file("3.json", `{"k":"a","n":16,"ts":"2026-01-01T00:03:00Z"}`+"\n"+`{"k":"a","n":32,"ts":"2026-01-01T00:35:00Z"}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT date_format(w, 'HH:mm'), k, total FROM s", "00:00|a|5", "00:10|a|2")
	// Read in one run, 00:03 is no later than the batch before allows.
	w.rows("REFRESH TABLE s FULL")
	w.want("SELECT date_format(w, 'HH:mm'), k, total FROM s", "00:00|a|21", "00:10|a|2")
}

// TestDistinctOfStream appends what was not there before.
func TestDistinctOfStream(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`+"\n"+`{"k":"a","n":1}`+"\n"+`{"n":7}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT DISTINCT k, n FROM " + readings)
	w.file("2.json", `{"k":"a","n":1}`+"\n"+`{"k":"b","n":1}`+"\n"+`{"n":7}`)
	w.want("REFRESH TABLE s", "1|1")
	w.want("SELECT * FROM s", "NULL|7", "a|1", "b|1")
}

// TestStateIsCompacted: many batches leave few files of state, and the state
// of all of them.
func TestStateIsCompacted(t *testing.T) {
	w := newWorkspace(t)
	for i := range 24 {
		w.file(fmt.Sprintf("%02d.json", i), fmt.Sprintf(`{"k":"a","n":%d}`+"\n"+`{"k":"%d","n":1}`, i, i))
	}
	w.rows("CREATE STREAMING TABLE s AS SELECT k, count(*) AS c, sum(n) AS total FROM " + readings + " GROUP BY k")
	w.want("SELECT count(*), max(c), max(total) FROM s", "25|24|276")
	files, err := filepath.Glob(filepath.Join(w.root, "ws", "checkpoints", "*", "*", "*", "state", "0", "0", "*"))
	// A batch has a delta and its rows; those of ten batches and up to ten more are kept.
	if err != nil || len(files) > 2*20 || len(files) < 10 {
		t.Errorf("24 batches leave %d files of state (%v)", len(files), err)
	}
	w.open()
	w.file("99.json", `{"k":"a","n":1}`+"\n"+`{"k":"3","n":1}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s WHERE k IN ('a', '3')", "3|2|2", "a|25|277")
}

// TestStateOfAnotherQuery: a changed aggregation begins anew or not at all.
func TestStateOfAnotherQuery(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT k, sum(n) AS x FROM " + readings + " GROUP BY k")
	w.rows("CREATE STREAMING TABLE plain AS SELECT k, n FROM " + readings)
	w.file("2.json", `{"k":"a","n":5}`)
	w.fails("CREATE OR REFRESH STREAMING TABLE s AS SELECT k, max(n) AS x FROM "+readings+" GROUP BY k", "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "XXKST")
	w.rows("REFRESH TABLE s FULL")
	w.want("SELECT * FROM s", "a|5")
	w.fails("CREATE OR REFRESH STREAMING TABLE plain AS SELECT k, sum(n) AS n FROM "+readings+" GROUP BY k", "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "XXKST")
}

// TestStateThatComesAndGoes: a definition that would leave out what came before
// is refused where it is given, and the former one goes on.
func TestStateThatComesAndGoes(t *testing.T) {
	w := newWorkspace(t)
	const class, sum, plain = "STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "AS SELECT k, sum(n) AS n FROM " + readings + " GROUP BY k", "AS SELECT k, n FROM " + readings
	w.file("1.json", `{"k":"a","n":1}`)
	w.rows("CREATE STREAMING TABLE s " + sum + "; CREATE STREAMING TABLE plain " + plain)
	w.fails("CREATE OR REFRESH STREAMING TABLE s "+plain, class, "XXKST")
	w.fails("CREATE OR REFRESH STREAMING TABLE plain "+sum, class, "XXKST")
	w.file("2.json", `{"k":"a","n":5}`)
	w.fails("CREATE OR REFRESH STREAMING TABLE s "+plain, class, "XXKST")
	w.want("REFRESH TABLE s; SELECT * FROM s", "a|6")
	w.want("REFRESH TABLE plain; SELECT * FROM plain", "a|1", "a|5")
	w.rows("DROP TABLE s; CREATE STREAMING TABLE s " + plain)
	w.want("SELECT * FROM s", "a|1", "a|5")
}

// TestUpdatesOfATableWithoutColumns: the first batch of a flow brings them, also
// where columns have names of their own in files.
func TestUpdatesOfATableWithoutColumns(t *testing.T) {
	for _, mapping := range []string{"none", "name"} {
		w := newWorkspace(t)
		w.rows("CREATE TABLE src AS SELECT 'a' AS k, 1 AS n; CREATE STREAMING TABLE ft TBLPROPERTIES ('delta.columnMapping.mode' = '" + mapping + "')")
		w.rows("CREATE FLOW f AS INSERT INTO ft BY NAME SELECT k, sum(n) AS n FROM STREAM src GROUP BY k")
		w.want("SELECT * FROM ft", "a|1")
		w.rows("INSERT INTO src VALUES ('a', 2), ('b', 3)")
		w.rows("CREATE FLOW g AS INSERT INTO ft BY NAME SELECT upper(k) AS k, count(*) AS c FROM STREAM src GROUP BY upper(k)")
		w.want("SELECT k, n, c FROM ft", "A|NULL|2", "B|NULL|1", "a|3|NULL", "b|3|NULL")
	}
}

// TestStreamStaticJoin: each batch sees the table as it is then.
func TestStreamStaticJoin(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE names (k STRING, name STRING); INSERT INTO names VALUES ('a', 'old')")
	w.file("1.json", `{"k":"a","n":1}`+"\n"+`{"k":"b","n":2}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT coalesce(name, '?') AS name, count(*) AS c, sum(n) AS total FROM " + readings +
		" LEFT JOIN names USING (k) GROUP BY name")
	w.rows("INSERT OVERWRITE names VALUES ('a', 'new')")
	w.file("2.json", `{"k":"a","n":4}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "?|1|2", "new|1|4", "old|1|1")
}

// TestAggregateOfTable: silver from bronze, gold from silver.
func TestAggregateOfTable(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (k STRING, n INT); INSERT INTO src VALUES ('a', 1), ('b', 2)")
	w.rows("CREATE STREAMING TABLE gold AS SELECT k, avg(n) AS mean, collect_list(n) AS all FROM STREAM src GROUP BY k")
	w.rows("INSERT INTO src VALUES ('a', 4)")
	w.rows("REFRESH TABLE gold")
	w.want("SELECT k, mean, array_size(all) FROM gold", "a|2.5|2", "b|2|1")
}

// TestExpectationsOfGroups drop groups, also ones that were there before.
func TestExpectationsOfGroups(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`+"\n"+`{"k":"b","n":2}`)
	w.rows("CREATE STREAMING TABLE s (CONSTRAINT small EXPECT (total < 5) ON VIOLATION DROP ROW) AS SELECT k, sum(n) AS total FROM " + readings + " GROUP BY k")
	w.want("SELECT * FROM s", "a|1", "b|2")
	w.file("2.json", `{"k":"a","n":10}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "b|2")
}

// TestAggregateWhileSchemaGrows: a new field of the source begins the batch
// again, and each row counts once.
func TestAggregateWhileSchemaGrows(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT k, sum(n) AS total FROM STREAM read_files('$IN', format => 'json', maxFilesPerTrigger => 1) GROUP BY k")
	w.file("2.json", `{"k":"a","n":2}`)
	w.file("3.json", `{"k":"a","n":4,"new":true}`)
	w.file("4.json", `{"k":"b","n":8}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT * FROM s", "a|7", "b|8")
}

// TestStatefulProgress: a batch reports what its state has come to, how far
// event time is, and how many groups came late (semantics §11.1).
func TestStatefulProgress(t *testing.T) {
	w := newWorkspace(t)
	for i, minute := range []string{"01", "30", "31", "02"} {
		w.file(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"k":"a","n":1,"ts":"2026-01-01T00:%s:00Z"}`, minute))
	}
	w.rows("CREATE STREAMING TABLE s AS SELECT window.start AS w, count(*) AS c FROM " + readings +
		" WATERMARK ts DELAY OF INTERVAL 10 MINUTES GROUP BY window(ts, '10 minutes')")
	w.want("SELECT c FROM s", "1")
	const progress = "get_json_object(details:stream_progress:progress_json, '$."
	w.want("SELECT origin.batch_id, "+progress+"stateOperators[0].numRowsTotal'), "+progress+"stateOperators[0].numRowsDroppedByWatermark'), "+
		progress+"eventTime.watermark'), "+progress+"eventTime.max') FROM event_log(TABLE(s)) WHERE event_type = 'stream_progress'",
		"0|1|0|1970-01-01T00:00:00.000Z|2026-01-01T00:01:00.000Z",
		"1|2|0|2025-12-31T23:51:00.000Z|2026-01-01T00:30:00.000Z",
		"2|1|0|2026-01-01T00:20:00.000Z|2026-01-01T00:31:00.000Z",
		"3|1|1|2026-01-01T00:21:00.000Z|2026-01-01T00:02:00.000Z")
}
