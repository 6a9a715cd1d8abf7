package session_test

import (
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
