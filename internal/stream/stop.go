package stream

import "errors"

// ErrStopRequested ends a run that was asked to stop, between two batches. The
// next run goes on where it ended.
var ErrStopRequested = errors.New("the flow was asked to stop")
