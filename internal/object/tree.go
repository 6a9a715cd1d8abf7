package object

import (
	"context"
	"io/fs"
	"iter"
)

// Tree is a [Store] that keeps objects in directories of a file system, and
// can tell which directories have gained or lost entries.
type Tree interface {
	// ListNew yields the objects that List would, less those that past says
	// are known and those directly in directories that it says are unchanged.
	// Neither is looked at. The order is that of List.
	ListNew(ctx context.Context, prefix string, past Past) iter.Seq2[fs.FileInfo, error]
}

// Past is what earlier listings of a [Tree] have shown. Its methods are called
// in the order of the keys, by one goroutine.
type Past interface {
	// Known reports whether an object is to be passed over.
	Known(key string) bool
	// Unchanged returns the names, with a trailing slash, of the directories
	// in dir, a key prefix ending in a slash, if it was listed with this stamp.
	Unchanged(dir string, stamp Stamp) (below []string, ok bool)
	// Listed is told of a directory whose entries were read after its stamp
	// was taken, unless its objects can change while its stamp does not.
	Listed(dir string, stamp Stamp, below []string)
}

// Stamp is what changes about a directory when it gains or loses an entry.
type Stamp struct {
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
	// Modified and Changed are the times of its entries and of its inode, in
	// ns since 1970. The second cannot be set back by programs.
	Modified int64 `json:"modified"`
	Changed  int64 `json:"changed"`
	// Taken is when the file system's clock gave this stamp, in ns since 1970.
	// A directory may change again with the same times as long as that clock
	// shows them.
	Taken int64 `json:"taken"`
}

// Same reports whether nothing has changed between two stamps.
func (s Stamp) Same(t Stamp) bool {
	return s.Device == t.Device && s.Inode == t.Inode && s.Modified == t.Modified && s.Changed == t.Changed
}
