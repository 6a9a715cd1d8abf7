package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// stopKey holds the request that the flow stop. It outlives the run that it
// stops, so that a runner which would start the flow again leaves it alone.
const stopKey = "stop"

// RequestStop asks whoever runs the flow to stop after the batch that is
// running.
func (c *Checkpoint) RequestStop(ctx context.Context) error {
	if err := c.store.Put(ctx, stopKey, []byte("{}")); err != nil {
		return fmt.Errorf("ask the flow to stop: %w", err)
	}
	return nil
}

// StopRequested reports whether the flow was asked to stop, and not started
// since.
func (c *Checkpoint) StopRequested(ctx context.Context) (bool, error) {
	_, err := c.read(ctx, stopKey)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ClearStop takes the request back: the flow is being started.
func (c *Checkpoint) ClearStop(ctx context.Context) error {
	if asked, err := c.StopRequested(ctx); err != nil || !asked {
		return err
	}
	return c.store.Delete(ctx, stopKey)
}

// Holder returns who has the lease; held is false when nobody has, as far as
// is known without waiting. gone reports whether an owner is known to have
// died; nil knows of none.
func (c *Checkpoint) Holder(ctx context.Context, gone func(Owner) bool) (owner Owner, held bool, err error) {
	n, err := c.lastLease(ctx)
	if err != nil || n == 0 {
		return Owner{}, false, err
	}
	if _, err := c.read(ctx, doneKey(n)); !errors.Is(err, fs.ErrNotExist) {
		return Owner{}, false, err
	}
	body, err := c.read(ctx, leaseKey(n))
	if errors.Is(err, fs.ErrNotExist) { // taken over, or given up, in between
		return Owner{}, false, nil
	}
	if err != nil {
		return Owner{}, false, err
	}
	if err := json.Unmarshal(body, &owner); err != nil {
		return Owner{}, false, damaged(leaseKey(n), "cannot be read: "+err.Error())
	}
	return owner, gone == nil || !gone(owner), nil
}
