package json

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format/column"
	"github.com/freshet/freshet/schema"
)

// node is one type of the schema with the builder that its values go to: the
// plan by which a worker reads. Of the builders, the one of the kind is set.
type node struct {
	kind  kind
	name  string // of the field
	token []byte // the name as it usually stands in the text, with quotes
	// expected is the token with its colon.
	expected token

	column           column.Builder
	long             *column.Fixed[int64]
	integer          *column.Fixed[int32]
	short            *column.Fixed[int16]
	byte             *column.Fixed[int8]
	double           *column.Fixed[float64]
	float            *column.Fixed[float32]
	date             *column.Fixed[arrow.Date32]
	timestamp        *column.Fixed[arrow.Timestamp]
	decimal          *column.Fixed[decimal128.Num]
	boolean          *column.Bool
	text             *column.String
	list             *column.List
	pairs            *column.Map
	object           *column.Struct
	variants         *column.Variant
	precision, scale int // of a decimal

	elem, key, value *node // of a list; of a map
	fields           []*node
	// first and next are a guess at the order of an object's fields in the
	// text: the field that an object began with last time, and the one that
	// came after this one.
	first, next   *node
	exact         map[string]int // field positions by name
	folded        map[string]int // by lower-case name
	caseSensitive bool
	unknown       *shape // fields that an object has and the schema lacks
}

type kind uint8

const (
	kindVoid kind = iota
	kindLong
	kindInteger
	kindShort
	kindByte
	kindDouble
	kindFloat
	kindBoolean
	kindString
	kindBinary
	kindDate
	kindTimestamp
	kindTimestampNTZ
	kindDecimal
	kindList
	kindMap
	kindObject
	kindVariant
)

// planner makes nodes.
type planner struct {
	caseSensitive bool
}

// node returns the plan for values of type t that go to col.
func (p planner) node(t schema.Type, col column.Builder) (*node, error) {
	n := &node{column: col}
	if n.variants = column.NewVariant(t, col); n.variants != nil {
		n.kind = kindVariant
		return n, nil
	}
	switch b := col.(type) {
	case *column.Fixed[int64]:
		n.kind, n.long = kindLong, b
	case *column.Fixed[int32]:
		n.kind, n.integer = kindInteger, b
	case *column.Fixed[int16]:
		n.kind, n.short = kindShort, b
	case *column.Fixed[int8]:
		n.kind, n.byte = kindByte, b
	case *column.Fixed[float64]:
		n.kind, n.double = kindDouble, b
	case *column.Fixed[float32]:
		n.kind, n.float = kindFloat, b
	case *column.Fixed[arrow.Date32]:
		n.kind, n.date = kindDate, b
	case *column.Fixed[arrow.Timestamp]:
		n.kind, n.timestamp = kindTimestamp, b
		if t == schema.TimestampNTZ {
			n.kind = kindTimestampNTZ
		}
	case *column.Fixed[decimal128.Num]:
		n.kind, n.decimal = kindDecimal, b
		if d, ok := t.(schema.Decimal); ok {
			n.precision, n.scale = d.Precision, d.Scale
		}
	case *column.Bool:
		n.kind, n.boolean = kindBoolean, b
	case *column.String:
		n.kind, n.text = kindString, b
		if t == schema.Binary {
			n.kind = kindBinary
		}
	case *column.Null:
		n.kind = kindVoid
	default:
		return p.nested(t, n)
	}
	return n, nil
}

// nested completes the node of a type that holds others.
func (p planner) nested(t schema.Type, n *node) (_ *node, err error) {
	switch t := t.(type) {
	case schema.Array:
		if list, ok := n.column.(*column.List); ok {
			n.kind, n.list = kindList, list
			n.elem, err = p.node(t.Element, list.Elem())
			return n, err
		}
	case schema.Map:
		if pairs, ok := n.column.(*column.Map); ok && t.Key == schema.String {
			n.kind, n.pairs = kindMap, pairs
			if n.key, err = p.node(t.Key, pairs.Keys()); err != nil {
				return nil, err
			}
			n.value, err = p.node(t.Value, pairs.Values())
			return n, err
		}
	case *schema.Struct:
		if object, ok := n.column.(*column.Struct); ok {
			n.object = object
			return n, p.fields(n, t, object.Fields())
		}
	}
	return nil, errclass.New("UNSUPPORTED_DATATYPE", "0A000", "JSON cannot be read as %s", t)
}

// fields makes n the node of an object with the fields of s.
func (p planner) fields(n *node, s *schema.Struct, columns []column.Builder) error {
	n.kind = kindObject
	n.fields = make([]*node, len(s.Fields))
	n.exact = make(map[string]int, len(s.Fields))
	n.folded = make(map[string]int, len(s.Fields))
	n.caseSensitive = p.caseSensitive
	for i, f := range s.Fields {
		field, err := p.node(f.Type, columns[i])
		if err != nil {
			return fmt.Errorf("column %s: %w", schema.QuoteIdent(f.Name), err)
		}
		field.name, field.token, field.expected = f.Name, quote(nil, []byte(f.Name)), newToken(f.Name)
		n.fields[i] = field
		if i == 0 {
			n.first = field
		} else {
			n.fields[i-1].next = field
		}
		n.exact[f.Name] = i
		n.folded[strings.ToLower(f.Name)] = i
	}
	return nil
}

// lookup returns the position of the field called name, -1 when there is none.
func (n *node) lookup(name []byte) int {
	if i, ok := n.exact[string(name)]; ok {
		return i
	}
	if n.caseSensitive {
		return -1
	}
	return n.variant(name)
}

// variant returns the position of the field called name, ignoring case, -1
// when there is none.
func (n *node) variant(name []byte) int {
	var room [64]byte
	lower := room[:0]
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		} else if c >= 0x80 {
			lower = bytes.ToLower(name)
			break
		}
		lower = append(lower, c)
	}
	if i, ok := n.folded[string(lower)]; ok {
		return i
	}
	return -1
}

// quote appends text as a JSON string.
func quote(dst, text []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i, c := range text {
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			if c < 16 {
				dst = append(dst, '0')
			}
			dst = strconv.AppendUint(dst, uint64(c), 16)
		}
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}
