package session_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// record is a row of the tables below: a key that may be null, and values.
type record struct {
	id    int // below 0 for null
	v, op int
}

func (r record) values() string {
	id := "NULL"
	if r.id >= 0 {
		id = strconv.Itoa(r.id)
	}
	return fmt.Sprintf("(%s, %d, %d)", id, r.v, r.op)
}

func (r record) text() string {
	return strings.NewReplacer("(", "", ")", "", ", ", "|").Replace(r.values())
}

// rule is a WHEN clause and its naive meaning: what becomes of a pair of rows
// when applies is true; nil deletes.
type rule struct {
	text    string
	kind    int // 0 matched, 1 not matched, 2 not matched by source
	applies func(t, s record) bool
	makes   func(t, s record) *record
}

var rules = []rule{
	{"WHEN MATCHED AND s.op = 1 THEN DELETE", 0, func(_, s record) bool { return s.op == 1 }, func(record, record) *record { return nil }},
	{"WHEN MATCHED AND t.v > s.v THEN UPDATE SET v = t.v + s.v", 0, func(t, s record) bool { return t.v > s.v }, func(t, s record) *record { t.v += s.v; return &t }},
	{"WHEN MATCHED AND t.op = 2 THEN UPDATE SET op = s.v, t.id = s.id + 100", 0, func(t, _ record) bool { return t.op == 2 }, func(t, s record) *record {
		t.op, t.id = s.v, s.id+100
		return &t
	}},
	{"WHEN MATCHED THEN UPDATE SET *", 0, func(_, _ record) bool { return true }, func(_, s record) *record { return &s }},
	{"WHEN NOT MATCHED AND s.op < 2 THEN INSERT (id, op, v) VALUES (id, s.v, op)", 1, func(_, s record) bool { return s.op < 2 }, func(_, s record) *record { return &record{s.id, s.op, s.v} }},
	{"WHEN NOT MATCHED THEN INSERT *", 1, func(_, _ record) bool { return true }, func(_, s record) *record { return &s }},
	{"WHEN NOT MATCHED BY SOURCE AND v < 5 THEN DELETE", 2, func(t, _ record) bool { return t.v < 5 }, func(record, record) *record { return nil }},
	{"WHEN NOT MATCHED BY SOURCE AND t.op = 0 THEN UPDATE SET v = op + 1000", 2, func(t, _ record) bool { return t.op == 0 }, func(t, _ record) *record { t.v = t.op + 1000; return &t }},
}

// model does what MERGE ON t.id = s.id does; ok is false when a row of the
// table would be changed for two rows of the source.
func model(table, source []record, clauses []rule) (result []record, ok bool) {
	hit := make([]bool, len(source))
	for _, t := range table {
		var changes []*record
		matched := false
		for i, s := range source {
			if t.id < 0 || t.id != s.id {
				continue
			}
			hit[i], matched = true, true
			if r := firstOf(clauses, 0, t, s); r != nil {
				changes = append(changes, r.makes(t, s))
			}
		}
		if r := firstOf(clauses, 2, t, record{}); r != nil && !matched {
			changes = append(changes, r.makes(t, record{}))
		}
		switch {
		case len(changes) > 1:
			return nil, false
		case len(changes) == 0:
			result = append(result, t)
		case changes[0] != nil:
			result = append(result, *changes[0])
		}
	}
	for i, s := range source {
		if r := firstOf(clauses, 1, record{}, s); r != nil && !hit[i] {
			result = append(result, *r.makes(record{}, s))
		}
	}
	return result, true
}

func firstOf(clauses []rule, kind int, t, s record) *rule {
	for i := range clauses {
		if clauses[i].kind == kind && clauses[i].applies(t, s) {
			return &clauses[i]
		}
	}
	return nil
}

func randomRecords(rng *rand.Rand, n, keys int, unique bool) []record {
	var rows []record
	seen := map[int]bool{}
	for range n {
		r := record{rng.IntN(keys) - 1, rng.IntN(12), rng.IntN(4)}
		if unique && seen[r.id] {
			continue
		}
		seen[r.id] = r.id >= 0
		rows = append(rows, r)
	}
	return rows
}

func values(rows []record) string {
	texts := make([]string, len(rows))
	for i, r := range rows {
		texts[i] = r.values()
	}
	return strings.Join(texts, ", ")
}

// Random tables of several files, random sources and random clauses give what
// a naive model gives.
func TestMergeIsWhatTheModelSays(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 5))
	w := newWorkspace(t)
	ambiguous := 0
	for round := range 30 {
		w.run("CREATE OR REPLACE TABLE t (id INT, v INT, op INT) USING DELTA; CREATE OR REPLACE TABLE s (id INT, v INT, op INT) USING DELTA")
		var table []record
		for range 1 + rng.IntN(3) {
			part := randomRecords(rng, 1+rng.IntN(8), 12, false)
			w.run("INSERT INTO t VALUES " + values(part))
			table = append(table, part...)
		}
		source := randomRecords(rng, rng.IntN(8), 14, rng.IntN(2) > 0)
		if len(source) > 0 {
			w.run("INSERT INTO s VALUES " + values(source))
		}
		var clauses []rule
		text := "MERGE INTO t USING s ON t.id = s.id"
		for _, r := range rules {
			if rng.IntN(2) == 0 {
				clauses = append(clauses, r)
				text += " " + r.text
			}
		}
		if len(clauses) == 0 {
			continue
		}
		want, ok := model(table, source, clauses)
		_, err := w.try(text)
		if (err == nil) != ok {
			t.Fatalf("round %d: %s: error %v, ambiguous %v", round, text, err, !ok)
		}
		if !ok {
			ambiguous++
			want = table
		}
		w.wantRecords(round, text, want)
	}
	if ambiguous == 0 {
		t.Error("no round was ambiguous")
	}
}

func (w *workspace) wantRecords(round int, text string, want []record) {
	w.t.Helper()
	var texts []string
	for _, r := range want {
		texts = append(texts, r.text())
	}
	slices.Sort(texts)
	got := w.rows("SELECT id, v, op FROM t")
	slices.Sort(got)
	if !slices.Equal(got, texts) {
		w.t.Fatalf("round %d: %s:\n got %q\nwant %q", round, text, got, texts)
	}
}

// A MERGE opens no file whose keys lie apart from the source's, reads rows
// anew for no update that needs none, and changes nothing for an empty source.
func TestMergeLeavesFilesAlone(t *testing.T) {
	w := newWorkspace(t)
	w.run("CREATE TABLE t (id INT, v STRING) USING DELTA")
	for i := range 6 {
		w.run(fmt.Sprintf("INSERT INTO t VALUES (%d, 'a'), (%d, 'b')", 10*i, 10*i+5))
	}
	w.run("CREATE TABLE s (id INT, v STRING) USING DELTA; INSERT INTO s VALUES (10, 'x'), (45, 'y'), (7, 'z')")
	w.opens("t", 2, func() error {
		_, err := w.try("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND t.v = 'never' THEN UPDATE SET *")
		return err
	})
	w.want("MERGE INTO t USING s ON s.id = t.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *", "3|2|0|1")
	before := w.rows("DESCRIBE HISTORY t LIMIT 1")
	w.want("MERGE INTO t USING (SELECT * FROM s WHERE id < 0) s ON t.id = s.id WHEN MATCHED THEN DELETE", "0|0|0|0")
	if after := w.rows("DESCRIBE HISTORY t LIMIT 1"); !slices.Equal(before, after) {
		t.Errorf("an empty source made a commit: %q", after)
	}
}

// Files are a source themselves, whatever encoding their text columns have in
// memory.
func TestMergeOfFiles(t *testing.T) {
	w := newWorkspace(t)
	w.file("new.csv", "id,v,at\n2,B,2026-01-01T00:00:00Z\n3,C,2026-01-02T00:00:00Z\n")
	w.run("CREATE TABLE t (id INT, v STRING, at TIMESTAMP); INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', NULL)")
	w.want("MERGE INTO t USING read_files('$IN/new.csv', header => true) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *", "2|1|0|1")
	w.want("SELECT id, v, year(at) FROM t", "1|a|NULL", "2|B|2026", "3|C|2026")
}
