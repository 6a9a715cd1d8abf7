// Package object is object storage as freshet uses it: whole objects under
// slash-separated keys, read by range, written once, listed in order.
//
// The package knows nothing of tables. Its shapes use only standard types, so
// that a [Store] is a delta.Storage without an adapter. Missing objects are
// [fs.ErrNotExist], existing ones [fs.ErrExist]; any other error of a write
// leaves its outcome unknown, and the caller must read back before it decides.
package object

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"time"
)

// Store is one container of objects: a directory tree, a bucket, a bucket
// prefix. Keys are slash-separated, relative, without leading slash and
// without "." or ".." segments. A Store is safe for concurrent use.
type Store interface {
	// Open returns the object under key for reading at any offset. The error
	// is [fs.ErrNotExist] when there is none.
	Open(ctx context.Context, key string) (Object, error)

	// List yields every object whose key starts with prefix and is greater
	// than startAfter, in ascending byte order of keys. Name of the yielded
	// info is the whole key. A prefix with no objects yields nothing.
	List(ctx context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error]

	// Create starts an object of any size under key. Nothing is visible
	// before Close returns nil; an existing object is then replaced.
	Create(ctx context.Context, key string) (Upload, error)

	// Put writes data under key, replacing what is there, atomically.
	Put(ctx context.Context, key string, data []byte) error

	// PutIfAbsent writes data under key if nothing is there, atomically
	// against every other writer. The error is [fs.ErrExist] if and only if
	// another object is known to hold the key; any other error is undecided,
	// unless it has a method Unwritten() bool that returns true.
	PutIfAbsent(ctx context.Context, key string, data []byte) error

	// Delete removes the object under key. A missing object is no error.
	Delete(ctx context.Context, key string) error
}

// Pruner is a [Store] that keeps objects in directories, which stay when the
// objects go.
type Pruner interface {
	// Prune removes dir, a key prefix ending in a slash, and the directories
	// below it, as far as they are empty.
	Prune(dir string) error
}

// Mover is a [Store] that can give an object another key without copying it.
type Mover interface {
	// Move renames an object, durably and in one step. The error is
	// [fs.ErrExist] when there is an object of the new key, [fs.ErrNotExist]
	// when there is none of the old, and [errors.ErrUnsupported] when it has
	// to be copied.
	Move(ctx context.Context, from, to string) error
}

// Sweeper is a [Store] in which writers that were killed leave temporary
// files that no listing shows.
type Sweeper interface {
	// Sweep deletes the temporary files below dir, a key prefix that ends in a
	// slash or is empty, that were last written before a time, and returns how
	// many there were. It follows no links.
	Sweep(ctx context.Context, dir string, before time.Time) (int, error)
}

// ErrChanged says that an object was written to while it was read.
var ErrChanged = errors.New("it was changed while it was read")

// Object is one stored object, opened. It is an alias of a plain interface
// so that packages that may not import this one can name it too. ReadAt is
// safe for concurrent use, and reads the bytes of one version: once the object
// has been changed it returns those that it was opened with, or the error
// [ErrChanged].
type Object = interface {
	io.ReaderAt
	io.Closer
	// Size returns the object's length in bytes.
	Size() int64
	// ModTime returns when the object was last written, in Unix microseconds.
	ModTime() int64
}

// Upload is an object being written. Close publishes it; Abort discards it
// and, after Close, does nothing.
type Upload = interface {
	io.Writer
	io.Closer
	Abort() error
}
