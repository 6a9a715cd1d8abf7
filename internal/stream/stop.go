package stream

import (
	"context"
	"errors"
)

// ErrStopRequested ends a run that was asked to stop, between two batches. The
// next run goes on where it ended.
var ErrStopRequested = errors.New("the flow was asked to stop")

// stopRequested returns [ErrStopRequested] when the flow, or what it is a part
// of, was asked to stop.
func (r *running) stopRequested(ctx context.Context) error {
	asked, err := r.Checkpoint.StopRequested(ctx)
	if err == nil && !asked && r.Within != nil {
		asked, err = r.Within.StopRequested(ctx)
	}
	if err == nil && asked {
		err = ErrStopRequested
	}
	return err
}
