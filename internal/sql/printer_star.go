package sql

import (
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

func (p *printer) star(e *Star) {
	if len(e.Qualifier) > 0 {
		p.put(dottedIdents(p.unqualify(e.Qualifier, 0)), ".")
	}
	p.put("*")
	if len(e.Except) > 0 {
		p.put(" EXCLUDE (")
		join(p, e.Except, func(c *Column) { p.put(ident(c.Parts[len(c.Parts)-1])) })
		p.put(")")
	}
}

// starred returns the columns that * or t.* stands for, or nil.
func (p *printer) starred(e *Star) []output {
	columns := []output{}
	known := p.eachStarred(e, func(_ *source, c output) { columns = append(columns, c) })
	if !known {
		return nil
	}
	return columns
}

// eachStarred calls f for the columns that * or t.* stands for, with their
// tables, and reports whether they are known.
func (p *printer) eachStarred(e *Star, f func(*source, output)) bool {
	in := p.frames[len(p.frames)-1]
	qualifier := p.unqualify(e.Qualifier, 0)
	var seen []output
	for i := range in.sources {
		s := &in.sources[i]
		if len(qualifier) > 0 && (s.alias == "" || s.alias != strings.ToLower(qualifier[0])) {
			continue
		}
		if !s.known || len(qualifier) > 1 {
			return false
		}
		for _, c := range s.columns {
			if !in.hides(c.name, seen) && !excepted(e, c.name) {
				seen = append(seen, c)
				f(s, c)
			}
		}
	}
	return len(qualifier) == 0 || len(seen) > 0 // t.* of nothing is that of a struct
}

func excepted(e *Star, name string) bool {
	return slices.ContainsFunc(e.Except, func(c *Column) bool { return strings.EqualFold(c.Parts[len(c.Parts)-1], name) })
}

// spread returns a call with the columns that stars among its arguments stand
// for: struct(*), concat_ws('|', t.*). count(*) stays.
func (p *printer) spread(e *FunctionCall) *FunctionCall {
	countsRows := e.Func() == "count" && len(e.Args) == 1 && !e.Distinct
	if countsRows || !slices.ContainsFunc(e.Args, isStar) {
		return e
	}
	if done := p.spreads[e]; done != nil {
		return done
	}
	out := *e
	out.Args = nil
	for _, a := range e.Args {
		star, ok := a.(*Star)
		if !ok {
			out.Args = append(out.Args, a)
			continue
		}
		columns := p.columnsOf(star)
		if columns == nil {
			p.fail(unsupported(star, "* among the arguments of "+e.Func()+", where the columns it stands for are known only when the query runs,"))
		}
		out.Args = append(out.Args, columns...)
	}
	p.spreads[e] = &out
	return &out
}

func isStar(e Expr) bool {
	_, ok := e.(*Star)
	return ok
}

// columnsOf returns what a star stands for: columns, or the fields of a struct.
func (p *printer) columnsOf(star *Star) []Expr {
	if len(p.frames) == 0 {
		return nil
	}
	columns := []Expr{}
	if p.eachStarred(star, func(s *source, c output) { columns = append(columns, p.columnOf(star, s, c)) }) {
		return columns
	}
	if len(star.Qualifier) == 0 {
		return nil
	}
	fields, ok := p.typeOf(&Column{Range: star.Range, Parts: star.Qualifier}).(*schema.Struct)
	if !ok {
		return nil
	}
	for _, f := range fields.Fields {
		if !excepted(star, f.Name) {
			columns = append(columns, &Column{Range: star.Range, Parts: append(slices.Clone(star.Qualifier), f.Name)})
		}
	}
	return columns
}

// columnOf names a column that a star stands for. One that a join has merged
// is of no table.
func (p *printer) columnOf(star *Star, s *source, c output) *Column {
	in := p.frames[len(p.frames)-1]
	merged := in.natural || slices.ContainsFunc(in.joined, func(n string) bool { return strings.EqualFold(n, c.name) })
	if s.alias == "" || merged && len(star.Qualifier) == 0 {
		return &Column{Range: star.Range, Parts: []string{c.name}}
	}
	return &Column{Range: star.Range, Parts: []string{s.alias, c.name}}
}
