package sql

import "strconv"

// pivotKey is the column that a pivot over several columns is over instead: the
// number of the values that a row has in them.
const pivotKey = "freshet_pivot"

// pivot prints PIVOT. As in Spark, the name of a lone aggregate is no part of
// the columns' names.
func (p *printer) pivot(n *Pivot) {
	p.put("(SELECT * FROM ")
	if len(n.Columns) == 1 {
		p.table(n.Input)
	} else {
		p.pivotRows(n)
	}
	p.put(" PIVOT (")
	join(p, n.Aggregates, func(a *SelectItem) {
		p.expr(a.Expr)
		if len(n.Aggregates) == 1 {
			return
		}
		name := a.Alias
		if name == "" {
			name = p.outputName(a.Expr)
		}
		p.put(" AS ", ident(name))
	})
	p.put(" FOR ")
	if len(n.Columns) == 1 {
		p.expr(n.Columns[0])
	} else {
		p.put(ident(pivotKey))
	}
	p.put(" IN (")
	number := 0
	join(p, n.Values, func(v *SelectItem) {
		name := v.Alias
		if len(n.Columns) == 1 {
			p.expr(v.Expr)
		} else {
			p.put(strconv.Itoa(number))
			if name == "" {
				name = p.pivotName(v.Expr)
			}
		}
		if name != "" {
			p.put(" AS ", ident(name))
		}
		number++
	})
	p.put(")))")
	p.suffixes(n.Alias, nil)
}

// pivotRows prints the input of a pivot over several columns, with a key in
// their place.
func (p *printer) pivotRows(n *Pivot) {
	rows := p.captured(func() { p.table(n.Input) })
	p.put("(SELECT * EXCLUDE (")
	join(p, n.Columns, func(c *Column) { p.put(ident(c.Parts[len(c.Parts)-1])) })
	p.put("), CASE")
	for i, v := range n.Values {
		row, ok := v.Expr.(*Tuple)
		if !ok || len(row.Items) != len(n.Columns) {
			p.fail(&Error{
				Class: "PIVOT_VALUE_DATA_TYPE_MISMATCH", State: "42K09", Range: v.Pos(),
				Text: "A pivot over " + strconv.Itoa(len(n.Columns)) + " columns takes as many values in parentheses, not " + v.Expr.String() + ".",
			})
			return
		}
		p.put(" WHEN ")
		for j, item := range row.Items {
			if j > 0 {
				p.put(" AND ")
			}
			p.beside(n.Columns[j])
			p.put(" IS NOT DISTINCT FROM ")
			p.beside(item)
		}
		p.put(" THEN ", strconv.Itoa(i))
	}
	p.put(" END AS ", ident(pivotKey), " FROM ", rows, ")")
}

// pivotName returns the name of the column of values that have none: what
// Spark writes a struct of them as.
func (p *printer) pivotName(e Expr) string {
	row, ok := e.(*Tuple)
	if !ok {
		return ""
	}
	return "{" + p.prettyList(row.Items) + "}"
}
