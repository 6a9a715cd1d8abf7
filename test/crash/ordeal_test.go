package crash_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
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
	"github.com/freshet/freshet/internal/session"
)

// ordeal is what a process has to go through. The zero value is an easy life.
type ordeal struct {
	// step is the request to its store, from 1, at which the process kills
	// itself instead; 0 is none.
	step int
	// seed and rate decide which requests fail, by themselves or only to all
	// appearances.
	seed uint64
	rate float64
	// space is after how many bytes the disk is full; 0 is never.
	space int64
	// skew is by how much the process's clock is wrong.
	skew time.Duration
}

func (o ordeal) String() string {
	return url.Values{
		"step": {strconv.Itoa(o.step)}, "seed": {strconv.FormatUint(o.seed, 10)}, "rate": {strconv.FormatFloat(o.rate, 'g', -1, 64)},
		"space": {strconv.FormatInt(o.space, 10)}, "skew": {o.skew.String()},
	}.Encode()
}

// parseOrdeal is the inverse of String.
func parseOrdeal(text string) (o ordeal, err error) {
	v, err := url.ParseQuery(text)
	if err != nil {
		return o, err
	}
	errs := make([]error, 5)
	o.step, errs[0] = strconv.Atoi(v.Get("step"))
	o.seed, errs[1] = strconv.ParseUint(v.Get("seed"), 10, 64)
	o.rate, errs[2] = strconv.ParseFloat(v.Get("rate"), 64)
	o.space, errs[3] = strconv.ParseInt(v.Get("space"), 10, 64)
	o.skew, errs[4] = time.ParseDuration(v.Get("skew"))
	return o, errors.Join(errs...)
}

// plan is the fate of each request of the process.
func (o ordeal) plan(requests *atomic.Int64) objecttest.Plan {
	random := objecttest.Random(o.seed, o.rate)
	return func(c objecttest.Call) objecttest.Fault {
		requests.Store(int64(c.N))
		if c.N == o.step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until the signal comes
		}
		return random(c)
	}
}

// store is this machine's files as the process finds them.
func (o ordeal) store(requests *atomic.Int64) object.Store {
	var store object.Store = local.New("/")
	if o.space > 0 {
		store = &fullDisk{Store: store, free: o.space}
	}
	return objecttest.NewFaulty(store, o.plan(requests))
}

// suffer runs statements: args are the workspace, the ordeal and the
// statements. It prints the number of requests the store got.
func suffer(ctx context.Context, args []string) (err error) {
	o, err := parseOrdeal(args[1])
	if err != nil {
		return err
	}
	var requests atomic.Int64
	store := o.store(&requests)
	s, err := session.Open(ctx, session.Config{
		Workspace: args[0], Parallelism: 2, Clock: func() time.Time { return time.Now().Add(o.skew) },
		Openers: location.Openers{"file": func(context.Context, location.Location) (object.Store, error) { return store, nil }},
	})
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
	_, err = fmt.Print(requests.Load())
	return err
}

// fullDisk is a store with room for so many bytes. What does not fit is
// written in part, as a file system does it.
type fullDisk struct {
	object.Store
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
