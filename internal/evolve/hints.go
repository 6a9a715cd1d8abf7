package evolve

import (
	"maps"
	"strings"

	"github.com/freshet/freshet/schema"
)

// ApplyHints returns s with the types that hints, parsed by
// [schema.ParseDDL], give to its columns (semantics §3.4). A dotted name leads
// into structs by field name, into arrays by "element" and into maps by "key"
// and "value"; a type replaces what it names whole. What s lacks is added. A
// hint that leads into a column of simple type replaces that column.
func ApplyHints(s, hints *schema.Struct) *schema.Struct {
	out := s.Clone()
	for _, hint := range hints.Fields {
		path := strings.Split(hint.Name, ".")
		if out.Index(hint.Name) >= 0 {
			path = []string{hint.Name} // a column whose name has dots
		}
		setField(out, path, hint)
	}
	return out
}

// setField gives the field of s at the end of path the type of hint.
func setField(s *schema.Struct, path []string, hint schema.Field) {
	i := s.Index(path[0])
	if i < 0 {
		s.Fields = append(s.Fields, schema.Col(path[0], nest(path[1:], hint.Type)))
		i = len(s.Fields) - 1
	} else {
		s.Fields[i].Type = retype(s.Fields[i].Type, path[1:], hint)
	}
	if len(path) == 1 {
		s.Fields[i].Metadata = merged(s.Fields[i].Metadata, hint.Metadata)
	}
}

func merged(metadata, hint map[string]any) map[string]any {
	if hint == nil {
		return metadata
	}
	out := maps.Clone(hint)
	for k, v := range metadata {
		if _, given := out[k]; !given {
			out[k] = v
		}
	}
	return out
}

// retype returns t with the type of hint at the end of path. It owns t.
func retype(t schema.Type, path []string, hint schema.Field) schema.Type {
	if len(path) == 0 {
		return hint.Type
	}
	switch t := t.(type) {
	case *schema.Struct:
		setField(t, path, hint)
		return t
	case schema.Array:
		if strings.EqualFold(path[0], "element") {
			t.Element = retype(t.Element, path[1:], hint)
			return t
		}
	case schema.Map:
		switch strings.ToLower(path[0]) {
		case "key":
			t.Key = retype(t.Key, path[1:], hint)
			return t
		case "value":
			t.Value = retype(t.Value, path[1:], hint)
			return t
		}
	}
	return nest(path, hint.Type)
}

// nest returns the type in which path leads to t. What a map hint leaves open
// is STRING.
func nest(path []string, t schema.Type) schema.Type {
	if len(path) == 0 {
		return t
	}
	inner := nest(path[1:], t)
	switch strings.ToLower(path[0]) {
	case "element":
		return schema.Array{Element: inner, ContainsNull: true}
	case "key":
		return schema.Map{Key: inner, Value: schema.String, ValueContainsNull: true}
	case "value":
		return schema.Map{Key: schema.String, Value: inner, ValueContainsNull: true}
	}
	return schema.New(schema.Col(path[0], inner))
}
