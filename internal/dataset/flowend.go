package dataset

import (
	"context"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// Ended calls do, which gives a table another flow, while the one that it has
// cannot run: its batches would come beside those of the other. A flow whose
// checkpoint is lost cannot run either.
func (d *Set) Ended(ctx context.Context, entry catalog.Table, do func(ctx context.Context) error) error {
	begun := false
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	if err == nil {
		flow := &stream.Flow{Name: entry.Name.String(), Checkpoint: c, NewID: d.ws.NewID, Gone: checkpoint.Died}
		err = flow.Hold(ctx, func(ctx context.Context) error {
			begun = true
			if err := d.stale(ctx, entry); err != nil {
				return err
			}
			return do(ctx)
		})
	}
	if begun || err == nil || !isLost(err) {
		return err
	}
	return do(ctx)
}

// staleFlowError says that a flow is no longer that of its table.
type staleFlowError struct{ err error }

func (e *staleFlowError) Error() string { return e.err.Error() }
func (e *staleFlowError) Unwrap() error { return e.err }

// stale returns a [*staleFlowError] when the table of an entry, which was read
// before its flow was held, has another flow by now or is gone.
func (d *Set) stale(ctx context.Context, entry catalog.Table) error {
	now, err := d.ws.Catalog.Table(ctx, entry.Name)
	switch {
	case err != nil && errclass.Ignore(err, "TABLE_OR_VIEW_NOT_FOUND") == nil:
		return &staleFlowError{err}
	case err != nil:
		return err
	case now.Checkpoint != entry.Checkpoint:
		return &staleFlowError{errclass.New("CONCURRENT_STREAM_LOG_UPDATE", "40000",
			"Another statement has begun to load %s anew meanwhile. Run this one again.", entry.Name)}
	}
	return nil
}

// keeping returns keep, which stores another definition of a table, so that it
// does so only while the table has the flow that is held; nil of nil.
func (d *Set) keeping(ctx context.Context, entry catalog.Table, keep func() error) func() error {
	if keep == nil {
		return nil
	}
	return func() error {
		if err := d.stale(ctx, entry); err != nil {
			return err
		}
		return keep()
	}
}

// unread refuses to begin a table anew by flows that would not load again what
// they have loaded.
func (f *streamingFlow) unread(ctx context.Context) error {
	checkpoints := []string{f.entry.Checkpoint}
	if f.def.Query == nil {
		flows, err := f.datasets.ws.Catalog.Flows(ctx, f.entry.Name)
		if err != nil {
			return err
		}
		for _, flow := range flows {
			checkpoints = append(checkpoints, flowCheckpoint(f.entry, flow))
		}
	}
	for _, at := range checkpoints {
		c, err := f.datasets.openCheckpoint(ctx, at)
		if err != nil {
			return err
		}
		p, err := c.Progress(ctx)
		if err != nil {
			return err
		}
		if p.Planned != nil {
			return errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_FULL_REFRESH", "55000",
				"The table of %[1]s is not the one that its flow has loaded: it was deleted, or restored to a version that an earlier flow had fed. Nothing was changed. "+
					"Run REFRESH STREAMING TABLE %[1]s FULL to load everything again.", f.entry.Name)
		}
	}
	return nil
}
