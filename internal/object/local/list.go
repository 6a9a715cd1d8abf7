package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/freshet/freshet/internal/object"
)

// List implements [object.Store]. It holds the names of one directory a level
// in memory, never those of the tree. Directories that startAfter has passed
// are not read. A directory that vanishes meanwhile is empty; one that cannot
// be read is an error, which ends the list.
func (s *Store) List(ctx context.Context, prefix, startAfter string) iter.Seq2[fs.FileInfo, error] {
	return func(yield func(fs.FileInfo, error) bool) {
		w := &walk{ctx: ctx, prefix: prefix, startAfter: startAfter, yield: yield}
		if dir, dirKey, ok := s.start(prefix); ok {
			w.directory(dir, dirKey)
		}
	}
}

// start returns the directory that holds all keys with a prefix; not ok says
// that no object has such a key.
func (s *Store) start(prefix string) (dir, dirKey string, ok bool) {
	dirKey = prefix[:strings.LastIndexByte(prefix, '/')+1]
	if dirKey == "" {
		return s.root, "", true
	}
	dir, err := s.path(strings.TrimSuffix(dirKey, "/"))
	return dir, dirKey, err == nil
}

// walk is one run of List.
type walk struct {
	ctx        context.Context // of the call that the walk is
	prefix     string
	startAfter string
	yield      func(fs.FileInfo, error) bool
	above      []fs.FileInfo // the directories being walked, outermost first

	// Of ListNew: what is known, and whether directories of which device have
	// stamps that can be relied upon.
	past    object.Past
	stamped bool
	device  uint64
	// dangling is set by links to what is not there, or cannot be seen.
	dangling bool
}

// entry is a name in a directory. Directories carry a trailing slash, which
// makes the order of entries the order of the keys below them.
type entry struct {
	name string
	link bool
}

func (e entry) isDir() bool { return strings.HasSuffix(e.name, "/") }

// directory yields the objects of one directory, whose keys begin with
// dirKey. It returns false when the walk is over.
func (w *walk) directory(dir, dirKey string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return w.skipMissing(err)
	}
	stamp, reliable := w.stampOf(info) // before the entries are read
	if reliable {
		if below, ok := w.past.Unchanged(dirKey, stamp); ok {
			return w.remembered(info, dir, dirKey, below)
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		return w.skipMissing(err)
	}
	defer d.Close() //nolint:errcheck // opened for reading
	w.dangling = false
	entries, err := w.entries(d, dirKey)
	if err != nil {
		return w.skipMissing(err)
	}
	if reliable && !w.dangling { // what a link leads to comes without a change here
		w.remember(dirKey, stamp, entries)
	}
	for len(entries) > 0 {
		files := len(entries)
		if i := slices.IndexFunc(entries, entry.isDir); i >= 0 {
			files = i
		}
		if files > 0 {
			files = min(files, statWindow)
			if !w.files(d, dirKey, entries[:files]) {
				return false
			}
			entries = entries[files:]
			continue
		}
		if !w.descend(d, dirKey, entries[0]) {
			return false
		}
		entries = entries[1:]
	}
	return true
}

// descend walks one directory in d, unless it is a link to a directory above
// itself.
func (w *walk) descend(d *os.File, dirKey string, e entry) bool {
	info, err := d.Stat()
	if err != nil {
		return w.skipMissing(err)
	}
	w.above = append(w.above, info)
	defer func() { w.above = w.above[:len(w.above)-1] }()
	dir := filepath.Join(d.Name(), strings.TrimSuffix(e.name, "/"))
	if e.link {
		target, err := os.Stat(dir)
		if err != nil {
			return w.skipMissing(err)
		}
		if slices.ContainsFunc(w.above, func(up fs.FileInfo) bool { return os.SameFile(up, target) }) {
			return true
		}
	}
	return w.directory(dir, dirKey+e.name)
}

func (w *walk) skipMissing(err error) bool {
	if errors.Is(notExist(err), fs.ErrNotExist) {
		return true
	}
	return w.fail(err)
}

func (w *walk) fail(err error) bool {
	w.yield(nil, fmt.Errorf("list: %w", err))
	return false
}

// entries reads the names in d that can lead to a wanted key, sorted.
func (w *walk) entries(d *os.File, dirKey string) ([]entry, error) {
	var out []entry
	for {
		if err := w.ctx.Err(); err != nil {
			return nil, err
		}
		chunk, err := d.ReadDir(4096)
		for _, c := range chunk {
			if e, ok := w.wanted(d.Name(), dirKey, c); ok {
				out = append(out, e)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

func (w *walk) wanted(dir, dirKey string, c fs.DirEntry) (entry, bool) {
	e := entry{name: c.Name()}
	if isTemp(e.name) {
		return e, false
	}
	mode := c.Type()
	if mode&fs.ModeSymlink != 0 {
		target, err := os.Stat(filepath.Join(dir, e.name))
		if err != nil {
			w.dangling = true // it is no object, so far
			return e, false
		}
		mode, e.link = target.Mode(), true
	}
	switch {
	case mode.IsDir():
		e.name += "/"
	case !mode.IsRegular():
		return e, false
	}
	return e, w.reaches(dirKey, e)
}

// reaches reports whether the entry, or something below it, has the prefix
// and comes after startAfter.
func (w *walk) reaches(dirKey string, e entry) bool {
	key := dirKey + e.name
	if !e.isDir() {
		return strings.HasPrefix(key, w.prefix) && key > w.startAfter
	}
	passed := w.startAfter >= key && !strings.HasPrefix(w.startAfter, key)
	return !passed && (strings.HasPrefix(key, w.prefix) || strings.HasPrefix(w.prefix, key))
}

// statWindow is how many files are looked at before the first of them is
// yielded; windows smaller than statParallel are not worth goroutines.
const (
	statWindow   = 8192
	statParallel = 256
)

// files yields the infos of a run of files in d, looked up in parallel.
func (w *walk) files(d *os.File, dirKey string, entries []entry) bool {
	entries = w.unknown(dirKey, entries)
	infos := make([]info, len(entries))
	workers := 1
	if len(entries) >= statParallel {
		workers = min(2*runtime.GOMAXPROCS(0), 16)
	}
	errs := make([]error, workers+1)
	if workers == 1 {
		errs[0] = statAll(d, dirKey, entries, infos)
	} else {
		size := (len(entries) + workers - 1) / workers
		var wg sync.WaitGroup
		for i := range workers {
			from, to := min(i*size, len(entries)), min((i+1)*size, len(entries))
			wg.Go(func() { errs[i] = statAll(d, dirKey, entries[from:to], infos[from:to]) })
		}
		wg.Wait()
	}
	errs[workers] = w.ctx.Err()
	if err := errors.Join(errs...); err != nil {
		return w.fail(err)
	}
	for i := range infos {
		if infos[i].key != "" && !w.yield(&infos[i], nil) {
			return false
		}
	}
	return true
}

// statAll fills infos. A file that has vanished keeps an empty key.
func statAll(d *os.File, dirKey string, entries []entry, infos []info) error {
	for i, e := range entries {
		size, modTime, err := statAt(d, e.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		infos[i] = info{key: dirKey + e.name, size: size, modTime: modTime}
	}
	return nil
}

// info is the [fs.FileInfo] of a listed object.
type info struct {
	key     string
	size    int64
	modTime int64 // Unix nanoseconds
}

func (i *info) Name() string       { return i.key }
func (i *info) Size() int64        { return i.size }
func (i *info) Mode() fs.FileMode  { return 0o444 }
func (i *info) ModTime() time.Time { return time.Unix(0, i.modTime) }
func (i *info) IsDir() bool        { return false }
func (i *info) Sys() any           { return nil }
