package pushdown

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Sites are the places of a query that read tables, or rows of functions, with
// the conditions that rows must meet there to have a part in the query's
// result.
type Sites map[sql.TableRef]*Site

// Site is one of [Sites].
type Site struct {
	conditions []condition
	alias      string   // "" for none
	name       []string // of a table
	frame      *frame
}

// condition is an expression and what its names are called at the site.
type condition struct {
	expr sql.Expr
	// names translates a column's name; nil leaves it.
	names func(parts []string) []string
	// extended says that rows meet it after an outer join, which may have put
	// nulls in their place.
	extended bool
}

// frame is the FROM clause that a site is in.
type frame struct {
	aliases []string // of its tables, lower case
	tables  int
	shared  map[string]bool // lower-case names that several of them may have
	natural bool
}

// Find returns the sites of a query.
func Find(q *sql.Query) Sites {
	s := Sites{}
	s.query(q, nil)
	return s
}

// Predicate returns what the site's conditions say of the table's columns.
func (s *Site) Predicate(columns *schema.Struct, fold func(sql.Expr) (Constant, bool)) delta.Predicate {
	var all []delta.Predicate
	for _, c := range s.conditions {
		t := Table{Schema: columns, Fold: fold, Resolve: func(parts []string) []string {
			if c.names != nil {
				if parts = c.names(parts); parts == nil {
					return nil
				}
			}
			return s.resolve(columns, parts)
		}}
		p := t.Predicate(c.expr)
		if p == nil || c.extended && nulls(p) == yes {
			continue
		}
		all = append(all, p)
	}
	return and(all...)
}

// resolve is [Table.Resolve] in a FROM clause.
func (s *Site) resolve(columns *schema.Struct, parts []string) []string {
	f := s.frame
	if f.natural || f.shared[strings.ToLower(parts[0])] {
		return nil
	}
	path := Named(columns, s.alias, s.name)(parts)
	if len(path) == len(parts) && len(parts) > 1 && slices.Contains(f.aliases, strings.ToLower(parts[0])) {
		return nil // a column of another table
	}
	return path
}

// answer is a truth value of SQL.
type answer int8

const (
	no answer = iota - 1
	unknown
	yes
)

// nulls returns the value of a predicate for a row of nulls.
func nulls(p delta.Predicate) answer {
	switch p := p.(type) {
	case delta.IsNull:
		return yes
	case delta.Not:
		return -nulls(p.Of)
	case delta.And:
		least := yes
		for _, q := range p {
			least = min(least, nulls(q))
		}
		return least
	case delta.Or:
		most := no
		for _, q := range p {
			most = max(most, nulls(q))
		}
		return most
	}
	return unknown
}

func (s Sites) query(q *sql.Query, conditions []condition) {
	if q.With != nil {
		for _, t := range q.With.Tables {
			s.query(t.Query, nil)
		}
	}
	if q.Limit != nil || q.Offset != nil {
		conditions = nil
		s.within(q.Limit, q.Offset)
	}
	for _, item := range q.OrderBy {
		s.within(item)
	}
	s.body(q.Body, conditions)
}

func (s Sites) body(b sql.QueryBody, conditions []condition) {
	switch b := b.(type) {
	case *sql.Select:
		s.selection(b, conditions)
	case *sql.Query:
		s.query(b, conditions)
	case *sql.SetOperation:
		s.body(b.Left, nil)
		s.body(b.Right, nil)
	case *sql.Values:
		s.within(b)
	}
}

// within finds the queries in expressions.
func (s Sites) within(nodes ...sql.Node) {
	for _, n := range nodes {
		if n == nil {
			continue
		}
		sql.Inspect(n, func(n sql.Node) bool {
			q, ok := n.(*sql.Query)
			if ok {
				s.query(q, nil)
			}
			return !ok
		})
	}
}

func (s Sites) selection(sel *sql.Select, outer []condition) {
	f := &frame{shared: map[string]bool{}}
	for _, ref := range sel.From {
		f.note(ref)
	}
	for _, v := range sel.LateralViews {
		f.tables++
		f.aliases = append(f.aliases, strings.ToLower(v.Table))
		for _, c := range v.Columns {
			f.shared[strings.ToLower(c)] = true
		}
	}
	conditions := through(sel, f, outer)
	if sel.Where != nil {
		conditions = append(conditions, condition{expr: sel.Where})
	}
	for _, ref := range sel.From {
		s.table(ref, conditions, f)
	}
	s.expressions(sel)
}

// expressions finds the queries in all of a SELECT but its FROM clause.
func (s Sites) expressions(sel *sql.Select) {
	rest := *sel
	rest.From = nil
	s.within(&rest)
}

// note makes the tables of a FROM clause known.
func (f *frame) note(ref sql.TableRef) {
	add := func(a *sql.Alias, name string) {
		if a != nil {
			name = a.Name
		}
		f.tables++
		f.aliases = append(f.aliases, strings.ToLower(name))
	}
	switch ref := ref.(type) {
	case *sql.Join:
		f.note(ref.Left)
		f.note(ref.Right)
		f.natural = f.natural || ref.Natural
		for _, n := range ref.Using {
			f.shared[strings.ToLower(n)] = true
		}
	case *sql.TableGroup:
		if ref.Alias != nil {
			add(ref.Alias, "")
			return
		}
		f.note(ref.Input)
	case *sql.Table:
		name := ""
		if n := len(ref.Name.Parts); n > 0 {
			name = ref.Name.Parts[n-1]
		}
		add(ref.Alias, name)
	case *sql.Subquery:
		add(ref.Alias, "")
	case *sql.TableFunction:
		add(ref.Alias, "")
	case *sql.InlineTable:
		add(ref.Alias, "")
	case *sql.StatementTable:
		add(ref.Alias, "")
	default:
		f.tables++
	}
}

// table hands the conditions on a FROM item's rows to the tables in it.
func (s Sites) table(ref sql.TableRef, conditions []condition, f *frame) {
	switch ref := ref.(type) {
	case *sql.Table:
		s.site(ref, ref.Name.Parts, ref.Alias, ref.Sample, conditions, f)
	case *sql.TableFunction:
		s.within(ref)
		s.site(ref, nil, ref.Alias, ref.Sample, conditions, f)
	case *sql.Subquery:
		s.query(ref.Query, ofSubquery(ref, conditions, f))
	case *sql.TableGroup:
		if ref.Alias != nil || ref.Sample != nil {
			s.table(ref.Input, nil, f)
			return
		}
		s.table(ref.Input, conditions, f)
	case *sql.Join:
		s.join(ref, conditions, f)
	default:
		s.within(ref)
	}
}

// site notes the conditions on rows whose columns keep their names.
func (s Sites) site(ref sql.TableRef, name []string, alias *sql.Alias, sample *sql.Sample, conditions []condition, f *frame) {
	if sample != nil || len(conditions) == 0 || alias != nil && alias.Columns != nil {
		return
	}
	site := &Site{conditions: conditions, name: name, frame: f}
	if alias != nil {
		site.alias = alias.Name
	}
	s[ref] = site
}

// join tells which conditions hold on each side of a join: those of the join
// where it leaves out rows that do not meet them, and those of what is around.
func (s Sites) join(j *sql.Join, conditions []condition, f *frame) {
	s.within(j.On)
	extended := slices.Clone(conditions)
	for i := range extended {
		extended[i].extended = true
	}
	on := func(list []condition) []condition {
		if j.On == nil {
			return list
		}
		return append(slices.Clone(list), condition{expr: j.On})
	}
	left, right := conditions, conditions
	switch j.Kind {
	case "INNER", "CROSS":
		left, right = on(left), on(right)
	case "LEFT":
		right = on(extended)
	case "RIGHT":
		left = on(extended)
	case "FULL":
		left, right = extended, extended
	case "LEFT SEMI":
		left, right = on(left), on(nil)
	case "LEFT ANTI":
		right = on(nil)
	default:
		left, right = nil, nil
	}
	s.table(j.Left, left, f)
	s.table(j.Right, right, f)
}

// ofSubquery returns the conditions on a subquery's rows with the names of its
// columns.
func ofSubquery(ref *sql.Subquery, conditions []condition, f *frame) []condition {
	if ref.Lateral || ref.Sample != nil {
		return nil
	}
	return renamed(conditions, func(parts []string) []string {
		switch {
		case ref.Alias != nil && len(parts) > 1 && strings.EqualFold(ref.Alias.Name, parts[0]):
			parts = parts[1:]
		case f.tables > 1:
			return nil
		}
		if ref.Alias == nil || len(ref.Alias.Columns) == 0 {
			return parts
		}
		i := slices.IndexFunc(ref.Alias.Columns, func(n string) bool { return strings.EqualFold(n, parts[0]) })
		name := columnAt(ref.Query.Body, i)
		if name == "" {
			return nil
		}
		return append([]string{name}, parts[1:]...)
	})
}

// columnAt returns the name of a query's i-th column, "" when it is not known.
func columnAt(b sql.QueryBody, i int) string {
	sel, ok := b.(*sql.Select)
	if !ok || i < 0 || i >= len(sel.Items) {
		return ""
	}
	for _, item := range sel.Items[:i+1] {
		if _, star := item.Expr.(*sql.Star); star {
			return ""
		}
	}
	item := sel.Items[i]
	if column, ok := item.Expr.(*sql.Column); ok && item.Alias == "" {
		return column.Parts[len(column.Parts)-1]
	}
	return item.Alias
}

func renamed(conditions []condition, names func(parts []string) []string) []condition {
	out := slices.Clone(conditions)
	for i, c := range out {
		out[i].names = names
		if c.names != nil {
			out[i].names = func(parts []string) []string {
				if parts = c.names(parts); parts == nil {
					return nil
				}
				return names(parts)
			}
		}
	}
	return out
}

// through returns the conditions on a SELECT's result as ones on the rows of
// its FROM clause, none when the SELECT does more than choose columns.
func through(sel *sql.Select, f *frame, conditions []condition) []condition {
	if len(conditions) == 0 || sel.DistinctOn != nil || sel.GroupBy != nil || sel.Having != nil || sel.Qualify != nil || len(sel.LateralViews) > 0 {
		return nil
	}
	for _, item := range sel.Items {
		computes := false
		sql.Inspect(item, func(n sql.Node) bool {
			call, ok := n.(*sql.FunctionCall)
			computes = computes || ok && call.Over != nil
			return !computes
		})
		if computes {
			return nil
		}
	}
	return renamed(conditions, func(parts []string) []string { return chosen(sel, f, parts) })
}

// chosen returns the name, in a SELECT's FROM clause, of one of its columns.
func chosen(sel *sql.Select, f *frame, parts []string) []string {
	var found []string
	for _, item := range sel.Items {
		switch e := item.Expr.(type) {
		case *sql.Star:
			left := slices.ContainsFunc(e.Except, func(c *sql.Column) bool { return strings.EqualFold(c.Parts[len(c.Parts)-1], parts[0]) })
			if left {
				continue
			}
			if found != nil || f.tables > 1 {
				return nil
			}
			found = parts
		case *sql.Column:
			name := item.Alias
			if name == "" {
				name = e.Parts[len(e.Parts)-1]
			}
			if !strings.EqualFold(name, parts[0]) {
				continue
			}
			if found != nil {
				return nil
			}
			found = append(slices.Clone(e.Parts), parts[1:]...)
		default:
			if strings.EqualFold(item.Alias, parts[0]) {
				return nil
			}
		}
	}
	return found
}
