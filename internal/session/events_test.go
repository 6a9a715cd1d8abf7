package session_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/session"
)

// TestAssertion51_Counts: dropped records and the counts of each expectation
// are in the event log; a row that violates several is counted for each and
// dropped once (semantics §12). A batch that fails leaves no counts.
func TestAssertion51_Counts(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1,"v":5}`+"\n"+`{"id":2,"v":-5}`+"\n"+`{"id":3}`+"\n"+`{"v":-1}`)
	w.rows(`CREATE STREAMING TABLE s (
		CONSTRAINT positive EXPECT (v > 0) ON VIOLATION DROP ROW, CONSTRAINT known EXPECT (id IS NOT NULL) ON VIOLATION DROP ROW,
		CONSTRAINT small EXPECT (id < 2), CONSTRAINT sane EXPECT (coalesce(v, 0) < 100) ON VIOLATION FAIL UPDATE
	) AS SELECT id, v FROM STREAM read_files('$IN', format => 'json')`)
	w.want("SELECT * FROM s", "1|5")
	quality := `SELECT details:flow_progress:data_quality:dropped_records, e.name, e.passed_records, e.failed_records
		FROM event_log(TABLE(s)) LATERAL VIEW explode(from_json(details:flow_progress:data_quality:expectations,
			'ARRAY<STRUCT<name STRING, dataset STRING, passed_records BIGINT, failed_records BIGINT>>')) x AS e
		WHERE event_type = 'flow_progress' AND level = 'METRICS'`
	counts := []string{"3|positive|1|3", "3|known|3|1", "3|small|1|3", "3|sane|4|0"}
	w.want(quality, counts...)
	w.file("2.json", `{"id":1,"v":500}`)
	w.fails("REFRESH TABLE s", "EXPECTATION_VIOLATION.VERBOSITY_ALL", "22000")
	w.want(quality, counts...)
	w.want(`SELECT error.exceptions[0].class_name, error.exceptions[0].message LIKE '%{"id":1,"v":500}%' FROM event_log(TABLE(s))
		WHERE event_type = 'flow_progress' AND level = 'ERROR'`, "EXPECTATION_VIOLATION.VERBOSITY_ALL|true")
	w.want(`SELECT details:update_progress:state FROM event_log('main.default.s') WHERE event_type = 'update_progress' ORDER BY sequence`,
		"RUNNING", "COMPLETED", "RUNNING", "FAILED")
}

func TestEventLogOfRefresh(t *testing.T) {
	w := newWorkspace(t)
	w.want("SELECT count(*) FROM event_log('none')", "0")
	for _, name := range []string{"1.json", "2.json", "3.json"} {
		w.file(name, `{"id":1}`)
	}
	w.rows("CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json', maxFilesPerTrigger => 2)")
	w.rows("CREATE STREAMING TABLE other AS SELECT * FROM STREAM read_files('$IN', format => 'json')")
	w.want(`SELECT origin.batch_id, details:flow_progress:metrics:num_output_rows, details:flow_progress:metrics:backlog_files
		FROM event_log(TABLE(s)) WHERE event_type = 'flow_progress' AND origin.batch_id IS NOT NULL`, "0|2|1", "1|1|0")
	w.want(`SELECT origin.batch_id, get_json_object(details:stream_progress:progress_json, '$.numInputRows') FROM event_log(TABLE(s))
		WHERE event_type = 'stream_progress'`, "0|2", "1|1")
	w.want("SELECT DISTINCT event_type FROM event_log('main.default.s')",
		"create_update", "update_progress", "flow_definition", "flow_progress", "stream_progress")
	w.open()
	w.rows("REFRESH TABLE s FULL")
	w.want("SELECT details:create_update:full_refresh, count(*) FROM event_log('main.default.s') WHERE event_type = 'create_update' GROUP BY 1",
		"false|1", "true|1")
	w.fails("SELECT * FROM event_log()", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605")
	w.fails("SELECT * FROM event_log(TABLE(nothing))", "TABLE_OR_VIEW_NOT_FOUND", "42P01")
}

func TestExpectationRefusals(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	for _, c := range []string{
		"CONSTRAINT a EXPECT (id > 0), CONSTRAINT A EXPECT (id > 1)",
		"EXPECT (id > 0)",
		"CONSTRAINT a EXPECT (id IN (SELECT 1))",
		"CONSTRAINT a EXPECT (max(id) > 0)",
		"CONSTRAINT a EXPECT (row_number() OVER (ORDER BY id) > 0)",
	} {
		err := w.fails("CREATE STREAMING TABLE s ("+c+") AS SELECT id FROM STREAM read_files('$IN', format => 'json')", "INVALID_EXPECTATION", "42000")
		if !strings.Contains(err.Error(), "EXPECT (") {
			t.Errorf("got %v, want an error that shows the expectation", err)
		}
	}
}

// TestEventLogIsNoObstacle: a refresh whose events cannot be written has
// loaded its rows all the same, and the program's log says what is missing.
func TestEventLogIsNoObstacle(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	if err := os.WriteFile(filepath.Join(w.root, "ws", "events"), []byte("no directory"), 0o666); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	s, err := session.Open(t.Context(), session.Config{
		Workspace: filepath.Join(w.root, "ws"), Logger: slog.New(slog.NewTextHandler(&said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.s = s
	w.want("CREATE STREAMING TABLE s AS SELECT * FROM STREAM read_files('$IN', format => 'json')", "1|1")
	w.want("SELECT id FROM s", "1")
	if !strings.Contains(said.String(), "events of a refresh are lost") {
		t.Errorf("the program's log has %q, want that events are lost", said.String())
	}
}

// TestRestarts: a flow that begins its batch again, as a schema has grown, tells
// so, and why.
func TestRestarts(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(bronze)
	w.rows("CREATE TABLE src (id INT); CREATE STREAMING TABLE s; CREATE FLOW f AS INSERT INTO s BY NAME SELECT * FROM STREAM read_files('$IN', format => 'json')")
	w.file("2.json", `{"id":2,"k":"a"}`)
	w.rows("REFRESH STREAMING TABLE bronze; REFRESH STREAMING TABLE s; REFRESH STREAMING TABLE s")
	const restarts = "SELECT origin.flow_name, level, details:flow_progress:status, details:flow_progress:cause, message FROM event_log(TABLE(%s)) WHERE details:flow_progress:cause IS NOT NULL"
	for table, flow := range map[string]string{"bronze": "bronze", "s": "f"} {
		w.want(fmt.Sprintf(restarts, table), fmt.Sprintf("main.default.%[1]s|WARN|STARTING|SCHEMA_CHANGE|Flow 'main.default.%[1]s' is RESTARTED: its schema has grown: k STRING.", flow))
	}
	w.want("SELECT * FROM bronze", "1|NULL|NULL", "2|NULL|a")
}
