package objecttest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/freshet/freshet/internal/object"
)

// ErrInjected is what injected faults return unless they say otherwise. It
// says nothing about whether the operation took effect.
var ErrInjected = errors.New("injected fault")

// Op names an operation of a store.
type Op string

// The operations that can fail.
const (
	Open        Op = "Open"
	ReadAt      Op = "ReadAt"
	List        Op = "List"
	Create      Op = "Create"
	Write       Op = "Write"
	Close       Op = "Close" // of an upload
	Put         Op = "Put"
	PutIfAbsent Op = "PutIfAbsent"
	Delete      Op = "Delete"
	Move        Op = "Move"
)

// When says what an operation that reports a fault has really done.
type When int

// The kinds of faults.
const (
	None   When = iota // no fault
	Before             // it did nothing
	After              // it took effect, and only the answer was lost
	Late               // it does nothing now, and takes effect before the store's next operation
)

func (w When) String() string {
	return [...]string{"ok", "before", "after", "late"}[w]
}

// Call is one operation as it reaches the store, numbered from 1.
type Call struct {
	N   int
	Op  Op
	Key string
}

// Fault is what a call meets.
type Fault struct {
	Call
	When When
	Err  error // nil is [ErrInjected]
	// Then is called when the operation has done what it does; nil is nothing.
	Then func()
}

func (f Fault) String() string {
	return fmt.Sprintf("%d %s %s: %s", f.N, f.Op, f.Key, f.When)
}

// Plan decides the fault of each call. It is called once a call, in order,
// never concurrently.
type Plan func(Call) Fault

// Script returns the plan of exactly these faults, found by call number. With
// the [Faulty.Faults] of an earlier run it replays them.
func Script(faults ...Fault) Plan {
	return func(c Call) Fault {
		i := slices.IndexFunc(faults, func(f Fault) bool { return f.N == c.N })
		if i < 0 {
			return Fault{}
		}
		return faults[i]
	}
}

// OnNth returns the plan that fails the nth call (from 1) of op on a key that
// ends in suffix.
func OnNth(n int, op Op, suffix string, when When, err error) Plan {
	seen := 0
	return func(c Call) Fault {
		if c.Op != op || !strings.HasSuffix(c.Key, suffix) {
			return Fault{}
		}
		if seen++; seen != n {
			return Fault{}
		}
		return Fault{When: when, Err: err}
	}
}

// Random returns the plan that fails calls with probability rate, of any kind
// that suits the operation, decided by seed alone.
func Random(seed uint64, rate float64) Plan {
	rng := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a schedule must be repeatable, not secret
	return func(c Call) Fault {
		if rng.Float64() >= rate {
			return Fault{}
		}
		switch c.Op {
		case Close, Put, PutIfAbsent, Delete, Move:
			return Fault{When: []When{Before, After, Late}[rng.IntN(3)]}
		case Open, ReadAt, List, Create, Write:
		}
		return Fault{When: Before}
	}
}

// CrashAt returns the plan of a process that dies at call n: this call and
// all later ones do nothing.
func CrashAt(n int) Plan {
	return func(c Call) Fault {
		if c.N < n {
			return Fault{}
		}
		return Fault{When: Before}
	}
}

// Faulty is a store that fails by plan and keeps a log of its calls. It is
// safe for concurrent use; a schedule replays exactly if the calls come in
// the same order.
type Faulty struct {
	store object.Store
	plan  Plan
	mu    sync.Mutex
	log   []Fault
	late  []func() error
}

// NewFaulty wraps store.
func NewFaulty(store object.Store, plan Plan) *Faulty {
	return &Faulty{store: store, plan: plan}
}

// Log returns every call so far with the fault it met.
func (f *Faulty) Log() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// Faults returns the calls that met a fault.
func (f *Faulty) Faults() []Fault {
	return slices.DeleteFunc(f.Log(), func(x Fault) bool { return x.When == None })
}

// Settle lets faults that are still [Late] take effect.
func (f *Faulty) Settle() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settle()
}

func (f *Faulty) settle() error {
	var errs []error
	for _, effect := range f.late {
		errs = append(errs, effect())
	}
	f.late = nil
	return errors.Join(errs...)
}

// meet records a call and returns its fault.
func (f *Faulty) meet(op Op, key string, effect func() error) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	// What lands late may lose its race by then; nobody is told.
	_ = f.settle()
	call := Call{N: len(f.log) + 1, Op: op, Key: key}
	fault := f.plan(call)
	fault.Call = call
	if fault.Err == nil {
		fault.Err = ErrInjected
	}
	f.log = append(f.log, fault)
	if fault.When == Late {
		f.late = append(f.late, effect)
	}
	return fault
}

// run does one operation, or not, as the plan says.
func (f *Faulty) run(op Op, key string, effect func() error) error {
	fault := f.meet(op, key, effect)
	if fault.Then != nil {
		defer fault.Then()
	}
	switch fault.When {
	case None:
		return effect()
	case After:
		// If the operation itself fails, its effect is as unknown as before.
		return errors.Join(fault.Err, ignoreOutcome(effect()))
	case Before, Late:
	}
	return fmt.Errorf("%s %s: %w", op, key, fault.Err)
}

// write is run for an operation that may land late, when its caller's context
// may have ended.
func (f *Faulty) write(ctx context.Context, op Op, key string, effect func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.run(op, key, func() error { return effect(context.WithoutCancel(ctx)) })
}

// ignoreOutcome hides whether an operation succeeded: the answer was lost.
func ignoreOutcome(error) error { return nil }

// Open implements [object.Store].
func (f *Faulty) Open(ctx context.Context, key string) (object.Object, error) {
	var o object.Object
	err := f.run(Open, key, func() (err error) {
		o, err = f.store.Open(ctx, key)
		return err
	})
	if err != nil {
		if o != nil {
			err = errors.Join(err, o.Close())
		}
		return nil, err
	}
	return &faultyObject{Object: o, faulty: f, key: key}, nil
}

// List implements [object.Store]. A fault comes in place of the first object,
// or after the last.
func (f *Faulty) List(ctx context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		fault := f.meet(List, prefix, func() error { return nil })
		if fault.When == Before || fault.When == Late {
			yield(nil, fault.Err)
			return
		}
		for in, err := range f.store.List(ctx, prefix, startAfter) {
			if !yield(in, err) {
				return
			}
		}
		if fault.When == After {
			yield(nil, fault.Err)
		}
	}
}

// Create implements [object.Store].
func (f *Faulty) Create(ctx context.Context, key string) (object.Upload, error) {
	var up object.Upload
	err := f.run(Create, key, func() (err error) {
		up, err = f.store.Create(ctx, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &faultyUpload{Upload: up, faulty: f, key: key}, nil
}

// Put implements [object.Store].
func (f *Faulty) Put(ctx context.Context, key string, data []byte) error {
	return f.write(ctx, Put, key, func(ctx context.Context) error { return f.store.Put(ctx, key, data) })
}

// PutIfAbsent implements [object.Store].
func (f *Faulty) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	return f.write(ctx, PutIfAbsent, key, func(ctx context.Context) error { return f.store.PutIfAbsent(ctx, key, data) })
}

// Delete implements [object.Store].
func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.write(ctx, Delete, key, func(ctx context.Context) error { return f.store.Delete(ctx, key) })
}

// Move implements [object.Mover], as far as the store underneath does.
func (f *Faulty) Move(ctx context.Context, from, to string) error {
	mover, ok := f.store.(object.Mover)
	if !ok {
		return fmt.Errorf("move %s: %w", from, errors.ErrUnsupported)
	}
	return f.write(ctx, Move, from, func(ctx context.Context) error { return mover.Move(ctx, from, to) })
}

// IsDir reports whether a key names a directory of the store underneath, which
// takes no request to any that can fail.
func (f *Faulty) IsDir(key string) bool {
	dirs, ok := f.store.(interface{ IsDir(key string) bool })
	return ok && dirs.IsDir(key)
}

type faultyObject struct {
	object.Object
	faulty *Faulty
	key    string
}

func (o *faultyObject) ReadAt(p []byte, off int64) (n int, err error) {
	err = o.faulty.run(ReadAt, o.key, func() (err error) {
		n, err = o.Object.ReadAt(p, off)
		return err
	})
	return n, err
}

type faultyUpload struct {
	object.Upload
	faulty *Faulty
	key    string
}

func (u *faultyUpload) Write(p []byte) (n int, err error) {
	err = u.faulty.run(Write, u.key, func() (err error) {
		n, err = u.Upload.Write(p)
		return err
	})
	return n, err
}

func (u *faultyUpload) Close() error {
	return u.faulty.run(Close, u.key, u.Upload.Close)
}
