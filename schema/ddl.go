package schema

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseDDL reads a column list as users write it in schema options and hints:
// "id BIGINT NOT NULL, name STRING COMMENT 'x', tags ARRAY<STRING>". A name
// followed by a colon is accepted as in STRUCT<…>. Dotted names, as schema
// hints have them, are returned with their dots; a part between backticks
// keeps its own.
func ParseDDL(text string) (*Struct, error) {
	p := ddlParser{text: text}
	s := &Struct{}
	p.space()
	for more := p.pos < len(p.text); more; more = p.eat(',') {
		f, err := p.column()
		if err != nil {
			return nil, err
		}
		s.Fields = append(s.Fields, f)
		p.space()
	}
	if p.pos < len(p.text) {
		return nil, p.errorf("unexpected %q", p.rest())
	}
	return s, nil
}

// ParseType reads one SQL type, such as "map<string, array<int>>".
func ParseType(text string) (Type, error) {
	p := ddlParser{text: text}
	t, err := p.parseType(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.text) {
		return nil, p.errorf("unexpected %q", p.rest())
	}
	return t, nil
}

// DDLError says where a column list or type could not be read.
type DDLError struct {
	Text    string
	Offset  int // bytes into Text
	Message string
}

func (e *DDLError) Error() string {
	return fmt.Sprintf("type or column list %q, at character %d: %s", e.Text, utf8.RuneCountInString(e.Text[:e.Offset])+1, e.Message)
}

// ErrorClass returns Spark's class of the error.
func (e *DDLError) ErrorClass() string { return "PARSE_SYNTAX_ERROR" }

// SQLState returns the error's SQLSTATE.
func (e *DDLError) SQLState() string { return "42601" }

type ddlParser struct {
	text string
	pos  int
}

func (p *ddlParser) errorf(format string, args ...any) error {
	return &DDLError{Text: p.text, Offset: p.pos, Message: fmt.Sprintf(format, args...)}
}

func (p *ddlParser) rest() string {
	r := p.text[p.pos:]
	if len(r) > 20 {
		r = r[:20]
	}
	return r
}

func (p *ddlParser) space() {
	for p.pos < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		p.pos += n
	}
}

func (p *ddlParser) eat(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// keyword consumes words, case-insensitively, if all of them come next.
func (p *ddlParser) keyword(words ...string) bool {
	start := p.pos
	for _, w := range words {
		p.space()
		if !strings.EqualFold(p.word(), w) {
			p.pos = start
			return false
		}
	}
	return true
}

func (p *ddlParser) word() string {
	start := p.pos
	for p.pos < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.pos:])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			break
		}
		p.pos += n
	}
	return p.text[start:p.pos]
}

func (p *ddlParser) identifier() (string, error) {
	if p.eat('`') {
		var b strings.Builder
		for {
			end := strings.IndexByte(p.text[p.pos:], '`')
			if end < 0 {
				return "", p.errorf("a backtick is not closed")
			}
			b.WriteString(p.text[p.pos : p.pos+end])
			p.pos += end + 1
			if !p.eat('`') {
				return b.String(), nil
			}
			b.WriteByte('`')
		}
	}
	w := p.word()
	if w == "" {
		return "", p.errorf("a column name is expected, not %q", p.rest())
	}
	return w, nil
}

// column reads one item of a column list: a field whose name may have dots.
func (p *ddlParser) column() (Field, error) {
	p.space()
	name, err := p.identifier()
	if err != nil {
		return Field{}, err
	}
	for p.eat('.') {
		part, err := p.identifier()
		if err != nil {
			return Field{}, err
		}
		name += "." + part
	}
	return p.described(name, 0)
}

// described reads what follows a field's name: its type, NOT NULL, COMMENT.
func (p *ddlParser) described(name string, depth int) (Field, error) {
	p.space()
	p.eat(':')
	t, err := p.parseType(depth)
	if err != nil {
		return Field{}, err
	}
	f := Field{Name: name, Type: t, Nullable: !p.keyword("not", "null")}
	if p.keyword("comment") {
		p.space()
		comment, err := p.quoted()
		if err != nil {
			return Field{}, err
		}
		f.Metadata = map[string]any{"comment": comment}
	}
	return f, nil
}

func (p *ddlParser) quoted() (string, error) {
	if p.pos >= len(p.text) || p.text[p.pos] != '\'' && p.text[p.pos] != '"' {
		return "", p.errorf("a quoted string is expected")
	}
	quote := p.text[p.pos]
	p.pos++
	var b strings.Builder
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		switch {
		case c == '\\' && p.pos < len(p.text):
			b.WriteByte(p.text[p.pos])
			p.pos++
		case c == quote && !p.eat(quote):
			return b.String(), nil
		default:
			b.WriteByte(c)
		}
	}
	return "", p.errorf("a string is not closed")
}

// sqlTypes maps each lower-case SQL spelling to its type.
var sqlTypes = map[string]Type{
	"string": String, "text": String, "varchar": String, "char": String,
	"bigint": Long, "long": Long,
	"int": Integer, "integer": Integer,
	"smallint": Short, "short": Short,
	"tinyint": Byte, "byte": Byte,
	"float": Float, "real": Float,
	"double": Double, "boolean": Boolean, "bool": Boolean, "binary": Binary, "date": Date,
	"timestamp": Timestamp, "timestamp_ltz": Timestamp, "timestamp_ntz": TimestampNTZ,
	"void": Void, "variant": Variant,
}

func (p *ddlParser) parseType(depth int) (Type, error) {
	if depth > maxJSONDepth {
		return nil, p.errorf("nested deeper than %d levels", maxJSONDepth)
	}
	p.space()
	start := p.pos
	name := strings.ToLower(p.word())
	switch name {
	case "decimal", "dec", "numeric":
		return p.decimal()
	case "array":
		var elem Type
		err := p.angle(func() (err error) { elem, err = p.parseType(depth + 1); return err })
		return Array{Element: elem, ContainsNull: true}, err
	case "map":
		m := Map{ValueContainsNull: true}
		err := p.angle(func() (err error) {
			if m.Key, err = p.parseType(depth + 1); err != nil {
				return err
			}
			p.space()
			if !p.eat(',') {
				return p.errorf("a comma is expected between a map's key and value types")
			}
			m.Value, err = p.parseType(depth + 1)
			return err
		})
		return m, err
	case "struct":
		return p.structType(depth)
	}
	t, ok := sqlTypes[name]
	if !ok {
		p.pos = start
		return nil, p.errorf("%q is not a type", p.rest())
	}
	if name == "varchar" || name == "char" {
		return t, p.skipLength()
	}
	return t, nil
}

// angle runs body between < and >.
func (p *ddlParser) angle(body func() error) error {
	p.space()
	if !p.eat('<') {
		return p.errorf("< is expected")
	}
	if err := body(); err != nil {
		return err
	}
	p.space()
	if !p.eat('>') {
		return p.errorf("> is expected")
	}
	return nil
}

func (p *ddlParser) structType(depth int) (Type, error) {
	s := &Struct{}
	err := p.angle(func() error {
		for p.space(); p.pos < len(p.text) && p.text[p.pos] != '>'; p.space() {
			if len(s.Fields) > 0 {
				if !p.eat(',') {
					return p.errorf("a comma is expected between a struct's fields")
				}
			}
			p.space()
			name, err := p.identifier()
			if err != nil {
				return err
			}
			f, err := p.described(name, depth+1)
			if err != nil {
				return err
			}
			s.Fields = append(s.Fields, f)
		}
		return nil
	})
	return s, err
}

func (p *ddlParser) decimal() (Type, error) {
	d := Decimal{Precision: 10}
	p.space()
	if !p.eat('(') {
		return d, nil
	}
	var err error
	if d.Precision, err = p.number(); err != nil {
		return nil, err
	}
	p.space()
	if p.eat(',') {
		if d.Scale, err = p.number(); err != nil {
			return nil, err
		}
		p.space()
	}
	if !p.eat(')') {
		return nil, p.errorf(") is expected")
	}
	if !d.valid() {
		return nil, p.errorf("decimal precision must be 1 to 38 and scale 0 to the precision, not %s", d)
	}
	return d, nil
}

func (p *ddlParser) skipLength() error {
	p.space()
	if !p.eat('(') {
		return nil
	}
	if _, err := p.number(); err != nil {
		return err
	}
	p.space()
	if !p.eat(')') {
		return p.errorf(") is expected")
	}
	return nil
}

func (p *ddlParser) number() (int, error) {
	p.space()
	n, err := strconv.Atoi(p.word())
	if err != nil {
		return 0, p.errorf("a number is expected")
	}
	return n, nil
}
