package files

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
)

// globStyle says how a glob covers a path.
type globStyle int

const (
	// segmentGlob matches segment by segment, and everything below a match.
	segmentGlob globStyle = iota
	// prefixGlob lets a star cross slashes, and matches every path that
	// starts with a match.
	prefixGlob
)

// maxBraces bounds nesting, so that a hostile glob cannot exhaust the stack.
const maxBraces = 50

// glob is a compiled glob of semantics §2.9: ? * [abc] [a-z] [^a] {ab,c{d,e}}
// and backslash before any character to take it as it is.
type glob struct {
	re *regexp.Regexp
}

func (g *glob) match(path string) bool { return g.re.MatchString(path) }

// globStart returns where a path's first glob character is, or -1.
func globStart(path string) int {
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '\\':
			i++
		case '?', '*', '[', '{':
			return i
		}
	}
	return -1
}

// unescape removes the backslashes of a path without glob.
func unescape(path string) string {
	if !strings.Contains(path, `\`) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+1 < len(path) {
			i++
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// compileGlob translates a glob to a regular expression.
func compileGlob(pattern string, style globStyle) (*glob, error) {
	p := globParser{text: strings.TrimRight(pattern, "/"), style: style}
	p.out.WriteString("(?s)^(?:")
	if err := p.sequence(0); err != nil {
		return nil, errclass.New("INVALID_GLOB", "42K05", "glob %q: %w", pattern, err)
	}
	if style == segmentGlob {
		p.out.WriteString(")(?:/.*)?$")
	} else {
		p.out.WriteString(")")
	}
	re, err := regexp.Compile(p.out.String())
	if err != nil {
		return nil, errclass.New("INVALID_GLOB", "42K05", "glob %q: %w", pattern, err)
	}
	return &glob{re: re}, nil
}

type globParser struct {
	text  string
	pos   int
	style globStyle
	out   strings.Builder
}

// sequence translates up to the end of the text or, within braces, up to a
// comma or closing brace, which it leaves.
func (p *globParser) sequence(depth int) error {
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if depth > 0 && (c == ',' || c == '}') {
			return nil
		}
		p.pos++
		switch c {
		case '*':
			p.star()
		case '?':
			p.out.WriteString("[^/]")
		case '[':
			if err := p.class(); err != nil {
				return err
			}
		case '{':
			if err := p.braces(depth + 1); err != nil {
				return err
			}
		case '\\':
			if p.pos == len(p.text) {
				return errors.New("nothing follows the last backslash")
			}
			p.literal()
		default:
			p.pos--
			p.literal()
		}
	}
	if depth > 0 {
		return errors.New("a { is not closed")
	}
	return nil
}

func (p *globParser) star() {
	if p.style == prefixGlob {
		p.out.WriteString(".*")
		return
	}
	p.out.WriteString("[^/]*")
}

// literal takes one character as it is. Bytes that are not UTF-8 stand for
// themselves too.
func (p *globParser) literal() {
	c := p.text[p.pos]
	end := p.pos + 1
	for c >= 0x80 && end < len(p.text) && p.text[end]&0xC0 == 0x80 {
		end++
	}
	p.out.WriteString(regexp.QuoteMeta(p.text[p.pos:end]))
	p.pos = end
}

// class translates what follows an opening bracket.
func (p *globParser) class() error {
	end := strings.IndexByte(p.text[p.pos:], ']')
	if end == 0 || end == 1 && strings.IndexByte("^!", p.text[p.pos]) >= 0 {
		// A bracket that comes first is a member.
		if next := strings.IndexByte(p.text[p.pos+end+1:], ']'); next >= 0 {
			end += next + 1
		} else {
			end = -1
		}
	}
	if end < 0 {
		return errors.New("a [ is not closed")
	}
	members := p.text[p.pos : p.pos+end]
	p.pos += end + 1
	p.out.WriteByte('[')
	if members[0] == '^' || members[0] == '!' {
		p.out.WriteString("^/")
		members = members[1:]
	}
	for i := 0; i < len(members); i++ {
		c := members[i]
		if c == '\\' && i+1 < len(members) {
			i++
			c = members[i]
		}
		if c == '-' && i > 0 && i < len(members)-1 {
			p.out.WriteByte('-')
			continue
		}
		if strings.IndexByte(`\[]^-`, c) >= 0 {
			p.out.WriteByte('\\')
		}
		p.out.WriteByte(c)
	}
	p.out.WriteByte(']')
	return nil
}

// braces translates what follows an opening brace: alternatives.
func (p *globParser) braces(depth int) error {
	if depth > maxBraces {
		return fmt.Errorf("braces nest deeper than %d", maxBraces)
	}
	p.out.WriteString("(?:")
	for {
		if err := p.sequence(depth); err != nil {
			return err
		}
		closing := p.text[p.pos] == '}'
		p.pos++
		if closing {
			p.out.WriteByte(')')
			return nil
		}
		p.out.WriteByte('|')
	}
}
