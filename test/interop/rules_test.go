//go:build interop

package interop_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// ruledTables are tables with rules, made by either side in the words of both:
// what makes the table, what Spark and freshet may insert in turn, what both
// must refuse, and what both then read.
var ruledTables = map[string]struct {
	make    []string // %s is the table
	insert  string
	refused string
}{
	"check constraint": {
		[]string{"CREATE TABLE %s (id INT NOT NULL, b STRING) USING delta", "ALTER TABLE %s ADD CONSTRAINT pos CHECK (id > 0 AND b <> 'bad')"},
		"INSERT INTO %s VALUES (1, 'good')",
		"INSERT INTO %s VALUES (1, NULL)",
	},
	"not null": {
		[]string{"CREATE TABLE %s (id INT NOT NULL, b STRING) USING delta"},
		"INSERT INTO %s VALUES (1, 'good')",
		"INSERT INTO %s VALUES (NULL, 'x')",
	},
	"generated columns": {
		[]string{"CREATE TABLE %s (id INT, d DATE GENERATED ALWAYS AS (CAST(ts AS DATE)), ts TIMESTAMP, n INT GENERATED ALWAYS AS (id * 2)) USING delta PARTITIONED BY (d)"},
		"INSERT INTO %s (id, ts) VALUES (1, TIMESTAMP '2024-01-02 03:04:05')",
		"INSERT INTO %s VALUES (1, DATE '2024-01-02', TIMESTAMP '2024-01-02 03:04:05', 3)",
	},
	"defaults": {
		[]string{"CREATE TABLE %s (id INT, a INT DEFAULT 1 + 1, b STRING DEFAULT 'x') USING delta TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"},
		"INSERT INTO %s (id) VALUES (1)",
		"INSERT INTO %s VALUES (1)",
	},
	"identity": {
		[]string{"CREATE TABLE %s (id BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 5 INCREMENT BY 5), v STRING) USING delta"},
		"INSERT INTO %s (v) VALUES ('x')",
		"INSERT INTO %s VALUES (1, 'x')",
	},
	"columns mapped, renamed, dropped": {
		[]string{
			"CREATE TABLE %s (id INT, old STRING, gone INT, s STRUCT<x: INT, y: INT>) USING delta",
			"INSERT INTO %s VALUES (1, 'first', 7, named_struct('x', 1, 'y', 2))",
			"ALTER TABLE %s SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
			"ALTER TABLE %s RENAME COLUMN old TO `new name`", "ALTER TABLE %s DROP COLUMN gone", "ALTER TABLE %s RENAME COLUMN s.x TO xx", "ALTER TABLE %s ADD COLUMN gone STRING",
		},
		"INSERT INTO %s VALUES (2, 'second', named_struct('xx', 3, 'y', 4), 'back')",
		"INSERT INTO %s (old) VALUES ('x')",
	},
	"columns mapped by id": {
		[]string{
			"CREATE TABLE %s (id INT, p STRING) USING delta PARTITIONED BY (p) TBLPROPERTIES ('delta.columnMapping.mode' = 'id')",
			"INSERT INTO %s VALUES (1, 'a')", "ALTER TABLE %s RENAME COLUMN p TO q",
		},
		"INSERT INTO %s VALUES (2, 'b')",
		"INSERT INTO %s (p) VALUES ('x')",
	},
	"widened": {
		[]string{
			"CREATE TABLE %s (id INT, f FLOAT, m MAP<STRING, INT>) USING delta TBLPROPERTIES ('delta.enableTypeWidening' = 'true')",
			"INSERT INTO %s VALUES (1, 1.5, map('a', 1))",
			"ALTER TABLE %s ALTER COLUMN id TYPE BIGINT", "ALTER TABLE %s ALTER COLUMN f TYPE DOUBLE", "ALTER TABLE %s ALTER COLUMN m.value TYPE BIGINT",
		},
		"INSERT INTO %s VALUES (5000000000, 0.1, map('a', 5000000000))",
		"INSERT INTO %s VALUES (99999999999999999999, 0.1, NULL)",
	},
}

// TestRulesHoldOnBothSides has one side make a table with rules, both insert
// into it, both refuse what breaks a rule, and both read the same rows.
func TestRulesHoldOnBothSides(t *testing.T) {
	for name, table := range ruledTables {
		for _, maker := range []string{"freshet", "spark"} {
			t.Run(name+" by "+maker, func(t *testing.T) {
				f, dir := open(t), filepath.Join(t.TempDir(), "t")
				path := "delta.`" + dir + "`"
				for _, statement := range table.make {
					text := strings.Replace(statement, "%s", path, 1)
					if maker == "spark" {
						spark(t, "%s", text)
					} else {
						f.run("%s", text)
					}
				}
				insert, refused := strings.Replace(table.insert, "%s", path, 1), strings.Replace(table.refused, "%s", path, 1)
				for range 2 {
					f.run("%s", insert)
					spark(t, "%s", insert)
				}
				if _, err := ask[rows](t, request{Do: "sql", Text: refused}); err == nil {
					t.Errorf("Spark takes %s", refused)
				}
				if err := f.try(refused); err == nil {
					t.Errorf("freshet takes %s", refused)
				}
				want := read(t, "spark", dir)
				same(t, "both read the table", want, f.query("SELECT * FROM %s", path))
				if name == "identity" {
					distinct := f.query("SELECT count(DISTINCT id) AS n FROM %s", path)
					if len(distinct.Rows) != 1 || distinct.Rows[0][0] != float64(len(want.Rows)) {
						t.Errorf("%v different numbers of %d rows", distinct.Rows, len(want.Rows))
					}
				}
			})
		}
	}
}

// try executes a statement that may fail.
func (f freshet) try(text string) error {
	f.t.Helper()
	for r, err := range f.s.Run(f.t.Context(), text) {
		if err != nil {
			return err
		}
		if r.Rows == nil {
			continue
		}
		for _, err := range r.Rows {
			if err != nil {
				return err
			}
		}
	}
	return nil
}
