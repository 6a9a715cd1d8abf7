package evolve

import (
	"slices"

	"github.com/freshet/freshet/schema"
)

// integerRank orders the integer types by width.
var integerRank = map[schema.Type]int{schema.Byte: 1, schema.Short: 2, schema.Integer: 3, schema.Long: 4}

// integerPrecision is the decimal precision that an integer type starts from
// when it becomes a decimal (semantics §3.7).
var integerPrecision = map[schema.Type]int{schema.Byte: 10, schema.Short: 10, schema.Integer: 10, schema.Long: 20}

// fractionRank orders the types with fractions.
var fractionRank = map[schema.Type]int{schema.Float: 1, schema.Double: 2}

// dateRank orders the types of days and times.
var dateRank = map[schema.Type]int{schema.Date: 1, schema.TimestampNTZ: 2, schema.Timestamp: 3}

// CommonType returns the narrowest type that holds the values of both, as when
// the schemas of several files become one: integers widen, integers and
// decimals meet in a decimal, with floats in DOUBLE, dates and timestamps in a
// timestamp; arrays, maps and structs do so in depth. ok is false when there
// is none. A VOID column takes the other's type.
func CommonType(a, b schema.Type) (t schema.Type, ok bool) {
	switch {
	case schema.Equal(a, b):
		return a, true
	case a == schema.Void:
		return b, true
	case b == schema.Void:
		return a, true
	case dateRank[a] > 0 && dateRank[b] > 0:
		if dateRank[a] > dateRank[b] {
			return a, true
		}
		return b, true
	case isNumber(a) && isNumber(b):
		return commonNumber(a, b), true
	}
	switch a := a.(type) {
	case schema.Array:
		if b, ok := b.(schema.Array); ok {
			elem, ok := CommonType(a.Element, b.Element)
			return schema.Array{Element: elem, ContainsNull: a.ContainsNull || b.ContainsNull}, ok
		}
	case schema.Map:
		if b, ok := b.(schema.Map); ok {
			key, keyOK := CommonType(a.Key, b.Key)
			value, valueOK := CommonType(a.Value, b.Value)
			return schema.Map{Key: key, Value: value, ValueContainsNull: a.ValueContainsNull || b.ValueContainsNull}, keyOK && valueOK
		}
	case *schema.Struct:
		if b, ok := b.(*schema.Struct); ok {
			s, err := Union(a, b, Refuse)
			return s, err == nil
		}
	}
	return nil, false
}

func isNumber(t schema.Type) bool {
	_, isDecimal := t.(schema.Decimal)
	return isDecimal || integerRank[t] > 0 || fractionRank[t] > 0
}

func commonNumber(a, b schema.Type) schema.Type {
	switch {
	case fractionRank[a] > 0 && fractionRank[b] > 0, fractionRank[a]+fractionRank[b] > 0:
		return schema.Double
	case integerRank[a] > 0 && integerRank[b] > 0:
		if integerRank[a] > integerRank[b] {
			return a
		}
		return b
	}
	return commonDecimal(asDecimal(a), asDecimal(b))
}

func asDecimal(t schema.Type) schema.Decimal {
	if d, ok := t.(schema.Decimal); ok {
		return d
	}
	return schema.Decimal{Precision: integerPrecision[t]}
}

// commonDecimal keeps all digits before and after the point. When they are
// too many, those after the point give way.
func commonDecimal(a, b schema.Decimal) schema.Decimal {
	scale := max(a.Scale, b.Scale)
	whole := max(a.Precision-a.Scale, b.Precision-b.Scale)
	if whole+scale > schema.MaxDecimalPrecision {
		scale = max(schema.MaxDecimalPrecision-whole, 0)
	}
	return schema.Decimal{Precision: min(whole+scale, schema.MaxDecimalPrecision), Scale: scale}
}

// widerPrimitives are the simple steps of semantics §3.7.
var widerPrimitives = map[schema.Type][]schema.Type{
	schema.Byte:    {schema.Short, schema.Integer, schema.Long, schema.Double},
	schema.Short:   {schema.Integer, schema.Long, schema.Double},
	schema.Integer: {schema.Long, schema.Double},
	schema.Float:   {schema.Double},
}

// Widen returns what a stored column of type from becomes when values of type
// to arrive, under mode [AddNewColumnsWithTypeWidening] (semantics §3.7). ok is
// false when the table of that section has no such step, and then the values
// are rescued. Dates widen to TIMESTAMP_NTZ in Parquet files only.
func Widen(from, to schema.Type, parquet bool) (t schema.Type, ok bool) {
	if slices.Contains(widerPrimitives[from], to) {
		return to, true
	}
	if from == schema.Date && to == schema.TimestampNTZ {
		return to, parquet
	}
	target, ok := to.(schema.Decimal)
	_, isDecimal := from.(schema.Decimal)
	if !ok || !isDecimal && integerRank[from] == 0 {
		return nil, false
	}
	common := commonDecimal(asDecimal(from), target)
	// No digit may be lost on the way.
	lossless := common.Scale >= target.Scale && common.Precision-common.Scale >= target.Precision-target.Scale
	return common, lossless && common != from
}
