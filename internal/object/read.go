package object

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrTooLarge says that an object is larger than its reader expects any to be.
var ErrTooLarge = errors.New("the object is too large")

// ReadAll returns the bytes of the object under key. One of more than limit
// bytes is not read: the error is then [ErrTooLarge], so that damage cannot
// exhaust memory.
func ReadAll(ctx context.Context, store Store, key string, limit int64) (body []byte, err error) {
	o, err := store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if o.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes: %w", key, o.Size(), ErrTooLarge)
	}
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}
