package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"sync"
	"time"
)

// Owner is who runs a flow.
type Owner struct {
	Run  string `json:"runId"`
	Host string `json:"host"`
	PID  int    `json:"pid"`
}

func (o Owner) String() string { return fmt.Sprintf("run %s, process %d on %s", o.Run, o.PID, o.Host) }

// LeaseConfig says how a lease is kept.
type LeaseConfig struct {
	Owner Owner
	// Gone reports whether an earlier owner is known to have died, as a
	// process of this machine that is no more; nil knows of none.
	Gone func(Owner) bool
	// Beat is how often the owner gives a sign of life; 0 is 5 s.
	Beat time.Duration
}

// patience is for how many beats an owner may be silent.
const patience = 3

// Lease is the right to run a flow. Leases are numbered: who wants to take
// over from an owner that gives no sign of life writes the next number, which
// the other finds at its next sign. No clocks are compared: each side
// measures silence by its own.
//
// The lease makes a second run fail early and clearly. That nothing is ever
// loaded twice does not rest on it, but on batches being planned once and on
// the txn action of their commits.
type Lease struct {
	checkpoint *Checkpoint
	number     int64
	stop       context.CancelFunc
	beating    sync.WaitGroup
}

// Number is the lease's: each that is taken has the next one.
func (l *Lease) Number() int64 { return l.number }

const leasePrefix = "lease/"

func leaseKey(n int64) string { return fmt.Sprintf("%s%020d", leasePrefix, n) }
func beatKey(n int64) string  { return leaseKey(n) + ".beat" }
func doneKey(n int64) string  { return leaseKey(n) + ".done" }

// Acquire takes the lease, waiting to see whether an earlier owner lives.
// When it does the error is a [*ConcurrentRunError]. The context returned is
// done, with a [*ConcurrentRunError] as its cause, once the lease is lost.
func (c *Checkpoint) Acquire(ctx context.Context, cfg LeaseConfig) (*Lease, context.Context, error) {
	if cfg.Beat <= 0 {
		cfg.Beat = 5 * time.Second
	}
	last, err := c.lastLease(ctx)
	if err != nil {
		return nil, nil, err
	}
	if last > 0 {
		if err := c.awaitEnd(ctx, last, cfg); err != nil {
			return nil, nil, err
		}
	}
	mine := last + 1
	body, err := json.Marshal(cfg.Owner)
	if err != nil {
		return nil, nil, err
	}
	if err := c.write(ctx, leaseKey(mine), body); err != nil {
		return nil, nil, fmt.Errorf("take the lease: %w", err)
	}
	l := &Lease{checkpoint: c, number: mine}
	if err = l.Check(ctx); err == nil {
		err = c.forget(ctx, mine)
	}
	if err != nil {
		// Nobody is to wait for signs of life from a run that does not begin.
		return nil, nil, errors.Join(err, l.giveUp(context.WithoutCancel(ctx)))
	}
	held, cancel := context.WithCancelCause(ctx)
	l.stop = func() { cancel(context.Canceled) }
	l.beating.Go(func() { l.beat(held, cfg.Beat, cancel) })
	return l, held, nil
}

// lastLease returns the number of the newest lease, or 0.
func (c *Checkpoint) lastLease(ctx context.Context) (int64, error) {
	last, err := c.newest(ctx, leasePrefix, leaseKey)
	return max(last, 0), err
}

// awaitEnd waits until the owner of a lease has given it up or has been
// silent for long enough.
func (c *Checkpoint) awaitEnd(ctx context.Context, n int64, cfg LeaseConfig) error {
	if _, err := c.read(ctx, doneKey(n)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var owner Owner
	if body, err := c.read(ctx, leaseKey(n)); errors.Is(err, fs.ErrNotExist) {
		// A run that came since has taken the next one, and forgotten this.
		return &ConcurrentRunError{Detail: "it has begun at the same time"}
	} else if err != nil {
		return fmt.Errorf("read lease: %w", err)
	} else if err := json.Unmarshal(body, &owner); err != nil {
		return damaged(leaseKey(n), "cannot be read: "+err.Error())
	}
	if cfg.Gone != nil && cfg.Gone(owner) {
		return nil
	}
	first, err := c.lastBeat(ctx, n)
	if err != nil {
		return err
	}
	for range patience {
		if err := c.sleep(ctx, cfg.Beat); err != nil {
			return err
		}
		if _, err := c.read(ctx, doneKey(n)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		now, err := c.lastBeat(ctx, n)
		if err != nil {
			return err
		}
		if now != first {
			return &ConcurrentRunError{Detail: owner.String()}
		}
	}
	return nil
}

// lastBeat returns the newest sign of life of an owner, "" for none yet.
func (c *Checkpoint) lastBeat(ctx context.Context, n int64) (string, error) {
	body, err := c.read(ctx, beatKey(n))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(body), err
}

// forget deletes the leases before n.
func (c *Checkpoint) forget(ctx context.Context, n int64) error {
	for in, err := range c.store.List(ctx, leasePrefix, "") {
		if err != nil {
			return fmt.Errorf("list leases: %w", err)
		}
		if in.Name() >= leaseKey(n) {
			return nil
		}
		if err := c.store.Delete(ctx, in.Name()); err != nil {
			return fmt.Errorf("forget earlier leases: %w", err)
		}
	}
	return nil
}

// beat gives signs of life until ctx is done or the lease is lost. A sign that
// cannot be given is no loss yet: the next may be, before others lose patience.
func (l *Lease) beat(ctx context.Context, every time.Duration, lost context.CancelCauseFunc) {
	for count := 1; ; count++ {
		if err := l.checkpoint.store.Put(ctx, beatKey(l.number), []byte(strconv.Itoa(count))); err == nil {
			var other *ConcurrentRunError
			if err := l.Check(ctx); errors.As(err, &other) {
				lost(other)
				return
			}
		}
		if l.checkpoint.sleep(ctx, every) != nil {
			return
		}
	}
}

// Check returns a [*ConcurrentRunError] when another run has taken the lease.
func (l *Lease) Check(ctx context.Context) error {
	last, err := l.checkpoint.lastLease(ctx)
	if err != nil {
		return err
	}
	if last != l.number {
		return &ConcurrentRunError{Detail: "it has taken over after this one gave no sign of life for a while"}
	}
	return nil
}

// Release gives the lease up, so that the next run need not wait. The context
// that came with it is done.
func (l *Lease) Release(ctx context.Context) error {
	l.stop()
	l.beating.Wait()
	return l.giveUp(ctx)
}

func (l *Lease) giveUp(ctx context.Context) error {
	if err := l.checkpoint.store.Put(ctx, doneKey(l.number), nil); err != nil {
		return fmt.Errorf("release the lease: %w", err)
	}
	return nil
}
