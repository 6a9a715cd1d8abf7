package json

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/format/value"
	"github.com/freshet/freshet/schema"
)

// shape is what is known of the type of some values: a point in the lattice
// of Spark's JSON inference (semantics §3.3). Observing a value or merging
// another shape moves it up. The order in which that happens decides only the
// spelling of names that differ in case.
type shape struct {
	kind             shapeKind
	precision, scale int // of a decimal
	elem             *shape
	fields           []*fieldShape // in order of appearance
	index            map[string]*fieldShape
}

type shapeKind uint8

const (
	shapeNull shapeKind = iota
	shapeBool
	shapeLong
	shapeDecimal
	shapeDouble
	shapeTimestamp
	shapeArray
	shapeObject
	shapeString // also what has no type in common
)

// fieldShape is one field of an object.
type fieldShape struct {
	name   string
	quoted string // as it usually stands in the text
	shape  shape
}

// longDigits is the precision of the decimal that holds every BIGINT.
const longDigits = 20

// raise merges a scalar kind into s.
func (s *shape) raise(kind shapeKind, precision, scale int) {
	switch {
	case kind == shapeNull || s.kind == shapeString || s.kind == kind && kind != shapeDecimal:
		return
	case s.kind == shapeNull:
		s.kind, s.precision, s.scale = kind, precision, scale
		return
	case !s.kind.isNumber() || !kind.isNumber():
		*s = shape{kind: shapeString}
		return
	case s.kind == shapeDouble || kind == shapeDouble:
		s.kind = shapeDouble
		return
	}
	if s.kind == shapeLong {
		s.precision, s.scale = longDigits, 0
	}
	if kind == shapeLong {
		precision, scale = longDigits, 0
	}
	s.kind = shapeDecimal
	whole := max(s.precision-s.scale, precision-scale)
	s.scale = max(s.scale, scale)
	if s.precision = whole + s.scale; s.precision > schema.MaxDecimalPrecision {
		s.kind = shapeDouble
	}
}

func (k shapeKind) isNumber() bool {
	return k == shapeLong || k == shapeDecimal || k == shapeDouble
}

// become makes s an object or array, and reports whether it is one now; if
// not, it is a string, whatever its values.
func (s *shape) become(kind shapeKind) bool {
	if s.kind == shapeNull {
		s.kind = kind
		if kind == shapeArray {
			s.elem = &shape{}
		}
	}
	if s.kind != kind {
		*s = shape{kind: shapeString}
	}
	return s.kind == kind
}

// merge merges other, which it may keep parts of.
func (s *shape) merge(other *shape) {
	// The others are scalars.
	//exhaustive:ignore
	switch other.kind {
	case shapeArray:
		if s.become(shapeArray) {
			s.elem.merge(other.elem)
		}
	case shapeObject:
		if s.become(shapeObject) {
			for _, f := range other.fields {
				s.field([]byte(f.name)).shape.merge(&f.shape)
			}
		}
	default:
		s.raise(other.kind, other.precision, other.scale)
	}
}

// field returns the field of an object by name, ignoring case, and adds it if
// it is new.
func (s *shape) field(name []byte) *fieldShape {
	if f, ok := s.index[string(name)]; ok {
		return f
	}
	folded := strings.ToLower(string(name))
	f, ok := s.index[folded]
	if !ok {
		f = &fieldShape{name: string(name), quoted: `"` + string(name) + `"`}
		s.fields = append(s.fields, f)
	}
	if s.index == nil {
		s.index = make(map[string]*fieldShape)
	}
	s.index[string(name)] = f
	s.index[folded] = f
	return f
}

// allNull says what becomes of values that are all null.
type allNull uint8

const (
	nullAsString allNull = iota
	nullDropped          // they leave no field
	nullAsVoid           // undecided: only a sample was seen
)

// structType returns the type of an object: fields in alphabetical order, as
// Spark has them, less those that have no name or no type.
func (s *shape) structType(nulls allNull) *schema.Struct {
	t := &schema.Struct{}
	for _, f := range s.fields {
		if f.name == "" {
			continue
		}
		if typ, ok := f.shape.dataType(nulls); ok {
			t.Fields = append(t.Fields, schema.Col(f.name, typ))
		}
	}
	slices.SortFunc(t.Fields, byName)
	return t
}

func byName(a, b schema.Field) int { return strings.Compare(a.Name, b.Name) }

// dataType returns the type of the values; it is not ok for structs without
// fields and for values that are to be dropped because all are null.
func (s *shape) dataType(nulls allNull) (t schema.Type, ok bool) {
	switch s.kind {
	case shapeNull:
		if nulls == nullAsVoid {
			return schema.Void, true
		}
		return schema.String, nulls != nullDropped
	case shapeBool:
		return schema.Boolean, true
	case shapeLong:
		return schema.Long, true
	case shapeDecimal:
		return schema.Decimal{Precision: s.precision, Scale: s.scale}, true
	case shapeDouble:
		return schema.Double, true
	case shapeTimestamp:
		return schema.Timestamp, true
	case shapeArray:
		elem, ok := s.elem.dataType(nulls)
		return schema.Array{Element: elem, ContainsNull: true}, ok
	case shapeObject:
		t := s.structType(nulls)
		return t, len(t.Fields) > 0
	case shapeString:
		return schema.String, true
	}
	return schema.String, true
}

// observer reads values into shapes.
type observer struct {
	*scanner
	set  *settings
	zone *value.Zone
}

// value reads any value into into.
func (o *observer) value(into *shape) bool {
	o.blanks()
	switch c := o.current(); c {
	case '{':
		if !into.become(shapeObject) {
			return o.skip()
		}
		return o.object(into)
	case '[':
		if !into.become(shapeArray) {
			return o.skip()
		}
		more, ok := o.open(']')
		for more && ok {
			if !o.value(into.elem) {
				return false
			}
			more, ok = o.more(']')
		}
		return ok
	case '"', '\'':
		if !o.skip() {
			return false
		}
		into.raise(o.stringKind(into), 0, 0)
		return true
	case 't', 'f', 'n':
		if !o.scalar(c) {
			return false
		}
		into.raise(o.wordKind(c), 0, 0)
		return true
	default:
		if !o.scalar(c) {
			return false
		}
		into.raise(o.numberKind())
		return true
	}
}

// object reads the members of an object into into.
func (o *observer) object(into *shape) bool {
	more, ok := o.open('}')
	for next := 0; more && ok; next++ {
		f := o.expected(into, next)
		if f == nil {
			if _, ok = o.key(); !ok {
				return false
			}
			f = into.field(o.text)
		}
		if !o.value(&f.shape) {
			return false
		}
		if more, ok = o.more('}'); more {
			o.blanks()
		}
	}
	return ok
}

// expected returns the field at next if the text goes on with its name and a
// colon, which it reads; objects usually have the same fields in the same
// order.
func (o *observer) expected(into *shape, next int) *fieldShape {
	if next >= len(into.fields) {
		return nil
	}
	f := into.fields[next]
	end := o.pos + len(f.quoted)
	if end < len(o.data) && o.data[end] == ':' && string(o.data[o.pos:end]) == f.quoted {
		o.pos = end + 1
		return f
	}
	return nil
}

func (o *observer) stringKind(into *shape) shapeKind {
	switch {
	case len(o.text) == 0:
		return shapeNull // as Spark: an empty string says nothing
	case o.set.inferTimestamp && (into.kind == shapeNull || into.kind == shapeTimestamp):
		if _, ok := o.set.parseTimestamp(o.text, o.zone); ok {
			return shapeTimestamp
		}
	}
	return shapeString
}

func (o *observer) wordKind(c byte) shapeKind {
	switch {
	case c == 'n':
		return shapeNull
	case o.set.asString:
		return shapeString
	}
	return shapeBool
}

func (o *observer) numberKind() (kind shapeKind, precision, scale int) {
	n := &o.num
	switch {
	case o.set.asString:
		return shapeString, 0, 0
	case n.special:
		return shapeDouble, 0, 0
	case n.integer && n.digits <= 18:
		return shapeLong, 0, 0
	case n.integer:
		if _, ok := value.ParseInt64(o.digits()); ok {
			return shapeLong, 0, 0
		}
	case !o.set.prefersDecimal:
		return shapeDouble, 0, 0
	}
	precision, scale, ok := value.DecimalShape(o.digits())
	if scale < 0 { // Delta has no negative scales
		precision, scale = precision-scale, 0
	}
	precision = max(precision, scale)
	if !ok || precision > schema.MaxDecimalPrecision {
		return shapeDouble, 0, 0
	}
	return shapeDecimal, precision, scale
}

// parseTimestamp reads a TIMESTAMP.
func (s *settings) parseTimestamp(text []byte, zone *value.Zone) (micros int64, ok bool) {
	if s.timestamp != nil {
		return s.timestamp.Timestamp(text, zone)
	}
	return value.CastTimestamp(text, zone)
}
