package definition

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// dropFeature runs ALTER TABLE … DROP FEATURE.
func (e *Editor) dropFeature(ctx context.Context, name *sql.Name, action *sql.DropFeature) error {
	t, err := e.planner.Target(ctx, name)
	if err != nil {
		return err
	}
	for {
		err := t.Delta.DropFeature(ctx, action.Feature, action.TruncateHistory)
		if _, lost := errors.AsType[*delta.ConflictError](err); !lost || ctx.Err() != nil {
			return workspace.Wrap(t.Name, err)
		}
	}
}

// setLocation makes an external table of the catalog the name of another
// Delta table, which has the same columns.
func (e *Editor) setLocation(ctx context.Context, name *sql.Name, action *sql.SetLocation) error {
	t, base, err := e.planner.Newest(ctx, name)
	if err != nil {
		return err
	}
	if t.Entry == nil {
		return errclass.New("DELTA_CANNOT_SET_LOCATION_ON_PATH_IDENTIFIER", "42613", "Cannot change the location of a path based table: %s.", name)
	}
	if t.Entry.Managed {
		return errclass.Unsupported("moving a managed table, whose files the workspace keeps", t.Name)
	}
	entry := *t.Entry
	if entry.Location, err = workspace.Locate(action.Location); err != nil {
		return err
	}
	to, err := e.planner.Table(ctx, t.Name, &entry, entry.Location)
	if err != nil {
		return err
	}
	there, err := to.Snapshot(ctx)
	if err != nil {
		return err
	}
	if !schema.EqualIgnoringNulls(base.Schema(), there.Schema()) {
		return errclass.New("DELTA_SET_LOCATION_SCHEMA_MISMATCH", "42KD7", "The columns at the new location differ from those of %s: %s there, %s now.", t.Name, there.Schema().DDL(), base.Schema().DDL())
	}
	return e.planner.Catalog.Update(ctx, entry)
}

// syncIdentity moves the high-water mark of an identity column behind the
// values that rows have.
func (e *Editor) syncIdentity(ctx context.Context, base *delta.Snapshot, c *change, path []string) error {
	f, err := c.Column(path)
	if err != nil {
		return err
	}
	c.operation, c.rows = "SYNC IDENTITY", true
	id, ok := delta.IdentityOf(f)
	if !ok {
		return c.SyncIdentity(path, 0) // which says so
	}
	last, some := int64(0), false
	for rows, err := range base.Scan(ctx, delta.ScanOptions{Columns: path[:1], Parallelism: e.planner.Parallelism}) {
		if err != nil {
			return err
		}
		values, _ := rows.Column(0).(*array.Int64)
		for i := 0; values != nil && i < values.Len(); i++ {
			if v := values.Value(i); values.IsValid(i) && (!some || (v > last) == (id.Step > 0)) {
				last, some = v, true
			}
		}
		rows.Release()
	}
	if !some {
		return nil
	}
	return c.SyncIdentity(path, last)
}
