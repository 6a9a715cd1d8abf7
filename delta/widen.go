package delta

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

const (
	typeChangesKey     = "delta.typeChanges"
	typeWideningKey    = "delta.enableTypeWidening"
	elementStep        = "element"
	keyStep, valueStep = "key", "value"
)

// integerPrecisions are the digits of a decimal that holds every value of an
// integer type, as the protocol counts them; the types are in order of width.
var (
	integerTypes      = []schema.Type{schema.Byte, schema.Short, schema.Integer, schema.Long}
	integerPrecisions = map[schema.Type]int{schema.Byte: 10, schema.Short: 10, schema.Integer: 10, schema.Long: 20}
)

// CanWiden reports whether a column of type from may become one of type to
// without its files being rewritten (protocol: Type Widening). The types
// themselves are no arrays, maps or structs; their parts widen on their own.
func CanWiden(from, to schema.Type) bool {
	narrow, wide := slices.Index(integerTypes, from), slices.Index(integerTypes, to)
	switch {
	case narrow >= 0 && wide >= 0:
		return narrow < wide
	case to == schema.Double:
		return from == schema.Float || narrow >= 0 && from != schema.Long
	case to == schema.TimestampNTZ:
		return from == schema.Date
	}
	target, ok := to.(schema.Decimal)
	if !ok {
		return false
	}
	source, ok := from.(schema.Decimal)
	if narrow >= 0 {
		source, ok = schema.Decimal{Precision: integerPrecisions[from]}, true
		if target == source {
			return true
		}
	}
	scale := target.Scale - source.Scale
	return ok && target != source && scale >= 0 && target.Precision-source.Precision >= scale
}

// RecordTypeChanges notes in the metadata of to the types that differ from
// those that columns of the same names have in from, as readers of old files
// need to know them (protocol: Type Widening). It changes to, which the caller
// owns; changes that are no widening are not noted.
func RecordTypeChanges(from, to *schema.Struct) {
	for i := range to.Fields {
		f := &to.Fields[i]
		if at := from.Index(f.Name); at >= 0 {
			recordChanges(f, from.Fields[at].Type, f.Type, nil)
		}
	}
}

// recordChanges notes in f, the nearest field, what changed at a path of
// elements, keys and values inside it.
func recordChanges(f *schema.Field, from, to schema.Type, path []string) {
	switch to := to.(type) {
	case *schema.Struct:
		if from, ok := from.(*schema.Struct); ok {
			RecordTypeChanges(from, to)
		}
		return
	case schema.Array:
		if from, ok := from.(schema.Array); ok {
			recordChanges(f, from.Element, to.Element, append(path, elementStep))
		}
		return
	case schema.Map:
		if from, ok := from.(schema.Map); ok {
			recordChanges(f, from.Key, to.Key, append(slices.Clone(path), keyStep))
			recordChanges(f, from.Value, to.Value, append(slices.Clone(path), valueStep))
		}
		return
	}
	if !CanWiden(from, to) {
		return
	}
	change := map[string]any{"fromType": typeName(from), "toType": typeName(to)}
	if len(path) > 0 {
		change["fieldPath"] = strings.Join(path, ".")
	}
	known, _ := f.Metadata[typeChangesKey].([]any)
	if f.Metadata == nil {
		f.Metadata = map[string]any{}
	}
	f.Metadata[typeChangesKey] = append(slices.Clone(known), any(change))
}

// typeName is a primitive's name in the schema's JSON.
func typeName(t schema.Type) string { return strings.Trim(string(schema.TypeJSON(t)), `"`) }
