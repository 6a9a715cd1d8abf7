package session_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parquetFiles writes queries as Parquet files below the source directory, by
// way of tables.
func (w *workspace) parquetFiles(queries map[string]string) {
	w.t.Helper()
	for name, query := range queries {
		w.rows("CREATE OR REPLACE TABLE made AS " + query)
		made := w.dataFiles("made")
		for _, file := range made {
			data, err := os.ReadFile(file)
			if err != nil {
				w.t.Fatal(err)
			}
			w.file(name, string(data))
			if err := os.Remove(file); err != nil {
				w.t.Fatal(err)
			}
		}
		if len(made) != 1 {
			w.t.Fatalf("%s gave %d files, want one", query, len(made))
		}
	}
}

func TestConvertStatement(t *testing.T) {
	w := newWorkspace(t)
	w.parquetFiles(map[string]string{
		"p/day=2024-05-01/a.parquet": "SELECT 1 AS id, 'a' AS name",
		"p/day=2024-05-02/b.parquet": "SELECT 2 AS id, 'b' AS name, 1.5D AS more",
		"flat/a.parquet":             "SELECT 1 AS id",
		"flat/b.parquet":             "SELECT 2 AS id",
		"mixed/a.parquet":            "SELECT 1 AS id",
		"mixed/b.parquet":            "SELECT 'x' AS id",
	})
	w.file("p/_SUCCESS", "")
	w.rows("CONVERT TO DELTA parquet.`$IN/p` PARTITIONED BY (day DATE)")
	w.want("SELECT id, name, more, day FROM delta.`$IN/p`", "1|a|NULL|2024-05-01", "2|b|1.5|2024-05-02")
	w.want("SELECT id FROM delta.`$IN/p` WHERE day = '2024-05-02' AND id > 1", "2")
	w.want("SELECT col_name FROM (DESCRIBE delta.`$IN/p`) WHERE col_name NOT LIKE '#%' AND col_name <> ''", "id", "name", "more", "day", "day")
	if got := w.rows("DESCRIBE HISTORY delta.`$IN/p`"); len(got) != 1 || !strings.Contains(got[0], "CONVERT") {
		t.Errorf("history is %s", got)
	}
	w.rows("CONVERT TO DELTA parquet.`$IN/p` PARTITIONED BY (day DATE)") // it is one
	w.want("SELECT count(*) FROM (DESCRIBE HISTORY delta.`$IN/p`)", "1")
	w.rows("INSERT INTO delta.`$IN/p` (id, day) VALUES (3, DATE'2024-05-03'); VACUUM delta.`$IN/p`")
	w.want("SELECT id FROM delta.`$IN/p`", "1", "2", "3")

	w.fails("CONVERT TO DELTA parquet.`$IN/flat` PARTITIONED BY (day DATE)", "DELTA_UNEXPECTED_NUM_PARTITION_COLUMNS_FROM_FILE_NAME", "KD009")
	w.rows("CONVERT TO DELTA parquet.`$IN/flat` NO STATISTICS")
	w.want("SELECT * FROM delta.`$IN/flat`", "1", "2")
	w.fails("CONVERT TO DELTA csv.`$IN/flat`", "DELTA_CONVERT_NON_PARQUET_TABLE", "0AKDC")
	if _, err := w.try("CONVERT TO DELTA parquet.`$IN/mixed`"); err == nil {
		t.Error("files whose columns have no common type were converted")
	}
	if _, err := os.Stat(filepath.Join(w.in, "mixed", "_delta_log")); !os.IsNotExist(err) {
		t.Errorf("a conversion that failed left a log: %v", err)
	}
	if _, err := w.try("CONVERT TO DELTA parquet.`$IN/nothing`"); err == nil {
		t.Error("a directory that is not there was converted")
	}
}
