package ingest

import (
	"slices"

	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/source/files"
)

// FileOptions declares the options that files of every format have.
func FileOptions() option.Set {
	return append(files.Options(), slices.Clone(common)...)
}
