package dataset

import (
	"context"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
)

// What TRIGGER ON UPDATE watches at the most (semantics §9.2).
const (
	maxWatchedTables = 10
	maxWatchedViews  = 30
)

// upstream are the tables and views that a query reads, by their names.
type upstream struct{ tables, views map[string]bool }

// checkWatched refuses to refresh a dataset on update whose query reads more
// than can be watched.
func (d *Set) checkWatched(ctx context.Context, def *sql.Dataset, at *sql.Schedule) error {
	q := def.Query
	if def.Flow != nil {
		q = def.Flow.Reads()
	}
	if at == nil || !at.OnUpdate || q == nil {
		return nil
	}
	up := &upstream{tables: map[string]bool{}, views: map[string]bool{}}
	if err := d.findUpstream(ctx, q, up); err != nil {
		return err
	}
	if len(up.tables) > maxWatchedTables || len(up.views) > maxWatchedViews {
		return errclass.New("INVALID_SCHEDULE", "42000",
			"The schedule %s of %s cannot be used: its query reads %d tables through %d views, and it watches %d tables and %d views at the most. Give it a SCHEDULE.",
			at, def.Name, len(up.tables), len(up.views), maxWatchedTables, maxWatchedViews)
	}
	return nil
}

// findUpstream adds what a query reads, beneath views too.
func (d *Set) findUpstream(ctx context.Context, q *sql.Query, up *upstream) error {
	local := query.CommonTables(q)
	var first error
	sql.Inspect(q, func(n sql.Node) bool {
		t, ok := n.(*sql.Table)
		if !ok || first != nil || len(t.Name.Parts) == 1 && local[strings.ToLower(t.Name.Parts[0])] {
			return first == nil
		}
		name := strings.ToLower(t.Name.String())
		view, err := d.planner.ViewOf(ctx, t.Name)
		switch {
		case err != nil:
			first = err
		case view == nil:
			up.tables[name] = true
		case !up.views[name]:
			up.views[name] = true
			first = d.findUpstream(ctx, view.Query, up)
		}
		return first == nil
	})
	return first
}
