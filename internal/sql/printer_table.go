package sql

import (
	"slices"
	"strconv"
	"strings"
)

func (p *printer) table(ref TableRef) {
	switch ref := ref.(type) {
	case *Table:
		p.tableName(ref)
	case *TableFunction:
		p.tableFunction(ref)
	case *Subquery:
		if ref.Lateral {
			p.put("LATERAL ")
		}
		p.put("(")
		columns := p.query(ref.Query)
		p.put(")")
		p.suffixes(ref.Alias, ref.Sample)
		p.provide(ref.Alias, columns)
	case *StatementTable:
		name, columns := p.relation(ref)
		p.put(ident(name))
		p.suffixes(ref.Alias, nil)
		p.provide(ref.Alias, columns)
	case *InlineTable:
		columns := p.values(ref.Values, ref.Alias)
		p.provide(ref.Alias, columns)
	case *TableGroup:
		p.tableGroup(ref)
	case *Join:
		p.joined(ref)
	case *Pivot:
		p.within(ref.Alias, func() { p.pivot(ref) })
	case *Unpivot:
		p.within(ref.Alias, func() { p.unpivot(ref) })
	}
}

// within prints a table made of others, which are not visible beside it; its
// columns are not known.
func (p *printer) within(a *Alias, f func()) {
	p.frames = append(p.frames, &frame{aliases: map[string]bool{}})
	f()
	p.leaveFrame()
	p.provide(a, nil)
}

// relation asks for the engine's name of a table and its columns.
func (p *printer) relation(ref TableRef) (string, []output) {
	if p.relations == nil {
		p.fail(unsupported(ref, "A table here, "+ref.String()+","))
		return "", nil
	}
	if p.err != nil {
		return "", nil
	}
	name, columns, err := p.relations.Relation(ref)
	if err != nil {
		p.fail(err)
	}
	if p.hoisted != nil {
		if !slices.Contains(*p.hoisted, name) {
			*p.hoisted = append(*p.hoisted, name)
		}
		name += hoistedSuffix
	}
	return name, outputsOf(columns)
}

func (p *printer) tableName(t *Table) {
	alias := t.Alias
	if alias == nil && len(t.Name.Parts) > 0 {
		alias = &Alias{Name: p.tableAlias(t)}
	}
	if p.isCommonTable(t) {
		p.put(ident(t.Name.Parts[0]))
		p.suffixes(alias, t.Sample)
		p.provide(alias, p.commonColumns(t.Name.Parts[0]))
		return
	}
	name, columns := p.relation(t)
	p.put(ident(name))
	p.suffixes(alias, t.Sample)
	p.provide(alias, columns)
}

func (p *printer) suffixes(a *Alias, s *Sample) {
	if a != nil {
		p.put(" AS ", ident(a.Name), idents(a.Columns))
	}
	if s != nil {
		p.sample(s)
	}
}

func (p *printer) sample(s *Sample) {
	switch s.Kind {
	case "PERCENT":
		p.put(" TABLESAMPLE ", p.operand(s.Size), " PERCENT (bernoulli")
	case "ROWS":
		if s.Repeatable == nil {
			p.put(" TABLESAMPLE RESERVOIR(", p.operand(s.Size), " ROWS)")
			return
		}
		p.put(" TABLESAMPLE RESERVOIR(", p.operand(s.Size), " ROWS) REPEATABLE (", p.operand(s.Repeatable), ")")
		return
	case "BUCKET":
		// As in Spark, a share of the rows and not the buckets of a table.
		p.put(" TABLESAMPLE ", p.bucketShare(s), " PERCENT (bernoulli")
	}
	if s.Repeatable != nil {
		p.put(", ", p.operand(s.Repeatable))
	}
	p.put(")")
}

// tableGroup prints a table reference in parentheses. DuckDB takes an alias
// only after a query.
func (p *printer) tableGroup(n *TableGroup) {
	if n.Alias == nil && n.Sample == nil {
		p.put("(")
		p.table(n.Input)
		p.put(")")
		return
	}
	p.within(n.Alias, func() {
		p.put("(SELECT * FROM ")
		p.table(n.Input)
		p.put(")")
		p.suffixes(n.Alias, n.Sample)
	})
}

func (p *printer) joined(n *Join) {
	p.table(n.Left)
	conditional := n.On != nil || n.Using != nil || n.Natural
	kind := strings.TrimPrefix(n.Kind, "LEFT ")
	if kind == "INNER" && !conditional {
		kind = "CROSS" // Spark's JOIN without a condition
	}
	if n.Natural {
		p.put(" NATURAL")
	}
	p.put(" ", kind, " JOIN ")
	f := p.frames[len(p.frames)-1]
	left := len(f.sources)
	p.table(n.Right)
	f.joined = append(f.joined, n.Using...)
	f.natural = f.natural || n.Natural
	switch {
	case n.On != nil:
		p.condition(" ON ", n.On)
	case n.Using != nil:
		p.put(" USING ", idents(n.Using))
	case !conditional && kind != "CROSS":
		p.put(" ON TRUE")
	}
	if kind == "SEMI" || kind == "ANTI" {
		f.sources = f.sources[:left] // the rows on the right are only looked for
	}
}

// bucketShare returns the share of x buckets out of y, in percent.
func (p *printer) bucketShare(s *Sample) string {
	x, xOK := integer(s.Size)
	y, yOK := integer(s.Of)
	if !xOK || !yOK || x < 0 || y < 1 || x > y {
		p.fail(&Error{
			Class: "PARSE_SYNTAX_ERROR", State: "42601", Range: s.Range,
			Text: "TABLESAMPLE (BUCKET x OUT OF y) takes whole numbers, x from 0 to y.",
		})
		return ""
	}
	return strconv.FormatFloat(100*float64(x)/float64(y), 'f', -1, 64)
}

func (p *printer) unpivot(n *Unpivot) {
	p.put("(SELECT * FROM ")
	p.table(n.Input)
	p.put(" UNPIVOT ")
	if n.IncludeNulls {
		p.put("INCLUDE NULLS ")
	}
	p.put("(")
	if len(n.Values) == 1 {
		p.put(ident(n.Values[0]))
	} else {
		p.put(idents(n.Values))
	}
	p.put(" FOR ", ident(n.Name), " IN (")
	join(p, n.Groups, func(g *UnpivotGroup) {
		name := g.Alias
		if len(g.Columns) == 1 {
			p.expr(g.Columns[0])
		} else {
			names := make([]string, len(g.Columns))
			p.put("(")
			for i, c := range g.Columns {
				if i > 0 {
					p.put(", ")
				}
				p.expr(c)
				names[i] = c.Parts[len(c.Parts)-1]
			}
			p.put(")")
			if name == "" {
				name = strings.Join(names, "_")
			}
		}
		if name != "" {
			p.put(" AS ", ident(name))
		}
	})
	p.put(")))")
	p.suffixes(n.Alias, nil)
}
