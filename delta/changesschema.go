package delta

import (
	"slices"

	"github.com/freshet/freshet/schema"
)

// widerTypes are the steps of "protocol: Type Widening" between primitives.
var widerTypes = map[schema.Primitive][]schema.Primitive{
	schema.Byte:    {schema.Short, schema.Integer, schema.Long, schema.Double},
	schema.Short:   {schema.Integer, schema.Long, schema.Double},
	schema.Integer: {schema.Long, schema.Double},
	schema.Float:   {schema.Double},
	schema.Date:    {schema.TimestampNTZ},
}

// integerDigits are the digits of integers, as decimals they widen to.
var integerDigits = map[schema.Primitive]int{schema.Byte: 10, schema.Short: 10, schema.Integer: 10, schema.Long: 20}

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
	case schema.Decimal:
		wide, ok := to.(schema.Decimal)
		return ok && wide.Scale >= from.Scale && wide.Precision-wide.Scale >= from.Precision-from.Scale
	case schema.Primitive:
		if wide, ok := to.(schema.Decimal); ok {
			digits, known := integerDigits[from]
			return known && int(wide.Precision)-int(wide.Scale) >= digits
		}
		wide, ok := to.(schema.Primitive)
		return ok && (wide == from || from == schema.Void || slices.Contains(widerTypes[from], wide))
	}
	return false
}
