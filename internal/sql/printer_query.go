package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// subquery returns the text and the columns of a query in an expression, which
// is printed once.
func (p *printer) subquery(q *Query) (string, []output) {
	done, ok := p.subqueries[q]
	if !ok {
		done.text = p.captured(func() { done.columns = p.query(q) })
		p.subqueries[q] = done
	}
	return done.text, done.columns
}

// query prints a query and returns its columns, or nil where they are not known.
func (p *printer) query(q *Query) []output {
	scopes := len(p.scopes)
	if q.With != nil {
		p.with(q.With)
	}
	columns := p.body(q.Body)
	// What orders rows may name the columns of the result, and others.
	p.frames = append(p.frames, &frame{sources: []source{{columns: columns, known: true}, {}}})
	p.order(q, columns)
	p.leaveFrame()
	if q.Limit != nil {
		p.put(" LIMIT ", p.operand(q.Limit))
	}
	if q.Offset != nil {
		p.put(" OFFSET ", p.operand(q.Offset))
	}
	p.scopes = p.scopes[:scopes]
	return columns
}

// with prints common tables. One that is read more than once must not be run
// more than once: inputs are scanned only once.
func (p *printer) with(n *With) {
	visible := &scope{columns: map[string][]output{}}
	p.scopes = append(p.scopes, visible)
	p.put("WITH ")
	if n.Recursive {
		for _, t := range n.Tables {
			visible.columns[strings.ToLower(t.Name)] = nil
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
		columns := renamed(p.query(t.Query), t.Columns)
		p.put(")")
		visible.columns[name] = columns
	})
}

// hoistedSuffix makes the name of the common table that holds an input which a
// recursive query would otherwise scan once a round.
const hoistedSuffix = "_rows"

// order prints the clauses that order rows. On one machine SORT BY and CLUSTER
// BY order them all, and DISTRIBUTE BY does nothing.
func (p *printer) order(q *Query, columns []output) {
	items := q.OrderBy
	if len(items) == 0 {
		items = q.SortBy
	}
	for _, e := range q.ClusterBy {
		items = append(items, &SortItem{Range: e.Pos(), Expr: e})
	}
	if len(items) > 0 {
		p.checkSortKeys(items, columns)
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
			p.checkOrder("sortorder", n.Expr, n.Expr)
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

func (p *printer) body(n QueryBody) []output {
	switch n := n.(type) {
	case *Select:
		return p.selection(n)
	case *Values:
		p.put("SELECT * FROM ")
		return p.values(n, nil)
	case *Query:
		p.put("(")
		defer p.put(")")
		return p.query(n)
	case *SetOperation:
		left := p.setOperand(n.Left, setPrecedence(n.Kind))
		p.put(" ", n.Kind, " ")
		if n.All {
			p.put("ALL ")
		}
		right := p.setOperand(n.Right, setPrecedence(n.Kind)+1)
		if left != nil && right != nil && len(left) != len(right) {
			p.fail(&Error{
				Class: "NUM_COLUMNS_MISMATCH", State: "42826", Range: n.Range,
				Text: n.Kind + " can only be performed on inputs with the same number of columns, but the first input has " +
					strconv.Itoa(len(left)) + " columns and the second input has " + strconv.Itoa(len(right)) + " columns.",
			})
		}
		if !n.All || n.Kind != "UNION" {
			p.checkRowsDiffer(n, left)
			p.checkRowsDiffer(n, right)
		}
		return united(left, right)
	}
	return nil
}

// united returns the columns of a set operation.
func united(left, right []output) []output {
	if len(left) != len(right) {
		return nil
	}
	all := make([]output, len(left))
	for i := range left {
		all[i] = output{left[i].name, commonType(left[i].typ, right[i].typ)}
	}
	return all
}

func (p *printer) setOperand(n QueryBody, least int) []output {
	op, ok := n.(*SetOperation)
	if !ok || setPrecedence(op.Kind) >= least {
		return p.body(n)
	}
	p.put("(")
	defer p.put(")")
	return p.body(n)
}

// selection prints a SELECT. Its tables come first, for their columns' types
// decide how the rest is printed.
func (p *printer) selection(n *Select) []output {
	p.enterFrame(n.From)
	defer p.leaveFrame()
	f := p.frames[len(p.frames)-1]
	for _, item := range n.Items {
		f.names = append(f.names, itemNames(item)...)
	}
	from := p.captured(func() {
		if len(n.From) > 0 {
			p.put(" FROM ")
			join(p, n.From, p.table)
		}
		for _, v := range n.LateralViews {
			p.lateralView(v)
		}
	})
	p.put("SELECT ")
	if n.Distinct {
		p.put("DISTINCT ")
	}
	if n.DistinctOn != nil {
		p.distinctOn(n.DistinctOn)
	}
	join(p, n.Items, p.selectItem)
	p.put(from)
	p.condition(" WHERE ", n.Where)
	if n.GroupBy != nil {
		p.checkGroups(n)
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
	columns := p.selected(n)
	if n.Distinct && n.DistinctOn == nil {
		p.checkRowsDiffer(n, columns)
	}
	return columns
}

// distinctOn prints the keys that rows are to differ in. Rows that are all
// there have no watermark.
func (p *printer) distinctOn(n *DistinctOn) {
	if n.WithinWatermark {
		p.fail(unsupported(n, "DISTINCT ON … WITHIN WATERMARK outside of a stream"))
		return
	}
	var keys []output
	for _, k := range n.Keys {
		keys = append(keys, output{name: k.String(), typ: p.typeOf(k)})
	}
	p.checkRowsDiffer(n, keys)
	p.put("ON (")
	join(p, n.Keys, p.expr)
	p.put(") ")
}

// selected returns the columns of a SELECT, or nil where they are not known.
func (p *printer) selected(n *Select) []output {
	columns := []output{}
	for _, item := range n.Items {
		switch e := item.Expr.(type) {
		case *Star:
			all := p.starred(e)
			if all == nil {
				return nil
			}
			columns = append(columns, all...)
			continue
		case *FunctionCall:
			if isGenerator(e) {
				made := outputsOfColumns(p.generated(e, false, itemNames(item)))
				if made == nil {
					return nil
				}
				columns = append(columns, made...)
				continue
			}
		}
		columns = append(columns, output{p.itemName(item), p.typeOf(item.Expr)})
	}
	return columns
}

// itemName returns the name of a select item's column.
func (p *printer) itemName(n *SelectItem) string {
	if n.Alias != "" {
		return n.Alias
	}
	if c, ok := n.Expr.(*Column); ok {
		return c.Parts[len(c.Parts)-1]
	}
	return p.outputName(n.Expr)
}

func (p *printer) condition(heading string, e Expr) {
	if e == nil {
		return
	}
	p.put(heading)
	if t := p.typeOf(e); t != nil && t != schema.Boolean && t != schema.Void {
		p.fail(mismatch("FILTER_NOT_BOOLEAN", e.Pos(), "the filter expression "+strconv.Quote(p.pretty(e))+" has the type "+
			strconv.Quote(t.String())+", not BOOLEAN."))
	}
	p.expr(e)
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
func (p *printer) values(n *Values, a *Alias) []output {
	width := 1
	if row, ok := n.Rows[0].(*Tuple); ok {
		width = len(row.Items)
	}
	p.put("(VALUES ")
	types := p.rowTypes(n, width)
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
		column := 0
		join(p, row.Items, func(item Expr) {
			p.exprAs(item, types[min(column, width-1)])
			column++
		})
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
	columns := make([]output, width)
	for i := range columns {
		columns[i] = output{alias.Columns[i], types[i]}
	}
	return columns
}

// rowTypes returns the types of the columns of rows.
func (p *printer) rowTypes(n *Values, width int) []schema.Type {
	types := make([]schema.Type, width)
	for i := range types {
		var items []Expr
		for _, e := range n.Rows {
			row, ok := e.(*Tuple)
			switch {
			case !ok:
				items = append(items, e)
			case i < len(row.Items):
				items = append(items, row.Items[i])
			}
		}
		types[i] = p.commonTypeOf(items)
	}
	return types
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
		p.checkPartitions(n.PartitionBy)
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
