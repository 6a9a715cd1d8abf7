package trial_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// kind is the type of an expression, as far as the grammar tells them apart.
type kind int

const (
	integer kind = iota
	text
	decimal
	double
	boolean
	kinds
	// opaque are values whose last digits say in which order they came about;
	// nothing is computed from them.
	opaque = kinds
)

// column is a column of a relation.
type column struct {
	name string
	kind kind
}

// relation is something that stands after FROM, and its columns.
type relation struct {
	text    string
	columns []column
}

// named returns the columns as those of an alias.
func (r relation) named(alias string) []column {
	out := slices.Clone(r.columns)
	for i := range out {
		out[i].name = alias + "." + out[i].name
	}
	return out
}

// grammar makes random queries, which give the same rows whenever they are run
// over the same rows. Doubles are small multiples of a power of two, so that
// their sums do not depend on an order.
type grammar struct {
	*rand.Rand
	relations []relation
	aliases   int
}

func (g *grammar) chance(n int) bool { return g.IntN(n) == 0 }

// alias returns a name that nothing in the query has.
func (g *grammar) alias() string {
	g.aliases++
	return fmt.Sprintf("r%d", g.aliases)
}

// query returns a query, which may nest others so deep, and its columns.
func (g *grammar) query(depth int) (string, []column) {
	switch g.IntN(9) {
	case 0, 1, 2:
		return g.grouped(depth)
	case 3:
		return g.distinct(depth)
	case 4:
		return g.union(depth)
	case 5:
		return g.everything()
	}
	from, scope := g.from(depth)
	return g.selection(from, scope, g.kindsOf(1+g.IntN(4)), depth)
}

func (g *grammar) kindsOf(n int) []kind {
	list := make([]kind, n)
	for i := range list {
		list[i] = kind(g.IntN(int(kinds)))
	}
	return list
}

// selection returns a query that computes columns of the given kinds.
func (g *grammar) selection(from string, scope []column, of []kind, depth int) (string, []column) {
	items, columns := make([]string, len(of)), make([]column, len(of))
	for i, k := range of {
		columns[i] = column{fmt.Sprintf("c%d", i), k}
		items[i] = g.expr(scope, k, 2) + " AS " + columns[i].name
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + from + g.where(scope, depth), columns
}

func (g *grammar) where(scope []column, depth int) string {
	switch {
	case g.chance(2):
		return ""
	case depth > 0 && g.chance(5):
		return " WHERE " + g.subquery(scope)
	}
	return " WHERE " + g.expr(scope, boolean, 2)
}

// subquery is a condition that reads another relation.
func (g *grammar) subquery(scope []column) string {
	r, alias := oneOf(g.Rand, g.relations...), g.alias()
	inner := r.named(alias)
	k := oneOf(g.Rand, integer, text)
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%s IN (SELECT %s FROM %s %s)", g.expr(scope, k, 0), g.expr(inner, k, 0), r.text, alias)
	case 1:
		return fmt.Sprintf("%s > (SELECT avg(%s) FROM %s %s)", g.expr(scope, integer, 1), g.expr(inner, integer, 0), r.text, alias)
	case 2:
		return fmt.Sprintf("NOT EXISTS (SELECT 1 FROM %s %s WHERE %s = %s)", r.text, alias, g.expr(inner, k, 0), g.expr(scope, k, 0))
	}
	return fmt.Sprintf("EXISTS (SELECT 1 FROM %s %s WHERE %s = %s)", r.text, alias, g.expr(inner, k, 0), g.expr(scope, k, 0))
}

// from returns what stands after FROM, and the columns that it gives.
func (g *grammar) from(depth int) (string, []column) {
	r, alias := oneOf(g.Rand, g.relations...), g.alias()
	switch {
	case depth > 0 && g.chance(4):
		q, columns := g.query(depth - 1)
		return "(" + q + ") " + alias, relation{columns: columns}.named(alias)
	case depth > 0 && g.chance(4):
		return g.join(r, alias)
	}
	return r.text + " " + alias, r.named(alias)
}

func (g *grammar) join(left relation, l string) (string, []column) {
	right, r := oneOf(g.Rand, g.relations...), g.alias()
	both := slices.Concat(left.named(l), right.named(r))
	k := oneOf(g.Rand, integer, text)
	on := g.expr(left.named(l), k, 0) + " = " + g.expr(right.named(r), k, 0)
	if g.chance(3) {
		on += " AND " + g.expr(both, boolean, 1)
	}
	how := oneOf(g.Rand, "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN")
	if strings.HasSuffix(how, "SEMI JOIN") || strings.HasSuffix(how, "ANTI JOIN") {
		both = left.named(l)
	}
	return fmt.Sprintf("%s %s %s %s %s ON %s", left.text, l, how, right.text, r, on), both
}

// grouped returns a query with aggregates.
func (g *grammar) grouped(depth int) (string, []column) {
	from, scope := g.from(depth)
	var items, keys []string
	var columns []column
	for i := range g.IntN(3) {
		k := kind(g.IntN(int(kinds)))
		e := g.expr(scope, k, g.IntN(2))
		name := fmt.Sprintf("k%d", i)
		items = append(items, e+" AS "+name)
		columns = append(columns, column{name, k})
		keys = append(keys, oneOf(g.Rand, e, name, fmt.Sprint(i+1)))
		if strings.Trim(e, "-0123456789") == "" {
			keys[i] = name // a number is an ordinal
		}
	}
	for i := range 1 + g.IntN(3) {
		e, k := g.aggregate(scope)
		name := fmt.Sprintf("a%d", i)
		items = append(items, e+" AS "+name)
		columns = append(columns, column{name, k})
	}
	q := "SELECT " + strings.Join(items, ", ") + " FROM " + from + g.where(scope, depth)
	if len(keys) > 0 {
		switch g.IntN(10) {
		case 0:
			q += " GROUP BY ALL"
		case 1:
			q += " GROUP BY " + oneOf(g.Rand, "ROLLUP", "CUBE") + " (" + strings.Join(keys, ", ") + ")"
		default:
			q += " GROUP BY " + strings.Join(keys, ", ")
		}
	}
	if g.chance(5) {
		q += " HAVING " + oneOf(g.Rand, "count(*) > 1", "max("+g.expr(scope, integer, 0)+") > 3", "count(DISTINCT "+g.expr(scope, text, 0)+") < 3")
	}
	return q, columns
}

// aggregate returns an aggregate, and its kind.
func (g *grammar) aggregate(scope []column) (string, kind) {
	k := kind(g.IntN(int(kinds)))
	e := g.expr(scope, k, 1)
	filter := ""
	if g.chance(6) {
		filter = " FILTER (WHERE " + g.expr(scope, boolean, 1) + ")"
	}
	switch g.IntN(7) {
	case 0:
		return "count(*)" + filter, integer
	case 1:
		return "count(" + e + ")" + filter, integer
	case 2:
		return "count(DISTINCT " + e + ")" + filter, integer
	case 3:
		return "count_if(" + g.expr(scope, boolean, 1) + ")" + filter, integer
	case 4:
		return oneOf(g.Rand, "min", "max") + "(" + e + ")" + filter, k
	}
	for k == text || k == boolean {
		k = kind(g.IntN(int(kinds)))
	}
	e = g.expr(scope, k, 1)
	if g.chance(3) {
		return "avg(" + e + ")" + filter, opaque
	}
	return "sum(" + e + ")" + filter, k
}

func (g *grammar) distinct(depth int) (string, []column) {
	from, scope := g.from(depth)
	q, columns := g.selection(from, scope, g.kindsOf(1+g.IntN(2)), depth)
	return strings.Replace(q, "SELECT", "SELECT DISTINCT", 1), columns
}

func (g *grammar) union(depth int) (string, []column) {
	of := g.kindsOf(1 + g.IntN(3))
	var parts []string
	var columns []column
	for range 2 {
		from, scope := g.from(max(0, depth-1))
		q, of := g.selection(from, scope, of, 0)
		parts, columns = append(parts, q), of
	}
	return strings.Join(parts, oneOf(g.Rand, " UNION ALL ", " UNION ALL ", " UNION ALL ", " UNION ", " EXCEPT ", " INTERSECT ALL ")), columns
}

// everything returns all columns of a relation, those that it will have too.
func (g *grammar) everything() (string, []column) {
	r := oneOf(g.Rand, g.relations...)
	scope := r.named(r.text)
	return "SELECT * FROM " + r.text + g.where(scope, 0), r.columns
}

// expr returns an expression of a kind over the columns of a scope.
func (g *grammar) expr(scope []column, k kind, depth int) string {
	if depth > 0 && g.chance(2) {
		return g.compound(scope, k, depth-1)
	}
	var of []string
	for _, c := range scope {
		if c.kind == k {
			of = append(of, c.name)
		}
	}
	if len(of) > 0 && !g.chance(8) {
		return oneOf(g.Rand, of...)
	}
	return g.literal(k)
}

func (g *grammar) literal(k kind) string {
	switch k {
	case integer:
		return fmt.Sprint(g.IntN(8))
	case text:
		return "'" + oneOf(g.Rand, "a", "b", "B", "", "zoë") + "'"
	case decimal:
		return fmt.Sprintf("CAST(%d.%02d AS DECIMAL(10,2))", g.IntN(5), g.IntN(100))
	case double:
		return fmt.Sprintf("%g", float64(g.IntN(40))/4) + "D"
	case boolean, opaque:
	}
	return oneOf(g.Rand, "true", "false")
}

func (g *grammar) compound(scope []column, k kind, depth int) string {
	e := func(k kind) string { return g.expr(scope, k, depth) }
	switch g.IntN(5) {
	case 0:
		return "CASE WHEN " + e(boolean) + " THEN " + e(k) + " ELSE " + e(k) + " END"
	case 1:
		return "coalesce(" + e(k) + ", " + g.literal(k) + ")"
	}
	switch k {
	case integer:
		return oneOf(g.Rand, "("+e(integer)+" + "+e(integer)+")", "(- "+e(integer)+")", "("+e(integer)+" % 3)", "length("+e(text)+")", "CAST("+e(boolean)+" AS INT)")
	case text:
		return oneOf(g.Rand, "upper("+e(text)+")", "("+e(text)+" || "+e(text)+")", "substr("+e(text)+", 1, 1)", "CAST("+e(integer)+" AS STRING)")
	case decimal:
		return oneOf(g.Rand, "("+e(decimal)+" + 1.25)", "("+e(decimal)+" - "+e(decimal)+")", "CAST("+e(integer)+" AS DECIMAL(10,2))", "(- "+e(decimal)+")")
	case double:
		return oneOf(g.Rand, "("+e(double)+" * 0.5D)", "("+e(double)+" + "+e(integer)+")", "abs("+e(double)+")")
	case boolean, opaque:
	}
	like := oneOf(g.Rand, integer, text, decimal, double)
	return oneOf(g.Rand, "("+e(like)+" < "+e(like)+")", "("+e(like)+" IS NULL)", "("+e(like)+" IS NOT DISTINCT FROM "+e(like)+")", "("+e(boolean)+" AND "+e(boolean)+")",
		"("+e(boolean)+" OR "+e(boolean)+")", "(NOT "+e(boolean)+")", "("+e(integer)+" BETWEEN 1 AND 4)", "("+e(text)+" IN ('a', 'b', NULL))", "("+e(text)+" LIKE 'a%')")
}
