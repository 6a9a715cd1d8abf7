package session_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// technique returns how the last refresh of a view went about it.
func (w *workspace) technique(view string) string {
	w.t.Helper()
	got := w.rows(`SELECT get_json_object(details, '$.planning_information.technique_information[0].maintenance_type')
		FROM event_log(TABLE(` + view + `)) WHERE event_type = 'planning_information' ORDER BY sequence DESC LIMIT 1`)
	return strings.TrimPrefix(strings.Join(got, ""), "MAINTENANCE_TYPE_")
}

// TestMaterializedViewIsMaintained: whatever happens to a view's tables, after
// a refresh it has the rows that its query gives, by the cheapest way that its
// shape allows.
func TestMaterializedViewIsMaintained(t *testing.T) {
	t.Parallel()
	const insert = "INSERT INTO src VALUES (3, 'b', 30, 0.5), (4, NULL, NULL, NULL)"
	views := map[string]struct{ query, onInsert string }{
		"filtered":  {"SELECT id, upper(k) AS k, v + 1 AS v FROM src WHERE v IS NULL OR v > 5", "APPEND_ONLY"},
		"viewed":    {"SELECT id, v FROM plain WHERE k = 'b'", "APPEND_ONLY"},
		"nested":    {"SELECT id FROM (SELECT id, v FROM src) WHERE v > 5", "APPEND_ONLY"},
		"both":      {"SELECT id FROM src UNION ALL SELECT id FROM other", "APPEND_ONLY"},
		"twice":     {"SELECT id FROM src UNION ALL SELECT v FROM src", "APPEND_ONLY"},
		"counts":    {"SELECT k, count(*) AS n, count(v) AS m, sum(v) AS s, min(v) AS least, max(v) AS most, count_if(v > 5) AS big FROM src GROUP BY k", "GROUP_AGGREGATE"},
		"ordinal":   {"SELECT upper(k) AS u, sum(v) AS s FROM src WHERE v > 5 GROUP BY 1", "GROUP_AGGREGATE"},
		"alias":     {"SELECT upper(k) AS u, sum(CAST(v AS DECIMAL(10, 2))) AS s FROM src GROUP BY u", "GROUP_AGGREGATE"},
		"all":       {"SELECT k, v > 15 AS big, count(*) AS n FROM src GROUP BY ALL", "GROUP_AGGREGATE"},
		"total":     {"SELECT count(*) AS n, max(id) AS last FROM src", "GROUP_AGGREGATE"},
		"shadowed":  {"SELECT upper(k) AS k, count(*) AS n FROM src GROUP BY k", "COMPLETE_RECOMPUTE"},
		"averages":  {"SELECT k, avg(v) AS a FROM src GROUP BY k", "COMPLETE_RECOMPUTE"},
		"floats":    {"SELECT k, sum(x) AS s FROM src GROUP BY k", "COMPLETE_RECOMPUTE"},
		"keyless":   {"SELECT count(*) AS n FROM src GROUP BY k", "COMPLETE_RECOMPUTE"},
		"frequent":  {"SELECT k, count(*) AS n FROM src GROUP BY k HAVING count(*) > 1", "COMPLETE_RECOMPUTE"},
		"distinctk": {"SELECT DISTINCT k FROM src", "COMPLETE_RECOMPUTE"},
		"joined":    {"SELECT s.id, o.id AS other FROM src s JOIN other o ON o.id = s.id", "COMPLETE_RECOMPUTE"},
		"windowed":  {"SELECT id, row_number() OVER (ORDER BY id) AS n FROM src", "COMPLETE_RECOMPUTE"},
		"subquery":  {"SELECT id FROM src WHERE id IN (SELECT id FROM other)", "COMPLETE_RECOMPUTE"},
		"limited":   {"SELECT max(id) AS id FROM (SELECT id FROM src ORDER BY id LIMIT 2)", "COMPLETE_RECOMPUTE"},
	}
	w := newWorkspace(t)
	w.rows(`CREATE TABLE src (id INT, k STRING, v INT, x DOUBLE); CREATE TABLE other (id INT); INSERT INTO other VALUES (1), (4);
		INSERT INTO src VALUES (1, 'a', 10, 1.5), (2, 'b', 20, 2.5); CREATE VIEW plain AS SELECT * FROM src`)
	check := func(after string) {
		t.Helper()
		for name, v := range views {
			if got, want := fmt.Sprint(sorted(w.rows("SELECT * FROM "+name))), fmt.Sprint(sorted(w.rows(v.query))); got != want {
				t.Errorf("%s after %s:\ngot  %s\nwant %s", name, after, got, want)
			}
		}
	}
	for name, v := range views {
		w.rows("CREATE MATERIALIZED VIEW " + name + " AS " + v.query)
	}
	check("CREATE")
	for _, step := range []struct{ text, technique string }{
		{"SELECT 1", "NO_OP"},
		{insert, ""},
		{"INSERT INTO src VALUES (5, 'a', 7, 0.25)", ""},
		{"DELETE FROM src WHERE id = 1", "COMPLETE_RECOMPUTE"},
		{"OPTIMIZE src", "COMPLETE_RECOMPUTE"},
		{"ALTER TABLE src ADD COLUMN y INT", "COMPLETE_RECOMPUTE"},
		{"CREATE OR REPLACE TABLE src AS SELECT 9 AS id, 'z' AS k, 9 AS v, 9.5D AS x", "COMPLETE_RECOMPUTE"},
	} {
		w.rows(step.text)
		for name, v := range views {
			w.rows("REFRESH MATERIALIZED VIEW " + name)
			want := step.technique
			if want == "" {
				want = v.onInsert
			}
			if got := w.technique(name); got != want {
				t.Errorf("%s after %s is refreshed by %s, want %s", name, step.text, got, want)
			}
		}
		check(step.text)
	}
}

func sorted(rows []string) []string {
	slices.Sort(rows)
	return rows
}

// TestMaterializedViewChanges: a view is one commit a refresh, none when
// nothing has changed, and follows its definition.
func TestMaterializedViewChanges(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1)")
	versions := "SELECT version, operation FROM (DESCRIBE HISTORY mv)"
	w.want("CREATE MATERIALIZED VIEW mv COMMENT 'first' AS SELECT id FROM src", "1|1")
	w.want("REFRESH MATERIALIZED VIEW mv", "0|0")
	w.want(versions, "0|REFRESH MATERIALIZED VIEW")
	w.rows("CREATE OR REPLACE MATERIALIZED VIEW mv PARTITIONED BY (k) AS SELECT id, id % 2 AS k FROM src")
	w.want("SELECT * FROM mv", "1|1")
	w.want("REFRESH TABLE mv FULL", "1|1")
	w.want("SELECT count(*) FROM (DESCRIBE HISTORY mv)", "3")
	// Changes of others are undone.
	w.rows("TRUNCATE TABLE " + w.beneath("mv") + "; REFRESH MATERIALIZED VIEW mv")
	w.want("SELECT * FROM mv", "1|1")
	// What depends on the time is computed every time.
	w.rows("CREATE OR REFRESH MATERIALIZED VIEW mv AS SELECT id, current_timestamp() AS at FROM src")
	w.want("REFRESH MATERIALIZED VIEW mv", "1|1")
	w.file("1.json", `{"id":7}`)
	w.rows("CREATE OR REFRESH MATERIALIZED VIEW mv AS SELECT id FROM read_files('$IN', format => 'json')")
	w.file("2.json", `{"id":8}`)
	w.want("REFRESH MATERIALIZED VIEW mv; SELECT id FROM mv", "7", "8")
	w.rows("CREATE OR REPLACE MATERIALIZED VIEW mv (n STRING COMMENT 'as text') AS SELECT count(*) FROM src")
	w.want("SELECT * FROM mv; DESCRIBE mv", "n|string|as text")
	w.rows("DROP MATERIALIZED VIEW mv")
	w.want("SHOW TABLES", "default|src|false")
	w.rows("DROP MATERIALIZED VIEW IF EXISTS mv")
}

func TestMaterializedViewRefusals(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); CREATE MATERIALIZED VIEW mv AS SELECT * FROM src; CREATE VIEW v AS SELECT 1 AS a")
	for _, c := range []struct{ text, class, state string }{
		{"CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a", "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"},
		{"CREATE OR REPLACE MATERIALIZED VIEW src AS SELECT 1 AS a", "EXPECT_MATERIALIZED_VIEW", "42809"},
		{"CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT 1 AS a", "EXPECT_MATERIALIZED_VIEW", "42809"},
		{"CREATE OR REPLACE MATERIALIZED VIEW mv AS SELECT * FROM mv", "RECURSIVE_VIEW", "42K0H"},
		{"CREATE MATERIALIZED VIEW m2 AS SELECT * FROM STREAM src", "MATERIALIZED_VIEW_QUERY_INVALID", "42000"},
		{"CREATE MATERIALIZED VIEW m2 AS SELECT nothing FROM src", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703"},
		{"CREATE MATERIALIZED VIEW m2 (a INT, b INT) AS SELECT 1", "MATERIALIZED_VIEW_COLUMN_ARITY_MISMATCH", "21S01"},
		{"CREATE MATERIALIZED VIEW m2 SCHEDULE EVERY 99 HOURS AS SELECT 1 AS a", "INVALID_SCHEDULE", "42000"},
		{"INSERT INTO mv VALUES (1)", "MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.MV_NOT_WRITABLE", "56038"},
		{"DELETE FROM mv", "MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.MV_NOT_WRITABLE", "56038"},
		{"REFRESH MATERIALIZED VIEW src", "EXPECT_MATERIALIZED_VIEW", "42809"},
		{"REFRESH STREAMING TABLE mv", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601"},
		{"DROP TABLE mv", "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809"},
		{"DROP MATERIALIZED VIEW src", "EXPECT_MATERIALIZED_VIEW", "42809"},
		{"ALTER STREAMING TABLE mv DROP SCHEDULE", "WRONG_COMMAND_FOR_OBJECT_TYPE", "42809"},
	} {
		w.fails(c.text, c.class, c.state)
	}
	w.want("SHOW TABLES LIKE 'm2'")
}

// TestAssertion51_MaterializedView: expectations of views are those of
// streaming tables.
func TestAssertion51_MaterializedView(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT, v INT); INSERT INTO src VALUES (1, 5), (2, -5), (3, NULL)")
	w.want(`CREATE MATERIALIZED VIEW mv (CONSTRAINT positive EXPECT (v > 0) ON VIOLATION DROP ROW, CONSTRAINT sane EXPECT (id < 100) ON VIOLATION FAIL UPDATE)
		AS SELECT id, v FROM src`, "1|1")
	w.want("SELECT * FROM mv", "1|5")
	w.rows("INSERT INTO src VALUES (4, 1), (5, -1); REFRESH MATERIALIZED VIEW mv")
	w.want("SELECT * FROM mv", "1|5", "4|1")
	w.want(`SELECT details:flow_progress:data_quality:dropped_records FROM event_log(TABLE(mv)) WHERE level = 'METRICS'`, "2", "1")
	w.rows("INSERT INTO src VALUES (500, 1)")
	w.fails("REFRESH MATERIALIZED VIEW mv", "EXPECTATION_VIOLATION.VERBOSITY_ALL", "22000")
	w.want("SELECT * FROM mv", "1|5", "4|1")
	w.want("SELECT max(version) FROM (DESCRIBE HISTORY mv)", "1")
}

// TestSchedules: a schedule is part of a definition, and changes alone.
func TestSchedules(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows("CREATE STREAMING TABLE s SCHEDULE EVERY 1 HOUR AS SELECT * FROM STREAM read_files('$IN', format => 'json')")
	shown := "SELECT data_type FROM (DESCRIBE EXTENDED s) WHERE col_name IN ('Refresh Schedule', 'Type')"
	w.want(shown, "SCHEDULE EVERY 1 HOUR", "STREAMING_TABLE")
	w.fails("ALTER STREAMING TABLE s ADD SCHEDULE EVERY 2 HOURS", "SCHEDULE_ALREADY_EXISTS", "42710")
	w.rows("ALTER STREAMING TABLE s ALTER SCHEDULE CRON '0 0 6 * * ?' AT TIME ZONE 'Europe/Berlin'")
	w.want(shown, "SCHEDULE CRON '0 0 6 * * ?' AT TIME ZONE 'Europe/Berlin'", "STREAMING_TABLE")
	w.want("REFRESH TABLE s", "0|0")
	w.rows("ALTER STREAMING TABLE s DROP SCHEDULE")
	w.want(shown, "MANUAL", "STREAMING_TABLE")
	w.fails("ALTER STREAMING TABLE s DROP SCHEDULE", "SCHEDULE_NOT_FOUND", "42704")
	w.fails("ALTER STREAMING TABLE s ADD SCHEDULE CRON 'never'", "INVALID_SCHEDULE", "42000")
	w.rows("ALTER STREAMING TABLE s ADD TRIGGER ON UPDATE AT MOST EVERY INTERVAL 5 MINUTES")
	w.want(shown, "TRIGGER ON UPDATE AT MOST EVERY INTERVAL 5 MINUTE", "STREAMING_TABLE")
}

// TestMaterializedViewReasons: the event log says why a view was computed anew,
// for each reason that the documentation names.
func TestMaterializedViewReasons(t *testing.T) {
	const insert = "INSERT INTO src VALUES (7, 'c', 1.5)"
	for _, c := range []struct{ query, change, why string }{
		{"SELECT id FROM src", "", "The view is new."},
		{"SELECT id FROM src", "REFRESH MATERIALIZED VIEW mv FULL", "A full refresh was asked for."},
		{"SELECT s.id FROM src s JOIN other o ON o.id = s.id", insert, "The query joins"},
		{"SELECT id, row_number() OVER (ORDER BY id) AS n FROM src", insert, "The query has window functions"},
		{"SELECT DISTINCT k FROM src", insert, "The query is DISTINCT"},
		{"SELECT id FROM src WHERE id IN (SELECT id FROM other)", insert, "The query has subqueries"},
		{"SELECT k, avg(id) AS a FROM src GROUP BY k", insert, "avg(id) is neither a key nor a count, sum, min or max"},
		{"SELECT k, sum(x) AS a FROM src GROUP BY k", insert, "sums of floating point numbers depend on the order of rows"},
		{"SELECT count(*) AS n FROM src GROUP BY k", insert, "the key k is not among its columns"},
		{"SELECT id FROM src ORDER BY id LIMIT 2", insert, "The query orders or limits its rows"},
		{"SELECT id, current_timestamp() AS at FROM src", "", "which gives another value each time"},
		{"SELECT id FROM src", "DELETE FROM src WHERE id = 1", "has had rows changed, or files rewritten"},
		{"SELECT id FROM src", "OPTIMIZE src", "has had rows changed, or files rewritten"},
		{"SELECT id FROM src", "ALTER TABLE src ADD COLUMN y INT", "have changed"},
		{"SELECT id FROM src", "CREATE OR REPLACE TABLE src AS SELECT 9 AS id", "is another table than before"},
		{"SELECT id FROM src", "CREATE OR REFRESH MATERIALIZED VIEW mv AS SELECT id + 1 AS id FROM src", "The definition has changed."},
		{"SELECT id FROM src", "TRUNCATE TABLE $MV", "The table was changed by something else than a refresh."},
	} {
		w := newWorkspace(t)
		w.rows("CREATE TABLE src (id INT, k STRING, x DOUBLE); INSERT INTO src VALUES (1, 'a', 0.5); INSERT INTO src VALUES (2, 'b', 0.5); CREATE TABLE other (id INT)")
		w.rows("CREATE MATERIALIZED VIEW mv AS " + c.query)
		if c.change != "" {
			w.rows(strings.ReplaceAll(c.change, "$MV", w.beneath("mv")))
		}
		if !strings.Contains(c.why, "is new") && !strings.Contains(c.change, "MATERIALIZED VIEW") {
			w.rows("REFRESH MATERIALIZED VIEW mv")
		}
		got := strings.Join(w.rows(`SELECT details:planning_information:technique_information[0]:cost_or_rule FROM event_log(TABLE(mv))
			WHERE event_type = 'planning_information' ORDER BY sequence DESC LIMIT 1`), "")
		if technique := w.technique("mv"); technique != "COMPLETE_RECOMPUTE" || !strings.Contains(got, c.why) {
			t.Errorf("%s after %q is a %s: %s\nwant %s", c.query, c.change, technique, got, c.why)
		}
	}
}
