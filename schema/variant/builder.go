package variant

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// MaxSize is the most bytes of a value or of its metadata (Spark:
// VARIANT_SIZE_LIMIT).
const MaxSize = 128 << 20

// ErrTooLarge is what a value fails with that would be larger than MaxSize.
var ErrTooLarge = errors.New("variant is larger than 128 MiB")

// DuplicateKeyError says that an object has a field twice.
type DuplicateKeyError struct{ Key string }

func (e *DuplicateKeyError) Error() string {
	return fmt.Sprintf("duplicate key %q in a variant object", e.Key)
}

// Builder writes one value after the other. It keeps its memory between
// values. The zero value is ready.
//
// A container is begun by [Builder.Start]; each of its parts is announced by
// [Builder.Key] or [Builder.Element] and then appended; [Builder.End] ends it.
type Builder struct {
	buf   []byte
	ids   map[string]entry
	turn  int // counts values, so that ids need not be emptied between them
	names []string
	open  []frame
	parts []part // of all open containers
	bytes int    // of the names
}

// frame is an open container.
type frame struct {
	start int // in buf
	parts int // its first in Builder.parts
}

// entry is the id of a name in the value of a turn.
type entry struct {
	name     string
	turn, id int
}

// maxKnown bounds the names that a builder remembers from one value to the
// next.
const maxKnown = 1 << 12

// part is a field or an element.
type part struct {
	name   string
	id     int
	offset int // in buf
}

// Reset forgets what has been appended.
func (b *Builder) Reset() {
	b.buf, b.names, b.open, b.parts, b.bytes = b.buf[:0], b.names[:0], b.open[:0], b.parts[:0], 0
	b.turn++
	if len(b.ids) > maxKnown {
		clear(b.ids)
	}
}

// Null appends the variant null.
func (b *Builder) Null() { b.header(primNull) }

// Bool appends a Boolean.
func (b *Builder) Bool(x bool) {
	if x {
		b.header(primTrue)
	} else {
		b.header(primFalse)
	}
}

func (b *Builder) header(primitive byte) { b.buf = append(b.buf, primitive<<2) }

// Int appends an Integer of as few bytes as hold it.
func (b *Builder) Int(x int64) {
	switch {
	case x == int64(int8(x)):
		b.buf = append(b.buf, primInt8<<2, byte(x))
	case x == int64(int16(x)):
		b.header(primInt16)
		b.buf = binary.LittleEndian.AppendUint16(b.buf, uint16(x))
	case x == int64(int32(x)):
		b.header(primInt32)
		b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(x))
	default:
		b.long(primInt64, x)
	}
}

func (b *Builder) long(primitive byte, x int64) {
	b.header(primitive)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, uint64(x))
}

// Double appends a Double.
func (b *Builder) Double(x float64) { b.long(primDouble, int64(math.Float64bits(x))) }

// Float appends a Float.
func (b *Builder) Float(x float32) {
	b.header(primFloat)
	b.buf = binary.LittleEndian.AppendUint32(b.buf, math.Float32bits(x))
}

// Digits that decimals of 4 and 8 bytes hold.
const (
	digits4 = 9
	digits8 = 18
)

// Decimal appends unscaled / 10^scale in as few bytes as hold it; scale is 0
// to 38.
func (b *Builder) Decimal(unscaled decimal128.Num, scale int) {
	switch {
	case scale <= digits4 && unscaled.FitsInPrecision(digits4):
		b.buf = append(b.buf, primDecimal4<<2, byte(scale))
		b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(unscaled.LowBits()))
	case scale <= digits8 && unscaled.FitsInPrecision(digits8):
		b.buf = append(b.buf, primDecimal8<<2, byte(scale))
		b.buf = binary.LittleEndian.AppendUint64(b.buf, unscaled.LowBits())
	default:
		b.buf = append(b.buf, primDecimal16<<2, byte(scale))
		b.buf = binary.LittleEndian.AppendUint64(b.buf, unscaled.LowBits())
		b.buf = binary.LittleEndian.AppendUint64(b.buf, uint64(unscaled.HighBits()))
	}
}

// Date appends a Date, in days since 1970-01-01.
func (b *Builder) Date(days int32) {
	b.header(primDate)
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(days))
}

// Timestamp appends a Timestamp, in microseconds.
func (b *Builder) Timestamp(micros int64) { b.long(primTimestamp, micros) }

// TimestampNTZ appends a TimestampNTZ, in microseconds.
func (b *Builder) TimestampNTZ(micros int64) { b.long(primTimestampNTZ, micros) }

// maxShort is the bytes that a string has whose length is in its header.
const maxShort = 63

// String appends a String, which must be UTF-8.
func (b *Builder) String(s string) { b.text([]byte(s)) }

func (b *Builder) text(s []byte) {
	if len(s) <= maxShort {
		b.buf = append(b.buf, byte(len(s))<<2|basicShortString)
	} else {
		b.header(primString)
		b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(len(s)))
	}
	b.buf = append(b.buf, s...)
}

// Binary appends a Binary.
func (b *Builder) Binary(x []byte) {
	b.header(primBinary)
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(len(x)))
	b.buf = append(b.buf, x...)
}

// Start begins an object or an array.
func (b *Builder) Start() { b.open = append(b.open, frame{len(b.buf), len(b.parts)}) }

// Key announces the next value as a field.
func (b *Builder) Key(name string) { b.key([]byte(name)) }

func (b *Builder) key(name []byte) {
	e, known := b.ids[string(name)]
	if !known || e.turn != b.turn {
		if !known {
			e.name = string(name)
		}
		if b.ids == nil {
			b.ids = map[string]entry{}
		}
		e.turn, e.id = b.turn, len(b.names)
		b.ids[e.name] = e
		b.names = append(b.names, e.name)
		b.bytes += len(name)
	}
	b.parts = append(b.parts, part{e.name, e.id, len(b.buf)})
}

// Element announces the next value as an element.
func (b *Builder) Element() { b.parts = append(b.parts, part{offset: len(b.buf)}) }

// End ends the last container begun: an [Object] or an [Array]. It returns a
// [*DuplicateKeyError] for an object that has a field twice.
func (b *Builder) End(kind Kind) error {
	f := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	parts := b.parts[f.parts:]
	b.parts = b.parts[:f.parts]
	body := len(b.buf) - f.start
	offsetSize, idSize, count, large := width(body), 0, 1, byte(0)
	if len(parts) > math.MaxUint8 {
		count, large = 4, 1
	}
	var header byte
	if kind == Object {
		if err := sortFields(parts); err != nil {
			return err
		}
		idSize = width(maxID(parts))
		header = large<<6 | byte(idSize-1)<<4 | byte(offsetSize-1)<<2 | basicObject
	} else {
		header = large<<4 | byte(offsetSize-1)<<2 | basicArray
	}
	room := 1 + count + len(parts)*idSize + (len(parts)+1)*offsetSize
	if body > MaxSize-room {
		return ErrTooLarge
	}
	b.buf = slices.Grow(b.buf, room)[:len(b.buf)+room]
	copy(b.buf[f.start+room:], b.buf[f.start:f.start+body])
	h := append(b.buf[f.start:f.start], header)
	h = appendUnsigned(h, len(parts), count)
	if kind == Object {
		for _, p := range parts {
			h = appendUnsigned(h, p.id, idSize)
		}
	}
	for _, p := range parts {
		h = appendUnsigned(h, p.offset-f.start, offsetSize)
	}
	appendUnsigned(h, body, offsetSize)
	return nil
}

// sortFields brings fields into the order of their names.
func sortFields(fields []part) error {
	slices.SortFunc(fields, func(a, b part) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(fields); i++ {
		if fields[i].name == fields[i-1].name {
			return &DuplicateKeyError{fields[i].name}
		}
	}
	return nil
}

func maxID(fields []part) int {
	most := 0
	for _, f := range fields {
		most = max(most, f.id)
	}
	return most
}

// width returns the bytes that hold n, 1 to 4.
func width(n int) int {
	switch {
	case n <= math.MaxUint8:
		return 1
	case n <= math.MaxUint16:
		return 2
	case n < 1<<24:
		return 3
	}
	return 4
}

func appendUnsigned(b []byte, n, size int) []byte {
	for i := range size {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// Append appends a value with all that is in it; its names enter the builder's
// dictionary.
func (b *Builder) Append(v Value) error { return b.append(v, v.walk()) }

func (b *Builder) append(v Value, w *walk) error {
	if err := w.enter(); err != nil {
		return err
	}
	defer w.leave()
	kind, err := v.Kind()
	if err != nil {
		return err
	}
	if kind != Object && kind != Array {
		n, err := v.Size()
		if err != nil {
			return err
		}
		b.buf = append(b.buf, v.Data[:n]...)
		return nil
	}
	c, err := v.Container()
	if err != nil {
		return err
	}
	b.Start()
	if err := b.appendParts(c, kind, w); err != nil {
		return err
	}
	return b.End(kind)
}

// Fields appends the fields of an object to the open one.
func (b *Builder) Fields(object Value) error {
	kind, err := object.Kind()
	if err != nil {
		return err
	}
	if kind != Object {
		return malformed("fields of what is no object")
	}
	c, err := object.Container()
	if err != nil {
		return err
	}
	return b.appendParts(c, Object, object.walk())
}

// appendParts appends the fields or elements of c to the open container.
func (b *Builder) appendParts(c Container, kind Kind, w *walk) error {
	for i := range c.Len() {
		if kind == Object {
			name, err := c.Name(i)
			if err != nil {
				return err
			}
			b.key(name)
		} else {
			b.Element()
		}
		p, err := c.At(i)
		if err != nil {
			return err
		}
		if err := b.append(p, w); err != nil {
			return err
		}
	}
	return nil
}

// Finish returns the value appended, in memory of its own, and resets the
// builder.
func (b *Builder) Finish() (Value, error) {
	defer b.Reset()
	size := width(max(b.bytes, len(b.names)))
	total := 1 + size*(len(b.names)+2) + b.bytes
	if len(b.buf) > MaxSize || total > MaxSize {
		return Value{}, ErrTooLarge
	}
	m := append(make([]byte, 0, total+len(b.buf)), byte(size-1)<<6|metadataVersion)
	m = appendUnsigned(m, len(b.names), size)
	at := 0
	for _, name := range b.names {
		m = appendUnsigned(m, at, size)
		at += len(name)
	}
	m = appendUnsigned(m, at, size)
	for _, name := range b.names {
		m = append(m, name...)
	}
	all := append(m, b.buf...)
	return Value{Metadata: all[:len(m):len(m)], Data: all[len(m):]}, nil
}
