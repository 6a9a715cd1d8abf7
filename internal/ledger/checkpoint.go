package ledger

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// Prefix returns the prefix, in a checkpoint, of what one of a flow's sources
// keeps there.
func Prefix(source int) string { return fmt.Sprintf("sources/%d/", source) }

// Planned returns the sequence number that the batches of a flow planned so
// far end at, of one source.
func Planned(p checkpoint.Progress, source int) (int64, error) {
	return autoloader.End(p.Offset(source))
}

// OfCheckpoint returns the sources of a checkpoint, or only the one with an
// ID; none says that there is no checkpoint here.
func OfCheckpoint(ctx context.Context, store object.Store, id string, opts checkpoint.Options) (list []Source, none bool, err error) {
	// Opening a place that is no checkpoint would make it one.
	if ran, err := hasAny(ctx, store, "metadata"); err != nil || !ran {
		return nil, true, err
	}
	c, err := checkpoint.Reopen(ctx, store, opts)
	if err != nil {
		return nil, false, err
	}
	progress, err := c.Progress(ctx)
	if err != nil {
		return nil, false, err
	}
	for i := 0; ; i++ {
		there, err := hasAny(ctx, store, Prefix(i))
		if err != nil || !there {
			return list, false, err
		}
		s := Source{ID: fmt.Sprint(i)}
		if id != "" && id != s.ID {
			continue
		}
		if s.Planned, err = Planned(progress, i); err != nil {
			return nil, false, err
		}
		if s.State, err = filestate.Open(ctx, store, Prefix(i), filestate.Options{NewID: opts.NewID, Planned: s.Planned}); err != nil {
			return nil, false, err
		}
		list = append(list, s)
	}
}

// hasAny reports whether a store has an object whose key begins so.
func hasAny(ctx context.Context, store object.Store, prefix string) (bool, error) {
	for _, err := range store.List(ctx, prefix, "") {
		return err == nil, err
	}
	return false, nil
}
