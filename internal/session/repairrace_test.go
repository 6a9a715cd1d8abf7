package session_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
)

// TestRepairOvertaken: a repair that another statement overtakes is done on
// the table as it is then. What the other wrote stays, and no value comes
// twice.
func TestRepairOvertaken(t *testing.T) {
	t.Parallel()
	const rescued = `'{"v":%d,"_file_path":"a.json"}'`
	for _, c := range []struct {
		winner string
		want   []string // rows of t: id, v, note, whether something is rescued
	}{
		{"INSERT INTO t VALUES (3, NULL, '', " + fmt.Sprintf(rescued, 30) + ")", []string{"1|10||false", "2|20||false", "3|30||false"}},
		{"UPDATE t SET v = 11 WHERE id = 1", []string{"1|11||true", "2|20||false"}},
		{"UPDATE t SET note = 'kept' WHERE id = 1", []string{"1|10|kept|false", "2|20||false"}},
		{"UPDATE t SET _rescued_data = NULL WHERE id = 1", []string{"1|NULL||false", "2|20||false"}},
		{"DELETE FROM t WHERE id = 1", []string{"2|20||false"}},
		{
			"MERGE INTO t USING (SELECT 2 AS id UNION ALL SELECT 4) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET note = 'merged' " +
				"WHEN NOT MATCHED THEN INSERT (id, note, _rescued_data) VALUES (s.id, 'new', " + fmt.Sprintf(rescued, 40) + ")",
			[]string{"1|10||false", "2|20|merged|false", "4|40|new|false"},
		},
		{"OPTIMIZE t", []string{"1|10||false", "2|20||false"}},
		{"ALTER TABLE t ALTER COLUMN v TYPE BIGINT", []string{"1|10||false", "2|20||false"}},
		{"REPAIR TABLE t RESCUED DATA", []string{"1|10||false", "2|20||false"}},
		{"TRUNCATE TABLE t", nil},
	} {
		for _, vectors := range []string{"false", "true"} {
			t.Run(c.winner+" vectors "+vectors, func(t *testing.T) {
				w := newWorkspace(t)
				w.rows("CREATE TABLE t (id INT, v INT, note STRING, _rescued_data STRING) TBLPROPERTIES ('delta.enableTypeWidening' = 'true', 'delta.enableDeletionVectors' = '" + vectors + "')")
				w.rows("INSERT INTO t VALUES (1, NULL, '', " + fmt.Sprintf(rescued, 10) + "); INSERT INTO t VALUES (2, NULL, '', " + fmt.Sprintf(rescued, 20) + ")")
				other := w.s
				w.through(&overtaken{Store: local.New("/"), by: func() {
					loser := w.s
					w.s = other
					w.rows(c.winner)
					w.s = loser
				}})
				w.rows("REPAIR TABLE t RESCUED DATA")
				w.want("SELECT id, v, note, _rescued_data IS NOT NULL FROM t", c.want...)
			})
		}
	}
}

// TestRepairAmongWriters: repairs, merges, inserts and the refreshes of a
// stream run at the same time, each in a session of its own. Every row is there
// once with its value, and every merge that succeeded is counted.
func TestRepairAmongWriters(t *testing.T) {
	const rounds = 5
	w := newWorkspace(t)
	row := func(id int) string { return fmt.Sprintf(`{"id":%d,"s":{"a":[{"v":%d}]}}`, id, id) }
	w.file("0.json", row(0))
	w.rows("CREATE STREAMING TABLE t AS SELECT *, 0 AS merged FROM STREAM read_files('$IN', format => 'json', schema => 'id INT', rescuedDataColumn => '_rescued_data')")
	w.rows("ALTER TABLE t ADD COLUMN s STRUCT<a: ARRAY<STRUCT<v: INT>>>")
	merges := 0
	writers := []func(w *workspace, i int) error{
		func(w *workspace, _ int) error { return tried(w, "REPAIR TABLE t RESCUED DATA") },
		func(w *workspace, i int) error {
			w.file(fmt.Sprintf("%d.json", i+1), row(i+1))
			return tried(w, "REFRESH STREAMING TABLE t")
		},
		func(w *workspace, _ int) error {
			err := tried(w, "MERGE INTO t USING (SELECT 0 AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET merged = merged + 1")
			if err == nil {
				merges++
			}
			return err
		},
		func(w *workspace, i int) error {
			return tried(w, fmt.Sprintf(`INSERT INTO t (id, merged, _rescued_data) VALUES (%d, 0, '{"s":{"a":[{"v":%[1]d}]},"_file_path":"x.json"}')`, 100+i))
		},
	}
	inserted := make([]bool, rounds)
	errs := make([]error, len(writers))
	var all sync.WaitGroup
	for k, write := range writers {
		own := &workspace{t: t, root: w.root, in: w.in}
		own.open()
		all.Go(func() {
			for i := range rounds {
				err := write(own, i)
				if k == 3 {
					inserted[i] = err == nil
				}
				// Who loses says so with a class, and has done nothing.
				var lost *delta.ConflictError
				if err != nil && !errors.As(err, &lost) {
					errs[k] = errors.Join(errs[k], err)
				}
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	w.rows("REFRESH STREAMING TABLE t; REPAIR TABLE t RESCUED DATA")
	want := []string{fmt.Sprintf("0|0|%d|true", merges)}
	for i := range rounds {
		want = append(want, fmt.Sprintf("%d|%[1]d|0|true", i+1))
		if inserted[i] {
			want = append(want, fmt.Sprintf("%d|%[1]d|0|true", 100+i))
		}
	}
	w.want("SELECT id, s.a[0].v, merged, _rescued_data IS NULL FROM t", want...)
	if files, err := filepath.Glob(filepath.Join(w.in, "*.json")); err != nil || len(files) != rounds+1 {
		t.Errorf("the source has %d files (%v), want %d as they were", len(files), err, rounds+1)
	}
}

// tried runs statements that may fail.
func tried(w *workspace, text string) error {
	_, err := w.try(text)
	return err
}

// TestRepairKeepsChangedArrays: an array that was changed since is kept, and
// one that is what was read of it becomes the whole.
func TestRepairKeepsChangedArrays(t *testing.T) {
	w := newWorkspace(t)
	for i := range 3 {
		w.file(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d,"s":{"a":[{"x":1,"m":{"k":[7]}},{"x":3000000000}]}}`, i))
	}
	w.rows("CREATE TABLE t TBLPROPERTIES ('delta.enableTypeWidening' = 'true') AS SELECT * FROM read_files('$IN', format => 'json', " +
		"schema => 'id INT, s STRUCT<a: ARRAY<STRUCT<x: INT, m: MAP<STRING, ARRAY<INT>>>>>', rescuedDataColumn => '_rescued_data')")
	w.rows("ALTER TABLE t ALTER COLUMN s.a.element.x TYPE BIGINT; UPDATE t SET s = named_struct('a', array(named_struct('x', 5L, 'm', map('k', array(7))))) WHERE id = 1; UPDATE t SET s = NULL WHERE id = 2")
	w.want("REPAIR TABLE t RESCUED DATA", "2|2|1")
	w.want("SELECT id, size(s.a), s.a[0].x, s.a[0].m['k'][0], get(s.a, 1).x FROM t", "0|2|1|7|3000000000", "1|1|5|7|NULL", "2|2|1|7|3000000000")
	if got := w.rows("SELECT _rescued_data FROM t WHERE id = 1"); !strings.Contains(got[0], "3000000000") {
		t.Errorf("got %s left rescued, want the array", got[0])
	}
}
