// Package notify tells which files have come to a place, so that it need not
// be listed. What it tells may be lost, repeated or late, as with any queue:
// a listing now and then, and the file state, make up for that.
package notify

import (
	"context"
	"errors"
)

// ErrLimit says that the machine allows no more to be watched. Nothing is told
// then, and all is to be listed.
var ErrLimit = errors.New("this machine allows no more watched directories")

// Queue is told of files by the place they come to: by the kernel of a folder
// on this machine ([Watch]), by a queue of a cloud.
type Queue interface {
	// Take returns what has come since it was last called, without waiting.
	Take(ctx context.Context) (Notices, error)
	// Ack is called when all that Take has returned is recorded durably; it
	// need not be told again.
	Ack(ctx context.Context) error
	// Ready receives when there may be something to take.
	Ready() <-chan struct{}
	// Close ends the queue, and waits for what it has started.
	Close() error
}

// Notices is what a queue tells.
type Notices struct {
	// Paths are of the files that were written or have appeared, sorted. Some
	// may be gone or nobody's business.
	Paths []string
	// Lost says that some are missing, so that everything has to be listed.
	Lost bool
	// Unwatched says why there are directories that nothing is told of, from
	// then on; nil when there are none. Lost is set, too.
	Unwatched error
}
