package explore_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/schema"
)

// people is a table's content: the value of each id, which no two rows share.
type people map[int64]int64

// rowChange is a change of one row, as the change data feed tells it.
type rowChange struct {
	kind      string
	id, value int64
}

// rowSchema is that of all tables: half is the remainder of id by 2, by which
// some are partitioned.
var rowSchema = &schema.Struct{Fields: []schema.Field{schema.Col("id", schema.Long), schema.Col("v", schema.Long), schema.Col("half", schema.Integer)}}

// recordOf returns rows as the writer wants them.
func recordOf(rows []rowChange) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(rowSchema))
	defer b.Release()
	for _, r := range rows {
		b.Field(0).(*array.Int64Builder).Append(r.id)              //nolint:forcetypeassert // by rowSchema
		b.Field(1).(*array.Int64Builder).Append(r.value)           //nolint:forcetypeassert // by rowSchema
		b.Field(2).(*array.Int32Builder).Append(int32(r.id & 0x1)) //nolint:forcetypeassert // by rowSchema
	}
	return b.NewRecordBatch()
}

// rowOperation is one change that an actor sets out to make, once.
type rowOperation struct {
	id string
	// changes are those it makes of the rows before its commit.
	changes func(people) []rowChange
	outcome outcome
	version int64 // when acknowledged
}

// rowWorld is a table's storage, its clock, and what all actors were told.
type rowWorld struct {
	*mem.Store
	mu         sync.Mutex
	later      time.Duration // that the clock is ahead of the bubble's
	commits    map[int64][]byte
	operations map[string]*rowOperation
}

func newRowWorld() *rowWorld {
	w := &rowWorld{commits: make(map[int64][]byte), operations: make(map[string]*rowOperation)}
	w.Store = mem.New(w.now)
	return w
}

func (w *rowWorld) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.later)
}

// pass lets time pass.
func (w *rowWorld) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.later += d
}

// PutIfAbsent keeps each commit, which log clean-up may remove later.
func (w *rowWorld) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	err := w.Store.PutIfAbsent(ctx, key, data)
	if version, ok := commitVersion(key); ok && err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.commits[version] = slices.Clone(data)
	}
	return err
}

// commitVersion returns the version of a key in the log.
func commitVersion(key string) (int64, bool) {
	text, ok := strings.CutSuffix(strings.TrimPrefix(key, "_delta_log/"), ".json")
	version, err := strconv.ParseInt(text, 10, 64)
	return version, ok && err == nil && len(text) == 20
}

// begin registers an operation under a name of its own.
func (w *rowWorld) begin(actor string, changes func(people) []rowChange) *rowOperation {
	w.mu.Lock()
	defer w.mu.Unlock()
	op := &rowOperation{id: fmt.Sprintf("%s-%d", actor, len(w.operations)), changes: changes}
	w.operations[op.id] = op
	return op
}

// told records what an operation was answered.
func (w *rowWorld) told(ctx context.Context, op *rowOperation, version int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var unknown *delta.UnknownCommitError
	switch {
	case ctx.Err() != nil: // it crashed
	case err == nil:
		op.outcome, op.version = acknowledged, version
	case !errors.As(err, &unknown):
		op.outcome = refused
	}
}

// check compares the table with the operations applied one after the other in
// the order of their commits: the rows of the newest version and of another,
// and the change data feed of all, where there is one.
func (w *rowWorld) check(t *testing.T, rng *rand.Rand, feed bool) {
	t.Helper()
	latest := int64(len(w.commits) - 1)
	other := rng.Int64N(latest + 1)
	first := w.firstReadable(t)
	got := make(map[int64][]rowChange)
	if feed {
		got = w.readFeed(t, first)
	}
	rows := people{}
	done := make(map[string]bool)
	for version := range latest + 1 {
		changes := w.changesOf(t, version, rows, done)
		slices.SortFunc(changes, compareChanges)
		rows = rows.after(changes)
		if feed && version >= first {
			slices.SortFunc(got[version], compareChanges)
			if diff := gocmp.Diff(changes, got[version], gocmp.AllowUnexported(rowChange{})); diff != "" && len(changes)+len(got[version]) > 0 {
				t.Errorf("version %d: changes differ (-as made +feed):\n%s", version, diff)
			}
		}
		if version == latest || version == other && version >= first {
			w.checkRows(t, version, rows)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.operations)) {
		if op := w.operations[id]; op.outcome == acknowledged && !done[id] {
			t.Errorf("%s was acknowledged as version %d, but is not in the log", id, op.version)
		}
	}
}

// changesOf returns what a commit should have changed.
func (w *rowWorld) changesOf(t *testing.T, version int64, before people, done map[string]bool) []rowChange {
	t.Helper()
	info := commitInfoOf(t, w.commits[version])
	if info.UserMetadata == "" {
		if info.Operation != "CREATE TABLE" && info.Operation != "OPTIMIZE" {
			t.Errorf("version %d is a nameless %s", version, info.Operation)
		}
		return nil
	}
	op := w.operations[info.UserMetadata]
	switch {
	case op == nil || done[op.id]:
		t.Errorf("version %d is of the unknown operation %q, or of one that is there twice", version, info.UserMetadata)
		return nil
	case op.outcome == refused:
		t.Errorf("%s was refused, but is version %d", op.id, version)
	case op.outcome == acknowledged && op.version != version:
		t.Errorf("%s was acknowledged as version %d, but is version %d", op.id, op.version, version)
	}
	done[op.id] = true
	return op.changes(before)
}

type commitInfo struct{ Operation, UserMetadata string }

func commitInfoOf(t *testing.T, commit []byte) commitInfo {
	t.Helper()
	var line struct{ CommitInfo commitInfo }
	if err := json.NewDecoder(strings.NewReader(string(commit))).Decode(&line); err != nil {
		t.Errorf("decode commit: %v", err)
	}
	return line.CommitInfo
}

// after returns the rows that changes leave.
func (p people) after(changes []rowChange) people {
	next := maps.Clone(p)
	for _, c := range changes {
		if c.kind == "delete" || c.kind == "update_preimage" {
			delete(next, c.id)
		}
	}
	for _, c := range changes {
		if c.kind == "insert" || c.kind == "update_postimage" {
			next[c.id] = c.value
		}
	}
	return next
}

func compareChanges(a, b rowChange) int {
	return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.kind, b.kind))
}

// firstReadable returns the version from which on the log is whole: that of
// the first checkpoint when the commits before it are gone.
func (w *rowWorld) firstReadable(t *testing.T) int64 {
	t.Helper()
	commits, checkpoints := make(map[int64]bool), make(map[int64]bool)
	for in, err := range w.List(t.Context(), "_delta_log/0", "") {
		if err != nil {
			t.Fatal(err)
		}
		name := path.Base(in.Name())
		version, _ := strconv.ParseInt(name[:20], 10, 64)
		switch {
		case strings.HasSuffix(name, ".json") && len(name) == len("00000000000000000000.json"):
			commits[version] = true
		case strings.HasPrefix(name[20:], ".checkpoint"):
			checkpoints[version] = true
		}
	}
	first := int64(len(w.commits) - 1)
	for first > 0 && commits[first] && commits[first-1] {
		first--
	}
	for first > 0 && !checkpoints[first] && first < int64(len(w.commits)) {
		first++
	}
	return first
}

// checkRows compares the rows of a version.
func (w *rowWorld) checkRows(t *testing.T, version int64, want people) {
	t.Helper()
	s, err := w.table().SnapshotAt(t.Context(), version)
	if err != nil {
		t.Errorf("open version %d: %v", version, err)
		return
	}
	got := people{}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{Parallelism: 1}) {
		if err != nil {
			t.Errorf("scan version %d: %v", version, err)
			return
		}
		for _, r := range rowsOfBatch(b) {
			if _, twice := got[r.id]; twice {
				t.Errorf("version %d holds row %d twice", version, r.id)
			}
			got[r.id] = r.value
		}
		b.Release()
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("version %d: rows differ (-as if one after the other +scanned):\n%s", version, diff)
	}
}

// table returns the table as someone sees it who has never seen it before.
func (w *rowWorld) table() *delta.Table {
	return delta.NewTable(w, delta.Options{Clock: w.now})
}

// readFeed returns the recorded changes of all versions from first on.
func (w *rowWorld) readFeed(t *testing.T, first int64) map[int64][]rowChange {
	t.Helper()
	got := make(map[int64][]rowChange)
	for b, err := range w.table().Changes(t.Context(), delta.ChangesOptions{From: first, To: -1, Parallelism: 1}) {
		if err != nil {
			t.Errorf("read changes from version %d on: %v", first, err)
			return got
		}
		kinds, versions := b.Column(3).(*array.String), b.Column(4).(*array.Int64) //nolint:forcetypeassert // by ChangesSchema
		for i, r := range rowsOfBatch(b) {
			r.kind = kinds.Value(i)
			got[versions.Value(i)] = append(got[versions.Value(i)], r)
		}
		b.Release()
	}
	return got
}

// rowsOfBatch returns the rows of a batch that begins as rowSchema does.
func rowsOfBatch(b arrow.RecordBatch) []rowChange {
	ids, values := b.Column(0).(*array.Int64), b.Column(1).(*array.Int64) //nolint:forcetypeassert // by rowSchema
	rows := make([]rowChange, b.NumRows())
	for i := range rows {
		rows[i] = rowChange{id: ids.Value(i), value: values.Value(i)}
	}
	return rows
}

var _ object.Store = (*rowWorld)(nil)
