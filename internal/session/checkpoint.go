package session

import (
	"context"
	"path/filepath"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// newCheckpoint returns the place of a flow that has not run yet: in the
// workspace, or beside the tables of a schema that has a place of its own, such
// as object storage.
func (s *Session) newCheckpoint(ctx context.Context, n catalog.Name) (string, error) {
	sch, err := s.catalog.Schema(ctx, n.Catalog, n.Schema)
	if err != nil {
		return "", err
	}
	flow := fileName(n.Table) + "-" + s.cfg.NewID()
	if sch.Location != "" {
		return sch.Location + "/_checkpoints/" + flow, nil
	}
	return s.location(filepath.Join(s.root, "checkpoints", fileName(n.Catalog), fileName(n.Schema), flow))
}

// openCheckpoint opens the checkpoint of a streaming table, which was made with
// its entry.
func (s *Session) openCheckpoint(ctx context.Context, at string) (*checkpoint.Checkpoint, error) {
	return s.checkpointAt(ctx, at, checkpoint.Reopen)
}

// checkpointAt opens the checkpoint at a place, by Open or Reopen.
func (s *Session) checkpointAt(
	ctx context.Context, at string, open func(context.Context, object.Store, checkpoint.Options) (*checkpoint.Checkpoint, error),
) (*checkpoint.Checkpoint, error) {
	store, err := s.openStore(ctx, at)
	if err != nil {
		return nil, err
	}
	return open(ctx, store, checkpoint.Options{NewID: s.cfg.NewID, Sleep: s.cfg.Sleep, Place: at})
}

// makeCheckpoint makes a place the checkpoint of a flow that has not run yet.
func (s *Session) makeCheckpoint(ctx context.Context, at string) error {
	if err := s.deleteFiles(ctx, at); err != nil { // of an attempt that was cut off
		return err
	}
	_, err := s.checkpointAt(ctx, at, checkpoint.Open)
	return err
}

// makeCheckpoints makes those of a table without query and of its flows.
func (s *Session) makeCheckpoints(ctx context.Context, entry catalog.Table) error {
	if err := s.makeCheckpoint(ctx, entry.Checkpoint); err != nil {
		return err
	}
	flows, err := s.catalog.Flows(ctx, entry.Name)
	if err != nil {
		return err
	}
	for _, flow := range flows {
		if err := s.makeCheckpoint(ctx, flowCheckpoint(entry, flow)); err != nil {
			return err
		}
	}
	return nil
}

// isLost reports whether an error is that of a checkpoint which was deleted, or
// cannot be read: no flow can run with it.
func isLost(err error) bool {
	return err != nil && ignore(ignore(err, "STREAMING_CHECKPOINT_CORRUPT"), "STREAMING_CHECKPOINT_MISSING_METADATA_FILE") == nil
}
