package sql

// Precedence of expressions, from the loosest to the tightest.
const (
	precNone = iota // lambdas and named arguments
	precOr
	precAnd
	precNot
	precPredicate
	precComparison
	precBitOr
	precBitXor
	precBitAnd
	precShift
	precAdd
	precMultiply
	precUnary
	precPrimary
)

// binaryPrecedence holds the operators of [Binary].
var binaryPrecedence = map[string]int{
	"OR": precOr, "AND": precAnd,
	"=": precComparison, "<=>": precComparison, "<>": precComparison,
	"<": precComparison, "<=": precComparison, ">": precComparison, ">=": precComparison,
	"|": precBitOr, "^": precBitXor, "&": precBitAnd,
	"<<": precShift, ">>": precShift, ">>>": precShift,
	"+": precAdd, "-": precAdd, "||": precAdd,
	"*": precMultiply, "/": precMultiply, "%": precMultiply, "DIV": precMultiply,
}

// precedence tells how tightly the outermost operator of e binds.
func precedence(e Expr) int {
	switch e := e.(type) {
	case *Lambda, *NamedArgument:
		return precNone
	case *Binary:
		return binaryPrecedence[e.Op]
	case *Unary:
		if e.Op == "NOT" {
			return precNot
		}
		return precUnary
	case *In, *Between, *Like, *Is, *IsDistinct:
		return precPredicate
	default:
		return precPrimary
	}
}

// operand writes e, in parentheses when it binds less tightly than least.
func (w *writer) operand(e Expr, least int) {
	if precedence(e) >= least {
		w.expr(e)
		return
	}
	w.put("(")
	w.expr(e)
	w.put(")")
}

func (w *writer) expr(e Expr) {
	switch e := e.(type) {
	case *Literal:
		w.literal(e)
	case *Interval:
		w.put("INTERVAL")
		for _, f := range e.Fields {
			w.put(" ")
			w.node(f)
		}
	case *Column:
		w.put(dotted(e.Parts))
	case *Star:
		w.star(e)
	case *Parameter:
		if e.Name == "" {
			w.put("?")
		} else {
			w.put(":", quoteName(e.Name))
		}
	case *Unary:
		w.unary(e)
	case *Binary:
		prec := binaryPrecedence[e.Op]
		w.operand(e.Left, prec)
		w.put(" ", e.Op, " ")
		w.operand(e.Right, prec+1)
	case *In, *Between, *Like, *Is, *IsDistinct:
		w.predicate(e)
	default:
		w.primary(e)
	}
}

func (w *writer) primary(e Expr) {
	switch e := e.(type) {
	case *Exists:
		w.put("EXISTS (")
		w.query(e.Query)
		w.put(")")
	case *ScalarSubquery:
		w.put("(")
		w.query(e.Query)
		w.put(")")
	case *Case:
		w.cases(e)
	case *Cast:
		w.when(e.Try, "TRY_")
		w.put("CAST(")
		w.expr(e.X)
		w.put(" AS ", typeText(e.Type.Type), ")")
	case *FunctionCall:
		w.call(e)
	case *NamedArgument:
		w.put(quoteName(e.Name), " => ")
		w.expr(e.Value)
	case *Lambda:
		w.lambda(e)
	case *Subscript:
		w.operand(e.X, precPrimary)
		w.put("[")
		w.expr(e.Index)
		w.put("]")
	case *Field:
		w.operand(e.X, precPrimary)
		w.put(".", quoteName(e.Name))
	case *Tuple:
		w.put("(")
		list(w, e.Items)
		w.put(")")
	case *GroupingSets:
		w.put(e.Kind, " (")
		list(w, e.Items)
		w.put(")")
	case *JSONPath:
		w.jsonPath(e)
	}
}

// literalForms holds what surrounds the value of a literal of each kind.
var literalForms = map[LiteralKind][2]string{
	BinaryLiteral: {"X'", "'"}, ByteLiteral: {"", "Y"}, ShortLiteral: {"", "S"}, LongLiteral: {"", "L"},
	DecimalLiteral: {"", "BD"}, FloatLiteral: {"", "F"}, DoubleLiteral: {"", "D"},
}

// typedLiterals holds the word before the string of a literal of each kind.
var typedLiterals = map[LiteralKind]string{
	StringLiteral: "", DateLiteral: "DATE", TimestampLiteral: "TIMESTAMP", TimestampNTZLiteral: "TIMESTAMP_NTZ",
}

func (w *writer) literal(e *Literal) {
	if word, ok := typedLiterals[e.Kind]; ok {
		w.put(word, quoteString(e.Value))
		return
	}
	switch e.Value {
	case "null", "true", "false":
		w.put(map[string]string{"null": "NULL", "true": "TRUE", "false": "FALSE"}[e.Value])
		return
	}
	form := literalForms[e.Kind]
	w.put(form[0], e.Value, form[1])
}

func (w *writer) star(e *Star) {
	if len(e.Qualifier) > 0 {
		w.put(dotted(e.Qualifier), ".")
	}
	w.put("*")
	clause(w, " EXCEPT (", e.Except, ")")
}

func (w *writer) unary(e *Unary) {
	w.put(e.Op)
	if e.Op == "NOT" {
		w.put(" ")
		w.operand(e.X, precNot)
		return
	}
	if x, ok := e.X.(*Unary); ok && x.Op == e.Op {
		w.put(" ") // two dashes would start a comment
	}
	w.operand(e.X, precUnary)
}

func (w *writer) predicate(e Expr) {
	not := func(n bool) string {
		if n {
			return " NOT"
		}
		return ""
	}
	switch e := e.(type) {
	case *In:
		w.operand(e.X, precComparison)
		w.put(not(e.Not), " IN (")
		if e.Query != nil {
			w.query(e.Query)
		}
		list(w, e.List)
		w.put(")")
	case *Between:
		w.operand(e.X, precComparison)
		w.put(not(e.Not), " BETWEEN ")
		w.operand(e.Low, precComparison)
		w.put(" AND ")
		w.operand(e.High, precComparison)
	case *Like:
		w.like(e, not(e.Not))
	case *Is:
		w.operand(e.X, precComparison)
		w.put(" IS", not(e.Not), " ", e.What)
	case *IsDistinct:
		w.operand(e.Left, precComparison)
		w.put(" IS", not(e.Not), " DISTINCT FROM ")
		w.operand(e.Right, precComparison)
	}
}

func (w *writer) like(e *Like, not string) {
	w.operand(e.X, precComparison)
	w.put(not, " ", e.Kind, " ")
	if e.Quantifier == "" {
		w.operand(e.Patterns[0], precComparison)
	} else {
		w.put(e.Quantifier, " (")
		list(w, e.Patterns)
		w.put(")")
	}
	w.when(e.Escape != "", " ESCAPE ", quoteString(e.Escape))
}

func (w *writer) cases(e *Case) {
	w.put("CASE ")
	if e.Operand != nil {
		w.expr(e.Operand)
		w.put(" ")
	}
	for _, n := range e.Whens {
		w.node(n)
		w.put(" ")
	}
	if e.Else != nil {
		w.put("ELSE ")
		w.expr(e.Else)
		w.put(" ")
	}
	w.put("END")
}

func (w *writer) call(e *FunctionCall) {
	w.callName(e.Name)
	w.put("(")
	w.when(e.Distinct, "DISTINCT ")
	list(w, e.Args)
	w.put(")")
	clause(w, " WITHIN GROUP (ORDER BY ", e.WithinGroup, ")")
	if e.Filter != nil {
		w.put(" FILTER (WHERE ")
		w.expr(e.Filter)
		w.put(")")
	}
	w.when(e.Nulls != "", " ", e.Nulls, " NULLS")
	if e.Over != nil {
		w.put(" OVER ")
		w.window(e.Over)
	}
}

func (w *writer) lambda(e *Lambda) {
	if len(e.Params) == 1 {
		w.put(quoteName(e.Params[0]))
	} else {
		w.names("(", e.Params, ")")
	}
	w.put(" -> ")
	w.expr(e.Body)
}

func (w *writer) jsonPath(e *JSONPath) {
	w.operand(e.X, precPrimary)
	w.put(":")
	for i, s := range e.Steps {
		switch s.Kind {
		case KeyStep:
			switch {
			case s.Exact:
				w.put("[", quoteString(s.Key), "]")
			case i > 0:
				w.put(".", quoteName(s.Key))
			default:
				w.put(quoteName(s.Key))
			}
		case IndexStep:
			w.put("[", formatInt(int64(s.Index)), "]")
		case WildcardStep:
			w.put("[*]")
		}
	}
}
