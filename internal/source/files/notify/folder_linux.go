package notify

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// maxNotices bounds the paths that are held until they are taken; when more
// come the folder is listed instead.
const maxNotices = 1 << 17

// wanted are the events that mean that a file is whole or has appeared, and
// those by which the watched directories are kept up.
const wanted = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_CREATE | unix.IN_MOVED_FROM | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

// folder watches a directory and all below it. A file counts when whoever
// wrote it has closed it, or when it is renamed or linked into place.
type folder struct {
	root  string
	file  *os.File // of inotify
	fd    int      // of file, which Fd would make block
	ready chan struct{}
	ended chan struct{}

	mu    sync.Mutex
	dirs  map[int32]string // watched, by inotify's number
	paths map[string]struct{}
	lost  bool
	// partial says why there are places that are not watched: those of links to
	// directories, or to nothing yet, and those beyond what the machine allows.
	partial error
	err     error
	watch   func(fd int, dir string, mask uint32) (int, error)
}

var _ Queue = (*folder)(nil)

// Watch watches a local directory, given as an absolute path, and all below
// it. All is to be listed once after it has returned: the first notices say
// so.
func Watch(root string) (Queue, error) { return watchBy(root, unix.InotifyAddWatch) }

// watchBy is Watch, by the given way to watch one directory.
func watchBy(root string, watch func(fd int, dir string, mask uint32) (int, error)) (Queue, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if errors.Is(err, unix.EMFILE) {
		return nil, fmt.Errorf("watch %s: %w: raise fs.inotify.max_user_instances", root, ErrLimit)
	}
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	f := &folder{
		root: filepath.Clean(root), file: os.NewFile(uintptr(fd), "inotify"), fd: fd, ready: make(chan struct{}, 1), ended: make(chan struct{}),
		dirs: map[int32]string{}, paths: map[string]struct{}{}, lost: true, watch: watch,
	}
	if err := f.add(f.root, false); err != nil {
		return nil, errors.Join(err, f.file.Close())
	}
	go f.read()
	return f, nil
}

// Take implements [Queue].
func (f *folder) Take(ctx context.Context) (Notices, error) {
	if err := ctx.Err(); err != nil {
		return Notices{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return Notices{}, f.err
	}
	// The folder itself may have been replaced by another.
	if err := f.addIfThere(f.root, false); err != nil {
		return Notices{}, err
	}
	n := Notices{Paths: slices.Sorted(maps.Keys(f.paths)), Lost: f.lost || f.partial != nil, Unwatched: f.partial}
	clear(f.paths)
	f.lost = false
	return n, nil
}

// Ack implements [Queue]: the kernel keeps nothing.
func (f *folder) Ack(context.Context) error { return nil }

// Ready implements [Queue].
func (f *folder) Ready() <-chan struct{} { return f.ready }

// Close implements [Queue].
func (f *folder) Close() error {
	err := f.file.Close()
	<-f.ended
	return err
}

// add watches a directory and those below it. With tell, the files in them
// are new: they may have come before the directory was watched.
func (f *folder) add(dir string, tell bool) error {
	wd, err := f.watch(f.fd, dir, wanted)
	switch {
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("watch %s: %w: raise fs.inotify.max_user_watches", dir, ErrLimit)
	case err != nil:
		return &fs.PathError{Op: "watch", Path: dir, Err: err}
	}
	if f.dirs[int32(wd)] == dir {
		return nil
	}
	if dir == f.root {
		f.lost = true
	}
	f.dirs[int32(wd)] = dir
	entries, err := os.ReadDir(dir)
	if err != nil && !isGone(err) {
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	for _, e := range entries {
		if err := f.entry(filepath.Join(dir, e.Name()), e.Type(), tell); err != nil {
			return err
		}
	}
	return nil
}

// addIfThere adds a directory. One that has gone meanwhile is none, and one
// beyond what the machine allows is left to be listed.
func (f *folder) addIfThere(dir string, tell bool) error {
	err := f.add(dir, tell)
	if errors.Is(err, ErrLimit) {
		f.leaveOut(err)
		return nil
	}
	if isGone(err) {
		return nil
	}
	return err
}

// leaveOut notes why a directory is not watched; the first reason is enough.
func (f *folder) leaveOut(why error) {
	if f.partial == nil {
		f.partial = why
	}
}

// isGone reports whether an error is but that something has gone, or is a file
// by now, or one of the directories above it.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) }

// entry takes in what was found in a directory.
func (f *folder) entry(path string, mode fs.FileMode, tell bool) error {
	switch {
	case mode.IsDir():
		return f.addIfThere(path, tell)
	case mode&fs.ModeSymlink != 0 && !leadsToFile(path):
		// Nobody tells of what comes where it leads to.
		f.leaveOut(fmt.Errorf("watch %s: links to directories, or to nothing yet, are not watched", path))
	case mode&fs.ModeSymlink != 0:
		f.tell(path)
	case tell:
		f.tell(path)
	}
	return nil
}

func leadsToFile(link string) bool {
	info, err := os.Stat(link)
	return err == nil && !info.IsDir()
}

func (f *folder) tell(path string) {
	if len(f.paths) == maxNotices {
		clear(f.paths)
		f.lost = true
	}
	f.paths[path] = struct{}{}
}

// read takes in events until the folder is closed.
func (f *folder) read() {
	defer close(f.ended)
	buf := make([]byte, 64<<10)
	for {
		n, err := f.file.Read(buf)
		f.mu.Lock()
		if err == nil {
			err = f.events(buf[:n])
		}
		if err != nil && f.err == nil {
			f.err = err
		}
		f.mu.Unlock()
		select {
		case f.ready <- struct{}{}:
		default: // it is told already
		}
		if err != nil {
			return
		}
	}
}

// events takes in events as the kernel writes them: watch, mask, cookie and
// length of the name, 4 bytes each, and the name padded with zeros.
func (f *folder) events(b []byte) error {
	for len(b) >= unix.SizeofInotifyEvent {
		wd, mask := int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		if end > len(b) {
			return errors.New("watch: an event is cut short")
		}
		name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
		b = b[end:]
		if err := f.event(wd, mask, name); err != nil {
			return err
		}
	}
	return nil
}

func (f *folder) event(wd int32, mask uint32, name string) error {
	if mask&unix.IN_Q_OVERFLOW != 0 {
		return f.overflow()
	}
	dir, known := f.dirs[wd]
	if mask&unix.IN_IGNORED != 0 {
		delete(f.dirs, wd)
		return nil
	}
	if !known || name == "" {
		return nil
	}
	path := filepath.Join(dir, name)
	switch {
	case mask&unix.IN_ISDIR != 0 && mask&unix.IN_MOVED_FROM != 0:
		f.leave(path)
	case mask&unix.IN_ISDIR != 0:
		return f.entry(path, fs.ModeDir, true)
	case mask&unix.IN_CLOSE_WRITE != 0:
		f.tell(path)
	case mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0:
		return f.appeared(path, mask&unix.IN_MOVED_TO != 0)
	}
	return nil
}

// appeared tells of links, which are whole at once, and of whole files that were
// moved here. Other files are told of when they are closed.
func (f *folder) appeared(path string, whole bool) error {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return nil //nolint:nilerr // it has gone
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return f.entry(path, fs.ModeSymlink, true)
	case whole, st.Nlink > 1:
		f.tell(path)
	}
	return nil
}

// overflow begins anew: directories may have come unseen.
func (f *folder) overflow() error {
	f.lost = true
	clear(f.dirs)
	return f.addIfThere(f.root, false)
}

// leave no longer watches a directory that was moved away, nor those in it.
func (f *folder) leave(path string) {
	for wd, dir := range f.dirs {
		if dir == path || strings.HasPrefix(dir, path+"/") {
			delete(f.dirs, wd)
			_, _ = unix.InotifyRmWatch(f.fd, uint32(wd)) // it may be gone
		}
	}
}
