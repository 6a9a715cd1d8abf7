package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
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
	return behind(r.Name, r.Sink.Description(), next.ID)
}

// behind is the error of a checkpoint that is older than a target.
func behind(flow, target string, batch int64) error {
	return errclass.New("STREAMING_CHECKPOINT_BEHIND_TARGET", "KD002",
		"The checkpoint of flow %s is older than what the flow has written: batch %d is next by it, and %s has that batch already. The files of the batches since are not known, nor which rows came of them. %s",
		flow, batch, target, checkpoint.Restore)
}

// attempt is one writing of a batch by a run.
type attempt struct {
	flow  string
	again bool                        // the batch may have been written by a run before
	holds func(context.Context) error // the flow, or why it does so no more
	to    map[string]bool             // tables that the function of a batch has begun to write to
	// refused is why a table did not take the batch, whatever the function makes
	// of that.
	refused error
}

func (r *running) attempt() *attempt {
	return &attempt{flow: r.Name, again: r.again, holds: r.lease.Check, to: map[string]bool{}}
}

// WriteTo writes a batch to a table that is not the flow's sink, as [Table]'s
// Write does, for the function of a [ForeachBatch]. It refuses a table that has
// the batch although nobody can have written it: the flow's checkpoint is older
// than the table, and the rows of the batch are others than those there.
func (b Batch) WriteTo(ctx context.Context, table *Table, rows *ingest.Relation) (Written, error) {
	w, err := table.Write(ctx, b, rows)
	a := b.attempt
	if a == nil {
		return w, err
	}
	known := a.again || a.to[table.Name]
	a.to[table.Name] = true
	if err != nil || !w.Already {
		return w, err
	}
	ahead, err := table.Holds(ctx, Batch{Flow: b.Flow, ID: b.ID + 1})
	if err != nil || known && !ahead {
		return w, err
	}
	if err := a.holds(ctx); err != nil {
		return w, err // another run has written it
	}
	a.refused = behind(a.flow, table.Description(), b.ID)
	return w, a.refused
}

// withdraw takes back the plan of a batch that a table has with other rows:
// the next run would take it for one that a run before it has written.
func (r *running) withdraw(ctx context.Context, refused error) error {
	if r.again {
		return refused
	}
	return errors.Join(refused, r.Checkpoint.Withdraw(ctx, r.next))
}

// following is the number of the batch to plan next.
func following(p checkpoint.Progress) int64 {
	if p.Planned == nil {
		return 0
	}
	return p.Planned.ID + 1
}
