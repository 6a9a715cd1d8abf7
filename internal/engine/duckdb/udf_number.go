//go:build duckdb_arrow

package duckdb

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Numbers by the formats of to_char and to_number, whose form internal/sql has
// checked.
var numberFunctions = map[string][]*function{
	"spark_number_text": {formatted(func(f numberFormat, a []column, i int, out column) error {
		out.setText(i, f.text(a[0].text(i)))
		return nil
	})},
	"spark_number": {formatted(func(f numberFormat, a []column, i int, out column) error {
		number, ok := f.number(a[0].text(i))
		if !ok {
			return fmt.Errorf("[INVALID_FORMAT.MISMATCH_INPUT] The format is invalid: '%s'. The input \"STRING\" '%s' does not match the format. Use `try_to_number` to tolerate it and return NULL instead. SQLSTATE: 42601", a[1].text(i), a[0].text(i))
		}
		out.setText(i, number)
		return nil
	})},
	"spark_try_number": {formatted(func(f numberFormat, a []column, i int, out column) error {
		number, ok := f.number(a[0].text(i))
		if !ok {
			out.setNull(i)
			return nil
		}
		out.setText(i, number)
		return nil
	})},
}

// formatted is a function of a text and a format.
func formatted(row func(f numberFormat, a []column, i int, out column) error) *function {
	trying := func([]column) (tryingRow, error) {
		var f numberFormat
		of := "" // what f was read from
		return func(a []column, i int, out column) error {
			if text := a[1].text(i); text != of {
				f, of = readNumberFormat(text), text
			}
			return row(f, a, i, out)
		}, nil
	}
	return &function{takes: []bindings.Type{textType, textType}, returns: textType, trying: trying}
}

// numberPart is a part of a number format: a sign, a run of digits or one of
// the characters between them.
type numberPart struct {
	kind  byte // '9' digits, ',', '.', '$', 'S', 'M' for MI, '<' and '>' for PR
	count int  // of digits
	exact bool // the digits are all there, zeros in front
}

// numberFormat is a number format's parts, in order.
type numberFormat struct {
	parts           []numberPart
	whole, fraction int // digits before and after the point
}

func readNumberFormat(text string) numberFormat {
	var f numberFormat
	point := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '0', '9':
			n := 1
			for i+n < len(text) && (text[i+n] == '0' || text[i+n] == '9') {
				n++
			}
			f.parts = append(f.parts, numberPart{kind: '9', count: n, exact: c == '0' && !point})
			if point {
				f.fraction += n
			} else {
				f.whole += n
			}
			i += n - 1
		case '.', 'D':
			point = true
			f.parts = append(f.parts, numberPart{kind: '.'})
		case ',', 'G':
			f.parts = append(f.parts, numberPart{kind: ','})
		case 'M':
			f.parts = append(f.parts, numberPart{kind: 'M'})
			i++
		case 'P':
			f.parts = append(append([]numberPart{{kind: '<'}}, f.parts...), numberPart{kind: '>'})
			i++
		default:
			f.parts = append(f.parts, numberPart{kind: c})
		}
	}
	return f
}

// digits returns a decimal's digits before the point, after spaces, and those
// after it, as many as the format has, or # for each of them when the number
// has more.
func (f numberFormat) digits(number string) (whole, fraction string) {
	whole, fraction, _ = strings.Cut(strings.TrimPrefix(number, "-"), ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if len(whole) > f.whole || len(fraction) > f.fraction {
		return strings.Repeat("#", f.whole), strings.Repeat("#", f.fraction)
	}
	return strings.Repeat(" ", f.whole-len(whole)) + whole, fraction + strings.Repeat("0", f.fraction-len(fraction))
}

// text writes a decimal.
func (f numberFormat) text(number string) string {
	whole, fraction := f.digits(number)
	negative := strings.HasPrefix(number, "-")
	var w numberWriter
	point := false
	for _, part := range f.parts {
		switch part.kind {
		case '9':
			if point {
				w = append(w, fraction[:part.count]...)
				fraction = fraction[part.count:]
				continue
			}
			w.digits(whole[:part.count], part.exact)
			whole = whole[part.count:]
		case ',':
			if n := len(w); n > 0 && w[n-1] >= '0' && w[n-1] <= '9' {
				w = append(w, ',')
			} else {
				w.space()
			}
		case '.':
			if n := len(w); n > 0 && w[n-1] == ' ' {
				w[n-1] = '0'
			}
			w = append(w, '.')
			point = true
		default:
			w.sign(part.kind, negative)
		}
	}
	w.dropPoint()
	if text := string(w); text != "" && text != "+" && text != "-" {
		return text
	}
	return "0"
}

// numberWriter is the text of a number as far as it is written.
type numberWriter []byte

func (w *numberWriter) digits(digits string, exact bool) {
	for _, c := range []byte(digits) {
		switch {
		case c != ' ':
			*w = append(*w, c)
		case exact:
			*w = append(*w, '0')
		default:
			w.space()
		}
	}
}

// space adds a space, before the signs at the end.
func (w *numberWriter) space() {
	at := len(strings.TrimRight(string(*w), "+-<"))
	*w = slices.Insert(*w, at, ' ')
}

// mark adds a sign, before the spaces at the end.
func (w *numberWriter) mark(c byte) {
	at := len(strings.TrimRight(string(*w), " "))
	*w = slices.Insert(*w, at, c)
}

func (w *numberWriter) sign(kind byte, negative bool) {
	switch {
	case kind == '<' && negative:
		*w = append(*w, '<')
	case kind == '<':
	case kind == '$':
		*w = append(*w, '$')
	case kind == 'M' && !negative:
		*w = append(*w, ' ')
	case kind == '>' && !negative:
		w.dropPoint()
		*w = append(*w, "  "...)
	default:
		w.dropPoint()
		w.mark(map[byte]byte{'M': '-', '>': '>', 'S': map[bool]byte{true: '-', false: '+'}[negative]}[kind])
	}
}

// dropPoint makes a point that no digit follows a space.
func (w *numberWriter) dropPoint() {
	i := slices.Index(*w, '.')
	if i >= 0 && (i == len(*w)-1 || (*w)[i+1] == ' ') {
		(*w)[i] = ' '
	}
}

// number reads a text, and reports whether it has the format.
func (f numberFormat) number(text string) (string, bool) {
	r := numberReader{in: []rune(text)}
	for i := 0; i < len(f.parts); i++ {
		part := f.parts[i]
		if part.kind != '9' {
			if !r.mark(part.kind) {
				return "", false
			}
			continue
		}
		var group []numberPart // the digits up to what is no separator
		for ; i < len(f.parts) && (f.parts[i].kind == '9' || f.parts[i].kind == ','); i++ {
			if f.parts[i].kind == '9' {
				group = append(group, f.parts[i])
			}
		}
		i--
		if !r.group(group) {
			return "", false
		}
	}
	if len(r.in) > 0 || r.open || len(r.whole)+len(r.fraction) == 0 {
		return "", false
	}
	number := string(r.whole)
	if len(r.fraction) > 0 {
		number += "." + string(r.fraction)
	}
	if r.negative {
		number = "-" + number
	}
	return number, true
}

// numberReader is what is left to read of a text, and what was read.
type numberReader struct {
	in              []rune
	whole, fraction []rune
	point           bool
	negative, open  bool
}

// mark reads a sign, bracket, point or $, of which only the $ must be there.
func (r *numberReader) mark(kind byte) bool {
	if len(r.in) == 0 {
		return true
	}
	c := r.in[0]
	switch {
	case kind == '.' && c == '.':
		r.point = true
	case kind == '$':
		if c != '$' {
			return false
		}
	case kind == 'S' && c == '+':
	case (kind == 'S' || kind == 'M') && c == '-':
		r.negative = true
	case kind == '<' && c == '<':
		r.open = true
	case kind == '>' && c == '>':
		if !r.open {
			return false
		}
		r.open, r.negative = false, true
	default:
		return true // not there
	}
	r.in = r.in[1:]
	return true
}

// group reads digits with separators, and reports whether there are as many
// between them as want says. Groups are counted from the right, so that those
// on the left may be lacking.
func (r *numberReader) group(want []numberPart) bool {
	sizes := []int{0}
	for ; len(r.in) > 0; r.in = r.in[1:] {
		c := r.in[0]
		switch {
		case unicode.IsSpace(c):
		case c >= '0' && c <= '9':
			sizes[len(sizes)-1]++
			if r.point {
				r.fraction = append(r.fraction, c)
			} else {
				r.whole = append(r.whole, c)
			}
		case c == ',':
			sizes = append(sizes, 0)
		default:
			return fits(sizes, want)
		}
	}
	return fits(sizes, want)
}

func fits(sizes []int, want []numberPart) bool {
	if len(sizes) > len(want) {
		return false
	}
	sizes = append(make([]int, len(want)-len(sizes)), sizes...)
	for i, w := range want {
		if sizes[i] > w.count || w.exact && sizes[i] < w.count {
			return false
		}
	}
	return true
}
