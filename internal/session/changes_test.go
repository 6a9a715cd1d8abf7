package session_test

import (
	"fmt"
	"testing"
)

// The change data feed as SQL reads it, of tables with deletion vectors and
// without.
func TestTableChanges(t *testing.T) {
	for _, vectors := range []string{"true", "false"} {
		t.Run("vectors "+vectors, func(t *testing.T) {
			w := newWorkspace(t)
			w.run("CREATE TABLE t (id INT, v STRING) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'delta.enableDeletionVectors' = '" + vectors + "');" +
				"INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');" +
				"UPDATE t SET v = 'B' WHERE id = 2;" +
				"DELETE FROM t WHERE id = 1;" +
				"MERGE INTO t USING (SELECT 3 AS id, 'C' AS v UNION ALL SELECT 4, 'D') s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
			inserted := []string{"1|a|insert|1", "2|b|insert|1", "3|c|insert|1"}
			updated := []string{"2|b|update_preimage|2", "2|B|update_postimage|2"}
			deleted := []string{"1|a|delete|3"}
			merged := []string{"3|c|update_preimage|4", "3|C|update_postimage|4", "4|D|insert|4"}
			all := append(append(append(append([]string{}, inserted...), updated...), deleted...), merged...)
			const columns = "SELECT id, v, _change_type, _commit_version FROM "
			w.want(columns+"table_changes('t', 0)", all...)
			w.want(columns+"table_changes(t, 1 + 1, 3)", "2|b|update_preimage|2", "2|B|update_postimage|2", "1|a|delete|3")
			w.want(columns+"table_changes('default.t', 4) AS c WHERE c._change_type <> 'insert'", merged[:2]...)
			w.want("SELECT count(*) FROM table_changes('t', 0)", "9")
			w.want("SELECT c._commit_timestamp IS NOT NULL, v FROM table_changes('t', 3) AS c WHERE _commit_version = 3", "true|a")
			at := w.rows("SELECT timestamp FROM (DESCRIBE HISTORY t) WHERE version = 3")[0]
			w.want(columns+fmt.Sprintf("table_changes('t', '%s')", at), append(append([]string{}, deleted...), merged...)...)
			w.want(columns+fmt.Sprintf("table_changes('t', 2, TIMESTAMP'%s')", at), "2|b|update_preimage|2", "2|B|update_postimage|2", "1|a|delete|3")
		})
	}
}

func TestTableChangesRefused(t *testing.T) {
	w := newWorkspace(t)
	w.run("CREATE TABLE t (id INT) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true'); CREATE TABLE plain (id INT)")
	for text, want := range map[string][2]string{
		"table_changes('t')":              {"WRONG_NUM_ARGS", "42605"},
		"table_changes('t', 0, 1, 2)":     {"WRONG_NUM_ARGS", "42605"},
		"table_changes(1 + 1, 0)":         {"DELTA_UNSUPPORTED_EXPRESSION", "0A000"},
		"table_changes('none', 0)":        {"TABLE_OR_VIEW_NOT_FOUND", "42P01"},
		"table_changes('plain', 0)":       {"DELTA_MISSING_CHANGE_DATA", "KD002"},
		"table_changes('t', 7)":           {"DELTA_CDC_START_VERSION_AFTER_LATEST", "22003"},
		"table_changes('t', 'yesterdax')": {"INVALID_TIME_TRAVEL_TIMESTAMP_EXPR.INPUT", "42K0E"},
	} {
		_ = w.fails("SELECT * FROM "+text, want[0], want[1])
	}
}
