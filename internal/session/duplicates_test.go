package session_test

import "testing"

// TestDuplicatesOfStream: DISTINCT ON appends the first row of each key.
func TestDuplicatesOfStream(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`+"\n"+`{"k":"a","n":2}`+"\n"+`{"n":7}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT DISTINCT ON (upper(k)) n, k AS name FROM " + readings + " WHERE n > 0")
	w.want("SELECT * FROM s", "1|a", "7|NULL")
}

// TestDuplicatesWhileSchemaGrows: only keys are kept, so that rows may gain
// columns.
func TestDuplicatesWhileSchemaGrows(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT DISTINCT ON (k) * FROM STREAM read_files('$IN', format => 'json', maxFilesPerTrigger => 1)")
	w.open()
	w.file("2.json", `{"k":"a","n":2,"new":true}`+"\n"+`{"k":"b","n":3,"new":false}`)
	w.rows("REFRESH TABLE s")
	w.want("SELECT k, n, new FROM s", "a|1|NULL", "b|3|false")
	w.rows("REFRESH TABLE s FULL")
	w.want("SELECT k, n, new FROM s", "a|1|NULL", "b|3|false")
}

// TestDuplicatesOfTable: keys of a stream that is joined, and values that
// state does not hold, such as variants.
func TestDuplicatesOfTable(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE src (k STRING, v VARIANT, l ARRAY<STRUCT<x INT>>); CREATE TABLE names (k STRING, name STRING);
		INSERT INTO names VALUES ('a', 'one'), ('b', 'one'), ('c', 'two');
		INSERT INTO src SELECT 'a', parse_json('{"n":1}'), array(named_struct('x', 1))`)
	w.rows("CREATE STREAMING TABLE s AS SELECT DISTINCT ON (name) src.*, name FROM STREAM src JOIN names USING (k)")
	w.rows(`INSERT INTO src (k, v) SELECT 'b', parse_json('2'); INSERT INTO src (k, v) SELECT 'c', parse_json('[3]'); REFRESH TABLE s`)
	w.want("SELECT k, v::string, l[0].x, name FROM s", `a|{"n":1}|1|one`, "c|[3]|NULL|two")
}

// TestDuplicatesOfBatch: over rows that are all there DISTINCT ON is the
// engine's.
func TestDuplicatesOfBatch(t *testing.T) {
	w := newWorkspace(t)
	w.want("SELECT DISTINCT ON (a % 2) a, b FROM VALUES (1, 'x'), (2, 'y'), (3, 'z') AS t(a, b) ORDER BY a % 2, a DESC", "2|y", "3|z")
	w.fails("SELECT DISTINCT ON (a) WITHIN WATERMARK a FROM VALUES (1) AS t(a)", "UNSUPPORTED_FEATURE", "0A000")
	w.fails("SELECT DISTINCT ON (parse_json('1')) 1", "UNSUPPORTED_FEATURE.SET_OPERATION_ON_VARIANT_TYPE", "0A000")
}

// TestDuplicatesRefused, as Spark refuses them, or because state is not kept.
func TestDuplicatesRefused(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","n":1}`)
	for _, query := range []string{
		"SELECT DISTINCT ON (k) WITHIN WATERMARK * FROM " + readings,
		"SELECT DISTINCT ON (k) k, count(*) FROM " + readings + " GROUP BY k",
		"SELECT * FROM (SELECT DISTINCT ON (k) * FROM " + readings + ")",
		"SELECT DISTINCT ON (k) * FROM " + readings + " LIMIT 1",
	} {
		w.fails("CREATE STREAMING TABLE s AS "+query, "UNSUPPORTED_STREAMING_OPERATION", "0A000")
	}
}

// TestDistinctPassedByTheWatermark: a row that comes again when the watermark
// passes it is no new one.
func TestDistinctPassedByTheWatermark(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"k":"a","ts":"2026-01-01T00:01:00Z"}`+"\n"+`{"k":"b","ts":"2026-01-01T01:00:00Z"}`)
	w.file("2.json", `{"k":"a","ts":"2026-01-01T00:01:00Z"}`)
	w.rows("CREATE STREAMING TABLE s AS SELECT DISTINCT k, ts FROM " + readings + " WATERMARK ts DELAY OF INTERVAL 10 MINUTES")
	w.want("SELECT k FROM s", "a", "b")
}
