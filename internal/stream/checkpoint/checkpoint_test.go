package checkpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func options(id string) checkpoint.Options {
	return checkpoint.Options{NewID: func() string { return id }, Sleep: sleep}
}

func open(t *testing.T, store object.Store, id string) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Open(t.Context(), store, options(id))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIdentityStays(t *testing.T) {
	store := mem.New(nil)
	first, second := open(t, store, "one"), open(t, store, "two")
	if first.ID() != "one" || second.ID() != "one" {
		t.Errorf("got identities %q and %q, want one and one", first.ID(), second.ID())
	}
}

// TestLayout is semantics §10.2, byte by byte.
func TestLayout(t *testing.T) {
	store := mem.New(nil)
	c := open(t, store, "0a1b")
	batch := checkpoint.Batch{
		ID: 0, Timestamp: time.UnixMilli(1700000000123).UTC(), Watermark: 7,
		Conf: map[string]string{"k": "v"}, Offsets: []json.RawMessage{json.RawMessage(`{ "seqNum": 3 }`), nil},
	}
	if err := c.Plan(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if err := c.Finish(t.Context(), 0, 9); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"metadata":  `{"id":"0a1b"}`,
		"offsets/0": "v1\n" + `{"batchWatermarkMs":7,"batchTimestampMs":1700000000123,"conf":{"k":"v"}}` + "\n" + `{"seqNum":3}` + "\n-",
		"commits/0": "v1\n" + `{"nextBatchWatermarkMs":9}`,
	} {
		if got := content(t, store, key); got != want {
			t.Errorf("%s holds %q, want %q", key, got, want)
		}
	}
	got, err := c.Batch(t.Context(), 0)
	batch.Offsets[0] = json.RawMessage(`{"seqNum":3}`)
	if diff := cmp.Diff(batch, got); err != nil || diff != "" {
		t.Errorf("batch read back: %v\n%s", err, diff)
	}
}

func content(t *testing.T, store object.Store, key string) string {
	t.Helper()
	o, err := store.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestProgress(t *testing.T) {
	store := mem.New(nil)
	c := open(t, store, "id")
	expect := func(step string, planned int64, done bool, watermark int64) {
		t.Helper()
		p, err := c.Progress(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		got := int64(-1)
		if p.Planned != nil {
			got = p.Planned.ID
		}
		if got != planned || p.Done != done || p.Watermark != watermark {
			t.Errorf("%s: got batch %d, done %v, watermark %d, want %d, %v, %d", step, got, p.Done, p.Watermark, planned, done, watermark)
		}
	}
	expect("at first", -1, false, 0)
	for id := range int64(12) { // past 9, where names no longer sort as numbers
		if err := c.Plan(t.Context(), checkpoint.Batch{ID: id, Watermark: id}); err != nil {
			t.Fatal(err)
		}
		expect("planned", id, false, id)
		if err := c.Finish(t.Context(), id, id+1); err != nil {
			t.Fatal(err)
		}
		expect("finished", id, true, id+1)
	}
	if err := store.Put(t.Context(), "offsets/.99.crc", nil); err != nil {
		t.Fatal(err)
	}
	expect("with files of other engines", 11, true, 12)
	if err := c.Purge(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	expect("purged", 11, true, 12)
	if _, err := c.Batch(t.Context(), 10); err == nil {
		t.Error("batch 10 is there after it was purged")
	}
}

func TestPlannedTwice(t *testing.T) {
	store := mem.New(nil)
	c := open(t, store, "id")
	b := checkpoint.Batch{ID: 0, Offsets: []json.RawMessage{json.RawMessage(`1`)}}
	if err := errors.Join(c.Plan(t.Context(), b), c.Plan(t.Context(), b)); err != nil {
		t.Errorf("the same plan again: %v", err)
	}
	b.Offsets[0] = json.RawMessage(`2`)
	var other *checkpoint.ConcurrentRunError
	if err := c.Plan(t.Context(), b); !errors.As(err, &other) {
		t.Errorf("another plan of the batch: got %v, want a ConcurrentRunError", err)
	}
}

func TestDamage(t *testing.T) {
	for _, tt := range []struct{ key, body string }{
		{"metadata", `{"id":`},
		{"offsets/0", "v2\n{}"},
		{"offsets/0", ""},
		{"offsets/0", "v1"},
		{"offsets/0", "v1\n{\n-"},
		{"offsets/0", "v1\n{}\nnot json"},
		{"commits/0", "v1\n["},
		{"commits/0", "v7\n{}"},
		{"offsets/9223372036854775807", "v1\n{}\n-"},
		{"offsets/99999999999999999999", "v1\n{}\n-"},
		{"commits/9007199254740993", "v1\n{}"},
		{"offsets/0", "v1\n{\"batchWatermarkMs\":9223372036854775807}\n-"},
		{"offsets/0", "v1\n{\"batchWatermarkMs\":-1}\n-"},
		{"offsets/0", "v1\n{\"batchTimestampMs\":9223372036854775807}\n-"},
		{"offsets/0", "v1\n{}" + strings.Repeat("\n-", 10_001)},
		{"commits/0", "v1\n{\"nextBatchWatermarkMs\":9223372036854775807}"},
	} {
		store := mem.New(nil)
		put := func(key, body string) {
			if err := store.Put(t.Context(), key, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
		put("metadata", `{"id":"x"}`)
		put("offsets/0", "v1\n{}\n-")
		put(tt.key, tt.body)
		c, err := checkpoint.Open(t.Context(), store, options("x"))
		if err == nil {
			_, err = c.Progress(t.Context())
		}
		classified, ok := errors.AsType[errclass.Classified](err)
		if !ok || classified.ErrorClass() != "STREAMING_CHECKPOINT_CORRUPT" || !strings.Contains(err.Error(), tt.key) {
			t.Errorf("%s = %.60q: got %v, want an error that names it", tt.key, tt.body, err)
		}
	}
}

// TestForeignNames: files that are called otherwise than those of a checkpoint
// are not of it, be they numbered.
func TestForeignNames(t *testing.T) {
	store := mem.New(nil)
	c := open(t, store, "x")
	if err := c.Plan(t.Context(), checkpoint.Batch{ID: 3}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"offsets/+7", "offsets/08", "offsets/-9", "offsets/.4.crc", "commits/03", "commits/3.tmp", "lease/7"} {
		if err := store.Put(t.Context(), key, []byte("v1")); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := c.Progress(t.Context()); err != nil || p.Planned == nil || p.Planned.ID != 3 || p.Done {
		t.Errorf("got %+v, %v, want batch 3 to be planned", p, err)
	}
	if l, _, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{}); err != nil || l.Number() != 1 {
		t.Errorf("got lease %v, %v", l, err)
	} else if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := store.Put(t.Context(), "lease/09223372036854775807", nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{}); err == nil || !strings.Contains(err.Error(), "lease/09223372036854775807") {
		t.Errorf("a lease after the last: got %v", err)
	}
}

func FuzzBatch(f *testing.F) {
	for _, seed := range []string{"", "v1", "v1\n{}\n-\n{}", "v1\n{\"conf\":{\"a\":\"b\"}}\n{\"seqNum\":1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		store := mem.New(nil)
		c := open(t, store, "x")
		if err := store.Put(t.Context(), "offsets/0", body); err != nil {
			t.Fatal(err)
		}
		b, err := c.Batch(t.Context(), 0)
		if err != nil {
			return
		}
		b.ID = 1
		if err := c.Plan(t.Context(), b); err != nil {
			t.Fatalf("a batch that was read cannot be planned: %v", err)
		}
		again, err := c.Batch(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range again.Offsets {
			if (o == nil) != (b.Offsets[i] == nil) {
				t.Errorf("offset %d: got %s, want %s", i, o, b.Offsets[i])
			}
		}
	})
}

func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, mem.New(nil), "id")
		first, held, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{Owner: checkpoint.Owner{Run: "first", Host: "a", PID: 1}})
		if err != nil {
			t.Fatal(err)
		}
		var other *checkpoint.ConcurrentRunError
		if _, _, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{}); !errors.As(err, &other) || !strings.Contains(err.Error(), "run first, process 1 on a") {
			t.Errorf("while another run lives: got %v, want an error that names it", err)
		}
		if err := first.Release(t.Context()); err != nil || held.Err() == nil {
			t.Errorf("release: %v, and its context: %v", err, held.Err())
		}
		start := time.Now()
		second, _, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{})
		if err != nil || time.Since(start) != 0 {
			t.Fatalf("after the release: %v, after %v", err, time.Since(start))
		}
		if err := second.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLeaseOfNoRun: a run that fails or is cancelled while it takes the lease
// holds it no longer, so that the next need not wait.
func TestLeaseOfNoRun(t *testing.T) {
	for name, fails := range map[string]func(objecttest.Call) bool{
		"it cannot look whether it has the lease": func(c objecttest.Call) bool { return c.Op == objecttest.List },
		"it cannot forget earlier leases":         func(c objecttest.Call) bool { return c.Op == objecttest.Delete },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				under := mem.New(nil)
				taken := false
				faulty := open(t, objecttest.NewFaulty(under, func(c objecttest.Call) objecttest.Fault {
					if taken && fails(c) {
						return objecttest.Fault{When: objecttest.Before, Err: objecttest.ErrInjected}
					}
					taken = taken || c.Op == objecttest.PutIfAbsent && strings.HasPrefix(c.Key, "lease/")
					return objecttest.Fault{}
				}), "id")
				c := open(t, under, "id")
				before, _, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{})
				if err == nil {
					err = before.Release(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := faulty.Acquire(t.Context(), checkpoint.LeaseConfig{}); !errors.Is(err, objecttest.ErrInjected) {
					t.Fatalf("got %v, want the injected fault", err)
				}
				start := time.Now()
				next, _, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{})
				if err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(start); waited != 0 {
					t.Errorf("the next run waited %v", waited)
				}
				if err := next.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestLeaseTakenMeanwhile: of two runs that begin together one gets the lease,
// and the other is told so, though it finds nothing of the lease that it asked
// about.
func TestLeaseTakenMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := mem.New(nil)
		fast := open(t, under, "id")
		first, _, err := fast.Acquire(t.Context(), checkpoint.LeaseConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		var winner *checkpoint.Lease
		slow := open(t, objecttest.NewFaulty(under, func(c objecttest.Call) objecttest.Fault {
			if winner == nil && strings.HasSuffix(c.Key, ".done") {
				winner, _, err = fast.Acquire(t.Context(), checkpoint.LeaseConfig{})
			}
			return objecttest.Fault{}
		}), "id")
		var other *checkpoint.ConcurrentRunError
		if _, _, lost := slow.Acquire(t.Context(), checkpoint.LeaseConfig{}); err != nil || !errors.As(lost, &other) {
			t.Errorf("got %v, want a ConcurrentRunError; the other run: %v", lost, err)
		}
		if err := winner.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLeaseOfTheDead is taken over after a few silent beats, or at once when
// the owner is known to be gone; should it rise again it learns that it lost.
func TestLeaseOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		under := mem.New(nil)
		paused := make(chan struct{})
		asleep := checkpoint.Options{NewID: func() string { return "id" }, Sleep: func(ctx context.Context, _ time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-paused:
				return nil
			}
		}}
		dead, err := checkpoint.Open(t.Context(), under, asleep)
		if err != nil {
			t.Fatal(err)
		}
		old, held, err := dead.Acquire(t.Context(), checkpoint.LeaseConfig{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it has given its first sign of life, and no more
		start := time.Now()
		c := open(t, under, "id")
		next, _, err := c.Acquire(t.Context(), checkpoint.LeaseConfig{Beat: time.Second})
		if err != nil || time.Since(start) != 3*time.Second {
			t.Fatalf("got %v after %v, want the lease after 3 s", err, time.Since(start))
		}
		var lost *checkpoint.ConcurrentRunError
		if err := old.Check(t.Context()); !errors.As(err, &lost) {
			t.Errorf("the old owner's check: %v, want a ConcurrentRunError", err)
		}
		close(paused)
		<-held.Done()
		if !errors.As(context.Cause(held), &lost) {
			t.Errorf("the old owner's context ended by %v, want a ConcurrentRunError", context.Cause(held))
		}
		if err := errors.Join(old.Release(t.Context()), next.Release(t.Context())); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRunsUnderFaults lets runs of one flow race, fail and die at every
// request: each batch has one input for ever, and its effect, made before it
// is finished, is that input's.
func TestRunsUnderFaults(t *testing.T) {
	const batches = 4
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			store := mem.New(nil)
			var actors []objecttest.Actor
			for i := range 3 {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				actors = append(actors, objecttest.Actor{Name: fmt.Sprintf("run%d", i), Restarts: 3, Run: func(ctx context.Context, store object.Store) {
					for ctx.Err() == nil && !run(ctx, store, rng, batches) {
						_ = sleep(ctx, time.Duration(rng.IntN(30))*time.Second)
					}
				}})
			}
			s := objecttest.Schedule{Seed: seed, Faults: 0.03, Crashes: 0.01, Store: store}
			steps, err := s.Run(t.Context(), actors...)
			if err != nil {
				t.Error(err)
			}
			c := open(t, store, "x")
			for id := range int64(batches) {
				b, err := c.Batch(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if got := content(t, store, fmt.Sprintf("sink/%d", id)); got != string(b.Offsets[0]) {
					t.Errorf("batch %d was written from %s, but planned to be from %s", id, got, b.Offsets[0])
				}
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

// run is one run of a flow; it reports whether all batches are done.
func run(ctx context.Context, store object.Store, rng *rand.Rand, batches int64) bool {
	c, err := checkpoint.Open(ctx, store, checkpoint.Options{NewID: func() string { return fmt.Sprint(rng.Uint32()) }, Sleep: sleep})
	if err != nil {
		return false
	}
	lease, held, err := c.Acquire(ctx, checkpoint.LeaseConfig{Owner: checkpoint.Owner{Run: fmt.Sprint(rng.Uint32())}})
	if err != nil {
		return false
	}
	defer func() { _ = lease.Release(ctx) }()
	for {
		p, err := c.Progress(held)
		if err != nil {
			return false
		}
		next := checkpoint.Batch{Offsets: []json.RawMessage{json.RawMessage(fmt.Sprint(rng.Uint32()))}}
		switch {
		case p.Planned == nil:
		case !p.Done:
			next = *p.Planned
		case p.Planned.ID == batches-1:
			return true
		default:
			next.ID = p.Planned.ID + 1
		}
		if err := c.Plan(held, next); err != nil {
			return false
		}
		// The sink takes each batch once, as a table does by its txn action.
		key := fmt.Sprintf("sink/%d", next.ID)
		if err := store.PutIfAbsent(held, key, next.Offsets[0]); err != nil {
			if _, err := store.Open(held, key); err != nil {
				return false
			}
		}
		if err := c.Finish(held, next.ID, 0); err != nil {
			return false
		}
	}
}
