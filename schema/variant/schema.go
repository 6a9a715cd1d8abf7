package variant

import (
	"strings"

	"github.com/freshet/freshet/schema"
)

// shape is the type of a variant as schema_of_variant tells it: a type of
// the schema, or the text of a container's.
type shape struct {
	leaf    schema.Type // nil for a container
	object  bool
	names   []string // of an object's fields, in order
	parts   []shape  // one for each name, or the element of an array
	variant bool     // parts that have no type in common
}

var anything = shape{variant: true}

// Schema returns the type of v in the words of Spark's schema_of_variant:
// OBJECT<a: BIGINT>, ARRAY<STRING>, DECIMAL(3,2). Elements that have no type in
// common are VARIANT.
func (v Value) Schema() (string, error) {
	s, err := shapeOf(v, v.walk())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	s.write(&b)
	return b.String(), nil
}

var leafTypes = map[Kind]schema.Type{
	Null: schema.Void, Boolean: schema.Boolean, Integer: schema.Long, Double: schema.Double, Float: schema.Float,
	String: schema.String, Binary: schema.Binary, Date: schema.Date, Timestamp: schema.Timestamp, TimestampNTZ: schema.TimestampNTZ,
	UUID: schema.String,
}

func shapeOf(v Value, w *walk) (shape, error) {
	if err := w.enter(); err != nil {
		return shape{}, err
	}
	defer w.leave()
	kind, err := v.Kind()
	if err != nil {
		return shape{}, err
	}
	switch kind {
	case Object, Array:
		return containerShape(v, kind, w)
	case Decimal:
		n, scale, err := v.Decimal()
		n, scale = stripped(n, scale)
		digits := len(n.Abs().ToString(0))
		return shape{leaf: schema.Decimal{Precision: max(digits, scale), Scale: scale}}, err
	case Null, Boolean, Integer, Double, Float, String, Binary, Date, Timestamp, TimestampNTZ, UUID:
	}
	_, err = v.payload()
	return shape{leaf: leafTypes[kind]}, err
}

func containerShape(v Value, kind Kind, w *walk) (shape, error) {
	c, err := v.Container()
	if err != nil {
		return shape{}, err
	}
	s := shape{object: kind == Object}
	element := shape{leaf: schema.Void}
	for i := range c.Len() {
		part, err := c.At(i)
		if err != nil {
			return shape{}, err
		}
		p, err := shapeOf(part, w)
		if err != nil {
			return shape{}, err
		}
		if kind == Array {
			element = merged(element, p)
			continue
		}
		name, err := c.Name(i)
		if err != nil {
			return shape{}, err
		}
		s.names, s.parts = append(s.names, string(name)), append(s.parts, p)
	}
	if kind == Array {
		s.parts = []shape{element}
	}
	return s, nil
}

// merged returns what two shapes have in common.
func merged(a, b shape) shape {
	switch {
	case a.leaf == schema.Void:
		return b
	case b.leaf == schema.Void:
		return a
	case a.variant || b.variant || (a.leaf == nil) != (b.leaf == nil):
		return anything
	case a.leaf != nil:
		return mergedLeaf(a.leaf, b.leaf)
	case a.object != b.object:
		return anything
	case !a.object:
		return shape{parts: []shape{merged(a.parts[0], b.parts[0])}}
	}
	return mergedObjects(a, b)
}

func mergedObjects(a, b shape) shape {
	out := shape{object: true}
	for i, j := 0, 0; i < len(a.names) || j < len(b.names); {
		switch {
		case j == len(b.names) || i < len(a.names) && a.names[i] < b.names[j]:
			out.names, out.parts = append(out.names, a.names[i]), append(out.parts, a.parts[i])
			i++
		case i == len(a.names) || a.names[i] > b.names[j]:
			out.names, out.parts = append(out.names, b.names[j]), append(out.parts, b.parts[j])
			j++
		default:
			out.names, out.parts = append(out.names, a.names[i]), append(out.parts, merged(a.parts[i], b.parts[j]))
			i, j = i+1, j+1
		}
	}
	return out
}

// longDecimal is the decimal that holds every Integer.
var longDecimal = schema.Decimal{Precision: 20}

// mergedLeaf widens numbers to a type that holds both.
func mergedLeaf(a, b schema.Type) shape {
	if a == b {
		return shape{leaf: a}
	}
	isFloating := func(t schema.Type) bool { return t == schema.Float || t == schema.Double }
	x, xOK := exact(a)
	y, yOK := exact(b)
	switch {
	case xOK && yOK:
		scale := max(x.Scale, y.Scale)
		digits := max(x.Precision-x.Scale, y.Precision-y.Scale)
		if digits+scale > maxScale {
			return shape{leaf: schema.Double}
		}
		return shape{leaf: schema.Decimal{Precision: digits + scale, Scale: scale}}
	case (xOK || isFloating(a)) && (yOK || isFloating(b)):
		return shape{leaf: schema.Double}
	}
	return anything
}

func exact(t schema.Type) (schema.Decimal, bool) {
	if t == schema.Long {
		return longDecimal, true
	}
	d, ok := t.(schema.Decimal)
	return d, ok
}

func (s shape) write(b *strings.Builder) {
	switch {
	case s.variant:
		b.WriteString("VARIANT")
	case s.leaf != nil:
		b.WriteString(s.leaf.String())
	case s.object:
		b.WriteString("OBJECT<")
		for i, name := range s.names {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(schema.QuoteIdent(name))
			b.WriteString(": ")
			s.parts[i].write(b)
		}
		b.WriteString(">")
	default:
		b.WriteString("ARRAY<")
		s.parts[0].write(b)
		b.WriteString(">")
	}
}
