package session_test

import (
	"strings"
	"testing"
)

// TestRepairRescuedData: values that a wider or a new column can hold go
// there, in one commit; the others stay, with the path.
func TestRepairRescuedData(t *testing.T) {
	for _, vectors := range []string{"false", "true"} {
		w := newWorkspace(t)
		w.file("1.json", `{"id":1,"v":1}
{"id":2,"v":"x","note":"new"}
{"id":3,"v":3000000000,"note":7,"other":{"a":[1, 2]}}
{"ID":4,"v":4}`)
		w.rows("CREATE STREAMING TABLE t AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT, v INT', rescuedDataColumn => '_rescued_data')")
		w.rows("ALTER TABLE t SET TBLPROPERTIES ('delta.enableDeletionVectors' = '" + vectors + "', 'delta.enableTypeWidening' = 'true')")
		const all = "SELECT id, v, note, replace(_rescued_data, 'file://$IN', '') FROM t"
		path := `"_file_path":"/1.json"}`
		w.want("REPAIR TABLE t RESCUED DATA", "0|0|6") // nothing can hold them yet
		w.rows("ALTER TABLE t ADD COLUMN note STRING; ALTER TABLE t ALTER COLUMN v TYPE BIGINT")
		before := w.version("t")
		w.want("REPAIR TABLE t RESCUED DATA DRY RUN", "2|3|3")
		if w.version("t") != before {
			t.Error("a dry run has changed the table")
		}
		w.want("REPAIR TABLE t RESCUED DATA COLUMNS (v)", "1|1|5")
		w.want("REPAIR TABLE t RESCUED DATA", "2|2|3")
		w.want(all, "1|1|NULL|NULL",
			"2|NULL|new|"+`{"v":"x",`+path,
			"3|3000000000|7|"+`{"other":{"a":[1, 2]},`+path,
			"NULL|4|NULL|"+`{"ID":4,`+path)
		w.want("REPAIR TABLE t RESCUED DATA", "0|0|3")
		if got := w.rows("SELECT operation FROM (DESCRIBE HISTORY t) LIMIT 1"); got[0] != "REPAIR RESCUED DATA" {
			t.Errorf("history says %q", got)
		}
		w.want("REPAIR TABLE t RESCUED DATA OPTIONS ('readerCaseSensitive' = 'false')", "1|1|2")
		w.rows("ALTER TABLE t ADD COLUMN other STRUCT<a: ARRAY<INT>>")
		w.want("REPAIR TABLE t RESCUED DATA; SELECT id, to_json(other) FROM t", `1|NULL`, `2|NULL`, `3|{"a":[1,2]}`, `4|NULL`)
		w.want("SELECT count(*) FROM t WHERE _rescued_data IS NOT NULL", "1")
	}
}

// TestRepairKeepsWhatAColumnWasSetTo: a value that came to the column since is
// not overwritten.
func TestRepairKeepsWhatAColumnWasSetTo(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.csv", "id,price\n1,$100\n2,$200\n")
	w.rows("CREATE TABLE t AS SELECT * FROM read_files('$IN', format => 'csv', header => true, schema => 'id INT, price INT', rescuedDataColumn => '_rescued_data')")
	w.rows("ALTER TABLE t SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); ALTER TABLE t DROP COLUMN price; ALTER TABLE t ADD COLUMN price STRING")
	w.rows("UPDATE t SET price = '100 dollars' WHERE id = 1")
	w.want("REPAIR TABLE t RESCUED DATA", "1|1|1")
	w.want("SELECT id, price, _rescued_data IS NULL FROM t", "1|100 dollars|false", "2|$200|true")
}

// TestRepairReportsWhatItCannotDo.
func TestRepairReportsWhatItCannotDo(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id INT)")
	w.fails("REPAIR TABLE t RESCUED DATA", "RESCUED_DATA_COLUMN_NOT_FOUND", "42703")
	w.rows("ALTER TABLE t ADD COLUMN _rescued_data STRING")
	w.want("REPAIR TABLE t RESCUED DATA", "0|0|0")
	w.rows(`INSERT INTO t VALUES (1, 'no json'), (2, '{"id":5}'), (NULL, '{"id":6}'), (NULL, NULL)`)
	w.fails("REPAIR TABLE t RESCUED DATA", "RESCUED_DATA_FORMAT_UNKNOWN", "42000")
	w.fails("REPAIR TABLE t RESCUED DATA OPTIONS ('format' = 'text')", "RESCUED_DATA_FORMAT_UNKNOWN", "42000")
	w.fails("REPAIR TABLE t RESCUED DATA COLUMNS (nope)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703")
	w.want("REPAIR TABLE t RESCUED DATA OPTIONS ('format' = 'json')", "1|1|2")
	w.want("SELECT * FROM t", "1|no json", `2|{"id":5}`, "6|NULL", "NULL|NULL")
	err := w.fails("REPAIR TABLE t", "UNSUPPORTED_STATEMENT", "0A000")
	if !strings.Contains(err.Error(), "REPAIR TABLE") {
		t.Errorf("got %v", err)
	}
}
