package stream_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

func createTable(t *testing.T, store object.Store) {
	t.Helper()
	tx := delta.NewTable(store, delta.Options{}).Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: schema.New(schema.Col("n", schema.Long))})
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
		t.Fatal(err)
	}
}

func sinkOf(store object.Store, newID func() string) *stream.Table {
	return &stream.Table{
		Name: "t", Table: delta.NewTable(store, delta.Options{NewID: newID}), Store: store,
		Env: ingest.Env{Parallelism: 1, Clock: time.Now, NewID: newID},
	}
}

// tableRows counts the rows of the table in store.
func tableRows(t *testing.T, store object.Store) map[int64]int {
	t.Helper()
	snap, err := delta.NewTable(store, delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	count := map[int64]int{}
	for rec, err := range snap.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range rec.Column(0).(*array.Int64).Int64Values() {
			count[v]++
		}
		rec.Release()
	}
	return count
}

// TestAssertion25_KilledBetweenCommitAndFinish: the table has the batch, the
// checkpoint does not say so, and the next run leaves it at that.
func TestAssertion25_KilledBetweenCommitAndFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, checkpoints, there := mem.New(nil), mem.New(nil), &atomic.Int64{}
		createTable(t, table)
		run := func(store object.Store) error {
			f, err := flow(t.Context(), store, &numbers{there: there, limit: 5, step: 5, perBatch: 10}, stream.Trigger{Kind: stream.AvailableNow})
			if err != nil {
				t.Fatal(err)
			}
			f.Sink = sinkOf(table, uuid.NewString)
			return f.Run(t.Context())
		}
		dying := objecttest.NewFaulty(checkpoints, func(c objecttest.Call) objecttest.Fault {
			if c.Key == "commits/0" {
				return objecttest.Fault{When: objecttest.Before}
			}
			return objecttest.Fault{}
		})
		if err := run(dying); err == nil {
			t.Fatal("a run that could not finish its batch succeeded")
		}
		want := map[int64]int{0: 1, 1: 1, 2: 1, 3: 1, 4: 1}
		if got := tableRows(t, table); !maps.Equal(got, want) {
			t.Fatalf("got rows %v when the run died, want %v", got, want)
		}
		if err := run(checkpoints); err != nil {
			t.Fatal(err)
		}
		if got := tableRows(t, table); !maps.Equal(got, want) {
			t.Errorf("got rows %v after the next run, want %v", got, want)
		}
	})
}

// TestTableHasEveryRowOnce lets two processes run a flow into a table, fail
// and die at every request to checkpoint and table.
func TestTableHasEveryRowOnce(t *testing.T) {
	const limit = 12
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			store, there := mem.New(nil), &atomic.Int64{}
			createTable(t, store)
			var actors []objecttest.Actor
			for i := range 2 {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				newID := func() string { return fmt.Sprintf("%08x-%08x", rng.Uint32(), rng.Uint32()) }
				actors = append(actors, objecttest.Actor{Name: fmt.Sprintf("process%d", i), Restarts: 4, Run: func(ctx context.Context, store object.Store) {
					for ctx.Err() == nil {
						src := &numbers{there: there, limit: limit, step: 1 + rng.IntN(4), perBatch: 1 + rng.IntN(5)}
						f, err := flow(ctx, store, src, stream.Trigger{Kind: stream.TriggerKind(rng.IntN(3))})
						if err == nil {
							f.Sink = sinkOf(store, newID)
							within, cancel := context.WithTimeout(ctx, time.Minute)
							err = f.Run(within)
							cancel()
						}
						if err == nil && there.Load() == limit && rng.IntN(3) == 0 {
							return
						}
						_ = sleep(ctx, time.Duration(rng.IntN(20))*time.Second)
					}
				}})
			}
			s := objecttest.Schedule{Seed: seed, Faults: 0.01, Crashes: 0.01, Store: store}
			if _, err := s.Run(t.Context(), actors...); err != nil {
				t.Error(err)
			}
			f, err := flow(t.Context(), store, &numbers{there: there, limit: limit, step: limit, perBatch: limit}, stream.Trigger{Kind: stream.AvailableNow})
			if err != nil {
				t.Fatal(err)
			}
			f.Sink = sinkOf(store, uuid.NewString)
			if err := f.Run(t.Context()); err != nil {
				t.Error(err)
			}
			want := map[int64]int{}
			for v := range int64(limit) {
				want[v] = 1
			}
			if got := tableRows(t, store); !maps.Equal(got, want) {
				t.Errorf("seed %d: got rows %v, want each of %d once", seed, got, limit)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// TestRefusedRowsAreClosed: rows that a table does not take, for whatever
// reason, are freed, once.
func TestRefusedRowsAreClosed(t *testing.T) {
	untyped, other := schema.New(schema.Col("n", schema.Void)), schema.New(schema.Col("m", schema.Long))
	for name, c := range map[string]struct {
		columns *schema.Struct
		reads   bool
		fault   objecttest.Plan
	}{
		"void":         {columns: untyped},
		"other column": {columns: other},
		"no table":     {columns: other, fault: func(objecttest.Call) objecttest.Fault { return objecttest.Fault{When: objecttest.Before} }},
		"taken":        {columns: schema.New(schema.Col("n", schema.Long)), reads: true},
	} {
		store := object.Store(mem.New(nil))
		createTable(t, store)
		if c.fault != nil {
			store = objecttest.NewFaulty(store, c.fault)
		}
		closed, read := 0, false
		rows := &ingest.Relation{
			Schema: c.columns, Release: func() { closed++ },
			Read: func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
				return func(func(arrow.RecordBatch, error) bool) { read = true }
			},
		}
		_, err := sinkOf(store, uuid.NewString).Write(t.Context(), stream.Batch{Flow: "f"}, rows)
		if (err == nil) != c.reads {
			t.Errorf("%s: got %v", name, err)
		}
		if read != c.reads || (closed == 0) != c.reads || closed > 1 {
			t.Errorf("%s: read: %t, closed %d times", name, read, closed)
		}
	}
}
