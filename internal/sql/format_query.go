package sql

func (w *writer) query(n *Query) {
	if n.With != nil {
		w.node(n.With)
		w.put(" ")
	}
	w.body(n.Body)
	clause(w, " ORDER BY ", n.OrderBy, "")
	clause(w, " DISTRIBUTE BY ", n.DistributeBy, "")
	clause(w, " SORT BY ", n.SortBy, "")
	clause(w, " CLUSTER BY ", n.ClusterBy, "")
	if n.Limit != nil {
		w.put(" LIMIT ")
		w.expr(n.Limit)
	}
	if n.Offset != nil {
		w.put(" OFFSET ")
		w.expr(n.Offset)
	}
}

func (w *writer) body(n QueryBody) {
	switch n := n.(type) {
	case *Select:
		w.selection(n)
	case *Values:
		w.put("VALUES ")
		list(w, n.Rows)
	case *Query:
		w.put("(")
		w.query(n)
		w.put(")")
	case *SetOperation:
		w.setOperand(n.Left, setPrecedence(n.Kind))
		w.put(" ", n.Kind, " ")
		w.when(n.All, "ALL ")
		w.setOperand(n.Right, setPrecedence(n.Kind)+1)
	}
}

// setPrecedence tells how tightly a set operation binds: INTERSECT before the
// others.
func setPrecedence(kind string) int {
	if kind == "INTERSECT" {
		return 2
	}
	return 1
}

// setOperand writes an operand of a set operation, in parentheses when it
// binds less tightly than it must.
func (w *writer) setOperand(n QueryBody, least int) {
	op, ok := n.(*SetOperation)
	if ok && setPrecedence(op.Kind) < least {
		w.put("(")
		w.body(n)
		w.put(")")
		return
	}
	w.body(n)
}

func (w *writer) selection(n *Select) {
	w.put("SELECT ")
	w.when(n.Distinct, "DISTINCT ")
	if n.DistinctOn != nil {
		w.node(n.DistinctOn)
		w.put(" ")
	}
	list(w, n.Items)
	clause(w, " FROM ", n.From, "")
	for _, v := range n.LateralViews {
		w.put(" ")
		w.node(v)
	}
	w.optional(" WHERE ", n.Where)
	if n.GroupBy != nil {
		w.put(" GROUP BY ")
		w.node(n.GroupBy)
	}
	w.optional(" HAVING ", n.Having)
	w.optional(" QUALIFY ", n.Qualify)
	clause(w, " WINDOW ", n.Windows, "")
}

func (w *writer) distinctOn(n *DistinctOn) {
	w.put("ON (")
	list(w, n.Keys)
	w.put(")")
	w.when(n.WithinWatermark, " WITHIN WATERMARK")
}

// optional writes an expression after a heading, unless there is none.
func (w *writer) optional(heading string, e Expr) {
	if e != nil {
		w.put(heading)
		w.expr(e)
	}
}

func (w *writer) selectItem(n *SelectItem) {
	w.expr(n.Expr)
	w.when(n.Alias != "", " AS ", quoteName(n.Alias))
	w.names(" AS (", n.Aliases, ")")
}

func (w *writer) sortItem(n *SortItem) {
	if n.Expr == nil {
		w.put("ALL")
	} else {
		w.expr(n.Expr)
	}
	w.when(n.Desc, " DESC")
	w.when(n.Nulls != "", " NULLS ", n.Nulls)
}

func (w *writer) window(n *Window) {
	if n.Name != "" && n.PartitionBy == nil && n.OrderBy == nil && n.Frame == nil {
		w.put(quoteName(n.Name))
		return
	}
	w.put("(")
	gap := ""
	if n.Name != "" {
		w.put(quoteName(n.Name))
		gap = " "
	}
	if len(n.PartitionBy) > 0 {
		clause(w, gap+"PARTITION BY ", n.PartitionBy, "")
		gap = " "
	}
	if len(n.OrderBy) > 0 {
		clause(w, gap+"ORDER BY ", n.OrderBy, "")
		gap = " "
	}
	if n.Frame != nil {
		w.put(gap)
		w.frame(n.Frame)
	}
	w.put(")")
}

func (w *writer) frame(n *Frame) {
	w.put(n.Unit, " ")
	if n.End == nil {
		w.bound(n.Start)
		return
	}
	w.put("BETWEEN ")
	w.bound(n.Start)
	w.put(" AND ")
	w.bound(n.End)
}

func (w *writer) bound(n *FrameBound) {
	if n.Offset != nil {
		w.operand(n.Offset, precComparison+1)
		w.put(" ")
	}
	w.put(n.Kind)
}

func (w *writer) table(n TableRef) {
	switch n := n.(type) {
	case *Table:
		w.when(n.Stream, "STREAM ")
		w.name(n.Name)
		if n.TimeTravel != nil {
			w.put(" ")
			w.timeTravel(n.TimeTravel)
		}
		if n.Options != nil {
			w.put(" WITH (")
			list(w, n.Options)
			w.put(")")
		}
		w.suffixes(n.Sample, n.Watermark, n.Alias)
	case *TableFunction:
		w.when(n.Lateral, "LATERAL ")
		w.when(n.Stream, "STREAM ")
		w.callName(n.Name)
		w.put("(")
		list(w, n.Args)
		w.put(")")
		w.suffixes(n.Sample, n.Watermark, n.Alias)
	case *Subquery:
		w.when(n.Lateral, "LATERAL ")
		w.put("(")
		w.query(n.Query)
		w.put(")")
		w.suffixes(n.Sample, nil, n.Alias)
	case *StatementTable:
		w.put("(")
		w.node(n.Statement)
		w.put(")")
		w.suffixes(nil, nil, n.Alias)
	case *InlineTable:
		w.body(n.Values)
		w.suffixes(nil, nil, n.Alias)
	case *TableGroup:
		w.put("(")
		w.table(n.Input)
		w.put(")")
		w.suffixes(n.Sample, nil, n.Alias)
	case *Join:
		w.join(n)
	case *Pivot:
		w.pivot(n)
	case *Unpivot:
		w.unpivot(n)
	}
}

// suffixes writes what may follow a table reference.
func (w *writer) suffixes(s *Sample, m *Watermark, a *Alias) {
	if s != nil {
		w.put(" ")
		w.sample(s)
	}
	if m != nil {
		w.put(" ")
		w.watermark(m)
	}
	if a != nil {
		w.node(a)
	}
}

func (w *writer) timeTravel(n *TimeTravel) {
	if n.Version != nil {
		w.put("VERSION AS OF ")
		w.operand(n.Version, precComparison+1)
		return
	}
	w.put("TIMESTAMP AS OF ")
	w.operand(n.Timestamp, precComparison+1)
}

func (w *writer) watermark(n *Watermark) {
	w.put("WATERMARK ")
	w.expr(n.Column)
	w.put(" DELAY OF ")
	w.expr(n.Delay)
}

func (w *writer) sample(n *Sample) {
	w.put("TABLESAMPLE (")
	w.when(n.Kind == "BUCKET", "BUCKET ")
	w.expr(n.Size)
	if n.Kind == "BUCKET" {
		w.put(" OUT OF ")
		w.expr(n.Of)
	} else {
		w.put(" ", n.Kind)
	}
	w.put(")")
	if n.Repeatable != nil {
		w.put(" REPEATABLE (")
		w.expr(n.Repeatable)
		w.put(")")
	}
}

func (w *writer) join(n *Join) {
	w.table(n.Left)
	w.when(n.Natural, " NATURAL")
	w.put(" ", n.Kind, " JOIN ")
	w.table(n.Right)
	w.optional(" ON ", n.On)
	w.names(" USING (", n.Using, ")")
}

func (w *writer) pivot(n *Pivot) {
	w.table(n.Input)
	clause(w, " PIVOT (", n.Aggregates, " FOR ")
	if len(n.Columns) == 1 {
		w.expr(n.Columns[0])
	} else {
		clause(w, "(", n.Columns, ")")
	}
	clause(w, " IN (", n.Values, "))")
	w.suffixes(nil, nil, n.Alias)
}

func (w *writer) unpivot(n *Unpivot) {
	w.table(n.Input)
	w.put(" UNPIVOT ")
	w.when(n.IncludeNulls, "INCLUDE NULLS ")
	w.put("(")
	if len(n.Values) == 1 {
		w.put(quoteName(n.Values[0]))
	} else {
		w.names("(", n.Values, ")")
	}
	w.put(" FOR ", quoteName(n.Name))
	clause(w, " IN (", n.Groups, "))")
	w.suffixes(nil, nil, n.Alias)
}

func (w *writer) unpivotGroup(n *UnpivotGroup) {
	if len(n.Columns) == 1 {
		w.expr(n.Columns[0])
	} else {
		clause(w, "(", n.Columns, ")")
	}
	w.when(n.Alias != "", " AS ", quoteName(n.Alias))
}
