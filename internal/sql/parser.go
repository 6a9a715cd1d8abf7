package sql

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits that keep hostile texts from exhausting the stack.
const (
	// maxNesting bounds parentheses, subqueries and types inside one another.
	maxNesting = 1000
	// maxHeight bounds the tree, which chains such as 1 + 1 + 1 + … deepen too.
	maxHeight = 100_000
)

// Parse returns the statements of a text, which semicolons separate. On an
// error, always an [*Error], it returns the statements before the one that is
// wrong. The time is linear in the length of the text.
func Parse(text string) ([]Statement, error) {
	p := newParser(text)
	var statements []Statement
	for {
		for p.symbol(";") {
		}
		if p.atEnd() {
			return statements, p.err
		}
		s := p.statement()
		if !p.atEnd() && !p.at(";") {
			p.unexpected()
		}
		if p.err != nil {
			return statements, p.err
		}
		statements = append(statements, s)
	}
}

// ParseQuery returns the query that text is.
func ParseQuery(text string) (*Query, error) {
	p := newParser(text)
	return whole(p, p.query())
}

// ParseExpr returns the expression that text is, such as the text of a CHECK
// constraint, a generated column or a default in a table's metadata. The
// String of an expression is such a text.
func ParseExpr(text string) (Expr, error) {
	p := newParser(text)
	return whole(p, p.expr())
}

// ParseName returns the table, schema or function name that text is.
func ParseName(text string) (*Name, error) {
	p := newParser(text)
	return whole(p, p.name())
}

// whole returns n if the parser has nothing left.
func whole[N any](p *parser, n N) (N, error) {
	if !p.atEnd() {
		p.unexpected()
	}
	if p.err != nil {
		var none N
		return none, p.err
	}
	return n, nil
}

// Complete reports whether a text that is being typed ends: its last statement
// has a semicolon, and no string, quoted name or comment is left open. A text
// without any statement is complete.
func Complete(text string) bool {
	tokens := lex(text)
	for i, t := range slices.Backward(tokens) {
		switch {
		case t.kind == badToken:
			return t.value == "" // no typing mends it
		case t.kind != endToken:
			return t.value == ";" && t.kind == symbolToken
		case i == 0:
			return true
		}
	}
	return true
}

// parser reads tokens by recursive descent. The first error is kept and moves
// the parser to the end of the text, where nothing matches any more, so that
// its functions return soon and need not check.
type parser struct {
	text   string
	tokens []token
	pos    int
	depth  int // of nesting where the parser is
	height int // of the tallest expression read in what is being parsed, at most
	err    error
}

func newParser(text string) *parser {
	p := &parser{text: text, tokens: lex(text)}
	if !utf8.ValidString(text) {
		i := strings.IndexRune(text, utf8.RuneError)
		p.failAt(Range{i, i + 1}, "PARSE_SYNTAX_ERROR", "42601", "The statement is not valid UTF-8.")
	}
	return p
}

// peek returns the token i places ahead.
func (p *parser) peek(i int) *token {
	return &p.tokens[min(p.pos+i, len(p.tokens)-1)]
}

// advance returns the token ahead and moves past it.
func (p *parser) advance() *token {
	t := p.peek(0)
	if p.pos < len(p.tokens)-1 {
		p.pos++
	}
	return t
}

func (p *parser) atEnd() bool { return p.peek(0).kind == endToken }

// from returns the range from a node's start to the last token read.
func (p *parser) from(start int) Range {
	if p.pos == 0 {
		return Range{start, start}
	}
	return Range{start, max(start, p.tokens[p.pos-1].End)}
}

func (p *parser) start() int { return p.peek(0).Start }

// at reports whether a symbol is ahead.
func (p *parser) at(symbol string) bool { return p.symbolAt(0, symbol) }

func (p *parser) symbolAt(i int, symbol string) bool {
	t := p.peek(i)
	return t.kind == symbolToken && t.value == symbol
}

// symbol consumes a symbol if it is ahead.
func (p *parser) symbol(symbol string) bool {
	if !p.at(symbol) {
		return false
	}
	p.pos++
	return true
}

// word reports whether the words are ahead, one after another.
func (p *parser) word(words ...string) bool { return p.wordAt(0, words...) }

func (p *parser) wordAt(i int, words ...string) bool {
	for j, w := range words {
		t := p.peek(i + j)
		if t.kind != wordToken || t.value != w {
			return false
		}
	}
	return true
}

// accept consumes the words if all of them are ahead.
func (p *parser) accept(words ...string) bool {
	if !p.word(words...) {
		return false
	}
	p.pos += len(words)
	return true
}

// oneOf consumes the word ahead if it is one of those given, and returns it.
func (p *parser) oneOf(words ...string) string {
	t := p.peek(0)
	if t.kind != wordToken || !slices.Contains(words, t.value) {
		return ""
	}
	p.pos++
	return t.value
}

// need consumes words that must be ahead.
func (p *parser) need(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.missing(w)
			return
		}
	}
}

// needSymbol consumes a symbol that must be ahead.
func (p *parser) needSymbol(symbol string) {
	if !p.symbol(symbol) {
		p.missing(symbol)
	}
}

// enter counts a level of nesting, which leave gives back.
func (p *parser) enter() {
	p.depth++
	if p.depth > maxNesting {
		p.tooComplex()
	}
}

func (p *parser) leave() { p.depth-- }

// grow counts a level of the tree that a chain of operators adds.
func (p *parser) grow() {
	p.height++
	if p.height > maxHeight {
		p.tooComplex()
	}
}

func (p *parser) tooComplex() {
	p.failAt(p.peek(0).Range, "FAILED_TO_PARSE_TOO_COMPLEX", "54001", "The statement is nested too deeply.")
}

// unexpected fails at the token ahead.
func (p *parser) unexpected() { p.syntax("") }

// missing fails at the token ahead, in whose place something else must stand.
func (p *parser) missing(what string) { p.syntax(": missing '" + what + "'") }

// syntax fails with Spark's words for a syntax error.
func (p *parser) syntax(hint string) {
	t := p.peek(0)
	switch {
	case t.kind == badToken && t.value == "UNCLOSED_BRACKETED_COMMENT":
		p.failAt(Range{t.Start, t.Start + 2}, t.value, "42601", "Found an unclosed bracketed comment. Please, append */ at the end of the comment.")
	case t.kind == badToken && t.value == "unclosed":
		p.failAt(Range{t.Start, t.Start + 1}, "PARSE_SYNTAX_ERROR", "42601", "Syntax error at or near '"+t.text[:1]+"': the quote is not closed.")
	case t.kind == endToken:
		p.failAt(t.Range, "PARSE_SYNTAX_ERROR", "42601", "Syntax error at or near end of input"+hint+".")
	default:
		p.failAt(t.Range, "PARSE_SYNTAX_ERROR", "42601", "Syntax error at or near '"+t.text+"'"+hint+".")
	}
}

// failAt keeps the first error and moves to the end.
func (p *parser) failAt(at Range, class, state, text string) {
	if p.err == nil {
		p.err = &Error{Class: class, State: state, Text: text, Range: at, SQL: p.text}
	}
	p.pos = len(p.tokens) - 1
}

// fail is failAt for an error over the last tokens since start.
func (p *parser) fail(start int, class, state, text string) {
	p.failAt(p.from(start), class, state, text)
}

// commas calls item until no comma follows.
func (p *parser) commas(item func()) {
	for {
		item()
		if !p.symbol(",") {
			return
		}
	}
}

// parens calls body between parentheses.
func (p *parser) parens(body func()) {
	p.needSymbol("(")
	body()
	p.needSymbol(")")
}

// commaList returns the items between commas.
func commaList[N any](p *parser, item func() N) []N {
	var items []N
	p.commas(func() { items = append(items, item()) })
	return items
}

// parenList returns the items between parentheses and commas, at least one.
func parenList[N any](p *parser, item func() N) []N {
	var items []N
	p.parens(func() { items = commaList(p, item) })
	return items
}

// isName reports whether the token i places ahead can be a name.
func (p *parser) isName(i int) bool {
	k := p.peek(i).kind
	return k == wordToken || k == quotedToken
}

// ident returns a name that must be ahead.
func (p *parser) ident() string {
	if !p.isName(0) {
		p.unexpected()
		return ""
	}
	return p.advance().ident()
}

// ident returns the name that a token is.
func (t *token) ident() string {
	if t.kind == quotedToken {
		return t.value
	}
	return t.text
}

// idents returns the names between parentheses.
func (p *parser) idents() []string { return parenList(p, p.ident) }

// stringLiteral returns a string that must be ahead, with those that follow it
// directly.
func (p *parser) stringLiteral() string {
	if p.peek(0).kind != stringToken {
		p.unexpected()
		return ""
	}
	s := p.advance().value
	if p.peek(0).kind != stringToken {
		return s
	}
	parts := []string{s}
	for p.peek(0).kind == stringToken {
		parts = append(parts, p.advance().value)
	}
	return strings.Join(parts, "")
}

// name returns a table, schema or function name.
func (p *parser) name() *Name {
	start := p.start()
	n := &Name{}
	if p.word("IDENTIFIER") && p.symbolAt(1, "(") {
		p.advance()
		p.parens(func() { n.Expr = p.expr() })
		n.Range = p.from(start)
		return n
	}
	for {
		quoted := p.peek(0).kind == quotedToken
		n.Parts = append(n.Parts, p.ident())
		if !p.symbol(".") {
			n.Quoted = quoted && n.isPathForm()
			break
		}
	}
	n.Range = p.from(start)
	if len(n.Parts) > 3 {
		p.failAt(n.Range, "PARSE_SYNTAX_ERROR", "42601", "A name has at most three parts: catalog.schema.object.")
	}
	return n
}
