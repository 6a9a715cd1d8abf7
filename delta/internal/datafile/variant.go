package datafile

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// The fields of a variant in a file (Parquet: Variant Shredding). A value that
// has the type its column was shredded by is in typed_value, another in value.
const (
	metadataField = "metadata"
	valueField    = "value"
	typedField    = "typed_value"
)

// variant matches a variant: as its binary value and metadata, or shredded.
func (m *matcher) variant(n pqschema.Node, at place) (*node, error) {
	group, ok := n.(*pqschema.GroupNode)
	if !ok {
		return nil, mismatch(schema.Variant, n, at)
	}
	byName := matcher{file: m.file}
	has := func(name string) bool { return byName.field(group, schema.Field{Name: name}) != nil }
	stored := variantFields
	switch {
	case !has(metadataField):
		return nil, mismatch(schema.Variant, n, at)
	case has(typedField):
		parts, err := shredded(group, at)
		if err != nil {
			return nil, err
		}
		stored = parts
		stored.Fields = append(stored.Fields, variantFields.Fields[1])
	case !has(valueField) || group.NumFields() != len(variantFields.Fields):
		return nil, mismatch(schema.Variant, n, at)
	}
	out, err := byName.structure(stored, n, at)
	if err != nil {
		return nil, err
	}
	out.typ, out.shredded = schema.Variant, stored != variantFields
	if !out.shredded {
		out.arrow = schema.ArrowType(schema.Variant)
	}
	return out, nil
}

// shredded returns the value and typed_value of a group as columns: what is
// not shredded is binary, an object is a struct of such groups, an array a
// list of them.
func shredded(group *pqschema.GroupNode, at place) (*schema.Struct, error) {
	out := &schema.Struct{Fields: []schema.Field{schema.Col(valueField, schema.Binary)}}
	for i := range group.NumFields() {
		if n := group.Field(i); n.Name() == typedField {
			t, err := shreddedType(n, at)
			if err != nil {
				return nil, err
			}
			out.Fields = append(out.Fields, schema.Col(typedField, t))
		}
	}
	return out, nil
}

func shreddedType(n pqschema.Node, at place) (schema.Type, error) {
	if leaf, ok := n.(*pqschema.PrimitiveNode); ok {
		if t := leafType(leaf); t != nil {
			return t, nil
		}
		return nil, mismatch(schema.Variant, n, at)
	}
	group, ok := n.(*pqschema.GroupNode)
	if !ok {
		return nil, mismatch(schema.Variant, n, at)
	}
	if group.NumFields() == 1 && group.Field(0).RepetitionType() == parquet.Repetitions.Repeated {
		element, ok := elementBelow(group.Field(0), group.Name()).(*pqschema.GroupNode)
		if !ok {
			return nil, mismatch(schema.Variant, n, at)
		}
		parts, err := shredded(element, at)
		return schema.Array{Element: parts, ContainsNull: true}, err
	}
	fields := &schema.Struct{}
	for i := range group.NumFields() {
		field, ok := group.Field(i).(*pqschema.GroupNode)
		if !ok {
			return nil, mismatch(schema.Variant, group.Field(i), at)
		}
		parts, err := shredded(field, at)
		if err != nil {
			return nil, err
		}
		fields.Fields = append(fields.Fields, schema.Col(field.Name(), parts))
	}
	return fields, nil
}

// leafType returns the type that a shredded column is stored as, nil for one
// that has no value of ours: times of day, nanoseconds, UUIDs, unsigned
// numbers.
func leafType(n *pqschema.PrimitiveNode) schema.Type {
	switch l := n.LogicalType().(type) {
	case pqschema.StringLogicalType, *pqschema.StringLogicalType:
		return schema.String
	case pqschema.DateLogicalType, *pqschema.DateLogicalType:
		return schema.Date
	case *pqschema.DecimalLogicalType:
		return schema.Decimal{Precision: int(l.Precision()), Scale: int(l.Scale())}
	case pqschema.DecimalLogicalType:
		return schema.Decimal{Precision: int(l.Precision()), Scale: int(l.Scale())}
	case *pqschema.TimestampLogicalType:
		return timestampType(*l)
	case pqschema.TimestampLogicalType:
		return timestampType(l)
	}
	bits, signed, ok := annotation(n)
	if !ok || !signed {
		return nil
	}
	switch n.PhysicalType() {
	case parquet.Types.Boolean:
		return schema.Boolean
	case parquet.Types.Int32:
		switch bits {
		case 8:
			return schema.Byte
		case 16:
			return schema.Short
		}
		return schema.Integer
	case parquet.Types.Int64:
		return schema.Long
	case parquet.Types.Float:
		return schema.Float
	case parquet.Types.Double:
		return schema.Double
	case parquet.Types.ByteArray:
		return schema.Binary
	}
	return nil
}

func timestampType(l pqschema.TimestampLogicalType) schema.Type {
	switch {
	case l.TimeUnit() != pqschema.TimeUnitMicros:
		return nil
	case l.IsAdjustedToUTC():
		return schema.Timestamp
	}
	return schema.TimestampNTZ
}

// reassemble makes variants of what they were shredded into: a struct of
// value, typed_value and metadata.
func reassemble(data arrow.ArrayData) (arrow.ArrayData, error) {
	all := array.NewStructData(data)
	defer all.Release()
	metadata, ok := all.Field(2).(*array.Binary)
	if !ok {
		return nil, fmt.Errorf("variant metadata is %s", all.Field(2).DataType())
	}
	whole := newShreds(all)
	out := array.NewStructBuilder(memory.DefaultAllocator, arrowVariant)
	defer out.Release()
	values, _ := out.FieldBuilder(0).(*array.BinaryBuilder)
	dictionaries, _ := out.FieldBuilder(1).(*array.BinaryBuilder)
	var b variant.Builder
	for i := range all.Len() {
		if all.IsNull(i) {
			out.AppendNull()
			continue
		}
		b.Reset()
		r := reassembler{&b, metadata.Value(i)}
		if err := r.value(whole, i); err != nil {
			return nil, err
		}
		v, err := b.Finish()
		if err != nil {
			return nil, err
		}
		out.Append(true)
		values.Append(v.Data)
		dictionaries.Append(v.Metadata)
	}
	made := out.NewArray()
	defer made.Release()
	made.Data().Retain()
	return made.Data(), nil
}

var arrowVariant, _ = schema.ArrowType(schema.Variant).(*arrow.StructType)

// shreds are a group of value and typed_value.
type shreds struct {
	value  *array.Binary
	typed  arrow.Array // nil: not shredded
	fields []shreds    // of an object
	names  []string
	item   *shreds // of an array
}

func newShreds(a arrow.Array) shreds {
	group, ok := a.(*array.Struct)
	if !ok {
		return shreds{}
	}
	value, _ := group.Field(0).(*array.Binary)
	s := shreds{value: value}
	if group.NumField() == 1 {
		return s
	}
	s.typed = group.Field(1)
	switch typed := s.typed.(type) {
	case *array.Struct:
		t, _ := typed.DataType().(*arrow.StructType)
		for i := range typed.NumField() {
			s.fields = append(s.fields, newShreds(typed.Field(i)))
			s.names = append(s.names, t.Field(i).Name)
		}
	case *array.List:
		item := newShreds(typed.ListValues())
		s.item = &item
	}
	return s
}

// has reports whether row i has a value: a field without one is missing.
func (s shreds) has(i int) bool {
	return !s.value.IsNull(i) || s.typed != nil && !s.typed.IsNull(i)
}

// reassembler appends one variant's parts, whose dictionary is metadata.
type reassembler struct {
	*variant.Builder
	metadata []byte
}

// value appends row i of a group; none is the variant null where a value must
// be.
func (r reassembler) value(s shreds, i int) error {
	switch {
	case s.typed != nil && !s.typed.IsNull(i):
		switch typed := s.typed.(type) {
		case *array.Struct:
			return r.object(s, i)
		case *array.List:
			if !s.value.IsNull(i) {
				return fmt.Errorf("%w: an array beside a value", variant.ErrMalformed)
			}
			return r.list(typed, *s.item, i)
		}
		if !s.value.IsNull(i) {
			return fmt.Errorf("%w: two values", variant.ErrMalformed)
		}
		return r.leaf(s.typed, i)
	case !s.value.IsNull(i):
		return r.Append(variant.Value{Metadata: r.metadata, Data: s.value.Value(i)})
	}
	r.Null()
	return nil
}

// object appends an object whose shredded fields are in columns and whose
// others are in an object of their own.
func (r reassembler) object(s shreds, i int) error {
	r.Start()
	for k, field := range s.fields {
		if field.has(i) {
			r.Key(s.names[k])
			if err := r.value(field, i); err != nil {
				return err
			}
		}
	}
	if !s.value.IsNull(i) {
		rest := variant.Value{Metadata: r.metadata, Data: s.value.Value(i)}
		if err := r.Fields(rest); err != nil {
			return err
		}
	}
	return r.End(variant.Object)
}

func (r reassembler) list(a *array.List, item shreds, i int) error {
	r.Start()
	from, to := a.ValueOffsets(i)
	for k := int(from); k < int(to); k++ {
		r.Element()
		if err := r.value(item, k); err != nil {
			return err
		}
	}
	return r.End(variant.Array)
}

func (r reassembler) leaf(a arrow.Array, i int) error {
	switch a := a.(type) {
	case *array.Boolean:
		r.Bool(a.Value(i))
	case *array.Int8:
		r.Int(int64(a.Value(i)))
	case *array.Int16:
		r.Int(int64(a.Value(i)))
	case *array.Int32:
		r.Int(int64(a.Value(i)))
	case *array.Int64:
		r.Int(a.Value(i))
	case *array.Float32:
		r.Float(a.Value(i))
	case *array.Float64:
		r.Double(a.Value(i))
	case *array.Decimal128:
		t, _ := a.DataType().(*arrow.Decimal128Type)
		r.Decimal(a.Value(i), int(t.Scale))
	case *array.Date32:
		r.Date(int32(a.Value(i)))
	case *array.Timestamp:
		if t, _ := a.DataType().(*arrow.TimestampType); t.TimeZone == "" {
			r.TimestampNTZ(int64(a.Value(i)))
		} else {
			r.Timestamp(int64(a.Value(i)))
		}
	case *array.String:
		r.String(a.Value(i))
	case *array.Binary:
		r.Binary(a.Value(i))
	default:
		return fmt.Errorf("%w: shredded as %s", variant.ErrMalformed, a.DataType())
	}
	return nil
}
