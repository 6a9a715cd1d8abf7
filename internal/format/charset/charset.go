// Package charset turns text of any encoding into UTF-8.
package charset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/freshet/freshet/internal/errclass"
)

// Charset is one encoding of text.
type Charset struct {
	name     string
	decoding encoding.Encoding // nil is UTF-8
	width    int               // bytes of the widest code unit
}

// UTF8 is the default.
var UTF8 = Charset{name: "UTF-8", width: 1}

// named holds the encodings that Java names and the web's list lacks, or
// names otherwise.
var named = map[string]Charset{
	"UTF-8":        UTF8,
	"UTF8":         UTF8,
	"US-ASCII":     {name: "US-ASCII", decoding: ascii{}, width: 1},
	"ASCII":        {name: "US-ASCII", decoding: ascii{}, width: 1},
	"ISO-8859-1":   {name: "ISO-8859-1", decoding: charmap.ISO8859_1, width: 1},
	"ISO8859_1":    {name: "ISO-8859-1", decoding: charmap.ISO8859_1, width: 1},
	"LATIN1":       {name: "ISO-8859-1", decoding: charmap.ISO8859_1, width: 1},
	"UTF-16":       {name: "UTF-16", decoding: unicode.UTF16(unicode.BigEndian, unicode.UseBOM), width: 2},
	"UTF-16LE":     {name: "UTF-16LE", decoding: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), width: 2},
	"UTF-16BE":     {name: "UTF-16BE", decoding: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), width: 2},
	"UTF-32":       {name: "UTF-32", decoding: utf32.UTF32(utf32.BigEndian, utf32.UseBOM), width: 4},
	"UTF-32LE":     {name: "UTF-32LE", decoding: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), width: 4},
	"UTF-32BE":     {name: "UTF-32BE", decoding: utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), width: 4},
	"WINDOWS-1252": {name: "windows-1252", decoding: charmap.Windows1252, width: 1},
	"CP1252":       {name: "windows-1252", decoding: charmap.Windows1252, width: 1},
}

// Lookup returns the charset called name as Java and Spark name it, ignoring
// case; "" is UTF-8. The error is classified as an invalid option value.
func Lookup(name string) (Charset, error) {
	if name == "" {
		return UTF8, nil
	}
	upper := strings.ToUpper(strings.TrimSpace(name))
	if c, ok := named[upper]; ok {
		return c, nil
	}
	if number, ok := strings.CutPrefix(upper, "CP"); ok {
		upper = "WINDOWS-" + number
	}
	enc, err := htmlindex.Get(strings.ToLower(upper))
	if err != nil {
		return Charset{}, errclass.New("INVALID_PARAMETER_VALUE.CHARSET", "22023",
			"expects one of US-ASCII, ISO-8859-1, UTF-8, UTF-16BE, UTF-16LE, UTF-16, UTF-32, windows-125x or another charset of the web for encoding, but got %s", name)
	}
	return Charset{name: name, decoding: enc, width: 1}, nil
}

// Name returns the charset's name.
func (c Charset) Name() string { return c.name }

// byteOrderMarks are the marks that overrule UTF-8, longest first.
var byteOrderMarks = []struct {
	mark    []byte
	charset string
}{
	{[]byte{0xff, 0xfe, 0x00, 0x00}, "UTF-32LE"},
	{[]byte{0x00, 0x00, 0xfe, 0xff}, "UTF-32BE"},
	{[]byte{0xff, 0xfe}, "UTF-16LE"},
	{[]byte{0xfe, 0xff}, "UTF-16BE"},
	{[]byte{0xef, 0xbb, 0xbf}, "UTF-8"},
}

// NewReader returns the text of src as UTF-8, without byte order mark. A mark
// of UTF-8, UTF-16 or UTF-32 overrules c when c is UTF-8. Undecodable bytes
// become U+FFFD, except that UTF-8 is passed through as it is: [Repair] mends
// it where it is used. Text that ends inside a code unit is an error.
func (c Charset) NewReader(src io.Reader) (io.Reader, error) {
	start := make([]byte, 4)
	n, err := io.ReadFull(src, start)
	start = start[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	for _, b := range byteOrderMarks {
		found := named[b.charset]
		if bytes.HasPrefix(start, b.mark) && (c.decoding == nil || c.name == b.charset) {
			c, start = found, start[len(b.mark):]
			break
		}
	}
	text := io.Reader(&prefixed{start: start, rest: src})
	if c.decoding == nil {
		return text, nil
	}
	if c.width > 1 {
		text = &whole{src: text, width: c.width, name: c.name}
	}
	return c.decoding.NewDecoder().Reader(text), nil
}

// prefixed reads start and then rest, without copying rest.
type prefixed struct {
	start []byte
	rest  io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.start) > 0 {
		n := copy(b, p.start)
		p.start = p.start[n:]
		return n, nil
	}
	return p.rest.Read(b)
}

// whole reports text that ends inside a code unit of width bytes.
type whole struct {
	src   io.Reader
	width int
	name  string
	read  int
}

func (w *whole) Read(b []byte) (int, error) {
	n, err := w.src.Read(b)
	w.read = (w.read + n) % w.width
	if errors.Is(err, io.EOF) && w.read != 0 {
		return n, fmt.Errorf("the file ends inside a %s character: %w", w.name, io.ErrUnexpectedEOF)
	}
	return n, err
}

// Repair returns text as valid UTF-8: each maximal part of an ill-formed
// sequence becomes one U+FFFD, as Java decodes it. Valid text is returned
// as it is.
func Repair(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return AppendRepaired(make([]byte, 0, len(text)+8), text)
}

// AppendRepaired appends text to dst, made valid as [Repair] does.
func AppendRepaired(dst, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, "\uFFFD"...)
			text = text[illFormed(text):]
			continue
		}
		dst = append(dst, text[:size]...)
		text = text[size:]
	}
	return dst
}

// illFormed returns the length of the maximal part of an ill-formed sequence
// that text starts with: the bytes that a well-formed one could start with,
// at least one (Unicode Standard, "U+FFFD Substitution of Maximal Subparts").
func illFormed(text []byte) int {
	lead := text[0]
	low, high, need := byte(0x80), byte(0xbf), 0
	switch {
	case lead >= 0xc2 && lead <= 0xdf:
		need = 1
	case lead >= 0xe0 && lead <= 0xef:
		need = 2
		if lead == 0xe0 {
			low = 0xa0
		}
		if lead == 0xed {
			high = 0x9f
		}
	case lead >= 0xf0 && lead <= 0xf4:
		need = 3
		if lead == 0xf0 {
			low = 0x90
		}
		if lead == 0xf4 {
			high = 0x8f
		}
	}
	n := 1
	for n <= need && n < len(text) && text[n] >= low && text[n] <= high {
		low, high = 0x80, 0xbf
		n++
	}
	return n
}
