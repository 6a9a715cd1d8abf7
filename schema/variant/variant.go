// Package variant reads and writes the binary encoding of VARIANT values
// (Parquet: Variant Binary Encoding, version 1), with the meaning that Spark's
// functions of variants give them: parse_json, to_json, variant_get,
// schema_of_variant and casts.
//
// A [Value] is a view of encoded bytes, which may come from anybody: they are
// checked as they are read, and what is wrong with them is an error that wraps
// [ErrMalformed]. Values are immutable and safe for concurrent use; a
// [Builder] is not.
//
// Differences to arrow-go's parquet/variant, and why this package is not that
// one, are in docs/decisions.
package variant

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// ErrMalformed is what bytes that are no variant fail with.
var ErrMalformed = errors.New("malformed variant")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}

// Value is one variant: its dictionary of field names, and its value. Bytes
// after the value are no part of it.
type Value struct {
	Metadata, Data []byte
}

// Kind is what a value is.
type Kind uint8

// Kinds, and the methods that return their values.
const (
	Null         Kind = iota
	Boolean           // Bool
	Integer           // Int: of 8, 16, 32 or 64 bits
	Decimal           // Decimal
	Double            // Double
	Float             // Double
	String            // Bytes
	Binary            // Bytes
	Date              // Int: days since 1970-01-01
	Timestamp         // Int: microseconds since 1970-01-01 00:00:00 UTC
	TimestampNTZ      // Int: the same of a clock without a zone
	UUID              // Bytes: 16 of them
	Object            // Container
	Array             // Container
)

// Basic types: the two low bits of a value's header.
const (
	basicPrimitive = iota
	basicShortString
	basicObject
	basicArray
)

// Primitive types: the other bits of the header of a primitive.
const (
	primNull = iota
	primTrue
	primFalse
	primInt8
	primInt16
	primInt32
	primInt64
	primDouble
	primDecimal4
	primDecimal8
	primDecimal16
	primDate
	primTimestamp
	primTimestampNTZ
	primFloat
	primBinary
	primString
	_ // time of day, timestamps in nanoseconds: Spark has no type for them
	_
	_
	primUUID
)

// primitives holds the kind of each primitive type and its bytes after the
// header; lengthPrefixed for those that tell.
var primitives = [...]struct {
	kind Kind
	size int
}{
	primNull: {Null, 0}, primTrue: {Boolean, 0}, primFalse: {Boolean, 0},
	primInt8: {Integer, 1}, primInt16: {Integer, 2}, primInt32: {Integer, 4}, primInt64: {Integer, 8},
	primDouble: {Double, 8}, primFloat: {Float, 4},
	primDecimal4: {Decimal, 5}, primDecimal8: {Decimal, 9}, primDecimal16: {Decimal, 17},
	primDate: {Date, 4}, primTimestamp: {Timestamp, 8}, primTimestampNTZ: {TimestampNTZ, 8},
	primBinary: {Binary, lengthPrefixed}, primString: {String, lengthPrefixed}, primUUID: {UUID, 16},
}

const lengthPrefixed = -1

// header splits the first byte of a value.
func (v Value) header() (basic, info int, err error) {
	if len(v.Data) == 0 {
		return 0, 0, malformed("no bytes")
	}
	return int(v.Data[0] & 3), int(v.Data[0] >> 2), nil
}

// Kind returns what v is. It looks at no more than the first byte.
func (v Value) Kind() (Kind, error) {
	basic, info, err := v.header()
	switch {
	case err != nil:
		return Null, err
	case basic == basicShortString:
		return String, nil
	case basic == basicObject:
		return Object, nil
	case basic == basicArray:
		return Array, nil
	case info >= len(primitives) || info > primNull && primitives[info].kind == Null:
		return Null, malformed("primitive type %d", info)
	}
	return primitives[info].kind, nil
}

// payload returns the bytes of a value that is no container, without header
// and length.
func (v Value) payload() ([]byte, error) {
	basic, info, err := v.header()
	if err != nil {
		return nil, err
	}
	body, size := v.Data[1:], info
	if basic == basicPrimitive {
		if _, err := v.Kind(); err != nil {
			return nil, err
		}
		if size = primitives[info].size; size == lengthPrefixed {
			if len(body) < 4 {
				return nil, malformed("%d bytes, too few for a length", len(v.Data))
			}
			size, body = int(binary.LittleEndian.Uint32(body)), body[4:]
		}
	}
	if size > len(body) {
		return nil, malformed("a value of %d bytes in %d", size, len(body))
	}
	return body[:size], nil
}

// Bool returns the value of a Boolean.
func (v Value) Bool() bool { return v.Data[0]>>2 == primTrue }

// Int returns the value of an Integer, Date or Timestamp.
func (v Value) Int() (int64, error) {
	b, err := v.payload()
	if err != nil {
		return 0, err
	}
	switch len(b) {
	case 1:
		return int64(int8(b[0])), nil
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b))), nil
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	case 8:
		return int64(binary.LittleEndian.Uint64(b)), nil
	}
	return 0, malformed("an integer of %d bytes", len(b))
}

// Double returns the value of a Double or Float.
func (v Value) Double() (float64, error) {
	b, err := v.payload()
	switch {
	case err != nil:
		return 0, err
	case len(b) == 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
	case len(b) == 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))), nil
	}
	return 0, malformed("a floating-point number of %d bytes", len(b))
}

// maxScale is the most digits that a Decimal has, before or after its point.
const maxScale = 38

// Decimal returns the value of a Decimal: unscaled / 10^scale.
func (v Value) Decimal() (unscaled decimal128.Num, scale int, err error) {
	b, err := v.payload()
	if err != nil {
		return unscaled, 0, err
	}
	if len(b) == 0 || b[0] > maxScale {
		return unscaled, 0, malformed("a decimal without a scale up to %d", maxScale)
	}
	scale = int(b[0])
	switch b = b[1:]; len(b) {
	case 4:
		unscaled = decimal128.FromI64(int64(int32(binary.LittleEndian.Uint32(b))))
	case 8:
		unscaled = decimal128.FromI64(int64(binary.LittleEndian.Uint64(b)))
	case 16:
		unscaled = decimal128.New(int64(binary.LittleEndian.Uint64(b[8:])), binary.LittleEndian.Uint64(b))
	}
	if !unscaled.FitsInPrecision(maxScale) {
		return unscaled, 0, malformed("a decimal of more than %d digits", maxScale)
	}
	return unscaled, scale, nil
}

// Bytes returns the bytes of a String, Binary or UUID. They are v's own.
func (v Value) Bytes() ([]byte, error) { return v.payload() }

// IsNull reports whether v is the variant null.
func (v Value) IsNull() bool { return len(v.Data) > 0 && v.Data[0] == 0 }
