package json

import (
	"encoding/base64"
	"math"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/format/value"
)

// outcome is how reading a value went.
type outcome uint8

const (
	fits      outcome = iota
	misfits           // well-formed, but not of the type; nothing was appended
	partly            // an object some of whose members did not fit; appended
	malformed         // not JSON; reading cannot go on
)

// reader reads the values of a record into columns.
type reader struct {
	scanner
	set     *settings
	zone    *value.Zone
	observe observer // of unknown fields
	rescue  rescue
	misfit  string // name of the first column that did not take its value
	unknown bool   // the record has fields that the schema lacks
	coerced bool   // it has a value that fits, but that inference types otherwise
	verdict verdict
	judge   scanner
	scratch []byte
}

// verdict says whether the record is well-formed, once that mattered.
type verdict uint8

const (
	unjudged verdict = iota
	sound
	unsound
)

// isSound reports whether all of the record is well-formed. What it says of
// unknown fields is not taken back, so it must be known before.
func (r *reader) isSound() bool {
	if r.verdict == unjudged {
		r.verdict = unsound
		s := &r.judge
		s.dialect = r.dialect
		s.reset(r.data)
		for ok := true; ok; {
			if c := s.peek(); c != '{' && c != '[' {
				r.verdict = sound
				break
			}
			ok = s.skip()
		}
	}
	return r.verdict == sound
}

// object reads the members of an object into the fields of n, as row row of
// their columns. The object's opening brace comes next.
func (r *reader) object(n *node, row int) outcome {
	more, ok := r.open('}')
	result := fits
	for guess := &n.first; more && ok; {
		if field := *guess; r.isNext(field) {
			guess = &field.next
			if !r.quick(field, row) {
				result = max(result, r.field(field, field.token, row))
			}
		} else {
			raw, ok := r.key()
			if !ok {
				return malformed
			}
			if i := n.lookup(r.text); i >= 0 {
				field = n.fields[i]
				*guess, guess = field, &field.next
				result = max(result, r.field(field, raw, row))
			} else if !r.unknownField(n, raw) {
				return malformed
			}
		}
		if result == malformed {
			return malformed
		}
		if r.current() == ',' { // as it mostly is
			r.pos++
			r.blanks()
		} else if more, ok = r.more('}'); more {
			r.blanks()
		}
	}
	if !ok {
		return malformed
	}
	return result
}

// field reads a member's value into its column, and rescues it if it does not
// fit. raw is its name in the text. The outcome is the object's.
func (r *reader) field(n *node, raw []byte, row int) outcome {
	r.blanks()
	c := r.current()
	start, lax := r.pos, r.lax
	r.lax = false
	result := r.value(n, c, row, raw)
	if result == misfits {
		if r.misfit == "" {
			r.misfit = n.name
		}
		r.rescueMisfit(raw, r.data[start:r.pos], c)
		result = partly // of the object around
	}
	r.lax = r.lax || lax
	return result
}

func (r *reader) rescueMisfit(raw, text []byte, first byte) {
	if !r.rescue.active {
		return
	}
	if first == '{' || first == '[' {
		r.rescue.addString(r.name(raw), text)
		return
	}
	r.rescue.add(r.name(raw), text, r.dialect, r.lax)
}

// name returns a field's name in the text as a JSON string.
func (r *reader) name(raw []byte) []byte {
	if raw[0] == '"' && !r.controlChars && !r.anyEscape {
		return raw
	}
	s := scanner{dialect: r.dialect, data: append(append([]byte(nil), raw...), ':')}
	if _, ok := s.key(); !ok {
		return quote(nil, raw)
	}
	return quote(nil, s.text)
}

// unknownField reads the value of a member that n lacks: it types it, for
// schema evolution, and rescues it.
func (r *reader) unknownField(n *node, raw []byte) bool {
	// A name that differs from a field's only in case is not a new field.
	isNew := n.variant(r.text) < 0 && r.isSound()
	var into *shape
	if isNew {
		if n.unknown == nil {
			n.unknown = &shape{kind: shapeObject}
		}
		into = &n.unknown.field(r.text).shape
		r.unknown = true
	}
	r.blanks()
	c := r.current()
	start, lax := r.pos, r.lax
	r.lax = false
	var ok bool
	if isNew {
		ok = r.observe.value(into)
	} else {
		ok = r.skip()
	}
	if ok && r.rescue.active && c != 'n' { // a null is no data
		r.rescue.add(r.name(raw), r.data[start:r.pos], r.dialect, r.lax)
	}
	r.lax = r.lax || lax
	return ok
}

// value reads the value that begins with c, the next byte, as row row of n's
// column.
func (r *reader) value(n *node, c byte, row int, raw []byte) outcome {
	switch {
	case n.kind == kindVariant:
		return r.anyVariant(n, row) // a null too: it is a variant
	case c == 'n':
		if !r.scalar(c) {
			return malformed
		}
		n.column.Resize(row)
		n.column.AppendNull()
		return fits
	case n.kind == kindString:
		return r.anyText(n, c, row)
	case c == '"' || c == '\'' && r.singleQuotes:
		r.pos++
		if !r.str(c) {
			return malformed
		}
		r.lax = r.lax || c == '\''
		return r.ofString(n, row)
	case c == '{':
		return r.ofObject(n, row, raw)
	case c == '[':
		return r.ofArray(n, row)
	case c == 't' || c == 'f':
		if !r.scalar(c) {
			return malformed
		}
		if n.kind != kindBoolean {
			return r.misfitting(n)
		}
		n.boolean.Put(row, c == 't')
		return fits
	}
	if !r.scalar(c) {
		return malformed
	}
	return r.ofNumber(n, row)
}

// misfitting is the outcome of a value that was read and is not of n's type.
// A VOID column takes any value and keeps none; only rescue minds.
func (r *reader) misfitting(n *node) outcome {
	if n.kind == kindVoid && !r.rescue.active {
		return fits
	}
	return misfits
}

// anyText reads a value into a STRING column: a string's text, or any other
// value's JSON as it stands.
func (r *reader) anyText(n *node, c byte, row int) outcome {
	if c == '"' || c == '\'' && r.singleQuotes {
		r.pos++
		if !r.str(c) {
			return malformed
		}
		n.text.Put(row, r.text)
		return fits
	}
	start := r.pos
	if !r.skip() {
		return malformed
	}
	n.text.Put(row, r.data[start:r.pos])
	return fits
}

// ofNumber appends the number read last.
func (r *reader) ofNumber(n *node, row int) outcome {
	num := &r.num
	// Other kinds take no numbers.
	//exhaustive:ignore
	switch n.kind {
	case kindDouble:
		v, ok := r.floatValue()
		if !ok {
			return misfits
		}
		n.double.Put(row, v)
	case kindFloat:
		v, ok := r.float32Value()
		if !ok {
			return misfits
		}
		n.float.Put(row, v)
	case kindDecimal:
		v, ok := value.ParseDecimal(r.digits(), n.precision, n.scale)
		if !ok || num.special {
			return misfits
		}
		n.decimal.Put(row, v)
	case kindLong, kindInteger, kindShort, kindByte, kindTimestamp:
		v, ok := r.intValue()
		if !ok {
			return misfits
		}
		r.coerced = r.coerced || n.kind == kindTimestamp
		return n.appendInteger(v, row)
	default:
		return r.misfitting(n)
	}
	return fits
}

// intValue returns the number read last, if it is written as an integer and fits.
func (r *reader) intValue() (v int64, ok bool) {
	num := &r.num
	if !num.integer {
		return 0, false
	}
	if num.digits > 18 {
		return value.ParseInt64(r.digits())
	}
	v = int64(num.mantissa)
	if num.negative {
		v = -v
	}
	return v, true
}

func (r *reader) floatValue() (v float64, ok bool) {
	num := &r.num
	if num.special {
		return constantFloat(r.digits())
	}
	if num.digits <= 19 {
		if v, ok := value.ExactFloat64(num.mantissa, num.exponent, num.negative); ok {
			return v, true
		}
	}
	return value.ParseFloat64(r.digits())
}

func (r *reader) float32Value() (v float32, ok bool) {
	if r.num.special {
		v, ok := constantFloat(r.digits())
		return float32(v), ok
	}
	return value.ParseFloat32(r.digits())
}

// constantFloat returns the number that a word stands for.
func constantFloat(word []byte) (v float64, ok bool) {
	switch string(word) {
	case "NaN":
		return math.NaN(), true
	case "Infinity", "+Infinity", "+INF":
		return math.Inf(1), true
	case "-Infinity", "-INF":
		return math.Inf(-1), true
	}
	return 0, false
}

// appendInteger appends v if it is in the range of n's type. A TIMESTAMP is
// seconds since the epoch.
func (n *node) appendInteger(v int64, row int) outcome {
	// Other kinds take no integers.
	//exhaustive:ignore
	switch n.kind {
	case kindLong:
		n.long.Put(row, v)
		return fits
	case kindInteger:
		if int64(int32(v)) == v {
			n.integer.Put(row, int32(v))
			return fits
		}
	case kindShort:
		if int64(int16(v)) == v {
			n.short.Put(row, int16(v))
			return fits
		}
	case kindByte:
		if int64(int8(v)) == v {
			n.byte.Put(row, int8(v))
			return fits
		}
	case kindTimestamp:
		const micros = 1_000_000
		if us := v * micros; us/micros == v {
			n.timestamp.Put(row, arrow.Timestamp(us))
			return fits
		}
	}
	return misfits
}

// ofString appends the string read last to a column that is no STRING.
func (r *reader) ofString(n *node, row int) outcome {
	text := r.text
	// Other kinds take no strings.
	//exhaustive:ignore
	switch n.kind {
	case kindDate:
		days, ok := r.parseDate(text)
		if !ok {
			return misfits
		}
		n.date.Put(row, arrow.Date32(days))
	case kindTimestamp, kindTimestampNTZ:
		micros, ok := r.parseTimestamp(n.kind, text)
		if !ok {
			return misfits
		}
		n.timestamp.Put(row, arrow.Timestamp(micros))
	case kindDecimal:
		v, ok := value.ParseDecimal(text, n.precision, n.scale)
		if !ok {
			return misfits
		}
		n.decimal.Put(row, v)
	case kindDouble, kindFloat:
		v, ok := constantFloat(text)
		if !ok || !r.nonNumeric {
			return misfits
		}
		r.coerced = true
		if n.kind == kindFloat {
			n.float.Put(row, float32(v))
			return fits
		}
		n.double.Put(row, v)
	case kindBinary:
		decoded, err := base64.StdEncoding.AppendDecode(r.scratch[:0], text)
		r.scratch = decoded
		if err != nil {
			return misfits
		}
		n.text.Put(row, decoded)
	default:
		return r.misfitting(n)
	}
	return fits
}

func (r *reader) parseDate(text []byte) (days int32, ok bool) {
	if r.set.date != nil {
		return r.set.date.Date(text)
	}
	return value.CastDate(text)
}

func (r *reader) parseTimestamp(k kind, text []byte) (micros int64, ok bool) {
	switch {
	case k == kindTimestamp:
		return r.set.parseTimestamp(text, r.zone)
	case r.set.timestampNTZ != nil:
		return r.set.timestampNTZ.TimestampNTZ(text)
	}
	return value.CastTimestampNTZ(text, false)
}

// ofObject reads an object into a STRUCT or MAP column.
func (r *reader) ofObject(n *node, row int, raw []byte) outcome {
	// Other kinds take no objects.
	//exhaustive:ignore
	switch n.kind {
	case kindObject:
		n.object.Resize(row)
		n.object.Append()
		if !r.rescue.active || r.rescue.muted > 0 {
			return r.object(n, row)
		}
		r.rescue.enter(r.name(raw))
		result := r.object(n, row)
		r.rescue.leave()
		return result
	case kindMap:
		return r.container(n, row, r.mapOf)
	}
	if !r.skip() {
		return malformed
	}
	return r.misfitting(n)
}

// ofArray reads an array into an ARRAY column.
func (r *reader) ofArray(n *node, row int) outcome {
	if n.kind == kindList {
		return r.container(n, row, r.listOf)
	}
	if !r.skip() {
		return malformed
	}
	return r.misfitting(n)
}

// container reads an array or map with read. As in Spark, one member that
// does not fit makes all of it not fit, but objects in it may be partial.
func (r *reader) container(n *node, row int, read func(n *node) outcome) outcome {
	before := n.column.Len()
	n.column.Resize(row)
	lost := r.rescue.lost
	r.rescue.lost = false
	r.rescue.muted++
	start := r.pos
	result := read(n)
	r.rescue.muted--
	if result == misfits {
		n.column.Resize(min(row, before))
	}
	if r.rescue.lost && result != misfits && result != malformed {
		if r.rescue.muted == 0 {
			r.rescue.addString(n.token, r.data[start:r.pos])
		}
		lost = r.rescue.muted > 0 || lost
	}
	r.rescue.lost = lost
	return result
}

func (r *reader) listOf(n *node) outcome {
	n.list.Append()
	result := fits
	more, ok := r.open(']')
	for more && ok {
		if result == misfits {
			ok = r.skip()
		} else {
			switch r.value(n.elem, r.peek(), n.elem.column.Len(), nil) {
			case malformed:
				return malformed
			case misfits:
				result = misfits
			case partly:
				result = partly
			case fits:
			}
		}
		if ok {
			more, ok = r.more(']')
		}
	}
	if !ok {
		return malformed
	}
	return result
}
