package crash_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/pipeline"
	"github.com/freshet/freshet/internal/session"
)

// ordeal is what a process has to go through. The zero value is an easy life.
type ordeal struct {
	// step is the request to its store, from 1, at which the process kills
	// itself instead; 0 is none. One that pauses stops there, as if for ever,
	// until it is told to go on.
	step   int
	pauses bool
	// steps is the file of the steps that were taken; "" is none. A process
	// with fresh kills itself at the first step that is not in there.
	steps string
	fresh bool
	// seed and rate decide which requests fail, by themselves or only to all
	// appearances.
	seed uint64
	rate float64
	// space is after how many bytes the disk is full; 0 is never.
	space int64
	// memory is how much memory it has, in bytes; 0 is enough.
	memory int64
	// copies says that the store cannot move files, but copy them.
	copies bool
	// skew is by how much the process's clock is wrong.
	skew time.Duration
}

func (o ordeal) String() string {
	return url.Values{
		"step": {strconv.Itoa(o.step)}, "seed": {strconv.FormatUint(o.seed, 10)}, "rate": {strconv.FormatFloat(o.rate, 'g', -1, 64)},
		"space": {strconv.FormatInt(o.space, 10)}, "skew": {o.skew.String()}, "copies": {strconv.FormatBool(o.copies)},
		"pauses": {strconv.FormatBool(o.pauses)}, "steps": {o.steps}, "fresh": {strconv.FormatBool(o.fresh)}, "memory": {strconv.FormatInt(o.memory, 10)},
	}.Encode()
}

// parseOrdeal is the inverse of String.
func parseOrdeal(text string) (o ordeal, err error) {
	v, err := url.ParseQuery(text)
	if err != nil {
		return o, err
	}
	o.steps = v.Get("steps")
	errs := make([]error, 9)
	o.step, errs[0] = strconv.Atoi(v.Get("step"))
	o.seed, errs[1] = strconv.ParseUint(v.Get("seed"), 10, 64)
	o.rate, errs[2] = strconv.ParseFloat(v.Get("rate"), 64)
	o.space, errs[3] = strconv.ParseInt(v.Get("space"), 10, 64)
	o.skew, errs[4] = time.ParseDuration(v.Get("skew"))
	o.copies, errs[5] = strconv.ParseBool(v.Get("copies"))
	o.memory, errs[6] = strconv.ParseInt(v.Get("memory"), 10, 64)
	o.fresh, errs[7] = strconv.ParseBool(v.Get("fresh"))
	o.pauses, errs[8] = strconv.ParseBool(v.Get("pauses"))
	return o, errors.Join(errs...)
}

// trace is what a store was asked for.
type trace struct{ requests, changes atomic.Int64 }

// quiet is how long nothing is changed by a process that has nothing to do.
const quiet = time.Second

// whenQuiet calls stop once nothing was changed for a while.
func (s *trace) whenQuiet(ctx context.Context, stop func()) {
	for last := int64(0); ; {
		if sleep(ctx, quiet*haste) != nil {
			return
		}
		now := s.changes.Load()
		if now > 0 && now == last {
			stop()
		}
		last = now
	}
}

// plan is the fate of each request of the process, whose objects are all in a
// directory.
func (o ordeal) plan(dir string, seen *trace) (objecttest.Plan, error) {
	random := objecttest.Random(o.seed, o.rate)
	s, err := beginSteps(dir, o.steps, o.fresh)
	return func(c objecttest.Call) objecttest.Fault {
		seen.requests.Store(int64(c.N))
		if changes(c) && !isLease(c.Key) {
			seen.changes.Add(1)
		}
		switch {
		case c.N != o.step:
		case o.pauses:
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		default:
			die()
		}
		fate := random(c)
		fate.Then = s.meet(c)
		return fate
	}, err
}

// store is this machine's files as the process finds them.
func (o ordeal) store(plan objecttest.Plan) object.Store {
	var store object.Store = local.New("/")
	switch {
	case o.space > 0:
		store = &fullDisk{Store: local.New("/"), free: o.space}
	case o.copies:
		store = copying{local.New("/")}
	}
	return objecttest.NewFaulty(store, plan)
}

// haste is how much faster time passes for who waits, such as for a sign of
// life of another process.
const haste = 50

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d / haste)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// config is that of the sessions of a process.
func (o ordeal) config(workspace string, seen *trace) (session.Config, error) {
	plan, err := o.plan(filepath.Dir(workspace), seen)
	store := o.store(plan)
	return session.Config{
		Workspace: workspace, MemoryLimit: o.memory, Parallelism: 2, Clock: func() time.Time { return time.Now().Add(o.skew) }, Sleep: sleep,
		Openers: location.Openers{"file": func(context.Context, location.Location) (object.Store, error) { return store, nil }},
	}, err
}

// update runs a folder of SQL files as a pipeline, once or, in the role
// "keep", until it is asked to stop: args are the workspace, the ordeal and the
// folder. One whose steps are noted stops when it has nothing to do. It prints the
// number of requests the store got.
func update(ctx context.Context, args []string) error {
	o, err := parseOrdeal(args[1])
	if err != nil {
		return err
	}
	p, err := pipeline.Load("siege", []string{args[2]})
	if err != nil {
		return err
	}
	var seen trace
	sessions, err := o.config(args[0], &seen)
	if err != nil {
		return err
	}
	cfg := pipeline.Config{
		Open:        func(ctx context.Context) (*session.Session, error) { return session.Open(ctx, sessions) },
		Parallelism: 2, Clock: sessions.Clock, Sleep: sleep,
		Report: func(r pipeline.Result) {
			if r.Err != nil {
				fmt.Fprintln(os.Stderr, errclass.Format(r.Err))
			}
		},
	}
	if os.Getenv(roleVariable) == "keep" {
		ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop()
		if o.steps != "" {
			go seen.whenQuiet(ctx, stop)
		}
		err = p.RunContinuously(ctx, cfg, time.Second)
	} else {
		_, err = p.Run(ctx, cfg)
	}
	if err == nil {
		_, err = fmt.Print(seen.requests.Load())
	}
	return err
}

// suffer runs statements: args are the workspace, the ordeal and the
// statements. It prints the number of requests the store got.
func suffer(ctx context.Context, args []string) (err error) {
	o, err := parseOrdeal(args[1])
	if err != nil {
		return err
	}
	var seen trace
	cfg, err := o.config(args[0], &seen)
	if err != nil {
		return err
	}
	s, err := session.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for r, err := range s.Run(ctx, strings.Join(args[2:], ",")) {
		if err != nil {
			return errors.New(errclass.Format(err))
		}
		if r.Rows == nil {
			continue
		}
		for _, err := range r.Rows {
			if err != nil {
				return errors.New(errclass.Format(err))
			}
		}
	}
	_, err = fmt.Print(seen.requests.Load())
	return err
}

// copying is a store that can move nothing, as object storage.
type copying struct{ *local.Store }

func (copying) Move(context.Context, string, string) error { return errors.ErrUnsupported }

// fullDisk is a store with room for so many bytes. What does not fit is
// written in part, as a file system does it.
type fullDisk struct {
	*local.Store
	free int64
}

func (d *fullDisk) take(n int) (fits int, err error) {
	left := atomic.AddInt64(&d.free, -int64(n))
	if left >= 0 {
		return n, nil
	}
	return max(0, n+int(left)), syscall.ENOSPC
}

func (d *fullDisk) Put(ctx context.Context, key string, data []byte) error {
	if _, err := d.take(len(data)); err != nil {
		return err
	}
	return d.Store.Put(ctx, key, data)
}

func (d *fullDisk) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	if _, err := d.take(len(data)); err != nil {
		return err
	}
	return d.Store.PutIfAbsent(ctx, key, data)
}

func (d *fullDisk) Create(ctx context.Context, key string) (object.Upload, error) {
	u, err := d.Store.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return &fullUpload{u, d}, nil
}

type fullUpload struct {
	object.Upload
	disk *fullDisk
}

func (u *fullUpload) Write(p []byte) (int, error) {
	fits, full := u.disk.take(len(p))
	n, err := u.Upload.Write(p[:fits])
	return n, errors.Join(err, full)
}
