// Package local is object storage in a directory of the local file system.
//
// Objects are regular files below a root directory; symbolic links are
// followed. A write is made in a hidden temporary file beside its target,
// flushed to the device and given its name in one step, so that no reader and
// no crash ever sees a part of it. PutIfAbsent names the file with link(2),
// which fails atomically when the name is taken, also between machines on a
// network file system.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/freshet/freshet/internal/object"
)

// Store keeps objects in a directory tree. It implements [object.Store].
type Store struct {
	root string
}

// New returns a store of the files below the directory root. It does no I/O;
// the first write creates the directory.
func New(root string) *Store {
	return &Store{root: filepath.Clean(root)}
}

// Root returns the store's directory.
func (s *Store) Root() string { return s.root }

// Open implements [object.Store]. What is neither a regular file nor a link
// to one does not exist as an object.
func (s *Store) Open(ctx context.Context, key string) (object.Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, err := s.path(key)
	if err != nil {
		return nil, err
	}
	// Without O_NONBLOCK, opening a named pipe would wait for its writer.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, notExist(err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{File: f, size: info.Size(), modTime: info.ModTime()}, nil
}

// Stat implements [object.Stater].
func (s *Store) Stat(ctx context.Context, key string) (size, modTime int64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	name, err := s.path(key)
	if err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return 0, 0, notExist(err)
	}
	if !info.Mode().IsRegular() {
		return 0, 0, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return info.Size(), info.ModTime().UnixMicro(), nil
}

// Delete implements [object.Store]. Directories stay, also when empty.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := s.path(key)
	if err != nil {
		return err
	}
	info, err := os.Lstat(name)
	if err == nil && !info.IsDir() {
		err = os.Remove(name)
	}
	if err = notExist(err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Prune implements [object.Pruner]. A writer whose directory it takes away
// makes it again.
func (s *Store) Prune(dir string) error {
	root, err := s.path(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return err
	}
	var dirs []string
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, name)
		}
		if errors.Is(notExist(err), fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(dirs) {
		err := os.Remove(name)
		if err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Sweep implements [object.Sweeper].
func (s *Store) Sweep(ctx context.Context, dir string, before time.Time) (int, error) {
	root := s.root
	if dir != "" {
		var err error
		if root, err = s.path(strings.TrimSuffix(dir, "/")); err != nil {
			return 0, err
		}
	}
	swept := 0
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && entry.Type().IsRegular() && isTemp(entry.Name()) {
			var info fs.FileInfo
			if info, err = entry.Info(); err == nil && info.ModTime().Before(before) {
				swept++
				err = os.Remove(name) //nolint:gosec // who may plant links below the root owns what is there
			}
		}
		if errors.Is(notExist(err), fs.ErrNotExist) {
			return nil // its writer has finished meanwhile
		}
		return err
	})
	return swept, err
}

// IsDir reports whether key names a directory, which may be empty; the empty
// key is the root. Object stores in general cannot tell.
func (s *Store) IsDir(key string) bool {
	name := s.root
	if key != "" {
		var err error
		if name, err = s.path(strings.TrimSuffix(key, "/")); err != nil {
			return false
		}
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// path returns the file that holds key. Keys that would leave the root or
// have two spellings are refused.
func (s *Store) path(key string) (string, error) {
	for segment := range strings.SplitSeq(key, "/") {
		switch segment {
		case "", ".", "..":
			return "", &KeyError{Key: key}
		}
	}
	if strings.ContainsRune(key, 0) {
		return "", &KeyError{Key: key}
	}
	return filepath.Join(s.root, filepath.FromSlash(key)), nil
}

// KeyError says that a key is not one: empty, absolute, or with an empty, "."
// or ".." segment.
type KeyError struct {
	Key string
}

func (e *KeyError) Error() string { return fmt.Sprintf("%q is not a valid object key", e.Key) }

// notExist turns "a parent is a file" into "does not exist".
func notExist(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) && errors.Is(pathErr.Err, syscall.ENOTDIR) {
		return &fs.PathError{Op: pathErr.Op, Path: pathErr.Path, Err: fs.ErrNotExist}
	}
	return err
}

// file is an open object.
type file struct {
	*os.File
	size    int64
	modTime time.Time
}

func (f *file) Size() int64    { return f.size }
func (f *file) ModTime() int64 { return f.modTime.UnixMicro() }

// ReadAt implements [io.ReaderAt]. A file that has another in its place is still
// open and the same; one that is written to in place is not.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	info, statErr := f.Stat()
	switch {
	case statErr != nil:
		return 0, statErr
	case info.Size() != f.size, !info.ModTime().Equal(f.modTime):
		return 0, &fs.PathError{Op: "read", Path: f.Name(), Err: object.ErrChanged}
	}
	return n, err
}
