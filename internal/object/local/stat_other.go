//go:build !linux

package local

import (
	"os"
	"path/filepath"
)

// statAt returns the size and modification time, in Unix nanoseconds, of a
// file in the directory d, following links.
func statAt(d *os.File, name string) (size, modTime int64, err error) {
	info, err := os.Stat(filepath.Join(d.Name(), name))
	if err != nil {
		return 0, 0, err
	}
	return info.Size(), info.ModTime().UnixNano(), nil
}
