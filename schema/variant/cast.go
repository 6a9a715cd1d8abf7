package variant

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/freshet/freshet/schema"
)

// CastError says that a value has no meaning as a type (Spark:
// INVALID_VARIANT_CAST).
type CastError struct {
	Value string // as JSON
	Type  schema.Type
}

func (e *CastError) Error() string {
	return fmt.Sprintf("the variant value `%s` cannot be cast into %q", e.Value, e.Type)
}

// Cast is a cast of variants to a type by the rules of Spark's variant_get:
// scalars by those of CAST in ANSI mode, containers in depth; the variant null
// is NULL.
type Cast struct {
	Type schema.Type
	// Zone is the session's, in which times without one are.
	Zone *time.Location
	// Try makes NULL of what cannot be cast, in depth too, instead of a
	// [*CastError].
	Try bool
}

// Append appends the text of v as c.Type and whether it is not NULL. A scalar
// is plain text, its bytes in hexadecimal digits; an array, a map or a struct
// is JSON of such texts. A variant is the text that [Decode] reads.
func (c Cast) Append(dst []byte, v Value) ([]byte, bool, error) {
	r := caster{c, v.walk()}
	return r.value(dst, v, c.Type, false)
}

type caster struct {
	Cast
	walk *walk
}

// value casts v to t; nested is whether JSON is around it.
func (c *caster) value(dst []byte, v Value, t schema.Type, nested bool) ([]byte, bool, error) {
	if err := c.walk.enter(); err != nil {
		return dst, false, err
	}
	defer c.walk.leave()
	kind, err := v.Kind()
	if err != nil {
		return dst, false, err
	}
	if t == schema.Variant {
		if !nested {
			out, err := appendEncoded(dst, v)
			return out, err == nil, err
		}
		out, err := appendEncoded(append(dst, '"'), v)
		return append(out, '"'), err == nil, err
	}
	if kind == Null {
		return dst, false, nil
	}
	start := len(dst)
	dst, ok, err := c.convert(dst, v, kind, t, nested)
	if err != nil || ok {
		return dst, ok, err
	}
	if c.Try {
		return dst[:start], false, nil
	}
	text, err := v.AppendJSON(nil, c.Zone)
	if err != nil {
		return dst, false, err
	}
	return dst, false, &CastError{string(text), t}
}

// appendEncoded appends a variant with the names it needs as the text that
// Decode reads.
func appendEncoded(dst []byte, v Value) ([]byte, error) {
	var b Builder
	if err := b.Append(v); err != nil {
		return dst, err
	}
	v, err := b.Finish()
	if err != nil {
		return dst, err
	}
	dst = append(hex.AppendEncode(dst, v.Data), '.')
	return hex.AppendEncode(dst, v.Metadata), nil
}

// Decode returns the variant of a text that [Cast.Append] wrote for one.
func Decode(text string) (Value, error) {
	data, metadata, _ := strings.Cut(text, ".")
	d, err := hex.DecodeString(data)
	if err != nil {
		return Value{}, malformed("%v", err)
	}
	m, err := hex.DecodeString(metadata)
	if err != nil {
		return Value{}, malformed("%v", err)
	}
	return Value{Metadata: m, Data: d}, nil
}

// convert appends a value that is not null, and whether it can be cast.
func (c *caster) convert(dst []byte, v Value, kind Kind, t schema.Type, nested bool) ([]byte, bool, error) {
	switch t := t.(type) {
	case schema.Array:
		if kind != Array {
			return dst, false, nil
		}
		return c.elements(dst, v, t)
	case schema.Map:
		if kind != Object || t.Key != schema.String {
			return dst, false, nil
		}
		return c.entries(dst, v, t)
	case *schema.Struct:
		if kind != Object {
			return dst, false, nil
		}
		return c.fields(dst, v, t)
	}
	if kind == Object || kind == Array {
		if t != schema.String {
			return dst, false, nil
		}
		if !nested {
			out, err := v.AppendJSON(dst, c.Zone)
			return out, true, err
		}
		text, err := v.AppendJSON(nil, c.Zone)
		return appendQuoted(dst, text), true, err
	}
	s, err := newScalar(v, kind)
	if err != nil {
		return dst, false, err
	}
	text, ok := s.to(t, c.Zone)
	if t == schema.Binary {
		text = hex.EncodeToString([]byte(text))
	}
	if !ok || !nested {
		return append(dst, text...), ok, nil
	}
	return appendQuoted(dst, []byte(text)), true, nil
}

// part casts a part of a container and appends null for NULL.
func (c *caster) part(dst []byte, v Value, t schema.Type) ([]byte, error) {
	dst, ok, err := c.value(dst, v, t, true)
	if err == nil && !ok {
		dst = append(dst, "null"...)
	}
	return dst, err
}

func (c *caster) elements(dst []byte, v Value, t schema.Array) ([]byte, bool, error) {
	parts, err := v.Container()
	if err != nil {
		return dst, false, err
	}
	dst = append(dst, '[')
	for i := range parts.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		p, err := parts.At(i)
		if err != nil {
			return dst, false, err
		}
		if dst, err = c.part(dst, p, t.Element); err != nil {
			return dst, false, err
		}
	}
	return append(dst, ']'), true, nil
}

func (c *caster) entries(dst []byte, v Value, t schema.Map) ([]byte, bool, error) {
	parts, err := v.Container()
	if err != nil {
		return dst, false, err
	}
	dst = append(dst, '{')
	for i := range parts.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		name, err := parts.Name(i)
		if err != nil {
			return dst, false, err
		}
		dst = append(appendQuoted(dst, name), ':')
		p, err := parts.At(i)
		if err != nil {
			return dst, false, err
		}
		if dst, err = c.part(dst, p, t.Value); err != nil {
			return dst, false, err
		}
	}
	return append(dst, '}'), true, nil
}

// fields casts an object's fields by the names of a struct's; what the object
// lacks is NULL.
func (c *caster) fields(dst []byte, v Value, t *schema.Struct) ([]byte, bool, error) {
	parts, err := v.Container()
	if err != nil {
		return dst, false, err
	}
	dst = append(dst, '{')
	for i, f := range t.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, []byte(f.Name)), ':')
		p, found, err := parts.Field(f.Name)
		if err != nil {
			return dst, false, err
		}
		if !found {
			dst = append(dst, "null"...)
			continue
		}
		if dst, err = c.part(dst, p, f.Type); err != nil {
			return dst, false, err
		}
	}
	return append(dst, '}'), true, nil
}
