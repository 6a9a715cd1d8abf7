package session_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
)

// answer is what Spark said to a case of testdata/dml.txt; see dml.py there.
type answer struct {
	Result     map[string]int64
	Error      string
	Columns    []string
	Rows       [][]string
	Operation  string
	Parameters map[string]string
	Metrics    map[string]string
	Changes    [][]string // of the statement, when the table has a change data feed
}

// dmlCases returns the cases by name, each with its statements.
func dmlCases(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/dml.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]string{}
	for _, part := range strings.Split(string(text), "\n== ")[1:] {
		name, body, _ := strings.Cut(part, "\n")
		for statement := range strings.SplitSeq(body, ";\n") {
			if statement = strings.TrimSpace(statement); statement != "" {
				cases[name] = append(cases[name], statement)
			}
		}
	}
	return cases
}

// deviations are the cases that freshet answers otherwise than Spark, and why.
var deviations = map[string]answer{
	// As on Databricks from 15.4 on, a row of the source that no WHEN MATCHED
	// clause takes makes nothing ambiguous (semantics §14.2).
	"merge of ambiguous rows, one of which a condition leaves": {
		Result:  map[string]int64{"num_affected_rows": 1, "num_updated_rows": 1, "num_deleted_rows": 0, "num_inserted_rows": 0},
		Columns: []string{"id int", "v string"}, Rows: [][]string{{"1", "B"}}, Operation: "MERGE",
	},
	"merge of ambiguous rows, all of which a condition leaves out": {
		Result:  map[string]int64{"num_affected_rows": 0, "num_updated_rows": 0, "num_deleted_rows": 0, "num_inserted_rows": 0},
		Columns: []string{"id int", "v string"}, Rows: [][]string{{"1", "a"}},
	},
	// As on Databricks, conditions may have subqueries; Delta for Spark refuses them.
	"delete with a subquery": {
		Result: map[string]int64{"num_affected_rows": 1}, Columns: []string{"id int"}, Rows: [][]string{{"1"}, {"3"}}, Operation: "DELETE",
	},
	"delete with a correlated subquery and an alias": {
		Result: map[string]int64{"num_affected_rows": 1}, Columns: []string{"id int", "v int"}, Rows: [][]string{{"1", "1"}, {"3", "3"}}, Operation: "DELETE",
	},
	"update where a subquery says": {
		Result: map[string]int64{"num_affected_rows": 1}, Columns: []string{"id int", "v int"}, Rows: [][]string{{"1", "0"}, {"2", "1"}}, Operation: "UPDATE",
	},
	"delete where a subquery gives null": {
		Result: map[string]int64{"num_affected_rows": 0}, Columns: []string{"id int"}, Rows: [][]string{{"1"}, {"2"}},
	},
	// The engine tells of the cast that overflows, not of the column it is for.
	"update overflows": {Error: "CAST_OVERFLOW", Columns: []string{"id int", "v tinyint"}, Rows: [][]string{{"1", "2"}}},
	// Spark's planner fails with an internal error; this is what Delta documents.
	"merge with default values": {
		Result:  map[string]int64{"num_affected_rows": 3, "num_updated_rows": 1, "num_deleted_rows": 0, "num_inserted_rows": 2},
		Columns: []string{"id int", "v int"}, Rows: [][]string{{"1", "42"}, {"2", "42"}, {"3", "42"}}, Operation: "MERGE",
	},
}

// classes are those of errors that Spark gives no class of their own: its
// planner fails with an internal error, or the task that writes is what failed.
var classes = map[string]string{
	"merge assignment of a column that is nowhere":  "UNRESOLVED_COLUMN.WITH_SUGGESTION",
	"merge inserts of a source that lacks a column": "DELTA_MERGE_UNRESOLVED_EXPRESSION",
	"merge names a column of the source as target":  "UNRESOLVED_COLUMN.WITH_SUGGESTION",
	"merge of a source that lacks a column":         "DELTA_MERGE_UNRESOLVED_EXPRESSION",
	"merge overflows":                               "CAST_OVERFLOW",
	"merge refers to the source by source":          "DELTA_MERGE_UNRESOLVED_EXPRESSION",
	"merge refers to the target in an insert":       "UNRESOLVED_COLUMN.WITH_SUGGESTION",
}

func TestStatementsThatChangeRowsAsSpark(t *testing.T) {
	t.Parallel()
	var answers map[string]answer
	text, err := os.ReadFile("testdata/dml.answers.json")
	if err == nil {
		err = json.Unmarshal(text, &answers)
	}
	if err != nil {
		t.Fatal(err)
	}
	cases := dmlCases(t)
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			want, ok := answers[name]
			if !ok {
				t.Fatal("Spark has not been asked; run testdata/dml.py")
			}
			if other, ok := deviations[name]; ok {
				want = other
			}
			if class, ok := classes[name]; ok && (want.Error == "INTERNAL_ERROR" || want.Error == "TASK_WRITE_FAILED") {
				want.Error = class
			}
			w := newWorkspace(t)
			statements := cases[name]
			for _, s := range statements[:len(statements)-1] {
				w.run(s)
			}
			before := w.rows("DESCRIBE HISTORY t LIMIT 1")
			rows, err := w.try(statements[len(statements)-1])
			checkOutcome(t, rows, err, want)
			w.checkTable(want, before)
		})
	}
}

// resultColumns has the columns of the results in their order.
var resultColumns = []string{"num_affected_rows", "num_updated_rows", "num_deleted_rows", "num_inserted_rows"}

func checkOutcome(t *testing.T, rows []string, err error, want answer) {
	t.Helper()
	class := ""
	if known, ok := errors.AsType[errclass.Classified](err); ok {
		class = known.ErrorClass()
	}
	if class != want.Error || (err != nil) != (want.Error != "") {
		t.Errorf("error %q (%v), want %q", class, err, want.Error)
	}
	if err != nil || want.Error != "" {
		return
	}
	var cells []string
	for _, c := range resultColumns {
		if n, ok := want.Result[c]; ok {
			text, _ := json.Marshal(n)
			cells = append(cells, string(text))
		}
	}
	if got := strings.Join(rows, "\n"); got != strings.Join(cells, "|") {
		t.Errorf("result %q, want %q", got, cells)
	}
}

func joined(rows [][]string) []string {
	var texts []string
	for _, r := range rows {
		texts = append(texts, strings.Join(r, "|"))
	}
	return texts
}

// checkTable compares the rows, the changes and the history of table t with the answer.
func (w *workspace) checkTable(want answer, before []string) {
	w.t.Helper()
	w.want("SELECT * FROM t", joined(want.Rows)...)
	if want.Changes != nil {
		w.want("SELECT * EXCEPT (_commit_version, _commit_timestamp) FROM table_changes('t', "+w.version("t")+")", joined(want.Changes)...)
	}
	after := w.rows("DESCRIBE HISTORY t LIMIT 1")
	if committed := !slices.Equal(before, after); committed != (want.Operation != "") {
		w.t.Errorf("committed: %v, want %q", committed, want.Operation)
	}
	if want.Operation != "UPDATE" && want.Operation != "DELETE" {
		return
	}
	got := strings.Join(after, "\n")
	for _, name := range countedMetrics {
		if n, ok := want.Metrics[name]; ok && !strings.Contains(got, `{"key":"`+name+`","value":"`+n+`"}`) {
			w.t.Errorf("metric %s is not %s: %s", name, n, got)
		}
	}
}

// countedMetrics are the metrics of a history that do not depend on the sizes
// of files or on time.
var countedMetrics = []string{
	"numRemovedFiles", "numAddedFiles", "numUpdatedRows", "numDeletedRows", "numCopiedRows",
	"numDeletionVectorsAdded", "numDeletionVectorsRemoved", "numDeletionVectorsUpdated",
}

// TestNullForEveryType: NULL, which has no type, is a value of each column.
func TestNullForEveryType(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id INT, s STRUCT<a: INT>, l ARRAY<STRING>, m MAP<STRING, INT>, b BINARY, d DATE, v VARIANT)")
	w.rows("INSERT INTO t VALUES (1, named_struct('a', 1), array('x'), map('k', 1), X'00', DATE'2024-01-01', parse_json('1'))")
	w.rows("MERGE INTO t USING (SELECT 2 AS id) x ON t.id = x.id WHEN NOT MATCHED THEN INSERT (id, s, l, m, b, d, v) VALUES (2, NULL, NULL, NULL, NULL, NULL, NULL)")
	w.rows("UPDATE t SET s = NULL, l = NULL, m = NULL, b = NULL, d = NULL, v = NULL WHERE id = 1")
	w.want("SELECT id, s IS NULL, l IS NULL, m IS NULL, b IS NULL, d IS NULL, v IS NULL FROM t",
		"1|true|true|true|true|true|true", "2|true|true|true|true|true|true")
}
