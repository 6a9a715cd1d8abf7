package sql

import (
	"strconv"
	"strings"
)

func (p *printer) query(q *Query) {
	scopes := len(p.scopes)
	if q.With != nil {
		p.with(q.With)
	}
	p.body(q.Body)
	p.order(q)
	if q.Limit != nil {
		p.put(" LIMIT ", p.operand(q.Limit))
	}
	if q.Offset != nil {
		p.put(" OFFSET ", p.operand(q.Offset))
	}
	p.scopes = p.scopes[:scopes]
}

// with prints common tables. One that is read more than once must not be run
// more than once: inputs are scanned only once.
func (p *printer) with(n *With) {
	visible := &scope{names: map[string]bool{}}
	p.scopes = append(p.scopes, visible)
	p.put("WITH ")
	if n.Recursive {
		for _, t := range n.Tables {
			visible.names[strings.ToLower(t.Name)] = true
		}
		outer := p.hoisted
		p.hoisted = new([]string)
		tables := p.captured(func() { p.commonTables(n, visible) })
		p.put("RECURSIVE ")
		for _, input := range *p.hoisted {
			p.put(ident(input+hoistedSuffix), " AS MATERIALIZED (SELECT * FROM ", ident(input), "), ")
		}
		p.put(tables, " ")
		p.hoisted = outer
		return
	}
	p.commonTables(n, visible)
	p.put(" ")
}

func (p *printer) commonTables(n *With, visible *scope) {
	join(p, n.Tables, func(t *CommonTable) {
		name := strings.ToLower(t.Name)
		p.put(ident(t.Name), idents(t.Columns), " AS ")
		if p.references[name] <= 1 && !p.recursive {
			p.put("NOT ")
		}
		p.put("MATERIALIZED (")
		p.query(t.Query)
		p.put(")")
		visible.names[name] = true
	})
}

// hoistedSuffix makes the name of the common table that holds an input which a
// recursive query would otherwise scan once a round.
const hoistedSuffix = "_rows"

// order prints the clauses that order rows. On one machine SORT BY and CLUSTER
// BY order them all, and DISTRIBUTE BY does nothing.
func (p *printer) order(q *Query) {
	items := q.OrderBy
	if len(items) == 0 {
		items = q.SortBy
	}
	for _, e := range q.ClusterBy {
		items = append(items, &SortItem{Range: e.Pos(), Expr: e})
	}
	if len(items) > 0 {
		p.put(" ORDER BY ")
		p.sortItems(items)
	}
}

// sortItems prints sort keys with Spark's order of nulls.
func (p *printer) sortItems(items []*SortItem) {
	join(p, items, func(n *SortItem) {
		if n.Expr == nil {
			p.put("ALL")
		} else {
			p.expr(n.Expr)
		}
		nulls := n.Nulls
		switch {
		case nulls == "" && n.Desc:
			nulls = "LAST"
		case nulls == "":
			nulls = "FIRST"
		}
		if n.Desc {
			p.put(" DESC")
		}
		p.put(" NULLS ", nulls)
	})
}

func (p *printer) body(n QueryBody) {
	switch n := n.(type) {
	case *Select:
		p.selection(n)
	case *Values:
		p.put("SELECT * FROM ")
		p.values(n, nil)
	case *Query:
		p.put("(")
		p.query(n)
		p.put(")")
	case *SetOperation:
		p.setOperand(n.Left, setPrecedence(n.Kind))
		p.put(" ", n.Kind, " ")
		if n.All {
			p.put("ALL ")
		}
		p.setOperand(n.Right, setPrecedence(n.Kind)+1)
	}
}

func (p *printer) setOperand(n QueryBody, least int) {
	op, ok := n.(*SetOperation)
	if !ok || setPrecedence(op.Kind) >= least {
		p.body(n)
		return
	}
	p.put("(")
	p.body(n)
	p.put(")")
}

func (p *printer) selection(n *Select) {
	p.enterFrame(n.From)
	defer p.leaveFrame()
	p.put("SELECT ")
	if n.Distinct {
		p.put("DISTINCT ")
	}
	join(p, n.Items, p.selectItem)
	if len(n.From) > 0 {
		p.put(" FROM ")
		join(p, n.From, p.table)
	}
	for _, v := range n.LateralViews {
		p.lateralView(v)
	}
	p.condition(" WHERE ", n.Where)
	if n.GroupBy != nil {
		p.groupBy(n.GroupBy)
	}
	p.condition(" HAVING ", n.Having)
	if len(n.Windows) > 0 {
		p.put(" WINDOW ")
		join(p, n.Windows, func(w *NamedWindow) {
			p.put(ident(w.Name), " AS ")
			if w.Spec.isName() {
				p.put("(", ident(w.Spec.Name), ")")
				return
			}
			p.window(w.Spec)
		})
	}
	p.condition(" QUALIFY ", n.Qualify)
}

func (p *printer) condition(heading string, e Expr) {
	if e != nil {
		p.put(heading)
		p.expr(e)
	}
}

// selectItem prints an item with the name that Spark gives its column.
func (p *printer) selectItem(n *SelectItem) {
	if call, ok := n.Expr.(*FunctionCall); ok && isGenerator(call) {
		p.generatorItem(n, call)
		return
	}
	if len(n.Aliases) > 0 {
		p.fail(unsupported(n, "A list of aliases for "+n.Expr.String()))
	}
	p.expr(n.Expr)
	name := n.Alias
	if name == "" {
		name = p.outputName(n.Expr)
	}
	if name != "" {
		p.put(" AS ", ident(name))
	}
}

func (p *printer) groupBy(n *GroupBy) {
	p.put(" GROUP BY ")
	if n.All {
		p.put("ALL")
	}
	join(p, n.Items, p.groupingItem)
}

func (p *printer) groupingItem(e Expr) {
	switch e := e.(type) {
	case *GroupingSets:
		p.put(e.Kind, " (")
		join(p, e.Items, p.groupingItem)
		p.put(")")
	case *Tuple:
		p.put("(")
		join(p, e.Items, p.expr)
		p.put(")")
	default:
		p.expr(e)
	}
}

// values prints rows as a table whose columns Spark calls col1, col2, ….
func (p *printer) values(n *Values, a *Alias) {
	width := 1
	if row, ok := n.Rows[0].(*Tuple); ok {
		width = len(row.Items)
	}
	p.put("(VALUES ")
	join(p, n.Rows, func(e Expr) {
		row, ok := e.(*Tuple)
		if !ok {
			row = &Tuple{Range: e.Pos(), Items: []Expr{e}}
		}
		if len(row.Items) != width {
			p.fail(&Error{
				Class: "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", State: "42000", Range: e.Pos(),
				Text: "Expected " + strconv.Itoa(width) + " columns but found " + strconv.Itoa(len(row.Items)) + " in a row of VALUES.",
			})
		}
		p.put("(")
		join(p, row.Items, p.expr)
		p.put(")")
	})
	alias := Alias{Name: "values"}
	if a != nil {
		alias = *a
	}
	for i := len(alias.Columns); i < width; i++ {
		alias.Columns = append(alias.Columns[:i:i], "col"+strconv.Itoa(i+1))
	}
	p.put(") AS ", ident(alias.Name), idents(alias.Columns))
}

// isName reports whether the window is the name of another and no more.
func (n *Window) isName() bool {
	return n.Name != "" && n.PartitionBy == nil && n.OrderBy == nil && n.Frame == nil
}

func (p *printer) window(n *Window) {
	if n.isName() {
		p.put(ident(n.Name))
		return
	}
	gap := "("
	if n.Name != "" {
		p.put(gap, ident(n.Name))
		gap = " "
	}
	if len(n.PartitionBy) > 0 {
		p.put(gap, "PARTITION BY ")
		join(p, n.PartitionBy, p.expr)
		gap = " "
	}
	if len(n.OrderBy) > 0 {
		p.put(gap, "ORDER BY ")
		p.sortItems(n.OrderBy)
		gap = " "
	}
	if f := n.Frame; f != nil {
		p.put(gap, f.Unit, " ")
		if f.End != nil {
			p.put("BETWEEN ")
		}
		p.bound(f.Start)
		if f.End != nil {
			p.put(" AND ")
			p.bound(f.End)
		}
		gap = ""
	}
	if gap == "(" {
		p.put(gap)
	}
	p.put(")")
}

func (p *printer) bound(n *FrameBound) {
	if n.Offset != nil {
		p.put(p.operand(n.Offset), " ")
	}
	p.put(n.Kind)
}
