package delta

import (
	"context"
	"io"
	"io/fs"
	"iter"
)

// Storage is where one table lives: keys are slash-separated and relative to
// the table's root directory, so the log's first commit has the key
// "_delta_log/00000000000000000000.json".
//
// Implementations are safe for concurrent use. A missing object is
// [fs.ErrNotExist]. Whether commits of several writers are safe rests on
// PutIfAbsent alone.
type Storage interface {
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

// Object is one stored object, opened. It is an alias of a plain interface,
// so that a storage need not import this package to return one. ReadAt is
// safe for concurrent use.
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
