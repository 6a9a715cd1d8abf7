package sql

import "strings"

// outputName returns the name that Spark gives the column of an expression
// without an alias, or "" where the printed expression already has it.
func (p *printer) outputName(e Expr) string {
	switch e := e.(type) {
	case *Column, *Star:
		return ""
	case *Cast:
		switch x := e.X.(type) {
		case *Column:
			return x.Parts[len(x.Parts)-1]
		case *Field, *JSONPath:
			return p.outputName(x)
		}
	case *Field:
		return e.Name
	case *JSONPath:
		if s := e.Steps[len(e.Steps)-1]; s.Kind == KeyStep {
			return s.Key
		}
	}
	if pos := e.Pos(); pos.End-pos.Start > maxNamed {
		return ""
	}
	return p.pretty(e)
}

// maxNamed is the length of an expression's text beyond which its column is
// not named after it.
const maxNamed = 4096

// pretty returns an expression as Spark shows it in a column's name.
func (p *printer) pretty(e Expr) string {
	switch e := e.(type) {
	case *Literal:
		return prettyLiteral(e)
	case *Column:
		if len(e.Parts) > 1 {
			parts := p.unqualify(e.Parts, 1)
			if p.isQualifier(parts[0]) {
				parts = parts[1:]
			}
			return strings.Join(parts, ".")
		}
		return e.Parts[0]
	case *Star:
		return "*"
	case *Unary:
		return p.prettyUnary(e)
	case *Binary:
		return p.prettyBinary(e)
	case *In, *Between, *Like, *Is, *IsDistinct:
		return p.prettyPredicate(e)
	case *Cast:
		word := "CAST("
		if e.Try {
			word = "TRY_CAST("
		}
		return word + p.pretty(e.X) + " AS " + e.Type.String() + ")"
	case *Subscript:
		return p.pretty(e.X) + "[" + p.pretty(e.Index) + "]"
	case *Field:
		return p.pretty(e.X) + "." + e.Name
	case *Case:
		return p.prettyCase(e)
	case *FunctionCall:
		return p.prettyCall(e)
	case *ScalarSubquery:
		return "scalarsubquery()"
	case *Exists:
		return "exists()"
	default:
		return e.String()
	}
}

func prettyLiteral(e *Literal) string {
	switch e.Kind {
	case NullLiteral:
		return "NULL"
	case DateLiteral:
		return "DATE '" + e.Value + "'"
	case TimestampLiteral:
		return "TIMESTAMP '" + e.Value + "'"
	case TimestampNTZLiteral:
		return "TIMESTAMP_NTZ '" + e.Value + "'"
	case BinaryLiteral:
		return "X'" + e.Value + "'"
	case BooleanLiteral, StringLiteral, IntegerLiteral, ByteLiteral, ShortLiteral, LongLiteral, DecimalLiteral, FloatLiteral, DoubleLiteral:
	}
	return e.Value
}

func (p *printer) prettyPredicate(e Expr) string {
	negated := func(not bool, text string) string {
		if not {
			return "(NOT " + text + ")"
		}
		return text
	}
	switch e := e.(type) {
	case *In:
		list := p.prettyList(e.List)
		if e.Query != nil {
			list = "listquery()"
		}
		return negated(e.Not, "("+p.pretty(e.X)+" IN ("+list+"))")
	case *Between:
		return negated(e.Not, "between("+p.prettyList([]Expr{e.X, e.Low, e.High})+")")
	case *Like:
		if e.Kind == "RLIKE" {
			return negated(e.Not, "RLIKE("+p.pretty(e.X)+", "+p.pretty(e.Patterns[0])+")")
		}
		if e.Quantifier == "" {
			return negated(e.Not, p.pretty(e.X)+" "+e.Kind+" "+p.pretty(e.Patterns[0]))
		}
	case *Is:
		not := ""
		if e.Not {
			not = "NOT "
		}
		return "(" + p.pretty(e.X) + " IS " + not + e.What + ")"
	case *IsDistinct:
		return negated(!e.Not, "("+p.pretty(e.Left)+" <=> "+p.pretty(e.Right)+")")
	}
	return e.String()
}

func (p *printer) prettyUnary(e *Unary) string {
	if _, ok := e.X.(*Literal); ok && e.Op == "-" {
		return "-" + p.pretty(e.X)
	}
	if e.Op == "~" {
		return "~" + p.pretty(e.X)
	}
	return "(" + e.Op + " " + p.pretty(e.X) + ")"
}

func (p *printer) prettyBinary(e *Binary) string {
	left, right := p.pretty(e.Left), p.pretty(e.Right)
	switch e.Op {
	case "<>":
		return "(NOT (" + left + " = " + right + "))"
	case "||":
		return "concat(" + left + ", " + right + ")"
	}
	op := e.Op
	if op == "DIV" {
		op = "div"
	}
	return "(" + left + " " + op + " " + right + ")"
}

func (p *printer) prettyList(list []Expr) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = p.pretty(e)
	}
	return strings.Join(texts, ", ")
}

func (p *printer) prettyCase(e *Case) string {
	var b strings.Builder
	b.WriteString("CASE")
	for _, w := range e.Whens {
		cond := p.pretty(w.Cond)
		if e.Operand != nil {
			cond = "(" + p.pretty(e.Operand) + " = " + cond + ")"
		}
		b.WriteString(" WHEN " + cond + " THEN " + p.pretty(w.Then))
	}
	if e.Else != nil {
		b.WriteString(" ELSE " + p.pretty(e.Else))
	}
	return b.String() + " END"
}

func (p *printer) prettyCall(e *FunctionCall) string {
	e = p.spread(e)
	args := p.prettyList(e.Args)
	name := e.Func()
	if name == "count" && args == "*" {
		args = "1"
	}
	if e.Distinct {
		args = "DISTINCT " + args
	}
	text := name + "(" + args + ")"
	if e.Filter != nil {
		text += " FILTER (WHERE " + p.pretty(e.Filter) + ")"
	}
	if e.Over != nil {
		text += " OVER " + e.Over.String()
	}
	return text
}
