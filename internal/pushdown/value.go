package pushdown

import (
	"math/big"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// Compare returns what it says of a column that it is compared with a value;
// nil is nothing.
func (t *Table) Compare(path []string, op delta.Op, c Constant) delta.Predicate {
	value, ok := operand(t.typeOf(path), c)
	if !ok || c.Value == nil {
		return nil
	}
	return and(append(t.derived(path, op, value), delta.Comparison{Column: path, Op: op, Value: value})...)
}

// ValueAt returns one value of a column; false for a type without constants.
func ValueAt(column arrow.Array, row int) (Constant, bool) {
	typ, err := schema.FromArrowType(column.DataType())
	if err != nil {
		return Constant{}, false
	}
	value, ok := valueAt(column, row)
	return Constant{Type: typ, Value: value}, ok
}

func valueAt(column arrow.Array, row int) (any, bool) {
	if column.IsNull(row) {
		return nil, true
	}
	switch a := column.(type) {
	case *array.Boolean:
		return a.Value(row), true
	case *array.Int8:
		return int64(a.Value(row)), true
	case *array.Int16:
		return int64(a.Value(row)), true
	case *array.Int32:
		return int64(a.Value(row)), true
	case *array.Int64:
		return a.Value(row), true
	case *array.Float32:
		return float64(a.Value(row)), true
	case *array.Float64:
		return a.Value(row), true
	case *array.String:
		return strings.Clone(a.Value(row)), true
	case *array.Binary:
		return append([]byte{}, a.Value(row)...), true
	case *array.Date32:
		return a.Value(row).ToTime(), true
	case *array.Timestamp:
		unit := arrow.Microsecond
		if t, ok := a.DataType().(*arrow.TimestampType); ok {
			unit = t.Unit
		}
		return a.Value(row).ToTime(unit), true
	case *array.Decimal128:
		return new(big.Rat).SetString(a.ValueStr(row))
	}
	return nil, false
}
