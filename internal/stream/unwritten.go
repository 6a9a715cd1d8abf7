package stream

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// unwritten refuses to go on with a checkpoint that is older than its sink, as
// one that was restored from a copy: the sink would take the next batches for
// those of the same numbers that it has, and their rows would be lost. A flow
// that nobody has disturbed knows that its checkpoint is the newest.
func (r *running) unwritten(ctx context.Context, p checkpoint.Progress) error {
	sink, ok := r.Sink.(Holder)
	if !ok || r.undisturbed {
		return nil
	}
	next := Batch{Flow: r.Checkpoint.ID(), ID: following(p)}
	ahead, err := sink.Holds(ctx, next)
	if err != nil || !ahead {
		return err
	}
	// A run that has not noticed yet that it lost the flow may have gone on.
	now, err := r.Checkpoint.Progress(ctx)
	if err != nil {
		return err
	}
	if following(now) > next.ID {
		return &checkpoint.ConcurrentRunError{Detail: fmt.Sprintf("it has planned batch %d", next.ID)}
	}
	return errclass.New("STREAMING_CHECKPOINT_BEHIND_TARGET", "KD002",
		"The checkpoint of flow %s is older than what the flow has written: batch %d is next by it, and %s has that batch already. The files of the batches since are not known, nor which rows came of them. %s",
		r.Name, next.ID, r.Sink.Description(), checkpoint.Restore)
}

// following is the number of the batch to plan next.
func following(p checkpoint.Progress) int64 {
	if p.Planned == nil {
		return 0
	}
	return p.Planned.ID + 1
}
