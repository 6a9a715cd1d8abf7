package query

import (
	"context"
	"strings"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/sql"
)

// MaxViewDepth bounds views over views.
const MaxViewDepth = 100

// ViewArity is the error of a view that lists another number of columns than
// its query has.
func ViewArity(view *sql.CreateView, columns int) error {
	return errclass.New("CREATE_VIEW_COLUMN_ARITY_MISMATCH", "21S01",
		"Cannot create view %s: it lists %d columns and its query has %d.", view.Name, len(view.Columns), columns)
}

// CreateTempView keeps the view of a CREATE TEMPORARY VIEW, until it is dropped or
// the session ends.
func (p *Planner) CreateTempView(stmt *sql.CreateView) error {
	if len(stmt.Name.Parts) != 1 {
		return errclass.New("TEMP_VIEW_NAME_TOO_MANY_NAME_PARTS", "428EK", "CREATE TEMPORARY VIEW takes a name of one part, not %s.", stmt.Name)
	}
	key := strings.ToLower(stmt.Name.Parts[0])
	if _, taken := p.tempView[key]; taken && !stmt.OrReplace {
		if stmt.IfNotExists {
			return nil
		}
		return errclass.New("TEMP_TABLE_OR_VIEW_ALREADY_EXISTS", "42P07", "Cannot create the temporary view %s because it already exists. Use CREATE OR REPLACE TEMPORARY VIEW.", stmt.Name)
	}
	p.tempView[key] = stmt
	return nil
}

// DropTempView drops a temporary view, and reports whether there was one.
func (p *Planner) DropTempView(name string) bool {
	key := strings.ToLower(name)
	_, ok := p.tempView[key]
	delete(p.tempView, key)
	return ok
}

// ViewOf returns the definition of the view that n names, or nil when it
// names no view.
func (p *Planner) ViewOf(ctx context.Context, n *sql.Name) (*sql.CreateView, error) {
	if _, _, ok := n.Path(); ok {
		return nil, nil // absence is the answer
	}
	parts, err := p.NameParts(ctx, n)
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 {
		if v, ok := p.tempView[strings.ToLower(parts[0])]; ok {
			return v, nil
		}
	}
	name, err := p.TableName(ctx, n)
	if err != nil {
		return nil, err
	}
	entry, err := p.Catalog.Table(ctx, name)
	if err != nil || entry.Kind != catalog.KindView {
		return nil, nil //nolint:nilerr // whoever reads the table reports it missing
	}
	statements, err := sql.Parse(entry.Text)
	if err != nil {
		return nil, err
	}
	view, ok := statements[0].(*sql.CreateView)
	if !ok {
		return nil, errclass.New("INTERNAL_ERROR", "XX000", "The text of view %s is no view: %s", entry.Name, entry.Text)
	}
	return view, nil
}

// Qualify makes the names of tables in q full.
func (p *Planner) Qualify(ctx context.Context, q *sql.Query) error {
	local := CommonTables(q)
	return replaceTables(q, func(t *sql.Table) (sql.TableRef, error) {
		if _, _, path := t.Name.Path(); path || len(t.Name.Parts) == 1 && local[strings.ToLower(t.Name.Parts[0])] {
			return t, nil
		}
		if p.TemporaryView(t.Name) != nil {
			return t, nil
		}
		full, err := p.TableName(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		if t.Alias == nil {
			t.Alias = &sql.Alias{Name: full.Table}
		}
		t.Name = &sql.Name{Range: t.Name.Range, Parts: []string{full.Catalog, full.Schema, full.Table}}
		return t, nil
	})
}

// ExpandViews puts each view's query in the place of its name.
func (p *Planner) ExpandViews(ctx context.Context, q *sql.Query) error {
	_, err := p.expandedViews(ctx, q)
	return err
}

// expandedViews is expandViews that returns the views.
func (p *Planner) expandedViews(ctx context.Context, q *sql.Query) ([]place.View, error) {
	var views []place.View
	err := p.expandViewsAt(ctx, q, 0, &views)
	return views, err
}

func (p *Planner) expandViewsAt(ctx context.Context, q *sql.Query, depth int, views *[]place.View) error {
	if depth > MaxViewDepth {
		return errclass.New("VIEW_EXCEED_MAX_NESTED_DEPTH", "54K00", "The depth of nested views exceeds %d; a view may refer to itself.", MaxViewDepth)
	}
	local := CommonTables(q)
	return replaceTables(q, func(t *sql.Table) (sql.TableRef, error) {
		if t.TimeTravel != nil || t.Stream || p.CheckedView(t) != nil || len(t.Name.Parts) == 1 && local[strings.ToLower(t.Name.Parts[0])] {
			return t, nil
		}
		view, err := p.ViewOf(ctx, t.Name)
		if err != nil || view == nil {
			return t, err
		}
		// Parsed anew each time: planning changes the tree.
		text := view.Query.String()
		body, err := sql.ParseQuery(text)
		if err != nil {
			return nil, err
		}
		*views = append(*views, place.View{Name: view.Name.String(), Text: text, Query: body})
		if err := p.expandViewsAt(ctx, body, depth+1, views); err != nil {
			return nil, err
		}
		return &sql.Subquery{Range: t.Range, Query: body, Sample: t.Sample, Alias: viewAlias(t, view)}, nil
	})
}

// viewAlias names a view's rows as the query does, and its columns as the
// view does.
func viewAlias(t *sql.Table, view *sql.CreateView) *sql.Alias {
	alias := &sql.Alias{Name: view.Name.Parts[len(view.Name.Parts)-1]}
	if t.Alias != nil {
		alias.Name, alias.Columns = t.Alias.Name, t.Alias.Columns
	}
	if len(alias.Columns) == 0 {
		for _, c := range view.Columns {
			alias.Columns = append(alias.Columns, c.Name)
		}
	}
	return alias
}

// CommonTables returns the lower-case names of all common table expressions
// in q.
func CommonTables(q *sql.Query) map[string]bool {
	names := map[string]bool{}
	sql.Inspect(q, func(n sql.Node) bool {
		if c, ok := n.(*sql.CommonTable); ok {
			names[strings.ToLower(c.Name)] = true
		}
		return true
	})
	return names
}

// replaceTables replaces every table reference of q by what f returns for it.
// What f returns is not looked into.
func replaceTables(q *sql.Query, f func(*sql.Table) (sql.TableRef, error)) error {
	var first error
	replaced := map[sql.Node]bool{}
	swap := func(place *sql.TableRef) {
		t, ok := (*place).(*sql.Table)
		if !ok || first != nil {
			return
		}
		ref, err := f(t)
		if err != nil {
			first = err
			return
		}
		*place = ref
		replaced[ref] = true
	}
	sql.Inspect(q, func(n sql.Node) bool {
		if replaced[n] {
			return false
		}
		switch n := n.(type) {
		case *sql.Select:
			for i := range n.From {
				swap(&n.From[i])
			}
		case *sql.Join:
			swap(&n.Left)
			swap(&n.Right)
		case *sql.TableGroup:
			swap(&n.Input)
		case *sql.Pivot:
			swap(&n.Input)
		case *sql.Unpivot:
			swap(&n.Input)
		}
		return first == nil
	})
	return first
}
