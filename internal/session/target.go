package session

import (
	"context"
	"errors"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/sql"
)

// target is a Delta table that a statement names: by a catalog name, or by
// its path as in delta.`/data/t`.
type target struct {
	name     string         // as messages show it
	entry    *catalog.Table // nil for a path
	location string
	handle
}

// target resolves the name of a table, which must exist in the catalog or be
// a path; whether a Delta table is there is not looked at.
func (s *Session) target(ctx context.Context, n *sql.Name) (*target, error) {
	if format, path, ok := n.Path(); ok {
		return s.pathTarget(ctx, n, format, path)
	}
	name, err := s.tableName(ctx, n)
	if err != nil {
		return nil, err
	}
	entry, err := s.catalog.Table(ctx, name)
	if err != nil {
		return nil, place.Name(n, s.text, err)
	}
	if entry.Kind == catalog.KindView {
		return nil, errclass.New("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", "%s is a view, and the statement expects a table.", entry.Name)
	}
	return s.at(ctx, entry.Name.String(), &entry, entry.Location)
}

func (s *Session) pathTarget(ctx context.Context, n *sql.Name, format, path string) (*target, error) {
	if format != "delta" {
		return nil, errclass.New("DELTA_COPY_INTO_TARGET_FORMAT", "0AKDD",
			"%s names %s files, and the statement expects a Delta table: delta.`path`.", n, format)
	}
	location, err := s.location(path)
	if err != nil {
		return nil, err
	}
	return s.at(ctx, n.String(), nil, location)
}

func (s *Session) at(ctx context.Context, name string, entry *catalog.Table, location string) (*target, error) {
	h, err := s.handle(ctx, location)
	if err != nil {
		return nil, err
	}
	return &target{name: name, entry: entry, location: location, handle: h}, nil
}

// newest returns a table and its newest snapshot.
func (s *Session) newest(ctx context.Context, name *sql.Name) (*target, *delta.Snapshot, error) {
	t, err := s.target(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	snap, err := t.snapshot(ctx)
	return t, snap, err
}

// snapshot returns the table's newest snapshot.
func (t *target) snapshot(ctx context.Context) (*delta.Snapshot, error) {
	snap, err := t.table.Snapshot(ctx)
	if _, missing := errors.AsType[*delta.NotFoundError](err); missing {
		return nil, errclass.New("DELTA_TABLE_NOT_FOUND", "42P01", "Delta table %s doesn't exist: there is no Delta log at %s.", t.name, t.location)
	}
	if err != nil {
		return nil, wrap(t.name, err)
	}
	return snap, nil
}

// exists returns the newest snapshot, or nil when no table is there.
func (t *target) exists(ctx context.Context) (*delta.Snapshot, error) {
	snap, err := t.table.Snapshot(ctx)
	if _, missing := errors.AsType[*delta.NotFoundError](err); missing {
		return nil, nil // absence is the answer
	}
	return snap, wrap(t.name, err)
}

// existing returns the table of an entry and its newest version, which is nil
// when nobody has written it yet.
func (s *Session) existing(ctx context.Context, entry catalog.Table) (*target, *delta.Snapshot, error) {
	t, err := s.at(ctx, entry.Name.String(), &entry, entry.Location)
	if err != nil {
		return nil, nil, err
	}
	base, err := t.exists(ctx)
	return t, base, err
}
