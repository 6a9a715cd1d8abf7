package session_test

import (
	"strings"
	"testing"
)

// quality is what the event log of a table has about the rows that its
// expectations, and those of views, have seen: name, dataset, passed, failed.
func (w *workspace) quality(table string) string {
	w.t.Helper()
	return strings.Join(w.rows(`SELECT e.name, e.dataset, sum(e.passed_records), sum(e.failed_records) FROM (
		SELECT explode(from_json(details:flow_progress:data_quality:expectations::STRING, 'ARRAY<STRUCT<name STRING, dataset STRING, passed_records BIGINT, failed_records BIGINT>>')) AS e
		FROM event_log(TABLE(`+table+`)) WHERE event_type = 'flow_progress' AND level = 'METRICS') GROUP BY ALL ORDER BY ALL`), " ")
}

// dropped is how many rows expectations have dropped of a table.
func (w *workspace) dropped(table string) string {
	w.t.Helper()
	return strings.Join(w.rows(`SELECT sum(CAST(details:flow_progress:data_quality:dropped_records AS BIGINT)) FROM event_log(TABLE(`+table+`))`), " ")
}

// TestExpectationsOfViews: a view that everybody can read has no expectations,
// as on Databricks; a temporary one has those of a table, named once each.
func TestExpectationsOfViews(t *testing.T) {
	w := newWorkspace(t)
	w.failing("CREATE VIEW v (x COMMENT 'c', CONSTRAINT big EXPECT (x > 0) ON VIOLATION DROP ROW) AS SELECT 1 AS x", "UNSUPPORTED_FEATURE.TABLE_OPERATION")
	w.failing("SELECT * FROM v", "TABLE_OR_VIEW_NOT_FOUND")
	w.failing("CREATE TEMPORARY VIEW v (CONSTRAINT a EXPECT (x > 0), CONSTRAINT A EXPECT (x > 1)) AS SELECT 1 AS x", "INVALID_EXPECTATION")
	w.failing("CREATE TEMPORARY VIEW v (CONSTRAINT a EXPECT (max(x) > 0)) AS SELECT 1 AS x", "INVALID_EXPECTATION")
	w.failing("CREATE TEMPORARY VIEW v (a, b, CONSTRAINT c EXPECT (a > 0)) AS SELECT 1 AS x", "CREATE_VIEW_COLUMN_ARITY_MISMATCH")
	w.rows("CREATE TEMPORARY VIEW v (y, CONSTRAINT few EXPECT (y < 3) ON VIOLATION DROP ROW, CONSTRAINT odd EXPECT (y % 2 = 1)) AS SELECT id FROM range(6)")
	w.want("SELECT y FROM v ORDER BY y", "0", "1", "2")
	w.want("SELECT a.y FROM v AS a JOIN v AS b ON a.y = b.y + 1 ORDER BY 1", "1", "2")
	w.want("WITH v AS (SELECT 9 AS y) SELECT * FROM v", "9")
	w.rows("CREATE TEMPORARY VIEW strict (CONSTRAINT none EXPECT (y < 2) ON VIOLATION FAIL UPDATE) AS SELECT y FROM v")
	w.failing("SELECT * FROM strict", "EXPECTATION_VIOLATION.VERBOSITY_ALL")
}

// TestExpectationsOfViewsOfTables: a materialized view drops, counts and fails
// by the expectations of the temporary views that it reads.
func TestExpectationsOfViewsOfTables(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1), (2), (-3)")
	w.rows("CREATE TEMPORARY VIEW good (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION DROP ROW) AS SELECT * FROM src")
	w.rows("CREATE MATERIALIZED VIEW m (CONSTRAINT small EXPECT (n < 2)) AS SELECT count(*) AS n FROM good")
	w.want("SELECT * FROM m", "2")
	if got, want := w.quality("m"), "positive|good|2|1 small|main.default.m|0|1"; got != want {
		t.Errorf("the event log counts %s, want %s", got, want)
	}
	if got, want := w.dropped("m"), "1"; got != want {
		t.Errorf("%s rows are dropped, want %s", got, want)
	}
	w.want("REFRESH MATERIALIZED VIEW m", "0|0")
	if got, want := w.technique("m"), "NO_OP"; got != want {
		t.Errorf("a refresh without changes is %s, want %s", got, want)
	}
	// Any session can refresh it.
	w.open()
	w.rows("INSERT INTO src VALUES (4), (-5)")
	w.rows("REFRESH MATERIALIZED VIEW m")
	w.want("SELECT * FROM m", "3")
	if got, want := w.technique("m"), "COMPLETE_RECOMPUTE"; got != want {
		t.Errorf("a refresh with changes is %s, want %s", got, want)
	}
	w.failing("SELECT * FROM good", "TABLE_OR_VIEW_NOT_FOUND")
	// Other expectations make other rows.
	w.rows("CREATE TEMPORARY VIEW good (CONSTRAINT positive EXPECT (id > 1) ON VIOLATION FAIL UPDATE) AS SELECT * FROM src")
	before := w.version("m")
	w.failing("CREATE OR REFRESH MATERIALIZED VIEW m AS SELECT count(*) AS n FROM good", "EXPECTATION_VIOLATION.VERBOSITY_ALL")
	if got := w.version("m"); got != before {
		t.Errorf("a refresh that failed made version %s of %s", got, before)
	}
}

// TestExpectationsOfStreamingViews: a temporary view over a stream is read as a
// stream, and checks the rows of each batch once.
func TestExpectationsOfStreamingViews(t *testing.T) {
	for name, create := range map[string]string{
		"as it is now": "CREATE TEMPORARY VIEW good (a, CONSTRAINT positive EXPECT (a > 0) ON VIOLATION DROP ROW, CONSTRAINT odd EXPECT (a % 2 = 1)) AS SELECT id FROM",
		"as it was":    "CREATE TEMPORARY STREAMING LIVE VIEW good (a, CONSTRAINT positive EXPECT (a > 0) ON VIOLATION DROP ROW, CONSTRAINT odd EXPECT (a % 2 = 1)) AS SELECT id FROM",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			w.file("1.json", `{"id":1}`+"\n"+`{"id":-2}`+"\n"+`{"id":4}`)
			w.rows(create + " STREAM read_files('$IN', format => 'json', schema => 'id INT')")
			w.rows("CREATE TEMPORARY VIEW again AS SELECT a, a * 10 AS b FROM STREAM good")
			w.rows("CREATE STREAMING TABLE s (CONSTRAINT big EXPECT (b > 10)) AS SELECT b FROM STREAM again WHERE a < 100")
			w.want("SELECT b FROM s ORDER BY b", "10", "40")
			want := "big|main.default.s|1|1 odd|good|1|2 positive|good|2|1"
			if got := w.quality("s"); got != want {
				t.Errorf("the event log counts %s, want %s", got, want)
			}
			// The row that is dropped violates another expectation too.
			if got, want := w.dropped("s"), "1"; got != want {
				t.Errorf("%s rows are dropped, want %s", got, want)
			}
			// Any session can refresh it, and knows its files; SHOW CREATE TABLE can be run.
			w.open()
			w.file("2.json", `{"id":5}`)
			w.want("REFRESH STREAMING TABLE s", "1|1")
			w.want("SELECT b FROM s ORDER BY b", "10", "40", "50")
			w.want("SELECT state, count(*) FROM file_ledger(TABLE(s)) GROUP BY state", "committed|2")
			w.want("ALTER STREAMING TABLE s FORGET FILES ('2.json'); REFRESH STREAMING TABLE s", "1|1")
			w.want("REFRESH STREAMING TABLE s FULL", "3|3")
			shown := w.rows("SHOW CREATE TABLE s")[0]
			w.want("DROP STREAMING TABLE s; "+shown, "3|3")
		})
	}
}

// TestStreamsOfViews: groups, duplicates and watermarks are of the view's
// columns; what cannot be streamed is refused.
func TestStreamsOfViews(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"k":"a"}`+"\n"+`{"id":2,"k":"a"}`+"\n"+`{"id":-3,"k":"b"}`)
	w.rows("CREATE TEMPORARY VIEW good (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION DROP ROW) AS SELECT id, k AS name FROM STREAM read_files('$IN', format => 'json', schema => 'id INT, k STRING')")
	w.rows("CREATE STREAMING TABLE s AS SELECT name, count(*) AS n FROM STREAM good GROUP BY name")
	w.file("2.json", `{"id":7,"k":"b"}`+"\n"+`{"id":8,"k":"a"}`)
	w.rows("REFRESH STREAMING TABLE s")
	w.want("SELECT name, n FROM s ORDER BY name", "a|3", "b|1")
	if got, want := w.quality("s"), "positive|good|4|1"; got != want {
		t.Errorf("the event log counts %s, want %s", got, want)
	}
	w.rows("CREATE TEMPORARY VIEW still AS SELECT 1 AS x; CREATE VIEW seen AS SELECT 1 AS x")
	w.rows("CREATE TEMPORARY VIEW two AS SELECT a FROM STREAM good UNION ALL SELECT a FROM STREAM good")
	w.failing("CREATE STREAMING TABLE bad AS SELECT * FROM STREAM still", "UNSUPPORTED_STREAMING_OPERATION")
	w.failing("CREATE STREAMING TABLE bad AS SELECT * FROM STREAM seen", "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE")
	w.failing("CREATE STREAMING TABLE bad AS SELECT * FROM STREAM two", "UNSUPPORTED_FEATURE.TABLE_OPERATION")
	w.failing("SELECT * FROM good", "UNSUPPORTED_FEATURE.STREAM")
	w.failing("CREATE VIEW v AS SELECT * FROM STREAM read_files('$IN', format => 'json')", "UNSUPPORTED_FEATURE.STREAM")
}

// TestExpectationsOfAutoCDC: the rows that AUTO CDC upserts are checked, as they
// would be stored; deletes have no row. It is the same in whatever order changes
// come.
func TestExpectationsOfAutoCDC(t *testing.T) {
	const rules = "(CONSTRAINT named EXPECT (name IS NOT NULL) ON VIOLATION DROP ROW, CONSTRAINT short EXPECT (length(name) < 3))"
	for _, order := range [][]string{{"1.json", "2.json"}, {"2.json", "1.json"}} {
		w := newWorkspace(t)
		changes := map[string]string{
			"1.json": `{"id":1,"name":"a","n":1}` + "\n" + `{"id":2,"name":"long","n":1}`,
			"2.json": `{"id":1,"n":2}` + "\n" + `{"id":2,"gone":true,"n":3}` + "\n" + `{"id":3,"name":"c","n":2}`,
		}
		w.file(order[0], changes[order[0]])
		w.rows("CREATE STREAMING TABLE s " + rules + `; CREATE FLOW f AS AUTO CDC INTO s FROM STREAM read_files('$IN', format => 'json', schema => 'id INT, name STRING, gone BOOLEAN, n INT')
			KEYS (id) APPLY AS DELETE WHEN gone SEQUENCE BY n COLUMNS * EXCEPT (gone, n)`)
		w.file(order[1], changes[order[1]])
		w.rows("REFRESH STREAMING TABLE s")
		w.want("SELECT id, name FROM s ORDER BY id", "1|a", "3|c")
		if got, want := w.quality("s"), "named|main.default.s|3|1 short|main.default.s|2|2"; got != want {
			t.Errorf("the event log counts %s, want %s", got, want)
		}
		if got, want := w.dropped("s"), "1"; got != want {
			t.Errorf("%s rows are dropped, want %s", got, want)
		}
	}
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"name":"a","n":1}`)
	w.rows("CREATE STREAMING TABLE s (CONSTRAINT named EXPECT (name IS NOT NULL) ON VIOLATION FAIL UPDATE);" +
		"CREATE FLOW f AS AUTO CDC INTO s FROM STREAM read_files('$IN', format => 'json', schema => 'id INT, name STRING, n INT') KEYS (id) SEQUENCE BY n STORED AS SCD TYPE 2")
	before := w.version("s")
	w.file("2.json", `{"id":1,"n":2}`)
	w.failing("REFRESH STREAMING TABLE s", "EXPECTATION_VIOLATION.VERBOSITY_ALL")
	if got := w.version("s"); got != before {
		t.Errorf("a refresh that failed made version %s of %s", got, before)
	}
}

// TestExpectationsOfFlows: of several flows into one table, one that violates an
// expectation fails, and the others do not (semantics §9.4, §12).
func TestExpectationsOfFlows(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE one (id INT); CREATE TABLE two (id INT);
		CREATE STREAMING TABLE s (id INT, CONSTRAINT positive EXPECT (id > 0) ON VIOLATION FAIL UPDATE, CONSTRAINT few EXPECT (id < 5) ON VIOLATION DROP ROW);
		CREATE FLOW f AS INSERT INTO s BY NAME SELECT id FROM STREAM one; CREATE FLOW g AS INSERT INTO s BY NAME SELECT id FROM STREAM two;
		INSERT INTO one VALUES (-1); INSERT INTO two VALUES (2), (7)`)
	err := w.fails("REFRESH STREAMING TABLE s", "EXPECTATION_VIOLATION.VERBOSITY_ALL", "22000")
	if want := "Flow 'main.default.s' failed to meet the expectation. Violated expectations: 'positive'. Input data: '{}'. Output record: '{\"id\":-1}'. Missing input data: true."; !strings.Contains(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	w.want("SELECT * FROM s", "2")
	if got, want := w.quality("s"), "few|main.default.s|1|1 positive|main.default.s|2|0"; got != want {
		t.Errorf("the event log counts %s, want %s", got, want)
	}
	w.want(`SELECT DISTINCT origin.flow_name, details:flow_progress:status FROM event_log(TABLE(s))
		WHERE origin.flow_name LIKE '%.f' AND level = 'ERROR' OR origin.flow_name LIKE '%.g' AND details:flow_progress:status = 'COMPLETED'`,
		"main.default.f|FAILED", "main.default.g|COMPLETED")
}

// TestStreamsOfViewsGrow: a stream of a view takes up the columns that its files
// bring; one that the view lists its columns of cannot.
func TestStreamsOfViewsGrow(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows("CREATE TEMPORARY VIEW good (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION DROP ROW) AS SELECT * FROM STREAM read_files('$IN', format => 'json')")
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM good")
	w.rows("CREATE TEMPORARY VIEW named (a, b) AS SELECT * FROM STREAM read_files('$IN', format => 'json'); CREATE STREAMING TABLE n AS SELECT a FROM STREAM named")
	w.file("2.json", `{"id":2,"k":"a"}`+"\n"+`{"id":-3,"k":"b"}`)
	w.rows("REFRESH STREAMING TABLE s")
	w.want("SELECT id, k FROM s", "1|NULL", "2|a")
	w.fails("REFRESH STREAMING TABLE n", "CREATE_VIEW_COLUMN_ARITY_MISMATCH", "21S01")
	w.want("SELECT a FROM n", "1")
}

// TestStreamsOfViewsUnderCrashes: a batch of a view that dies on its way is made
// again of the same rows.
func TestStreamsOfViewsUnderCrashes(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows("CREATE TEMPORARY VIEW good (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION DROP ROW) AS SELECT id FROM STREAM read_files('$IN', format => 'json', schema => 'id INT');" +
		"CREATE STREAMING TABLE s AS SELECT id FROM STREAM good")
	w.file("2.json", `{"id":2}`+"\n"+`{"id":-3}`)
	w.trial(faulted{}).refreshUnderCrashes(t, 16, "1", "2")
}
