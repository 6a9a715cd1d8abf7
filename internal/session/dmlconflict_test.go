package session_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
)

// overtaken is a store that runs a function once, before the first commit of a
// table.
type overtaken struct {
	object.Store
	once sync.Once
	by   func()
}

func (o *overtaken) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	if strings.Contains(key, "/_delta_log/") && strings.HasSuffix(key, ".json") {
		o.once.Do(o.by)
	}
	return o.Store.PutIfAbsent(ctx, key, data)
}

// A statement that changes rows and is overtaken by another is done if neither
// read what the other wrote; otherwise it fails with Delta's class, and
// nothing of it is left. The table has partitions a and b, with rows 1 and 2;
// the winner's version is the third.
func TestConflictingChangesOfRows(t *testing.T) {
	t.Parallel()
	const (
		appended = "DELTA_CONCURRENT_APPEND"
		removed  = "DELTA_CONCURRENT_DELETE_READ"
	)
	merge := func(p, id string) string {
		return "MERGE INTO t USING (SELECT " + id + " AS id, '" + p + "' AS p) s ON t.id = s.id AND t.p = '" + p +
			"' WHEN MATCHED THEN UPDATE SET v = 'merged' WHEN NOT MATCHED THEN INSERT (id, p, v) VALUES (s.id, s.p, 'merged')"
	}
	for _, c := range []struct {
		name, property string
		loser, winner  string
		class          string   // of the loser's error, "" for none
		want           []string // rows at the end
	}{
		{
			name: "merges of two partitions", loser: merge("a", "1"), winner: merge("b", "2"),
			want: []string{"1|a|merged", "2|b|merged"},
		},
		{
			name: "merges of two partitions that insert", loser: merge("a", "5"), winner: merge("b", "6"),
			want: []string{"1|a|old", "2|b|old", "5|a|merged", "6|b|merged"},
		},
		{
			name: "merges of one partition", loser: merge("a", "5"), winner: merge("a", "6"), class: appended,
			want: []string{"1|a|old", "2|b|old", "6|a|merged"},
		},
		{
			name: "keys of the source as partitions", winner: merge("b", "2"),
			loser: "MERGE INTO t USING (SELECT 1 AS id, 'a' AS p) s ON t.id = s.id AND t.p = s.p WHEN MATCHED THEN DELETE",
			want:  []string{"2|b|merged"},
		},
		{
			name: "rows without match count", winner: merge("b", "2"), class: appended,
			loser: "MERGE INTO t USING (SELECT 1 AS id) s ON t.id = s.id AND t.p = 'a' WHEN NOT MATCHED BY SOURCE THEN DELETE",
			want:  []string{"1|a|old", "2|b|merged"},
		},
		{
			name: "a source that reads the table", winner: merge("b", "2"), class: appended,
			loser: "MERGE INTO t USING (SELECT max(id) AS id FROM t) s ON t.p = 'a' WHEN MATCHED THEN UPDATE SET id = s.id",
			want:  []string{"1|a|old", "2|b|merged"},
		},
		{
			name: "a subquery that reads the table", winner: merge("b", "2"), class: appended,
			loser: "DELETE FROM t WHERE p = 'a' AND id < (SELECT max(id) FROM all_of_it)",
			want:  []string{"1|a|old", "2|b|merged"},
		},
		{
			name: "updates of two partitions", loser: "UPDATE t SET v = 'x' WHERE p = 'a'", winner: "DELETE FROM t WHERE p = 'b'",
			want: []string{"1|a|x"},
		},
		{
			name: "update of rows that are deleted", loser: "UPDATE t SET v = 'x' WHERE p = 'a'", winner: "DELETE FROM t WHERE p = 'a'", class: removed,
			want: []string{"2|b|old"},
		},
		{
			name: "append to what is deleted", loser: "DELETE FROM t WHERE p = 'a'", winner: "INSERT INTO t VALUES (9, 'a', 'new')", class: appended,
			want: []string{"1|a|old", "2|b|old", "9|a|new"},
		},
		{
			name: "append to another partition", loser: "DELETE FROM t WHERE p = 'a'", winner: "INSERT INTO t VALUES (9, 'b', 'new')",
			want: []string{"2|b|old", "9|b|new"},
		},
		{
			name: "append under WriteSerializable", property: ", 'delta.isolationLevel' = 'WriteSerializable'",
			loser: "DELETE FROM t WHERE p = 'a'", winner: "INSERT INTO t VALUES (9, 'a', 'new')",
			want: []string{"2|b|old", "9|a|new"},
		},
		{
			name: "append while everything is deleted", loser: "DELETE FROM t", winner: "INSERT INTO t VALUES (9, 'b', 'new')", class: appended,
			want: []string{"1|a|old", "2|b|old", "9|b|new"},
		},
		{
			name: "a delete overtakes an append", loser: "INSERT INTO t VALUES (9, 'a', 'new')", winner: "DELETE FROM t WHERE p = 'a'",
			want: []string{"2|b|old", "9|a|new"},
		},
	} {
		for _, vectors := range []string{"true", "false"} {
			t.Run(c.name+"/vectors "+vectors, func(t *testing.T) {
				w := newWorkspace(t)
				w.run("CREATE TABLE t (id INT, p STRING, v STRING) USING DELTA PARTITIONED BY (p) TBLPROPERTIES ('delta.enableDeletionVectors' = '" + vectors + "'" + c.property + ");" +
					"INSERT INTO t VALUES (1, 'a', 'old'), (2, 'b', 'old'); CREATE VIEW all_of_it AS SELECT * FROM t")
				winner := *w
				w.through(&overtaken{Store: local.New("/"), by: func() { winner.run(c.winner) }})
				if c.class == "" {
					w.run(c.loser)
				} else {
					_ = w.fails(c.loser, c.class, "2D521")
				}
				winner.wantNamed("t")
				winner.want("SELECT * FROM t", c.want...)
			})
		}
	}
}

// wantNamed checks that the log of a table names every data file and deletion
// vector below it: nothing is left of a statement that failed.
func (w *workspace) wantNamed(table string) {
	w.t.Helper()
	dir := filepath.Join(w.root, "ws", "tables", "*", "*", table)
	commits, err := filepath.Glob(filepath.Join(dir, "_delta_log", "*.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	var log strings.Builder
	for _, name := range commits {
		text, err := os.ReadFile(name)
		if err != nil {
			w.t.Fatal(err)
		}
		log.Write(text)
	}
	vectors := map[string]bool{}
	for _, v := range regexp.MustCompile(`"storageType":"u","pathOrInlineDv":"[^"]*"`).FindAllString(log.String(), -1) {
		vectors[v] = true
	}
	stored := 0
	for _, name := range w.stored() {
		base := filepath.Base(name)
		switch {
		case !strings.Contains(name, "/"+table+"/"):
		case strings.HasSuffix(base, ".tmp"), strings.HasSuffix(base, ".parquet") && !strings.Contains(name, "_delta_log") && !strings.Contains(log.String(), base):
			w.t.Errorf("file %s is left", name)
		case strings.HasSuffix(base, ".bin"):
			stored++
		}
	}
	if stored != len(vectors) {
		w.t.Errorf("%d files of deletion vectors are stored, and the log names %d", stored, len(vectors))
	}
}
