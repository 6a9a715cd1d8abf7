package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/freshet/freshet/internal/object"
)

// Temporary files are named so that List passes over them and so that they
// fit wherever their target's name does.
const (
	tempPrefix = ".freshet-"
	tempSuffix = ".tmp"
)

func isTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix)
}

// Put implements [object.Store].
func (s *Store) Put(ctx context.Context, key string, data []byte) error {
	up, err := s.Create(ctx, key)
	if err != nil {
		return err
	}
	if _, err := up.Write(data); err != nil {
		return errors.Join(err, up.Abort())
	}
	return up.Close()
}

// PutIfAbsent implements [object.Store]. Where the file system has neither
// hard links nor a rename that does not replace, a reader may see the object
// before all of its bytes are there.
func (s *Store) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := s.path(key)
	if err != nil {
		return err
	}
	// The usual loser of a race finds out here, before it has written a byte.
	if _, err := os.Lstat(name); err == nil {
		return &fs.PathError{Op: "put", Path: name, Err: fs.ErrExist}
	}
	temp, err := createTemp(filepath.Dir(name))
	if err != nil {
		return &UnwrittenError{Err: err}
	}
	if err := writeSynced(temp, data); err != nil {
		return &UnwrittenError{Err: errors.Join(err, os.Remove(temp.Name()))}
	}
	return publish(temp.Name(), name, data)
}

// UnwrittenError is the failure of a write that has not happened and will
// not, such as one for which the disk has no room.
type UnwrittenError struct {
	Err error
}

func (e *UnwrittenError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnwrittenError) Unwrap() error { return e.Err }

// Unwritten reports that nothing was written (see [object.Store]).
func (*UnwrittenError) Unwritten() bool { return true }

// publish gives the finished file temp its name unless that is taken.
func publish(temp, name string, data []byte) error {
	err := os.Link(temp, name)
	switch {
	case err == nil:
		err = os.Remove(temp)
	case errors.Is(err, fs.ErrExist):
		// A network file system that repeats the request reports our own link
		// as somebody else's.
		own := sameFile(temp, name)
		removed := os.Remove(temp)
		if !own {
			return err
		}
		err = removed
	case linkUnsupported(err):
		err = publishWithoutLink(temp, name, data)
	default:
		return errors.Join(err, os.Remove(temp))
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

func publishWithoutLink(temp, name string, data []byte) error {
	err := renameNoReplace(temp, name)
	if !errors.Is(err, errors.ErrUnsupported) {
		if err != nil {
			return errors.Join(err, os.Remove(temp))
		}
		return nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the umask decides who shares a table
	if err == nil {
		err = writeSynced(f, data)
	}
	return errors.Join(err, os.Remove(temp))
}

func linkUnsupported(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EMLINK)
}

func sameFile(a, b string) bool {
	ai, aErr := os.Lstat(a)
	bi, bErr := os.Lstat(b)
	return aErr == nil && bErr == nil && os.SameFile(ai, bi)
}

// Create implements [object.Store].
func (s *Store) Create(ctx context.Context, key string) (object.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, err := s.path(key)
	if err != nil {
		return nil, err
	}
	temp, err := createTemp(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	return &upload{temp: temp, name: name}, nil
}

// flushStep is after how many bytes an upload has the system begin to write
// them to the device.
const flushStep = 8 << 20

// upload writes a temporary file that Close renames.
type upload struct {
	temp *os.File
	name string
	done bool

	size, flushed int64 // bytes written, and those of them on their way to the device
}

// Write writes p. What came before goes to the device meanwhile, so that Close
// need not wait for all of a large file.
func (u *upload) Write(p []byte) (int, error) {
	n, err := u.temp.Write(p)
	u.size += int64(n)
	if u.size-u.flushed >= flushStep {
		startFlush(u.temp, u.flushed, u.size-u.flushed)
		u.flushed = u.size
	}
	return n, err
}

func (u *upload) Close() error {
	if u.done {
		return &fs.PathError{Op: "close", Path: u.name, Err: fs.ErrClosed}
	}
	u.done = true
	err := errors.Join(u.temp.Sync(), u.temp.Close())
	if err == nil {
		err = os.Rename(u.temp.Name(), u.name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(u.temp.Name()))
	}
	return syncDir(filepath.Dir(u.name))
}

func (u *upload) Abort() error {
	if u.done {
		return nil
	}
	u.done = true
	return errors.Join(u.temp.Close(), os.Remove(u.temp.Name()))
}

// maxMakeDirs bounds how often a directory is made that is empty and that
// others remove meanwhile (see [Store.Prune]).
const maxMakeDirs = 10

// createTemp creates a temporary file in dir, and dir when it is missing.
func createTemp(dir string) (*os.File, error) {
	name := filepath.Join(dir, tempPrefix+rand.Text()+tempSuffix)
	for try := 0; ; try++ {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // the umask decides who shares a table
		if !errors.Is(err, fs.ErrNotExist) || try == maxMakeDirs {
			return f, err
		}
		if err := makeDirs(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// makeDirs creates dir and its missing parents, each durably.
func makeDirs(dir string) error {
	err := os.Mkdir(dir, 0o777) //nolint:gosec // the umask decides who shares a table
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDirs(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o777) //nolint:gosec // the umask decides who shares a table
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// writeSynced writes all of f, flushes it to the device and closes it.
func writeSynced(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes a new name in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // a file system whose directories need no flush
	}
	return errors.Join(err, d.Close())
}
