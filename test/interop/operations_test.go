//go:build interop

package interop_test

import (
	"path/filepath"
	"testing"
)

// someIDs are rows of a table (id, s).
const someIDs = "; INSERT INTO {t} (id, s) VALUES (1, 'a'), (2, 'b'), (3, NULL); INSERT INTO {t} (id, s) VALUES (4, 'd')"

// idTable makes a table (id, s) with properties, and its rows.
func idTable(properties string) string {
	return "CREATE TABLE {t} (id INT, s STRING) USING delta TBLPROPERTIES (" + properties + ")" + someIDs
}

// operations are statements in words that Spark and freshet share, over a
// table of whose rows one has the id 1.
var operations = map[string]struct {
	script  string
	tracked bool // rows have ids
	rs      bool // delta-rs reads the table
}{
	"drop checkConstraints": {
		script: idTable("'delta.appendOnly' = 'false'") + "; ALTER TABLE {t} ADD CONSTRAINT c CHECK (id > 0); ALTER TABLE {t} DROP CONSTRAINT c; ALTER TABLE {t} DROP FEATURE checkConstraints", rs: true,
	},
	"row tracking, backfilled": {
		script: idTable("'delta.checkpointInterval' = '3'") + "; ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableRowTracking' = 'true'); UPDATE {t} SET s = 'x' WHERE id > 2", tracked: true,
	},
}

// TestOperationsHoldOnBothSides has one side run an operation, the other read
// what came of it and change it, and both read that, row ids included.
func TestOperationsHoldOnBothSides(t *testing.T) {
	for name, operation := range operations {
		for _, maker := range []string{"freshet", "spark"} {
			t.Run(name+" by "+maker, func(t *testing.T) {
				f, dir := open(t), filepath.Join(t.TempDir(), "t")
				table := "delta.`" + dir + "`"
				ours := func(statement string) { f.run("%s", statement) }
				theirs := func(statement string) { spark(t, "%s", statement) }
				makes, goesOn := ours, theirs
				if maker == "spark" {
					makes, goesOn = theirs, ours
				}
				for _, statement := range splitStatements(replaceTable(operation.script, dir)) {
					makes(statement)
				}
				compare := func(when string) {
					same(t, when, read(t, "spark", dir), f.query("SELECT * FROM %s", table))
					if operation.rs {
						same(t, "delta-rs, "+when, read(t, "spark", dir), read(t, "delta-rs", dir))
					}
					if operation.tracked {
						wantSameIDs(t, dir)
					}
				}
				compare("after the operation")
				goesOn("DELETE FROM " + table + " WHERE id = 1")
				goesOn("INSERT INTO " + table + " (id, s) VALUES (50, 'other')")
				compare("after the other side's changes")
			})
		}
	}
}
