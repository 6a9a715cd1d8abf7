package session_test

import "testing"

func TestTablesAreCreatedClustered(t *testing.T) {
	w := newWorkspace(t)
	clustered := func(table, want string) {
		t.Helper()
		w.want("SELECT clusteringColumns, contains(CAST(tableFeatures AS STRING), 'clustering') FROM (DESCRIBE DETAIL "+table+")", want)
	}
	w.run(`CREATE TABLE c (a INT, b STRUCT<x: INT>) CLUSTER BY (a, b.x)`)
	clustered("c", `["a","b.x"]|true`)
	w.run(`CREATE TABLE d CLUSTER BY (id) TBLPROPERTIES ('delta.columnMapping.mode' = 'name') AS SELECT id FROM range(3)`)
	clustered("d", `["id"]|true`)
	w.want(`OPTIMIZE d; SELECT count(*) FROM d`, "3")
	w.run(`CREATE OR REPLACE TABLE d AS SELECT 1 AS id`)
	clustered("d", `[]|true`)
	w.fails(`CREATE TABLE e (a INT) CLUSTER BY AUTO`, "UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000")
	w.fails(`CREATE TABLE e (a INT) CLUSTER BY (nope)`, "DELTA_COLUMN_NOT_FOUND_IN_SCHEMA", "42703")
	w.fails(`CREATE TABLE e (a INT, b INT) PARTITIONED BY (b) CLUSTER BY (a)`, "DELTA_CLUSTER_BY_WITH_PARTITIONED_BY", "42613")
	w.fails(`SELECT * FROM e`, "TABLE_OR_VIEW_NOT_FOUND", "42P01")
	for _, kind := range []string{"STREAMING TABLE s", "MATERIALIZED VIEW v"} {
		query, name := " AS SELECT a, b FROM STREAM src", "s"
		if kind[0] == 'M' {
			query, name = " AS SELECT a, b FROM src", "v"
		}
		w.run(`CREATE TABLE IF NOT EXISTS src AS SELECT 1 AS a, 2 AS b`)
		w.fails("CREATE "+kind+" CLUSTER BY (nope)"+query, "DELTA_COLUMN_NOT_FOUND_IN_SCHEMA", "42703")
		w.fails("CREATE "+kind+" PARTITIONED BY (b) CLUSTER BY (a)"+query, "DELTA_CLUSTER_BY_WITH_PARTITIONED_BY", "42613")
		w.run("CREATE " + kind + " CLUSTER BY (b)" + query)
		clustered(name, `["b"]|true`)
		w.run(`INSERT INTO src VALUES (3, 4); REFRESH TABLE ` + name)
		w.run(`UPDATE src SET b = 5 WHERE b = 2`)
		if name == "v" {
			w.run("REFRESH TABLE v")
			w.want("SELECT * FROM v", "1|5", "3|4")
		} else {
			w.fails("REFRESH TABLE s", "DELTA_SOURCE_TABLE_IGNORE_CHANGES", "0A000")
		}
		clustered(name, `["b"]|true`)
		w.run("REFRESH TABLE " + name + " FULL")
		clustered(name, `["b"]|true`)
		w.run("DROP TABLE src; CREATE OR REPLACE TABLE src AS SELECT 1 AS a, 2 AS b")
	}
}
