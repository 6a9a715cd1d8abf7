package explore_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/schema"
)

var (
	schedules = flag.Int("schedules", 500, "how many schedules to explore")
	replay    = flag.Uint64("seed", 0, "explore this seed alone, and print its steps")
)

// TestSchedules is the promise of the log: whatever the order of requests,
// whatever fails and whoever dies, each change that was acknowledged is in the
// table once, none that was refused is, and the table is what the changes make
// one after the other.
func TestSchedules(t *testing.T) {
	first, n := uint64(1), uint64(*schedules)
	if *replay != 0 {
		first, n = *replay, 1
	}
	for seed := first; seed < first+n; seed++ {
		explore(t, seed)
	}
}

// TestSchedulesReplay is what makes a failing seed worth reporting.
func TestSchedulesReplay(t *testing.T) {
	for seed := range uint64(20) {
		if diff := cmp.Diff(explore(t, seed), explore(t, seed)); diff != "" {
			t.Fatalf("two runs of seed %d differ:\n%s", seed, diff)
		}
	}
}

// explore runs one schedule and returns its steps.
func explore(t *testing.T, seed uint64) (steps []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := mem.New(nil)
		rng := rand.New(rand.NewPCG(seed, 1))
		interval := "1000"
		if seed%8 < 2 {
			interval = "3"
		}
		create(t, store, interval)
		w := &world{operations: map[string]*operation{}}
		s := objecttest.Schedule{Seed: seed, Store: store}
		if seed%2 == 0 { // half of the schedules are of races alone
			s.Faults, s.Crashes = 0.04, 0.01
		}
		var actors []objecttest.Actor
		for i := range 3 + rng.IntN(4) {
			actors = append(actors, newActor(w, i, rng.Uint64()))
		}
		taken, err := s.Run(t.Context(), actors...)
		if err != nil {
			t.Error(err)
		}
		for _, step := range taken {
			steps = append(steps, step.String())
		}
		w.check(t, store, rng.IntN)
		if t.Failed() || *replay != 0 {
			t.Logf("replay by `go test ./test/explore -run 'TestSchedules$' -seed %d`; its steps:\n%s", seed, strings.Join(steps, "\n"))
		}
	})
	return steps
}

func create(t *testing.T, store object.Store, interval string) {
	t.Helper()
	tx := delta.NewTable(store, delta.Options{}).Begin(nil)
	tx.SetMetadata(delta.Metadata{
		Schema:        &schema.Struct{Fields: []schema.Field{schema.Col("id", schema.Long)}},
		Configuration: map[string]string{"delta.checkpointInterval": interval},
	})
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE", UserMetadata: "create"}); err != nil {
		t.Fatal(err)
	}
}

// actor is one writer with a mind of its own.
type actor struct {
	world *world
	name  string
	rng   *rand.Rand
	table *delta.Table
	next  int // row that it appends next
}

// newActor returns an actor that makes a few changes of one random kind after
// the other, and starts again after a crash.
func newActor(w *world, number int, seed uint64) objecttest.Actor {
	a := &actor{world: w, name: fmt.Sprintf("writer%d", number), next: 1000 * number, rng: rand.New(rand.NewPCG(seed, 2))}
	work := a.changes
	if number < 2 { // two processes of one flow
		work = a.stream
	}
	return objecttest.Actor{Name: a.name, Restarts: 2, Run: func(ctx context.Context, store object.Store) {
		a.table = delta.NewTable(store, delta.Options{Random: a.rng.Float64, NewID: a.newID})
		work(ctx)
	}}
}

func (a *actor) newID() string {
	var b [16]byte
	for i := range b {
		b[i] = byte(a.rng.Uint32())
	}
	return uuid.UUID(b).String()
}

// changes makes a few changes.
func (a *actor) changes(ctx context.Context) {
	kinds := []func(context.Context, *delta.Snapshot) error{a.appendRows, a.deleteRows, a.compact, a.increment, a.setProperty}
	for range 1 + a.rng.IntN(4) {
		change := kinds[a.rng.IntN(len(kinds))]
		if a.rng.IntN(40) == 0 {
			change = a.checkpoint
		}
		snap, err := a.table.Snapshot(ctx)
		if err == nil {
			err = change(ctx, snap)
		}
		if ctx.Err() != nil {
			return
		}
		_ = err // what it was told is in the world; the next change may fare better
	}
}

// commit commits and records what came of it.
func (a *actor) commit(ctx context.Context, tx *delta.Transaction, op *operation) error {
	version, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE", UserMetadata: op.id})
	if ctx.Err() == nil {
		a.world.told(op, version, err)
	}
	return err
}

func (a *actor) fresh() []int {
	values := make([]int, 1+a.rng.IntN(3))
	for i := range values {
		values[i] = a.next
		a.next++
	}
	return values
}

func adding(values []int) func(rows) rows {
	return func(r rows) rows {
		for _, v := range values {
			r[v]++
		}
		return r
	}
}

// appendRows adds rows without reading any.
func (a *actor) appendRows(ctx context.Context, base *delta.Snapshot) error {
	values := a.fresh()
	op := a.world.begin(a.name, adding(values))
	tx := a.table.Begin(base)
	tx.Add(fileOf(op.id, values, true))
	return a.commit(ctx, tx, op)
}

// deleteRows deletes a third of all rows, by a condition.
func (a *actor) deleteRows(ctx context.Context, base *delta.Snapshot) error {
	rest := a.rng.IntN(3)
	goes := func(v int) bool { return v < counter && v%3 == rest }
	op := a.world.begin(a.name, func(r rows) rows {
		for v := range r {
			if goes(v) {
				delete(r, v)
			}
		}
		return r
	})
	tx := a.table.Begin(base)
	tx.ReadTable()
	return a.rewrite(ctx, tx, base, op, func(values []int) []int { return slices.DeleteFunc(values, goes) })
}

// counter is the value from which on rows are one counter.
const counter = 1_000_000

// increment replaces the row that counts by the next.
func (a *actor) increment(ctx context.Context, base *delta.Snapshot) error {
	op := a.world.begin(a.name, func(r rows) rows {
		for v := range r {
			if v >= counter {
				delete(r, v)
				r[v+1]++
				return r
			}
		}
		r[counter]++
		return r
	})
	tx := a.table.Begin(base)
	tx.ReadTable()
	found := false
	return a.rewrite(ctx, tx, base, op, func(values []int) []int {
		if values == nil && !found { // after all files
			return []int{counter}
		}
		for i, v := range values {
			if v >= counter {
				values[i], found = v+1, true
			}
		}
		return values
	})
}

// rewrite replaces every file whose rows change tells to be others. At the
// end change is asked, with nil, for rows that no file held.
func (a *actor) rewrite(ctx context.Context, tx *delta.Transaction, base *delta.Snapshot, op *operation, change func([]int) []int) error {
	files, changed := 0, false
	put := func(values []int) {
		if len(values) > 0 {
			tx.Add(fileOf(fmt.Sprintf("%s-%d", op.id, files), values, true))
			files++
			changed = true
		}
	}
	for f, err := range base.Files(ctx) {
		if err != nil {
			return err
		}
		old := rowsOf(f.Path)
		if now := change(slices.Clone(old)); !slices.Equal(old, now) {
			tx.Remove(f.Remove(1, true))
			changed = true
			put(now)
		}
	}
	put(change(nil))
	if !changed {
		return nil // as a statement that finds nothing to change
	}
	return a.commit(ctx, tx, op)
}

// compact puts the rows of all files into one.
func (a *actor) compact(ctx context.Context, base *delta.Snapshot) error {
	op := a.world.begin(a.name, func(r rows) rows { return r })
	tx := a.table.Begin(base)
	var values []int
	for f, err := range base.Files(ctx) {
		if err != nil {
			return err
		}
		values = append(values, rowsOf(f.Path)...)
		tx.ReadFiles(f.Path)
		tx.Remove(f.Remove(1, false))
	}
	if len(values) == 0 {
		return nil
	}
	tx.Add(fileOf(op.id, values, false))
	return a.commit(ctx, tx, op)
}

// setProperty changes the table's metadata.
func (a *actor) setProperty(ctx context.Context, base *delta.Snapshot) error {
	op := a.world.begin(a.name, func(r rows) rows { return r })
	m := base.Metadata().Clone()
	m.Configuration["owner"] = op.id
	tx := a.table.Begin(base)
	tx.SetMetadata(m)
	return a.commit(ctx, tx, op)
}

func (a *actor) checkpoint(ctx context.Context, _ *delta.Snapshot) error {
	return a.table.Checkpoint(ctx)
}

// stream appends batches 0, 1, 2 … of a flow, each exactly once: it asks the
// table how far it has come, after every failure and every crash.
func (a *actor) stream(ctx context.Context) {
	const app, batches = "flow", 4
	for ctx.Err() == nil {
		snap, err := a.table.Snapshot(ctx)
		if err != nil {
			continue
		}
		batch := int64(0)
		if last, ok := snap.TransactionVersion(app); ok {
			batch = last + 1
		}
		if batch == batches {
			return
		}
		values := []int{int(batch) * 3, int(batch)*3 + 1}
		op := a.world.begin(a.name, adding(values))
		op.once = fmt.Sprintf("%s %d", app, batch)
		tx := a.table.Begin(snap)
		tx.ReadTransaction(app)
		tx.SetTransaction(app, batch)
		tx.Add(fileOf(op.id, values, true))
		_ = a.commit(ctx, tx, op)
	}
}
