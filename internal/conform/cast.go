package conform

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/schema"
)

// builder is an array builder of plain values.
type builder[T any] interface {
	array.Builder
	Append(v T)
}

// build makes an array of what value returns for each row of a that is not
// null. It takes over b.
func build[T any](a arrow.Array, b builder[T], value func(i int) (T, error)) (arrow.Array, error) {
	defer b.Release()
	b.Reserve(a.Len())
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		v, err := value(i)
		if err != nil {
			return nil, err
		}
		b.Append(v)
	}
	return b.NewArray(), nil
}

// simple plans the cast between two types that are not nested.
func (p *planner) simple(source, to schema.Type, path string) (cast, error) {
	fail := func(a arrow.Array, i int) error {
		return &OverflowError{Column: path, Value: a.ValueStr(i), From: source, To: to}
	}
	if d, ok := to.(schema.Decimal); ok {
		return func(a arrow.Array) (arrow.Array, error) { return p.toDecimal(a, d, fail) }, nil
	}
	switch to {
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		return func(a arrow.Array) (arrow.Array, error) { return p.toInteger(a, to, fail) }, nil
	case schema.Float, schema.Double:
		return func(a arrow.Array) (arrow.Array, error) { return p.toFloat(a, to) }, nil
	case schema.String, schema.Binary:
		return func(a arrow.Array) (arrow.Array, error) { return p.toText(a, to) }, nil
	case schema.Date:
		return func(a arrow.Array) (arrow.Array, error) { return p.toDate(a) }, nil
	case schema.Timestamp, schema.TimestampNTZ:
		return func(a arrow.Array) (arrow.Array, error) { return p.toTimestamp(a, to, fail) }, nil
	}
	return nil, &IncompatibleError{Column: path, From: source, To: to}
}

// failure makes the error of row i of a.
type failure func(a arrow.Array, i int) error

// integers returns the values of an integer array, nil for another.
func integers(a arrow.Array) func(i int) int64 {
	switch a := a.(type) {
	case *array.Int8:
		return func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int16:
		return func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int32:
		return func(i int) int64 { return int64(a.Value(i)) }
	case *array.Int64:
		return a.Value
	case *array.Uint8:
		return func(i int) int64 { return int64(a.Value(i)) }
	case *array.Uint16:
		return func(i int) int64 { return int64(a.Value(i)) }
	case *array.Uint32:
		return func(i int) int64 { return int64(a.Value(i)) }
	}
	return nil
}

// floats returns the values of a floating-point array, nil for another.
func floats(a arrow.Array) func(i int) float64 {
	switch a := a.(type) {
	case *array.Float16:
		return func(i int) float64 { return float64(a.Value(i).Float32()) }
	case *array.Float32:
		return func(i int) float64 { return float64(a.Value(i)) }
	case *array.Float64:
		return a.Value
	}
	return nil
}

// decimals returns the values and scale of a decimal array or of one of
// 64-bit unsigned integers, nil for another.
func decimals(a arrow.Array) (value func(i int) decimal128.Num, scale int32) {
	if d, ok := a.DataType().(arrow.DecimalType); ok {
		scale = d.GetScale()
	}
	switch a := a.(type) {
	case *array.Decimal32:
		return func(i int) decimal128.Num { return decimal128.FromI64(int64(a.Value(i))) }, scale
	case *array.Decimal64:
		return func(i int) decimal128.Num { return decimal128.FromI64(int64(a.Value(i))) }, scale
	case *array.Decimal128:
		return a.Value, scale
	case *array.Decimal256:
		return func(i int) decimal128.Num { return lower128(a.Value(i)) }, scale
	case *array.Uint64:
		return func(i int) decimal128.Num { return decimal128.FromU64(a.Value(i)) }, 0
	}
	return nil, 0
}

// whole returns the values of a numeric array without their fractions; ok is
// false for those beyond 64 bits.
func whole(a arrow.Array) func(i int) (v int64, ok bool) {
	if value := integers(a); value != nil {
		return func(i int) (int64, bool) { return value(i), true }
	}
	if value := floats(a); value != nil {
		return func(i int) (int64, bool) {
			f := math.Trunc(value(i))
			return int64(f), f >= math.MinInt64 && f < math.MaxInt64
		}
	}
	if value, scale := decimals(a); value != nil {
		return func(i int) (int64, bool) {
			n := value(i).ReduceScaleBy(scale, false)
			return int64(n.LowBits()), n == decimal128.FromI64(int64(n.LowBits()))
		}
	}
	return func(int) (int64, bool) { return 0, false }
}

func (p *planner) toInteger(a arrow.Array, to schema.Type, fail failure) (arrow.Array, error) {
	mem := p.opts.Allocator
	switch to {
	case schema.Byte:
		return narrow(a, array.NewInt8Builder(mem), fail)
	case schema.Short:
		return narrow(a, array.NewInt16Builder(mem), fail)
	case schema.Integer:
		return narrow(a, array.NewInt32Builder(mem), fail)
	}
	return narrow(a, array.NewInt64Builder(mem), fail)
}

func narrow[T int8 | int16 | int32 | int64](a arrow.Array, b builder[T], fail failure) (arrow.Array, error) {
	value := whole(a)
	return build(a, b, func(i int) (T, error) {
		v, ok := value(i)
		if out := T(v); ok && int64(out) == v {
			return out, nil
		}
		return 0, fail(a, i)
	})
}

func (p *planner) toFloat(a arrow.Array, to schema.Type) (arrow.Array, error) {
	value := floats(a)
	if whole := integers(a); whole != nil {
		value = func(i int) float64 { return float64(whole(i)) }
	} else if exact, scale := decimals(a); exact != nil {
		value = func(i int) float64 { return decimalToFloat(exact(i), scale) }
	}
	if to == schema.Float {
		return build(a, array.NewFloat32Builder(p.opts.Allocator), func(i int) (float32, error) { return float32(value(i)), nil })
	}
	return build(a, array.NewFloat64Builder(p.opts.Allocator), func(i int) (float64, error) { return value(i), nil })
}

func (p *planner) toDecimal(a arrow.Array, to schema.Decimal, fail failure) (arrow.Array, error) {
	convert := func(int) (decimal128.Num, bool) { return decimal128.Num{}, false }
	if value := integers(a); value != nil {
		convert = func(i int) (decimal128.Num, bool) { return rescale(decimal128.FromI64(value(i)), 0, to) }
	} else if value := floats(a); value != nil {
		convert = func(i int) (decimal128.Num, bool) { return floatToDecimal(value(i), to) }
	} else if value, scale := decimals(a); value != nil {
		convert = func(i int) (decimal128.Num, bool) { return rescale(value(i), scale, to) }
	}
	typ := &arrow.Decimal128Type{Precision: int32(to.Precision), Scale: int32(to.Scale)}
	return build(a, array.NewDecimal128Builder(p.opts.Allocator, typ), func(i int) (decimal128.Num, error) {
		if n, ok := convert(i); ok {
			return n, nil
		}
		return decimal128.Num{}, fail(a, i)
	})
}
