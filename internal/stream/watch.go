package stream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Watcher is a [Source] that can be told of what is new instead of looking for
// it, while a flow keeps running.
type Watcher interface {
	// Watch begins to watch. The source is told until stop returns. With an
	// error that is [ErrUnwatched] it goes on looking by itself.
	Watch(ctx context.Context) (stop func() error, err error)
	// Ready receives when there may be something to discover. It is nil when
	// the source has to look by itself.
	Ready() <-chan struct{}
	// Unwatched says why a source that watches is not told of everything; nil
	// when it is.
	Unwatched() error
}

// ErrUnwatched says that a source is not told of what is new, as it should be,
// and looks for it instead.
var ErrUnwatched = errors.New("what is new is looked for instead")

// idleInterval is how long a flow waits, at most, when all its sources tell of
// what is new. They may have other things to do now and then.
const idleInterval = time.Minute

// watch lets the sources watch, until stop is called.
func (r *running) watch(ctx context.Context) (stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, s := range stops {
			errs = append(errs, s())
		}
		return errors.Join(errs...)
	}
	for _, s := range r.Sources {
		w, ok := s.(Watcher)
		if !ok {
			continue
		}
		one, err := w.Watch(ctx)
		if errors.Is(err, ErrUnwatched) {
			r.Logger.WarnContext(ctx, "a source is not watched", "flow", r.Name, "error", err)
			continue
		}
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		stops = append(stops, one)
	}
	return stop, nil
}

// ready returns what the sources tell by; none when one of them does not.
func (r *running) ready(ctx context.Context) []<-chan struct{} {
	var all []<-chan struct{}
	for _, s := range r.Sources {
		w, ok := s.(Watcher)
		if ok && w.Unwatched() != nil && !r.toldUnwatched {
			r.toldUnwatched = true
			r.Logger.WarnContext(ctx, "a source is watched in part, and looked at", "flow", r.Name, "error", w.Unwatched())
		}
		if !ok || w.Ready() == nil {
			return nil
		}
		all = append(all, w.Ready())
	}
	return all
}

// idle waits until a source tells of something new, or for some time.
func (r *running) idle(ctx context.Context) error {
	ready, rest := r.ready(ctx), idleInterval
	if len(ready) == 0 {
		return r.Sleep(ctx, pollInterval)
	}
	waiting, wake := context.WithCancel(ctx)
	var woken atomic.Bool
	var wg sync.WaitGroup
	for _, c := range ready {
		wg.Go(func() {
			select {
			case <-c:
				woken.Store(true)
				wake()
			case <-waiting.Done():
			}
		})
	}
	err := r.Sleep(waiting, rest)
	wake()
	wg.Wait()
	if woken.Load() {
		return ctx.Err()
	}
	return err
}
