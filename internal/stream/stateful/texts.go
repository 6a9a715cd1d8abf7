package stateful

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/sql"
)

// kept returns the query that the state's columns come from.
func (p *Plan) kept() string {
	if p.duplicates != nil {
		return p.duplicates.keysOfRows(p, "")
	}
	return p.partsOfRows()
}

// groupsName is what the result's query calls the groups that are kept.
const groupsName = "__groups"

// from returns the part of the query from FROM to WHERE, with the windows that
// rows are in.
func (p *Plan) from() string {
	var out strings.Builder
	if n := len(p.top.From); n > 0 {
		out.WriteString(" FROM " + p.text[p.top.From[0].Pos().Start:p.top.From[n-1].Pos().End])
	}
	for _, g := range p.groups {
		if g.window != nil {
			out.WriteString(g.window.join)
		}
	}
	for _, v := range p.top.LateralViews {
		out.WriteString(" " + p.slice(v))
	}
	var where []string
	if p.top.Where != nil {
		where = append(where, "("+p.slice(p.top.Where)+")")
	}
	for _, g := range p.groups {
		if g.window != nil {
			where = append(where, "("+g.window.time+") IS NOT NULL")
			if g.window.where != "" {
				where = append(where, g.window.where)
			}
		}
	}
	if len(where) > 0 {
		out.WriteString(" WHERE " + strings.Join(where, " AND "))
	}
	return out.String()
}

// with returns the common tables of the query.
func (p *Plan) with() string {
	if p.query.With == nil {
		return ""
	}
	text := p.slice(p.query.With)
	if !strings.HasPrefix(strings.ToUpper(text), "WITH") {
		text = "WITH " + text
	}
	return text + " "
}

// argumentTypes returns the query whose columns have the types of the
// aggregates' first arguments, or "" when there are none.
func (p *Plan) argumentTypes() string {
	var items []string
	for _, a := range p.order {
		arg := "NULL"
		if len(a.call.Args) > 0 {
			if _, star := a.call.Args[0].(*sql.Star); !star {
				arg = p.slice(a.call.Args[0])
			}
		}
		items = append(items, arg+" AS "+numbered("a", len(items)))
	}
	if items == nil {
		return ""
	}
	return p.with() + "SELECT " + strings.Join(items, ", ") + p.from()
}

// partsOfRows returns the query for the keys and parts of a batch's rows. That
// of DISTINCT is the query itself.
func (p *Plan) partsOfRows() string {
	if p.distinct {
		return p.text
	}
	if p.duplicates != nil {
		return p.duplicates.keysOfRows(p, p.items())
	}
	var items, keys []string
	for i, g := range p.groups {
		items, keys = append(items, g.rows+" AS "+numbered("k", i)), append(keys, g.rows)
	}
	for i, part := range p.parts {
		items = append(items, part.rows+" AS "+numbered("p", i))
	}
	text := p.with() + "SELECT " + strings.Join(items, ", ") + p.from()
	if p.top.GroupBy != nil {
		text += " GROUP BY " + strings.Join(keys, ", ")
	}
	return text
}

// Batch returns the query as one over rows that are all there, which has the
// same columns: windows that overlap are told apart by no column.
func (p *Plan) Batch() string {
	if p.distinct {
		return p.text
	}
	if p.duplicates != nil {
		return p.with() + "SELECT " + p.items() + p.from()
	}
	bare := map[sql.Expr]bool{} // items that have the window's own name
	for _, item := range p.top.Items {
		bare[item.Expr] = item.Alias == ""
	}
	return p.rewrite(p.query, func(e sql.Expr) (string, bool) {
		for _, g := range p.groups {
			if g.window == nil {
				continue
			}
			if bare[e] && p.isWindow(e, g) {
				return g.window.tumbling() + " AS window", true
			}
			if c, ok := e.(*sql.Column); ok && strings.EqualFold(c.Parts[0], "window") && len(c.Parts) <= 2 {
				return strings.Join(append([]string{g.window.tumbling()}, c.Parts[1:]...), "."), true
			}
			if same(e, g.expr) {
				return g.window.tumbling(), true
			}
		}
		return "", false
	})
}

// tumbling returns a window of the same type without overlap.
func (w *window) tumbling() string { return "window(" + w.time + ", '1 minute')" }

// result returns the query for the result over the groups that are kept, of
// the columns k0, k1, … and p0, p1, …. The error says that it names a column
// that is neither grouped nor aggregated.
func (p *Plan) result() (string, error) {
	var missing sql.Expr
	swap := func(e sql.Expr) (string, bool) {
		for i, g := range p.groups {
			name := numbered("k", i)
			if g.expr == nil {
				continue
			}
			if c, ok := e.(*sql.Column); g.window != nil && ok && strings.EqualFold(c.Parts[0], "window") && len(c.Parts) <= 2 {
				return strings.Join(append([]string{name}, c.Parts[1:]...), "."), true
			}
			if same(e, g.expr) {
				return name, true
			}
		}
		if call, ok := e.(*sql.FunctionCall); ok {
			if a := p.calls[call.String()]; a != nil {
				return a.value, true
			}
		}
		if _, ok := e.(*sql.Column); ok && missing == nil {
			missing = e
		}
		return "", false
	}
	var items []string
	for _, item := range p.top.Items {
		items = append(items, p.rewrite(item.Expr, swap))
	}
	text := "SELECT " + strings.Join(items, ", ") + " FROM STREAM " + groupsName
	if p.top.Having != nil {
		text += " WHERE " + p.rewrite(p.top.Having, swap)
	}
	if missing != nil {
		return "", missingAggregation(p.slice(missing))
	}
	return text, nil
}

// rewrite returns the text of a node with some expressions in it replaced.
func (p *Plan) rewrite(n sql.Node, swap func(sql.Expr) (string, bool)) string {
	type change struct {
		at   sql.Range
		text string
	}
	var changes []change
	sql.Inspect(n, func(n sql.Node) bool {
		e, ok := n.(sql.Expr)
		if !ok {
			return true
		}
		text, ok := swap(e)
		if ok {
			changes = append(changes, change{e.Pos(), text})
		}
		return !ok
	})
	slices.SortFunc(changes, func(a, b change) int { return a.at.Start - b.at.Start })
	var out strings.Builder
	at := n.Pos().Start
	for _, c := range changes {
		out.WriteString(p.text[at:c.at.Start] + c.text)
		at = c.at.End
	}
	return out.String() + p.text[at:n.Pos().End]
}
