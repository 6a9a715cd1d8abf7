package stream

import (
	"context"
	"errors"

	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// Hold calls do while no run of the flow can begin. The error is a
// [*checkpoint.ConcurrentRunError] when one is under way. The context that do
// gets is done once the hold is lost.
func (f *Flow) Hold(ctx context.Context, do func(ctx context.Context) error) error {
	lease, held, err := f.Checkpoint.Acquire(ctx, checkpoint.LeaseConfig{Owner: f.owner(f.NewID()), Gone: f.Gone})
	if err != nil {
		return err
	}
	err = do(held)
	if cause := context.Cause(held); err != nil && ctx.Err() == nil && cause != nil {
		err = cause
	}
	return errors.Join(err, lease.Release(context.WithoutCancel(ctx)))
}
