// Package explore runs writers of one table in every order of their requests
// that a seed can make, with faults and crashes between them, and compares
// the table with what the writers were told.
package explore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object"
)

// rows are the rows of a table: how often there is each.
type rows map[int]int

// operation is one change that an actor sets out to make, once.
type operation struct {
	id string
	// apply makes of the rows before the commit those after it.
	apply func(rows) rows
	// once, when set, is what no two commits may be for.
	once string
	// outcome is what the actor was told.
	outcome outcome
	version int64 // when acknowledged
}

type outcome int

const (
	untold outcome = iota // it crashed, or the outcome is unknown
	acknowledged
	refused
)

// world is what all actors were told.
type world struct {
	mu         sync.Mutex
	operations map[string]*operation
}

// begin registers an operation under a name of its own.
func (w *world) begin(actor string, apply func(rows) rows) *operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	op := &operation{id: fmt.Sprintf("%s-%d", actor, len(w.operations)), apply: apply}
	w.operations[op.id] = op
	return op
}

// told records what Commit answered.
func (w *world) told(op *operation, version int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var unknown *delta.UnknownCommitError
	switch {
	case err == nil:
		op.outcome, op.version = acknowledged, version
	case !errors.As(err, &unknown):
		op.outcome = refused
	}
}

// check compares the table in store with the operations applied one after the
// other in the order of their commits: each version as a naive replay of the
// log has it, and the newest and one other as the package has them.
func (w *world) check(t *testing.T, store object.Store, other func(versions int) int) {
	t.Helper()
	table := delta.NewTable(store, delta.Options{})
	latest, err := table.Snapshot(t.Context())
	if err != nil {
		t.Errorf("open table: %v", err)
		return
	}
	extra := other(int(latest.Version()) + 1)
	model, live, done := rows{}, map[string]bool{}, map[string]string{}
	for version := range int(latest.Version()) + 1 {
		id := replayCommit(t, store, version, live)
		op := w.operations[id]
		switch {
		case id == "create":
		case op == nil:
			t.Errorf("version %d is of the unknown operation %q, or of one that is there twice", version, id)
			return
		case op.outcome == refused:
			t.Errorf("%s was refused, but is version %d", id, version)
		case op.outcome == acknowledged && op.version != int64(version):
			t.Errorf("%s was acknowledged as version %d, but is version %d", id, op.version, version)
		}
		if op != nil {
			model = op.apply(model)
			if other := done[op.once]; op.once != "" && other != "" {
				t.Errorf("%s and %s are both %s", other, id, op.once)
			}
			done[op.once] = id
			delete(w.operations, id)
		}
		if diff := cmp.Diff(model, content(slices.Collect(maps.Keys(live)))); diff != "" {
			t.Errorf("version %d, of %s: rows differ (-as if one after the other +log):\n%s", version, id, diff)
			return
		}
		if version == extra || version == int(latest.Version()) {
			checkSnapshot(t, table, int64(version), model)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.operations)) {
		if w.operations[id].outcome == acknowledged {
			t.Errorf("%s was acknowledged as version %d, but is not in the log", id, w.operations[id].version)
		}
	}
}

func checkSnapshot(t *testing.T, table *delta.Table, version int64, want rows) {
	t.Helper()
	snap, err := table.SnapshotAt(t.Context(), version)
	if err != nil {
		t.Errorf("open version %d: %v", version, err)
		return
	}
	var paths []string
	for f, err := range snap.Files(t.Context()) {
		if err != nil {
			t.Errorf("list files of version %d: %v", version, err)
			return
		}
		paths = append(paths, f.Path)
	}
	if diff := cmp.Diff(want, content(paths)); diff != "" {
		t.Errorf("version %d: rows differ (-as if one after the other +snapshot):\n%s", version, diff)
	}
}

// replayCommit applies a commit to the set of live files and returns which
// operation it is of.
func replayCommit(t *testing.T, store object.Store, version int, live map[string]bool) (id string) {
	t.Helper()
	o, err := store.Open(t.Context(), fmt.Sprintf("_delta_log/%020d.json", version))
	if err != nil {
		t.Errorf("open commit %d: %v", version, err)
		return ""
	}
	d := json.NewDecoder(io.NewSectionReader(o, 0, o.Size()))
	for d.More() {
		var line struct {
			CommitInfo  struct{ UserMetadata string }
			Add, Remove struct{ Path string }
		}
		if err := d.Decode(&line); err != nil {
			t.Errorf("decode commit %d: %v", version, err)
			return ""
		}
		if line.CommitInfo.UserMetadata != "" {
			id = line.CommitInfo.UserMetadata
		}
		if line.Add.Path != "" {
			live[line.Add.Path] = true
		}
		delete(live, line.Remove.Path)
	}
	return id
}

// content returns the rows of files, which their names list.
func content(paths []string) rows {
	got := rows{}
	for _, p := range paths {
		for _, r := range rowsOf(p) {
			got[r]++
		}
	}
	return got
}

// fileOf returns a file that stands for rows: its name lists them, so that no
// schedule spends time on Parquet.
func fileOf(name string, values []int, dataChange bool) delta.AddFile {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = strconv.Itoa(v)
	}
	return delta.AddFile{
		Path: name + "=" + strings.Join(texts, ".") + ".parquet", Size: 1000, DataChange: dataChange,
		Stats: fmt.Sprintf(`{"numRecords":%d}`, len(values)),
	}
}

func rowsOf(path string) []int {
	_, list, _ := strings.Cut(strings.TrimSuffix(path, ".parquet"), "=")
	var values []int
	for text := range strings.SplitSeq(list, ".") {
		if v, err := strconv.Atoi(text); err == nil {
			values = append(values, v)
		}
	}
	return values
}
