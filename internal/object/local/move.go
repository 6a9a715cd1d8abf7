package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Move implements [object.Mover]. Links and files of another file system have
// to be copied.
func (s *Store) Move(ctx context.Context, from, to string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	source, err := s.path(from)
	if err != nil {
		return err
	}
	target, err := s.path(to)
	if err != nil {
		return err
	}
	switch info, err := os.Lstat(source); {
	case err != nil:
		return notExist(err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("move %s: %w", from, errors.ErrUnsupported)
	}
	if err := rename(source, target); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(target)), syncDir(filepath.Dir(source)))
}

// rename renames a file unless the new name is taken, making its directory
// when that is missing.
func rename(from, to string) error {
	if err := makeDirs(filepath.Dir(to)); err != nil {
		return err
	}
	err := renameNoReplace(from, to)
	if errors.Is(err, errors.ErrUnsupported) {
		if err = os.Link(from, to); err == nil {
			return os.Remove(from)
		}
	}
	if errors.Is(err, syscall.EXDEV) || linkUnsupported(err) {
		return fmt.Errorf("move %s: %w", from, errors.ErrUnsupported)
	}
	return err
}
