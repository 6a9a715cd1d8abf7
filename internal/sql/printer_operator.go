package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// needsCast reports whether a value must be cast where DuckDB, left alone,
// would not take it as Spark does: a string beside anything else, and a number
// beside a DOUBLE that DuckDB would make a FLOAT.
func needsCast(from, to schema.Type) bool {
	switch {
	case from == nil || to == nil:
		return false
	case from == schema.String:
		return to != schema.String && to != schema.Void
	}
	return to == schema.Double && (from == schema.Float || isDecimal(from))
}

// exprAs prints e as a value of type t, which is the common type of e and what
// stands beside it, or nil.
func (p *printer) exprAs(e Expr, t schema.Type) {
	if needsCast(p.typeOf(e), t) {
		p.put(p.cast(e, &TypeName{Range: e.Pos(), Type: t}, false))
		return
	}
	p.expr(e)
}

// besideAs is exprAs for an operand.
func (p *printer) besideAs(e Expr, t schema.Type) {
	if needsCast(p.typeOf(e), t) {
		p.exprAs(e, t)
		return
	}
	p.beside(e)
}

// chains are the operators whose operands on the left need no parentheses when
// they are of the same operator.
var chains = map[string]bool{"OR": true, "AND": true, "+": true, "-": true, "*": true, "||": true}

func (p *printer) binary(e *Binary) {
	switch e.Op {
	case "=", "<=>", "<>", "<", "<=", ">", ">=":
		p.checkOrder(e.Op, e, e.Left, e.Right)
	case "^":
		p.put("xor(", p.text(e.Left), ", ", p.text(e.Right), ")")
		return
	case "<<", ">>>":
		function := map[string]string{"<<": "spark_shiftleft(", ">>>": "spark_shiftrightunsigned("}[e.Op]
		p.put(p.typed(e.Left, func(x string) string { return function + x + ", " + p.text(e.Right) + ")" }))
		return
	case "DIV":
		t := p.commonTypeOf([]Expr{e.Left, e.Right})
		p.put("CAST(")
		p.besideAs(e.Left, t)
		p.put(" // ")
		p.divisor(e.Right, t)
		p.put(" AS BIGINT)")
		return
	case "+", "-":
		if p.dateArithmetic(e) {
			return
		}
	}
	if p.intervalOperator(e) {
		return
	}
	if arithmetic[e.Op] && p.decimalArithmetic(e) {
		return
	}
	p.operands(e)
}

// operands prints an operator and its operands, brought to a common type.
func (p *printer) operands(e *Binary) {
	t := p.operandType(e)
	left, ok := e.Left.(*Binary)
	if ok && chains[e.Op] && left.Op == e.Op {
		p.binary(left)
	} else {
		p.operandAs(e, e.Left, e.Right, t)
	}
	op := e.Op
	if op == "<=>" {
		op = "IS NOT DISTINCT FROM"
	}
	p.put(" ", op, " ")
	if op == "/" || op == "%" {
		p.divisor(e.Right, t)
		return
	}
	p.operandAs(e, e.Right, e.Left, t)
}

// arithmetic are the operators on numbers.
var arithmetic = map[string]bool{"+": true, "-": true, "*": true, "/": true, "%": true}

// comparison are the operators that compare.
var comparison = map[string]bool{"=": true, "<=>": true, "<>": true, "<": true, "<=": true, ">": true, ">=": true}

// operandType returns the type that the operands of a comparison or of
// arithmetic are brought to, or nil. Operands that have none are an error.
func (p *printer) operandType(e *Binary) schema.Type {
	a, b := p.typeOf(e.Left), p.typeOf(e.Right)
	if !arithmetic[e.Op] && !comparison[e.Op] {
		if (e.Op == "AND" || e.Op == "OR") && (isNumeric(a) || isNumeric(b)) {
			p.fail(mismatch("BINARY_OP_DIFF_TYPES", e.Range, "the operands of "+strconv.Quote(p.pretty(e))+" must be BOOLEAN."))
		}
		return nil
	}
	t := commonType(a, b)
	number := isNumeric(a) || isNumeric(b)
	switch {
	case t == nil && comparison[e.Op] && a != nil && b != nil && (isInterval(a) || isInterval(b)) && a != schema.String && b != schema.String,
		t == nil && number && (a == schema.Boolean || b == schema.Boolean),
		t == nil && number && comparison[e.Op] && (isTime(a) || isTime(b)):
		p.fail(mismatch("BINARY_OP_DIFF_TYPES", e.Range, "the left and right operands of "+strconv.Quote(p.pretty(e))+
			" have incompatible types ("+strconv.Quote(a.String())+" and "+strconv.Quote(b.String())+")."))
		return nil
	case arithmetic[e.Op] && !isNumeric(t):
		return nil
	case e.Op == "/":
		return schema.Double
	}
	return t
}

// operandAs prints an operand of e as type t. DuckDB gives an integer literal
// the type of what is beside it, however small, where Spark has INT.
func (p *printer) operandAs(e *Binary, x, other Expr, t schema.Type) {
	if e.Op == "||" {
		p.besideText(x)
		return
	}
	l, ok := x.(*Literal)
	if !ok || l.Kind != IntegerLiteral || !arithmetic[e.Op] || t != schema.Integer {
		p.besideAs(x, t)
		return
	}
	if beside := p.typeOf(other); beside == schema.Byte || beside == schema.Short {
		p.put("CAST(", p.text(l), " AS INTEGER)")
		return
	}
	p.expr(l)
}

// besideText prints an operand of a concatenation. A value that is no string is
// written as Spark writes it.
func (p *printer) besideText(e Expr) {
	t := p.typeOf(e)
	if t == nil || t == schema.String || t == schema.Binary || isNested(t) {
		p.beside(e)
		return
	}
	p.put(p.cast(e, &TypeName{Range: e.Pos(), Type: schema.String}, false))
}

// textFunctions are the functions whose first argument is a string, or bytes.
var textFunctions = map[string]bool{
	"ascii": true, "btrim": true, "char_length": true, "character_length": true, "contains": true, "endswith": true, "ilike": true,
	"initcap": true, "instr": true, "lcase": true, "left": true, "len": true, "length": true, "like": true, "lower": true, "lpad": true,
	"regexp": true, "regexp_count": true, "regexp_extract": true, "regexp_extract_all": true, "regexp_instr": true, "regexp_like": true,
	"regexp_replace": true, "regexp_substr": true, "repeat": true, "replace": true, "right": true, "rlike": true,
	"rpad": true, "split": true, "startswith": true, "substr": true, "substring": true, "substring_index": true, "translate": true,
	"trim": true, "ucase": true, "upper": true,
}

// withText returns a call of a function of text with its first argument as
// text. An array, map or struct is none.
func (p *printer) withText(e *FunctionCall) *FunctionCall {
	if len(e.Args) == 0 || !textFunctions[e.Func()] {
		return e
	}
	t := p.typeOf(e.Args[0])
	switch {
	case isNested(t):
		p.fail(mismatch("UNEXPECTED_INPUT_TYPE", e.Range, e.Func()+" takes a STRING and "+strconv.Quote(p.pretty(e.Args[0]))+" has the type "+strconv.Quote(t.String())+"."))
		return e
	case t == nil || t == schema.String || t == schema.Binary || t == schema.Void:
		return e
	}
	text := *e
	text.Args = append([]Expr{}, e.Args...)
	text.Args[0] = &Cast{Range: e.Args[0].Pos(), X: e.Args[0], Type: &TypeName{Range: e.Args[0].Pos(), Type: schema.String}}
	return &text
}

// decimalArithmetic prints an operator on decimals, whose result has the type
// that Spark gives it, and reports whether e is one.
func (p *printer) decimalArithmetic(e *Binary) bool {
	a, b, ok := p.decimals(e.Left, e.Right)
	if !ok {
		return false
	}
	t := decimalResult(e.Op, a, b)
	x, y := p.asDecimal(e.Left, a), p.asDecimal(e.Right, b)
	digits := a.Precision + b.Precision
	switch e.Op {
	case "/":
		y, digits = p.nonzero(e.Right, y), schema.MaxDecimalPrecision+1
	case "%":
		y, digits = p.nonzero(e.Right, y), 0
	case "+", "-":
		digits = max(a.Precision-a.Scale, b.Precision-b.Scale) + max(a.Scale, b.Scale) + 1
	}
	text := x + " " + e.Op + " " + y
	if digits > schema.MaxDecimalPrecision {
		text = "spark_decimal_" + strconv.Itoa(t.Scale) + "('" + e.Op + "', " + x + ", " + y + ")"
	}
	p.put("CAST(", text, " AS ", t.String(), ")")
	return true
}

// asDecimal returns an operand as a decimal of type t.
func (p *printer) asDecimal(e Expr, t schema.Decimal) string {
	if isDecimal(p.typeOf(e)) {
		return p.operand(e)
	}
	return "CAST(" + p.text(e) + " AS " + t.String() + ")"
}

// dateArithmetic prints x ± an interval. Whole days or longer leave a date a
// date in Spark, and anything shorter makes it a TIMESTAMP, where DuckDB makes it
// a TIMESTAMP_NTZ. It reports whether e is one.
func (p *printer) dateArithmetic(e *Binary) bool {
	x, i := e.Left, e.Right
	is := func(e Expr) bool {
		_, literal := e.(*Interval)
		return literal || isInterval(p.typeOf(e))
	}
	if is(x) && e.Op == "+" {
		x, i = i, x
	}
	if !is(i) || is(x) || isNumeric(p.typeOf(x)) {
		return false
	}
	if l, ok := x.(*Literal); ok && l.Kind == NullLiteral {
		return false
	}
	sign := ""
	if e.Op == "-" {
		sign = "-"
	}
	function := "spark_plus_time("
	if timePlusInterval(schema.Date, p.typeOf(i)) == schema.Date {
		function = "spark_plus_interval("
	}
	p.put(function, p.text(x), ", ", sign, p.operand(i), ")")
	return true
}

// maxGuards bounds how many divisors may be guarded inside one another: the
// guard repeats the divisor.
const maxGuards = 8

// divisor prints what is divided by, as type t, so that zero is an error as in
// Spark.
func (p *printer) divisor(e Expr, t schema.Type) {
	text := p.captured(func() { p.besideAs(e, t) })
	p.put(p.nonzero(e, text))
}

// nonzero returns the text of a divisor so that zero is an error. The guard
// repeats the divisor, so that one with a query in it is bound to a name.
func (p *printer) nonzero(e Expr, text string) string {
	l, ok := e.(*Literal)
	switch {
	case ok && l.Kind != StringLiteral && strings.Trim(l.Value, "0.") != "", p.guards >= maxGuards:
		return text
	case hasQuery(e):
		return let("freshet_divisor", text, `spark_nonzero("freshet_divisor")`)
	}
	return "spark_nonzero(" + text + ")"
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

// maxSubscripts bounds how many subscripts may repeat what is before them.
const maxSubscripts = 3

// subscript prints x[i]. Spark counts the elements of arrays from 0 and DuckDB
// from 1; one that is not there is an error in Spark. A map's keys stay as they
// are. Where the printer does not know what x is, the engine decides.
func (p *printer) subscript(e *Subscript) {
	x := p.operand(e.X)
	key, _ := e.Index.(*Literal)
	switch t := p.typeOf(e.X).(type) {
	case schema.Map, *schema.Struct:
		p.put(x, "[", p.text(e.Index), "]")
		return
	case nil:
		if key != nil && key.Kind == StringLiteral {
			p.put(x, "[", p.text(key), "]")
			return
		}
		x = p.subscripted("spark_item", e, x)
	case schema.Array:
		x = p.subscripted("spark_element", e, x)
	default:
		p.fail(&Error{
			Class: "INVALID_EXTRACT_BASE_FIELD_TYPE", State: "42000", Range: e.Range,
			Text: "Can't extract a value from " + strconv.Quote(p.pretty(e.X)) + ". Need a complex type [STRUCT, ARRAY, MAP] but got " +
				strconv.Quote(t.String()) + ".",
		})
	}
	p.put(x)
}

// subscripted applies a function of the engine's to x and e's index. It repeats
// its arguments, so that many in a row are bound to names.
func (p *printer) subscripted(function string, e *Subscript, x string) string {
	depth := 0
	for inner, ok := e.X.(*Subscript); ok; inner, ok = inner.X.(*Subscript) {
		depth++
	}
	if depth < maxSubscripts && !isComputed(e.X) {
		return function + "(" + x + ", " + p.text(e.Index) + ")"
	}
	return let("freshet_array", x, function+`("freshet_array", `+p.text(e.Index)+")")
}
