package stream_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object/mem"
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
				w, err := to.Write(ctx, b, rows)
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
