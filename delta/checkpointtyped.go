package delta

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// statsFiller writes the statistics of files as columns. A checkpoint of a
// million files has tens of millions of them, so their JSON is cut where it
// stands and nothing is built from it; what is unusual in it, such as
// escapes, is left to the library.
type statsFiller struct {
	root   *typedValue
	values []rawStat // by typedValue.number
	text   string
	at     int
}

// rawStat is a value as JSON has it.
type rawStat struct {
	kind byte   // its first character, 0 when there is none
	text string // without quotes
}

// newStatsFiller numbers the values of root, which must have no other filler.
func newStatsFiller(root *typedValue) *statsFiller {
	if root == nil {
		return nil
	}
	f := &statsFiller{root: root}
	var walk func(*typedValue)
	walk = func(v *typedValue) {
		v.number = len(f.values)
		f.values = append(f.values, rawStat{})
		for _, field := range v.fields {
			walk(field)
		}
	}
	walk(root)
	return f
}

// append appends the statistics of a file.
func (f *statsFiller) append(b array.Builder, text string) {
	clear(f.values)
	f.text, f.at = text, 0
	if text != "" && !f.object(f.root) {
		f.root.append(b, statsTree(text))
		return
	}
	f.put(b, f.root)
}

func (f *statsFiller) put(b array.Builder, v *typedValue) {
	raw := f.values[v.number]
	if v.typ != nil {
		if !raw.appendPlain(b) {
			appendScalar(b, raw.scalar(v.typ))
		}
		return
	}
	st, ok := b.(*array.StructBuilder)
	if !ok || raw.kind != '{' {
		b.AppendNull()
		return
	}
	st.Append(true)
	for i, field := range v.fields {
		f.put(st.FieldBuilder(i), field)
	}
}

// appendPlain appends a value of the types that most columns have, and reports
// whether it could.
func (r rawStat) appendPlain(b array.Builder) bool {
	if r.kind == 0 {
		return false
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		if r.kind == '"' {
			b.Append(r.text)
			return true
		}
	case *array.Int64Builder:
		if n, err := strconv.ParseInt(r.text, 10, 64); err == nil {
			b.Append(n)
			return true
		}
	case *array.Float64Builder:
		if x, err := strconv.ParseFloat(r.text, 64); err == nil {
			b.Append(x)
			return true
		}
	}
	return false
}

// scalar is [statOf] for a value that is still JSON.
func (r rawStat) scalar(t schema.Type) *scalar {
	var v scalar
	ok := false
	switch r.kind {
	case '"':
		v, ok = parseScalar(t, r.text)
	case '0':
		if isText(t) || t == schema.Boolean || t == schema.Date {
			return nil
		}
		v, ok = parseScalar(t, r.text)
	case 't', 'f':
		return statOf(t, r.kind == 't')
	}
	if !ok {
		return nil
	}
	return &v
}

// object reads an object into v's values, or passes one that nobody wants when
// v is nil. False says that the library must read the text.
func (f *statsFiller) object(v *typedValue) bool {
	if f.peek() != '{' {
		return false
	}
	if v != nil {
		if f.values[v.number].kind != 0 {
			return false
		}
		f.values[v.number].kind = '{'
	}
	f.at++
	if f.peek() == '}' {
		f.at++
		return true
	}
	for hint := 0; ; hint++ {
		name, ok := f.quoted()
		if !ok || f.peek() != ':' {
			return false
		}
		f.at++
		if v == nil && f.peek() == '{' { // deeper ones are rare
			return false
		}
		var field *typedValue
		if hint, field = v.member(name, hint); !f.value(field) {
			return false
		}
		switch f.peek() {
		case ',':
			f.at++
		case '}':
			f.at++
			return true
		default:
			return false
		}
	}
}

// member returns the field of a name and its place, first looking at the
// place where it would be if the names came in order.
func (v *typedValue) member(name string, hint int) (int, *typedValue) {
	if v == nil {
		return 0, nil
	}
	for i := range v.fields {
		at := (hint + i) % len(v.fields)
		if v.fields[at].name == name {
			return at, v.fields[at]
		}
	}
	return hint, nil
}

// value reads the value of a field, or passes one that no field is for.
func (f *statsFiller) value(field *typedValue) bool {
	var raw rawStat
	start := f.peek()
	switch {
	case start == '{' && (field == nil || field.typ == nil):
		return f.object(field)
	case start == '"':
		text, ok := f.quoted()
		if !ok {
			return false
		}
		raw = rawStat{'"', text}
	case start == '-' || start >= '0' && start <= '9':
		text, ok := f.number()
		if !ok {
			return false
		}
		raw = rawStat{'0', text}
	default:
		text, ok := f.literal()
		if !ok {
			return false
		}
		if text != "null" {
			raw.kind = text[0]
		}
	}
	if field == nil {
		return true
	}
	if field.typ == nil { // what is no object is no statistics
		return raw.kind == 0
	}
	f.values[field.number] = raw
	return true
}

// peek passes white space and returns the next character, 0 at the end.
func (f *statsFiller) peek() byte {
	for ; f.at < len(f.text); f.at++ {
		switch c := f.text[f.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// quoted reads a string without escapes.
func (f *statsFiller) quoted() (string, bool) {
	if f.peek() != '"' {
		return "", false
	}
	rest := f.text[f.at+1:]
	end := strings.IndexByte(rest, '"')
	if end < 0 {
		return "", false
	}
	plain := true
	for i := range end {
		c := rest[i]
		if c == '\\' || c < ' ' {
			return "", false
		}
		plain = plain && c < utf8.RuneSelf
	}
	f.at += end + 2
	return rest[:end], plain || utf8.ValidString(rest[:end])
}

func (f *statsFiller) number() (string, bool) {
	start := f.at
	for f.at < len(f.text) && strings.IndexByte("+-.0123456789eE", f.text[f.at]) >= 0 {
		f.at++
	}
	text := f.text[start:f.at]
	return text, plainNumber(text) || json.Valid([]byte(text))
}

// plainNumber reports whether text is an integer or has a fraction, as JSON
// spells them.
func plainNumber(text string) bool {
	text = strings.TrimPrefix(text, "-")
	whole, fraction, broken := strings.Cut(text, ".")
	digits := func(s string) bool {
		for i := range len(s) {
			if s[i] < '0' || s[i] > '9' {
				return false
			}
		}
		return s != ""
	}
	return digits(whole) && (whole[0] != '0' || len(whole) == 1) && (!broken || digits(fraction))
}

func (f *statsFiller) literal() (string, bool) {
	for _, word := range []string{"null", "true", "false"} {
		if strings.HasPrefix(f.text[f.at:], word) {
			f.at += len(word)
			return word, true
		}
	}
	return "", false
}
