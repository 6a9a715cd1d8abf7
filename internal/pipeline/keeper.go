package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/schedule"
)

const (
	// maxBackoff bounds how long a dataset that keeps failing is left alone.
	maxBackoff = 5 * time.Minute
	// recheck is how long a dataset is left alone, at most, although all that
	// it reads is watched: sources have other things to do now and then.
	recheck = time.Minute
	// recheckOnUpdate is the same for TRIGGER ON UPDATE, which asks for no more
	// than updates.
	recheckOnUpdate = 10 * time.Minute
)

// keeper keeps one dataset up to date. But for what mu guards, and its
// channels, it is used by one goroutine.
type keeper struct {
	*update
	dataset  *Dataset
	inputs   []*keeper
	readers  []*keeper // of the dataset
	slots    chan struct{}
	interval time.Duration
	started  time.Time

	poke  chan struct{} // something may have changed for it
	there chan struct{} // closed once the dataset is

	watch    *dataset.Watch // nil before the first refresh
	watched  time.Time      // when it began
	last     outcome
	woken    bool
	schedule *schedule.Schedule // nil runs whenever there is something new

	defining sync.Mutex
	text     string // of the definition that the catalog has
	parsed   string // of that, what schedule is of
}

// run refreshes the dataset, once what it reads is there, until ctx is done,
// which ends a refresh too, or idle is.
func (k *keeper) run(ctx, idle context.Context) {
	defer func() { k.unwatch() }()
	for _, in := range k.inputs {
		select {
		case <-in.there:
		case <-idle.Done():
			return
		}
	}
	if k.excluded(k.dataset) {
		close(k.there)
		return
	}
	for {
		if !k.acquire(idle) {
			return
		}
		k.refresh(ctx)
		<-k.slots
		if k.exists() && !k.dataset.refreshed() || !k.wait(ctx, idle) {
			return
		}
	}
}

// acquire waits for its turn.
func (k *keeper) acquire(idle context.Context) bool {
	select {
	case k.slots <- struct{}{}:
		return idle.Err() == nil
	case <-idle.Done():
		return false
	}
}

func (k *keeper) exists() bool {
	select {
	case <-k.there:
		return true
	default:
		return false
	}
}

// refresh brings the dataset up to date, and begins to watch what it reads.
func (k *keeper) refresh(ctx context.Context) {
	k.woken = false
	before := k.last
	k.last = outcome{began: k.cfg.Clock()}
	r := k.try(ctx, k.dataset)
	k.last.status = r.Status
	if r.Status == eventlog.FlowFailed {
		k.last.failures = before.failures + 1
	}
	if r.Status != eventlog.FlowStopped || before.status != eventlog.FlowStopped {
		k.report(r)
	}
	if r.Status != eventlog.FlowCompleted {
		k.unwatch()
		if r.Status == eventlog.FlowFailed && before.failures == 0 && !k.exists() {
			k.skipReaders(map[*keeper]bool{})
		}
		return
	}
	first := !k.exists()
	if first {
		close(k.there)
	}
	k.observe(ctx)
	for _, reader := range k.readers {
		if first || r.Outcome.Rows > 0 {
			reader.wake()
		}
	}
}

// skipReaders tells of the datasets that wait for this one to be made.
func (k *keeper) skipReaders(told map[*keeper]bool) {
	for _, reader := range k.readers {
		if !told[reader] {
			told[reader] = true
			k.skip(reader.dataset, k.dataset)
			reader.skipReaders(told)
		}
	}
}

// observe begins to watch what the dataset reads, unless it does. A watch that
// does not tell of everything is tried again now and then.
func (k *keeper) observe(ctx context.Context) {
	now := k.cfg.Clock()
	if !k.dataset.refreshed() || k.watch != nil && (k.watch.Complete() || now.Sub(k.watched) < recheck) {
		return
	}
	k.unwatch()
	s, err := k.session(ctx, k.dataset)
	if err == nil {
		k.watch, err = s.Datasets().Watch(ctx, k.dataset.Name)
	}
	if err != nil {
		k.watch = nil // it is refreshed every interval instead
	}
	k.watched = now
}

func (k *keeper) unwatch() {
	if k.watch != nil {
		_ = k.watch.Close() // what it had to tell is of no interest any more
		k.watch = nil
	}
}

// wake tells the keeper that there may be something new.
func (k *keeper) wake() {
	select {
	case k.poke <- struct{}{}:
	default: // it is told already
	}
}

// defined tells the keeper of the definition that the catalog has.
func (k *keeper) defined(text string) {
	k.defining.Lock()
	changed := k.text != text
	k.text = text
	k.defining.Unlock()
	if changed {
		k.wake()
	}
}

// wait waits until the dataset is to be refreshed. It reports false when the
// runner ends.
func (k *keeper) wait(ctx, idle context.Context) bool {
	for idle.Err() == nil {
		k.reschedule(ctx)
		due, now := k.due(), k.cfg.Clock()
		if due.After(now) {
			k.sleep(idle, due.Sub(now))
			continue
		}
		if k.last.status != eventlog.FlowStopped || !k.stopped(ctx) {
			return true
		}
		k.last.began = now
	}
	return false
}

// stopped reports whether the flow is still asked to stop.
func (k *keeper) stopped(ctx context.Context) bool {
	s, err := k.session(ctx, k.dataset)
	if err != nil {
		return false
	}
	asked, err := s.Datasets().Stopped(ctx, k.dataset.Name)
	return err == nil && asked
}

// reschedule takes over the schedule of the catalog's definition.
func (k *keeper) reschedule(ctx context.Context) {
	k.defining.Lock()
	text := k.text
	k.defining.Unlock()
	if text == k.parsed {
		return
	}
	s, err := k.session(ctx, k.dataset)
	if err != nil {
		return
	}
	if found, err := s.Datasets().Schedule(text); err == nil {
		k.schedule, k.parsed = found, text
	}
}

// due returns when the dataset is refreshed next.
func (k *keeper) due() time.Time {
	began, watched := k.last.began, k.watch != nil && k.watch.Complete()
	switch {
	case k.last.failures > 0:
		return began.Add(min(k.interval<<min(k.last.failures, 16), maxBackoff))
	case k.last.status == eventlog.FlowStopped:
		return began.Add(k.interval)
	case k.schedule == nil:
		return k.whenNew(k.interval, recheck, watched)
	case k.schedule.OnUpdate:
		return k.whenNew(k.schedule.AtMost, recheckOnUpdate, watched)
	}
	next := k.schedule.Next(k.started, began)
	if next.IsZero() { // its last time is over
		return began.AddDate(1000, 0, 0)
	}
	return next
}

// whenNew returns when a dataset is due that is refreshed when there is
// something new: least after its last refresh at the earliest.
func (k *keeper) whenNew(least, most time.Duration, watched bool) time.Time {
	if watched && !k.woken {
		return k.last.began.Add(max(least, most))
	}
	return k.last.began.Add(least)
}

// sleep waits for some time, until something may be new, or until idle is
// done.
func (k *keeper) sleep(idle context.Context, d time.Duration) {
	sleeping, wake := context.WithCancel(idle)
	var ready <-chan struct{}
	if k.watch != nil {
		ready = k.watch.Ready()
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-ready:
			k.woken = true
		case <-k.poke:
			k.woken = true
		case <-sleeping.Done():
		}
		wake()
	})
	_ = k.cfg.Sleep(sleeping, d) // whatever has ended it, there is time to look
	wake()
	waiting.Wait()
}
