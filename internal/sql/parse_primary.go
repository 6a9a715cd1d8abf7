package sql

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// primary parses an expression without operators around it.
func (p *parser) primary() Expr {
	start := p.start()
	t := p.peek(0)
	switch t.kind {
	case numberToken:
		return p.number()
	case stringToken:
		value := p.stringLiteral()
		return &Literal{Range: p.from(start), Kind: StringLiteral, Value: value}
	case quotedToken:
		return p.columnOrCall()
	case wordToken:
		return p.wordExpr()
	case symbolToken:
		return p.symbolExpr()
	case endToken, badToken:
	}
	p.unexpected()
	return &Literal{Range: p.from(start), Kind: NullLiteral, Value: "null"}
}

func (p *parser) symbolExpr() Expr {
	start := p.start()
	switch {
	case p.at("("):
		return p.parenthesized()
	case p.symbol("*"):
		return p.star(start, nil)
	case p.symbol("?"):
		return &Parameter{Range: p.from(start)}
	case p.symbol(":"):
		name := p.ident()
		return &Parameter{Range: p.from(start), Name: name}
	}
	p.unexpected()
	return &Literal{Range: p.from(start), Kind: NullLiteral, Value: "null"}
}

// number parses a numeric literal.
func (p *parser) number() *Literal {
	t := p.advance()
	digits := strings.TrimRight(t.value, "YSLFDB")
	e := &Literal{Range: t.Range, Kind: numberSuffixes[t.value[len(digits):]], Value: digits}
	exponent := strings.Contains(digits, "E")
	point := strings.Contains(digits, ".")
	switch {
	case e.Kind == IntegerLiteral && exponent:
		e.Kind = DoubleLiteral
	case e.Kind == IntegerLiteral && point:
		e.Kind = DecimalLiteral
	}
	e.Value = strings.ToLower(digits)
	bits := map[LiteralKind]int{ByteLiteral: 8, ShortLiteral: 16, LongLiteral: 64}[e.Kind]
	if bits == 0 {
		return e
	}
	// A minus before it is an operator, so that the lowest value is one more
	// than the highest.
	if n, err := strconv.ParseUint(digits, 10, 64); err != nil || n > 1<<(bits-1) {
		p.fail(t.Start, "INVALID_NUMERIC_LITERAL_RANGE", "22003", "Numeric literal "+t.text+" is outside the valid range.")
	}
	return e
}

// count parses an unsigned whole number up to a limit.
func (p *parser) count(limit int64) int64 {
	t := p.peek(0)
	n, err := strconv.ParseInt(t.text, 10, 64)
	if t.kind != numberToken || err != nil || n > limit {
		p.unexpected()
		return 0
	}
	p.advance()
	return n
}

// parenthesized parses what is between parentheses: an expression, a tuple or
// a query.
func (p *parser) parenthesized() Expr {
	start := p.start()
	if p.isQuery(1) {
		p.advance()
		q := p.query()
		p.needSymbol(")")
		return &ScalarSubquery{Range: p.from(start), Query: q}
	}
	p.needSymbol("(")
	first := p.expr()
	if q, ok := first.(*ScalarSubquery); ok && p.continuesQuery() {
		whole := p.queryAfter(q.Start, &Query{Range: q.Range, Body: unwrap(q.Query)})
		p.needSymbol(")")
		return &ScalarSubquery{Range: p.from(start), Query: whole}
	}
	if !p.symbol(",") {
		p.needSymbol(")")
		return first
	}
	items := append([]Expr{first}, commaList(p, p.expr)...)
	p.needSymbol(")")
	return &Tuple{Range: p.from(start), Items: items}
}

// wordExpr parses an expression that begins with a word.
func (p *parser) wordExpr() Expr {
	start := p.start()
	t := p.peek(0)
	call := p.symbolAt(1, "(") && (p.word("EXISTS") || !p.isBareQuery(2))
	switch t.value {
	case "NULL", "TRUE", "FALSE":
		if !p.symbolAt(1, ".") && !call {
			p.advance()
			kind := BooleanLiteral
			if t.value == "NULL" {
				kind = NullLiteral
			}
			return &Literal{Range: t.Range, Kind: kind, Value: strings.ToLower(t.value)}
		}
	case "CASE":
		return p.cases()
	case "CURRENT_DATE", "CURRENT_TIMESTAMP", "CURRENT_USER":
		if !call && !p.symbolAt(1, ".") {
			p.advance()
			return &FunctionCall{Range: t.Range, Name: functionName(t.Range, strings.ToLower(t.text))}
		}
	case "INTERVAL":
		if p.isInterval() {
			return p.interval()
		}
	case "DATE", "TIMESTAMP", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ", "X":
		if p.peek(1).kind == stringToken {
			return p.typedLiteral()
		}
	case "IDENTIFIER":
		if call {
			return p.identifierClause()
		}
	}
	if call {
		if e := p.specialCall(t.value); e != nil {
			return e
		}
	}
	if startsNoExpr[t.value] && !p.isPlainColumn() {
		p.unexpected()
		return &Literal{Range: p.from(start), Kind: NullLiteral, Value: "null"}
	}
	return p.columnOrCall()
}

// isPlainColumn reports whether what follows the word ahead shows that it is
// a name though it is a keyword: a closing parenthesis, a comma, an operator.
func (p *parser) isPlainColumn() bool {
	t := p.peek(1)
	switch {
	case p.word("SELECT"):
		return false
	case t.kind == symbolToken && t.value == "(":
		return p.word("LIKE") || p.word("ILIKE") || p.word("RLIKE")
	case t.kind == symbolToken:
		return t.value != "*" && t.value != "-" && t.value != "+" && t.value != ":" && t.value != ";"
	default:
		return p.wordAt(1, "AS") || p.wordAt(1, "FROM") && !p.word("FROM")
	}
}

// columnOrCall parses a name and, if a parenthesis follows, its call.
func (p *parser) columnOrCall() Expr {
	start := p.start()
	column := &Column{Parts: []string{p.ident()}}
	for p.at(".") && p.isName(1) {
		p.advance()
		column.Parts = append(column.Parts, p.ident())
	}
	column.Range = p.from(start)
	if !p.at("(") || p.isBareQuery(1) {
		return column
	}
	return p.call(&Name{Range: column.Range, Parts: column.Parts})
}

// call parses the arguments of a function and the clauses after them.
func (p *parser) call(name *Name) Expr {
	e := &FunctionCall{Name: name}
	p.needSymbol("(")
	if !p.symbol(")") {
		e.Distinct = !p.symbolAt(1, ",") && p.accept("DISTINCT")
		if !e.Distinct && p.word("ALL") && !p.symbolAt(1, ",") && !p.symbolAt(1, ")") {
			p.advance()
		}
		e.Args = commaList(p, p.argument)
		e.Nulls = p.nullTreatment()
		p.needSymbol(")")
	}
	return p.callClauses(name.Start, e)
}

// argument parses an argument, which may be named.
func (p *parser) argument() Expr {
	if !p.isName(0) || !p.symbolAt(1, "=>") {
		return p.expr()
	}
	start := p.start()
	name := p.ident()
	p.needSymbol("=>")
	value := p.expr()
	return &NamedArgument{Range: p.from(start), Name: name, Value: value}
}

// callClauses parses what may follow a call's arguments.
func (p *parser) callClauses(start int, e *FunctionCall) Expr {
	if p.accept("WITHIN", "GROUP") {
		p.parens(func() {
			p.need("ORDER", "BY")
			e.WithinGroup = commaList(p, p.sortItem)
		})
	}
	if p.word("FILTER") && p.symbolAt(1, "(") {
		p.advance()
		p.parens(func() {
			p.need("WHERE")
			e.Filter = p.expr()
		})
	}
	if nulls := p.nullTreatment(); nulls != "" {
		e.Nulls = nulls
	}
	if p.word("OVER") && (p.symbolAt(1, "(") || p.isName(1)) {
		p.advance()
		e.Over = p.window()
	}
	e.Range = p.from(start)
	return e
}

func (p *parser) nullTreatment() string {
	if !p.wordAt(1, "NULLS") {
		return ""
	}
	word := p.oneOf("IGNORE", "RESPECT")
	if word != "" {
		p.advance()
	}
	return word
}

// window parses a window specification or name.
func (p *parser) window() *Window {
	start := p.start()
	w := &Window{}
	if !p.symbol("(") {
		w.Name = p.ident()
		w.Range = p.from(start)
		return w
	}
	if p.isName(0) && !p.wordAt(1, "BY") && !p.word("ROWS") && !p.word("RANGE") {
		w.Name = p.ident()
	}
	if p.accept("PARTITION", "BY") || p.accept("DISTRIBUTE", "BY") {
		w.PartitionBy = commaList(p, p.expr)
	}
	if p.accept("ORDER", "BY") || p.accept("SORT", "BY") {
		w.OrderBy = commaList(p, p.sortItem)
	}
	if unit := p.oneOf("ROWS", "RANGE"); unit != "" {
		w.Frame = p.frame(unit)
	}
	p.needSymbol(")")
	w.Range = p.from(start)
	return w
}

func (p *parser) frame(unit string) *Frame {
	start := p.tokens[p.pos-1].Start
	f := &Frame{Unit: unit}
	between := p.accept("BETWEEN")
	f.Start = p.frameBound()
	if between {
		p.need("AND")
		f.End = p.frameBound()
	}
	f.Range = p.from(start)
	return f
}

func (p *parser) frameBound() *FrameBound {
	start := p.start()
	b := &FrameBound{}
	switch {
	case p.accept("CURRENT", "ROW"):
		b.Kind = "CURRENT ROW"
	case p.accept("UNBOUNDED"):
		b.Kind = "UNBOUNDED "
	default:
		b.Offset = p.binary(precComparison + 1)
	}
	if b.Kind != "CURRENT ROW" {
		side := p.oneOf("PRECEDING", "FOLLOWING")
		if side == "" {
			p.unexpected()
		}
		b.Kind += side
	}
	b.Range = p.from(start)
	return b
}

func (p *parser) cases() Expr {
	start := p.start()
	p.need("CASE")
	e := &Case{}
	if !p.word("WHEN") {
		e.Operand = p.expr()
	}
	for at := p.start(); p.accept("WHEN"); at = p.start() {
		cond := p.expr()
		p.need("THEN")
		then := p.expr()
		e.Whens = append(e.Whens, &When{Range: p.from(at), Cond: cond, Then: then})
	}
	if len(e.Whens) == 0 {
		p.missing("WHEN")
	}
	if p.accept("ELSE") {
		e.Else = p.expr()
	}
	p.need("END")
	e.Range = p.from(start)
	return e
}

// typedLiteral parses DATE'…' and its like.
func (p *parser) typedLiteral() Expr {
	start := p.start()
	word := p.advance().value
	value := p.stringLiteral()
	e := &Literal{Range: p.from(start), Value: value}
	switch word {
	case "DATE":
		e.Kind = DateLiteral
	case "TIMESTAMP_NTZ":
		e.Kind = TimestampNTZLiteral
	case "X":
		e.Kind = BinaryLiteral
		if len(value)%2 == 1 {
			value = "0" + value
		}
		if _, err := hex.DecodeString(value); err != nil {
			p.fail(start, "INVALID_TYPED_LITERAL", "42604", "The value of the typed literal X is not hexadecimal: '"+value+"'.")
		}
		e.Value = strings.ToUpper(value)
	default:
		e.Kind = TimestampLiteral
	}
	return e
}

// identifierClause parses IDENTIFIER(string) where an expression stands.
func (p *parser) identifierClause() Expr {
	start := p.start()
	name := p.name()
	text, ok := name.Expr.(*Literal)
	if !ok || text.Kind != StringLiteral {
		p.fail(start, "UNSUPPORTED_FEATURE", "0A000", "IDENTIFIER with an expression that is not a string literal is not supported here.")
		return &Column{Range: p.from(start)}
	}
	inner, err := ParseName(text.Value)
	if err != nil {
		p.fail(start, "IDENTIFIER_TOO_MANY_NAME_PARTS", "42601", "'"+text.Value+"' is not a valid identifier.")
		return &Column{Range: p.from(start)}
	}
	if p.at("(") {
		return p.call(&Name{Range: name.Range, Parts: inner.Parts})
	}
	return &Column{Range: name.Range, Parts: inner.Parts}
}
