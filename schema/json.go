package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// maxJSONDepth bounds nesting, so that hostile text cannot exhaust the stack.
const maxJSONDepth = 500

// ParseJSON reads a schema in the protocol's serialization format: the JSON
// of a struct type.
func ParseJSON(text []byte) (*Struct, error) {
	t, err := decodeType(text, 0)
	if err != nil {
		return nil, fmt.Errorf("schema JSON: %w", err)
	}
	s, ok := t.(*Struct)
	if !ok {
		return nil, fmt.Errorf("schema JSON: a table's schema is a struct, not %s", t)
	}
	return s, nil
}

// JSON returns s in the protocol's serialization format.
func (s *Struct) JSON() []byte {
	return appendType(nil, s)
}

// MarshalJSON implements [json.Marshaler].
func (s *Struct) MarshalJSON() ([]byte, error) { return s.JSON(), nil }

// UnmarshalJSON implements [json.Unmarshaler].
func (s *Struct) UnmarshalJSON(text []byte) error {
	parsed, err := ParseJSON(text)
	if err != nil {
		return err
	}
	*s = *parsed
	return nil
}

// TypeJSON returns the protocol's JSON of one type: a quoted name for a
// primitive, an object for a nested type.
func TypeJSON(t Type) []byte { return appendType(nil, t) }

func appendType(b []byte, t Type) []byte {
	switch t := t.(type) {
	case Primitive:
		return strconv.AppendQuote(b, string(t))
	case Decimal:
		return fmt.Appendf(b, `"decimal(%d,%d)"`, t.Precision, t.Scale)
	case Array:
		b = append(b, `{"type":"array","elementType":`...)
		b = appendType(b, t.Element)
		return fmt.Appendf(b, `,"containsNull":%t}`, t.ContainsNull)
	case Map:
		b = append(b, `{"type":"map","keyType":`...)
		b = appendType(b, t.Key)
		b = append(b, `,"valueType":`...)
		b = appendType(b, t.Value)
		return fmt.Appendf(b, `,"valueContainsNull":%t}`, t.ValueContainsNull)
	case *Struct:
		b = append(b, `{"type":"struct","fields":[`...)
		for i, f := range t.Fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendField(b, f)
		}
		return append(b, "]}"...)
	}
	return append(b, "null"...)
}

func appendField(b []byte, f Field) []byte {
	b = append(b, `{"name":`...)
	b = append(b, marshal(f.Name)...)
	b = append(b, `,"type":`...)
	b = appendType(b, f.Type)
	b = fmt.Appendf(b, `,"nullable":%t,"metadata":`, f.Nullable)
	if len(f.Metadata) == 0 {
		return append(b, "{}}"...)
	}
	b = append(b, marshal(f.Metadata)...)
	return append(b, '}')
}

// marshal encodes a value that came from JSON, or a string: neither can fail.
func marshal(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}

// wireType is every shape a type takes in JSON.
type wireType struct {
	Type              string          `json:"type"`
	Fields            []wireField     `json:"fields"`
	ElementType       json.RawMessage `json:"elementType"`
	ContainsNull      bool            `json:"containsNull"`
	KeyType           json.RawMessage `json:"keyType"`
	ValueType         json.RawMessage `json:"valueType"`
	ValueContainsNull bool            `json:"valueContainsNull"`
}

type wireField struct {
	Name     *string         `json:"name"`
	Type     json.RawMessage `json:"type"`
	Nullable bool            `json:"nullable"`
	Metadata json.RawMessage `json:"metadata"`
}

func decodeType(text []byte, depth int) (Type, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxJSONDepth)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, errors.New("type is missing")
	}
	if text[0] == '"' {
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return nil, err
		}
		return parsePrimitive(name)
	}
	var w wireType
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, err
	}
	switch w.Type {
	case "struct":
		return decodeStruct(w.Fields, depth)
	case "array":
		elem, err := decodeType(w.ElementType, depth+1)
		if err != nil {
			return nil, fmt.Errorf("array element: %w", err)
		}
		return Array{Element: elem, ContainsNull: w.ContainsNull}, nil
	case "map":
		key, err := decodeType(w.KeyType, depth+1)
		if err != nil {
			return nil, fmt.Errorf("map key: %w", err)
		}
		value, err := decodeType(w.ValueType, depth+1)
		if err != nil {
			return nil, fmt.Errorf("map value: %w", err)
		}
		return Map{Key: key, Value: value, ValueContainsNull: w.ValueContainsNull}, nil
	}
	return nil, &UnknownTypeError{Name: w.Type}
}

func decodeStruct(fields []wireField, depth int) (*Struct, error) {
	s := &Struct{Fields: make([]Field, 0, len(fields))}
	for i, wf := range fields {
		if wf.Name == nil {
			return nil, fmt.Errorf("field %d has no name", i)
		}
		t, err := decodeType(wf.Type, depth+1)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", QuoteIdent(*wf.Name), err)
		}
		f := Field{Name: *wf.Name, Type: t, Nullable: wf.Nullable}
		if len(wf.Metadata) > 0 {
			dec := json.NewDecoder(bytes.NewReader(wf.Metadata))
			dec.UseNumber()
			if err := dec.Decode(&f.Metadata); err != nil {
				return nil, fmt.Errorf("field %s metadata: %w", QuoteIdent(f.Name), err)
			}
			if len(f.Metadata) == 0 {
				f.Metadata = nil
			}
		}
		s.Fields = append(s.Fields, f)
	}
	return s, nil
}

var decimalName = regexp.MustCompile(`^decimal\(\s*(\d{1,2})\s*,\s*(-?\d{1,2})\s*\)$`)

func parsePrimitive(name string) (Type, error) {
	if _, ok := sqlNames[Primitive(name)]; ok {
		return Primitive(name), nil
	}
	if name == "decimal" {
		return Decimal{Precision: 10}, nil
	}
	if m := decimalName.FindStringSubmatch(name); m != nil {
		p, _ := strconv.Atoi(m[1])
		s, _ := strconv.Atoi(m[2])
		d := Decimal{Precision: p, Scale: s}
		if err := validate(d, "decimal"); err != nil {
			return nil, err
		}
		return d, nil
	}
	return nil, &UnknownTypeError{Name: name}
}

// UnknownTypeError says that a schema uses a type this package does not know.
type UnknownTypeError struct {
	Name string
}

func (e *UnknownTypeError) Error() string { return fmt.Sprintf("unknown type %q", e.Name) }

// ErrorClass returns Spark's class of the error.
func (e *UnknownTypeError) ErrorClass() string { return "UNSUPPORTED_DATATYPE" }

// SQLState returns the error's SQLSTATE.
func (e *UnknownTypeError) SQLState() string { return "0A000" }
