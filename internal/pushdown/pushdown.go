// Package pushdown finds what a condition says of the columns of one table, so
// that a scan may leave out the files none of whose rows can meet it.
//
// A predicate made here is true for every row for which the condition is
// true, and may be true for others: what it cannot express is left out.
package pushdown

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Table is the table that conditions are about.
type Table struct {
	Schema *schema.Struct
	// Resolve returns the path of the table's column that a name in a
	// condition stands for, field by field, or nil when it is not known to be
	// one of the table's. See [Named].
	Resolve func(parts []string) []string
	// Fold computes an expression that names no column; false says that it
	// cannot. Nil folds literals alone.
	Fold func(e sql.Expr) (Constant, bool)
}

// Named resolves the columns of the only table of a statement: by its alias,
// or where it has none by its name or the end of its name.
func Named(s *schema.Struct, alias string, name []string) func(parts []string) []string {
	if alias != "" {
		name = []string{alias}
	}
	return func(parts []string) []string {
		for n := min(len(parts)-1, len(name)); n > 0; n-- {
			if slices.EqualFunc(parts[:n], name[len(name)-n:], strings.EqualFold) && s.Index(parts[n]) >= 0 {
				return parts[n:]
			}
		}
		if s.Index(parts[0]) >= 0 {
			return parts
		}
		return nil
	}
}

// Predicate returns what the conditions together say of the table's columns;
// nil is nothing. A nil condition says nothing.
func (t *Table) Predicate(conditions ...sql.Expr) delta.Predicate {
	var all []delta.Predicate
	for _, c := range conditions {
		if c != nil {
			all = append(all, t.when(c, true))
		}
	}
	return and(all...)
}

// never is true for no row.
var never = delta.Or{}

// and returns what is true when all are, ignoring those not known.
func and(list ...delta.Predicate) delta.Predicate {
	known := slices.DeleteFunc(list, func(p delta.Predicate) bool { return p == nil })
	switch len(known) {
	case 0:
		return nil
	case 1:
		return known[0]
	}
	return delta.And(known)
}

// or returns what is true when one is; nothing is known when one is not.
func or(list ...delta.Predicate) delta.Predicate {
	if slices.Contains(list, nil) {
		return nil
	}
	if len(list) == 1 {
		return list[0]
	}
	return delta.Or(list)
}

// when returns what is true for all rows for which e has a value, true or
// false; nil when nothing is known.
func (t *Table) when(e sql.Expr, value bool) delta.Predicate {
	switch e := e.(type) {
	case *sql.Unary:
		if e.Op == "NOT" {
			return t.when(e.X, !value)
		}
	case *sql.Binary:
		return t.binary(e, value)
	case *sql.Between:
		value = value != e.Not
		if value {
			return and(t.compare(e.X, delta.GreaterOrEqual, e.Low), t.compare(e.X, delta.LessOrEqual, e.High))
		}
		return or(t.compare(e.X, delta.Less, e.Low), t.compare(e.X, delta.Greater, e.High))
	case *sql.In:
		if e.Query == nil {
			return t.in(e, value != e.Not)
		}
	case *sql.Is:
		return t.is(e, value != e.Not)
	case *sql.IsDistinct:
		return t.same(e.Left, e.Right, value == e.Not)
	case *sql.Like:
		if value && !e.Not && e.Kind == "LIKE" && e.Quantifier == "" {
			return t.prefix(e)
		}
	case *sql.Column:
		return t.compare(e, delta.Equal, &sql.Literal{Kind: sql.BooleanLiteral, Value: boolText(value)})
	case *sql.Literal:
		if e.Kind == sql.NullLiteral || e.Kind == sql.BooleanLiteral && e.Value != boolText(value) {
			return never
		}
	}
	return nil
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// operators holds what each comparison says when it is true; flipped, what it
// says with its operands exchanged, and opposites when it is false.
var (
	operators = map[string]delta.Op{
		"=": delta.Equal, "<>": delta.NotEqual, "<": delta.Less, "<=": delta.LessOrEqual, ">": delta.Greater, ">=": delta.GreaterOrEqual,
	}
	flipped = map[delta.Op]delta.Op{
		delta.Equal: delta.Equal, delta.NotEqual: delta.NotEqual,
		delta.Less: delta.Greater, delta.LessOrEqual: delta.GreaterOrEqual, delta.Greater: delta.Less, delta.GreaterOrEqual: delta.LessOrEqual,
	}
	opposites = map[delta.Op]delta.Op{
		delta.Equal: delta.NotEqual, delta.NotEqual: delta.Equal,
		delta.Less: delta.GreaterOrEqual, delta.LessOrEqual: delta.Greater, delta.Greater: delta.LessOrEqual, delta.GreaterOrEqual: delta.Less,
	}
)

func (t *Table) binary(e *sql.Binary, value bool) delta.Predicate {
	switch e.Op {
	case "AND", "OR":
		left, right := t.when(e.Left, value), t.when(e.Right, value)
		if (e.Op == "AND") == value {
			return and(left, right)
		}
		return or(left, right)
	case "<=>":
		return t.same(e.Left, e.Right, value)
	}
	op, ok := operators[e.Op]
	if !ok {
		return nil
	}
	if !value {
		op = opposites[op]
	}
	if p := t.compare(e.Left, op, e.Right); p != nil {
		return p
	}
	return t.compare(e.Right, flipped[op], e.Left)
}

// same is x IS [NOT] DISTINCT FROM y: as =, but for nulls.
func (t *Table) same(left, right sql.Expr, value bool) delta.Predicate {
	column, constant := left, right
	if t.column(column) == nil {
		column, constant = right, left
	}
	path := t.column(column)
	if path == nil {
		return nil
	}
	null := delta.IsNull{Column: path}
	c, ok := t.constant(constant)
	switch {
	case !ok:
		return nil
	case c.Value == nil && value:
		return null
	case c.Value == nil:
		return delta.Not{Of: null}
	case value:
		return t.compare(column, delta.Equal, constant)
	}
	return or(null, t.compare(column, delta.NotEqual, constant))
}

func (t *Table) in(e *sql.In, value bool) delta.Predicate {
	var each []delta.Predicate
	for _, item := range e.List {
		if value {
			each = append(each, t.compare(e.X, delta.Equal, item))
		} else {
			each = append(each, t.compare(e.X, delta.NotEqual, item))
		}
	}
	if value {
		return or(each...)
	}
	return and(each...)
}

func (t *Table) is(e *sql.Is, value bool) delta.Predicate {
	switch e.What {
	case "NULL":
		path := t.column(e.X)
		switch {
		case path == nil:
			return nil
		case value:
			return delta.IsNull{Column: path}
		}
		return delta.Not{Of: delta.IsNull{Column: path}}
	case "TRUE", "FALSE":
		if value {
			return t.when(e.X, e.What == "TRUE")
		}
	}
	return nil // UNKNOWN, and what is not TRUE, may be null
}

// prefix is x LIKE 'abc%': x lies between 'abc' and what follows all texts
// that begin so.
func (t *Table) prefix(e *sql.Like) delta.Predicate {
	path := t.column(e.X)
	pattern, ok := e.Patterns[0].(*sql.Literal)
	if path == nil || t.typeOf(path) != schema.String || !ok || pattern.Kind != sql.StringLiteral || e.Escape != "" {
		return nil
	}
	n := strings.IndexAny(pattern.Value, `%_\`)
	if n < 0 {
		return delta.Comparison{Column: path, Op: delta.Equal, Value: pattern.Value}
	}
	low := pattern.Value[:n]
	if n == 0 || low[n-1] == 0xFF {
		return nil
	}
	high := low[:n-1] + string([]byte{low[n-1] + 1})
	return delta.And{
		delta.Comparison{Column: path, Op: delta.GreaterOrEqual, Value: low},
		delta.Comparison{Column: path, Op: delta.Less, Value: high},
	}
}

// column returns the path of the column that e is, or nil.
func (t *Table) column(e sql.Expr) []string {
	switch e := e.(type) {
	case *sql.Column:
		if path := t.Resolve(e.Parts); path != nil && t.typeOf(path) != nil {
			return path
		}
	case *sql.Field:
		if path := t.column(e.X); path != nil {
			if path = append(slices.Clone(path), e.Name); t.typeOf(path) != nil {
				return path
			}
		}
	}
	return nil
}

// typeOf returns the type of a column, nil when there is none of this path.
func (t *Table) typeOf(path []string) schema.Type {
	var typ schema.Type = t.Schema
	for _, name := range path {
		s, ok := typ.(*schema.Struct)
		i := -1
		if ok {
			i = s.Index(name)
		}
		if i < 0 {
			return nil
		}
		typ = s.Fields[i].Type
	}
	return typ
}
