package session

import (
	"context"
	"errors"
	"slices"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
)

// creation is a CREATE statement of a dataset.
type creation struct {
	*sql.Dataset
	stmt sql.Statement
	kind catalog.Kind
	// refresh lets a dataset that is there take the definition.
	refresh bool
	check   func() error
	// taken is the error of a name that is another kind's.
	taken func(catalog.Table) error
}

// createDataset runs CREATE [OR REFRESH] STREAMING TABLE and CREATE [OR REFRESH
// | OR REPLACE] MATERIALIZED VIEW: it keeps the definition, and loads or
// computes what there is (semantics §9.3).
func (s *Session) createDataset(ctx context.Context, stmt sql.Statement, how Refreshing) (*Outcome, error) {
	c := &creation{stmt: stmt}
	switch stmt := stmt.(type) {
	case *sql.CreateStreamingTable:
		c.Dataset, c.kind, c.refresh = &stmt.Dataset, catalog.KindStreamingTable, stmt.OrRefresh
		c.check, c.taken = func() error { return s.checkStreaming(stmt) }, noStreamingTable
		if stmt.Flow != nil {
			how.Flows = append(slices.Clip(how.Flows), stmt.Flow)
		}
	case *sql.CreateMaterializedView:
		c.Dataset, c.kind, c.refresh = &stmt.Dataset, catalog.KindMaterializedView, stmt.OrRefresh || stmt.OrReplace
		c.check, c.taken = func() error { return s.checkView(stmt) }, noView
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Query != nil {
		if err := s.qualify(ctx, c.Query); err != nil {
			return nil, err
		}
	}
	if c.Flow != nil {
		if err := s.qualifyFlow(ctx, c.Flow); err != nil {
			return nil, err
		}
	}
	name, err := s.tableName(ctx, c.Name)
	if err != nil {
		return nil, err
	}
	for {
		outcome, err := s.createOrRefresh(ctx, c, name, how)
		if err == nil || ignore(err, "TABLE_OR_VIEW_ALREADY_EXISTS") != nil || !c.IfNotExists && !c.refresh {
			return outcome, err
		}
		// Another has created it meanwhile.
	}
}

func noStreamingTable(entry catalog.Table) error {
	return errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601",
		"%s exists and is no streaming table; drop it, or choose another name.", entry.Name)
}

func noView(entry catalog.Table) error {
	return errclass.New("EXPECT_MATERIALIZED_VIEW", "42809", "%s exists and is no materialized view; drop it, or choose another name.", entry.Name)
}

func (s *Session) createOrRefresh(ctx context.Context, c *creation, name catalog.Name, how Refreshing) (*Outcome, error) {
	entry, err := s.catalog.Table(ctx, name)
	switch {
	case err == nil && c.IfNotExists:
		return &Outcome{}, nil
	case err == nil && entry.Kind != c.kind:
		return nil, c.taken(entry)
	case err == nil && !c.refresh:
		return nil, catalog.AlreadyExists(name)
	case err == nil:
		var keep func() error
		if text := s.withViews(c.stmt.String(), c.Query); entry.Text != text || entry.Comment != c.Comment {
			former := entry
			entry.Text, entry.Comment = text, c.Comment
			keep = func() error { return s.takeDefinition(ctx, c, former, entry) }
		}
		switch {
		case c.kind == catalog.KindMaterializedView:
			return s.refreshView(ctx, entry, how, keep)
		case how.Full:
			return s.reload(ctx, entry, how)
		}
		return s.refreshTable(ctx, entry, how, s.keeping(ctx, entry, keep))
	case ignore(err, "TABLE_OR_VIEW_NOT_FOUND") != nil:
		return nil, err
	}
	entry = catalog.Table{Name: name, Kind: c.kind, Managed: true, Text: s.withViews(c.stmt.String(), c.Query), Comment: c.Comment}
	if entry.Location, err = s.managedLocation(ctx, name); err != nil {
		return nil, err
	}
	if c.kind == catalog.KindMaterializedView {
		return s.createRows(ctx, entry, how)
	}
	return s.createFlow(ctx, entry, how)
}

// takeDefinition keeps the new definition of a dataset that is there. It comes
// last, so that a statement that is interrupted does the rest when it runs again.
func (s *Session) takeDefinition(ctx context.Context, c *creation, former, entry catalog.Table) error {
	if c.kind == catalog.KindStreamingTable {
		def, err := definition(former)
		if err != nil {
			return err
		}
		if err := s.redefine(ctx, former, &def.Dataset, c.Dataset); err != nil {
			return err
		}
		if def.Flow != nil && c.Flow == nil {
			if err := s.forgetFlow(ctx, former, catalog.Flow{Name: former.Name, Target: former.Name}); ignore(err, "FLOW_NOT_FOUND") != nil {
				return err
			}
		}
	}
	return s.catalog.Update(ctx, entry)
}

// createFlow makes a streaming table. Its entry comes before its rows, so that
// a load that fails on its way is gone on with by REFRESH, as the rows that are
// in the table belong to it.
func (s *Session) createFlow(ctx context.Context, entry catalog.Table, how Refreshing) (outcome *Outcome, err error) {
	if entry.Checkpoint, err = s.newCheckpoint(ctx, entry.Name); err != nil {
		return nil, err
	}
	kept := false
	if err = s.makeCheckpoint(ctx, entry.Checkpoint); err == nil {
		outcome, err = s.refreshTable(ctx, entry, how, func() error {
			err := s.catalog.Create(ctx, entry)
			kept = err == nil
			return err
		})
	}
	if err != nil && !kept {
		err = errors.Join(err, s.deleteFiles(context.WithoutCancel(ctx), entry.Checkpoint))
	}
	return outcome, err
}

// createRows makes a materialized view. Its entry comes before its rows, so
// that of several who create it at once one computes them; without rows it
// goes again.
func (s *Session) createRows(ctx context.Context, entry catalog.Table, how Refreshing) (*Outcome, error) {
	if err := s.catalog.Create(ctx, entry); err != nil {
		return nil, err
	}
	outcome, err := s.refreshView(ctx, entry, how, nil)
	if err == nil {
		return outcome, nil
	}
	after := context.WithoutCancel(ctx)
	t, terr := s.at(after, entry.Name.String(), &entry, entry.Location)
	if terr != nil {
		return outcome, errors.Join(err, terr)
	}
	if rows, terr := t.exists(after); terr != nil || rows != nil {
		return outcome, errors.Join(err, terr)
	}
	return outcome, errors.Join(err, s.catalog.Drop(after, entry.Name))
}
