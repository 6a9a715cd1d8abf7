package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

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
	case *Star:
		p.star(e)
	default:
		p.marked(e, func() { p.compound(e) })
	}
}

func (p *printer) compound(e Expr) {
	switch e := e.(type) {
	case *Interval:
		p.put(p.interval(e))
	case *Column:
		p.put(p.column(e))
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
		text, _ := p.subquery(e.Query)
		p.put("(", text, ")")
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
		p.checkField(e, p.typeOf(e.X), e.Name)
		p.put(fieldText("("+p.text(e.X)+")", p.typeOf(e.X), e.Name))
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

// column returns the name of a column or of a field in one. A field of an array
// of structs is the array of the field.
func (p *printer) column(e *Column) string {
	p.checkColumn(e)
	parts := p.unqualify(e.Parts, 1)
	t, n := p.columnType(e.Parts)
	if n == 0 || n == len(parts) {
		return dottedIdents(parts)
	}
	text := dottedIdents(parts[:n])
	for _, name := range parts[n:] {
		p.checkField(e, t, name)
		text = fieldText(text, t, name)
		t = fieldType(t, name)
	}
	return text
}

// fieldText returns the field of a struct, or the array of the field of an
// array of structs.
func fieldText(x string, t schema.Type, name string) string {
	if array, ok := t.(schema.Array); ok {
		if _, ok := array.Element.(*schema.Struct); ok {
			return "list_transform(" + x + ", lambda freshet_item: freshet_item." + ident(name) + ")"
		}
	}
	return x + "." + ident(name)
}

func dottedIdents(parts []string) string {
	quoted := make([]string, len(parts))
	for i, n := range parts {
		quoted[i] = ident(n)
	}
	return strings.Join(quoted, ".")
}

func (p *printer) unary(e *Unary) {
	switch e.Op {
	case "NOT":
		if t := p.typeOf(e.X); isNumeric(t) || isTime(t) {
			p.fail(mismatch("UNEXPECTED_INPUT_TYPE", e.Range, "NOT takes a BOOLEAN and "+strconv.Quote(p.pretty(e.X))+" has the type "+strconv.Quote(t.String())+"."))
		}
		p.put("NOT ")
		p.beside(e.X)
		return
	case "-":
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
	t := p.typeOf(e.X)
	if t == schema.String {
		t = schema.Double
	}
	p.put("(") // two dashes would start a comment
	p.exprAs(e.X, t)
	p.put(")")
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
		p.checkOrder("in", e, e.X)
		t := p.commonTypeOf(append([]Expr{e.X}, e.List...))
		p.besideAs(e.X, t)
		p.put(not(e.Not), " IN (")
		if e.Query != nil {
			p.query(e.Query)
		}
		join(p, e.List, func(item Expr) { p.exprAs(item, t) })
		p.put(")")
	case *Between:
		p.checkOrder(">=", e, e.X, e.Low, e.High)
		t := p.commonTypeOf([]Expr{e.X, e.Low, e.High})
		p.besideAs(e.X, t)
		p.put(not(e.Not), " BETWEEN ")
		p.besideAs(e.Low, t)
		p.put(" AND ")
		p.besideAs(e.High, t)
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
	x := p.captured(func() { p.besideText(e.X) })
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
		function := "spark_regexp_matches("
		if isPlainPattern(pattern) {
			function = "regexp_matches("
		}
		return not + function + x + ", " + p.captured(func() { p.besideText(pattern) }) + ")"
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
	t := p.commonTypeOf(caseResults(e))
	compared := []Expr{}
	if e.Operand != nil {
		compared = append(compared, e.Operand)
		for _, n := range e.Whens {
			compared = append(compared, n.Cond)
		}
	}
	of := p.commonTypeOf(compared)
	p.put("CASE ")
	if e.Operand != nil {
		p.besideAs(e.Operand, of)
		p.put(" ")
	}
	for _, n := range e.Whens {
		p.put("WHEN ")
		if e.Operand == nil {
			p.truth(n.Cond)
		} else {
			p.exprAs(n.Cond, of)
		}
		p.put(" THEN ")
		p.exprAs(n.Then, t)
		p.put(" ")
	}
	if e.Else != nil {
		p.put("ELSE ")
		p.exprAs(e.Else, t)
		p.put(" ")
	}
	p.put("END")
}

// truth prints a condition, which must be BOOLEAN.
func (p *printer) truth(e Expr) {
	if t := p.typeOf(e); t != nil && t != schema.Boolean && t != schema.Void {
		p.fail(mismatch("UNEXPECTED_INPUT_TYPE", e.Pos(), "the condition "+strconv.Quote(p.pretty(e))+" has the type "+strconv.Quote(t.String())+", not BOOLEAN."))
		return
	}
	p.expr(e)
}

func (p *printer) function(e *FunctionCall) {
	e = p.spread(e)
	if isGenerator(e) {
		p.fail(&Error{
			Class: "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS", State: "42K0E", Range: e.Range,
			Text: "The generator is not supported: nested in expressions " + e.String() + ".",
		})
		return
	}
	if isWindow[e.Func()] && e.Over == nil {
		p.fail(&Error{
			Class: "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE", State: "42601", Range: e.Range,
			Text: "Window function " + strconv.Quote(p.pretty(e)) + " requires an OVER clause.",
		})
		return
	}
	p.checkVariants(e)
	p.checkIntervals(e)
	text, err := sparkFunctions.render(p, p.withText(e))
	if err != nil {
		p.fail(err)
		return
	}
	p.put(text)
}

// jsonPath prints x:path, which is NULL where x is not JSON. A path through
// every element of an array gives the array of what it finds, as JSON.
func (p *printer) jsonPath(e *JSONPath) {
	if p.typeOf(e.X) == schema.Variant {
		p.variantPath(e)
		return
	}
	var path strings.Builder
	path.WriteString("$")
	every := false
	for _, s := range e.Steps {
		switch s.Kind {
		case KeyStep:
			path.WriteString(`."` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.Key) + `"`)
		case IndexStep:
			path.WriteString("[" + formatInt(int64(s.Index)) + "]")
		case WildcardStep:
			path.WriteString("[*]")
			every = true
		}
	}
	if every {
		p.put("CAST(to_json(json_extract(spark_json(", p.text(e.X), "), ", stringText(path.String()), ")) AS VARCHAR)")
		return
	}
	p.put("json_extract_string(spark_json(", p.text(e.X), "), ", stringText(path.String()), ")")
}
