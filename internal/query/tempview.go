package query

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/expectation"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
)

// BeneathViews returns the stream below the temporary views over it.
func (p *Planner) BeneathViews(ref sql.TableRef) sql.TableRef {
	for range MaxViewDepth {
		t, ok := ref.(*sql.Table)
		if !ok {
			return ref
		}
		view := p.TemporaryView(t.Name)
		if view == nil {
			return ref
		}
		refs := Streams(view.Query)
		if len(refs) != 1 {
			return ref
		}
		ref = refs[0]
	}
	return ref
}

// TemporaryView returns the temporary view that a name is of, nil for none.
func (p *Planner) TemporaryView(n *sql.Name) *sql.CreateView {
	if len(n.Parts) != 1 {
		return nil
	}
	return p.tempView[strings.ToLower(n.Parts[0])]
}

// CheckedView returns the temporary view with expectations that a table of a
// query is, nil for none. Such a view is not part of the query that reads it:
// its rows are made, and checked, before.
func (p *Planner) CheckedView(t *sql.Table) *sql.CreateView {
	if t.TimeTravel != nil {
		return nil
	}
	if view := p.TemporaryView(t.Name); view != nil && len(view.Constraints) > 0 {
		return view
	}
	return nil
}

// viewRows returns the rows of a view with expectations, checked.
func (p *Planner) viewRows(ctx context.Context, view *sql.CreateView) (*ingest.Relation, error) {
	// Parsed anew, since planning changes the tree.
	q, err := sql.ParseQuery(view.Query.String())
	if err != nil {
		return nil, err
	}
	rows, err := p.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	return p.CheckedRows(view, rows)
}

// CheckedRows gives rows the names of a view's columns, and has its expectations
// check them. A refresh counts what they find.
func (p *Planner) CheckedRows(view *sql.CreateView, rows *ingest.Relation) (*ingest.Relation, error) {
	if len(view.Columns) > 0 {
		names := make([]string, len(view.Columns))
		for i, c := range view.Columns {
			names[i] = c.Name
		}
		if len(names) != len(rows.Schema.Fields) {
			rows.Close()
			return nil, ViewArity(view, len(rows.Schema.Fields))
		}
		rows = rows.Rename(names)
	}
	name := view.Name.Parts[len(view.Name.Parts)-1]
	e := expectation.New(p.Rules, name, name, view.Constraints)
	if p.checks != nil {
		p.checks.of = append(p.checks.of, e)
	}
	return e.Filter(rows)
}

// viewChecks are the expectations of views that have checked rows since they
// were asked last.
type viewChecks struct {
	of []*expectation.Set
}

// CountChecks has what the expectations of views find counted, until stop is
// called.
func (p *Planner) CountChecks() (stop func()) {
	p.checks = &viewChecks{}
	return func() { p.checks = nil }
}

// Checked returns what has become of the rows of views since it was called
// last.
func (p *Planner) Checked() eventlog.Quality {
	var all eventlog.Quality
	if p.checks == nil {
		return all
	}
	for _, e := range p.checks.of {
		all.Add(e.Counts())
	}
	p.checks.of = nil
	return all
}

// ViewsOf returns the temporary views that a query reads, each once and after
// those that it reads itself.
func (p *Planner) ViewsOf(q *sql.Query) []*sql.CreateView {
	var views []*sql.CreateView
	seen := map[*sql.CreateView]bool{}
	var visit func(q *sql.Query)
	visit = func(q *sql.Query) {
		local := CommonTables(q)
		sql.Inspect(q, func(n sql.Node) bool {
			t, ok := n.(*sql.Table)
			if !ok || len(t.Name.Parts) == 1 && local[strings.ToLower(t.Name.Parts[0])] {
				return true
			}
			if view := p.TemporaryView(t.Name); view != nil && !seen[view] {
				seen[view] = true
				visit(view.Query)
				views = append(views, view)
			}
			return true
		})
	}
	if q != nil {
		visit(q)
	}
	return views
}

// WithViews returns the text of a definition followed by the temporary views
// that its query reads, so that it can be refreshed wherever they are not.
func (p *Planner) WithViews(text string, q *sql.Query) string {
	for _, view := range p.ViewsOf(q) {
		v := *view
		v.OrReplace, v.IfNotExists = true, false
		text += ";\n" + v.String()
	}
	return text
}

// ViewsFirst puts the temporary views of a definition's text before it, so that
// it can be run as it stands.
func ViewsFirst(text string) string {
	statements, err := sql.Parse(text)
	if err != nil || len(statements) < 2 {
		return text
	}
	var all strings.Builder
	for _, view := range statements[1:] {
		all.WriteString(view.String() + ";\n")
	}
	return all.String() + statements[0].String()
}

// EnterViews lets the temporary views that are part of a definition's text be those
// of the session, until leave is called.
func (p *Planner) EnterViews(text string) (leave func(), err error) {
	statements, err := sql.Parse(text)
	if err != nil {
		return nil, err
	}
	outer := p.tempView
	inner := maps.Clone(outer)
	for _, stmt := range statements[1:] {
		if view, ok := stmt.(*sql.CreateView); ok {
			inner[strings.ToLower(view.Name.Parts[0])] = view
		}
	}
	p.tempView = inner
	return func() { p.tempView = outer }, nil
}

// TempViews returns the lower-case names of the temporary views, sorted.
func (p *Planner) TempViews() []string { return slices.Sorted(maps.Keys(p.tempView)) }
