package evolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/schema"
)

// Resolver decides the type of a field, named by its dotted path, whose types
// in two schemas have no common one.
type Resolver func(path string, a, b schema.Type) (schema.Type, error)

// Refuse is the [Resolver] that makes every conflict a [*ConflictError].
func Refuse(path string, a, b schema.Type) (schema.Type, error) {
	return nil, &ConflictError{Path: path, Have: a, Got: b}
}

// KeepFirst is the [Resolver] that keeps the type seen first; readers rescue
// what does not fit it.
func KeepFirst(_ string, a, _ schema.Type) (schema.Type, error) { return a, nil }

// OrString is the [Resolver] that makes conflicts STRING, as inference from
// text does.
func OrString(string, schema.Type, schema.Type) (schema.Type, error) { return schema.String, nil }

// Union returns the schema that holds the rows of both: all fields, matched
// ignoring case, those of a first, each of the common type and spelled as it
// came first. A field that one of them lacks is nullable.
func Union(a, b *schema.Struct, conflict Resolver) (*schema.Struct, error) {
	return union(a, b, "", conflict)
}

func union(a, b *schema.Struct, path string, conflict Resolver) (*schema.Struct, error) {
	out := a.Clone()
	at := positions(out)
	inBoth := make(map[int]bool, len(b.Fields))
	for _, f := range b.Fields {
		i, ok := at[strings.ToLower(f.Name)]
		if !ok {
			f.Nullable = true
			at[strings.ToLower(f.Name)] = len(out.Fields)
			out.Fields = append(out.Fields, f)
			continue
		}
		inBoth[i] = true
		t, err := unionType(out.Fields[i].Type, f.Type, join(path, out.Fields[i].Name), conflict)
		if err != nil {
			return nil, err
		}
		out.Fields[i].Type = t
		out.Fields[i].Nullable = out.Fields[i].Nullable || f.Nullable
	}
	for i := range a.Fields {
		out.Fields[i].Nullable = out.Fields[i].Nullable || !inBoth[i]
	}
	return out, nil
}

func unionType(a, b schema.Type, path string, conflict Resolver) (schema.Type, error) {
	switch a := a.(type) {
	case *schema.Struct:
		if b, ok := b.(*schema.Struct); ok {
			return union(a, b, path, conflict)
		}
	case schema.Array:
		if b, ok := b.(schema.Array); ok {
			elem, err := unionType(a.Element, b.Element, path+".element", conflict)
			return schema.Array{Element: elem, ContainsNull: a.ContainsNull || b.ContainsNull}, err
		}
	case schema.Map:
		if b, ok := b.(schema.Map); ok {
			key, err := unionType(a.Key, b.Key, path+".key", conflict)
			if err != nil {
				return nil, err
			}
			value, err := unionType(a.Value, b.Value, path+".value", conflict)
			return schema.Map{Key: key, Value: value, ValueContainsNull: a.ValueContainsNull || b.ValueContainsNull}, err
		}
	}
	if t, ok := CommonType(a, b); ok {
		return t, nil
	}
	return conflict(path, a, b)
}

// positions indexes the fields of s by folded name, for structs of thousands.
func positions(s *schema.Struct) map[string]int {
	at := make(map[string]int, len(s.Fields))
	for i, f := range s.Fields {
		at[strings.ToLower(f.Name)] = i
	}
	return at
}

// MergeForWrite returns table with the columns that data brings, by the rules
// of Delta's mergeSchema (semantics §15.1): a new column goes to the end of its
// struct and is nullable; a known one keeps its name, type, nullability and
// metadata, and its values are cast on write. A type that cannot be cast so is
// a [*ConflictError]. fits returns the type that a simple column becomes, given
// its own and that of the data: its own, see [AsTable], or a wider one.
func MergeForWrite(table, data *schema.Struct, fits func(have, got schema.Type) schema.Type) (*schema.Struct, error) {
	out := table.Clone()
	m := merger{fits, Refuse}
	if err := m.fields(out, data, ""); err != nil {
		return nil, err
	}
	return out, nil
}

// Grow returns s with the columns and fields that data brings, as
// [MergeForWrite] does; but where types cannot become one, that of s stays.
func Grow(s, data *schema.Struct, fits func(have, got schema.Type) schema.Type) *schema.Struct {
	out := s.Clone()
	// KeepFirst refuses nothing, and nothing else fails.
	_ = merger{fits, KeepFirst}.fields(out, data, "")
	return out
}

// AsTable leaves a column the type that it has.
func AsTable(have, _ schema.Type) schema.Type { return have }

// merger merges what data brings into a table's schema.
type merger struct {
	fits     func(have, got schema.Type) schema.Type
	conflict Resolver
}

// fields adds to out, which it owns.
func (m merger) fields(out, data *schema.Struct, path string) error {
	at := positions(out)
	for _, f := range data.Fields {
		i, known := at[strings.ToLower(f.Name)]
		if !known {
			at[strings.ToLower(f.Name)] = len(out.Fields)
			out.Fields = append(out.Fields, schema.Field{Name: f.Name, Type: schema.AsNullable(f.Type), Nullable: true, Metadata: f.Metadata})
			continue
		}
		t, err := m.merged(out.Fields[i].Type, f.Type, join(path, out.Fields[i].Name))
		if err != nil {
			return err
		}
		out.Fields[i].Type = t
	}
	return nil
}

func (m merger) merged(have, got schema.Type, path string) (schema.Type, error) {
	switch have := have.(type) {
	case *schema.Struct:
		if got, ok := got.(*schema.Struct); ok {
			return have, m.fields(have, got, path)
		}
	case schema.Array:
		if got, ok := got.(schema.Array); ok {
			elem, err := m.merged(have.Element, got.Element, path+".element")
			return schema.Array{Element: elem, ContainsNull: have.ContainsNull}, err
		}
	case schema.Map:
		if got, ok := got.(schema.Map); ok {
			key, err := m.merged(have.Key, got.Key, path+".key")
			if err != nil {
				return nil, err
			}
			value, err := m.merged(have.Value, got.Value, path+".value")
			return schema.Map{Key: key, Value: value, ValueContainsNull: have.ValueContainsNull}, err
		}
	}
	switch {
	case have == schema.Void:
		return schema.AsNullable(got), nil
	case m.fits(have, got) != have:
		return m.fits(have, got), nil
	case conform.Assignable(got, have):
		return have, nil
	}
	return m.conflict(path, have, got)
}

// NewColumns returns the dotted paths of the fields of data that s lacks, in
// order; a missing struct is one path.
func NewColumns(s, data *schema.Struct) []string {
	return newColumns(s, data, "")
}

func newColumns(have, got schema.Type, path string) []string {
	var out []string
	switch have := have.(type) {
	case *schema.Struct:
		got, ok := got.(*schema.Struct)
		if !ok {
			return nil
		}
		at := positions(have)
		for _, f := range got.Fields {
			if i, known := at[strings.ToLower(f.Name)]; known {
				out = slices.Concat(out, newColumns(have.Fields[i].Type, f.Type, join(path, f.Name)))
			} else {
				out = append(out, join(path, f.Name))
			}
		}
	case schema.Array:
		if got, ok := got.(schema.Array); ok {
			return newColumns(have.Element, got.Element, path+".element")
		}
	case schema.Map:
		if got, ok := got.(schema.Map); ok {
			return slices.Concat(newColumns(have.Key, got.Key, path+".key"), newColumns(have.Value, got.Value, path+".value"))
		}
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// ConflictError says that the types of a field in two schemas cannot become
// one.
type ConflictError struct {
	Path string // dotted
	Have schema.Type
	Got  schema.Type
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("failed to merge fields %s and %s: their types %s and %s are incompatible; cast the column or change the table",
		schema.QuoteIdent(e.Path), schema.QuoteIdent(e.Path), e.Have, e.Got)
}

// ErrorClass returns Delta's class of the error.
func (e *ConflictError) ErrorClass() string { return "DELTA_FAILED_TO_MERGE_FIELDS" }

// SQLState returns the error's SQLSTATE.
func (e *ConflictError) SQLState() string { return "22005" }
