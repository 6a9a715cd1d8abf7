package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
)

// lookInterval is how often, at most, a runner that keeps going looks at the
// catalog and at its files.
const lookInterval = 10 * time.Second

// RunContinuously runs the pipeline until ctx is done, which is no error: a
// batch that runs is then abandoned, and the next run begins with it.
//
// Each dataset is refreshed when there may be something new for it, a time of
// interval after its last refresh at the earliest, or when its schedule says,
// which is that of the catalog: ALTER … SCHEDULE is heeded. One that reads what
// cannot be watched is refreshed every interval. A dataset that fails is tried
// again, after ever longer times, and nothing else waits for it but what cannot
// be made without.
//
// When files of the pipeline change, what runs is finished and the pipeline
// begins anew with them; files that are not valid are reported, and the
// pipeline goes on as it is.
func (p *Pipeline) RunContinuously(ctx context.Context, cfg Config, interval time.Duration) error {
	for p != nil {
		next, err := p.keep(ctx, cfg, interval)
		switch {
		case ctx.Err() != nil && errors.Is(err, context.Canceled):
			return nil // it was still beginning
		case err != nil:
			return err
		}
		cfg.Full, cfg.FullAll = nil, false
		p = next
	}
	return nil
}

// keep runs the pipeline until ctx is done, or its files make another, which
// it returns.
func (p *Pipeline) keep(ctx context.Context, cfg Config, interval time.Duration) (next *Pipeline, err error) {
	u, err := p.begin(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.close()) }() //nolint:contextcheck // what is closed waits on its own, also when ctx is done
	u.keep = true
	if err := u.start(ctx, true); err != nil {
		return nil, err
	}
	keepers := u.keepers(interval)
	idle, finish := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, d := range u.Datasets {
		running.Go(func() { keepers[d].run(ctx, idle) })
	}
	next = u.lookAfter(ctx, keepers, min(interval, lookInterval))
	finish()
	running.Wait()
	if next != nil {
		return next, u.events.End(ctx, nil)
	}
	return nil, u.events.End(ctx, context.Canceled)
}

// lookAfter writes events, and passes on schedules that were altered, until
// ctx is done or the files make another pipeline, which it returns.
func (u *update) lookAfter(ctx context.Context, keepers map[*Dataset]*keeper, every time.Duration) *Pipeline {
	byName := map[string]*keeper{}
	for d, k := range keepers {
		byName[key(d.Name)] = k
	}
	files := u.fingerprint()
	for u.cfg.Sleep(ctx, every) == nil {
		u.events.Tick(ctx)
		if texts, err := u.lead.Datasets().Definitions(ctx); err == nil {
			for name, text := range texts {
				if k := byName[key(name)]; k != nil {
					k.defined(text)
				}
			}
		}
		now := u.fingerprint()
		if now == files {
			continue
		}
		files = now
		next, err := Load(u.Name, u.paths)
		if err == nil {
			err = next.check(ctx, u.lead.Datasets().Exists)
		}
		if err == nil {
			_, err = next.find(u.cfg.Only)
		}
		if ctx.Err() != nil {
			return nil
		}
		u.changed(err)
		if err == nil {
			return next
		}
	}
	return nil
}

// changed tells that files have changed; err says why they cannot be used.
func (u *update) changed(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.cfg.Changed != nil {
		u.cfg.Changed(err)
	}
}

// keepers returns who keeps each dataset up to date.
func (u *update) keepers(interval time.Duration) map[*Dataset]*keeper {
	started := u.cfg.Clock()
	slots := make(chan struct{}, max(1, u.cfg.Parallelism))
	keepers := map[*Dataset]*keeper{}
	for _, d := range u.Datasets { // each after its inputs
		k := &keeper{update: u, dataset: d, slots: slots, interval: interval, started: started, poke: make(chan struct{}, 1), there: make(chan struct{})}
		if d.refreshed() {
			k.text = d.Statement.String()
		}
		for _, in := range d.Inputs {
			k.inputs = append(k.inputs, keepers[in])
			keepers[in].readers = append(keepers[in].readers, k)
		}
		keepers[d] = k
	}
	return keepers
}

// outcome is how the last refresh of a dataset went.
type outcome struct {
	began    time.Time
	status   eventlog.Status
	failures int // in a row
}
