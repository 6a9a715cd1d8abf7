package session_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// TestRepairOfEachKind: what each way of being rescued comes to when the table
// can hold it equals a load that could from the start.
func TestRepairOfEachKind(t *testing.T) {
	t.Parallel()
	const replace = "ALTER TABLE n SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); ALTER TABLE n DROP COLUMN q; ALTER TABLE n ADD COLUMN q "
	for name, c := range map[string]struct {
		file, text        string
		narrow, wide, fix string
		options           string // of read_files
		repair            string // OPTIONS of REPAIR
		want              string // result of REPAIR
	}{
		"object in a scalar":      {"1.json", `{"q":{"units":2}}`, "q INT", "q STRUCT<units: INT>", replace + "STRUCT<units: INT>", "", "", "1|1|0"},
		"object in a scalar text": {"1.json", `{"q":{ "units": 2}}`, "q INT", "q STRING", replace + "STRING", "", "", "1|1|0"},
		"part of an array": {
			"1.json", `{"a":[{"x":1},{"x":3000000000,"y":1}]}`, "a ARRAY<STRUCT<x: INT, y: INT>>", "a ARRAY<STRUCT<x: BIGINT, y: INT>>",
			"ALTER TABLE n ALTER COLUMN a.element.x TYPE BIGINT", "", "", "1|1|0",
		},
		"a field of a struct": {
			"1.json", `{"s":{"x":1,"y":{"z":"new","w":true}}}`, "s STRUCT<x: INT, y: STRUCT<w: BOOLEAN>>", "s STRUCT<x: INT, y: STRUCT<w: BOOLEAN, z: STRING>>",
			"ALTER TABLE n ADD COLUMN s.y.z STRING", "", "", "1|1|0",
		},
		"a struct of which part fits": {
			"1.json", `{"id":1,"s":{"x":1,"y":"no","z":2}}`, "id INT", "id INT, s STRUCT<x: INT, y: INT>", "ALTER TABLE n ADD COLUMN s STRUCT<x: INT, y: INT>", "", "", "1|1|2",
		},
		"structs in an array in a struct": {
			"1.json", `{"s":{"t":{"a":[{"x":1},{"x":2,"y":{"z":3}}]}}}`, "s STRUCT<t: STRUCT<a: ARRAY<STRUCT<x: INT>>>>", "s STRUCT<t: STRUCT<a: ARRAY<STRUCT<x: INT, y: STRUCT<z: INT>>>>>",
			"ALTER TABLE n ADD COLUMN s.t.a.element.y STRUCT<z: INT>", "", "", "1|1|0",
		},
		"structs in a map": {
			"1.json", `{"m":{"k":{"x":1,"y":2},"l":{"x":3}}}`, "m MAP<STRING, STRUCT<x: INT>>", "m MAP<STRING, STRUCT<x: INT, y: INT>>",
			"ALTER TABLE n ADD COLUMN m.value.y INT", "", "", "1|1|0",
		},
		"a struct in a struct of a struct": {
			"1.json", `{"s":{"t":{"u":{"v":3000000000,"w":"x"}}}}`, "s STRUCT<t: STRUCT<u: STRUCT<v: INT>>>", "s STRUCT<t: STRUCT<u: STRUCT<v: BIGINT, w: STRING>>>",
			"ALTER TABLE n ALTER COLUMN s.t.u.v TYPE BIGINT; ALTER TABLE n ADD COLUMN s.t.u.w STRING", "", "", "1|2|0",
		},
		"a map":               {"1.json", `{"id":1,"m":{"k":1,"l":null}}`, "id INT", "id INT, m MAP<STRING, INT>", "ALTER TABLE n ADD COLUMN m MAP<STRING, INT>", "", "", "1|1|0"},
		"digits of a decimal": {"1.json", `{"id":1,"d":1.10}`, "id INT", "id INT, d DECIMAL(10,2)", "ALTER TABLE n ADD COLUMN d DECIMAL(10,2)", "", "", "1|1|0"},
		"a malformed record":  {"1.json", `{"id":`, "id INT", "id INT, _corrupt_record STRING", "ALTER TABLE n ADD COLUMN _corrupt_record STRING", "", "", "1|1|0"},
		"not standard JSON":   {"1.json", `{'id':1,'new':'its'}` + "\n" + `{'id':2,'new':NaN}`, "id INT", "id INT, new STRING", "ALTER TABLE n ADD COLUMN new STRING", "", "", "2|2|0"},
		"another name in case": {
			"1.json", `{"ID":5}`, "id INT", "id INT", "", ", readerCaseSensitive => false", "'readerCaseSensitive' = 'false'", "1|1|0",
		},
		"fields of CSV without names": {"1.csv", "1,2,x\n3\n", "a INT, b INT", "a INT, b INT, c STRING", "ALTER TABLE n ADD COLUMN c STRING", "", "'header' = 'false'", "1|1|0"},
		"dates of a format":           {"1.csv", "a,d\n1,31/12/2024\n2,2024-12-31\n", "a INT", "a INT, d DATE", "ALTER TABLE n ADD COLUMN d DATE", ", header => true, dateFormat => 'dd/MM/yyyy'", "'dateFormat' = 'dd/MM/yyyy'", "1|1|1"},
		"text of CSV with all in it": {
			"1.csv", "a;t\n1;\"say \"\"x\"\",\n two; {}\"\n2;\" \"\n", "a INT", "a INT, t STRING", "ALTER TABLE n ADD COLUMN t STRING", ", header => true, multiLine => true, sep => ';', escape => '\"'", "", "2|2|0",
		},
		"a zone": {"1.csv", "a,t\n1,2024-07-01 12:00:00\n", "a INT", "a INT, t TIMESTAMP", "ALTER TABLE n ADD COLUMN t TIMESTAMP", ", header => true, timeZone => 'Europe/Berlin'", "'timeZone' = 'Europe/Berlin'", "1|1|0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkspace(t)
			w.file(c.file, c.text)
			for table, columns := range map[string]string{"n": c.narrow, "wide": c.wide} {
				options := c.options
				if table == "n" && name == "another name in case" {
					options = ""
				}
				w.rows("CREATE TABLE " + table + " TBLPROPERTIES ('delta.enableTypeWidening' = 'true') AS SELECT * FROM read_files('$IN', schema => '" + columns + "', rescuedDataColumn => '_rescued_data'" + options + ")")
			}
			if c.fix != "" {
				w.rows(c.fix)
			}
			options := ""
			if c.repair != "" {
				options = " OPTIONS (" + c.repair + ")"
			}
			w.want("REPAIR TABLE n RESCUED DATA"+options, c.want)
			columns := w.rows("DESCRIBE QUERY SELECT * FROM wide")
			for i, row := range columns {
				columns[i], _, _ = strings.Cut(row, "|")
			}
			query := "SELECT " + strings.Join(columns, ", ") + " FROM "
			w.want(query+"n", w.rows(query+"wide")...)
		})
	}
}

// TestRepairObeysTheTable: generated columns follow, and a row that a rule
// forbids fails the statement and leaves the table as it was.
func TestRepairObeysTheTable(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id INT, v INT, twice INT GENERATED ALWAYS AS (v * 2), _rescued_data STRING, CONSTRAINT small CHECK (v IS NULL OR v < 100))")
	w.rows(`INSERT INTO t (id, v, _rescued_data) VALUES (1, NULL, '{"v":21,"twice":7,"_file_path":"a.json"}')`)
	w.want("REPAIR TABLE t RESCUED DATA; SELECT * FROM t", `1|21|42|{"twice":7,"_file_path":"a.json"}`)
	w.rows(`INSERT INTO t (id, v, _rescued_data) VALUES (2, NULL, '{"v":100,"_file_path":"a.json"}')`)
	before := w.version("t")
	w.fails("REPAIR TABLE t RESCUED DATA", "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "23001")
	if w.version("t") != before {
		t.Error("a repair that failed has changed the table")
	}
}

// TestRepairOfAStreamingTable reads values as the table's definition says by
// now, and leaves alone what its query computes.
func TestRepairOfAStreamingTable(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.csv", "a;d;n\n1;31/12/2024;5\nx;30/12/2024;6\n")
	const definition = "CREATE OR REFRESH STREAMING TABLE s AS SELECT a, upper(a) AS n, extra FROM STREAM read_files('$IN', format => 'csv', header => true, sep => ';', schema => 'a INT', rescuedDataColumn => 'extra'"
	w.rows(definition + ")")
	w.rows("ALTER TABLE s ADD COLUMN d DATE")
	w.rows(definition + ", dateFormat => 'dd/MM/yyyy')")
	w.want("REPAIR TABLE s RESCUED DATA", "2|2|3")
	w.want("SELECT a, n, d, replace(extra, 'file://$IN/', '') FROM s", `1|1|2024-12-31|{"n":"5","_file_path":"1.csv"}`, `NULL|NULL|2024-12-30|{"a":"x","n":"6","_file_path":"1.csv"}`)
}

// TestRepairKeepsRowIDs of a table that tracks its rows.
func TestRepairKeepsRowIDs(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (id BIGINT, v INT, _rescued_data STRING) LOCATION '$IN/t' TBLPROPERTIES ('delta.enableRowTracking' = 'true')")
	w.rows(`INSERT INTO t VALUES (1, 1, NULL), (2, NULL, '{"v":2,"_file_path":"a.json"}'), (3, NULL, '{"x":3,"_file_path":"a.json"}'), (4, NULL, '{"v":4,"_file_path":"a.json"}')`)
	before, _ := rowIDs(t, filepath.Join(w.in, "t"))
	w.want("REPAIR TABLE t RESCUED DATA", "2|2|1")
	after, _ := rowIDs(t, filepath.Join(w.in, "t"))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("row ids (-before +after):\n%s", diff)
	}
}
