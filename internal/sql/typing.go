package sql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// output is a column that a query or table gives. Its type is nil where the
// printer does not know it, and DuckDB decides alone.
type output struct {
	name string
	typ  schema.Type
}

// source is a table of a FROM clause by its alias in lower case. One that is
// not known may have any column.
type source struct {
	alias   string
	columns []output
	known   bool
}

// provide makes the columns of a table known to the SELECT around.
func (p *printer) provide(a *Alias, columns []output) {
	if len(p.frames) == 0 {
		return
	}
	s := source{columns: columns, known: columns != nil}
	if a != nil {
		s.alias = strings.ToLower(a.Name)
		s.columns = renamed(columns, a.Columns)
	}
	f := p.frames[len(p.frames)-1]
	f.sources = append(f.sources, s)
}

// renamed returns columns with the names that an alias gives them.
func renamed(columns []output, names []string) []output {
	if len(names) == 0 {
		return columns
	}
	all := make([]output, len(columns))
	copy(all, columns)
	for i := range min(len(names), len(all)) {
		all[i].name = names[i]
	}
	return all
}

// outputsOf returns the columns of a table's schema.
func outputsOf(s *schema.Struct) []output {
	if s == nil {
		return nil
	}
	all := make([]output, len(s.Fields))
	for i, f := range s.Fields {
		all[i] = output{f.Name, f.Type}
	}
	return all
}

// columnType returns the type of a column and how many parts of its name are
// the column and what qualifies it; those after it are fields.
func (p *printer) columnType(parts []string) (t schema.Type, n int) {
	parts = p.unqualify(parts, 1)
	for _, l := range slices.Backward(p.lambdas) {
		if strings.EqualFold(l.name, parts[0]) {
			return l.typ, 1
		}
	}
	for _, f := range slices.Backward(p.frames) {
		if t, n, found := f.find(parts); found {
			return t, n
		}
	}
	return nil, 0
}

// find looks a column up among the tables of a FROM clause. It is found, of
// no known type, where a table of unknown columns may have it.
func (f *frame) find(parts []string) (t schema.Type, n int, found bool) {
	if len(parts) > 1 {
		for _, s := range f.sources {
			if s.alias == "" || s.alias != strings.ToLower(parts[0]) {
				continue
			}
			if !s.known {
				return nil, 0, true
			}
			if c := columnNamed(s.columns, parts[1]); c != nil {
				return c.typ, 2, true
			}
		}
	}
	open := false
	for _, s := range f.sources {
		if c := columnNamed(s.columns, parts[0]); c != nil {
			return c.typ, 1, true
		}
		open = open || !s.known
	}
	return nil, 0, open
}

func columnNamed(columns []output, name string) *output {
	for i := range columns {
		if strings.EqualFold(columns[i].name, name) {
			return &columns[i]
		}
	}
	return nil
}

// typeOf returns the type that Spark gives an expression, or nil.
func (p *printer) typeOf(e Expr) schema.Type {
	if t, ok := p.types[e]; ok {
		return t
	}
	t := p.findType(e)
	p.types[e] = t
	return t
}

func (p *printer) findType(e Expr) schema.Type {
	switch e := e.(type) {
	case *Literal:
		return literalType(e)
	case *Interval:
		return intervalType(e)
	case *Column:
		t, n := p.columnType(e.Parts)
		parts := p.unqualify(e.Parts, 1)
		for ; n > 0 && n < len(parts) && t != nil; n++ {
			t = fieldType(t, parts[n])
		}
		return t
	case *Unary:
		if e.Op == "NOT" {
			return schema.Boolean
		}
		if t := p.typeOf(e.X); t != schema.String {
			return t
		}
		return schema.Double
	case *Binary:
		return p.binaryType(e)
	case *In, *Between, *Like, *Is, *IsDistinct, *Exists:
		return schema.Boolean
	case *Case:
		return p.commonTypeOf(caseResults(e))
	case *Cast:
		return e.Type.Type
	case *FunctionCall:
		return p.functionType(p.spread(e))
	case *Subscript:
		return p.subscriptType(e)
	case *Field:
		return fieldType(p.typeOf(e.X), e.Name)
	case *ScalarSubquery:
		if _, columns := p.subquery(e.Query); len(columns) > 0 {
			return columns[0].typ
		}
	case *JSONPath:
		if p.typeOf(e.X) == schema.Variant {
			return schema.Variant
		}
		return schema.String
	}
	return nil
}

func (p *printer) subscriptType(e *Subscript) schema.Type {
	switch t := p.typeOf(e.X).(type) {
	case schema.Array:
		return t.Element
	case schema.Map:
		return t.Value
	case *schema.Struct:
		if name, ok := constant(e.Index); ok {
			return fieldType(t, name)
		}
	}
	return nil
}

// fieldType returns the type of a struct's field; of an array of structs, the
// array of the field.
func fieldType(t schema.Type, name string) schema.Type {
	switch t := t.(type) {
	case *schema.Struct:
		for _, f := range t.Fields {
			if strings.EqualFold(f.Name, name) {
				return f.Type
			}
		}
	case schema.Array:
		if element, ok := t.Element.(*schema.Struct); ok {
			if field := fieldType(element, name); field != nil {
				return schema.Array{Element: field, ContainsNull: true}
			}
		}
	}
	return nil
}

func literalType(e *Literal) schema.Type {
	switch e.Kind {
	case NullLiteral:
		return schema.Void
	case BooleanLiteral:
		return schema.Boolean
	case StringLiteral:
		return schema.String
	case BinaryLiteral:
		return schema.Binary
	case ByteLiteral:
		return schema.Byte
	case ShortLiteral:
		return schema.Short
	case LongLiteral:
		return schema.Long
	case FloatLiteral:
		return schema.Float
	case DoubleLiteral:
		return schema.Double
	case DateLiteral:
		return schema.Date
	case TimestampLiteral:
		return schema.Timestamp
	case TimestampNTZLiteral:
		return schema.TimestampNTZ
	case IntegerLiteral:
		if _, err := strconv.ParseInt(e.Value, 10, 32); err == nil {
			return schema.Integer
		}
		if _, err := strconv.ParseInt(e.Value, 10, 64); err == nil {
			return schema.Long
		}
	case DecimalLiteral:
	}
	return decimalType(e.Value)
}

// commonTypeOf returns the type that the values of all expressions are brought
// to, or nil.
func (p *printer) commonTypeOf(list []Expr) schema.Type {
	var t schema.Type = schema.Void
	for _, e := range list {
		if t = commonType(t, p.typeOf(e)); t == nil {
			return nil
		}
	}
	return t
}

func caseResults(e *Case) []Expr {
	var results []Expr
	for _, w := range e.Whens {
		results = append(results, w.Then)
	}
	if e.Else != nil {
		results = append(results, e.Else)
	}
	return results
}

func (p *printer) binaryType(e *Binary) schema.Type {
	switch e.Op {
	case "OR", "AND", "=", "<=>", "<>", "<", "<=", ">", ">=":
		return schema.Boolean
	case "DIV":
		return schema.Long
	case "<<", ">>", ">>>":
		return p.typeOf(e.Left)
	case "&", "|", "^":
		return commonType(p.typeOf(e.Left), p.typeOf(e.Right))
	case "||":
		return p.concatType([]Expr{e.Left, e.Right})
	}
	a, b := p.typeOf(e.Left), p.typeOf(e.Right)
	if t := intervalArithmetic(e.Op, a, b); t != nil {
		return t
	}
	if x, y, ok := p.decimals(e.Left, e.Right); ok {
		return decimalResult(e.Op, x, y)
	}
	switch t := commonType(a, b); {
	case a == schema.Date && isIntegral(b) || b == schema.Date && isIntegral(a):
		return schema.Date
	case t == nil || !isNumeric(t):
		return nil
	case e.Op == "/":
		return schema.Double
	default:
		return t
	}
}

// decimals returns the types of the operands of an operator on decimals, and
// whether it is one: an integer beside a decimal is one too, a literal with as
// many digits as it has.
func (p *printer) decimals(left, right Expr) (a, b schema.Decimal, ok bool) {
	x, y := p.typeOf(left), p.typeOf(right)
	if !isDecimal(x) && !isDecimal(y) {
		return a, b, false
	}
	exact := func(e Expr, t schema.Type) (schema.Decimal, bool) {
		if l, ok := e.(*Literal); ok && isIntegral(t) {
			return decimalType(l.Value), true
		}
		return exactNumber(t)
	}
	a, aOK := exact(left, x)
	b, bOK := exact(right, y)
	return a, b, aOK && bOK
}

// concatType returns the type of a concatenation.
func (p *printer) concatType(list []Expr) schema.Type {
	for _, e := range list {
		switch t := p.typeOf(e).(type) {
		case nil:
			return nil
		case schema.Array:
			return t
		default:
			if t == schema.Binary {
				return nil
			}
		}
	}
	return schema.String
}
