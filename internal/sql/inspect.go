package sql

import "strings"

// SelectAll returns SELECT * FROM n.
func SelectAll(n *Name) *Query {
	star := &SelectItem{Range: n.Range, Expr: &Star{Range: n.Range}}
	from := []TableRef{&Table{Range: n.Range, Name: n}}
	return &Query{Range: n.Range, Body: &Select{Range: n.Range, Items: []*SelectItem{star}, From: from}}
}

// IsDefault reports whether e is the word DEFAULT, which in VALUES and in the
// assignments of UPDATE and MERGE stands for a column's default.
func IsDefault(e Expr) bool {
	c, ok := e.(*Column)
	return ok && len(c.Parts) == 1 && strings.EqualFold(c.Parts[0], "DEFAULT")
}

// TableOf returns the table that an argument of a table function names, as a
// string, as a name, or as a table: f('s.t'), f(s.t) and f(TABLE(s.t)).
func TableOf(e Expr) (*Name, bool) {
	switch e := e.(type) {
	case *FunctionCall:
		if IsTableArgument(e) {
			return TableOf(e.Args[0])
		}
	case *Literal:
		if e.Kind != StringLiteral {
			return nil, false
		}
		n, err := ParseName(e.Value)
		if err != nil || n.Expr != nil {
			return nil, false
		}
		n.Range = e.Range
		return n, true
	case *Column:
		if len(e.Parts) > 3 {
			return nil, false
		}
		n := &Name{Range: e.Range, Parts: e.Parts}
		n.Quoted = n.isPathForm() && !isPlain(e.Parts[1])
		return n, true
	}
	return nil, false
}

// IsTableArgument reports whether an argument is TABLE(name).
func IsTableArgument(e Expr) bool {
	call, ok := e.(*FunctionCall)
	return ok && len(call.Name.Parts) == 1 && strings.EqualFold(call.Name.Parts[0], "TABLE") && len(call.Args) == 1
}

// ColumnNames returns the lower-case names, and parts of names, that may be a
// column of some table that q reads, and whether q may read columns without
// naming them, as * does. There are too many names rather than too few.
func ColumnNames(q *Query) (names map[string]bool, all bool) {
	names = map[string]bool{}
	add := func(list ...string) {
		for _, n := range list {
			names[strings.ToLower(n)] = true
		}
	}
	Inspect(q, func(n Node) bool {
		switch n := n.(type) {
		case *Column:
			add(n.Parts...)
		case *Field:
			add(n.Name)
		case *Join:
			add(n.Using...)
			all = all || n.Natural
		case *Alias:
			all = all || len(n.Columns) > 0 // they name columns by position
		case *Pivot:
			all = true // it groups by the columns not named
		case *Unpivot:
			all = true
		case *FunctionCall:
			if countsRows(n) {
				return false
			}
		case *Star:
			all = true
		}
		return true
	})
	return names, all
}

// countsRows reports whether a call is count(*), which reads no column.
func countsRows(n *FunctionCall) bool {
	if len(n.Args) != 1 || n.Filter != nil || n.Over != nil || n.Func() != "count" {
		return false
	}
	star, ok := n.Args[0].(*Star)
	return ok && len(star.Qualifier) == 0
}

// simple returns the SELECT that q is if it has no clause but its list and one
// table or table function.
func simple(q *Query) (*Select, TableRef) {
	if q.With != nil || q.Limit != nil || q.Offset != nil || len(q.OrderBy)+len(q.SortBy)+len(q.DistributeBy)+len(q.ClusterBy) > 0 {
		return nil, nil
	}
	s, ok := q.Body.(*Select)
	if !ok || s.Distinct || len(s.From) != 1 || len(s.LateralViews)+len(s.Windows) > 0 ||
		s.Where != nil || s.GroupBy != nil || s.Having != nil || s.Qualify != nil {
		return nil, nil
	}
	switch ref := s.From[0].(type) {
	case *Table:
		if ref.Sample == nil && (ref.Alias == nil || ref.Alias.Columns == nil) {
			return s, ref
		}
	case *TableFunction:
		if ref.Sample == nil && (ref.Alias == nil || ref.Alias.Columns == nil) && !isEngineFunction(ref) {
			return s, ref
		}
	}
	return nil, nil
}

// PlainScan returns the table that q is, if q is no more than SELECT * of it:
// such a query needs no engine.
func PlainScan(q *Query) (TableRef, bool) {
	s, ref := simple(q)
	if s == nil || len(s.Items) != 1 {
		return nil, false
	}
	star, ok := s.Items[0].Expr.(*Star)
	if !ok || len(star.Except) > 0 || len(star.Qualifier) > 0 {
		return nil, false
	}
	return ref, true
}

// IsAggregate reports whether a call computes one value of many rows.
func IsAggregate(call *FunctionCall) bool {
	parts := call.Name.Parts
	return call.Over == nil && isAggregate[strings.ToLower(parts[len(parts)-1])]
}

// isVolatile has the names of the functions that give another value each time.
var isVolatile = map[string]bool{
	"rand": true, "random": true, "randn": true, "uuid": true, "shuffle": true, "monotonically_increasing_id": true,
	"current_timestamp": true, "current_date": true, "now": true, "current_user": true,
}

// IsVolatile reports whether a function, by its name in lower case, may give
// another value each time it is called.
func IsVolatile(function string) bool { return isVolatile[function] }
