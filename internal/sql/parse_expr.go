package sql

import "strings"

// expr parses an expression.
func (p *parser) expr() Expr {
	outer := p.height
	p.height = 0
	p.enter()
	e := p.lambda()
	if e == nil {
		e = p.boolean(precOr)
	}
	p.leave()
	p.height = max(outer, p.height+1)
	return e
}

// lambda parses x -> body or (x, y) -> body, or returns nil.
func (p *parser) lambda() Expr {
	start := p.start()
	var params []string
	switch {
	case p.isName(0) && p.symbolAt(1, "->"):
		params = []string{p.ident()}
	case p.isLambdaList():
		params = p.idents()
	default:
		return nil
	}
	p.needSymbol("->")
	body := p.expr()
	return &Lambda{Range: p.from(start), Params: params, Body: body}
}

// isLambdaList reports whether names between parentheses and an arrow are
// ahead.
func (p *parser) isLambdaList() bool {
	if !p.at("(") {
		return false
	}
	i := 1
	for p.isName(i) && p.symbolAt(i+1, ",") {
		i += 2
	}
	return p.isName(i) && p.symbolAt(i+1, ")") && p.symbolAt(i+2, "->")
}

// boolean parses operands of NOT and predicates joined by AND and OR that bind
// as tightly as least.
func (p *parser) boolean(least int) Expr {
	start := p.start()
	left := p.not()
	for {
		op := p.peek(0).value
		prec := binaryPrecedence[op]
		if !p.word(op) || prec < least || prec > precAnd {
			return left
		}
		p.advance()
		right := p.boolean(prec + 1)
		left = &Binary{Range: p.from(start), Op: op, Left: left, Right: right}
		p.grow()
	}
}

func (p *parser) not() Expr {
	start := p.start()
	if p.accept("NOT") || p.symbol("!") {
		p.enter()
		x := p.not()
		p.leave()
		p.grow()
		return &Unary{Range: p.from(start), Op: "NOT", X: x}
	}
	return p.predicate()
}

// predicate parses a value and at most one test of it.
func (p *parser) predicate() Expr {
	start := p.start()
	x := p.binary(precComparison)
	if p.accept("IS") {
		return p.is(start, x)
	}
	not := p.word("NOT")
	i := 0
	if not {
		i = 1
	}
	t := p.peek(i)
	if t.kind != wordToken {
		return x
	}
	switch t.value {
	case "IN", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "REGEXP":
		p.pos += i + 1
	default:
		return x
	}
	p.grow()
	switch t.value {
	case "IN":
		return p.in(start, x, not)
	case "BETWEEN":
		low := p.binary(precComparison)
		p.need("AND")
		high := p.binary(precComparison)
		return &Between{Range: p.from(start), X: x, Not: not, Low: low, High: high}
	default:
		return p.like(start, x, not, t.value)
	}
}

func (p *parser) is(start int, x Expr) Expr {
	p.grow()
	not := p.accept("NOT")
	if p.accept("DISTINCT") {
		p.need("FROM")
		right := p.binary(precComparison)
		return &IsDistinct{Range: p.from(start), Left: x, Not: not, Right: right}
	}
	what := p.oneOf("NULL", "TRUE", "FALSE", "UNKNOWN")
	if what == "" {
		p.unexpected()
	}
	return &Is{Range: p.from(start), X: x, Not: not, What: what}
}

func (p *parser) in(start int, x Expr, not bool) Expr {
	e := &In{X: x, Not: not}
	p.parens(func() {
		if p.isQuery(0) {
			e.Query = p.query()
			return
		}
		e.List = commaList(p, p.expr)
	})
	// IN ((SELECT …)) tests against a query too.
	if len(e.List) == 1 {
		if q, ok := e.List[0].(*ScalarSubquery); ok {
			e.List, e.Query = nil, q.Query
		}
	}
	e.Range = p.from(start)
	return e
}

func (p *parser) like(start int, x Expr, not bool, kind string) Expr {
	if kind == "REGEXP" {
		kind = "RLIKE"
	}
	e := &Like{X: x, Not: not, Kind: kind}
	if kind != "RLIKE" && p.symbolAt(1, "(") {
		e.Quantifier = strings.Replace(p.oneOf("ANY", "SOME", "ALL"), "SOME", "ANY", 1)
	}
	if e.Quantifier != "" {
		e.Patterns = parenList(p, p.expr)
	} else {
		e.Patterns = []Expr{p.binary(precComparison)}
	}
	if kind != "RLIKE" && p.accept("ESCAPE") {
		at := p.start()
		e.Escape = p.stringLiteral()
		if len([]rune(e.Escape)) != 1 {
			p.fail(at, "INVALID_ESCAPE_CHAR", "42604", "ESCAPE takes a string of one character.")
		}
		if e.Escape == `\` {
			e.Escape = ""
		}
	}
	e.Range = p.from(start)
	return e
}

// binary parses values joined by operators that bind as tightly as least.
func (p *parser) binary(least int) Expr {
	start := p.start()
	left := p.unary()
	for {
		op, tokens := p.operator()
		prec := binaryPrecedence[op]
		if tokens == 0 || prec < least {
			return left
		}
		p.pos += tokens
		right := p.binary(prec + 1)
		left = &Binary{Range: p.from(start), Op: op, Left: left, Right: right}
		p.grow()
	}
}

// operator returns the operator ahead and the number of its tokens, or 0.
func (p *parser) operator() (op string, tokens int) {
	t := p.peek(0)
	switch {
	case p.word("DIV"):
		return "DIV", 1
	case t.kind != symbolToken:
		return "", 0
	case t.value == "==":
		return "=", 1
	case t.value == "!=":
		return "<>", 1
	case t.value == ">":
		tokens = 1
		for tokens < 3 && p.symbolAt(tokens, ">") && p.peek(tokens).Start == p.peek(tokens-1).End {
			tokens++
		}
		return ">>>"[:tokens], tokens
	case binaryPrecedence[t.value] > 0:
		return t.value, 1
	default:
		return "", 0
	}
}

func (p *parser) unary() Expr {
	start := p.start()
	for _, op := range []string{"-", "+", "~"} {
		if p.symbol(op) {
			p.enter()
			x := p.unary()
			p.leave()
			p.grow()
			return &Unary{Range: p.from(start), Op: op, X: x}
		}
	}
	return p.postfix()
}

// postfix parses a primary expression and what accesses its parts.
func (p *parser) postfix() Expr {
	start := p.start()
	x := p.primary()
	for {
		switch {
		case p.symbol("["):
			index := p.expr()
			p.needSymbol("]")
			x = &Subscript{Range: p.from(start), X: x, Index: index}
		case p.at(".") && p.symbolAt(1, "*"):
			column, ok := x.(*Column)
			if !ok {
				p.unexpected()
				return x
			}
			p.pos += 2
			return p.star(start, column.Parts)
		case p.symbol("."):
			x = p.field(start, x)
		case p.symbol("::"):
			t := p.castTypeName()
			x = &Cast{Range: p.from(start), X: x, Type: t}
		case p.at(":") && (p.isName(1) || p.symbolAt(1, "[")):
			p.advance()
			x = p.jsonPath(start, x)
		default:
			return x
		}
		p.grow()
	}
}

func (p *parser) field(start int, x Expr) Expr {
	name := p.ident()
	if c, ok := x.(*Column); ok {
		return &Column{Range: p.from(start), Parts: append(c.Parts, name)}
	}
	return &Field{Range: p.from(start), X: x, Name: name}
}

func (p *parser) star(start int, qualifier []string) Expr {
	e := &Star{Qualifier: qualifier}
	if p.word("EXCEPT") && p.symbolAt(1, "(") && !p.isQuery(2) {
		p.advance()
		e.Except = parenList(p, p.column)
	}
	e.Range = p.from(start)
	return e
}

// column parses a name that can only be a column.
func (p *parser) column() *Column {
	start := p.start()
	c := &Column{Parts: []string{p.ident()}}
	for p.symbol(".") {
		c.Parts = append(c.Parts, p.ident())
	}
	c.Range = p.from(start)
	return c
}

// jsonPath parses a path up to its end; the colon is read.
func (p *parser) jsonPath(start int, x Expr) Expr {
	e := &JSONPath{X: x}
	if p.isName(0) {
		e.Steps = append(e.Steps, JSONStep{Key: p.ident()})
	}
	for p.err == nil {
		switch {
		case p.symbol("."):
			e.Steps = append(e.Steps, JSONStep{Key: p.ident()})
		case p.symbol("["):
			e.Steps = append(e.Steps, p.jsonBracket())
			p.needSymbol("]")
		default:
			e.Range = p.from(start)
			return e
		}
	}
	return e
}

func (p *parser) jsonBracket() JSONStep {
	switch t := p.peek(0); {
	case p.symbol("*"):
		return JSONStep{Kind: WildcardStep}
	case t.kind == stringToken:
		return JSONStep{Key: p.stringLiteral(), Exact: true}
	default:
		return JSONStep{Kind: IndexStep, Index: int(p.count(1 << 31))}
	}
}
