package json

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/freshet/freshet/internal/format/value"
)

// maxDepth is how deep values may nest, as in the parser that Spark uses.
const maxDepth = 1000

// dialect says which texts beyond standard JSON are accepted.
type dialect struct {
	comments      bool // /* */ and //
	unquotedNames bool
	singleQuotes  bool
	leadingZeros  bool
	anyEscape     bool // a backslash before any character
	controlChars  bool // unescaped in strings
	nonNumeric    bool // NaN, Infinity, +INF, …
	// blank is the greatest character that may not be part of a token: a
	// space, or the slash of comments.
	blank byte
}

// scanner reads the tokens of one record.
type scanner struct {
	dialect
	data []byte
	// loadable is data and what is behind it in the same block: there, too,
	// are bytes that may be loaded, though not read as part of the record.
	loadable []byte
	pos      int
	// text is the last string read, without quotes and escapes. It points
	// into data or into decoded.
	text    []byte
	decoded []byte
	num     number
	depth   int
	// lax is set when a text was accepted that is not standard JSON.
	lax    bool
	reason string // why the record is malformed
	at     int    // and where
}

// reset starts a record.
func (s *scanner) reset(record []byte) {
	s.data, s.loadable = record, record[:cap(record)]
	s.pos, s.depth, s.lax, s.reason = 0, 0, false, ""
}

// forget lets go of the last record, and of the room that a very long string
// took.
func (s *scanner) forget() {
	const long = 1 << 20
	s.reset(nil)
	s.text = nil
	if cap(s.decoded) > long {
		s.decoded = nil
	}
}

// fail notes why the record is malformed; it returns false.
func (s *scanner) fail(reason string) bool {
	if s.reason == "" {
		s.reason, s.at = reason, s.pos
	}
	return false
}

// peek skips blanks and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		case '/':
			if !s.comments || !s.comment() {
				return c
			}
		default:
			return c
		}
	}
	return 0
}

// blanks skips blanks. With current it is peek, inlined for the usual case
// that there are none.
func (s *scanner) blanks() {
	if s.pos < len(s.data) && s.data[s.pos] <= s.blank {
		s.peek()
	}
}

// current returns the next byte, 0 at the end.
func (s *scanner) current() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// comment skips a comment and reports whether there was one.
func (s *scanner) comment() bool {
	rest := s.data[s.pos:]
	end := -1
	switch {
	case bytes.HasPrefix(rest, commentStart):
		end = bytes.Index(rest[2:], []byte("*/"))
		if end >= 0 {
			end += 4
		}
	case bytes.HasPrefix(rest, []byte("//")):
		if end = bytes.IndexByte(rest, '\n'); end < 0 {
			end = len(rest)
		}
	}
	if end < 0 {
		return false
	}
	s.lax = true
	s.pos += end
	return true
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns the high bit of each byte of w that is quote, a backslash
// or a control character; only the lowest bit set is certain.
func special(w, quotes uint64) uint64 {
	quote := w ^ quotes
	slash := w ^ '\\'*ones
	return ((quote - ones) &^ quote & highs) | ((slash - ones) &^ slash & highs) | ((w - ' '*ones) &^ w & highs)
}

// str reads a string up to its closing quote, the opening one being read.
func (s *scanner) str(quote byte) bool {
	data, start := s.data, s.pos
	quotes := uint64(quote) * ones
	i := start
	for i+8 <= len(data) {
		if m := special(binary.LittleEndian.Uint64(data[i:]), quotes); m != 0 {
			i += bits.TrailingZeros64(m) / 8
			break
		}
		i += 8
	}
	for i < len(data) && data[i] != quote && data[i] != '\\' && data[i] >= ' ' {
		i++
	}
	if i < len(data) && data[i] == quote {
		s.text = data[start:i]
		s.pos = i + 1
		return true
	}
	return s.longString(quote, i)
}

// longString reads a string that needs decoding from i on.
func (s *scanner) longString(quote byte, i int) bool {
	s.decoded = append(s.decoded[:0], s.data[s.pos:i]...)
	s.pos = i
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == quote:
			s.pos++
			s.text = s.decoded
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ' && !s.controlChars:
			return s.fail("a control character in a string is not escaped")
		default:
			s.lax = s.lax || c < ' '
			s.decoded = append(s.decoded, c)
			s.pos++
		}
	}
	return s.fail("a string is not closed")
}

// escape decodes the escape sequence at pos.
func (s *scanner) escape() bool {
	s.pos++
	if s.pos == len(s.data) {
		return s.fail("a string is not closed")
	}
	c := s.data[s.pos]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicode()
	case '\'':
		if !s.singleQuotes && !s.anyEscape {
			return s.fail("an escape sequence is unknown")
		}
		s.lax = true
	default:
		if !s.anyEscape {
			return s.fail("an escape sequence is unknown")
		}
		s.lax = true
	}
	s.decoded = append(s.decoded, c)
	s.pos++
	return true
}

// unicode decodes \uXXXX, pos being at the u. Half of a surrogate pair is a
// question mark, as Java encodes it.
func (s *scanner) unicode() bool {
	r, ok := hex4(s.data[s.pos+1:])
	if !ok {
		return s.fail("\\u is not followed by four hexadecimal digits")
	}
	s.pos += 5
	if utf16.IsSurrogate(r) {
		pair := rune(utf8.RuneError)
		if rest := s.data[s.pos:]; len(rest) >= 2 && rest[0] == '\\' && rest[1] == 'u' {
			low, _ := hex4(rest[2:])
			pair = utf16.DecodeRune(r, low)
		}
		if pair == utf8.RuneError {
			s.decoded = append(s.decoded, '?')
			return true
		}
		s.pos += 6
		r = pair
	}
	s.decoded = utf8.AppendRune(s.decoded, r)
	return true
}

func hex4(text []byte) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range text[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number is a number token: mantissa * 10^exponent when it has at most 19
// digits.
type number struct {
	start    int // of its text
	end      int
	mantissa uint64
	exponent int
	digits   int
	negative bool
	integer  bool // no point and no exponent
	special  bool // NaN or an infinity
}

// digits returns the text of the number read last.
func (s *scanner) digits() []byte { return s.data[s.num.start:s.num.end] }

// number reads a number, or a word for one, into num.
func (s *scanner) number() bool {
	if s.pos+8 <= len(s.data) && s.shortNumber() {
		return true
	}
	return s.anyNumber()
}

// shortNumber reads a number without sign and exponent that ends within the
// next eight bytes, all at once; it is not ok for any other.
func (s *scanner) shortNumber() bool {
	mantissa, scale, size := value.ShortDecimal(binary.LittleEndian.Uint64(s.data[s.pos:]))
	end := s.pos + size
	if size == 0 || s.data[end]|0x20 == 'e' {
		return false
	}
	s.num = number{start: s.pos, end: end, mantissa: mantissa, exponent: -scale, digits: size, integer: scale == 0}
	s.pos = end
	return true
}

// anyNumber is number for all of them.
func (s *scanner) anyNumber() bool {
	data, start := s.data, s.pos
	i := start
	negative := i < len(data) && data[i] == '-'
	if negative {
		i++
	}
	first := i
	mantissa, i := digitsAt(data, i, 0)
	digits := i - first
	if digits == 0 {
		return s.constant()
	}
	if digits > 1 && data[first] == '0' {
		if !s.leadingZeros {
			return s.fail("a number has leading zeros")
		}
		s.lax = true
	}
	integer, exponent := true, 0
	if i < len(data) && data[i] == '.' {
		integer = false
		i++
		point := i
		mantissa, i = digitsAt(data, i, mantissa)
		if i == point {
			return s.fail("a number ends with its point")
		}
		digits += i - point
		exponent = point - i
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		integer = false
		e, end := exponentAt(data, i+1)
		if end < 0 {
			return s.fail("a number lacks its exponent")
		}
		exponent += e
		i = end
	}
	s.num = number{start, i, mantissa, exponent, digits, negative, integer, false}
	s.pos = i
	return true
}

// digitsAt reads the digits at i, which follow those of v, and returns where
// they end. What it returns of more than 19 digits is meaningless.
func digitsAt(data []byte, i int, v uint64) (uint64, int) {
	for i+8 <= len(data) {
		// Eight characters at a time.
		x, n := value.Digits(binary.LittleEndian.Uint64(data[i:]))
		v = v*smallPowers[n] + value.Number(x, n)
		i += n
		if n < 8 {
			return v, i
		}
	}
	for ; i < len(data) && data[i]-'0' <= 9; i++ {
		v = v*10 + uint64(data[i]-'0')
	}
	return v, i
}

var smallPowers = [9]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// exponentAt reads the exponent at i, and returns where it ends, -1 when
// there is none.
func exponentAt(data []byte, i int) (e, end int) {
	negative := false
	if i < len(data) && (data[i] == '-' || data[i] == '+') {
		negative = data[i] == '-'
		i++
	}
	start := i
	const huge = 1 << 20 // beyond any number of interest
	for i < len(data) && data[i]-'0' <= 9 {
		e = min(e*10+int(data[i]-'0'), huge)
		i++
	}
	if i == start {
		return 0, -1
	}
	if negative {
		e = -e
	}
	return e, i
}

// constants are the words for numbers.
var constants = []string{"NaN", "Infinity", "-Infinity", "+Infinity", "-INF", "+INF"}

func (s *scanner) constant() bool {
	if s.nonNumeric {
		for _, word := range constants {
			if s.word(word) {
				s.num = number{start: s.pos - len(word), end: s.pos, special: true}
				s.lax = true
				return true
			}
		}
	}
	return s.fail("a value is expected")
}

// word reads word if it comes next.
func (s *scanner) word(word string) bool {
	end := s.pos + len(word)
	if end > len(s.data) || string(s.data[s.pos:end]) != word {
		return false
	}
	if end < len(s.data) && isNameByte(s.data[end]) {
		return false
	}
	s.pos = end
	return true
}

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// key reads the name of a field into text, and the colon. raw is the name as
// it stands, quotes included.
func (s *scanner) key() (raw []byte, ok bool) {
	c := s.peek()
	start := s.pos
	switch {
	case c == '"':
		s.pos++
		if !s.str('"') {
			return nil, false
		}
	case c == '\'' && s.singleQuotes:
		s.pos++
		s.lax = true
		if !s.str('\'') {
			return nil, false
		}
	case s.unquotedNames && (isNameByte(c) || c == '-'):
		for s.pos < len(s.data) && (isNameByte(s.data[s.pos]) || bytes.IndexByte([]byte("-@#*+"), s.data[s.pos]) >= 0) {
			s.pos++
		}
		s.lax = true
		s.text = s.data[start:s.pos]
	default:
		return nil, s.fail("a field name is expected")
	}
	raw = s.data[start:s.pos]
	if s.peek() != ':' {
		return nil, s.fail("a colon is expected after a field name")
	}
	s.pos++
	return raw, true
}

// more reads what follows a member of an object or array: a comma, then true,
// or its closing bracket, then false. It is not ok when neither comes.
func (s *scanner) more(closing byte) (more, ok bool) {
	s.blanks()
	switch s.current() {
	case ',':
		s.pos++
		return true, true
	case closing:
		s.pos++
		s.depth--
		return false, true
	case 0:
		return false, s.fail("the record ends too early")
	}
	return false, s.fail("a comma or a closing bracket is expected")
}

// open reads an opening bracket and reports whether the object or array has
// members.
func (s *scanner) open(closing byte) (members, ok bool) {
	s.pos++
	if s.depth++; s.depth > maxDepth {
		return false, s.fail("values are nested deeper than 1000 levels")
	}
	if s.peek() == closing {
		s.pos++
		s.depth--
		return false, true
	}
	return true, true
}

// skip reads any value and keeps nothing of it.
func (s *scanner) skip() bool {
	s.blanks()
	switch c := s.current(); c {
	case '"':
		s.pos++
		return s.str('"')
	case '{':
		more, ok := s.open('}')
		for more && ok {
			if _, ok = s.key(); !ok {
				return false
			}
			if !s.skip() {
				return false
			}
			more, ok = s.more('}')
		}
		return ok
	case '[':
		more, ok := s.open(']')
		for more && ok {
			if !s.skip() {
				return false
			}
			more, ok = s.more(']')
		}
		return ok
	default:
		return s.scalar(c)
	}
}

// scalar reads a value that begins with c and is no object, array or string
// in double quotes.
func (s *scanner) scalar(c byte) bool {
	switch c {
	case 't':
		return s.word("true") || s.fail("a value is expected")
	case 'f':
		return s.word("false") || s.fail("a value is expected")
	case 'n':
		return s.word("null") || s.fail("a value is expected")
	case '\'':
		if s.singleQuotes {
			s.lax = true
			s.pos++
			return s.str('\'')
		}
	case 0:
		if s.pos == len(s.data) {
			return s.fail("the record ends too early")
		}
	}
	return s.number()
}
