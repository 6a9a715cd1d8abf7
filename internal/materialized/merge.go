package materialized

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// merges are the aggregates of which that of all rows follows from those of
// some and of the others, and by which aggregate it does.
var merges = map[string]string{"count": "sum", "count_if": "sum", "sum": "sum", "min": "min", "max": "max"}

// mergeQuery returns the query that brings aggregates up to date: those of the
// added rows and those that are there, aggregated again. why says that the
// aggregates do not allow it.
func (v *View) mergeQuery() (text, why string) {
	sel, ok := v.Query.Body.(*sql.Select)
	if !ok || v.Query.With != nil || len(v.Query.OrderBy) > 0 || v.Query.OrderByAll || v.Query.Limit != nil || v.Query.Offset != nil ||
		sel.Having != nil || sel.Distinct || sel.Qualify != nil || len(sel.Windows) > 0 {
		return "", "only aggregates with GROUP BY alone are merged"
	}
	if why := oneRelation(sel); why != "" {
		return "", "it " + why
	}
	if v.Shaped {
		return "", "columns that are declared, and rows that are dropped, are not merged"
	}
	fields := v.Rows.Schema().Fields
	if len(fields) != len(sel.Items) {
		return "", "its columns are not those of its select list"
	}
	keys, why := v.groupKeys(sel)
	if why != "" {
		return "", why
	}
	items := make([]string, len(sel.Items))
	var groups []string
	for i, item := range sel.Items {
		column := schema.QuoteIdent(fields[i].Name)
		if keys[i] {
			items[i] = column
			groups = append(groups, column)
			continue
		}
		call, ok := item.Expr.(*sql.FunctionCall)
		if !ok || call.Distinct || call.Over != nil || merges[call.Func()] == "" || !sql.IsAggregate(call) {
			return "", item.Expr.String() + " is neither a key nor a count, sum, min or max"
		}
		if why := rowExpression(call, true); why != "" {
			return "", "it " + why
		}
		if t := fields[i].Type; call.Func() == "sum" && (t == schema.Double || t == schema.Float) {
			return "", "sums of floating point numbers depend on the order of rows"
		}
		items[i] = "CAST(" + merges[call.Func()] + "(" + column + ") AS " + fields[i].Type.String() + ") AS " + column
	}
	there := (&sql.Name{Parts: []string{"delta", v.Location}, Quoted: true}).String() + " VERSION AS OF " + strconv.FormatInt(v.Rows.Version(), 10)
	text = "SELECT " + strings.Join(items, ", ") + " FROM (SELECT * FROM " + there + " UNION ALL (" + v.Query.String() + "))"
	if len(groups) > 0 {
		text += " GROUP BY " + strings.Join(groups, ", ")
	}
	return text, ""
}

// groupKeys returns which items of a select list are keys of its groups. All
// keys must be there, as groups could not be told apart without.
func (v *View) groupKeys(sel *sql.Select) (keys []bool, why string) {
	keys = make([]bool, len(sel.Items))
	if sel.GroupBy == nil {
		return keys, ""
	}
	if sel.GroupBy.All {
		for i, item := range sel.Items {
			call, ok := item.Expr.(*sql.FunctionCall)
			keys[i] = !ok || !sql.IsAggregate(call)
			if keys[i] && rowExpression(item.Expr, false) != "" {
				return nil, item.Expr.String() + " is neither a key nor an aggregate"
			}
		}
		return keys, ""
	}
	for _, g := range sel.GroupBy.Items {
		i := v.itemOf(sel, g)
		if i < 0 {
			return nil, "the key " + g.String() + " is not among its columns"
		}
		keys[i] = true
	}
	return keys, ""
}

// itemOf returns the item of a select list that a key of GROUP BY is, or -1.
func (v *View) itemOf(sel *sql.Select, g sql.Expr) int {
	if l, ok := g.(*sql.Literal); ok {
		if n, err := strconv.Atoi(l.Value); err == nil && l.Kind == sql.IntegerLiteral && n >= 1 && n <= len(sel.Items) {
			return n - 1
		}
		return -1
	}
	c, isColumn := g.(*sql.Column)
	for i, item := range sel.Items {
		if item.Expr.String() == g.String() {
			return i
		}
		// A name is that of a column before it is that of an item.
		if isColumn && len(c.Parts) == 1 && strings.EqualFold(item.Alias, c.Parts[0]) && v.hasNoColumn(sel, c.Parts[0]) {
			return i
		}
	}
	return -1
}

// hasNoColumn reports whether the table that sel reads is known to have no
// column of a name.
func (v *View) hasNoColumn(sel *sql.Select, name string) bool {
	t, ok := sel.From[0].(*sql.Table)
	if !ok {
		return false
	}
	src, ok := v.Sources[t.Name.String()]
	return ok && src.Snapshot.Schema().Index(name) < 0
}
