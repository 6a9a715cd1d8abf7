package sql

import "strings"

// isAtom reports whether e is printed as one unit that any operator may stand
// beside.
func isAtom(e Expr) bool {
	switch e := e.(type) {
	case *Literal:
		return true
	case *Case, *FunctionCall:
		return false // a function may be printed as operators
	case *Interval:
		return len(e.Fields) == 1
	default:
		return precedence(e) == precPrimary
	}
}

// beside prints e as an operand.
func (p *printer) beside(e Expr) {
	if isAtom(e) {
		p.expr(e)
		return
	}
	p.put("(")
	p.expr(e)
	p.put(")")
}

func (p *printer) expr(e Expr) {
	if p.err != nil {
		return
	}
	switch e := e.(type) {
	case *Literal:
		p.put(p.literal(e))
	case *Interval:
		p.put(p.interval(e))
	case *Column:
		p.put(p.column(e.Parts))
	case *Star:
		p.star(e)
	case *Unary:
		p.unary(e)
	case *Binary:
		p.binary(e)
	case *In, *Between, *Like, *Is, *IsDistinct:
		p.predicate(e)
	case *Case:
		p.cases(e)
	case *Cast:
		p.put(p.cast(e.X, e.Type, e.Try))
	case *FunctionCall:
		p.function(e)
	default:
		p.structured(e)
	}
}

func (p *printer) structured(e Expr) {
	switch e := e.(type) {
	case *Exists:
		p.put("EXISTS (")
		p.query(e.Query)
		p.put(")")
	case *ScalarSubquery:
		p.put("(")
		p.query(e.Query)
		p.put(")")
	case *Lambda:
		names := make([]string, len(e.Params))
		for i, n := range e.Params {
			names[i] = ident(n)
		}
		p.put("lambda ", strings.Join(names, ", "), ": ")
		p.expr(e.Body)
	case *Subscript:
		p.subscript(e)
	case *Field:
		p.put("(", p.text(e.X), ").", ident(e.Name))
	case *Tuple:
		p.put("(")
		join(p, e.Items, p.expr)
		p.put(")")
	case *JSONPath:
		p.jsonPath(e)
	case *NamedArgument:
		p.fail(unsupported(e, "The argument "+e.Name+" by name"))
	case *Parameter:
		p.fail(&Error{
			Class: "UNBOUND_SQL_PARAMETER", State: "42P02", Range: e.Range,
			Text: "Found the unbound parameter: " + e.String() + ".",
		})
	default:
		p.fail(unsupported(e, e.String()))
	}
}

// column returns the name of a column or of a field in one.
func (p *printer) column(parts []string) string {
	return dottedIdents(p.unqualify(parts, 1))
}

func dottedIdents(parts []string) string {
	quoted := make([]string, len(parts))
	for i, n := range parts {
		quoted[i] = ident(n)
	}
	return strings.Join(quoted, ".")
}

func (p *printer) star(e *Star) {
	if len(e.Qualifier) > 0 {
		p.put(dottedIdents(p.unqualify(e.Qualifier, 0)), ".")
	}
	p.put("*")
	if len(e.Except) > 0 {
		p.put(" EXCLUDE (")
		join(p, e.Except, func(c *Column) { p.put(ident(c.Parts[len(c.Parts)-1])) })
		p.put(")")
	}
}

func (p *printer) unary(e *Unary) {
	switch {
	case e.Op == "NOT":
		p.put("NOT ")
		p.beside(e.X)
		return
	case e.Op == "-":
		if l, ok := e.X.(*Literal); ok {
			if text := negative(l); text != "" {
				p.put(text)
				return
			}
		}
	}
	p.put(e.Op)
	if l, ok := e.X.(*Literal); ok && negative(l) != "" {
		p.expr(l)
		return
	}
	p.put("(") // two dashes would start a comment
	p.expr(e.X)
	p.put(")")
}

// chains are the operators whose operands on the left need no parentheses when
// they are of the same operator.
var chains = map[string]bool{"OR": true, "AND": true, "+": true, "-": true, "*": true, "||": true}

func (p *printer) binary(e *Binary) {
	switch e.Op {
	case "^":
		p.put("xor(", p.text(e.Left), ", ", p.text(e.Right), ")")
		return
	case ">>>":
		p.fail(unsupported(e, "The operator >>>"))
		return
	case "DIV":
		p.put("CAST(")
		p.beside(e.Left)
		p.put(" // ")
		p.divisor(e.Right)
		p.put(" AS BIGINT)")
		return
	case "+", "-":
		if p.dateArithmetic(e) {
			return
		}
	}
	left, ok := e.Left.(*Binary)
	if ok && chains[e.Op] && left.Op == e.Op {
		p.binary(left)
	} else {
		p.beside(e.Left)
	}
	op := e.Op
	if op == "<=>" {
		op = "IS NOT DISTINCT FROM"
	}
	p.put(" ", op, " ")
	if op == "/" || op == "%" {
		p.divisor(e.Right)
		return
	}
	p.beside(e.Right)
}

// dateArithmetic prints x ± an interval of whole days or longer, which leaves a
// date a date in Spark, where DuckDB makes it a timestamp. It reports whether e
// is one.
func (p *printer) dateArithmetic(e *Binary) bool {
	x, i := e.Left, e.Right
	if _, ok := x.(*Interval); ok && e.Op == "+" {
		x, i = i, x
	}
	interval, ok := i.(*Interval)
	if _, twice := x.(*Interval); !ok || twice || !isCalendar(interval) {
		return false
	}
	if l, ok := x.(*Literal); ok && l.Kind == NullLiteral {
		return false
	}
	sign := ""
	if e.Op == "-" {
		sign = "-"
	}
	p.put("spark_plus_interval(", p.text(x), ", ", sign, p.operand(interval), ")")
	return true
}

// isCalendar reports whether an interval has no unit below the day.
func isCalendar(n *Interval) bool {
	for _, f := range n.Fields {
		switch f.Unit {
		case "YEAR", "QUARTER", "MONTH", "WEEK", "DAY":
		default:
			return false
		}
		if f.To != "" && f.To != "MONTH" {
			return false
		}
	}
	return true
}

// maxGuards bounds how many divisors may be guarded inside one another: the
// guard repeats the divisor.
const maxGuards = 8

// divisor prints what is divided by, so that zero is an error as in Spark. A
// divisor with a query in it is not guarded, for it would be run twice.
func (p *printer) divisor(e Expr) {
	l, ok := e.(*Literal)
	if ok && strings.Trim(l.Value, "0.") != "" || p.guards >= maxGuards || hasQuery(e) {
		p.beside(e)
		return
	}
	p.guards++
	p.put("spark_nonzero(", p.text(e), ")")
	p.guards--
}

// hasQuery reports whether e runs a query.
func hasQuery(e Expr) bool {
	found := false
	Inspect(e, func(n Node) bool {
		if _, ok := n.(*Query); ok {
			found = true
		}
		return !found
	})
	return found
}

func (p *printer) predicate(e Expr) {
	not := func(n bool) string {
		if n {
			return " NOT"
		}
		return ""
	}
	switch e := e.(type) {
	case *In:
		p.beside(e.X)
		p.put(not(e.Not), " IN (")
		if e.Query != nil {
			p.query(e.Query)
		}
		join(p, e.List, p.expr)
		p.put(")")
	case *Between:
		p.beside(e.X)
		p.put(not(e.Not), " BETWEEN ")
		p.beside(e.Low)
		p.put(" AND ")
		p.beside(e.High)
	case *Like:
		p.like(e)
	case *Is:
		what := e.What
		if what == "UNKNOWN" {
			what = "NULL"
		}
		p.beside(e.X)
		p.put(" IS", not(e.Not), " ", what)
	case *IsDistinct:
		p.beside(e.Left)
		p.put(" IS", not(e.Not), " DISTINCT FROM ")
		p.beside(e.Right)
	}
}

// like prints LIKE and RLIKE; a list of patterns is written out.
func (p *printer) like(e *Like) {
	x := p.operand(e.X)
	tests := make([]string, len(e.Patterns))
	for i, pattern := range e.Patterns {
		tests[i] = p.likeOne(e, x, pattern)
	}
	if len(tests) == 1 {
		p.put(tests[0])
		return
	}
	// NOT LIKE ANY is true when one of the patterns does not match.
	op := " OR "
	if e.Quantifier == "ALL" {
		op = " AND "
	}
	p.put("(", strings.Join(tests, op), ")")
}

func (p *printer) likeOne(e *Like, x string, pattern Expr) string {
	not := ""
	if e.Not {
		not = "NOT "
	}
	if e.Kind == "RLIKE" {
		return not + "regexp_matches(" + x + ", " + p.text(pattern) + ")"
	}
	escape := e.Escape
	if escape == "" {
		escape = `\`
	}
	text := x + " " + not + e.Kind + " " + p.operand(pattern)
	if l, ok := pattern.(*Literal); ok && !strings.Contains(l.Value, escape) {
		return text
	}
	return text + " ESCAPE " + stringText(escape)
}

func (p *printer) cases(e *Case) {
	p.put("CASE ")
	if e.Operand != nil {
		p.beside(e.Operand)
		p.put(" ")
	}
	for _, n := range e.Whens {
		p.put("WHEN ")
		p.expr(n.Cond)
		p.put(" THEN ")
		p.expr(n.Then)
		p.put(" ")
	}
	if e.Else != nil {
		p.put("ELSE ")
		p.expr(e.Else)
		p.put(" ")
	}
	p.put("END")
}

func (p *printer) function(e *FunctionCall) {
	if isGenerator(e) {
		p.fail(&Error{
			Class: "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", State: "42K0E", Range: e.Range,
			Text: "The generator is not supported: nested in expressions " + e.String() + ".",
		})
		return
	}
	text, err := sparkFunctions.render(p, e)
	if err != nil {
		p.fail(err)
		return
	}
	p.put(text)
}

// subscript prints x[i]. Spark counts the elements of arrays from 0 and DuckDB
// from 1, while a map's keys stay as they are: what a column is decides when
// the engine knows its type, and only a map or struct has keys that are
// strings.
func (p *printer) subscript(e *Subscript) {
	x := p.operand(e.X)
	if call, ok := e.X.(*FunctionCall); ok && strings.HasPrefix(call.Func(), "map") {
		p.put(x, "[", p.text(e.Index), "]")
		return
	}
	switch i := e.Index.(type) {
	case *Literal:
		if i.Kind == StringLiteral {
			p.put(x, "[", p.text(i), "]")
			return
		}
	}
	offset := "1"
	if _, ok := e.X.(*Column); ok {
		offset = "CASE WHEN typeof(" + x + ") LIKE 'MAP(%' THEN 0 ELSE 1 END"
	}
	p.put(x, "[", p.operand(e.Index), " + ", offset, "]")
}

// jsonPath prints x:path, which is NULL where x is not JSON. A path through
// every element of an array gives the array of what it finds, as JSON.
func (p *printer) jsonPath(e *JSONPath) {
	path := "$"
	every := false
	for _, s := range e.Steps {
		switch s.Kind {
		case KeyStep:
			path += `."` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.Key) + `"`
		case IndexStep:
			path += "[" + formatInt(int64(s.Index)) + "]"
		case WildcardStep:
			path += "[*]"
			every = true
		}
	}
	if every {
		p.put("CAST(to_json(json_extract(spark_json(", p.text(e.X), "), ", stringText(path), ")) AS VARCHAR)")
		return
	}
	p.put("json_extract_string(spark_json(", p.text(e.X), "), ", stringText(path), ")")
}
