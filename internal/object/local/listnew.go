package local

import (
	"context"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/object"
)

// ListNew implements [object.Tree]. Where the times of directories cannot be
// relied upon, as on network file systems, every directory is listed.
func (s *Store) ListNew(ctx context.Context, prefix string, past object.Past) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		w := &walk{ctx: ctx, prefix: prefix, yield: yield, past: past}
		if dir, dirKey, ok := s.start(prefix); ok {
			w.device, w.stamped = stamped(dir)
			w.directory(dir, dirKey)
		}
	}
}

// stampOf returns the stamp of a directory, and whether it can be relied upon:
// one of another file system than where the walk began may lie on a network.
func (w *walk) stampOf(info fs.FileInfo) (object.Stamp, bool) {
	if w.past == nil || !w.stamped {
		return object.Stamp{}, false
	}
	stamp, ok := stampOf(info)
	return stamp, ok && stamp.Device == w.device
}

// remembered walks the directories in one that has no new entries.
func (w *walk) remembered(info fs.FileInfo, dir, dirKey string, below []string) bool {
	if err := w.ctx.Err(); err != nil {
		return w.fail(err)
	}
	w.above = append(w.above, info)
	defer func() { w.above = w.above[:len(w.above)-1] }()
	for _, name := range below {
		if !w.directory(filepath.Join(dir, strings.TrimSuffix(name, "/")), dirKey+name) {
			return false
		}
	}
	return true
}

// remember tells past of a directory whose entries were read. What a link in
// it leads to may change without it.
func (w *walk) remember(dirKey string, stamp object.Stamp, entries []entry) {
	var below []string
	for _, e := range entries {
		if e.link {
			return
		}
		if e.isDir() {
			below = append(below, e.name)
		}
	}
	w.past.Listed(dirKey, stamp, below)
}

// unknown leaves out the files that past knows.
func (w *walk) unknown(dirKey string, files []entry) []entry {
	if w.past == nil {
		return files
	}
	return slices.DeleteFunc(files, func(e entry) bool { return w.past.Known(dirKey + e.name) })
}
