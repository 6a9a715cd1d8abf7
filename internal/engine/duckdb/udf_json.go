//go:build duckdb_arrow

package duckdb

import (
	"fmt"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// jsonShape is what of a type decides which parts of its JSON are left out; nil
// is a type without parts.
type jsonShape struct {
	// item is of the elements of a list or the values of a map.
	item *jsonShape
	// fields are of a struct, in their order.
	fields []*jsonShape
}

// jsonFields is spark_json_fields(x, to_json(x)): the JSON of a value without
// the fields of structs that are NULL, wherever they are. NULLs in arrays and
// maps stay, as in Spark's to_json.
func jsonFields(args []column) (tryingRow, error) {
	t := bindings.VectorGetColumnType(args[0].vector)
	defer bindings.DestroyLogicalType(&t)
	shape, err := jsonShapeOf(t)
	if err != nil {
		return nil, err
	}
	var b []byte
	return func(args []column, i int, out column) error {
		text := args[1].text(i)
		w := jsonPruner{in: text, out: b[:0]}
		if !w.value(shape) || w.at != len(text) {
			return fmt.Errorf("to_json: %q is no JSON", text[:min(len(text), 100)])
		}
		b = w.out
		out.setText(i, string(b))
		return nil
	}, nil
}

// jsonShapeOf returns the shape of a type.
func jsonShapeOf(t bindings.LogicalType) (*jsonShape, error) {
	item := func(of bindings.LogicalType) (*jsonShape, error) {
		defer bindings.DestroyLogicalType(&of)
		inner, err := jsonShapeOf(of)
		return &jsonShape{item: inner}, err
	}
	switch bindings.GetTypeId(t) {
	case bindings.TypeList:
		return item(bindings.ListTypeChildType(t))
	case bindings.TypeMap:
		return item(bindings.MapTypeValueType(t))
	case bindings.TypeStruct:
		s := &jsonShape{}
		for i := range bindings.StructTypeChildCount(t) {
			inner, err := item(bindings.StructTypeChildType(t, i))
			if err != nil {
				return nil, err
			}
			s.fields = append(s.fields, inner.item)
		}
		return s, nil
	}
	return nil, nil //nolint:nilnil // it has no parts
}

// jsonPruner copies JSON, as DuckDB writes it: without spaces.
type jsonPruner struct {
	in  string
	at  int
	out []byte
}

// value copies a value; ok is false when there is none.
func (w *jsonPruner) value(s *jsonShape) (ok bool) {
	if w.at == len(w.in) {
		return false
	}
	if c := w.in[w.at]; s == nil || c != '[' && c != '{' {
		end := jsonEnd(w.in, w.at)
		w.out = append(w.out, w.in[w.at:end]...)
		ok, w.at = end > w.at, end
		return ok
	}
	open := w.in[w.at]
	w.out = append(w.out, open)
	w.at++
	for n, first := 0, true; w.at < len(w.in); n++ {
		switch c := w.in[w.at]; c {
		case ']', '}':
			w.out = append(w.out, c)
			w.at++
			return true
		case ',':
			w.at++
		}
		before := len(w.out)
		if !first {
			w.out = append(w.out, ',')
		}
		kept, ok := w.member(s, n, open == '{')
		if !ok {
			return false
		}
		if first = first && !kept; !kept {
			w.out = w.out[:before]
		}
	}
	return false
}

// member copies the n-th element, or key and value; kept is false for a field
// that is NULL.
func (w *jsonPruner) member(s *jsonShape, n int, keyed bool) (kept, ok bool) {
	of := s.item
	if keyed {
		end := jsonEnd(w.in, w.at)
		if end == w.at || end == len(w.in) || w.in[end] != ':' {
			return false, false
		}
		w.out = append(w.out, w.in[w.at:end+1]...)
		w.at = end + 1
		if s.fields != nil {
			if n >= len(s.fields) {
				return false, false
			}
			of = s.fields[n]
			if end := jsonEnd(w.in, w.at); w.in[w.at:end] == "null" {
				w.at = end
				return false, true
			}
		}
	}
	return true, w.value(of)
}

// jsonEnd returns the end of the value that begins at a place.
func jsonEnd(text string, at int) int {
	depth := 0
	for i := at; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(text))
			}
		case '[', '{':
			depth++
		case ']', '}', ',', ':':
			if depth == 0 {
				return i
			}
			if c := text[i]; c == ']' || c == '}' {
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	return len(text)
}
