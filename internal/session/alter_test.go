package session_test

import (
	"strings"
	"testing"
)

func TestAlterColumns(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE a (a INT, s STRUCT<x: INT, y: STRING>, arr ARRAY<STRUCT<p: INT>>, m MAP<STRING, INT>)")
	w.rows("INSERT INTO a VALUES (1, named_struct('x', 1, 'y', 'z'), array(named_struct('p', 1)), map('k', 1))")
	w.rows("ALTER TABLE a ADD COLUMNS (b INT COMMENT 'bee' FIRST, s.z INT AFTER x, arr.element.q STRING, c STRING AFTER a)")
	w.want("SELECT * FROM a", `NULL|1|NULL|{"x":1,"y":"z","z":null}|[{"p":1,"q":null}]|[{"key":"k","value":1}]`)
	for text, class := range map[string]string{
		"ALTER TABLE a ADD COLUMN A INT":                                    "FIELD_ALREADY_EXISTS",
		"ALTER TABLE a ADD COLUMN q.z INT":                                  "UNRESOLVED_COLUMN.WITH_SUGGESTION",
		"ALTER TABLE a ADD COLUMN zz INT NOT NULL":                          "DELTA_UNSUPPORTED_ADD_COLUMN_NOT_NULL",
		"ALTER TABLE a ADD COLUMN zz INT AFTER nope":                        "FIELD_NOT_FOUND",
		"ALTER TABLE a ADD COLUMN `z z` INT":                                "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES",
		"ALTER TABLE a ALTER COLUMN a TYPE BIGINT":                          "DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP",
		"ALTER TABLE a ALTER COLUMN nope TYPE STRING":                       "UNRESOLVED_COLUMN.WITH_SUGGESTION",
		"ALTER TABLE a RENAME COLUMN a TO aa":                               "DELTA_UNSUPPORTED_RENAME_COLUMN",
		"ALTER TABLE a DROP COLUMN a":                                       "DELTA_UNSUPPORTED_DROP_COLUMN",
		"ALTER TABLE a REPLACE COLUMNS (a INT)":                             "DELTA_UNSUPPORTED_DROP_COLUMN",
		"ALTER TABLE a SET TBLPROPERTIES ('delta.columnMapping.mode'='id')": "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
		"ALTER TABLE a DROP FEATURE appendOnly":                             "DELTA_FEATURE_DROP_NONREMOVABLE_FEATURE",
		"ALTER TABLE a DROP FEATURE deletionVectors":                        "DELTA_FEATURE_DROP_FEATURE_NOT_PRESENT",
		"ALTER TABLE a DROP FEATURE nope":                                   "DELTA_FEATURE_DROP_UNSUPPORTED_CLIENT_FEATURE",
		"ALTER TABLE a ALTER COLUMN a SYNC IDENTITY":                        "DELTA_IDENTITY_COLUMNS_ALTER_NON_IDENTITY_COLUMN",
		"ALTER TABLE a SET LOCATION '/nowhere'":                             "UNSUPPORTED_FEATURE.TABLE_OPERATION",
	} {
		w.failing(text, class)
	}
	w.rows("ALTER TABLE a ALTER COLUMN s.x AFTER y; ALTER TABLE a ALTER COLUMN a FIRST; ALTER TABLE a ALTER COLUMN a COMMENT 'hey'; COMMENT ON TABLE a IS 'all'")
	w.want("SELECT a, s FROM a", `1|{"x":1,"y":"z","z":null}`)
	if got := strings.Join(w.rows("SHOW CREATE TABLE a"), "\n"); !strings.Contains(got, "a INT COMMENT 'hey',\n  b INT COMMENT 'bee'") || !strings.Contains(got, "COMMENT 'all'") {
		t.Errorf("SHOW CREATE TABLE gives %s", got)
	}
}

func TestColumnMapping(t *testing.T) {
	w := newWorkspace(t)
	for _, made := range []string{
		"CREATE TABLE n (a INT, p STRING, s STRUCT<x: INT, y: INT>) PARTITIONED BY (p); INSERT INTO n VALUES (1, 'u', named_struct('x', 1, 'y', 2)); ALTER TABLE n SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
		"CREATE TABLE n (a INT, p STRING, s STRUCT<x: INT, y: INT>) PARTITIONED BY (p) TBLPROPERTIES ('delta.columnMapping.mode' = 'name'); INSERT INTO n VALUES (1, 'u', named_struct('x', 1, 'y', 2))",
		"CREATE TABLE n (a INT, p STRING, s STRUCT<x: INT, y: INT>) PARTITIONED BY (p) TBLPROPERTIES ('delta.columnMapping.mode' = 'id'); INSERT INTO n VALUES (1, 'u', named_struct('x', 1, 'y', 2))",
		"CREATE TABLE n PARTITIONED BY (p) TBLPROPERTIES ('delta.columnMapping.mode' = 'name') AS SELECT 1 AS a, 'u' AS p, named_struct('x', 1, 'y', 2) AS s",
	} {
		w.rows(made)
		w.rows("ALTER TABLE n RENAME COLUMN a TO `a b`; ALTER TABLE n RENAME COLUMN p TO pp; ALTER TABLE n RENAME COLUMN s.x TO xx; ALTER TABLE n DROP COLUMN s.y; ALTER TABLE n ADD COLUMN a INT")
		w.rows("INSERT INTO n VALUES (2, 'v', named_struct('xx', 5), 7)")
		w.want("SELECT * FROM n", `1|u|{"xx":1}|NULL`, `2|v|{"xx":5}|7`)
		w.want("SELECT a FROM n WHERE pp = 'v' AND `a b` = 2", "7")
		w.want("SHOW PARTITIONS n", "u", "v")
		w.rows("INSERT WITH SCHEMA EVOLUTION INTO n BY NAME SELECT 3 AS `a b`, 'w' AS pp, 9 AS added")
		w.want("SELECT `a b`, added FROM n", "1|NULL", "2|NULL", "3|9")
		for text, class := range map[string]string{
			"ALTER TABLE n DROP COLUMN pp":                                            "DELTA_UNSUPPORTED_DROP_PARTITION_COLUMN",
			"ALTER TABLE n RENAME COLUMN a TO added":                                  "FIELD_ALREADY_EXISTS",
			"ALTER TABLE n DROP COLUMNS (a, nope)":                                    "UNRESOLVED_COLUMN.WITH_SUGGESTION",
			"ALTER TABLE n DROP COLUMN s.xx":                                          "DELTA_DROP_COLUMN_ON_SINGLE_FIELD_SCHEMA",
			"ALTER TABLE n SET TBLPROPERTIES ('delta.columnMapping.mode'='none')":     "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE_CHANGE",
			"ALTER TABLE n SET TBLPROPERTIES ('delta.columnMapping.maxColumnId'='9')": "DELTA_CANNOT_MODIFY_TABLE_PROPERTY",
		} {
			w.failing(text, class)
		}
		w.rows("DROP TABLE n")
	}
}

func TestTypeWidening(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE t (a INT, b INT, m MAP<STRING, INT>) TBLPROPERTIES ('delta.enableTypeWidening' = 'true'); INSERT INTO t VALUES (1, 2, map('k', 3))")
	w.rows("ALTER TABLE t ALTER COLUMN a TYPE BIGINT; ALTER TABLE t ALTER COLUMN m.value TYPE BIGINT; ALTER TABLE t ALTER COLUMN a TYPE DECIMAL(20,0); ALTER TABLE t ALTER COLUMN b TYPE DOUBLE")
	w.rows("INSERT INTO t VALUES (12345678901234567890, 0.5, map('k', 5000000000))")
	w.want("SELECT * FROM t", `1|2|[{"key":"k","value":3}]`, `12345678901234567890|0.5|[{"key":"k","value":5000000000}]`)
	w.failing("ALTER TABLE t ALTER COLUMN a TYPE INT", "DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP")
	w.failing("ALTER TABLE t ALTER COLUMN b TYPE FLOAT", "DELTA_UNSUPPORTED_ALTER_TABLE_CHANGE_COL_OP")
	// Evolution widens by itself, where it is asked for.
	w.rows("CREATE TABLE e (a INT) TBLPROPERTIES ('delta.enableTypeWidening' = 'true'); INSERT INTO e VALUES (1)")
	w.rows("INSERT WITH SCHEMA EVOLUTION INTO e BY NAME SELECT 5000000000 AS a")
	w.want("SELECT a FROM e", "1", "5000000000")
	w.want("SELECT typeof(a) FROM e LIMIT 1", "bigint")
}

func TestProperties(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE p (id INT)")
	for property, class := range map[string]string{
		"'delta.fooBar' = '1'":                              "DELTA_UNKNOWN_CONFIGURATION",
		"'delta.appendOnly' = 'maybe'":                      "UNSUPPORTED_TABLE_CHANGE",
		"'delta.checkpointInterval' = '-1'":                 "UNSUPPORTED_TABLE_CHANGE",
		"'delta.logRetentionDuration' = 'foo'":              "UNSUPPORTED_TABLE_CHANGE",
		"'delta.logRetentionDuration' = 'interval 1 month'": "UNSUPPORTED_TABLE_CHANGE",
		"'delta.dataSkippingNumIndexedCols' = '-2'":         "UNSUPPORTED_TABLE_CHANGE",
		"'delta.checkpointPolicy' = 'v3'":                   "UNSUPPORTED_TABLE_CHANGE",
		"'delta.feature.foo' = 'supported'":                 "DELTA_UNSUPPORTED_FEATURES_IN_CONFIG",
		"'delta.feature.deletionVectors' = 'on'":            "DELTA_UNSUPPORTED_FEATURE_STATUS",
	} {
		w.failing("ALTER TABLE p SET TBLPROPERTIES ("+property+")", class)
		w.failing("CREATE TABLE q (id INT) TBLPROPERTIES ("+property+")", class)
	}
	w.rows("ALTER TABLE p SET TBLPROPERTIES ('Foo' = 'b', 'DELTA.APPENDONLY' = 'false', 'delta.feature.appendOnly' = 'supported'); ALTER TABLE p UNSET TBLPROPERTIES ('nope')")
	w.want("SHOW TBLPROPERTIES p ('delta.appendOnly')", "delta.appendOnly|false")
	w.rows("ALTER TABLE p UNSET TBLPROPERTIES IF EXISTS ('Foo', 'delta.appendonly')")
	if got := strings.Join(w.rows("SHOW TBLPROPERTIES p"), "\n"); strings.Contains(got, "Foo") || strings.Contains(got, "appendOnly") || strings.Contains(got, "feature") {
		t.Errorf("properties are %s", got)
	}
}

func TestRenameTable(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE r (id INT); INSERT INTO r VALUES (1); ALTER TABLE r RENAME TO r2; INSERT INTO r2 VALUES (2)")
	w.want("SELECT * FROM r2", "1", "2")
	w.failing("SELECT * FROM r", "TABLE_OR_VIEW_NOT_FOUND")
	w.rows("CREATE TABLE r (id INT)")
	w.failing("ALTER TABLE r RENAME TO r2", "TABLE_OR_VIEW_ALREADY_EXISTS")
}
