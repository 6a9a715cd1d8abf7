package schema

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
)

// ToArrow returns the Arrow schema of s.
//
// Timestamp is timestamp[µs, "UTC"], TimestampNTZ is timestamp[µs] without a
// zone, Decimal is decimal128, Map is a map with entries key and value, Array
// is a list whose item is called element, Void is null. Variant is a struct
// of binary value and metadata, the storage of Arrow's canonical extension
// arrow.parquet.variant; its fields are marked, so that [IsVariant] tells it
// from any other struct of the kind.
func ToArrow(s *Struct) *arrow.Schema {
	return arrow.NewSchema(arrowFields(s), nil)
}

func arrowFields(s *Struct) []arrow.Field {
	fields := make([]arrow.Field, len(s.Fields))
	for i, f := range s.Fields {
		fields[i] = arrow.Field{Name: f.Name, Type: ArrowType(f.Type), Nullable: f.Nullable}
	}
	return fields
}

var arrowPrimitives = map[Primitive]arrow.DataType{
	String:       arrow.BinaryTypes.String,
	Long:         arrow.PrimitiveTypes.Int64,
	Integer:      arrow.PrimitiveTypes.Int32,
	Short:        arrow.PrimitiveTypes.Int16,
	Byte:         arrow.PrimitiveTypes.Int8,
	Float:        arrow.PrimitiveTypes.Float32,
	Double:       arrow.PrimitiveTypes.Float64,
	Boolean:      arrow.FixedWidthTypes.Boolean,
	Binary:       arrow.BinaryTypes.Binary,
	Date:         arrow.FixedWidthTypes.Date32,
	Timestamp:    &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
	TimestampNTZ: &arrow.TimestampType{Unit: arrow.Microsecond},
	Void:         arrow.Null,
	Variant: arrow.StructOf(
		arrow.Field{Name: "value", Type: arrow.BinaryTypes.Binary, Metadata: variantMark},
		arrow.Field{Name: "metadata", Type: arrow.BinaryTypes.Binary, Metadata: variantMark},
	),
}

// variantMark is the field metadata of a variant's parts.
var variantMark = arrow.NewMetadata([]string{"freshet.type"}, []string{"variant"})

// IsVariant reports whether t is the type that carries [Variant].
func IsVariant(t arrow.DataType) bool {
	st, ok := t.(*arrow.StructType)
	return ok && st.NumFields() == 2 && st.Field(0).Metadata.Equal(variantMark)
}

// ArrowType returns the Arrow type that carries t; see [ToArrow].
func ArrowType(t Type) arrow.DataType {
	switch t := t.(type) {
	case Primitive:
		return arrowPrimitives[t]
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case Array:
		return arrow.ListOfField(arrow.Field{Name: "element", Type: ArrowType(t.Element), Nullable: t.ContainsNull})
	case Map:
		m := arrow.MapOf(ArrowType(t.Key), ArrowType(t.Value))
		m.SetItemNullable(t.ValueContainsNull)
		return m
	case *Struct:
		return arrow.StructOf(arrowFields(t)...)
	}
	return arrow.Null
}

// FromArrow returns the schema that carries an Arrow schema's columns. Types
// that Delta lacks take the nearest that holds every value: unsigned integers
// widen (uint64 to DECIMAL(20,0)), times of day become STRING, dictionaries
// their values' type, timestamps of any unit TIMESTAMP or TIMESTAMP_NTZ.
// It returns [*UnknownTypeError] for a type with no such counterpart.
func FromArrow(s *arrow.Schema) (*Struct, error) {
	return fromArrowFields(s.Fields())
}

func fromArrowFields(fields []arrow.Field) (*Struct, error) {
	out := &Struct{Fields: make([]Field, len(fields))}
	for i, f := range fields {
		t, err := FromArrowType(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", QuoteIdent(f.Name), err)
		}
		out.Fields[i] = Field{Name: f.Name, Type: t, Nullable: f.Nullable}
	}
	return out, nil
}

var fromArrowIDs = map[arrow.Type]Type{
	arrow.NULL:              Void,
	arrow.BOOL:              Boolean,
	arrow.INT8:              Byte,
	arrow.INT16:             Short,
	arrow.INT32:             Integer,
	arrow.INT64:             Long,
	arrow.UINT8:             Short,
	arrow.UINT16:            Integer,
	arrow.UINT32:            Long,
	arrow.UINT64:            Decimal{Precision: 20},
	arrow.FLOAT16:           Float,
	arrow.FLOAT32:           Float,
	arrow.FLOAT64:           Double,
	arrow.STRING:            String,
	arrow.LARGE_STRING:      String,
	arrow.STRING_VIEW:       String,
	arrow.BINARY:            Binary,
	arrow.LARGE_BINARY:      Binary,
	arrow.BINARY_VIEW:       Binary,
	arrow.FIXED_SIZE_BINARY: Binary,
	arrow.DATE32:            Date,
	arrow.DATE64:            Date,
	arrow.TIME32:            String,
	arrow.TIME64:            String,
}

// FromArrowType is [FromArrow] for one type.
func FromArrowType(t arrow.DataType) (Type, error) {
	if simple, ok := fromArrowIDs[t.ID()]; ok {
		return simple, nil
	}
	switch t := t.(type) {
	case *arrow.TimestampType:
		if t.TimeZone == "" {
			return TimestampNTZ, nil
		}
		return Timestamp, nil
	case arrow.DecimalType:
		if t.GetPrecision() > MaxDecimalPrecision {
			return nil, &UnknownTypeError{Name: t.String()}
		}
		return Decimal{Precision: int(t.GetPrecision()), Scale: int(t.GetScale())}, nil
	case *arrow.DictionaryType:
		return FromArrowType(t.ValueType)
	case *arrow.MapType:
		key, err := FromArrowType(t.KeyType())
		if err != nil {
			return nil, err
		}
		value, err := FromArrowType(t.ItemType())
		return Map{Key: key, Value: value, ValueContainsNull: t.ItemField().Nullable}, err
	case arrow.ListLikeType:
		elem, err := FromArrowType(t.Elem())
		return Array{Element: elem, ContainsNull: t.ElemField().Nullable}, err
	case *arrow.StructType:
		if IsVariant(t) {
			return Variant, nil
		}
		return fromArrowFields(t.Fields())
	case arrow.ExtensionType:
		return FromArrowType(t.StorageType())
	}
	return nil, &UnknownTypeError{Name: t.String()}
}
