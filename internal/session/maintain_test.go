package session_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestOptimizeStatement(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE t (id BIGINT, day DATE) PARTITIONED BY (day);
		INSERT INTO t VALUES (1, DATE'2024-05-01'), (2, DATE'2024-05-02');
		INSERT INTO t VALUES (3, DATE'2024-05-01'), (4, DATE'2024-05-02');`)
	if got := w.rows("OPTIMIZE t WHERE day = '2024-05-01'"); len(got) != 1 || !strings.Contains(got[0], `"numFilesAdded":1,"numFilesRemoved":2`) {
		t.Errorf("OPTIMIZE returned %s", got)
	}
	w.want("SELECT * FROM t", "1|2024-05-01", "2|2024-05-02", "3|2024-05-01", "4|2024-05-02")
	if got := w.rows("OPTIMIZE t ZORDER BY (id)"); !strings.Contains(got[0], `"strategyName":"all"`) {
		t.Errorf("OPTIMIZE … ZORDER BY returned %s", got)
	}
	w.want("SELECT count(*) FROM t", "4")
	w.fails("OPTIMIZE t WHERE id = 1", "DELTA_NON_PARTITION_COLUMN_REFERENCE", "42P10")
	w.fails("OPTIMIZE t ZORDER BY (day)", "DELTA_ZORDERING_ON_PARTITION_COLUMN", "42P10")
	w.fails("OPTIMIZE t ZORDER BY (nope)", "DELTA_ZORDERING_COLUMN_DOES_NOT_EXIST", "42703")
	if got := w.rows("REORG TABLE t APPLY (PURGE)"); !strings.Contains(got[0], `"numFilesRemoved":0`) {
		t.Errorf("REORG returned %s", got)
	}
}

func TestAutoCompaction(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE t (id BIGINT) TBLPROPERTIES ('delta.autoOptimize.autoCompact' = 'true')`)
	for range 50 {
		w.rows("INSERT INTO t VALUES (1)")
	}
	w.want("SELECT count(*) FROM t", "50")
	if got := w.rows("DESCRIBE HISTORY t LIMIT 1"); !strings.Contains(got[0], "OPTIMIZE") {
		t.Errorf("the last commit is %s, want an OPTIMIZE", got)
	}
}

func TestVacuumStatement(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE t (id BIGINT); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); OPTIMIZE t`)
	w.want("VACUUM t DRY RUN")
	w.fails("VACUUM t RETAIN 0 HOURS", "DELTA_VACUUM_RETENTION_PERIOD_TOO_SHORT", "22003")
	w.rows("SET spark.databricks.delta.retentionDurationCheck.enabled = false")
	if got := w.rows("VACUUM t RETAIN 0 HOURS DRY RUN"); len(got) != 2 {
		t.Errorf("a dry run lists %s, want two files", got)
	}
	if got := w.rows("VACUUM t RETAIN 0 HOURS"); len(got) != 1 {
		t.Errorf("VACUUM returned %s, want the table's path", got)
	}
	w.want("SELECT * FROM t", "1", "2")
	if _, err := w.try("SELECT * FROM t VERSION AS OF 2"); err == nil {
		t.Error("a version whose files were vacuumed can be read")
	}
	if _, err := w.try("RESTORE TABLE t TO VERSION AS OF 2"); err == nil || !strings.Contains(err.Error(), "2 of its data files are gone") {
		t.Errorf("RESTORE of a vacuumed version: %v", err)
	}
}

func TestRestoreAndTruncateStatements(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE t (id BIGINT, p STRING) PARTITIONED BY (p); INSERT INTO t VALUES (1, 'a'), (2, 'b')`)
	w.rows("TRUNCATE TABLE t PARTITION (p = 'a')")
	w.want("SELECT * FROM t", "2|b")
	w.rows("TRUNCATE TABLE t")
	w.want("SELECT * FROM t")
	if got := w.rows("RESTORE TABLE t TO VERSION AS OF 1"); len(got) != 1 || !strings.Contains(got[0], "|2|0|2|0|") {
		t.Errorf("RESTORE returned %s", got)
	}
	w.want("SELECT * FROM t", "1|a", "2|b")
	w.fails("RESTORE t VERSION AS OF 99", "DELTA_CANNOT_RESTORE_TABLE_VERSION", "22003")
	w.fails("RESTORE t TO TIMESTAMP AS OF '2000-01-01'", "DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER", "22003")
	w.fails("RESTORE t TO TIMESTAMP AS OF '2999-01-01'", "DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER", "22003")
}

func TestCloneStatement(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE t (id BIGINT); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)`)
	w.rows("CREATE TABLE shallow SHALLOW CLONE t VERSION AS OF 1; CREATE TABLE deep DEEP CLONE t; INSERT INTO shallow VALUES (7)")
	w.want("SELECT * FROM shallow", "1", "7")
	w.want("SELECT * FROM deep", "1", "2")
	w.rows("DROP TABLE t")
	w.want("SELECT * FROM deep", "1", "2")
	w.fails("CREATE TABLE deep DEEP CLONE shallow", "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07")
}

// Auto compaction also follows batches of streams.
func TestAutoCompactionOfStreams(t *testing.T) {
	w := newWorkspace(t)
	for i := range 50 {
		w.file(fmt.Sprintf("in/%02d.json", i), fmt.Sprintf(`{"id":%d}`, i))
	}
	w.rows(`CREATE STREAMING TABLE s TBLPROPERTIES ('delta.autoOptimize.autoCompact' = 'true') AS
		SELECT id FROM STREAM read_files('$IN/in', format => 'json', maxFilesPerTrigger => 1)`)
	w.want("SELECT count(*), count(DISTINCT id) FROM s", "50|50")
	w.want("SELECT count(*) FROM (DESCRIBE HISTORY s) WHERE operation = 'OPTIMIZE'", "1")
}
