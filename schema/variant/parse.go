package variant

import (
	"bytes"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int
	Text   string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Text) }

// ParseJSON returns the variant of the first JSON value in text, as Spark's
// parse_json makes it: what follows that value is not looked at. A number
// written without an exponent is an Integer of 64 bits or a Decimal with the
// digits it has, as long as 38 of them suffice; other numbers are Doubles. An
// object with a key twice fails with a [*DuplicateKeyError], anything that is
// no JSON with a [*SyntaxError].
func ParseJSON(text []byte) (Value, error) {
	var b Builder
	if _, err := b.JSON(text); err != nil {
		return Value{}, err
	}
	return b.Finish()
}

// JSON appends the first JSON value in text, which [ParseJSON] tells more of,
// and returns the number of bytes it takes. A builder that fails is to be
// reset.
func (b *Builder) JSON(text []byte) (int, error) {
	p := parser{b: b, text: text}
	p.space()
	if err := p.value(0); err != nil {
		return p.at, err
	}
	return p.at, nil
}

type parser struct {
	b    *Builder
	text []byte
	at   int
}

func (p *parser) fail(what string) error {
	if p.at >= len(p.text) {
		what = "unexpected end of JSON"
	}
	return &SyntaxError{p.at, what}
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next skips space and returns the byte after it, 0 at the end.
func (p *parser) next() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(depth int) error {
	switch c := p.next(); {
	case c == '{':
		return p.object(depth + 1)
	case c == '[':
		return p.array(depth + 1)
	case c == '"':
		s, err := p.string()
		if err == nil {
			p.b.text(s)
		}
		return err
	case c == '-' || '0' <= c && c <= '9':
		return p.number()
	case c == 't':
		p.b.Bool(true)
		return p.word("true")
	case c == 'f':
		p.b.Bool(false)
		return p.word("false")
	case c == 'n':
		p.b.Null()
		return p.word("null")
	}
	return p.fail("expected a JSON value")
}

func (p *parser) word(w string) error {
	if !bytes.HasPrefix(p.text[p.at:], []byte(w)) || !p.ends(p.at+len(w)) {
		return p.fail("expected " + w)
	}
	p.at += len(w)
	return nil
}

// ends reports whether a word or a number may end at i.
func (p *parser) ends(i int) bool {
	if i >= len(p.text) {
		return true
	}
	c := p.text[i]
	return strings.IndexByte(" \t\r\n,]}[{:\"", c) >= 0
}

func (p *parser) object(depth int) error {
	if depth > MaxDepth {
		return p.fail("nested too deeply")
	}
	p.at++
	p.b.Start()
	for first := true; ; first = false {
		c := p.next()
		if c == '}' && first {
			break
		}
		if c != '"' {
			return p.fail("expected a field name")
		}
		name, err := p.string()
		if err != nil {
			return err
		}
		if p.next() != ':' {
			return p.fail("expected a colon")
		}
		p.at++
		p.b.key(name)
		if err := p.value(depth); err != nil {
			return err
		}
		if c = p.next(); c == '}' {
			break
		}
		if c != ',' {
			return p.fail("expected a comma or the object's end")
		}
		p.at++
	}
	p.at++
	return p.b.End(Object)
}

func (p *parser) array(depth int) error {
	if depth > MaxDepth {
		return p.fail("nested too deeply")
	}
	p.at++
	p.b.Start()
	for first := true; ; first = false {
		if p.next() == ']' && first {
			break
		}
		p.b.Element()
		if err := p.value(depth); err != nil {
			return err
		}
		c := p.next()
		if c == ']' {
			break
		}
		if c != ',' {
			return p.fail("expected a comma or the array's end")
		}
		p.at++
	}
	p.at++
	return p.b.End(Array)
}

// number reads a number by the grammar of JSON.
func (p *parser) number() error {
	start := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	whole := p.digits()
	if whole == 0 || whole > 1 && p.text[p.at-whole] == '0' {
		return p.fail("malformed number")
	}
	fraction, exponent := 0, false
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		if fraction = p.digits(); fraction == 0 {
			return p.fail("malformed number")
		}
	}
	if p.at < len(p.text) && p.text[p.at]|0x20 == 'e' {
		exponent = true
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '-' || p.text[p.at] == '+') {
			p.at++
		}
		if p.digits() == 0 {
			return p.fail("malformed number")
		}
	}
	if !p.ends(p.at) {
		return p.fail("malformed number")
	}
	p.b.number(string(p.text[start:p.at]), fraction, exponent)
	return nil
}

func (p *parser) digits() int {
	start := p.at
	for p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at - start
}

// number appends a number that has so many digits after its point.
func (b *Builder) number(text string, fraction int, exponent bool) {
	if !exponent {
		if fraction == 0 {
			if i, err := strconv.ParseInt(text, 10, 64); err == nil {
				b.Int(i)
				return
			}
		}
		if n, ok := unscaled(text, fraction); ok {
			b.Decimal(n, fraction)
			return
		}
	}
	f, _ := strconv.ParseFloat(text, 64) // beyond its range: an infinity
	b.Double(f)
}

// unscaled returns a number without its point, if 38 digits hold it.
func unscaled(text string, fraction int) (decimal128.Num, bool) {
	if fraction > maxScale || len(text) > 1<<10 {
		return decimal128.Num{}, false
	}
	if len(text) <= digits8 {
		i, err := strconv.ParseInt(strings.Replace(text, ".", "", 1), 10, 64)
		return decimal128.FromI64(i), err == nil
	}
	n, ok := new(big.Int).SetString(strings.Replace(text, ".", "", 1), 10)
	if !ok || n.BitLen() > 127 {
		return decimal128.Num{}, false
	}
	d := decimal128.FromBigInt(n)
	return d, d.FitsInPrecision(maxScale)
}

// string reads a string; p is at its first quote. The bytes may be the text's.
func (p *parser) string() ([]byte, error) {
	p.at++
	start := p.at
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			s := p.text[start:p.at]
			p.at++
			return valid(s), nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return nil, p.fail("a control character in a string")
		}
		p.at++
	}
	return nil, p.fail("")
}

// valid returns s with U+FFFD for what is not UTF-8.
func valid(s []byte) []byte {
	if utf8.Valid(s) {
		return s
	}
	return bytes.ToValidUTF8(s, []byte("\uFFFD"))
}

// escaped is [parser.string] for one with an escape, which p is at.
func (p *parser) escaped(start int) ([]byte, error) {
	b := append([]byte(nil), p.text[start:p.at]...)
	for p.at < len(p.text) {
		c := p.text[p.at]
		switch {
		case c == '"':
			p.at++
			return valid(b), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return nil, err
			}
			b = utf8.AppendRune(b, r)
			continue
		case c < 0x20:
			return nil, p.fail("a control character in a string")
		}
		b = append(b, c)
		p.at++
	}
	return nil, p.fail("")
}

// escape reads an escape, both halves of a pair of surrogates at once.
func (p *parser) escape() (rune, error) {
	if p.at+1 >= len(p.text) {
		p.at = len(p.text)
		return 0, p.fail("")
	}
	c := p.text[p.at+1]
	p.at += 2
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, p.fail("unknown escape")
	}
	r, err := p.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if p.at+1 < len(p.text) && p.text[p.at] == '\\' && p.text[p.at+1] == 'u' {
		p.at += 2
		low, err := p.hex()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
			return r, nil
		}
	}
	return 0, p.fail("half of a surrogate pair")
}

func (p *parser) hex() (rune, error) {
	if p.at+4 > len(p.text) {
		p.at = len(p.text)
		return 0, p.fail("")
	}
	n, err := strconv.ParseUint(string(p.text[p.at:p.at+4]), 16, 16)
	if err != nil {
		return 0, p.fail("malformed \\u escape")
	}
	p.at += 4
	return rune(n), nil
}
