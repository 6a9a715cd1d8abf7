// Package datafile encodes Arrow record batches as Parquet data files and
// decodes data files of any Delta writer, old ones included.
//
// It speaks in terms of the Delta schema: the caller hands in the columns as
// the file names them (physical names, no partition columns). It knows
// nothing of tables, paths or statistics.
package datafile

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/freshet/freshet/schema"
)

// FieldIDKey is the field metadata that holds a column's Parquet field id.
const FieldIDKey = "delta.columnMapping.id"

const noFieldID = int32(-1)

// stepKind is what one level of a column's path is.
type stepKind uint8

const (
	stepLeaf stepKind = iota
	stepStruct
	stepList
	stepMap
)

// step is one level on the way from a top-level column to a leaf.
type step struct {
	kind     stepKind
	name     string // for messages
	nullable bool
	child    int   // of a struct: the field to follow; of a map: 0 key, 1 value
	rep      int16 // repetition level of the elements below
}

// leaf is one Parquet column: where its values are in the table's columns and
// how it is stored.
type leaf struct {
	column int // top-level column
	steps  []step
	typ    schema.Type
	path   string // dotted, as Parquet names it
}

func (l *leaf) flat() bool { return len(l.steps) == 1 }

// Layout is how the columns of a schema lie in a Parquet file. It is
// immutable and safe for concurrent use.
type Layout struct {
	columns *schema.Struct
	root    *pqschema.GroupNode
	leaves  []leaf
}

// NewLayout returns the layout of columns. Void columns are left out of the
// file. A field without an id in its metadata gets its place in a preorder
// walk of the schema, which is how Delta numbers fields when column mapping
// is turned on.
func NewLayout(columns *schema.Struct) (*Layout, error) {
	b := layoutBuilder{}
	l := &Layout{columns: columns}
	fields := make(pqschema.FieldList, 0, len(columns.Fields))
	for i, f := range columns.Fields {
		b.column = i
		node, err := b.field(f, nil)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", schema.QuoteIdent(f.Name), err)
		}
		if node != nil {
			fields = append(fields, node)
		}
	}
	if len(fields) == 0 {
		return nil, errors.New("a data file needs a column that is neither VOID nor a partition column")
	}
	root, err := pqschema.NewGroupNode("schema", parquet.Repetitions.Required, fields, noFieldID)
	if err != nil {
		return nil, fmt.Errorf("lay out columns: %w", err)
	}
	l.root, l.leaves = root, b.leaves
	described := pqschema.NewSchema(root)
	for i := range l.leaves {
		l.leaves[i].path = described.Column(i).Path()
	}
	return l, nil
}

// layoutBuilder walks a schema in the order of Parquet's columns.
type layoutBuilder struct {
	column int
	leaves []leaf
	nextID int32
}

func (b *layoutBuilder) field(f schema.Field, path []step) (pqschema.Node, error) {
	b.nextID++
	id := b.nextID
	if n, ok := f.Metadata[FieldIDKey]; ok {
		parsed, err := fieldID(n)
		if err != nil {
			return nil, err
		}
		id = parsed
	}
	return b.node(f.Name, f.Type, f.Nullable, id, path)
}

// fieldID reads an id from field metadata, where JSON has made it a
// json.Number and Go code may have left any integer.
func fieldID(v any) (int32, error) {
	switch n := v.(type) {
	case json.Number:
		i, err := n.Int64()
		if err != nil || i != int64(int32(i)) {
			return 0, fmt.Errorf("field id %s is no 32-bit integer", n)
		}
		return int32(i), nil
	case int:
		return int32(n), nil
	case int32:
		return n, nil
	case int64:
		return int32(n), nil
	case float64:
		return int32(n), nil
	}
	return 0, fmt.Errorf("field id %v is no number", v)
}

// node returns the Parquet node of one value, nil for Void, and records the
// leaves under it.
func (b *layoutBuilder) node(name string, t schema.Type, nullable bool, id int32, path []step) (pqschema.Node, error) {
	repetition := parquet.Repetitions.Required
	if nullable {
		repetition = parquet.Repetitions.Optional
	}
	here := step{name: name, nullable: nullable, rep: repetitionLevel(path)}
	switch t := t.(type) {
	case *schema.Struct:
		return b.structNode(t, repetition, id, path, here)
	case schema.Array:
		here.kind = stepList
		here.rep++
		element, err := b.node("element", t.Element, t.ContainsNull, noFieldID, with(path, here))
		if err != nil || element == nil {
			return nil, nestedVoid(err)
		}
		list, err := pqschema.NewGroupNode("list", parquet.Repetitions.Repeated, pqschema.FieldList{element}, noFieldID)
		if err != nil {
			return nil, err
		}
		return pqschema.NewGroupNodeLogical(name, repetition, pqschema.FieldList{list}, pqschema.NewListLogicalType(), id)
	case schema.Map:
		return b.mapNode(t, repetition, id, path, here)
	case schema.Primitive:
		if t == schema.Void {
			return nil, nil
		}
		if t == schema.Variant {
			last := b.nextID
			node, err := b.structNode(variantFields, repetition, id, path, here)
			b.nextID = last // parts of a variant are no fields of the table
			return node, err
		}
	}
	b.leaves = append(b.leaves, leaf{column: b.column, steps: with(path, here), typ: t})
	return primitiveNode(name, t, repetition, id)
}

// variantFields is how an unshredded variant is stored.
var variantFields = schema.New(
	schema.Field{Name: "value", Type: schema.Binary, Metadata: map[string]any{FieldIDKey: int(noFieldID)}},
	schema.Field{Name: "metadata", Type: schema.Binary, Metadata: map[string]any{FieldIDKey: int(noFieldID)}},
)

func nestedVoid(err error) error {
	if err != nil {
		return err
	}
	return errors.New("VOID cannot be stored inside an array or map")
}

func repetitionLevel(path []step) int16 {
	if len(path) == 0 {
		return 0
	}
	return path[len(path)-1].rep
}

// with returns path and one more step, sharing nothing with path.
func with(path []step, s step) []step {
	return append(slices.Clip(path), s)
}

func (b *layoutBuilder) structNode(
	t *schema.Struct, repetition parquet.Repetition, id int32, path []step, here step,
) (pqschema.Node, error) {
	here.kind = stepStruct
	fields := make(pqschema.FieldList, 0, len(t.Fields))
	for i, f := range t.Fields {
		here.child = i
		node, err := b.field(f, with(path, here))
		if err != nil {
			return nil, err
		}
		if node != nil {
			fields = append(fields, node)
		}
	}
	if len(fields) == 0 {
		return nil, errors.New("a struct needs a field that is not VOID to be stored")
	}
	return pqschema.NewGroupNode(here.name, repetition, fields, id)
}

func (b *layoutBuilder) mapNode(
	t schema.Map, repetition parquet.Repetition, id int32, path []step, here step,
) (pqschema.Node, error) {
	here.kind = stepMap
	here.rep++
	key, err := b.node("key", t.Key, false, noFieldID, with(path, here))
	if err != nil || key == nil {
		return nil, nestedVoid(err)
	}
	here.child = 1
	value, err := b.node("value", t.Value, t.ValueContainsNull, noFieldID, with(path, here))
	if err != nil || value == nil {
		return nil, nestedVoid(err)
	}
	entries, err := pqschema.NewGroupNode("key_value", parquet.Repetitions.Repeated, pqschema.FieldList{key, value}, noFieldID)
	if err != nil {
		return nil, err
	}
	return pqschema.NewGroupNodeLogical(here.name, repetition, pqschema.FieldList{entries}, pqschema.MapLogicalType{}, id)
}

// physical is how a primitive is stored.
type physical struct {
	logical pqschema.LogicalType
	typ     parquet.Type
}

var physicals = map[schema.Primitive]physical{
	schema.String:       {pqschema.StringLogicalType{}, parquet.Types.ByteArray},
	schema.Long:         {pqschema.NoLogicalType{}, parquet.Types.Int64},
	schema.Integer:      {pqschema.NoLogicalType{}, parquet.Types.Int32},
	schema.Short:        {pqschema.NewIntLogicalType(16, true), parquet.Types.Int32},
	schema.Byte:         {pqschema.NewIntLogicalType(8, true), parquet.Types.Int32},
	schema.Float:        {pqschema.NoLogicalType{}, parquet.Types.Float},
	schema.Double:       {pqschema.NoLogicalType{}, parquet.Types.Double},
	schema.Boolean:      {pqschema.NoLogicalType{}, parquet.Types.Boolean},
	schema.Binary:       {pqschema.NoLogicalType{}, parquet.Types.ByteArray},
	schema.Date:         {pqschema.DateLogicalType{}, parquet.Types.Int32},
	schema.Timestamp:    {pqschema.NewTimestampLogicalType(true, pqschema.TimeUnitMicros), parquet.Types.Int64},
	schema.TimestampNTZ: {pqschema.NewTimestampLogicalType(false, pqschema.TimeUnitMicros), parquet.Types.Int64},
}

func primitiveNode(name string, t schema.Type, repetition parquet.Repetition, id int32) (pqschema.Node, error) {
	if d, ok := t.(schema.Decimal); ok {
		typ, length := decimalStorage(d.Precision)
		logical := pqschema.NewDecimalLogicalType(int32(d.Precision), int32(d.Scale))
		return pqschema.NewPrimitiveNodeLogical(name, repetition, logical, typ, length, id)
	}
	p, _ := t.(schema.Primitive)
	stored, ok := physicals[p]
	if !ok {
		return nil, fmt.Errorf("type %s cannot be stored", t)
	}
	return pqschema.NewPrimitiveNodeLogical(name, repetition, stored.logical, stored.typ, -1, id)
}

// Decimals up to these precisions are stored as integers.
const (
	maxInt32Precision = 9
	maxInt64Precision = 18
)

// decimalStorage returns the narrowest physical type for a precision and,
// when it has a fixed length, its bytes.
func decimalStorage(precision int) (parquet.Type, int) {
	switch {
	case precision <= maxInt32Precision:
		return parquet.Types.Int32, -1
	case precision <= maxInt64Precision:
		return parquet.Types.Int64, -1
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(precision)), nil)
	return parquet.Types.FixedLenByteArray, limit.BitLen()/8 + 1 // and a sign bit
}

// Check reports why a record of the given Arrow schema cannot be written in
// this layout; nil when it can. Nullability is not its concern.
func (l *Layout) Check(s *arrow.Schema) error {
	if s.NumFields() != len(l.columns.Fields) {
		return fmt.Errorf("record has %d columns, the file %d", s.NumFields(), len(l.columns.Fields))
	}
	for i, f := range l.columns.Fields {
		if dt := s.Field(i).Type; !Accepts(f.Type, dt) {
			return fmt.Errorf("column %s of type %s cannot hold Arrow %s", schema.QuoteIdent(f.Name), f.Type, dt)
		}
	}
	return nil
}

// Accepts reports whether an Arrow array of type dt can be written as t:
// [schema.ArrowType] of t, with strings and binaries in any encoding.
func Accepts(t schema.Type, dt arrow.DataType) bool {
	switch t := t.(type) {
	case *schema.Struct:
		return acceptsStruct(t, dt)
	case schema.Array:
		list, ok := dt.(*arrow.ListType)
		return ok && Accepts(t.Element, list.Elem())
	case schema.Map:
		m, ok := dt.(*arrow.MapType)
		return ok && Accepts(t.Key, m.KeyType()) && Accepts(t.Value, m.ItemType())
	}
	switch t {
	case schema.Variant:
		return acceptsStruct(variantFields, dt)
	case schema.String, schema.Binary:
		if d, ok := dt.(*arrow.DictionaryType); ok {
			dt = d.ValueType
		}
		return dt.ID() == arrow.STRING || dt.ID() == arrow.BINARY
	case schema.Timestamp, schema.TimestampNTZ:
		ts, ok := dt.(*arrow.TimestampType)
		return ok && ts.Unit == arrow.Microsecond
	}
	return arrow.TypeEqual(schema.ArrowType(t), dt)
}

func acceptsStruct(t *schema.Struct, dt arrow.DataType) bool {
	st, ok := dt.(*arrow.StructType)
	if !ok || st.NumFields() != len(t.Fields) {
		return false
	}
	for i, f := range t.Fields {
		if !Accepts(f.Type, st.Field(i).Type) {
			return false
		}
	}
	return true
}
