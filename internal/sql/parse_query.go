package sql

// isQuery reports whether a query starts i tokens ahead.
func (p *parser) isQuery(i int) bool {
	next := p.peek(i + 1)
	switch {
	case p.wordAt(i, "SELECT"):
		return true
	case p.wordAt(i, "WITH"):
		return p.isName(i + 1)
	case p.wordAt(i, "VALUES"):
		return next.kind == numberToken || next.kind == stringToken || next.kind == quotedToken || p.symbolAt(i+1, "(") || p.symbolAt(i+1, "-") ||
			next.kind == wordToken && !noColumnAlias[next.value]
	case p.wordAt(i, "TABLE"):
		return p.isName(i+1) && !noColumnAlias[next.value]
	default:
		return false
	}
}

// isBareQuery reports whether a SELECT with or without common tables is i
// tokens ahead. After a parenthesis it is no argument of a call.
func (p *parser) isBareQuery(i int) bool {
	return p.wordAt(i, "SELECT") && !p.symbolAt(i+1, ")") || p.wordAt(i, "WITH") && p.isName(i+1) && p.wordAt(i+2, "AS")
}

// continuesQuery reports whether what is ahead makes a query in parentheses
// part of a larger one.
func (p *parser) continuesQuery() bool {
	t := p.peek(0)
	if t.kind != wordToken {
		return false
	}
	switch t.value {
	case "UNION", "EXCEPT", "INTERSECT", "MINUS", "SETMINUS", "LIMIT", "OFFSET":
		return true
	case "ORDER", "SORT", "CLUSTER", "DISTRIBUTE":
		return p.wordAt(1, "BY")
	default:
		return false
	}
}

// query parses a query: SELECT, VALUES, TABLE, or one in parentheses, with
// what surrounds it.
func (p *parser) query() *Query {
	start := p.start()
	p.enter()
	with := p.with()
	q := p.queryAfter(start, &Query{Body: p.setOperand()})
	q.With = with
	q.Range = p.from(start)
	p.leave()
	return q
}

// queryAfter parses what follows the first operand of a query.
func (p *parser) queryAfter(start int, q *Query) *Query {
	q.Body = p.setOperations(start, q.Body, 1)
	p.organization(q)
	q.Range = p.from(start)
	return q
}

func (p *parser) with() *With {
	start := p.start()
	if !p.accept("WITH") {
		return nil
	}
	w := &With{}
	w.Recursive = p.word("RECURSIVE") && p.isName(1) && !p.wordAt(1, "AS") && p.accept("RECURSIVE")
	w.Tables = commaList(p, p.commonTable)
	w.Range = p.from(start)
	return w
}

func (p *parser) commonTable() *CommonTable {
	start := p.start()
	t := &CommonTable{Name: p.ident()}
	if p.at("(") && !p.isQuery(1) {
		t.Columns = p.idents()
	}
	p.accept("AS")
	p.parens(func() { t.Query = p.query() })
	t.Range = p.from(start)
	return t
}

// setOperations parses the set operations that follow their first operand and
// bind as tightly as least.
func (p *parser) setOperations(start int, left QueryBody, least int) QueryBody {
	for {
		kind := ""
		switch {
		case p.word("UNION"):
			kind = "UNION"
		case p.word("INTERSECT"):
			kind = "INTERSECT"
		case p.word("EXCEPT"), p.word("MINUS"), p.word("SETMINUS"):
			kind = "EXCEPT"
		}
		if kind == "" || setPrecedence(kind) < least {
			return left
		}
		p.advance()
		all := p.accept("ALL")
		if !all {
			p.accept("DISTINCT")
		}
		at := p.start()
		right := p.setOperations(at, p.setOperand(), setPrecedence(kind)+1)
		left = &SetOperation{Range: p.from(start), Kind: kind, All: all, Left: left, Right: right}
		p.grow()
	}
}

// setOperand parses a query body that is no set operation.
func (p *parser) setOperand() QueryBody {
	start := p.start()
	switch {
	case p.accept("SELECT"):
		return p.selection(start)
	case p.word("VALUES"):
		return p.values()
	case p.accept("TABLE"):
		t := &Table{Name: p.name()}
		t.Range = t.Name.Range
		star := &SelectItem{Range: t.Range, Expr: &Star{Range: t.Range}}
		return &Select{Range: p.from(start), Items: []*SelectItem{star}, From: []TableRef{t}}
	case p.symbol("("):
		q := p.query()
		p.needSymbol(")")
		return unwrap(q)
	}
	p.unexpected()
	return &Select{Range: p.from(start)}
}

// unwrap returns a query in parentheses as an operand: its body, if it has
// nothing else.
func unwrap(q *Query) QueryBody {
	if q.With == nil && q.Limit == nil && q.Offset == nil &&
		len(q.OrderBy)+len(q.SortBy)+len(q.DistributeBy)+len(q.ClusterBy) == 0 {
		return q.Body
	}
	return q
}

// organization parses the clauses after a query's body.
func (p *parser) organization(q *Query) {
	for {
		switch {
		case p.accept("ORDER", "BY"):
			q.OrderBy = p.orderBy()
			q.OrderByAll = len(q.OrderBy) == 1 && q.OrderBy[0].Expr == nil
		case p.accept("SORT", "BY"):
			q.SortBy = commaList(p, p.sortItem)
		case p.accept("DISTRIBUTE", "BY"):
			q.DistributeBy = commaList(p, p.expr)
		case p.accept("CLUSTER", "BY"):
			q.ClusterBy = commaList(p, p.expr)
		case p.accept("LIMIT"):
			if !p.accept("ALL") {
				q.Limit = p.expr()
			}
		case p.accept("OFFSET"):
			q.Offset = p.expr()
		default:
			return
		}
	}
}

func (p *parser) orderBy() []*SortItem {
	start := p.start()
	if !p.word("ALL") || p.symbolAt(1, ",") || p.symbolAt(1, ".") || p.symbolAt(1, "(") {
		return commaList(p, p.sortItem)
	}
	p.advance()
	item := p.sortSuffix(&SortItem{})
	item.Range = p.from(start)
	return []*SortItem{item}
}

func (p *parser) sortItem() *SortItem {
	start := p.start()
	item := p.sortSuffix(&SortItem{Expr: p.expr()})
	item.Range = p.from(start)
	return item
}

func (p *parser) sortSuffix(item *SortItem) *SortItem {
	item.Desc = p.oneOf("ASC", "DESC") == "DESC"
	if p.accept("NULLS") {
		if item.Nulls = p.oneOf("FIRST", "LAST"); item.Nulls == "" {
			p.unexpected()
		}
	}
	return item
}

func (p *parser) values() *Values {
	start := p.start()
	p.need("VALUES")
	rows := commaList(p, p.expr)
	return &Values{Range: p.from(start), Rows: rows}
}

// selection parses a SELECT after its first word.
func (p *parser) selection(start int) *Select {
	s := &Select{}
	if s.Distinct = p.word("DISTINCT") && p.accept("DISTINCT"); !s.Distinct {
		p.selectAll()
	}
	if s.Distinct && p.word("ON") && p.symbolAt(1, "(") {
		s.DistinctOn = p.distinctOn()
	}
	s.Items = commaList(p, p.selectItem)
	if p.accept("FROM") {
		s.From = commaList(p, p.tableRef)
	}
	for p.word("LATERAL", "VIEW") {
		s.LateralViews = append(s.LateralViews, p.lateralView())
	}
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	if p.accept("GROUP", "BY") {
		s.GroupBy = p.groupBy()
	}
	if p.accept("HAVING") {
		s.Having = p.expr()
	}
	for {
		switch {
		case s.Qualify == nil && p.accept("QUALIFY"):
			s.Qualify = p.expr()
		case s.Windows == nil && p.accept("WINDOW"):
			s.Windows = commaList(p, p.namedWindow)
		default:
			s.Range = p.from(start)
			return s
		}
	}
}

// distinctOn parses ON (keys) [WITHIN WATERMARK] after DISTINCT.
func (p *parser) distinctOn() *DistinctOn {
	start := p.start()
	p.advance()
	d := &DistinctOn{}
	p.needSymbol("(")
	d.Keys = commaList(p, p.expr)
	p.needSymbol(")")
	d.WithinWatermark = p.accept("WITHIN", "WATERMARK")
	d.Range = p.from(start)
	return d
}

// selectAll skips the ALL of SELECT ALL, unless it is a column's name.
func (p *parser) selectAll() {
	next := p.peek(1)
	if p.word("ALL") && (next.kind != symbolToken || next.value == "*" || next.value == "(") && next.kind != endToken && !p.wordAt(1, "FROM") {
		p.advance()
	}
}

// selectItem parses an expression and its alias.
func (p *parser) selectItem() *SelectItem {
	start := p.start()
	item := &SelectItem{Expr: p.expr()}
	switch {
	case p.accept("AS"):
		if p.at("(") {
			item.Aliases = p.idents()
		} else {
			item.Alias = p.ident()
		}
	case p.isAlias(noColumnAlias):
		item.Alias = p.ident()
	}
	item.Range = p.from(start)
	return item
}

// isAlias reports whether a name is ahead that may be an alias without AS.
func (p *parser) isAlias(not map[string]bool) bool {
	t := p.peek(0)
	return t.kind == quotedToken || t.kind == wordToken && !not[t.value]
}

func (p *parser) namedWindow() *NamedWindow {
	start := p.start()
	w := &NamedWindow{Name: p.ident()}
	p.need("AS")
	w.Spec = p.window()
	w.Range = p.from(start)
	return w
}

func (p *parser) lateralView() *LateralView {
	start := p.start()
	p.need("LATERAL", "VIEW")
	v := &LateralView{}
	v.Outer = p.accept("OUTER")
	call, ok := p.columnOrCall().(*FunctionCall)
	if !ok {
		p.missing("(")
		call = &FunctionCall{Name: &Name{}}
	}
	v.Call = call
	if !p.word("AS") && p.isAlias(noColumnAlias) {
		v.Table = p.ident()
	}
	if p.accept("AS") {
		v.Columns = commaList(p, p.ident)
	} else if v.Table != "" && p.isAlias(noColumnAlias) {
		v.Columns = commaList(p, p.ident)
	}
	v.Range = p.from(start)
	return v
}

func (p *parser) groupBy() *GroupBy {
	start := p.start()
	g := &GroupBy{}
	if p.word("ALL") && !p.symbolAt(1, ",") && !p.symbolAt(1, ".") && !p.symbolAt(1, "(") {
		p.advance()
		g.All = true
		g.Range = p.from(start)
		return g
	}
	g.Items = commaList(p, p.groupingItem)
	kind := ""
	switch {
	case p.accept("WITH", "ROLLUP"):
		kind = "ROLLUP"
	case p.accept("WITH", "CUBE"):
		kind = "CUBE"
	case p.word("GROUPING", "SETS"):
		// The list before only repeats the columns of the sets.
		g.Items = []Expr{p.groupingItem()}
	}
	if kind != "" {
		g.Items = []Expr{&GroupingSets{Range: p.from(start), Kind: kind, Items: g.Items}}
	}
	g.Range = p.from(start)
	return g
}

// groupingItem parses an expression, or sets of them.
func (p *parser) groupingItem() Expr {
	start := p.start()
	var kind string
	switch {
	case p.word("ROLLUP") && p.symbolAt(1, "("), p.word("CUBE") && p.symbolAt(1, "("):
		kind = p.advance().value
	case p.accept("GROUPING", "SETS"):
		kind = "GROUPING SETS"
	case p.at("(") && p.symbolAt(1, ")"):
		p.pos += 2
		return &Tuple{Range: p.from(start)}
	default:
		return p.expr()
	}
	p.enter()
	items := parenList(p, p.groupingItem)
	p.leave()
	return &GroupingSets{Range: p.from(start), Kind: kind, Items: items}
}
