// Package formats is the list of file formats there are, and tells which one
// a file has.
package formats

import (
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/binaryfile"
	"github.com/freshet/freshet/internal/format/csv"
	"github.com/freshet/freshet/internal/format/json"
	"github.com/freshet/freshet/internal/format/parquet"
	"github.com/freshet/freshet/internal/format/text"
)

// registered are the formats by lower-case name.
var registered = map[string]format.Format{
	"binaryfile": binaryfile.Format{},
	"csv":        csv.Format{},
	"json":       json.Format{},
	"parquet":    parquet.Format{},
	"text":       text.Format{},
}

// unsupported are formats that Databricks has and this list does not.
var unsupported = []string{"avro", "delta", "excel", "orc", "xml"}

// Names returns the names of the formats, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registered)) }

// Lookup returns the format called name, ignoring case. The error for another
// name lists those there are.
func Lookup(name string) (format.Format, error) {
	folded := strings.ToLower(name)
	if f, ok := registered[folded]; ok {
		return f, nil
	}
	known := strings.Join(Names(), ", ")
	if slices.Contains(unsupported, folded) {
		return nil, errclass.New("UNSUPPORTED_FILE_FORMAT", "0A000", "file format %s is not supported yet; supported are %s", folded, known)
	}
	return nil, errclass.New("DATA_SOURCE_NOT_FOUND", "42K02", "there is no file format %q; there are %s", name, known)
}
