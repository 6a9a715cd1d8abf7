package datafile

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/freshet/freshet/schema"
)

// converter lays the values of a window out as an Arrow array: the store's
// first values go, in order, to the slots that are not null.
type converter func(s store, v validity) (arrow.ArrayData, error)

// converterOf returns how a Parquet column is read as t, nil when it cannot
// be: the type itself in any encoding that Delta writers have used, and the
// narrower types that "protocol: Type Widening" allows to become t.
func converterOf(t schema.Type, n *pqschema.PrimitiveNode) converter {
	physical := n.PhysicalType()
	if d, ok := t.(schema.Decimal); ok {
		return decimalConverter(d, n)
	}
	switch t {
	case schema.Boolean:
		if physical == parquet.Types.Boolean {
			return booleans
		}
	case schema.Byte:
		return narrow[int8](t, n, 8)
	case schema.Short:
		return narrow[int16](t, n, 16)
	case schema.Integer:
		return narrow[int32](t, n, 32)
	case schema.Long:
		return longConverter(t, n)
	case schema.Float:
		if physical == parquet.Types.Float {
			return plain[float32](t)
		}
	case schema.Double:
		return doubleConverter(t, n)
	case schema.String, schema.Binary:
		if physical == parquet.Types.ByteArray || physical == parquet.Types.FixedLenByteArray {
			return byteStrings(t)
		}
	case schema.Date:
		if physical == parquet.Types.Int32 {
			return plain[int32](t)
		}
	case schema.Timestamp, schema.TimestampNTZ:
		return timestampConverter(t, n)
	}
	return nil
}

// newArray makes the data of an array of fixed-width values.
func newArray[T arrow.FixedWidthType](t schema.Type, v validity, values []T) arrow.ArrayData {
	buffers := []*memory.Buffer{v.buffer(), memory.NewBufferBytes(arrow.GetBytes(values))}
	return array.NewData(schema.ArrowType(t), v.slots, buffers, nil, v.nulls, 0)
}

// spread puts dense values where v has slots for them, changed by to.
func spread[F, T any](dense []F, v validity, to func(F) T) []T {
	out := make([]T, v.slots)
	if v.nulls == 0 {
		for i, x := range dense[:v.slots] {
			out[i] = to(x)
		}
		return out
	}
	next := 0
	for i := range out {
		if v.valid(i) {
			out[i] = to(dense[next])
			next++
		}
	}
	return out
}

// plain converts values that Arrow holds as Parquet does.
func plain[T arrow.FixedWidthType](t schema.Type) converter {
	return func(s store, v validity) (arrow.ArrayData, error) {
		dense, err := valuesOf[T](s)
		if err != nil {
			return nil, err
		}
		if v.nulls == 0 {
			return newArray(t, v, slices.Clone(dense[:v.slots])), nil
		}
		return newArray(t, v, spread(dense, v, func(x T) T { return x })), nil
	}
}

// converting converts values one by one.
func converting[F any, T arrow.FixedWidthType](t schema.Type, to func(F) T) converter {
	return func(s store, v validity) (arrow.ArrayData, error) {
		dense, err := valuesOf[F](s)
		if err != nil {
			return nil, err
		}
		return newArray(t, v, spread(dense, v, to)), nil
	}
}

func booleans(s store, v validity) (arrow.ArrayData, error) {
	dense, err := valuesOf[bool](s)
	if err != nil {
		return nil, err
	}
	bits := validityBuilder{} // a bitmap is a bitmap
	next := 0
	for i := range v.slots {
		set := false
		if v.valid(i) {
			set = dense[next]
			next++
		}
		bits.append(set)
	}
	buffers := []*memory.Buffer{v.buffer(), memory.NewBufferBytes(bits.bits)}
	return array.NewData(arrow.FixedWidthTypes.Boolean, v.slots, buffers, nil, v.nulls, 0), nil
}

// annotation returns the integer annotation of a column: its bits, 0 when
// there is none, and whether it is signed; ok is false when the column is
// annotated as something else than an integer.
func annotation(n *pqschema.PrimitiveNode) (bits int, signed, ok bool) {
	switch l := n.LogicalType().(type) {
	case *pqschema.IntLogicalType:
		return int(l.BitWidth()), l.IsSigned(), true
	case pqschema.IntLogicalType:
		return int(l.BitWidth()), l.IsSigned(), true
	case nil, pqschema.NoLogicalType, *pqschema.NoLogicalType:
		return 0, true, true
	}
	return 0, true, false
}

// narrow reads INT32 as an integer of some bits and refuses values beyond.
func narrow[T int8 | int16 | int32](t schema.Type, n *pqschema.PrimitiveNode, bits int) converter {
	stored, _, ok := annotation(n)
	if n.PhysicalType() != parquet.Types.Int32 || !ok || stored > bits {
		return nil
	}
	if bits == 32 {
		return plain[int32](t)
	}
	return func(s store, v validity) (arrow.ArrayData, error) {
		dense, err := valuesOf[int32](s)
		if err != nil {
			return nil, err
		}
		for _, x := range dense[:v.slots-v.nulls] {
			if int32(T(x)) != x {
				return nil, fmt.Errorf("%d is out of range for %s", x, t)
			}
		}
		return newArray(t, v, spread(dense, v, func(x int32) T { return T(x) })), nil
	}
}

func longConverter(t schema.Type, n *pqschema.PrimitiveNode) converter {
	bits, signed, ok := annotation(n)
	switch {
	case !ok:
		return nil
	case n.PhysicalType() == parquet.Types.Int64:
		return plain[int64](t)
	case n.PhysicalType() == parquet.Types.Int32 && !signed && bits == 32:
		return converting(t, func(x int32) int64 { return int64(uint32(x)) })
	case n.PhysicalType() == parquet.Types.Int32:
		return converting(t, func(x int32) int64 { return int64(x) })
	}
	return nil
}

func doubleConverter(t schema.Type, n *pqschema.PrimitiveNode) converter {
	switch n.PhysicalType() {
	case parquet.Types.Double:
		return plain[float64](t)
	case parquet.Types.Float:
		return converting(t, func(x float32) float64 { return float64(x) })
	case parquet.Types.Int32:
		if _, _, ok := annotation(n); ok {
			return converting(t, func(x int32) float64 { return float64(x) })
		}
	}
	return nil
}

func byteStrings(t schema.Type) converter {
	return func(s store, v validity) (arrow.ArrayData, error) {
		dense, err := stringsOf(s)
		if err != nil {
			return nil, err
		}
		n := v.slots - v.nulls
		offsets := make([]int32, v.slots+1)
		if v.nulls == 0 && n > 0 {
			copy(offsets, dense.offsets)
		} else {
			next := 0
			for i := range v.slots {
				if v.valid(i) {
					next++
				}
				if next > 0 {
					offsets[i+1] = dense.offsets[next]
				}
			}
		}
		data := slices.Clone(dense.data[:offsets[v.slots]])
		buffers := []*memory.Buffer{
			v.buffer(), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(data),
		}
		return array.NewData(schema.ArrowType(t), v.slots, buffers, nil, v.nulls, 0), nil
	}
}

const (
	microsPerDay  = 24 * 60 * 60 * 1_000_000
	julianOfEpoch = 2_440_588 // Julian day number of 1970-01-01
)

func timestampConverter(t schema.Type, n *pqschema.PrimitiveNode) converter {
	switch n.PhysicalType() {
	case parquet.Types.Int96:
		return converting(t, int96Micros)
	case parquet.Types.Int32: // DATE, widened to TIMESTAMP_NTZ
		if _, ok := n.LogicalType().(pqschema.DateLogicalType); ok && t == schema.TimestampNTZ {
			return converting(t, func(days int32) int64 { return int64(days) * microsPerDay })
		}
	case parquet.Types.Int64:
		switch timeUnit(n) {
		case pqschema.TimeUnitMicros:
			return plain[int64](t)
		case pqschema.TimeUnitNanos:
			return converting(t, func(x int64) int64 { return floorDiv(x, 1000) })
		case pqschema.TimeUnitMillis:
			return millis(t)
		case pqschema.TimeUnitUnknown: // no timestamp
		}
	}
	return nil
}

// timeUnit returns the unit of a column; one without annotation holds
// microseconds.
func timeUnit(n *pqschema.PrimitiveNode) pqschema.TimeUnitType {
	switch l := n.LogicalType().(type) {
	case *pqschema.TimestampLogicalType:
		return l.TimeUnit()
	case pqschema.TimestampLogicalType:
		return l.TimeUnit()
	case nil, pqschema.NoLogicalType, *pqschema.NoLogicalType:
		return pqschema.TimeUnitMicros
	}
	return pqschema.TimeUnitUnknown
}

func millis(t schema.Type) converter {
	return func(s store, v validity) (arrow.ArrayData, error) {
		dense, err := valuesOf[int64](s)
		if err != nil {
			return nil, err
		}
		for _, x := range dense[:v.slots-v.nulls] {
			if x > math.MaxInt64/1000 || x < math.MinInt64/1000 {
				return nil, fmt.Errorf("%d milliseconds are out of range for %s", x, t)
			}
		}
		return newArray(t, v, spread(dense, v, func(x int64) int64 { return x * 1000 })), nil
	}
}

// int96Micros converts the nanoseconds of a day and the Julian day that old
// Spark and Hive wrote. All years from 1 to 9999 fit.
func int96Micros(x parquet.Int96) int64 {
	b := [12]byte(x)
	nanos := int64(le64(b[:8]))
	day := int64(int32(le32(b[8:])))
	return (day-julianOfEpoch)*microsPerDay + floorDiv(nanos, 1000)
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func le64(b []byte) uint64 { return uint64(le32(b)) | uint64(le32(b[4:]))<<32 }

func floorDiv(x, d int64) int64 {
	q := x / d
	if x%d < 0 {
		q--
	}
	return q
}

// decimalConverter reads decimals of every storage, and integers as decimals
// of scale 0.
func decimalConverter(t schema.Decimal, n *pqschema.PrimitiveNode) converter {
	scale := 0
	switch l := n.LogicalType().(type) {
	case *pqschema.DecimalLogicalType:
		scale = int(l.Scale())
	case pqschema.DecimalLogicalType:
		scale = int(l.Scale())
	default:
		if _, _, ok := annotation(n); !ok || n.PhysicalType() == parquet.Types.FixedLenByteArray {
			return nil
		}
	}
	up := t.Scale - scale
	if up < 0 || up > schema.MaxDecimalPrecision {
		return nil
	}
	r := rescaler{to: t, factor: decimal128.GetScaleMultiplier(up), up: up}
	switch n.PhysicalType() {
	case parquet.Types.Int32:
		return decimals(r, func(x int32) decimal128.Num { return decimal128.FromI64(int64(x)) })
	case parquet.Types.Int64:
		return decimals(r, decimal128.FromI64)
	case parquet.Types.FixedLenByteArray, parquet.Types.ByteArray:
		return r.bytes
	}
	return nil
}

// rescaler brings decimals to the scale of the table's type.
type rescaler struct {
	to     schema.Decimal
	factor decimal128.Num
	up     int // digits by which the scale grows
}

func (r rescaler) apply(x decimal128.Num) (decimal128.Num, error) {
	if r.up > 0 {
		wide := new(big.Int).Mul(x.BigInt(), r.factor.BigInt())
		if wide.BitLen() > 127 {
			return x, fmt.Errorf("decimal out of range for %s", r.to)
		}
		x = decimal128.FromBigInt(wide)
	}
	if !x.FitsInPrecision(int32(r.to.Precision)) {
		return x, fmt.Errorf("decimal %s out of range for %s", x.ToString(int32(r.to.Scale)), r.to)
	}
	return x, nil
}

func decimals[F any](r rescaler, from func(F) decimal128.Num) converter {
	return func(s store, v validity) (arrow.ArrayData, error) {
		dense, err := valuesOf[F](s)
		if err != nil {
			return nil, err
		}
		values := make([]decimal128.Num, v.slots-v.nulls)
		for i := range values {
			if values[i], err = r.apply(from(dense[i])); err != nil {
				return nil, err
			}
		}
		return newArray(r.to, v, spread(values, v, func(x decimal128.Num) decimal128.Num { return x })), nil
	}
}

func (r rescaler) bytes(s store, v validity) (arrow.ArrayData, error) {
	dense, err := stringsOf(s)
	if err != nil {
		return nil, err
	}
	values := make([]decimal128.Num, v.slots-v.nulls)
	for i := range values {
		x, err := bigEndian(dense.value(i))
		if err != nil {
			return nil, err
		}
		if values[i], err = r.apply(x); err != nil {
			return nil, err
		}
	}
	return newArray(r.to, v, spread(values, v, func(x decimal128.Num) decimal128.Num { return x })), nil
}

// bigEndian reads a two's complement number of up to 16 bytes; longer ones
// must only repeat the sign in front.
func bigEndian(b []byte) (decimal128.Num, error) {
	const width = 16
	sign := byte(0)
	if len(b) > 0 && b[0]&0x80 != 0 {
		sign = 0xFF
	}
	for len(b) > width {
		if b[0] != sign || (b[1]^sign)&0x80 != 0 {
			return decimal128.Num{}, fmt.Errorf("decimal of %d bytes is out of range", len(b))
		}
		b = b[1:]
	}
	high, low := int64(int8(sign)), uint64(int64(int8(sign)))
	for _, x := range b {
		high = high<<8 | int64(low>>56)
		low = low<<8 | uint64(x)
	}
	return decimal128.New(high, low), nil
}
