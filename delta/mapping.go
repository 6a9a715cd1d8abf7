package delta

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// Column mapping (protocol: Column Mapping) gives every field a name in files
// that differs from its name in the schema.
const (
	mappingModeKey  = "delta.columnMapping.mode"
	physicalNameKey = "delta.columnMapping.physicalName"
)

// mapping is how a table's columns are found in its files.
type mapping struct {
	active bool
	byID   bool
}

func mappingOf(m *Metadata) mapping {
	mode := m.Configuration[mappingModeKey]
	return mapping{active: mode == "name" || mode == "id", byID: mode == "id"}
}

// physicalName returns what files, partition values and statistics call f.
func (m mapping) physicalName(f schema.Field) string {
	if name, ok := f.Metadata[physicalNameKey].(string); ok && m.active {
		return name
	}
	return f.Name
}

// physical returns t with every field under its name in files.
func (m mapping) physical(t schema.Type) schema.Type {
	switch t := t.(type) {
	case *schema.Struct:
		return m.physicalStruct(t)
	case schema.Array:
		t.Element = m.physical(t.Element)
		return t
	case schema.Map:
		t.Key, t.Value = m.physical(t.Key), m.physical(t.Value)
		return t
	default:
		return t
	}
}

func (m mapping) physicalStruct(t *schema.Struct) *schema.Struct {
	if !m.active {
		return t
	}
	out := &schema.Struct{Fields: make([]schema.Field, len(t.Fields))}
	for i, f := range t.Fields {
		out.Fields[i] = schema.Field{Name: m.physicalName(f), Type: m.physical(f.Type), Nullable: f.Nullable, Metadata: f.Metadata}
	}
	return out
}

// logicalPath turns a path of names in files, and of steps into arrays and
// maps, into the names of the schema; those it does not know stay.
func (m mapping) logicalPath(s *schema.Struct, path []string) []string {
	out := slices.Clone(path)
	var t schema.Type = s
	for i, name := range path {
		fields, ok := t.(*schema.Struct)
		if !ok {
			if t, ok = step(t, name); !ok {
				break
			}
			continue
		}
		at := slices.IndexFunc(fields.Fields, func(f schema.Field) bool { return m.physicalName(f) == name })
		if at < 0 {
			break
		}
		out[i], t = fields.Fields[at].Name, fields.Fields[at].Type
	}
	return out
}

// retype returns arr as dt, which differs from arr's own type in the names of
// nested fields only.
func retype(arr arrow.Array, dt arrow.DataType) arrow.Array {
	data := retypeData(arr.Data(), dt)
	defer data.Release()
	return array.MakeFromData(data)
}

func retypeData(data arrow.ArrayData, dt arrow.DataType) arrow.ArrayData {
	nested, ok := dt.(arrow.NestedType)
	if !ok {
		data.Retain()
		return data
	}
	children := make([]arrow.ArrayData, len(data.Children()))
	for i, child := range data.Children() {
		children[i] = retypeData(child, nested.Fields()[i].Type)
	}
	out := array.NewData(dt, data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
	for _, child := range children {
		child.Release()
	}
	return out
}
