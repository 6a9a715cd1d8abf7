package datafile

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/freshet/freshet/schema"
)

// MismatchError says that a file's column cannot be read as the type the
// table gives it.
type MismatchError struct {
	Column string // dotted path
	Want   schema.Type
	Have   string // the file's type
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("column %s is %s in the file, which cannot be read as %s", e.Column, e.Have, e.Want)
}

// node is one value of the requested schema, tied to where the file has it.
type node struct {
	typ   schema.Type
	arrow arrow.DataType
	// missing: the file has no such column, its values are null.
	missing bool
	// def is the definition level from which on the value is not null;
	// slotDef the level from which on it exists at all, which is that of an
	// element of the nearest list around it.
	def, slotDef int16
	rep          int16 // number of lists around the value
	column       int   // a Parquet column below, whose levels tell of this value
	children     []*node
	convert      converter // of a leaf
	shredded     bool      // a variant to be put together from its parts
}

// matcher ties requested columns to a file's.
type matcher struct {
	file *pqschema.Schema
	byID bool
}

// place is where in the file a value is sought.
type place struct {
	path         string
	def, slotDef int16
	rep          int16
}

// match returns the node for a value of type t that the file stores in n. A
// nil n is a value the file does not have.
func (m *matcher) match(t schema.Type, n pqschema.Node, at place) (*node, error) {
	if n == nil || t == schema.Void {
		return &node{typ: t, arrow: schema.ArrowType(t), slotDef: at.slotDef, rep: at.rep, missing: true}, nil
	}
	switch n.RepetitionType() {
	case parquet.Repetitions.Repeated:
		// A bare repeated field is a list that cannot be null (Parquet:
		// backward compatibility rules of LIST).
		if array, ok := t.(schema.Array); ok {
			return m.list(array, n, n, at)
		}
		return nil, mismatch(t, n, at)
	case parquet.Repetitions.Optional:
		at.def++
	}
	return m.value(t, n, at)
}

// value is [matcher.match] for a node whose own repetition is dealt with:
// at.def is the level from which on it is not null.
func (m *matcher) value(t schema.Type, n pqschema.Node, at place) (*node, error) {
	switch t := t.(type) {
	case *schema.Struct:
		return m.structure(t, n, at)
	case schema.Array:
		if group, ok := n.(*pqschema.GroupNode); ok && group.NumFields() == 1 &&
			group.Field(0).RepetitionType() == parquet.Repetitions.Repeated {
			return m.list(t, n, group.Field(0), at)
		}
		return nil, mismatch(t, n, at)
	case schema.Map:
		return m.mapping(t, n, at)
	}
	if t == schema.Variant {
		return m.variant(n, at)
	}
	out := at.node(t)
	leaf, ok := n.(*pqschema.PrimitiveNode)
	if !ok {
		return nil, mismatch(t, n, at)
	}
	if out.convert = converterOf(t, leaf); out.convert == nil {
		return nil, mismatch(t, n, at)
	}
	out.column = m.file.ColumnIndexByNode(n)
	return out, nil
}

func (at place) node(t schema.Type) *node {
	return &node{typ: t, arrow: schema.ArrowType(t), def: at.def, slotDef: at.slotDef, rep: at.rep}
}

// element is the place of what repeats inside a list or map at this place.
func (at place) element(name string) place {
	return place{path: at.path + "." + name, def: at.def + 1, slotDef: at.def + 1, rep: at.rep + 1}
}

func mismatch(t schema.Type, n pqschema.Node, at place) error {
	have := "a group"
	if p, ok := n.(*pqschema.PrimitiveNode); ok {
		have = p.PhysicalType().String()
		if logical := p.LogicalType(); logical != nil && !logical.IsNone() {
			have += " " + logical.String()
		}
	}
	return &MismatchError{Column: at.path, Want: t, Have: have}
}

func (m *matcher) structure(t *schema.Struct, n pqschema.Node, at place) (*node, error) {
	group, ok := n.(*pqschema.GroupNode)
	if !ok || group.NumFields() == 0 {
		return nil, mismatch(t, n, at)
	}
	out := at.node(t)
	for _, f := range t.Fields {
		below := at
		below.path = join(at.path, f.Name)
		child, err := m.match(f.Type, m.field(group, f), below)
		if err != nil {
			return nil, err
		}
		out.children = append(out.children, child)
	}
	m.follow(out, n)
	return out, nil
}

func join(path, name string) string {
	return strings.TrimPrefix(path+"."+name, ".")
}

// field returns the field of a group that holds f, or nil.
func (m *matcher) field(group *pqschema.GroupNode, f schema.Field) pqschema.Node {
	// What is no column of the table, such as a change's type, has no id.
	if m.byID && f.Metadata[FieldIDKey] != nil {
		id, err := fieldID(f.Metadata[FieldIDKey])
		if err != nil {
			return nil
		}
		for i := range group.NumFields() {
			if group.Field(i).FieldID() == id {
				return group.Field(i)
			}
		}
		return nil
	}
	var folded pqschema.Node
	for i := range group.NumFields() {
		n := group.Field(i)
		if n.Name() == f.Name {
			return n
		}
		if strings.EqualFold(n.Name(), f.Name) {
			folded = n
		}
	}
	return folded
}

// follow chooses the column whose levels tell of out: one that is read
// anyway, or else the first below n.
func (m *matcher) follow(out *node, n pqschema.Node) {
	for _, c := range out.children {
		if !c.missing {
			out.column = c.column
			return
		}
	}
	for {
		group, ok := n.(*pqschema.GroupNode)
		if !ok || group.NumFields() == 0 {
			out.column = m.file.ColumnIndexByNode(n)
			return
		}
		n = group.Field(0)
	}
}

// list matches an array stored in n, whose elements repeat in a node at or
// right below n.
func (m *matcher) list(t schema.Array, n, repeated pqschema.Node, at place) (*node, error) {
	out := at.node(t)
	below := at.element("element")
	var child *node
	var err error
	if inner := elementBelow(repeated, n.Name()); inner != nil {
		child, err = m.match(t.Element, inner, below)
	} else {
		child, err = m.value(t.Element, repeated, below)
	}
	if err != nil {
		return nil, err
	}
	out.children = []*node{child}
	m.follow(out, n)
	return out, nil
}

// elementBelow returns the element of a three-level list, or nil when the
// repeated node is the element itself, as old writers had it.
func elementBelow(repeated pqschema.Node, listName string) pqschema.Node {
	group, ok := repeated.(*pqschema.GroupNode)
	if !ok || group.NumFields() != 1 || group.Name() == "array" || group.Name() == listName+"_tuple" {
		return nil
	}
	return group.Field(0)
}

func (m *matcher) mapping(t schema.Map, n pqschema.Node, at place) (*node, error) {
	group, ok := n.(*pqschema.GroupNode)
	if !ok || group.NumFields() != 1 {
		return nil, mismatch(t, n, at)
	}
	entries, ok := group.Field(0).(*pqschema.GroupNode)
	if !ok || entries.NumFields() != 2 || entries.RepetitionType() != parquet.Repetitions.Repeated {
		return nil, mismatch(t, n, at)
	}
	key, err := m.match(t.Key, entries.Field(0), at.element("key"))
	if err != nil {
		return nil, err
	}
	value, err := m.match(t.Value, entries.Field(1), at.element("value"))
	if err != nil {
		return nil, err
	}
	out := at.node(t)
	out.children = []*node{key, value}
	m.follow(out, n)
	return out, nil
}
