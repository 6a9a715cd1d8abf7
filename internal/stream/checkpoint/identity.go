package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
)

// identity is what the file metadata holds.
type identity struct {
	ID string `json:"id"`
}

// Open opens the checkpoint in store, creating it where there is none. One that
// has batches and lacks its identity is an error: under another, a target would
// take the batches that it has for new ones.
func Open(ctx context.Context, store object.Store, opts Options) (*Checkpoint, error) {
	c := &Checkpoint{store: store, sleep: opts.Sleep, place: opts.Place}
	err := c.identify(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	began, err := c.began(ctx)
	if err != nil {
		return nil, err
	}
	if !began {
		fresh, err := json.Marshal(identity{ID: opts.NewID()})
		if err != nil {
			return nil, err
		}
		// Two first runs may race; whose identity it gets does not matter, as
		// long as both read the same.
		if err := store.PutIfAbsent(ctx, metadataKey, fresh); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create checkpoint: %w", err)
		}
	}
	return c, opts.missing(c.identify(ctx))
}

// Reopen opens a checkpoint that was made before, by [Open]. One that is not
// there was deleted, and is not made again: its flow would load everything a
// second time.
func Reopen(ctx context.Context, store object.Store, opts Options) (*Checkpoint, error) {
	c := &Checkpoint{store: store, sleep: opts.Sleep, place: opts.Place}
	return c, opts.missing(c.identify(ctx))
}

// identify reads whose checkpoint it is.
func (c *Checkpoint) identify(ctx context.Context) error {
	body, err := c.read(ctx, metadataKey)
	if err != nil {
		return fmt.Errorf("open checkpoint: %w", err)
	}
	var who identity
	if err := json.Unmarshal(body, &who); err != nil || who.ID == "" {
		return damaged(metadataKey, "is no identity of a flow")
	}
	c.id = who.ID
	return nil
}

// began reports whether a batch was ever planned.
func (c *Checkpoint) began(ctx context.Context) (bool, error) {
	last, err := c.newest(ctx, offsetsPrefix, offsetKey)
	if err == nil && last < 0 {
		last, err = c.newest(ctx, commitsPrefix, commitKey)
	}
	return last >= 0, err
}

// missing makes the error of a checkpoint without identity one for users.
func (o Options) missing(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errclass.New("STREAMING_CHECKPOINT_MISSING_METADATA_FILE", "42K03",
		"The checkpoint %s was deleted, all of it or its file metadata, and with it what the flow has loaded so far. %s", o.Place, Restore)
}

// Restore says what to do about a checkpoint that is not whole.
const Restore = "Put it back, all of it, as it was after the last batch. To begin anew instead, give the flow another checkpoint; " +
	"for a streaming table, REFRESH STREAMING TABLE … FULL does that and loads everything into an empty table, " +
	"and freshet stream reset does it and adds everything to the rows that are there."

// damaged is the error of a file of the checkpoint that is not as it was
// written.
func damaged(key, what string) error {
	return errclass.New("STREAMING_CHECKPOINT_CORRUPT", "KD002", "The file %s of the checkpoint %s. %s", key, what, Restore)
}
