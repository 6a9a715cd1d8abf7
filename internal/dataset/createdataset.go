package dataset

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
func (d *Set) createDataset(ctx context.Context, stmt sql.Statement, how Refreshing) (*Outcome, error) {
	c := &creation{stmt: stmt}
	switch stmt := stmt.(type) {
	case *sql.CreateStreamingTable:
		c.Dataset, c.kind, c.refresh = &stmt.Dataset, catalog.KindStreamingTable, stmt.OrRefresh
		c.check, c.taken = func() error { return d.checkStreaming(stmt) }, noStreamingTable
		if stmt.Flow != nil {
			how.Flows = append(slices.Clip(how.Flows), stmt.Flow)
		}
	case *sql.CreateMaterializedView:
		c.Dataset, c.kind, c.refresh = &stmt.Dataset, catalog.KindMaterializedView, stmt.OrRefresh || stmt.OrReplace
		c.check, c.taken = func() error { return d.checkView(stmt) }, noView
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Query != nil {
		if err := d.planner.Qualify(ctx, c.Query); err != nil {
			return nil, err
		}
	}
	if c.Flow != nil {
		if err := d.qualifyFlow(ctx, c.Flow); err != nil {
			return nil, err
		}
	}
	if err := d.checkWatched(ctx, c.Dataset, c.Schedule); err != nil {
		return nil, err
	}
	name, err := d.planner.TableName(ctx, c.Name)
	if err != nil {
		return nil, err
	}
	for {
		outcome, err := d.createOrRefresh(ctx, c, name, how)
		if err == nil || errclass.Ignore(err, "TABLE_OR_VIEW_ALREADY_EXISTS") != nil || !c.IfNotExists && !c.refresh {
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

func (d *Set) createOrRefresh(ctx context.Context, c *creation, name catalog.Name, how Refreshing) (*Outcome, error) {
	entry, err := d.ws.Catalog.Table(ctx, name)
	switch {
	case err == nil && c.IfNotExists:
		return &Outcome{}, nil
	case err == nil && entry.Kind != c.kind:
		return nil, c.taken(entry)
	case err == nil && !c.refresh:
		return nil, catalog.AlreadyExists(name)
	case err == nil:
		var keep func() error
		if text := d.planner.WithViews(c.stmt.String(), c.Query); entry.Text != text || entry.Comment != c.Comment {
			former := entry
			entry.Text, entry.Comment = text, c.Comment
			keep = func() error { return d.takeDefinition(ctx, c, former, entry) }
		}
		switch {
		case c.kind == catalog.KindMaterializedView:
			return d.refreshView(ctx, entry, how, keep)
		case how.Full:
			return d.reload(ctx, entry, how)
		}
		return d.refreshTable(ctx, entry, how, d.keeping(ctx, entry, keep))
	case errclass.Ignore(err, "TABLE_OR_VIEW_NOT_FOUND") != nil:
		return nil, err
	}
	entry = catalog.Table{Name: name, Kind: c.kind, Managed: true, Text: d.planner.WithViews(c.stmt.String(), c.Query), Comment: c.Comment}
	if entry.Location, err = d.ws.ManagedLocation(ctx, name); err != nil {
		return nil, err
	}
	if c.kind == catalog.KindMaterializedView {
		return d.createRows(ctx, entry, how)
	}
	return d.createFlow(ctx, entry, how)
}

// takeDefinition keeps the new definition of a dataset that is there. It comes
// last, so that a statement that is interrupted does the rest when it runs again.
func (d *Set) takeDefinition(ctx context.Context, c *creation, former, entry catalog.Table) error {
	if c.kind == catalog.KindStreamingTable {
		def, err := definitionOf(former)
		if err != nil {
			return err
		}
		if err := d.redefine(ctx, former, &def.Dataset, c.Dataset); err != nil {
			return err
		}
		if def.Flow != nil && c.Flow == nil {
			if err := d.forgetFlow(ctx, former, catalog.Flow{Name: former.Name, Target: former.Name}); errclass.Ignore(err, "FLOW_NOT_FOUND") != nil {
				return err
			}
		}
	}
	return d.ws.Catalog.Update(ctx, entry)
}

// createFlow makes a streaming table. Its entry comes before its rows, so that
// a load that fails on its way is gone on with by REFRESH, as the rows that are
// in the table belong to it.
func (d *Set) createFlow(ctx context.Context, entry catalog.Table, how Refreshing) (outcome *Outcome, err error) {
	if entry.Checkpoint, err = d.newCheckpoint(ctx, entry.Name); err != nil {
		return nil, err
	}
	kept := false
	if err = d.makeCheckpoint(ctx, entry.Checkpoint); err == nil {
		outcome, err = d.refreshTable(ctx, entry, how, func() error {
			err := d.ws.Catalog.Create(ctx, entry)
			kept = err == nil
			return err
		})
	}
	if err != nil && !kept {
		err = errors.Join(err, d.ws.DeleteFiles(context.WithoutCancel(ctx), entry.Checkpoint))
	}
	return outcome, err
}

// createRows makes a materialized view. Its entry comes before its rows, so
// that of several who create it at once one computes them; without rows it
// goes again.
func (d *Set) createRows(ctx context.Context, entry catalog.Table, how Refreshing) (*Outcome, error) {
	if err := d.ws.Catalog.Create(ctx, entry); err != nil {
		return nil, err
	}
	outcome, err := d.refreshView(ctx, entry, how, nil)
	if err == nil {
		return outcome, nil
	}
	after := context.WithoutCancel(ctx)
	t, terr := d.ws.Table(after, entry.Name.String(), &entry, entry.Location)
	if terr != nil {
		return outcome, errors.Join(err, terr)
	}
	if rows, terr := t.Exists(after); terr != nil || rows != nil {
		return outcome, errors.Join(err, terr)
	}
	return outcome, errors.Join(err, d.ws.Catalog.Drop(after, entry.Name))
}
