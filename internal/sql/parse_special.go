package sql

import (
	"strconv"
	"strings"
)

// specialCall parses the functions that take words among their arguments. It
// returns nil, and reads nothing, for others.
func (p *parser) specialCall(word string) Expr {
	switch word {
	case "CAST", "TRY_CAST":
		return p.cast(word == "TRY_CAST")
	case "EXISTS":
		if p.isQuery(2) || p.symbolAt(2, "(") && p.opensQuery(2) {
			start := p.start()
			p.advance()
			p.needSymbol("(")
			q := p.query()
			p.needSymbol(")")
			return &Exists{Range: p.from(start), Query: q}
		}
		return nil
	case "EXTRACT", "POSITION", "SUBSTRING", "SUBSTR", "TRIM", "OVERLAY":
		return p.wordyCall()
	case "STRUCT":
		return p.structCall()
	case "DATEADD", "DATE_ADD", "TIMESTAMPADD", "DATEDIFF", "DATE_DIFF", "TIMEDIFF", "TIMESTAMPDIFF":
		return p.unitCall()
	}
	return nil
}

// opensQuery reports whether the parentheses i tokens ahead begin a query.
func (p *parser) opensQuery(i int) bool {
	for p.symbolAt(i, "(") && i < maxNesting {
		i++
	}
	return p.isQuery(i)
}

func (p *parser) cast(try bool) Expr {
	start := p.start()
	p.advance()
	e := &Cast{Try: try}
	p.parens(func() {
		e.X = p.expr()
		p.need("AS")
		e.Type = p.castTypeName()
	})
	e.Range = p.from(start)
	return e
}

func functionName(at Range, name string) *Name {
	return &Name{Range: at, Parts: []string{name}}
}

func (p *parser) stringAt(at Range, s string) Expr {
	return &Literal{Range: at, Kind: StringLiteral, Value: s}
}

// wordyCall parses EXTRACT(f FROM x) and its like, and their plain forms.
func (p *parser) wordyCall() Expr {
	name := p.advance()
	e := &FunctionCall{Name: functionName(name.Range, name.text)}
	p.needSymbol("(")
	switch {
	case name.value == "TRIM":
		p.trim(e)
	case name.value == "EXTRACT":
		e.Name.Parts[0] = "date_part"
		unit := p.peek(0).Range
		e.Args = []Expr{p.stringAt(unit, strings.ToUpper(p.ident()))}
		p.need("FROM")
		e.Args = append(e.Args, p.expr())
	case name.value == "POSITION":
		// IN is an operator to an expression, but not to what it joins.
		e.Args = []Expr{p.binary(precComparison)}
		p.wordArguments(e, "IN")
	case p.symbol(")"):
		return p.callClauses(name.Start, e)
	default:
		e.Args = []Expr{p.expr()}
		if name.value == "OVERLAY" {
			p.wordArguments(e, "PLACING", "FROM", "FOR")
		} else {
			p.wordArguments(e, "FROM", "FOR")
		}
	}
	p.needSymbol(")")
	return p.callClauses(name.Start, e)
}

// wordArguments parses the arguments after the first, before which either
// commas stand or the words in this order.
func (p *parser) wordArguments(e *FunctionCall, words ...string) {
	if p.symbol(",") {
		e.Args = append(e.Args, commaList(p, p.argument)...)
		return
	}
	for _, w := range words {
		if p.accept(w) {
			e.Args = append(e.Args, p.expr())
		}
	}
}

// trim parses the arguments of TRIM in any form, and gives the call the name
// of the function of its side.
func (p *parser) trim(e *FunctionCall) {
	side := ""
	if !p.symbolAt(1, ",") && !p.symbolAt(1, ")") && !p.symbolAt(1, ".") {
		side = p.oneOf("BOTH", "LEADING", "TRAILING")
	}
	if side != "" {
		p.accept("FROM")
	}
	e.Args = []Expr{p.expr()}
	switch {
	case p.accept("FROM"):
		e.Args = append(e.Args, p.expr())
		if side == "" {
			side = "BOTH"
		}
	case p.symbol(","):
		e.Args = append(e.Args, commaList(p, p.expr)...)
	}
	switch side {
	case "LEADING":
		e.Name.Parts[0] = "ltrim"
	case "TRAILING":
		e.Name.Parts[0] = "rtrim"
	case "BOTH":
		e.Name.Parts[0] = "btrim"
		if len(e.Args) == 2 {
			e.Args[0], e.Args[1] = e.Args[1], e.Args[0]
		}
	}
}

// unitCall parses DATEADD(DAY, 1, x) and its like; the plain forms have two
// arguments.
func (p *parser) unitCall() Expr {
	name := p.advance()
	call := &Name{Range: name.Range, Parts: []string{name.text}}
	if p.peek(1).kind != wordToken || !p.symbolAt(2, ",") || unitOfTime(p.peek(1).value) == "" {
		return p.call(call)
	}
	before := p.pos
	e, ok := p.call(call).(*FunctionCall)
	if !ok || len(e.Args) != 3 {
		return e
	}
	unit := p.tokens[before+1]
	e.Args[0] = p.stringAt(unit.Range, unitOfTime(unit.value))
	return e
}

// structCall parses STRUCT(a, 1 AS b).
func (p *parser) structCall() Expr {
	name := p.advance()
	var items []*SelectItem
	p.needSymbol("(")
	if !p.symbol(")") {
		items = commaList(p, p.selectItem)
		p.needSymbol(")")
	}
	e := &FunctionCall{Name: functionName(name.Range, name.text)}
	for _, item := range items {
		if item.Alias != "" {
			e.Name.Parts[0] = "named_struct"
		}
	}
	for i, item := range items {
		if e.Name.Parts[0] == "named_struct" {
			e.Args = append(e.Args, p.stringAt(item.Range, fieldName(item, i)))
		}
		e.Args = append(e.Args, item.Expr)
	}
	return p.callClauses(name.Start, e)
}

// fieldName returns the name of field i of a struct made of items.
func fieldName(item *SelectItem, i int) string {
	if item.Alias != "" {
		return item.Alias
	}
	if c, ok := item.Expr.(*Column); ok {
		return c.Parts[len(c.Parts)-1]
	}
	return "col" + strconv.Itoa(i+1)
}

// unitOfTime returns a unit of time singular and upper case, or "".
func unitOfTime(word string) string {
	unit := strings.TrimSuffix(strings.ToUpper(word), "S")
	switch unit {
	case "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DAYOFYEAR", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND":
		return unit
	}
	return ""
}

// isInterval reports whether INTERVAL ahead begins a literal.
func (p *parser) isInterval() bool {
	i := 1
	if p.symbolAt(i, "-") || p.symbolAt(i, "+") {
		i++
	}
	k := p.peek(i).kind
	if k == stringToken {
		return true
	}
	next := p.peek(i + 1)
	return k == numberToken && next.kind == wordToken && unitOfTime(next.value) != ""
}

func (p *parser) interval() *Interval {
	start := p.start()
	p.need("INTERVAL")
	e := &Interval{}
	for len(e.Fields) == 0 || p.isIntervalField() {
		e.Fields = append(e.Fields, p.intervalField())
	}
	e.Range = p.from(start)
	return e
}

// isIntervalField reports whether a quantity and its unit are ahead.
func (p *parser) isIntervalField() bool {
	i := 0
	if p.symbolAt(i, "-") || p.symbolAt(i, "+") {
		return false // an operator
	}
	k := p.peek(i).kind
	next := p.peek(i + 1)
	return (k == numberToken || k == stringToken) && next.kind == wordToken && unitOfTime(next.value) != ""
}

func (p *parser) intervalField() *IntervalField {
	start := p.start()
	f := &IntervalField{}
	sign := ""
	for _, s := range []string{"-", "+"} {
		if sign == "" && p.symbol(s) {
			sign = s
		}
	}
	at := p.start()
	switch p.peek(0).kind {
	case numberToken:
		f.Value = p.number()
	case stringToken:
		value := p.stringLiteral()
		f.Value = p.stringAt(p.from(at), value)
	case endToken, wordToken, quotedToken, symbolToken, badToken:
		p.unexpected()
		f.Value = p.stringAt(p.from(at), "")
	}
	if sign != "" {
		f.Value = &Unary{Range: p.from(start), Op: sign, X: f.Value}
	}
	if t := p.peek(0); t.kind == wordToken {
		f.Unit = unitOfTime(t.value)
	}
	if f.Unit != "" {
		p.advance()
		if p.word("TO") && p.peek(1).kind == wordToken && unitOfTime(p.peek(1).value) != "" {
			p.advance()
			f.To = unitOfTime(p.advance().value)
		}
	}
	f.Range = p.from(start)
	return f
}
