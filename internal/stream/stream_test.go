package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/schema"
)

// numbers is a source of the numbers from 0 on. Each look finds a few more,
// up to a limit.
type numbers struct {
	there    *atomic.Int64 // how many are there, for all runs
	limit    int
	step     int // how many a look finds
	perBatch int
	known    int
	finished []int64
}

func (n *numbers) Discover(context.Context) error {
	for {
		before := n.there.Load()
		n.known = min(int(before)+n.step, n.limit)
		if n.there.CompareAndSwap(before, int64(n.known)) {
			return nil
		}
	}
}

func (n *numbers) Next(_ context.Context, start json.RawMessage, unlimited bool) (json.RawMessage, error) {
	from := number(start)
	to := n.known
	if !unlimited {
		to = min(to, from+n.perBatch)
	}
	if to <= from {
		return nil, nil
	}
	return json.Marshal(to)
}

func (n *numbers) Read(_ context.Context, start, end json.RawMessage) (*ingest.Relation, error) {
	columns := schema.New(schema.Col("n", schema.Long))
	read := func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
			defer b.Release()
			for i := number(start); i < number(end); i++ {
				b.Field(0).(*array.Int64Builder).Append(int64(i))
			}
			rec := b.NewRecordBatch()
			defer rec.Release()
			yield(rec, nil)
		}
	}
	return &ingest.Relation{Schema: columns, Read: read}, nil
}

func (n *numbers) Finish(_ context.Context, d stream.Done) error {
	n.finished = append(n.finished, d.Batch)
	return nil
}

func (n *numbers) Progress() stream.SourceProgress {
	return stream.SourceProgress{Description: "numbers"}
}

func number(offset json.RawMessage) int {
	var n int
	if offset != nil && json.Unmarshal(offset, &n) != nil {
		return -1
	}
	return n
}

// objects is a sink that keeps each batch as one object.
type objects struct {
	store object.Store
	fail  error
}

func (o *objects) Description() string { return "objects" }

func (o *objects) Write(ctx context.Context, b stream.Batch, rows *ingest.Relation) (stream.Written, error) {
	if o.fail != nil {
		return stream.Written{}, o.fail
	}
	var values []int64
	for rec, err := range rows.Read(ctx) {
		if err != nil {
			return stream.Written{}, err
		}
		values = append(values, rec.Column(0).(*array.Int64).Int64Values()...)
	}
	body, err := json.Marshal(values)
	if err != nil {
		return stream.Written{}, err
	}
	key := fmt.Sprintf("sink/%06d", b.ID)
	for {
		err := o.store.PutIfAbsent(ctx, key, body)
		switch {
		case err == nil:
			return stream.Written{Rows: int64(len(values))}, nil
		case errors.Is(err, fs.ErrExist):
			return stream.Written{Already: true}, nil
		case ctx.Err() != nil:
			return stream.Written{}, err
		}
	}
}

// batches returns what each batch in the sink holds.
func batches(t *testing.T, store object.Store) [][]int64 {
	t.Helper()
	var all [][]int64
	for in, err := range store.List(t.Context(), "sink/", "") {
		if err != nil {
			t.Fatal(err)
		}
		o, err := store.Open(t.Context(), in.Name())
		if err != nil {
			t.Fatal(err)
		}
		var values []int64
		if err := json.NewDecoder(io.NewSectionReader(o, 0, o.Size())).Decode(&values); err != nil {
			t.Fatal(err)
		}
		all = append(all, values)
	}
	return all
}

func sizes(all [][]int64) []int {
	var n []int
	for _, b := range all {
		n = append(n, len(b))
	}
	return n
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// flow returns a flow of numbers into objects of a store.
func flow(ctx context.Context, store object.Store, src *numbers, trigger stream.Trigger) (*stream.Flow, error) {
	id := 0
	newID := func() string { id++; return fmt.Sprintf("id%d", id) }
	c, err := checkpoint.Open(ctx, store, checkpoint.Options{NewID: newID, Sleep: sleep})
	if err != nil {
		return nil, err
	}
	return &stream.Flow{
		Name: "numbers", Sources: []stream.Source{src}, Sink: &objects{store: store}, Checkpoint: c, Trigger: trigger,
		Clock: time.Now, NewID: newID, Sleep: sleep,
	}, nil
}

func TestTriggers(t *testing.T) {
	for _, c := range []struct {
		name    string
		trigger stream.Trigger
		want    []int
	}{
		{"what comes later waits for the next run", stream.Trigger{Kind: stream.AvailableNow}, []int{4, 4, 2}},
		{"once ignores limits", stream.Trigger{Kind: stream.Once}, []int{10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, there := mem.New(nil), &atomic.Int64{}
				f, err := flow(t.Context(), store, &numbers{there: there, limit: 100, step: 10, perBatch: 4}, c.trigger)
				if err != nil {
					t.Fatal(err)
				}
				if err := f.Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := sizes(batches(t, store)); !slices.Equal(got, c.want) {
					t.Errorf("got batches of %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestProcessingTime runs a batch every ten seconds, none when nothing is new,
// and stops without an error when it is told to.
func TestProcessingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, there := mem.New(nil), &atomic.Int64{}
		src := &numbers{there: there, limit: 6, step: 3, perBatch: 100}
		f, err := flow(t.Context(), store, src, stream.Trigger{Interval: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var at []time.Duration
		start := time.Now()
		var arriving []float64
		f.Progress = func(p stream.Progress) {
			at, arriving = append(at, p.Timestamp.Sub(start)), append(arriving, p.InputRowsPerSecond, p.Sources[0].InputRowsPerSecond)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 65*time.Second)
		defer cancel()
		if err := f.Run(ctx); err != nil {
			t.Errorf("a run that was stopped: %v", err)
		}
		if want := []time.Duration{0, 10 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("batches ran at %v, want %v", at, want)
		}
		if want := []float64{0, 0, 0.3, 0}; !slices.Equal(arriving, want) { // that source counts no rows
			t.Errorf("rows arrived at %v a second, want %v", arriving, want)
		}
		if want := []int64{0, 1}; !slices.Equal(src.finished, want) {
			t.Errorf("the source was told of batches %v, want %v", src.finished, want)
		}
	})
}

// slowSink takes some time for its first batch.
type slowSink struct {
	*objects
	first time.Duration
}

func (s *slowSink) Write(ctx context.Context, b stream.Batch, rows *ingest.Relation) (stream.Written, error) {
	if b.ID == 0 {
		if err := sleep(ctx, s.first); err != nil {
			return stream.Written{}, err
		}
	}
	return s.objects.Write(ctx, b, rows)
}

// TestProcessingTimeOverrun is semantics §10.3: a batch that takes longer than
// the interval is followed at once by the next, and the ticks that were missed
// are not made up for.
func TestProcessingTimeOverrun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, there := mem.New(nil), &atomic.Int64{}
		f, err := flow(t.Context(), store, &numbers{there: there, limit: 12, step: 3, perBatch: 3}, stream.Trigger{Interval: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		f.Sink = &slowSink{&objects{store: store}, 35 * time.Second}
		var at []time.Duration
		start := time.Now()
		f.Progress = func(p stream.Progress) { at = append(at, p.Timestamp.Sub(start)) }
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
		if want := []time.Duration{0, 35 * time.Second, 45 * time.Second, 55 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("batches ran at %v, want %v", at, want)
		}
	})
}

// TestTriggerChanges is semantics §10.3: another trigger goes on with the
// checkpoint, and an unfinished batch is completed first, within its bounds.
func TestTriggerChanges(t *testing.T) {
	for _, kinds := range [][2]stream.TriggerKind{
		{stream.AvailableNow, stream.ProcessingTime},
		{stream.AvailableNow, stream.Once},
		{stream.ProcessingTime, stream.AvailableNow},
		{stream.ProcessingTime, stream.Once},
		{stream.Once, stream.AvailableNow},
		{stream.Once, stream.ProcessingTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			store, there := mem.New(nil), &atomic.Int64{}
			src := &numbers{there: there, limit: 100, step: 3, perBatch: 50}
			f, err := flow(t.Context(), store, src, stream.Trigger{Kind: kinds[0]})
			if err != nil {
				t.Fatal(err)
			}
			broken := errors.New("no space left")
			f.Sink = &objects{store: store, fail: broken}
			if err := f.Run(t.Context()); !errors.Is(err, broken) {
				t.Fatalf("got %v, want %v", err, broken)
			}
			f.Sink, f.Trigger = &objects{store: store}, stream.Trigger{Kind: kinds[1]}
			src.step, src.limit = 20, 23
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := f.Run(ctx); err != nil {
				t.Fatal(err)
			}
			if got, want := sizes(batches(t, store)), []int{3, 20}; !slices.Equal(got, want) {
				t.Errorf("trigger %d after %d: got batches of %v, want %v", kinds[1], kinds[0], got, want)
			}
		})
	}
}

// TestUnfinishedBatchRunsAgain is semantics §10.1: with the offsets it had,
// though more has arrived.
func TestUnfinishedBatchRunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, there := mem.New(nil), &atomic.Int64{}
		src := &numbers{there: there, limit: 100, step: 3, perBatch: 50}
		f, err := flow(t.Context(), store, src, stream.Trigger{Kind: stream.AvailableNow})
		if err != nil {
			t.Fatal(err)
		}
		broken := errors.New("no space left")
		f.Sink = &objects{store: store, fail: broken}
		if err := f.Run(t.Context()); !errors.Is(err, broken) {
			t.Fatalf("got %v, want %v", err, broken)
		}
		f.Sink = &objects{store: store}
		src.step = 20
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := sizes(batches(t, store)), []int{3, 20}; !slices.Equal(got, want) {
			t.Errorf("got batches of %v, want %v", got, want)
		}
	})
}

func TestCheckpointOfAnotherShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, there := mem.New(nil), &atomic.Int64{}
		src := &numbers{there: there, limit: 1, step: 1, perBatch: 1}
		f, err := flow(t.Context(), store, src, stream.Trigger{Kind: stream.Once})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.Sources = append(f.Sources, src)
		var classified interface{ SQLState() string }
		if err := f.Run(t.Context()); !errors.As(err, &classified) {
			t.Errorf("got %v, want an error with a class", err)
		}
	})
}

// TestEveryRowOnce lets two processes run one flow, fail and die at every
// request of theirs.
func TestEveryRowOnce(t *testing.T) {
	const limit = 20
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			store, there := mem.New(nil), &atomic.Int64{}
			var actors []objecttest.Actor
			for i := range 2 {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				actors = append(actors, objecttest.Actor{Name: fmt.Sprintf("process%d", i), Restarts: 5, Run: func(ctx context.Context, store object.Store) {
					for ctx.Err() == nil {
						src := &numbers{there: there, limit: limit, step: 1 + rng.IntN(4), perBatch: 1 + rng.IntN(5)}
						f, err := flow(ctx, store, src, stream.Trigger{Kind: stream.TriggerKind(rng.IntN(3))})
						if err == nil {
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
			s := objecttest.Schedule{Seed: seed, Faults: 0.02, Crashes: 0.01, Store: store}
			steps, err := s.Run(t.Context(), actors...)
			if err != nil {
				t.Error(err)
			}
			// One more run without faults brings in what the dead left.
			f, err := flow(t.Context(), store, &numbers{there: there, limit: limit, step: limit, perBatch: limit}, stream.Trigger{Kind: stream.AvailableNow})
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Run(t.Context()); err != nil {
				t.Error(err)
			}
			count := map[int64]int{}
			for _, b := range batches(t, store) {
				for _, v := range b {
					count[v]++
				}
			}
			want := map[int64]int{}
			for v := range int64(limit) {
				want[v] = 1
			}
			if !maps.Equal(count, want) {
				t.Errorf("got rows %v, want each of %d once", count, limit)
			}
			if t.Failed() {
				t.Logf("seed %d:", seed)
				for _, s := range steps {
					t.Log(s)
				}
			}
		})
		if t.Failed() {
			return
		}
	}
}

func TestParseTrigger(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        stream.Trigger
		fails       bool
	}{
		{"", "", stream.Trigger{}, false},
		{"availableNow", "true", stream.Trigger{Kind: stream.AvailableNow}, false},
		{"once", "true", stream.Trigger{Kind: stream.Once}, false},
		{"processingTime", "10 seconds", stream.Trigger{Interval: 10 * time.Second}, false},
		{"processingTime", "interval 1 day 12 hours", stream.Trigger{Interval: 36 * time.Hour}, false},
		{"processingTime", "1 MINUTE", stream.Trigger{Interval: time.Minute}, false},
		{"processingTime", "soon", stream.Trigger{}, true},
		{"processingTime", "-1 seconds", stream.Trigger{}, true},
		{"processingTime", "99999999999 weeks", stream.Trigger{}, true},
		{"processingTime", "1 month", stream.Trigger{}, true},
		{"continuous", "1 second", stream.Trigger{}, true},
		{"realTime", "5 minutes", stream.Trigger{}, true},
		{"sometimes", "", stream.Trigger{}, true},
	} {
		got, err := stream.ParseTrigger(c.name, c.value)
		if (err != nil) != c.fails || err == nil && got != c.want {
			t.Errorf("ParseTrigger(%q, %q) = %+v, %v, want %+v, failure %v", c.name, c.value, got, err, c.want, c.fails)
		}
	}
}
