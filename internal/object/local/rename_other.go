//go:build !linux

package local

import "errors"

// renameNoReplace is known on Linux only.
func renameNoReplace(_, _ string) error { return errors.ErrUnsupported }
