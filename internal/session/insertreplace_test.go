package session_test

import (
	"strings"
	"testing"
)

const partitioned = `CREATE TABLE t (id INT, p STRING, q INT) PARTITIONED BY (p, q);
	INSERT INTO t VALUES (1, 'a', 1), (2, 'a', 2), (3, 'b', 1), (4, NULL, 1);`

func TestInsertReplaces(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, insert string
		want         []string
	}{
		{"where", `INSERT INTO t REPLACE WHERE id < 3 SELECT 0, 'c', 9`, []string{"0|c|9", "3|b|1", "4|NULL|1"}},
		{"where, of a partition", `INSERT INTO t REPLACE WHERE p = 'a' VALUES (7, 'a', 7)`, []string{"3|b|1", "4|NULL|1", "7|a|7"}},
		{"where nothing is", `INSERT INTO t REPLACE WHERE p = 'z' VALUES (7, 'z', 7)`, []string{"1|a|1", "2|a|2", "3|b|1", "4|NULL|1", "7|z|7"}},
		{"where, by nothing", `INSERT INTO t REPLACE WHERE p = 'a' SELECT * FROM t WHERE false`, []string{"3|b|1", "4|NULL|1"}},
		{"where, from the table itself", `INSERT INTO t REPLACE WHERE p = 'a' SELECT id + 10, p, q FROM t WHERE p = 'a'`, []string{"11|a|1", "12|a|2", "3|b|1", "4|NULL|1"}},
		{"where, by name", `INSERT INTO t BY NAME REPLACE WHERE q = 2 SELECT 2 AS q, 'x' AS p, 5 AS id`, []string{"1|a|1", "3|b|1", "4|NULL|1", "5|x|2"}},
		{"using", `INSERT INTO t REPLACE USING (id) VALUES (1, 'n', 1), (9, 'n', 9)`, []string{"1|n|1", "2|a|2", "3|b|1", "4|NULL|1", "9|n|9"}},
		{"using, where NULL equals nothing", `INSERT INTO t REPLACE USING (p) VALUES (8, NULL, 1), (9, 'b', 9)`, []string{"1|a|1", "2|a|2", "4|NULL|1", "8|NULL|1", "9|b|9"}},
		{"using two columns", `INSERT INTO t REPLACE USING (p, q) VALUES (8, 'a', 1)`, []string{"2|a|2", "3|b|1", "4|NULL|1", "8|a|1"}},
		{"using, by nothing", `INSERT INTO t REPLACE USING (p) SELECT * FROM t WHERE false`, []string{"1|a|1", "2|a|2", "3|b|1", "4|NULL|1"}},
		{"on", `INSERT INTO t AS old REPLACE ON old.p <=> new.p (SELECT 5 AS id, CAST(NULL AS STRING) AS p, 5 AS q) AS new`, []string{"1|a|1", "2|a|2", "3|b|1", "5|NULL|5"}},
		{"into a partition", `INSERT INTO t PARTITION (p = 'z', q = 3) VALUES (5), (6)`, []string{"1|a|1", "2|a|2", "3|b|1", "4|NULL|1", "5|z|3", "6|z|3"}},
		{"into a partition, partly", `INSERT INTO t PARTITION (p = 'z', q) SELECT 5, 6`, []string{"1|a|1", "2|a|2", "3|b|1", "4|NULL|1", "5|z|6"}},
		{"a partition", `INSERT OVERWRITE t PARTITION (p = 'a', q = 1) SELECT 5`, []string{"2|a|2", "3|b|1", "4|NULL|1", "5|a|1"}},
		{"a partition, partly", `INSERT OVERWRITE TABLE t PARTITION (p = 'a') SELECT 5, 6`, []string{"3|b|1", "4|NULL|1", "5|a|6"}},
		{"a partition that is NULL", `INSERT OVERWRITE t PARTITION (p = NULL, q = 1) VALUES (5)`, []string{"1|a|1", "2|a|2", "3|b|1", "5|NULL|1"}},
		{"all partitions", `INSERT OVERWRITE t VALUES (5, 'a', 1)`, []string{"5|a|1"}},
		{
			"the partitions that get rows", `SET spark.sql.sources.partitionOverwriteMode = dynamic; INSERT OVERWRITE t VALUES (5, 'a', 1), (6, NULL, 1), (7, 'n', 1)`,
			[]string{"2|a|2", "3|b|1", "5|a|1", "6|NULL|1", "7|n|1"},
		},
		{
			"the partitions of one that get rows", `SET spark.sql.sources.partitionOverwriteMode = dynamic; INSERT OVERWRITE t PARTITION (p = 'a', q) VALUES (5, 1)`,
			[]string{"2|a|2", "3|b|1", "4|NULL|1", "5|a|1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorkspace(t)
			w.run(partitioned)
			w.run(tt.insert)
			w.want("SELECT * FROM t ORDER BY id", tt.want...)
			if strings.Contains(tt.insert, "REPLACE") || strings.Contains(tt.insert, "OVERWRITE") {
				w.want("SELECT version, operation, operationParameters['mode'] FROM (DESCRIBE HISTORY t) WHERE version = 2", "2|WRITE|Overwrite")
			}
		})
	}
}

func TestInsertThatReplacesIsRefused(t *testing.T) {
	w := newWorkspace(t)
	w.run(partitioned)
	w.fails(`INSERT INTO t REPLACE WHERE p = 'a' VALUES (7, 'b', 7)`, "DELTA_REPLACE_WHERE_MISMATCH", "44000")
	w.fails(`INSERT INTO t REPLACE WHERE nope = 'a' VALUES (7, 'b', 7)`, "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703")
	w.fails(`INSERT INTO t REPLACE USING (nope) VALUES (7, 'b', 7)`, "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703")
	w.fails(`INSERT INTO t PARTITION (id = 1) VALUES ('b', 7)`, "NON_PARTITION_COLUMN", "42000")
	w.fails(`INSERT INTO t PARTITION (p = 'a', p = 'b') VALUES (1, 7)`, "DUPLICATE_KEY", "23505")
	w.fails(`INSERT INTO t PARTITION (p = 'a') (id, p) VALUES (1, 7)`, "STATIC_PARTITION_COLUMN_IN_INSERT_COLUMN_LIST", "42713")
	w.fails(`INSERT INTO t PARTITION (p = 'a', q = 1) VALUES (1, 7)`, "INSERT_COLUMN_ARITY_MISMATCH.TOO_MANY_DATA_COLUMNS", "21S01")
	w.fails(`SET spark.sql.sources.partitionOverwriteMode = sometimes`, "INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS", "22022")
	w.want("SELECT count(*), max(version) FROM t, (DESCRIBE HISTORY t)", "8|1")
}
