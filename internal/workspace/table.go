package workspace

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
)

// Table is an open Delta table: one of the catalog, or one that a statement
// names by its path as in delta.`/data/t`.
type Table struct {
	Name     string         // as messages show it
	Entry    *catalog.Table // nil for a path
	Location string
	Delta    *delta.Table
	Store    object.Store // of the table's files
}

// Table opens the table at a location, whether or not one is there. Tables stay
// open, so that a statement after another one refreshes a snapshot instead of
// building it anew. entry is nil for a table that is not of the catalog.
func (w *Workspace) Table(ctx context.Context, name string, entry *catalog.Table, location string) (*Table, error) {
	t := &Table{Name: name, Entry: entry, Location: location}
	if open, ok := w.tables[location]; ok {
		t.Delta, t.Store = open.Delta, open.Store
		return t, nil
	}
	store, err := w.OpenStore(ctx, location)
	if err != nil {
		return nil, err
	}
	t.Store, t.Delta = store, delta.NewTable(store, delta.Options{
		Clock: w.Clock, NewID: w.NewID, Logger: w.Logger, Engine: "freshet/" + w.Version,
		External:   w.external,
		Background: true,
	})
	w.tables[location] = t
	return t, nil
}

// Existing returns the table of an entry and its newest version, which is nil
// when nobody has written it yet.
func (w *Workspace) Existing(ctx context.Context, entry catalog.Table) (*Table, *delta.Snapshot, error) {
	t, err := w.Table(ctx, entry.Name.String(), &entry, entry.Location)
	if err != nil {
		return nil, nil, err
	}
	base, err := t.Exists(ctx)
	return t, base, err
}

// Forget lets the table at a location be opened anew, as it was deleted.
func (w *Workspace) Forget(location string) { delete(w.tables, location) }

// Snapshot returns the table's newest snapshot. That there is none is an error.
func (t *Table) Snapshot(ctx context.Context) (*delta.Snapshot, error) {
	snap, err := t.Delta.Snapshot(ctx)
	if _, missing := errors.AsType[*delta.NotFoundError](err); missing {
		return nil, errclass.New("DELTA_TABLE_NOT_FOUND", "42P01", "Delta table %s doesn't exist: there is no Delta log at %s.", t.Name, t.Location)
	}
	if err != nil {
		return nil, Wrap(t.Name, err)
	}
	return snap, nil
}

// Exists returns the newest snapshot, or nil when no table is there.
func (t *Table) Exists(ctx context.Context) (*delta.Snapshot, error) {
	snap, err := t.Delta.Snapshot(ctx)
	if _, missing := errors.AsType[*delta.NotFoundError](err); missing {
		return nil, nil // absence is the answer
	}
	return snap, Wrap(t.Name, err)
}

// Wrap names the table an error is about. Errors that say enough stay as they
// are.
func Wrap(table string, err error) error {
	var file *delta.CorruptFileError
	if err == nil || errors.As(err, &file) {
		return err
	}
	var known errclass.Classified
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", table, err)
	}
	return errclass.New("TABLE_STORAGE_FAILED", "58030", "The files of table %s cannot be used: %w", table, err)
}
