package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"

	sc "github.com/freshet/freshet/schema"
)

// leafKind says what must be done to the arrays that Arrow's reader makes of a
// column.
type leafKind int

const (
	plainLeaf     leafKind = iota
	int96Leaf              // twelve bytes that are a timestamp
	textLeaf               // bytes that are text, by their annotation
	dateLeaf               // days that may be of another calendar
	timestampLeaf          // so may these
)

// leaf is a column that is stored.
type leaf struct {
	kind   leafKind
	rebase rebase
}

func kindOf(column *pqschema.Column, int96 bool) leafKind {
	if int96 {
		return int96Leaf
	}
	switch column.LogicalType().(type) {
	case pqschema.EnumLogicalType, pqschema.JSONLogicalType:
		if column.PhysicalType() == parquet.Types.ByteArray {
			return textLeaf
		}
	case pqschema.DateLogicalType:
		return dateLeaf
	case pqschema.TimestampLogicalType:
		return timestampLeaf
	}
	return plainLeaf
}

var int96Type = sc.ArrowType(sc.Timestamp)

// logicalType returns the type that a field of Arrow type t has once its
// leaves are converted.
func (s *source) logicalType(field *pqarrow.SchemaField, t arrow.DataType) arrow.DataType {
	if ext, ok := t.(arrow.ExtensionType); ok {
		t = ext.StorageType()
	}
	switch t := t.(type) {
	case *arrow.StructType:
		fields := make([]arrow.Field, len(field.Children))
		for i := range fields {
			fields[i] = t.Field(i)
			fields[i].Metadata = arrow.Metadata{}
			fields[i].Type = s.logicalType(&field.Children[i], fields[i].Type)
		}
		return arrow.StructOf(fields...)
	case *arrow.MapType:
		entries, ok := s.logicalType(&field.Children[0], t.Elem()).(*arrow.StructType)
		if ok && entries.NumFields() == 2 {
			m := arrow.MapOf(entries.Field(0).Type, entries.Field(1).Type)
			m.SetItemNullable(entries.Field(1).Nullable)
			return m
		}
	case *arrow.ListType:
		return arrow.ListOfField(s.element(field, t))
	case *arrow.LargeListType:
		return arrow.LargeListOfField(s.element(field, t))
	case *arrow.FixedSizeListType:
		return arrow.FixedSizeListOfField(t.Len(), s.element(field, t))
	}
	if len(field.Children) > 0 || field.ColIndex < 0 || field.ColIndex >= len(s.leaves) {
		return t
	}
	switch s.leaves[field.ColIndex].kind {
	case int96Leaf:
		return int96Type
	case textLeaf:
		return arrow.BinaryTypes.String
	case plainLeaf, dateLeaf, timestampLeaf:
	}
	return t
}

func (s *source) element(field *pqarrow.SchemaField, t arrow.ListLikeType) arrow.Field {
	elem := t.ElemField()
	elem.Metadata = arrow.Metadata{}
	elem.Type = s.logicalType(&field.Children[0], elem.Type)
	return elem
}

// convert returns the data of a field with its leaves converted, as
// logicalType says. The caller owns the result.
func (s *source) convert(field *pqarrow.SchemaField, data arrow.ArrayData) (arrow.ArrayData, error) {
	if len(field.Children) == 0 {
		return s.convertLeaf(field.ColIndex, data)
	}
	children := make([]arrow.ArrayData, 0, len(field.Children))
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	if len(data.Children()) != len(field.Children) {
		return nil, fmt.Errorf("column %s has %d children, not %d", field.Field.Name, len(data.Children()), len(field.Children))
	}
	for i, child := range data.Children() {
		converted, err := s.convert(&field.Children[i], child)
		if err != nil {
			return nil, err
		}
		children = append(children, converted)
	}
	typ := s.logicalType(field, data.DataType())
	if m, ok := typ.(*arrow.MapType); ok {
		// Files name the parts of a map as they like, Arrow's type does not.
		pairs := children[0]
		children[0] = array.NewData(m.Elem(), pairs.Len(), pairs.Buffers(), pairs.Children(), pairs.NullN(), pairs.Offset())
		pairs.Release()
	}
	return array.NewData(typ, data.Len(), data.Buffers(), children, data.NullN(), data.Offset()), nil
}

func (s *source) convertLeaf(column int, data arrow.ArrayData) (arrow.ArrayData, error) {
	typ := data.DataType()
	if ext, ok := typ.(arrow.ExtensionType); ok {
		typ = ext.StorageType()
	}
	l := s.leaves[column]
	switch {
	case l.kind == int96Leaf:
		return int96ToMicros(data, l.rebase)
	case l.kind == textLeaf && typ.ID() == arrow.BINARY:
		typ = arrow.BinaryTypes.String
	case (l.kind == dateLeaf || l.kind == timestampLeaf) && l.rebase != rebaseNone:
		return rebaseArray(data, l.rebase)
	}
	return array.NewData(typ, data.Len(), data.Buffers(), nil, data.NullN(), data.Offset()), nil
}

// The day that Julian days are counted from, in days of Unix time, and the
// length of a day.
const (
	julianEpoch  = -2440588
	microsPerDay = 24 * 60 * 60 * 1_000_000
)

// int96ToMicros decodes nanoseconds of the day, 64 bits, and Julian day, 32
// bits, to microseconds. All years that TIMESTAMP can hold are exact.
func int96ToMicros(data arrow.ArrayData, mode rebase) (arrow.ArrayData, error) {
	end := data.Offset() + data.Len()
	var raw []byte
	if values := data.Buffers()[1]; values != nil {
		raw = values.Bytes()
	}
	micros := make([]int64, end)
	arr := array.MakeFromData(data)
	defer arr.Release()
	for i := data.Offset(); i < end; i++ {
		if arr.IsNull(i - data.Offset()) {
			continue
		}
		if len(raw) < (i+1)*parquet.Int96SizeBytes {
			return nil, errors.New("INT96 column is cut short")
		}
		value := raw[i*parquet.Int96SizeBytes:]
		nanos := int64(binary.LittleEndian.Uint64(value))
		days := int64(int32(binary.LittleEndian.Uint32(value[8:]))) + julianEpoch
		if days > math.MaxInt64/microsPerDay-1 || days < math.MinInt64/microsPerDay+1 {
			return nil, fmt.Errorf("INT96 timestamp of Julian day %d is out of range", days-julianEpoch)
		}
		v, err := mode.micros(days*microsPerDay + floorDiv(nanos, 1000))
		if err != nil {
			return nil, err
		}
		micros[i] = v
	}
	buf := memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(micros))
	defer buf.Release()
	return array.NewData(int96Type, data.Len(), []*memory.Buffer{data.Buffers()[0], buf}, nil, data.NullN(), data.Offset()), nil
}

func floorDiv(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}
