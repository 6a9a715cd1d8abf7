package explore_test

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/objecttest"
)

var rowSchedules = flag.Int("row-schedules", 15, "how many schedules of changes of rows to explore")

// TestRowSchedules is the promise of the table, with data files: appended,
// deleted, updated and merged rows, moved by OPTIMIZE, read through deletion
// vectors, checkpoints and a log that is cleaned up, are those that the
// operations make one after the other, and so is the change data feed.
func TestRowSchedules(t *testing.T) {
	first, n := uint64(1), uint64(*rowSchedules)
	if *replay != 0 {
		first, n = *replay, 1
	}
	for seed := first; seed < first+n; seed++ {
		exploreRows(t, seed)
	}
}

// TestRowSchedulesReplay is what makes a failing seed worth reporting.
func TestRowSchedulesReplay(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		if diff := gocmp.Diff(exploreRows(t, seed), exploreRows(t, seed)); diff != "" {
			t.Fatalf("two runs of seed %d differ:\n%s", seed, diff)
		}
	}
}

// exploreRows runs one schedule and returns its steps.
func exploreRows(t *testing.T, seed uint64) (steps []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := newRowWorld()
		config := rowConfig(rng)
		createRows(t, w, config, rng)
		// After some days the log of the first ones can be cleaned up.
		for day := range uint64(2) {
			s := objecttest.Schedule{Seed: seed<<1 | day, Store: w}
			if seed%2 == 0 { // half of the schedules are of races alone
				s.Faults, s.Crashes = 0.02, 0.005
			}
			var actors []objecttest.Actor
			for range 2 + rng.IntN(3) {
				actors = append(actors, newRowActor(w, int(day)*10+len(actors), rng.Uint64()))
			}
			taken, err := s.Run(t.Context(), actors...)
			if err != nil {
				t.Error(err)
			}
			for _, step := range taken {
				steps = append(steps, step.String())
			}
			w.pass(4 * 24 * time.Hour)
		}
		w.check(t, rng, config["delta.enableChangeDataFeed"] == "true")
		if t.Failed() || *replay != 0 {
			t.Logf("replay by `go test ./test/explore -run 'TestRowSchedules$' -seed %d`; table properties %v; its steps:\n%s",
				seed, config, strings.Join(steps, "\n"))
		}
	})
	return steps
}

// rowConfig returns the properties of a schedule's table.
func rowConfig(rng *rand.Rand) map[string]string {
	config := map[string]string{
		"delta.checkpointInterval":   []string{"2", "3", "1000"}[rng.IntN(3)],
		"delta.logRetentionDuration": "interval 1 days",
	}
	for _, maybe := range [][2]string{
		{"delta.enableDeletionVectors", "true"},
		{"delta.enableChangeDataFeed", "true"},
		{"delta.checkpointPolicy", "v2"},
		{"delta.columnMapping.mode", "name"},
		{"delta.enableRowTracking", "true"},
	} {
		if rng.IntN(2) == 0 {
			config[maybe[0]] = maybe[1]
		}
	}
	return config
}

func createRows(t *testing.T, w *rowWorld, config map[string]string, rng *rand.Rand) {
	t.Helper()
	m := delta.Metadata{Schema: rowSchema, Configuration: config}
	if rng.IntN(2) == 0 {
		m.PartitionColumns = []string{"half"}
	}
	table := delta.NewTable(w, delta.Options{Clock: w.now, Random: rng.Float64, NewID: idsOf(rng)})
	tx := table.Begin(nil)
	tx.SetMetadata(m)
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
		t.Fatal(err)
	}
}

// idsOf returns a maker of UUIDs.
func idsOf(rng *rand.Rand) func() string {
	return func() string {
		var b [16]byte
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return uuid.UUID(b).String()
	}
}

// rowActor is one writer with a mind of its own.
type rowActor struct {
	world *rowWorld
	store object.Store
	name  string
	rng   *rand.Rand
	table *delta.Table
	next  int64 // id that it appends next
}

// newRowActor returns an actor that makes a few changes of random kinds, and
// starts again after a crash.
func newRowActor(w *rowWorld, number int, seed uint64) objecttest.Actor {
	a := &rowActor{world: w, name: fmt.Sprintf("writer%d", number), next: 1000 * int64(number+1), rng: rand.New(rand.NewPCG(seed, 4))}
	return objecttest.Actor{Name: a.name, Restarts: 2, Run: func(ctx context.Context, store object.Store) {
		a.store = store
		a.table = delta.NewTable(store, delta.Options{Clock: w.now, Random: a.rng.Float64, NewID: idsOf(a.rng), SidecarFiles: 2})
		a.work(ctx)
	}}
}

func (a *rowActor) work(ctx context.Context) {
	kinds := []func(context.Context) error{
		a.appendRows, a.appendRows, a.deleteRows, a.updateRows, a.upsert, a.upsert, a.mergeAll, a.optimize, a.table.Checkpoint, a.toggleVectors,
	}
	for range 1 + a.rng.IntN(5) {
		_ = kinds[a.rng.IntN(len(kinds))](ctx) // what it was told is in the world; the next change may fare better
		if ctx.Err() != nil {
			return
		}
	}
}

func (a *rowActor) config() delta.WriterConfig {
	return delta.WriterConfig{Parallelism: 1, Clock: a.world.now, NewID: idsOf(a.rng)}
}

// commit commits and records what came of it.
func (a *rowActor) commit(ctx context.Context, tx *delta.Transaction, op *rowOperation) error {
	version, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE", UserMetadata: op.id})
	a.world.told(ctx, op, version, err)
	return err
}

// appendRows adds rows without reading any.
func (a *rowActor) appendRows(ctx context.Context) error {
	base, err := a.table.Snapshot(ctx)
	if err != nil {
		return err
	}
	rows := make([]rowChange, 1+a.rng.IntN(6))
	for i := range rows {
		rows[i] = rowChange{kind: "insert", id: a.next, value: a.next}
		a.next++
	}
	op := a.world.begin(a.name, func(people) []rowChange { return slices.Clone(rows) })
	config := a.config()
	config.Metadata = base.Metadata()
	w, err := delta.NewWriter(a.store, config)
	if err != nil {
		return err
	}
	if err := w.Write(ctx, recordOf(rows)); err != nil {
		return err
	}
	files, err := w.Close(ctx)
	if err != nil {
		return err
	}
	tx := a.table.Begin(base)
	for _, f := range files {
		tx.Add(f)
	}
	return a.commit(ctx, tx, op)
}

// condition is a WHERE clause: ids of a range, or of a remainder by 3.
type condition struct {
	low, high int64
	rest      int64 // negative for none
}

func (a *rowActor) condition() condition {
	if a.rng.IntN(2) == 0 {
		return condition{high: 1 << 40, rest: a.rng.Int64N(3)}
	}
	low := a.rng.Int64N(4) * 1000
	return condition{low: low, high: low + a.rng.Int64N(4), rest: -1}
}

func (c condition) holds(id int64) bool {
	return c.low <= id && id <= c.high && (c.rest < 0 || id%3 == c.rest)
}

// predicate is what Delta understands of it.
func (c condition) predicate() delta.Predicate {
	id := []string{"id"}
	return delta.And{
		delta.Comparison{Column: id, Op: delta.GreaterOrEqual, Value: c.low}, delta.Comparison{Column: id, Op: delta.LessOrEqual, Value: c.high},
	}
}

// deleteRows deletes rows by a condition.
func (a *rowActor) deleteRows(ctx context.Context) error {
	where := a.condition()
	op := a.world.begin(a.name, func(p people) (changes []rowChange) {
		for id, v := range p {
			if where.holds(id) {
				changes = append(changes, rowChange{"delete", id, v})
			}
		}
		return changes
	})
	return a.change(ctx, op, where, func(_ context.Context, c *delta.RowChange, path string, row int64, _ rowChange) error {
		c.Delete(path, row)
		return nil
	})
}

// updateRows counts up the value of rows by a condition.
func (a *rowActor) updateRows(ctx context.Context) error {
	where := a.condition()
	op := a.world.begin(a.name, func(p people) (changes []rowChange) {
		for id, v := range p {
			if where.holds(id) {
				changes = append(changes, rowChange{"update_preimage", id, v}, rowChange{"update_postimage", id, v + 1})
			}
		}
		return changes
	})
	return a.change(ctx, op, where, func(ctx context.Context, c *delta.RowChange, path string, row int64, old rowChange) error {
		c.Replace(path, row)
		old.value++
		return c.Update(ctx, recordOf([]rowChange{old}))
	})
}

// change commits what do makes of the rows for which a condition holds.
func (a *rowActor) change(
	ctx context.Context, op *rowOperation, where condition,
	do func(ctx context.Context, c *delta.RowChange, path string, row int64, old rowChange) error,
) error {
	base, err := a.table.Snapshot(ctx)
	if err != nil {
		return err
	}
	c, err := delta.NewRowChange(a.store, base, a.config())
	if err != nil {
		return err
	}
	tx := a.table.Begin(base)
	tx.ReadPredicate(where.predicate())
	found := 0
	scan := delta.ScanOptions{Filter: where.predicate(), FilePath: "path", RowIndex: "row", Parallelism: 1}
	for b, err := range base.Scan(ctx, scan) {
		if err != nil {
			return err
		}
		paths, positions := b.Column(3).(*array.String), b.Column(4).(*array.Int64) //nolint:forcetypeassert // as asked for
		for i, row := range rowsOfBatch(b) {
			if !where.holds(row.id) {
				continue
			}
			found++
			if err := do(ctx, c, paths.Value(i), positions.Value(i), row); err != nil {
				return err
			}
		}
		b.Release()
	}
	if found == 0 {
		return nil
	}
	if _, err := c.Apply(ctx, tx); err != nil {
		return c.Abort(ctx)
	}
	return a.commit(ctx, tx, op)
}

// upsert merges rows of few keys, so that writers meet.
func (a *rowActor) upsert(ctx context.Context) error {
	opts := delta.MergeOptions{Matched: delta.MatchedAction(a.rng.IntN(3)), KeepNotMatched: a.rng.IntN(4) == 0}
	return a.merge(ctx, opts, 5)
}

// mergeAll makes the table what the source is.
func (a *rowActor) mergeAll(ctx context.Context) error {
	if a.rng.IntN(3) > 0 {
		return a.upsert(ctx)
	}
	return a.merge(ctx, delta.MergeOptions{DeleteNotMatchedBySource: true}, 20)
}

func (a *rowActor) merge(ctx context.Context, opts delta.MergeOptions, keys int) error {
	source := people{}
	value := a.rng.Int64N(1 << 40)
	for range keys {
		source[a.rng.Int64N(20)] = value
	}
	var rows []rowChange
	for _, id := range slices.Sorted(maps.Keys(source)) {
		rows = append(rows, rowChange{id: id, value: value})
	}
	op := a.world.begin(a.name, func(p people) []rowChange { return merged(p, source, opts) })
	opts.Keys, opts.Writer, opts.UserMetadata = []string{"id"}, a.config(), op.id
	result, err := a.table.Merge(ctx, func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) { yield(recordOf(rows), nil) }
	}, opts)
	if err == nil && result.DeletedRows+result.UpdatedRows+result.InsertedRows == 0 {
		return nil // nothing to commit
	}
	a.world.told(ctx, op, result.Version, err)
	return err
}

// merged returns what a merge changes.
func merged(p, source people, opts delta.MergeOptions) (changes []rowChange) {
	for id, old := range p {
		value, matched := source[id]
		switch {
		case matched && opts.Matched == delta.MatchedUpdate:
			changes = append(changes, rowChange{"update_preimage", id, old}, rowChange{"update_postimage", id, value})
		case matched && opts.Matched == delta.MatchedDelete, !matched && opts.DeleteNotMatchedBySource:
			changes = append(changes, rowChange{"delete", id, old})
		}
	}
	for id, value := range source {
		if _, matched := p[id]; !matched && !opts.KeepNotMatched {
			changes = append(changes, rowChange{"insert", id, value})
		}
	}
	return changes
}

// optimize moves rows to fewer files, in their order or in another.
func (a *rowActor) optimize(ctx context.Context) error {
	opts := delta.OptimizeOptions{Parallelism: 1}
	if a.rng.IntN(3) == 0 {
		opts.ZOrderBy = [][]string{{"v"}, {"id"}}
	}
	_, err := a.table.Optimize(ctx, opts)
	return err
}

// toggleVectors lets the table have deletion vectors from now on, or none.
func (a *rowActor) toggleVectors(ctx context.Context) error {
	base, err := a.table.Snapshot(ctx)
	if err != nil {
		return err
	}
	const property = "delta.enableDeletionVectors"
	m := base.Metadata().Clone()
	m.Configuration[property] = map[string]string{"true": "false"}[m.Configuration[property]]
	if m.Configuration[property] == "" {
		m.Configuration[property] = "true"
	}
	op := a.world.begin(a.name, func(people) []rowChange { return nil })
	tx := a.table.Begin(base)
	tx.SetMetadata(m)
	return a.commit(ctx, tx, op)
}
