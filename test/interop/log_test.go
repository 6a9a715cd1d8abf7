//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
)

// forgetCommits removes the commits before the newest checkpoint, so that
// whoever reads the table reads the checkpoint.
func forgetCommits(t *testing.T, dir string) {
	t.Helper()
	checkpoints, err := filepath.Glob(filepath.Join(dir, "_delta_log", "*.checkpoint.*"))
	if err != nil || len(checkpoints) == 0 {
		t.Fatalf("no checkpoint in %s: %v", dir, err)
	}
	newest := filepath.Base(slices.Max(checkpoints))[:20]
	commits, _ := filepath.Glob(filepath.Join(dir, "_delta_log", "*.json"))
	for _, name := range commits {
		if base := filepath.Base(name); len(base) == 25 && base[:20] < newest {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// logTables are tables whose log has something to it, by their properties.
var logTables = map[string]string{
	"V2 checkpoints":       "'delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '3'",
	"statistics as struct": "'delta.checkpoint.writeStatsAsJson' = 'false', 'delta.checkpointInterval' = '3'",
	"in-commit timestamps": "'delta.enableInCommitTimestamps' = 'true', 'delta.checkpointInterval' = '3'",
	"row tracking":         "'delta.enableRowTracking' = 'true', 'delta.checkpointInterval' = '3'",
}

const logColumns = "id BIGINT, s STRING, at TIMESTAMP, ntz TIMESTAMP_NTZ, d DECIMAL(20,3), day DATE, p STRING"

const logRow = "SELECT CAST(1 AS BIGINT) + %d AS id, 'ä row' AS s, TIMESTAMP'2026-01-02 03:04:05.678901' AS at, " +
	"TIMESTAMP_NTZ'2026-01-02 03:04:05' AS ntz, CAST(-1.25 AS DECIMAL(20,3)) AS d, DATE'2026-01-02' AS day, 'p %d' AS p"

// TestLogsAreReadByThem has Spark open our checkpoints with the commits before
// them gone, check our checksums by its own state, and commit on top.
func TestLogsAreReadByThem(t *testing.T) {
	for name, properties := range logTables {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			f := open(t)
			f.run("CREATE TABLE delta.`%s` (%s) PARTITIONED BY (p) TBLPROPERTIES (%s)", dir, logColumns, properties)
			for i := range 4 {
				f.run("INSERT INTO delta.`%s` "+logRow, dir, i, i%2)
			}
			if err := f.s.Close(); err != nil { // waits for the checkpoint
				t.Fatal(err)
			}
			if strings.HasPrefix(name, "V2") {
				table := delta.NewTable(local.New(dir), delta.Options{SidecarFiles: 2})
				if err := table.Checkpoint(t.Context()); err != nil {
					t.Fatal(err)
				}
				if sidecars, _ := filepath.Glob(filepath.Join(dir, "_delta_log", "_sidecars", "*.parquet")); len(sidecars) != 2 {
					t.Fatalf("sidecars: %v", sidecars)
				}
			}
			forgetCommits(t, dir)
			f = open(t)
			want := f.query("SELECT * FROM delta.`%s`", dir)
			same(t, "Spark reads our log", want, read(t, "spark", dir))
			detail := spark(t, "DESCRIBE DETAIL delta.`%s`", dir)
			if files := slices.Index(detail.Columns, "numFiles"); len(detail.Rows) != 1 || files < 0 || detail.Rows[0][files] != 4.0 {
				t.Errorf("Spark counts %v, want 4 files", detail)
			}
			spark(t, "INSERT INTO delta.`%s` "+logRow, dir, 100, 1)
			spark(t, "DELETE FROM delta.`%s` WHERE id = 2", dir)
			f.run("INSERT INTO delta.`%s` "+logRow, dir, 200, 0)
			same(t, "Spark and we after each other", f.query("SELECT * FROM delta.`%s`", dir), read(t, "spark", dir))
			if name == "row tracking" {
				ids := spark(t, "SELECT count(*) AS n, count(DISTINCT _metadata.row_id) AS ids FROM delta.`%s`", dir)
				if ids.Rows[0][0] != 5.0 || ids.Rows[0][1] != 5.0 {
					t.Errorf("rows and distinct row ids = %v, want 5 and 5", ids.Rows[0])
				}
			}
		})
	}
}

// TestTheirLogsAreReadByUs is the reverse.
func TestTheirLogsAreReadByUs(t *testing.T) {
	for name, properties := range logTables {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "t")
			spark(t, "CREATE TABLE delta.`%s` (%s) USING delta PARTITIONED BY (p) TBLPROPERTIES (%s)", dir, logColumns, properties)
			for i := range 3 {
				spark(t, "INSERT INTO delta.`%s` "+logRow, dir, i, i%2)
			}
			forgetCommits(t, dir)
			f := open(t)
			same(t, "freshet reads Spark's log", read(t, "spark", dir), f.query("SELECT * FROM delta.`%s`", dir))
			for i := range 3 { // the checkpoint of version 6 is ours
				f.run("INSERT INTO delta.`%s` "+logRow, dir, 10+i, i%2)
			}
			if err := f.s.Close(); err != nil {
				t.Fatal(err)
			}
			forgetCommits(t, dir)
			spark(t, "INSERT INTO delta.`%s` "+logRow, dir, 20, 0)
			want := read(t, "spark", dir)
			if len(want.Rows) != 7 {
				t.Errorf("Spark reads %d rows, want 7", len(want.Rows))
			}
			same(t, "after each other", want, open(t).query("SELECT * FROM delta.`%s`", dir))
		})
	}
}
