package sql

import (
	"maps"
	"slices"
)

// FunctionNames returns the names of the functions that queries may call,
// sorted.
func FunctionNames() []string {
	return slices.Sorted(maps.Keys(sparkFunctions))
}
