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
}
