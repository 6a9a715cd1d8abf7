package json

import (
	"encoding/binary"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/format/value"
)

// Most members of most records come where they came in the last record, and
// have a value of their column's type that is short and plain. What is here
// reads those, without a look at each character and without the cases that
// [reader.field] has to mind; it reads nothing of any other.

// token is the name of a field as it usually stands in the text, with quotes
// and colon, and its first and last bytes as words.
type token struct {
	text       string
	head, tail uint64
	mask       uint64 // of head's bytes
	last       int    // where tail begins
}

func newToken(name string) token {
	t := token{text: string(quote(nil, []byte(name))) + ":", mask: ^uint64(0)}
	if size := len(t.text); size < value.WordSize {
		t.mask = 1<<(8*size) - 1
		t.head = value.Word([]byte(t.text))
		t.tail = t.head
	} else {
		t.last = size - value.WordSize
		t.head = value.Word([]byte(t.text[:value.WordSize]))
		t.tail = value.Word([]byte(t.text[t.last:]))
	}
	return t
}

// isNext reports whether the text goes on with the name of f and a colon,
// which it then reads. f may be nil.
func (r *reader) isNext(f *node) bool {
	if f == nil {
		return false
	}
	t := &f.expected
	end := r.pos + len(t.text)
	if end >= len(r.data) {
		return false
	}
	if r.pos+t.last+value.WordSize > len(r.data) {
		if string(r.data[r.pos:end]) != t.text {
			return false
		}
	} else {
		head := binary.LittleEndian.Uint64(r.data[r.pos:])
		tail := binary.LittleEndian.Uint64(r.data[r.pos+t.last:])
		if ((head^t.head)|(tail^t.tail))&t.mask != 0 {
			return false
		}
		if t.last > value.WordSize && string(r.data[r.pos:end]) != t.text {
			return false
		}
	}
	r.pos = end
	return true
}

// quick reads the value that comes next as row row of n's column, if it is of
// the usual form, and reports whether it did.
func (r *reader) quick(n *node, row int) bool {
	// Other kinds are read as they come.
	//exhaustive:ignore
	switch n.kind {
	case kindDouble:
		mantissa, scale, negative, end := r.quickNumber()
		if end < 0 {
			return false
		}
		v, ok := value.ExactFloat64(mantissa, -scale, negative)
		if !ok {
			return false
		}
		r.pos = end
		n.double.Put(row, v)
		return true
	case kindLong:
		mantissa, scale, negative, end := r.quickNumber()
		if end < 0 || scale != 0 {
			return false
		}
		r.pos = end
		if negative {
			n.long.Put(row, -int64(mantissa))
		} else {
			n.long.Put(row, int64(mantissa))
		}
		return true
	case kindString:
		return r.quickText(n, row)
	case kindTimestamp:
		return r.quickTimestamp(n, row)
	}
	return false
}

// quickNumber returns the number that comes next and where it ends, -1 when
// it has an exponent, or more than eight characters after a sign.
func (r *reader) quickNumber() (mantissa uint64, scale int, negative bool, end int) {
	data, at := r.loadable, r.pos
	if at < len(data) && data[at] == '-' {
		negative = true
		at++
	}
	if at+value.WordSize > len(data) {
		return 0, 0, false, -1
	}
	mantissa, scale, size := value.ShortDecimal(binary.LittleEndian.Uint64(data[at:]))
	end = at + size
	if size == 0 || end >= len(r.data) || r.data[end]|0x20 == 'e' {
		return 0, 0, false, -1
	}
	return mantissa, scale, negative, end
}

// quickText reads a string into a STRING column.
func (r *reader) quickText(n *node, row int) bool {
	if r.current() != '"' {
		return false
	}
	start := r.pos + 1
	if start+value.WordSize <= len(r.loadable) {
		word := binary.LittleEndian.Uint64(r.loadable[start:])
		if m := special(word, '"'*ones); m != 0 {
			size := bits.TrailingZeros64(m) / 8
			end := start + size
			if end >= len(r.data) || r.data[end] != '"' {
				return false
			}
			r.pos = end + 1
			n.text.PutWord(row, word&(1<<(8*uint(size)&63)-1), size)
			return true
		}
	}
	r.pos = start
	if !r.str('"') {
		r.pos = start - 1
		return false
	}
	n.text.Put(row, r.text)
	return true
}

// quickTimestamp reads a string into a TIMESTAMP column.
func (r *reader) quickTimestamp(n *node, row int) bool {
	if r.current() != '"' {
		return false
	}
	start := r.pos
	r.pos++
	if r.str('"') {
		if micros, ok := r.set.parseTimestamp(r.text, r.zone); ok {
			n.timestamp.Put(row, arrow.Timestamp(micros))
			return true
		}
	}
	r.pos = start
	return false
}
