package stream_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// TestAssertion63_ForeachBatchAgain: a batch that is handed over again after a
// failure is written to the table that has it no second time.
func TestAssertion63_ForeachBatchAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table, there := mem.New(time.Now), new(atomic.Int64)
		createTable(t, table)
		to := sinkOf(table, uuid.NewString)
		store := mem.New(time.Now)
		calls := map[int64]int{}
		fail := errors.New("the other table is away")
		for run := range 2 {
			f, err := flow(t.Context(), store, &numbers{there: there, limit: 30, step: 30, perBatch: 10}, stream.Trigger{Kind: stream.AvailableNow})
			if err != nil {
				t.Fatal(err)
			}
			f.Sink = &stream.ForeachBatch{Name: "test", Do: func(ctx context.Context, b stream.Batch, rows *ingest.Relation) error {
				calls[b.ID]++
				w, err := b.WriteTo(ctx, to, rows)
				if again := calls[b.ID] == 2; err == nil && w.Already != again {
					t.Errorf("batch %d, call %d: the table says that it had it: %t", b.ID, calls[b.ID], w.Already)
				}
				if err == nil && run == 0 && b.ID == 1 {
					err = fail
				}
				return err
			}}
			if err := f.Run(t.Context()); run == 0 && !errors.Is(err, fail) || run == 1 && err != nil {
				t.Fatalf("run %d: %v", run, err)
			}
		}
		if want := map[int64]int{0: 1, 1: 2, 2: 1}; fmt.Sprint(calls) != fmt.Sprint(want) {
			t.Errorf("batches were handed over %v times, want %v", calls, want)
		}
		for n, count := range tableRows(t, table) {
			if count != 1 {
				t.Errorf("the table has %d %d times", n, count)
			}
		}
	})
}

// sinksOf are the sinks of a flow into a table: the table itself, and a
// function that writes to it.
func sinksOf(table object.Store) map[string]stream.Sink {
	to := sinkOf(table, uuid.NewString)
	write := func(ctx context.Context, b stream.Batch, rows *ingest.Relation) error {
		_, err := b.WriteTo(ctx, to, rows)
		return err
	}
	return map[string]stream.Sink{
		"table": to, "function": &stream.ForeachBatch{Name: "test", Do: write},
		"function that goes on": &stream.ForeachBatch{Name: "test", Do: func(ctx context.Context, b stream.Batch, rows *ingest.Relation) error {
			_ = write(ctx, b, rows)
			return nil
		}},
		"function that writes twice": &stream.ForeachBatch{Name: "test", Do: func(ctx context.Context, b stream.Batch, rows *ingest.Relation) error {
			return errors.Join(write(ctx, b, rows), write(ctx, b, rows))
		}},
	}
}

// TestSinkChanges: a flow whose process died anywhere, and that goes on with a
// function in place of its table, or with the table in place of a function that
// wrote to it, and then changes back, writes each row once.
func TestSinkChanges(t *testing.T) {
	for first, second := range map[string]string{"table": "function", "function": "table", "function that writes twice": "table"} {
		t.Run(first+" first", func(t *testing.T) {
			for at, dead := 1, true; dead; at++ {
				synctest.Test(t, func(t *testing.T) {
					store, there := mem.New(time.Now), new(atomic.Int64)
					createTable(t, store)
					dead = false
					dying := objecttest.NewFaulty(store, func(c objecttest.Call) objecttest.Fault {
						dead = dead || c.N >= at
						return objecttest.CrashAt(at)(c)
					})
					for i, on := range []struct {
						store object.Store
						sink  string
					}{{dying, first}, {store, second}, {store, first}} {
						f, err := flow(t.Context(), on.store, &numbers{there: there, limit: 10 * (i + 1), step: 10, perBatch: 4}, stream.Trigger{Kind: stream.AvailableNow})
						if err == nil {
							f.Sink = sinksOf(on.store)[on.sink]
							err = f.Run(t.Context())
						}
						if err != nil && i > 0 {
							t.Fatalf("died at request %d, then: %v", at, err)
						}
					}
					want := map[int64]int{}
					for n := range there.Load() {
						want[n] = 1
					}
					if got := tableRows(t, store); !maps.Equal(got, want) {
						t.Errorf("died at request %d: got rows %v, want each of %d once", at, got, len(want))
					}
				})
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestOlderCheckpointOfFunction: a function that writes to a table which is
// ahead of the checkpoint is refused that, whichever sink has written there,
// and loses no rows.
func TestOlderCheckpointOfFunction(t *testing.T) {
	for _, writer := range []string{"table", "function"} {
		for _, old := range []int{1, 2} { // runs that the copy knows of
			synctest.Test(t, func(t *testing.T) {
				table, there := mem.New(time.Now), new(atomic.Int64)
				createTable(t, table)
				checkpoints := mem.New(time.Now)
				run := func(store object.Store, sink string, limit int) error {
					f, err := flow(t.Context(), store, &numbers{there: there, limit: limit, step: limit, perBatch: 10}, stream.Trigger{Kind: stream.AvailableNow})
					if err != nil {
						return err
					}
					f.Sink = sinksOf(table)[sink]
					return f.Run(t.Context())
				}
				var copied object.Store
				for i := range 3 {
					if err := run(checkpoints, writer, 10*(i+1)); err != nil {
						t.Fatal(err)
					}
					if i+1 == old {
						copied = copyOf(t, checkpoints)
					}
				}
				for _, sink := range []string{"function", "function", "table", "function that goes on"} {
					err := run(copied, sink, 40)
					if c, ok := errors.AsType[errclass.Classified](err); !ok || c.ErrorClass() != "STREAMING_CHECKPOINT_BEHIND_TARGET" {
						t.Errorf("written by the %s, the copy after run %d goes on with the %s: got %v, want an error that says that it is old", writer, old, sink, err)
					}
				}
				if got := len(tableRows(t, table)); got != 30 {
					t.Errorf("the table has %d rows, want the 30 that it had", got)
				}
			})
		}
	}
}

// copyOf copies a store.
func copyOf(t *testing.T, from object.Store) object.Store {
	t.Helper()
	to := mem.New(time.Now)
	for f, err := range from.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		body, err := object.ReadAll(t.Context(), from, f.Name(), 1<<20)
		if err == nil {
			err = to.Put(t.Context(), f.Name(), body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// A flow hands its batches to a function, which does as it likes with them.
func ExampleForeachBatch() {
	ctx := context.Background()
	c, err := checkpoint.Open(ctx, mem.New(time.Now), checkpoint.Options{NewID: uuid.NewString, Sleep: sleep})
	if err != nil {
		fmt.Println(err)
		return
	}
	f := &stream.Flow{
		Name:       "example",
		Sources:    []stream.Source{&numbers{there: new(atomic.Int64), limit: 5, step: 5, perBatch: 3}},
		Checkpoint: c,
		Trigger:    stream.Trigger{Kind: stream.AvailableNow},
		Sink: &stream.ForeachBatch{Name: "printer", Do: func(ctx context.Context, b stream.Batch, rows *ingest.Relation) error {
			for rec, err := range rows.Read(ctx) {
				if err != nil {
					return err
				}
				fmt.Println("batch", b.ID, "has", rec.Column(0))
			}
			return nil
		}},
		Clock: time.Now, NewID: uuid.NewString, Sleep: sleep,
	}
	if err := f.Run(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// batch 0 has [0 1 2]
	// batch 1 has [3 4]
}
