package dataset

import (
	"context"
	"path/filepath"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/internal/workspace"
)

// newCheckpoint returns the place of a flow that has not run yet: in the
// workspace, or beside the tables of a schema that has a place of its own, such
// as object storage.
func (d *Set) newCheckpoint(ctx context.Context, n catalog.Name) (string, error) {
	sch, err := d.ws.Catalog.Schema(ctx, n.Catalog, n.Schema)
	if err != nil {
		return "", err
	}
	flow := workspace.FileName(n.Table) + "-" + d.ws.NewID()
	if sch.Location != "" {
		return sch.Location + "/_checkpoints/" + flow, nil
	}
	return workspace.Locate(filepath.Join(d.ws.Root, "checkpoints", workspace.FileName(n.Catalog), workspace.FileName(n.Schema), flow))
}

// openCheckpoint opens the checkpoint of a streaming table, which was made with
// its entry.
func (d *Set) openCheckpoint(ctx context.Context, at string) (*checkpoint.Checkpoint, error) {
	return d.checkpointAt(ctx, at, checkpoint.Reopen)
}

// checkpointAt opens the checkpoint at a place, by Open or Reopen.
func (d *Set) checkpointAt(
	ctx context.Context, at string, open func(context.Context, object.Store, checkpoint.Options) (*checkpoint.Checkpoint, error),
) (*checkpoint.Checkpoint, error) {
	store, err := d.ws.OpenStore(ctx, at)
	if err != nil {
		return nil, err
	}
	return open(ctx, store, checkpoint.Options{NewID: d.ws.NewID, Sleep: d.ws.Sleep, Place: at})
}

// makeCheckpoint makes a place the checkpoint of a flow that has not run yet.
func (d *Set) makeCheckpoint(ctx context.Context, at string) error {
	if err := d.ws.DeleteFiles(ctx, at); err != nil { // of an attempt that was cut off
		return err
	}
	_, err := d.checkpointAt(ctx, at, checkpoint.Open)
	return err
}

// makeCheckpoints makes those of a table without query and of its flows.
func (d *Set) makeCheckpoints(ctx context.Context, entry catalog.Table) error {
	if err := d.makeCheckpoint(ctx, entry.Checkpoint); err != nil {
		return err
	}
	flows, err := d.ws.Catalog.Flows(ctx, entry.Name)
	if err != nil {
		return err
	}
	for _, flow := range flows {
		if err := d.makeCheckpoint(ctx, flowCheckpoint(entry, flow)); err != nil {
			return err
		}
	}
	return nil
}

// isLost reports whether an error is that of a checkpoint which was deleted, or
// cannot be read: no flow can run with it.
func isLost(err error) bool {
	return err != nil && errclass.Ignore(errclass.Ignore(err, "STREAMING_CHECKPOINT_CORRUPT"), "STREAMING_CHECKPOINT_MISSING_METADATA_FILE") == nil
}
