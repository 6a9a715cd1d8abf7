package stream

import (
	"context"
	"errors"

	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// Hold calls do while nobody else can run the flow or change what its
// checkpoint keeps. Sources that are to be run are opened by do, as what they
// know may be old before, and [Flow.Run] called by do runs under this hold. The
// error is a [*checkpoint.ConcurrentRunError] when a run is under way, or when
// the hold was lost; the context that do gets is then done.
func (f *Flow) Hold(ctx context.Context, do func(ctx context.Context) error) error {
	id := f.NewID()
	lease, held, err := f.Checkpoint.Acquire(ctx, checkpoint.LeaseConfig{Owner: f.owner(id), Gone: f.Gone})
	if err != nil {
		return err
	}
	f.run, f.lease = id, lease
	f.undisturbed, f.held = f.held > 0 && lease.Number() == f.held+1, lease.Number()
	err = do(held)
	f.run, f.lease = "", nil
	if ctx.Err() == nil {
		err = overtaken(ctx, held, lease, err)
	}
	return errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
}

// overtaken is the error of a run that ended with err: that another has taken
// over, if one has. What such a run has met is of the other's making, such as
// files that are there no more, and no damage.
func overtaken(ctx, held context.Context, lease *checkpoint.Lease, err error) error {
	if cause := context.Cause(held); cause != nil || err == nil {
		return cause
	}
	if other, ok := errors.AsType[*checkpoint.ConcurrentRunError](lease.Check(ctx)); ok {
		return other
	}
	return err
}

// Undisturbed reports, while the flow is held, that nobody else has held it
// since this Flow last was: what its sources and its state know still holds.
func (f *Flow) Undisturbed() bool { return f.undisturbed }
