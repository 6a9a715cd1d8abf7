//go:build duckdb_arrow

package duckdb

import (
	"github.com/apache/arrow-go/v18/arrow"
	bindings "github.com/duckdb/duckdb-go-bindings"

	"github.com/freshet/freshet/schema"
	"github.com/freshet/freshet/schema/variant"
)

// A VARIANT is a struct of its bytes here as in Arrow, under names that no
// other struct has, so that DuckDB itself tells it from other types wherever
// it goes. DuckDB's own VARIANT is another encoding.
const variantType = bindings.TypeStruct // in the tables of functions

// variantFields are the names, which internal/sql's printer knows too.
var variantFields = [2]string{"variant value", "variant metadata"}

// engineVariant is the Arrow type under those names.
var engineVariant = arrow.StructOf(
	arrow.Field{Name: variantFields[0], Type: arrow.BinaryTypes.Binary, Nullable: true},
	arrow.Field{Name: variantFields[1], Type: arrow.BinaryTypes.Binary, Nullable: true},
)

// toEngine names the parts of variants as the engine has them. The arrays stay
// as they are.
func toEngine(s *arrow.Schema) *arrow.Schema {
	return renamed(s, schema.IsVariant, engineVariant)
}

// fromEngine is the inverse of toEngine.
func fromEngine(s *arrow.Schema) *arrow.Schema {
	isVariant := func(t arrow.DataType) bool {
		st, ok := t.(*arrow.StructType)
		return ok && st.NumFields() == 2 && st.Field(0).Name == variantFields[0] && st.Field(1).Name == variantFields[1]
	}
	return renamed(s, isVariant, schema.ArrowType(schema.Variant))
}

// renamed puts to in the place of the types that match, at any depth.
func renamed(s *arrow.Schema, match func(arrow.DataType) bool, to arrow.DataType) *arrow.Schema {
	var rename func(t arrow.DataType) arrow.DataType
	fields := func(list []arrow.Field) []arrow.Field {
		out := make([]arrow.Field, len(list))
		for i, f := range list {
			out[i] = f
			out[i].Type = rename(f.Type)
		}
		return out
	}
	rename = func(t arrow.DataType) arrow.DataType {
		if match(t) {
			return to
		}
		switch t := t.(type) {
		case *arrow.StructType:
			return arrow.StructOf(fields(t.Fields())...)
		case *arrow.ListType:
			return arrow.ListOfField(fields([]arrow.Field{t.ElemField()})[0])
		case *arrow.MapType:
			m := arrow.MapOf(rename(t.KeyType()), rename(t.ItemType()))
			m.KeysSorted = t.KeysSorted
			m.SetItemNullable(t.ItemField().Nullable)
			return m
		}
		return t
	}
	metadata := s.Metadata()
	return arrow.NewSchema(fields(s.Fields()), &metadata)
}

// variant returns the column with its parts.
func (c column) variant() column {
	for i := range bindings.IdxT(2) {
		c.parts = append(c.parts, newColumn(bindings.StructVectorGetChild(c.vector, i)))
	}
	return c
}

// value returns row i of a column of variants.
func (c column) value(i int) variant.Value {
	return variant.Value{Data: []byte(c.parts[0].text(i)), Metadata: []byte(c.parts[1].text(i))}
}

// setVariant makes v row i of a column of variants.
func (c column) setVariant(i int, v variant.Value) {
	bindings.VectorAssignStringElementLen(c.parts[0].vector, bindings.IdxT(i), v.Data)
	bindings.VectorAssignStringElementLen(c.parts[1].vector, bindings.IdxT(i), v.Metadata)
}
