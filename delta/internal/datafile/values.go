package datafile

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
)

// sliceRows bounds how many rows of a column are converted at a time, so that
// the scratch space of a worker stays in its cache.
const sliceRows = 1 << 14

// scratch is reused by one worker for every slice it encodes.
type scratch struct {
	levels  levels
	bools   []bool
	int32s  []int32
	int64s  []int64
	floats  []float32
	doubles []float64
	bytes   []parquet.ByteArray
	fixed   []parquet.FixedLenByteArray
	buffer  []byte
}

// writeSlice encodes one slice of a column.
func (s *scratch) writeSlice(cw file.ColumnChunkWriter, l *leaf, arr arrow.Array) error {
	var err error
	if l.flat() {
		err = s.levels.flat(l, arr)
	} else {
		err = s.levels.nested(l, arr)
	}
	if err != nil {
		return err
	}
	return s.writeValues(cw)
}

// writeValues hands the values that s.levels describes to the chunk writer,
// from Arrow's buffers where the layouts agree.
func (s *scratch) writeValues(cw file.ColumnChunkWriter) error {
	v := &s.levels
	var err error
	switch cw := cw.(type) {
	case *file.BooleanColumnChunkWriter:
		var values []bool
		if values, err = s.booleans(v); err == nil {
			_, err = cw.WriteBatch(values, v.def, v.rep)
		}
	case *file.Int32ColumnChunkWriter:
		var values []int32
		if values, err = s.integers(v); err == nil {
			_, err = cw.WriteBatch(values, v.def, v.rep)
		}
	case *file.Int64ColumnChunkWriter:
		var values []int64
		if values, err = s.longs(v); err == nil {
			_, err = cw.WriteBatch(values, v.def, v.rep)
		}
	case *file.Float32ColumnChunkWriter:
		arr, ok := v.values.(*array.Float32)
		if !ok {
			return v.unstorable("FLOAT")
		}
		_, err = cw.WriteBatch(pick(&s.floats, arr.Float32Values(), v), v.def, v.rep)
	case *file.Float64ColumnChunkWriter:
		arr, ok := v.values.(*array.Float64)
		if !ok {
			return v.unstorable("DOUBLE")
		}
		_, err = cw.WriteBatch(pick(&s.doubles, arr.Float64Values(), v), v.def, v.rep)
	case *file.ByteArrayColumnChunkWriter:
		err = s.writeBytes(cw)
	case *file.FixedLenByteArrayColumnChunkWriter:
		var values []parquet.FixedLenByteArray
		if values, err = s.decimals(v, cw.Descr().TypeLength()); err == nil {
			_, err = cw.WriteBatch(values, v.def, v.rep)
		}
	default:
		err = fmt.Errorf("no encoding for physical type %s", cw.Type())
	}
	return err
}

// pick returns the values to store: all of them as they are, or the present
// ones gathered in buf.
func pick[T any](buf *[]T, all []T, v *levels) []T {
	if v.all {
		return all
	}
	out := (*buf)[:0]
	for _, i := range v.present {
		out = append(out, all[i])
	}
	*buf = out
	return out
}

// convert is [pick] for values that change type.
func convert[T, U any](buf *[]U, all []T, v *levels, to func(T) U) []U {
	out := (*buf)[:0]
	if v.all {
		for _, x := range all {
			out = append(out, to(x))
		}
	} else {
		for _, i := range v.present {
			out = append(out, to(all[i]))
		}
	}
	*buf = out
	return out
}

// unstorable is the error of values that have no form in a physical type.
func (v *levels) unstorable(as string) error {
	return fmt.Errorf("arrow %s cannot be stored as %s", v.values.DataType(), as)
}

func (s *scratch) booleans(v *levels) ([]bool, error) {
	arr, ok := v.values.(*array.Boolean)
	if !ok {
		return nil, v.unstorable("BOOLEAN")
	}
	out := s.bools[:0]
	if v.all {
		for i := range arr.Len() {
			out = append(out, arr.Value(i))
		}
	} else {
		for _, i := range v.present {
			out = append(out, arr.Value(int(i)))
		}
	}
	s.bools = out
	return out, nil
}

func (s *scratch) integers(v *levels) ([]int32, error) {
	switch arr := v.values.(type) {
	case *array.Int32:
		return pick(&s.int32s, arr.Int32Values(), v), nil
	case *array.Date32:
		return pick(&s.int32s, asInt32(arr.Date32Values()), v), nil
	case *array.Int16:
		return convert(&s.int32s, arr.Int16Values(), v, func(x int16) int32 { return int32(x) }), nil
	case *array.Int8:
		return convert(&s.int32s, arr.Int8Values(), v, func(x int8) int32 { return int32(x) }), nil
	case *array.Decimal128:
		return convert(&s.int32s, arr.Values(), v, func(x decimal128.Num) int32 { return int32(x.LowBits()) }), nil
	}
	return nil, v.unstorable("INT32")
}

func asInt32(dates []arrow.Date32) []int32 {
	return arrow.Int32Traits.CastFromBytes(arrow.Date32Traits.CastToBytes(dates))
}

func (s *scratch) longs(v *levels) ([]int64, error) {
	switch arr := v.values.(type) {
	case *array.Int64:
		return pick(&s.int64s, arr.Int64Values(), v), nil
	case *array.Timestamp:
		micros := arrow.Int64Traits.CastFromBytes(arrow.TimestampTraits.CastToBytes(arr.TimestampValues()))
		return pick(&s.int64s, micros, v), nil
	case *array.Decimal128:
		return convert(&s.int64s, arr.Values(), v, func(x decimal128.Num) int64 { return int64(x.LowBits()) }), nil
	}
	return nil, v.unstorable("INT64")
}

// decimals returns big-endian two's complement values of length bytes.
func (s *scratch) decimals(v *levels, length int) ([]parquet.FixedLenByteArray, error) {
	arr, ok := v.values.(*array.Decimal128)
	if !ok {
		return nil, v.unstorable("a decimal")
	}
	n := len(v.present)
	if v.all {
		n = arr.Len()
	}
	if cap(s.buffer) < n*length {
		s.buffer = make([]byte, n*length)
	}
	buffer := s.buffer[:n*length]
	s.fixed = convert(&s.fixed, arr.Values(), v, func(x decimal128.Num) parquet.FixedLenByteArray {
		value := buffer[:length:length]
		buffer = buffer[length:]
		high, low := x.HighBits(), x.LowBits()
		for i := length - 1; i >= 0; i-- {
			value[i] = byte(low)
			low = low>>8 | uint64(high)<<56
			high >>= 8
		}
		return value
	})
	return s.fixed, nil
}

// byteColumn is what string and binary arrays have in common.
type byteColumn interface {
	arrow.Array
	ValueOffsets() []int32
	ValueBytes() []byte
}

func (s *scratch) writeBytes(cw *file.ByteArrayColumnChunkWriter) error {
	v := &s.levels
	var err error
	switch arr := v.values.(type) {
	case *array.Dictionary:
		if err = s.lookUp(v, arr); err == nil {
			_, err = cw.WriteBatch(s.bytes, v.def, v.rep)
		}
	case byteColumn:
		if v.all && arr.Len() > 0 && cw.SupportsArrowOffsets() {
			_, err = cw.WriteBatchArrow(valueBuffer(arr), arr.ValueOffsets(), v.def, v.rep)
			return err
		}
		s.bytes = byteArrays(s.bytes[:0], arr)
		if !v.all {
			kept := s.bytes[:0]
			for _, i := range v.present { // ascending, so nothing is overwritten too early
				kept = append(kept, s.bytes[i])
			}
			s.bytes = kept
		}
		_, err = cw.WriteBatch(s.bytes, v.def, v.rep)
	default:
		err = v.unstorable("bytes")
	}
	return err
}

// lookUp sets s.bytes to the stored values of a dictionary array.
func (s *scratch) lookUp(v *levels, arr *array.Dictionary) error {
	s.bytes = s.bytes[:0]
	entries, ok := arr.Dictionary().(byteColumn)
	if !ok {
		return fmt.Errorf("arrow %s cannot be stored as bytes", arr.DataType())
	}
	if entries.Len() == 0 {
		return nil
	}
	offsets, bytes := entries.ValueOffsets(), valueBuffer(entries)
	codes := indices(&s.int32s, arr)
	if v.all {
		for _, c := range codes {
			s.bytes = append(s.bytes, bytes[offsets[c]:offsets[c+1]:offsets[c+1]])
		}
		return nil
	}
	for _, i := range v.present {
		c := codes[i]
		s.bytes = append(s.bytes, bytes[offsets[c]:offsets[c+1]:offsets[c+1]])
	}
	return nil
}

// valueBuffer returns the bytes that arr's offsets count in.
func valueBuffer(arr byteColumn) []byte {
	if buf := arr.Data().Buffers()[2]; buf != nil {
		return buf.Bytes()
	}
	return nil
}

// byteArrays appends every value of arr to dst, nulls as empty.
func byteArrays(dst []parquet.ByteArray, arr byteColumn) []parquet.ByteArray {
	if arr.Len() == 0 {
		return dst
	}
	offsets := arr.ValueOffsets()
	bytes := valueBuffer(arr)
	for i := range arr.Len() {
		dst = append(dst, bytes[offsets[i]:offsets[i+1]:offsets[i+1]])
	}
	return dst
}

// indices returns the dictionary indices of arr; those of nulls are 0. It
// uses buf when the indices are not int32 already.
func indices(buf *[]int32, arr *array.Dictionary) []int32 {
	switch ix := arr.Indices().(type) {
	case *array.Int32:
		if arr.NullN() == 0 {
			return ix.Int32Values()
		}
	case *array.Uint32:
		if arr.NullN() == 0 {
			return arrow.Int32Traits.CastFromBytes(arrow.Uint32Traits.CastToBytes(ix.Uint32Values()))
		}
	}
	out := (*buf)[:0]
	for i := range arr.Len() {
		if arr.IsNull(i) {
			out = append(out, 0)
			continue
		}
		out = append(out, int32(arr.GetValueIndex(i)))
	}
	*buf = out
	return out
}
