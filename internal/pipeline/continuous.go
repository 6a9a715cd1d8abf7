package pipeline

import (
	"context"
	"errors"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/schedule"
)

// maxBackoff bounds how long a dataset that keeps failing is left alone.
const maxBackoff = 5 * time.Minute

// due is when a dataset runs next.
type due struct {
	schedule *schedule.Schedule // nil runs at every interval
	next     time.Time
	failures int
}

// RunContinuously runs updates until ctx is done, which is no error: a batch
// that runs is then abandoned, and the next run begins with it. Datasets with
// a schedule run when it says, the others every interval, from the beginning
// of one round to that of the next; the first round runs them all. A dataset
// that fails is tried again, after ever longer times.
func (p *Pipeline) RunContinuously(ctx context.Context, cfg Config, interval time.Duration) (err error) {
	u, err := p.begin(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, u.close()) }() //nolint:contextcheck // what is closed waits on its own, also when ctx is done
	u.keep = true
	started := cfg.Clock()
	plan := map[*Dataset]*due{}
	for _, d := range p.Datasets {
		plan[d] = &due{}
		if d.definition == nil || d.definition.Schedule == nil {
			continue
		}
		if plan[d].schedule, err = schedule.Parse(d.definition.Schedule, time.UTC); err != nil {
			return d.at(d.definition.Schedule.Pos(), err)
		}
	}
	if err := u.start(ctx, true); err != nil {
		return err
	}
	for ctx.Err() == nil {
		began := cfg.Clock()
		u.run(ctx, func(d *Dataset) bool { return !plan[d].next.After(began) && (d.refreshed() || !u.again) })
		u.again = true
		for _, r := range u.results {
			plan[r.Dataset].planNext(r, started, began, interval)
		}
		if cfg.Sleep(ctx, interval-cfg.Clock().Sub(began)) != nil {
			break
		}
	}
	return u.events.End(ctx, context.Canceled)
}

// planNext says when the dataset runs after a round that began at a time.
func (d *due) planNext(r Result, started, began time.Time, interval time.Duration) {
	if r.Status == eventlog.FlowFailed {
		d.failures++
		d.next = began.Add(min(interval<<min(d.failures, 16), maxBackoff))
		return
	}
	if r.Status == eventlog.FlowSkipped {
		return
	}
	d.failures = 0
	switch {
	case d.schedule == nil:
		d.next = began
	case d.schedule.OnUpdate:
		d.next = began.Add(d.schedule.AtMost)
	default:
		if d.next = d.schedule.Next(started, began); d.next.IsZero() { // its last time is over
			d.next = began.AddDate(1000, 0, 0)
		}
	}
}
