package session_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
)

// protocolOf returns the versions and features of a table.
func protocolOf(t *testing.T, dir string) (p delta.Protocol, properties map[string]string) {
	t.Helper()
	s, err := delta.NewTable(local.New(dir), delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Protocol(), s.Metadata().Configuration
}

const rowsToKeep = "INSERT INTO {t} VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO {t} VALUES (4, 'd');"

// Features that are dropped leave the protocol and all that they did to the
// newest version; the rows stay.
func TestDropFeature(t *testing.T) {
	tests := map[string]struct {
		script  string
		feature string
		gone    []string // properties
		protect bool
	}{
		"deletionVectors": {
			script: "CREATE TABLE {t} (id INT, s STRING) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true');" + rowsToKeep + "INSERT INTO {t} VALUES (9, 'x'), (8, 'y'); DELETE FROM {t} WHERE id > 8; DELETE FROM {t} WHERE id = 8",
			gone:   []string{"delta.enableDeletionVectors"}, protect: true,
		},
		"columnMapping": {
			script: "CREATE TABLE {t} (id INT, old STRING) PARTITIONED BY (old) TBLPROPERTIES ('delta.columnMapping.mode' = 'name');" + rowsToKeep + "ALTER TABLE {t} RENAME COLUMN old TO s",
			gone:   []string{"delta.columnMapping.mode", "delta.columnMapping.maxColumnId"}, protect: true,
		},
		"typeWidening": {
			script: "CREATE TABLE {t} (id TINYINT, s STRING) TBLPROPERTIES ('delta.enableTypeWidening' = 'true');" + rowsToKeep + "ALTER TABLE {t} ALTER COLUMN id TYPE INT",
			gone:   []string{"delta.enableTypeWidening"}, protect: true,
		},
		"typeWidening-preview": {
			script: "CREATE TABLE {t} (id TINYINT, s STRING) TBLPROPERTIES ('delta.feature.typeWidening-preview' = 'supported', 'delta.enableTypeWidening' = 'true');" + rowsToKeep + "ALTER TABLE {t} ALTER COLUMN id TYPE INT",
			gone:   []string{"delta.enableTypeWidening"}, protect: true,
		},
		"v2Checkpoint": {
			script: "CREATE TABLE {t} (id INT, s STRING) TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '1');" + rowsToKeep,
			gone:   []string{"delta.checkpointPolicy"}, protect: true,
		},
		"inCommitTimestamp": {
			script: "CREATE TABLE {t} (id INT, s STRING) TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true');" + rowsToKeep,
			gone:   []string{"delta.enableInCommitTimestamps"},
		},
		"rowTracking": {
			script: "CREATE TABLE {t} (id INT, s STRING) TBLPROPERTIES ('delta.enableRowTracking' = 'true');" + rowsToKeep + "OPTIMIZE {t}",
			gone:   []string{"delta.enableRowTracking", "delta.rowTracking.materializedRowIdColumnName"},
		},
		"checkConstraints": {
			script: "CREATE TABLE {t} (id INT, s STRING);" + rowsToKeep + "ALTER TABLE {t} ADD CONSTRAINT c CHECK (id > 0); ALTER TABLE {t} DROP CONSTRAINT c",
		},
		"vacuumProtocolCheck": {
			script:  "CREATE TABLE {t} (id INT, s STRING) TBLPROPERTIES ('delta.feature.vacuumProtocolCheck' = 'supported');" + rowsToKeep,
			protect: true,
		},
	}
	for feature, test := range tests {
		t.Run(feature, func(t *testing.T) {
			w, dir := newWorkspace(t), filepath.Join(t.TempDir(), "t")
			table := "delta.`" + dir + "`"
			w.rows(strings.ReplaceAll(test.script, "{t}", table))
			w.rows("ALTER TABLE " + table + " DROP FEATURE `" + strings.ToUpper(feature) + "`")
			p, properties := protocolOf(t, dir)
			if slices.Contains(append(p.WriterFeatures, p.ReaderFeatures...), feature) {
				t.Errorf("%s is among %v and %v", feature, p.ReaderFeatures, p.WriterFeatures)
			}
			if got := slices.Contains(p.WriterFeatures, "checkpointProtection"); got != test.protect {
				t.Errorf("checkpoint protection = %v, want %v", got, test.protect)
			}
			if version := w.rows("DESCRIBE HISTORY " + table + " LIMIT 1")[0]; test.protect && !strings.HasPrefix(version, properties["delta.requireCheckpointProtectionBeforeVersion"]+"|") {
				t.Errorf("protected before version %s, dropped by %s", properties["delta.requireCheckpointProtectionBeforeVersion"], version)
			}
			for _, key := range test.gone {
				if value, set := properties[key]; set {
					t.Errorf("property %s is still %q", key, value)
				}
			}
			w.failing("ALTER TABLE "+table+" DROP FEATURE `"+feature+"`", "DELTA_FEATURE_DROP_FEATURE_NOT_PRESENT")
			w.want("SELECT id, s FROM "+table, "1|a", "2|b", "3|c", "4|d")
			w.rows("INSERT INTO " + table + " VALUES (5, 'e'); UPDATE " + table + " SET s = 'z' WHERE id = 1")
			w.want("SELECT id, s FROM "+table, "1|z", "2|b", "3|c", "4|d", "5|e")
		})
	}
}

// With TRUNCATE HISTORY the feature stays in the protocol until the versions
// that used it are a day old; then they go, and no protection is needed.
func TestDropFeatureTruncatesHistory(t *testing.T) {
	w, dir := newWorkspace(t), filepath.Join(t.TempDir(), "t")
	table := "delta.`" + dir + "`"
	w.rows("CREATE TABLE " + table + " (id INT, s STRING) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
	w.rows(strings.ReplaceAll(rowsToKeep, "{t}", table) + "; DELETE FROM " + table + " WHERE id = 3")
	drop := "ALTER TABLE " + table + " DROP FEATURE deletionVectors TRUNCATE HISTORY"
	for range 2 {
		w.failing(drop, "DELTA_FEATURE_DROP_WAIT_FOR_RETENTION_PERIOD")
		if p, _ := protocolOf(t, dir); !slices.Contains(p.WriterFeatures, "deletionVectors") {
			t.Fatal("the feature has gone before its history")
		}
	}
	ageLog(t, dir)
	w.open()
	w.rows(drop)
	p, _ := protocolOf(t, dir)
	if diff := cmp.Diff(delta.Protocol{MinReader: 1, MinWriter: 2}, p); diff != "" {
		t.Errorf("protocol (-want +got):\n%s", diff)
	}
	if first, err := os.Stat(filepath.Join(dir, "_delta_log", "00000000000000000000.json")); err == nil {
		t.Errorf("%s is still there", first.Name())
	}
	w.want("SELECT id, s FROM "+table, "1|a", "2|b", "4|d")
}

// ageLog makes a table's log as it is a day later.
func ageLog(t *testing.T, dir string) {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(dir, "_delta_log", "*"))
	for _, name := range logs {
		old := time.Now().Add(-25 * time.Hour)
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

// What protects the history of a dropped feature goes with that history.
func TestDropCheckpointProtection(t *testing.T) {
	w, dir := newWorkspace(t), filepath.Join(t.TempDir(), "t")
	table := "delta.`" + dir + "`"
	w.rows("CREATE TABLE " + table + " (id INT, s STRING) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
	w.rows(strings.ReplaceAll(rowsToKeep, "{t}", table) + "; DELETE FROM " + table + " WHERE id = 3; ALTER TABLE " + table + " DROP FEATURE deletionVectors")
	drop := "ALTER TABLE " + table + " DROP FEATURE checkpointProtection"
	w.failing(drop, "DELTA_FEATURE_DROP_CHECKPOINT_PROTECTION_WAIT_FOR_RETENTION_PERIOD")
	w.failing(drop+" TRUNCATE HISTORY", "DELTA_FEATURE_DROP_WAIT_FOR_RETENTION_PERIOD")
	ageLog(t, dir)
	w.open()
	w.rows(drop + " TRUNCATE HISTORY")
	p, properties := protocolOf(t, dir)
	if diff := cmp.Diff(delta.Protocol{MinReader: 1, MinWriter: 2}, p); diff != "" {
		t.Errorf("protocol (-want +got):\n%s", diff)
	}
	if version, set := properties["delta.requireCheckpointProtectionBeforeVersion"]; set {
		t.Errorf("versions before %s are still protected", version)
	}
	if _, err := os.Stat(filepath.Join(dir, "_delta_log", "00000000000000000000.json")); err == nil {
		t.Error("the history is still there")
	}
	w.want("SELECT id, s FROM "+table, "1|a", "2|b", "4|d")
}

func TestDropFeatureRefuses(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE a (id INT) TBLPROPERTIES ('delta.enableRowTracking' = 'true'); ALTER TABLE a ADD CONSTRAINT c CHECK (id > 0)")
	for text, class := range map[string]string{
		"ALTER TABLE a DROP FEATURE checkConstraints":             "DELTA_CANNOT_DROP_CHECK_CONSTRAINT_FEATURE",
		"ALTER TABLE a DROP FEATURE rowTracking TRUNCATE HISTORY": "DELTA_FEATURE_DROP_HISTORY_TRUNCATION_NOT_ALLOWED",
		"ALTER TABLE a DROP FEATURE invariants":                   "DELTA_FEATURE_DROP_NONREMOVABLE_FEATURE",
	} {
		w.failing(text, class)
	}
}

func TestSyncIdentity(t *testing.T) {
	for _, test := range []struct {
		step, explicit string
		want           []string
	}{
		{"10", "5005", []string{"1", "11", "5005", "5021"}}, // 5011 is the next of the sequence, and taken as used
		{"-10", "-7005", []string{"-7005", "-7019", "-9", "1"}},
		{"10", "-5", []string{"-5", "1", "11", "21"}}, // before the start
	} {
		w := newWorkspace(t)
		w.rows("CREATE TABLE a (id BIGINT GENERATED BY DEFAULT AS IDENTITY (START WITH 1 INCREMENT BY " + test.step + "), v INT); INSERT INTO a (v) VALUES (1), (2)")
		w.rows("INSERT INTO a VALUES (" + test.explicit + ", 3)")
		for range 2 {
			w.rows("ALTER TABLE a ALTER COLUMN id SYNC IDENTITY")
		}
		w.rows("INSERT INTO a (v) VALUES (4)")
		got := w.rows("SELECT id FROM a")
		slices.Sort(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("step %s, row %s (-want +got):\n%s", test.step, test.explicit, diff)
		}
	}
}

func TestSetLocation(t *testing.T) {
	w := newWorkspace(t)
	here, there, other := filepath.Join(w.root, "here"), filepath.Join(w.root, "there"), filepath.Join(w.root, "other")
	w.rows("CREATE TABLE a (id INT) LOCATION '" + here + "'; INSERT INTO a VALUES (1)")
	w.rows("CREATE TABLE delta.`" + there + "` AS SELECT 2 AS id; CREATE TABLE delta.`" + other + "` AS SELECT 'x' AS s")
	w.failing("ALTER TABLE a SET LOCATION '"+other+"'", "DELTA_SET_LOCATION_SCHEMA_MISMATCH")
	w.failing("ALTER TABLE delta.`"+here+"` SET LOCATION '"+there+"'", "DELTA_CANNOT_SET_LOCATION_ON_PATH_IDENTIFIER")
	w.failing("ALTER TABLE a SET LOCATION '"+filepath.Join(w.root, "nothing")+"'", "DELTA_TABLE_NOT_FOUND")
	w.rows("ALTER TABLE a SET LOCATION '" + there + "'")
	w.want("SELECT * FROM a", "2")
	w.open()
	w.want("SELECT * FROM a", "2")
	w.want("SELECT * FROM delta.`"+here+"`", "1")
}
