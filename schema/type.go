// Package schema is freshet's one type system: Delta Lake's.
//
// A table's schema is a [Struct] of [Field]s. Types convert to and from the
// JSON of the Delta protocol ("Schema Serialization Format"), SQL DDL text
// and Arrow schemas, each in one place of this package. Values of the types
// are immutable after construction and safe for concurrent use.
package schema

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Type is one of [Primitive], [Decimal], [Array], [Map] and *[Struct].
type Type interface {
	// String returns the type as SQL DDL, upper case, such as
	// "ARRAY<STRUCT<a: INT>>".
	String() string
	isType()
}

// Primitive is a type without parameters. Its value is the protocol's name.
type Primitive string

// The primitive types of the Delta protocol.
const (
	String       Primitive = "string"
	Long         Primitive = "long"
	Integer      Primitive = "integer"
	Short        Primitive = "short"
	Byte         Primitive = "byte"
	Float        Primitive = "float"
	Double       Primitive = "double"
	Boolean      Primitive = "boolean"
	Binary       Primitive = "binary"
	Date         Primitive = "date"
	Timestamp    Primitive = "timestamp"
	TimestampNTZ Primitive = "timestamp_ntz"
	Void         Primitive = "void"
	Variant      Primitive = "variant"
)

// sqlNames maps each primitive to its SQL name.
var sqlNames = map[Primitive]string{
	String: "STRING", Long: "BIGINT", Integer: "INT", Short: "SMALLINT", Byte: "TINYINT",
	Float: "FLOAT", Double: "DOUBLE", Boolean: "BOOLEAN", Binary: "BINARY", Date: "DATE",
	Timestamp: "TIMESTAMP", TimestampNTZ: "TIMESTAMP_NTZ", Void: "VOID", Variant: "VARIANT",
}

// Decimal is an exact number of Precision digits (1 to 38), Scale of them
// after the point (0 to Precision).
type Decimal struct {
	Precision int
	Scale     int
}

// MaxDecimalPrecision is the largest precision the protocol allows.
const MaxDecimalPrecision = 38

// Array is an ordered list of Element values.
type Array struct {
	Element      Type
	ContainsNull bool
}

// Map relates Key values, which are never null, to Value values.
type Map struct {
	Key               Type
	Value             Type
	ValueContainsNull bool
}

// Struct is an ordered list of fields whose names differ ignoring case.
type Struct struct {
	Fields []Field
}

// Field is one named member of a [Struct].
type Field struct {
	Name     string
	Type     Type
	Nullable bool
	// Metadata holds the field's protocol metadata as decoded JSON; numbers
	// are json.Number. A nil map means none.
	Metadata map[string]any
}

func (Primitive) isType() {}
func (Decimal) isType()   {}
func (Array) isType()     {}
func (Map) isType()       {}
func (*Struct) isType()   {}

func (p Primitive) String() string {
	if name, ok := sqlNames[p]; ok {
		return name
	}
	return strings.ToUpper(string(p))
}

func (d Decimal) valid() bool {
	return d.Precision >= 1 && d.Precision <= MaxDecimalPrecision && d.Scale >= 0 && d.Scale <= d.Precision
}

func (d Decimal) String() string {
	return "DECIMAL(" + strconv.Itoa(d.Precision) + "," + strconv.Itoa(d.Scale) + ")"
}

func (a Array) String() string { return "ARRAY<" + a.Element.String() + ">" }

func (m Map) String() string {
	return "MAP<" + m.Key.String() + ", " + m.Value.String() + ">"
}

func (s *Struct) String() string {
	var b strings.Builder
	b.WriteString("STRUCT<")
	for i, f := range s.Fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(QuoteIdent(f.Name))
		b.WriteString(": ")
		b.WriteString(f.Type.String())
		if !f.Nullable {
			b.WriteString(" NOT NULL")
		}
	}
	b.WriteString(">")
	return b.String()
}

// DDL returns the fields as a column list, such as "a INT NOT NULL, b STRING".
func (s *Struct) DDL() string {
	cols := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		cols[i] = QuoteIdent(f.Name) + " " + f.Type.String()
		if !f.Nullable {
			cols[i] += " NOT NULL"
		}
	}
	return strings.Join(cols, ", ")
}

// QuoteIdent returns name as it stands in SQL: plain when it is a simple
// identifier, otherwise between backticks.
func QuoteIdent(name string) string {
	simple := name != ""
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			simple = false
			break
		}
	}
	if simple {
		return name
	}
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}

// New returns a struct of the given fields.
func New(fields ...Field) *Struct { return &Struct{Fields: fields} }

// Col returns a nullable field.
func Col(name string, t Type) Field { return Field{Name: name, Type: t, Nullable: true} }

// Index returns the position of the field called name, ignoring case, or -1.
func (s *Struct) Index(name string) int {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return i
		}
	}
	return slices.IndexFunc(s.Fields, func(f Field) bool { return strings.EqualFold(f.Name, name) })
}

// Names returns the field names in order.
func (s *Struct) Names() []string {
	names := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		names[i] = f.Name
	}
	return names
}

// Select returns the struct of the named fields, in the order given.
func (s *Struct) Select(names ...string) (*Struct, error) {
	out := &Struct{Fields: make([]Field, 0, len(names))}
	for _, n := range names {
		i := s.Index(n)
		if i < 0 {
			return nil, fmt.Errorf("no column %s among %s", QuoteIdent(n), strings.Join(s.Names(), ", "))
		}
		out.Fields = append(out.Fields, s.Fields[i])
	}
	return out, nil
}

// Equal reports whether a and b are the same type: names, nullability and
// order included, metadata not.
func Equal(a, b Type) bool { return equal(a, b, true) }

// EqualIgnoringNulls is [Equal] without regard to nullability.
func EqualIgnoringNulls(a, b Type) bool { return equal(a, b, false) }

func equal(a, b Type, nulls bool) bool {
	switch a := a.(type) {
	case Primitive, Decimal:
		return a == b
	case Array:
		b, ok := b.(Array)
		return ok && (!nulls || a.ContainsNull == b.ContainsNull) && equal(a.Element, b.Element, nulls)
	case Map:
		b, ok := b.(Map)
		return ok && (!nulls || a.ValueContainsNull == b.ValueContainsNull) &&
			equal(a.Key, b.Key, nulls) && equal(a.Value, b.Value, nulls)
	case *Struct:
		b, ok := b.(*Struct)
		return ok && slices.EqualFunc(a.Fields, b.Fields, func(x, y Field) bool {
			return x.Name == y.Name && (!nulls || x.Nullable == y.Nullable) && equal(x.Type, y.Type, nulls)
		})
	}
	return false
}

// Clone returns a copy of s whose fields, metadata and nested structs may be
// changed without changing s.
func (s *Struct) Clone() *Struct {
	out := &Struct{Fields: slices.Clone(s.Fields)}
	for i := range out.Fields {
		out.Fields[i].Metadata = maps.Clone(out.Fields[i].Metadata)
		out.Fields[i].Type = cloneType(out.Fields[i].Type)
	}
	return out
}

func cloneType(t Type) Type {
	switch t := t.(type) {
	case *Struct:
		return t.Clone()
	case Array:
		t.Element = cloneType(t.Element)
		return t
	case Map:
		t.Key, t.Value = cloneType(t.Key), cloneType(t.Value)
		return t
	default:
		return t
	}
}

// AsNullable returns t with every nested field, element and value nullable,
// as Spark does to the schema of anything it reads from files.
func AsNullable(t Type) Type {
	switch t := t.(type) {
	case *Struct:
		out := t.Clone()
		for i := range out.Fields {
			out.Fields[i].Nullable = true
			out.Fields[i].Type = AsNullable(out.Fields[i].Type)
		}
		return out
	case Array:
		return Array{Element: AsNullable(t.Element), ContainsNull: true}
	case Map:
		return Map{Key: AsNullable(t.Key), Value: AsNullable(t.Value), ValueContainsNull: true}
	default:
		return t
	}
}

// Validate reports the first rule of the protocol that s breaks: names that
// clash ignoring case at any level, or a decimal out of range.
func (s *Struct) Validate() error { return validate(s, "") }

func validate(t Type, path string) error {
	switch t := t.(type) {
	case Decimal:
		if !t.valid() {
			return fmt.Errorf("%s: decimal precision must be 1 to 38 and scale 0 to the precision, not %s", path, t)
		}
	case Array:
		return validate(t.Element, path+".element")
	case Map:
		if err := validate(t.Key, path+".key"); err != nil {
			return err
		}
		return validate(t.Value, path+".value")
	case *Struct:
		seen := make(map[string]string, len(t.Fields))
		for _, f := range t.Fields {
			folded := strings.ToLower(f.Name)
			if other, ok := seen[folded]; ok {
				return &DuplicateColumnError{Path: path, Name: f.Name, Other: other}
			}
			seen[folded] = f.Name
			if err := validate(f.Type, strings.TrimPrefix(path+"."+f.Name, ".")); err != nil {
				return err
			}
		}
	}
	return nil
}

// DuplicateColumnError says that two fields of one struct have names equal
// ignoring case, which Delta does not allow.
type DuplicateColumnError struct {
	Path  string // dotted path of the struct, "" for the table
	Name  string
	Other string
}

func (e *DuplicateColumnError) Error() string {
	where := ""
	if e.Path != "" {
		where = " in " + e.Path
	}
	return fmt.Sprintf("found duplicate column(s)%s: %s, %s", where, e.Other, e.Name)
}

// ErrorClass returns Delta's class of the error.
func (e *DuplicateColumnError) ErrorClass() string { return "DELTA_DUPLICATE_COLUMNS_FOUND" }

// SQLState returns the error's SQLSTATE.
func (e *DuplicateColumnError) SQLState() string { return "42711" }
