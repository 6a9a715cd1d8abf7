package objecttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/freshet/freshet/internal/object"
)

// ErrCrashed is what every request of a dead actor meets.
var ErrCrashed = errors.New("the process has died")

// Actor is one process that works on a store.
type Actor struct {
	Name string
	// Run works until it is done. After a crash its store answers nothing
	// but [ErrCrashed], ctx is done, and what Run does no longer matters.
	Run func(ctx context.Context, store object.Store)
	// Restarts is how often Run is called again after a crash.
	Restarts int
}

// Schedule runs actors on one store, one request at a time, in an order that
// Seed alone decides: the same seed on the same code gives the same steps.
// Requests fail, and actors die between any two of their requests, as often
// as the shares say. Writes whose outcome the actor was not told may land at
// any later time, also after its death.
type Schedule struct {
	Seed    uint64
	Faults  float64 // share of requests that fail
	Crashes float64 // share of requests at which their actor dies
	Store   object.Store
}

// Step is one request as it came to be.
type Step struct {
	Actor   string
	Op      Op
	Key     string
	When    When
	Crashed bool // the actor died in it
	Landed  bool // it is the late effect of an earlier request
}

func (s Step) String() string {
	text := fmt.Sprintf("%-10s %-11s %s", s.Actor, s.Op, s.Key)
	switch {
	case s.Landed:
		return text + " landed late"
	case s.Crashed:
		return text + " crashed, " + s.When.String()
	case s.When != None:
		return text + " failed, " + s.When.String()
	}
	return text
}

// ErrStuck says that actors went on for more requests than any schedule needs.
var ErrStuck = errors.New("the actors do not come to an end")

// maxSteps bounds a schedule.
const maxSteps = 100_000

// Run runs the actors to their end and returns the steps they took. It has to
// be called inside a bubble of [synctest.Test], whose clock is then theirs:
// time passes when nobody can do anything else, and now and then besides.
func (s Schedule) Run(ctx context.Context, actors ...Actor) ([]Step, error) {
	r := &scheduled{Schedule: s, rng: rand.New(rand.NewPCG(s.Seed, 0))} //nolint:gosec // a schedule must be repeatable, not secret
	var owned sync.WaitGroup
	for i, a := range actors {
		r.alive++
		owned.Go(func() {
			defer r.end()
			for restart := 0; r.life(ctx, i, a) && restart < a.Restarts; restart++ {
			}
		})
	}
	for n := 0; r.step(); n++ {
		if n == maxSteps {
			r.stop()
		}
	}
	owned.Wait()
	r.landAll()
	if r.stopped {
		return r.steps, ErrStuck
	}
	return r.steps, nil
}

// scheduled is a schedule while it runs.
type scheduled struct {
	Schedule
	rng *rand.Rand

	mu      sync.Mutex
	alive   int
	stopped bool
	pending []*request
	late    []lateEffect
	steps   []Step
}

// request is one request that waits for its turn.
type request struct {
	store *actorStore
	op    Op
	key   string
	// effect is what a write may still do after its answer was lost.
	effect func()
	turn   chan When
}

type lateEffect struct {
	step   Step
	effect func()
}

// life is an actor's time up to its end or its crash; it reports which.
func (r *scheduled) life(ctx context.Context, number int, a Actor) (crashed bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	st := &actorStore{run: r, actor: number, name: a.Name, die: cancel}
	a.Run(ctx, st)
	r.mu.Lock()
	defer r.mu.Unlock()
	return st.dead
}

func (r *scheduled) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive--
}

// stop ends all actors: every request fails from now on.
func (r *scheduled) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
}

// step lets one thing happen, and reports whether more may.
func (r *scheduled) step() bool {
	synctest.Wait()
	r.mu.Lock()
	alive, waiting, late := r.alive, len(r.pending), len(r.late)
	r.mu.Unlock()
	if alive == 0 {
		return false
	}
	switch n := r.rng.IntN(waiting*8 + late + 1); {
	case waiting == 0 && late == 0, n == waiting*8+late:
		<-time.After(time.Duration(1+r.rng.IntN(200)) * time.Millisecond)
	case n < waiting*8:
		r.grant(n / 8)
	default:
		r.land(n - waiting*8)
	}
	return true
}

// grant lets the nth waiting request, in an order that does not depend on
// which came first, meet its fate.
func (r *scheduled) grant(n int) {
	r.mu.Lock()
	slices.SortStableFunc(r.pending, func(a, b *request) int {
		return cmp.Or(cmp.Compare(a.store.actor, b.store.actor), cmp.Compare(a.op, b.op), cmp.Compare(a.key, b.key))
	})
	q := r.pending[n]
	r.pending = slices.Delete(r.pending, n, n+1)
	step := Step{Actor: q.store.name, Op: q.op, Key: q.key}
	crash := r.rng.Float64() < r.Crashes
	if crash || r.rng.Float64() < r.Faults || r.stopped {
		step.When = r.fault(q)
		step.Crashed = crash
	}
	r.steps = append(r.steps, step)
	if step.When == Late {
		r.late = append(r.late, lateEffect{step: step, effect: q.effect})
	}
	if crash {
		q.store.crash()
	}
	r.mu.Unlock()
	q.turn <- step.When
	synctest.Wait()
}

// fault chooses how a request fails. Reads have no effect that could be lost.
func (r *scheduled) fault(q *request) When {
	if q.effect == nil {
		return Before
	}
	return []When{Before, After, Late}[r.rng.IntN(3)]
}

// land lets the nth late write take effect. Nobody hears how it ends.
func (r *scheduled) land(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.late[n]
	r.late = slices.Delete(r.late, n, n+1)
	l.step.Landed = true
	r.steps = append(r.steps, l.step)
	l.effect()
}

func (r *scheduled) landAll() {
	for len(r.late) > 0 {
		r.land(r.rng.IntN(len(r.late)))
	}
}

// actorStore is the store as one actor sees it.
type actorStore struct {
	run   *scheduled
	actor int
	name  string
	die   context.CancelCauseFunc
	dead  bool // guarded by run.mu
}

var _ object.Store = (*actorStore)(nil)

func (s *actorStore) crash() {
	s.dead = true
	s.die(ErrCrashed)
	for _, q := range s.run.pending {
		if q.store == s {
			close(q.turn)
		}
	}
	s.run.pending = slices.DeleteFunc(s.run.pending, func(q *request) bool { return q.store == s })
}

// meet waits for the request's turn and returns what it is to do.
func (s *actorStore) meet(ctx context.Context, op Op, key string, effect func()) (When, error) {
	if err := ctx.Err(); err != nil {
		return Before, err
	}
	q := &request{store: s, op: op, key: key, effect: effect, turn: make(chan When)}
	s.run.mu.Lock()
	if s.dead {
		s.run.mu.Unlock()
		return Before, ErrCrashed
	}
	s.run.pending = append(s.run.pending, q)
	s.run.mu.Unlock()
	when, ok := <-q.turn
	if !ok {
		return Before, ErrCrashed
	}
	if when != None {
		return when, fmt.Errorf("%s %s: %w", op, key, ErrInjected)
	}
	return None, nil
}

// write does a write, or not, or lets it land later.
func (s *actorStore) write(ctx context.Context, op Op, key string, effect func(context.Context) error) error {
	detached := context.WithoutCancel(ctx)
	when, err := s.meet(ctx, op, key, func() { _ = effect(detached) })
	switch when {
	case None:
		return effect(detached)
	case After:
		return errors.Join(err, ignoreOutcome(effect(detached)))
	case Before, Late:
	}
	return err
}

// Open implements [object.Store].
func (s *actorStore) Open(ctx context.Context, key string) (object.Object, error) {
	if _, err := s.meet(ctx, Open, key, nil); err != nil {
		return nil, err
	}
	return s.run.Store.Open(ctx, key)
}

// List implements [object.Store]. It takes a request for every few objects,
// between which others may write.
func (s *actorStore) List(ctx context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	const pageSize = 3
	return func(yield func(fs.FileInfo, error) bool) {
		for {
			if _, err := s.meet(ctx, List, prefix, nil); err != nil {
				yield(nil, err)
				return
			}
			var page []fs.FileInfo
			for in, err := range s.run.Store.List(ctx, prefix, startAfter) {
				if err != nil {
					yield(nil, err)
					return
				}
				if page = append(page, in); len(page) == pageSize {
					break
				}
			}
			for _, in := range page {
				if !yield(in, nil) {
					return
				}
				startAfter = in.Name()
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

// Create implements [object.Store]. Bytes written take no request of their
// own; publishing them does.
func (s *actorStore) Create(ctx context.Context, key string) (object.Upload, error) {
	if _, err := s.meet(ctx, Create, key, nil); err != nil {
		return nil, err
	}
	up, err := s.run.Store.Create(context.WithoutCancel(ctx), key)
	if err != nil {
		return nil, err
	}
	return &actorUpload{Upload: up, store: s, ctx: ctx, key: key}, nil
}

// Put implements [object.Store].
func (s *actorStore) Put(ctx context.Context, key string, data []byte) error {
	data = slices.Clone(data)
	return s.write(ctx, Put, key, func(ctx context.Context) error { return s.run.Store.Put(ctx, key, data) })
}

// PutIfAbsent implements [object.Store].
func (s *actorStore) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	data = slices.Clone(data)
	return s.write(ctx, PutIfAbsent, key, func(ctx context.Context) error { return s.run.Store.PutIfAbsent(ctx, key, data) })
}

// Delete implements [object.Store].
func (s *actorStore) Delete(ctx context.Context, key string) error {
	return s.write(ctx, Delete, key, func(ctx context.Context) error { return s.run.Store.Delete(ctx, key) })
}

type actorUpload struct {
	object.Upload
	store *actorStore
	ctx   context.Context //nolint:containedctx // Close has none of its own
	key   string
}

func (u *actorUpload) Close() error {
	return u.store.write(u.ctx, Close, u.key, func(context.Context) error { return u.Upload.Close() })
}
