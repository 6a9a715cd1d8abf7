package sql

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind tells tokens apart.
type tokenKind int

const (
	endToken    tokenKind = iota
	wordToken             // keyword or plain identifier
	quotedToken           // identifier between backticks
	stringToken
	numberToken
	symbolToken
	badToken // text that is no token; value says why
)

// token is one word of SQL.
type token struct {
	Range
	kind tokenKind
	// text is the token as written.
	text string
	// value is a word in upper case, a string or quoted identifier decoded, or
	// a symbol.
	value string
}

// lexer cuts text into tokens. Comments and hints are skipped.
type lexer struct {
	text string
	pos  int
	last tokenKind // of the token before, to tell a.1 from .1
}

// lex returns the tokens of text, the last of which is an endToken. After a
// badToken there are none but that.
func lex(text string) []token {
	l := lexer{text: text}
	tokens := make([]token, 0, 16+len(text)/6)
	for {
		t := l.next()
		tokens = append(tokens, t)
		l.last = t.kind
		if t.kind == badToken {
			return append(tokens, token{Range: Range{len(text), len(text)}})
		}
		if t.kind == endToken {
			return tokens
		}
	}
}

// next returns the next token.
func (l *lexer) next() token {
	if !l.space() {
		return l.bad("UNCLOSED_BRACKETED_COMMENT", l.pos, len(l.text))
	}
	start := l.pos
	if start == len(l.text) {
		return token{Range: Range{start, start}}
	}
	c := l.text[start]
	switch {
	case (c == 'r' || c == 'R') && l.quoteAt(start+1):
		l.pos++
		return l.raw(start)
	case isDigit(c) || c == '.' && isDigit(l.at(start+1)) && !l.afterName():
		return l.number(start)
	case isLetter(c) || c >= utf8.RuneSelf:
		return l.word(start)
	case c == '\'' || c == '"':
		return l.quoted(start)
	case c == '`':
		return l.backticks(start)
	default:
		return l.symbol(start)
	}
}

func (l *lexer) at(i int) byte {
	if i < len(l.text) {
		return l.text[i]
	}
	return 0
}

func (l *lexer) quoteAt(i int) bool { return l.at(i) == '\'' || l.at(i) == '"' }

// afterName reports whether a point here continues a name such as t.1a.
func (l *lexer) afterName() bool {
	return (l.last == wordToken || l.last == quotedToken) && l.pos > 0 && !isSpace(rune(l.text[l.pos-1]))
}

func (l *lexer) token(kind tokenKind, start int, value string) token {
	return token{Range: Range{start, l.pos}, kind: kind, text: l.text[start:l.pos], value: value}
}

func (l *lexer) bad(why string, start, end int) token {
	return token{Range: Range{start, end}, kind: badToken, text: l.text[start:end], value: why}
}

// space skips white space and comments; it is false in a comment that does not
// end, at whose start it stays.
func (l *lexer) space() bool {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case isSpace(r):
			l.pos += n
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.pos += end
		case strings.HasPrefix(rest, "/*"):
			n := commentLength(rest)
			if n == 0 {
				return false
			}
			l.pos += n
		default:
			return true
		}
	}
	return true
}

// commentLength returns the length of the bracketed comment that text starts
// with, others inside it included, or 0 when it does not end.
func commentLength(text string) int {
	depth := 0
	for i := 0; i+1 < len(text); {
		switch text[i : i+2] {
		case "/*":
			depth++
			i += 2
		case "*/":
			depth--
			i += 2
			if depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return 0
}

func isSpace(r rune) bool { return r == '\ufeff' || unicode.IsSpace(r) }

func isLetter(c byte) bool { return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// wordEnd returns where the letters, digits and underscores from i on end.
func (l *lexer) wordEnd(i int) int {
	for i < len(l.text) {
		if c := l.text[i]; c < utf8.RuneSelf {
			if !isLetter(c) && !isDigit(c) {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(l.text[i:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) {
			return i
		}
		i += n
	}
	return i
}

func (l *lexer) word(start int) token {
	l.pos = l.wordEnd(start)
	if l.pos == start {
		_, n := utf8.DecodeRuneInString(l.text[start:])
		return l.bad("", start, start+n)
	}
	return l.token(wordToken, start, strings.ToUpper(l.text[start:l.pos]))
}

// number reads a number with its suffix. Digits that letters follow are a word,
// as in 2024_sales.
func (l *lexer) number(start int) token {
	i := start
	digits := func() {
		for isDigit(l.at(i)) {
			i++
		}
	}
	digits()
	if l.at(i) == '.' {
		i++
		digits()
	}
	if c := l.at(i); c == 'e' || c == 'E' {
		mark := i
		i++
		if c := l.at(i); c == '+' || c == '-' {
			i++
		}
		if !isDigit(l.at(i)) {
			i = mark
		}
		digits()
	}
	end := l.wordEnd(i)
	if _, ok := numberSuffixes[strings.ToUpper(l.text[i:end])]; !ok {
		return l.word(start)
	}
	l.pos = end
	return l.token(numberToken, start, strings.ToUpper(l.text[start:end]))
}

// numberSuffixes holds the kind of literal that each suffix makes.
var numberSuffixes = map[string]LiteralKind{
	"": IntegerLiteral, "Y": ByteLiteral, "S": ShortLiteral, "L": LongLiteral,
	"F": FloatLiteral, "D": DoubleLiteral, "BD": DecimalLiteral,
}

func (l *lexer) backticks(start int) token {
	for i := start + 1; i < len(l.text); i++ {
		if l.text[i] != '`' {
			continue
		}
		if l.at(i+1) == '`' {
			i++
			continue
		}
		l.pos = i + 1
		name := strings.ReplaceAll(l.text[start+1:i], "``", "`")
		if name == "" {
			return l.bad("", start, l.pos)
		}
		return l.token(quotedToken, start, name)
	}
	return l.bad("unclosed", start, len(l.text))
}

// raw reads r'…', in which the backslash is no escape.
func (l *lexer) raw(start int) token {
	quote := l.text[l.pos]
	end := strings.IndexByte(l.text[l.pos+1:], quote)
	if end < 0 {
		return l.bad("unclosed", start, len(l.text))
	}
	value := l.text[l.pos+1 : l.pos+1+end]
	l.pos += end + 2
	return l.token(stringToken, start, value)
}

// quoted reads a string between quotes, in which a doubled quote is one and a
// backslash escapes.
func (l *lexer) quoted(start int) token {
	quote := l.text[start]
	var b strings.Builder
	from := start + 1
	for i := from; i < len(l.text); {
		switch c := l.text[i]; {
		case c == quote && l.at(i+1) == quote:
			b.WriteString(l.text[from : i+1])
			i += 2
			from = i
		case c == quote:
			b.WriteString(l.text[from:i])
			l.pos = i + 1
			return l.token(stringToken, start, b.String())
		case c == '\\' && i+1 < len(l.text):
			b.WriteString(l.text[from:i])
			i += unescape(&b, l.text[i:])
			from = i
		default:
			i++
		}
	}
	return l.bad("unclosed", start, len(l.text))
}

// unescape writes what the escape at the start of s stands for and returns its
// length. As in Spark, \% and \_ keep their backslash for LIKE.
func unescape(b *strings.Builder, s string) int {
	switch c := s[1]; c {
	case '0', '1':
		if n, err := strconv.ParseUint(s[1:min(4, len(s))], 8, 8); err == nil && len(s) >= 4 {
			b.WriteRune(rune(n))
			return 4
		}
		if c == '0' {
			b.WriteByte(0)
			return 2
		}
	case 'u', 'U':
		size := 6
		if c == 'U' {
			size = 10
		}
		if len(s) >= size {
			if n, err := strconv.ParseUint(s[2:size], 16, 32); err == nil && n <= unicode.MaxRune {
				b.WriteRune(rune(n))
				return size
			}
		}
	case 'b', 'n', 'r', 't', 'Z':
		b.WriteByte(map[byte]byte{'b': '\b', 'n': '\n', 'r': '\r', 't': '\t', 'Z': 0x1a}[c])
		return 2
	case '%', '_':
		b.WriteString(s[:2])
		return 2
	}
	_, n := utf8.DecodeRuneInString(s[1:])
	b.WriteString(s[1 : 1+n])
	return 1 + n
}

// symbols of more than one character, longest first. >> and >>> are not among
// them, for the sake of ARRAY<ARRAY<INT>>.
var symbols = []string{"<=>", "<=", ">=", "<>", "!=", "==", "<<", "||", "::", "->", "=>"}

func (l *lexer) symbol(start int) token {
	for _, s := range symbols {
		if strings.HasPrefix(l.text[start:], s) {
			l.pos = start + len(s)
			return l.token(symbolToken, start, s)
		}
	}
	if strings.IndexByte("()[]{},.;:+-*/%&|^~!<>=?@", l.text[start]) < 0 {
		return l.bad("", start, start+1)
	}
	l.pos = start + 1
	return l.token(symbolToken, start, l.text[start:l.pos])
}
