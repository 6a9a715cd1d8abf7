//go:build !linux

package local

import (
	"io/fs"

	"github.com/freshet/freshet/internal/object"
)

// stamped is known on Linux only; elsewhere every directory is listed.
func stamped(string) (device uint64, ok bool) { return 0, false }

func stampOf(fs.FileInfo) (object.Stamp, bool) { return object.Stamp{}, false }
