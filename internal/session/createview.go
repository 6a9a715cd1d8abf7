package session

import (
	"context"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/expectation"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
)

// createView runs CREATE [OR REPLACE] [TEMPORARY] VIEW. The names of tables in
// the query are made full, so that the view means the same in every session.
func (s *Session) createView(ctx context.Context, stmt *sql.CreateView) (*Result, error) {
	if len(stmt.Constraints) > 0 && !stmt.Temporary {
		return nil, s.planner.Placed(stmt.Name, errclass.Unsupported(
			"expectations of views that others read too; give them to a temporary view, or to the table that reads the view", stmt.Constraints[0].String()))
	}
	if err := expectation.Check(stmt.Name, stmt.Constraints); err != nil {
		return nil, err
	}
	if err := s.planner.Qualify(ctx, stmt.Query); err != nil {
		return nil, err
	}
	if stmt.Temporary && len(query.Streams(stmt.Query)) > 0 {
		return &Result{}, s.planner.CreateTempView(stmt) // planned by the table that reads it
	}
	// Parsed anew, since planning changes the tree.
	probe, err := sql.ParseQuery(stmt.Query.String())
	if err != nil {
		return nil, err
	}
	rows, err := s.planner.Shown(ctx, probe)
	if err != nil {
		return nil, err
	}
	rows.Close()
	if n := len(stmt.Columns); n > 0 && n != len(rows.Schema.Fields) {
		return nil, query.ViewArity(stmt, len(rows.Schema.Fields))
	}
	if stmt.Temporary {
		return &Result{}, s.planner.CreateTempView(stmt)
	}
	name, err := s.planner.TableName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	entry := catalog.Table{Name: name, Kind: catalog.KindView, Text: stmt.String(), Comment: stmt.Comment}
	err = s.ws.Catalog.Create(ctx, entry)
	switch {
	case err != nil && stmt.IfNotExists:
		err = errclass.Ignore(err, "TABLE_OR_VIEW_ALREADY_EXISTS")
	case err != nil && stmt.OrReplace:
		old, terr := s.ws.Catalog.Table(ctx, name)
		if terr != nil {
			return nil, err
		}
		if old.Kind != catalog.KindView {
			return nil, errclass.New("EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE", "42809", "%s is a table; drop it before a view takes its name.", name)
		}
		err = s.ws.Catalog.Update(ctx, entry)
	}
	return &Result{}, err
}
