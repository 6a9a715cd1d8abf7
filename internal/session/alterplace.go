package session

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// dropFeature runs ALTER TABLE … DROP FEATURE.
func (s *Session) dropFeature(ctx context.Context, name *sql.Name, action *sql.DropFeature) (*Result, error) {
	t, err := s.target(ctx, name)
	if err != nil {
		return nil, err
	}
	for {
		err := t.table.DropFeature(ctx, action.Feature, action.TruncateHistory)
		if _, lost := errors.AsType[*delta.ConflictError](err); !lost || ctx.Err() != nil {
			return &Result{}, wrap(t.name, err)
		}
	}
}

// setLocation makes an external table of the catalog the name of another
// Delta table, which has the same columns.
func (s *Session) setLocation(ctx context.Context, name *sql.Name, action *sql.SetLocation) (*Result, error) {
	t, base, err := s.newest(ctx, name)
	if err != nil {
		return nil, err
	}
	if t.entry == nil {
		return nil, errclass.New("DELTA_CANNOT_SET_LOCATION_ON_PATH_IDENTIFIER", "42613", "Cannot change the location of a path based table: %s.", name)
	}
	if t.entry.Managed {
		return nil, unsupported("moving a managed table, whose files the workspace keeps", t.name)
	}
	entry := *t.entry
	if entry.Location, err = s.location(action.Location); err != nil {
		return nil, err
	}
	to, err := s.at(ctx, t.name, &entry, entry.Location)
	if err != nil {
		return nil, err
	}
	there, err := to.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if !schema.EqualIgnoringNulls(base.Schema(), there.Schema()) {
		return nil, errclass.New("DELTA_SET_LOCATION_SCHEMA_MISMATCH", "42KD7", "The columns at the new location differ from those of %s: %s there, %s now.", t.name, there.Schema().DDL(), base.Schema().DDL())
	}
	return &Result{}, s.catalog.Update(ctx, entry)
}

// syncIdentity moves the high-water mark of an identity column behind the
// values that rows have.
func (s *Session) syncIdentity(ctx context.Context, base *delta.Snapshot, c *change, path []string) error {
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
	for rows, err := range base.Scan(ctx, delta.ScanOptions{Columns: path[:1], Parallelism: s.cfg.Parallelism}) {
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
