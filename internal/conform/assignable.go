package conform

import "github.com/freshet/freshet/schema"

// kind groups types by the rules of assignment.
type kind int

const (
	otherKind kind = iota
	numberKind
	datetimeKind
	textKind
	plainKind // BOOLEAN and BINARY
)

var primitiveKinds = map[schema.Primitive]kind{
	schema.Byte: numberKind, schema.Short: numberKind, schema.Integer: numberKind, schema.Long: numberKind,
	schema.Float: numberKind, schema.Double: numberKind,
	schema.Date: datetimeKind, schema.Timestamp: datetimeKind, schema.TimestampNTZ: datetimeKind,
	schema.String:  textKind,
	schema.Boolean: plainKind, schema.Binary: plainKind,
}

func kindOf(t schema.Type) kind {
	switch t := t.(type) {
	case schema.Decimal:
		return numberKind
	case schema.Primitive:
		return primitiveKinds[t]
	default:
		return otherKind
	}
}

// Assignable reports whether values of type from may be stored in a column of
// type to without an explicit cast, by Spark's store assignment policy ANSI
// (semantics §15.2): numbers to numbers, dates and timestamps to one another,
// any simple type to STRING, nested types in depth. STRING goes to nothing
// else. Values that overflow are found when they are cast.
func Assignable(from, to schema.Type) bool {
	if from == schema.Void || schema.EqualIgnoringNulls(from, to) {
		return true
	}
	switch to := to.(type) {
	case schema.Array:
		from, ok := from.(schema.Array)
		return ok && Assignable(from.Element, to.Element)
	case schema.Map:
		from, ok := from.(schema.Map)
		return ok && Assignable(from.Key, to.Key) && Assignable(from.Value, to.Value)
	case *schema.Struct:
		from, ok := from.(*schema.Struct)
		return ok && assignableFields(from, to)
	default:
		f, t := kindOf(from), kindOf(to)
		return f != otherKind && (t == textKind || f == t && f != plainKind)
	}
}

func assignableFields(from, to *schema.Struct) bool {
	for _, f := range from.Fields {
		i := to.Index(f.Name)
		if i < 0 || !Assignable(f.Type, to.Fields[i].Type) {
			return false
		}
	}
	return true
}
