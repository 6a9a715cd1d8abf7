package delta

import (
	"slices"

	"github.com/freshet/freshet/schema"
)

// readableAs reports whether values of type from can be read as type to,
// nothing of them lost. Names of fields are those in files.
func readableAs(from, to schema.Type) bool {
	switch from := from.(type) {
	case *schema.Struct:
		wide, ok := to.(*schema.Struct)
		return ok && !slices.ContainsFunc(from.Fields, func(f schema.Field) bool {
			i := wide.Index(f.Name)
			return i < 0 || !readableAs(f.Type, wide.Fields[i].Type)
		})
	case schema.Array:
		wide, ok := to.(schema.Array)
		return ok && readableAs(from.Element, wide.Element)
	case schema.Map:
		wide, ok := to.(schema.Map)
		return ok && readableAs(from.Key, wide.Key) && readableAs(from.Value, wide.Value)
	}
	return from == schema.Void || schema.Equal(from, to) || CanWiden(from, to)
}
