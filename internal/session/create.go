package session

import (
	"context"
	"errors"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/definition"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// createTable runs CREATE [OR REPLACE] TABLE, with or without AS query. The
// table appears whole or not at all: its first commit holds schema and rows,
// and the catalog entry follows the commit.
func (s *Session) createTable(ctx context.Context, stmt *sql.CreateTable) (*Result, error) {
	if err := definition.Check(stmt); err != nil {
		return nil, err
	}
	if stmt.Clone != nil {
		return s.cloneTable(ctx, stmt)
	}
	t, base, err := s.creationTarget(ctx, stmt)
	if err != nil || t == nil {
		return createResult(stmt, nil), err
	}
	if stmt.Query != nil {
		return s.createAsSelect(ctx, t, base, stmt)
	}
	meta, err := s.definitions.Metadata(ctx, stmt, nil)
	if err != nil {
		return nil, err
	}
	if base != nil && !stmt.OrReplace {
		err = matchesExisting(t, stmt, meta, base)
	} else {
		err = s.commitCreate(ctx, t, stmt, base, meta, nil)
	}
	if err != nil {
		return nil, err
	}
	return &Result{}, s.register(ctx, t, stmt)
}

func (s *Session) createAsSelect(ctx context.Context, t *workspace.Table, base *delta.Snapshot, stmt *sql.CreateTable) (*Result, error) {
	meta, staged, err := s.planner.Stage(ctx, t, stmt.Query, func(rows *ingest.Relation) (delta.Metadata, *ingest.Relation, error) {
		meta, err := s.definitions.Metadata(ctx, stmt, rows)
		return meta, rows, err
	})
	if err != nil {
		return nil, err
	}
	if err := s.commitCreate(ctx, t, stmt, base, meta, staged); err != nil {
		return nil, err
	}
	if err := s.register(ctx, t, stmt); err != nil {
		return nil, err
	}
	s.ws.Compact(ctx, t)
	return createResult(stmt, staged), nil
}

// creationTarget finds where the table goes and what is there. A nil target
// means that there is nothing to do.
func (s *Session) creationTarget(ctx context.Context, stmt *sql.CreateTable) (*workspace.Table, *delta.Snapshot, error) {
	t, exists, err := s.newTarget(ctx, stmt)
	if err != nil {
		return nil, nil, err
	}
	if exists && stmt.IfNotExists {
		return nil, nil, nil
	}
	if exists && !stmt.OrReplace {
		return nil, nil, catalog.AlreadyExists(t.Entry.Name)
	}
	base, err := t.Exists(ctx)
	if err != nil {
		return nil, nil, err
	}
	if base != nil && stmt.Query != nil && !stmt.OrReplace {
		if stmt.IfNotExists {
			return nil, nil, nil
		}
		return nil, nil, errclass.New("DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", "42601",
			"Cannot create table %s: the location %s holds a Delta table already. Use CREATE OR REPLACE TABLE, INSERT INTO, or another location.", t.Name, t.Location)
	}
	return t, base, nil
}

// newTarget returns the table that a CREATE names, and whether the catalog
// has it already.
func (s *Session) newTarget(ctx context.Context, stmt *sql.CreateTable) (t *workspace.Table, exists bool, err error) {
	if format, path, ok := stmt.Name.Path(); ok {
		t, err = s.planner.PathTarget(ctx, stmt.Name, format, path)
		return t, false, err
	}
	name, err := s.planner.TableName(ctx, stmt.Name)
	if err != nil {
		return nil, false, err
	}
	entry, err := s.ws.Catalog.Table(ctx, name)
	switch {
	case err == nil && entry.Kind == catalog.KindView:
		if stmt.OrReplace {
			return nil, false, errclass.New("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", "%s is a view; drop it before a table takes its name.", entry.Name)
		}
		return &workspace.Table{Entry: &entry}, true, nil
	case err == nil && stmt.OrReplace && entry.Kind != catalog.KindTable:
		return nil, false, noReplacing(entry)
	case err == nil:
		t, err = s.ws.Table(ctx, entry.Name.String(), &entry, entry.Location)
		return t, true, err
	case errclass.Ignore(err, "TABLE_OR_VIEW_NOT_FOUND") != nil:
		return nil, false, err
	}
	entry = catalog.Table{Name: name, Kind: catalog.KindTable, Managed: stmt.Location == "", Comment: stmt.Comment}
	if stmt.Location != "" {
		entry.Location, err = workspace.Locate(stmt.Location)
	} else {
		entry.Location, err = s.ws.ManagedLocation(ctx, name)
	}
	if err != nil {
		return nil, false, err
	}
	if _, err := s.ws.Catalog.Schema(ctx, name.Catalog, name.Schema); err != nil {
		return nil, false, err
	}
	t, err = s.ws.Table(ctx, name.String(), &entry, entry.Location)
	return t, false, err
}

// noReplacing refuses to put a table in the place of a dataset, whose query
// would go on filling it.
func noReplacing(entry catalog.Table) error {
	if entry.Kind == catalog.KindStreamingTable {
		return errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REPLACE", "42601",
			"%s is a streaming table; drop it with DROP TABLE before a table takes its name, or give it another query with CREATE OR REFRESH STREAMING TABLE.", entry.Name)
	}
	return errclass.New("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", "%s is a materialized view; drop it before a table takes its name.", entry.Name)
}

// register puts a created table into the catalog.
func (s *Session) register(ctx context.Context, t *workspace.Table, stmt *sql.CreateTable) error {
	if t.Entry == nil {
		return nil
	}
	entry := *t.Entry
	entry.Comment = stmt.Comment
	err := s.ws.Catalog.Create(ctx, entry)
	if err == nil || !stmt.OrReplace {
		return err
	}
	if err := errclass.Ignore(err, "TABLE_OR_VIEW_ALREADY_EXISTS"); err != nil {
		return err
	}
	return s.ws.Catalog.Update(ctx, entry)
}

// commitCreate makes the commit that makes the table.
func (s *Session) commitCreate(ctx context.Context, t *workspace.Table, stmt *sql.CreateTable, base *delta.Snapshot, meta delta.Metadata, staged *ingest.Staged) error {
	if staged != nil && staged.Metadata != nil {
		meta = *staged.Metadata
	}
	cluster, err := definition.Cluster(stmt.ClusterBy, base, &meta)
	if err != nil {
		return errors.Join(workspace.Wrap(t.Name, err), staged.Discard(context.WithoutCancel(ctx), t.Store))
	}
	if staged != nil && staged.Metadata != nil {
		staged.Metadata = &meta
	}
	_, err = ingest.Commit{
		Table: t.Delta, Store: t.Store, Base: base, Metadata: &meta, Overwrite: true, Now: s.ws.Clock,
		Operation:  createOperation(stmt),
		Parameters: definition.CreateParameters(t, meta),
		Also: func(ctx context.Context, base *delta.Snapshot, tx *delta.Transaction) error {
			cluster(tx)
			return forgetLoadedFiles(ctx, base, tx)
		},
	}.Apply(ctx, staged)
	var conflict *delta.ConflictError
	if errors.As(err, &conflict) && base == nil {
		return catalogExists(t)
	}
	return workspace.Wrap(t.Name, err)
}

func catalogExists(t *workspace.Table) error {
	if t.Entry != nil {
		return catalog.AlreadyExists(t.Entry.Name)
	}
	return errclass.New("DELTA_TABLE_ALREADY_EXISTS", "42P07", "Table %s already exists.", t.Name)
}

// forgetLoadedFiles empties the record of files COPY INTO has loaded: a
// replaced table has loaded none.
func forgetLoadedFiles(_ context.Context, base *delta.Snapshot, tx *delta.Transaction) error {
	if base == nil {
		return nil
	}
	if id, ok := base.TransactionVersion(loaded.AppID); ok && id != 0 {
		tx.ReadTransaction(loaded.AppID)
		tx.SetTransaction(loaded.AppID, 0)
	}
	return nil
}

func createOperation(stmt *sql.CreateTable) string {
	op := "CREATE TABLE"
	if stmt.OrReplace {
		op = "CREATE OR REPLACE TABLE"
	}
	if stmt.Query != nil {
		op += " AS SELECT"
	}
	return op
}

// createResult is what CREATE TABLE AS SELECT returns: the counts of rows.
func createResult(stmt *sql.CreateTable, staged *ingest.Staged) *Result {
	if stmt.Query == nil {
		return &Result{}
	}
	if staged == nil {
		staged = &ingest.Staged{}
	}
	return affected(staged.Rows, staged.Rows)
}

// affected is the result row of statements that insert.
func affected(all, inserted int64) *Result {
	out := rowset.New(schema.Col("num_affected_rows", schema.Long), schema.Col("num_inserted_rows", schema.Long))
	out.Add(all, inserted)
	return resultOf(out)
}

// matchesExisting checks the columns that a CREATE TABLE … LOCATION lists
// against the table that is there.
func matchesExisting(t *workspace.Table, stmt *sql.CreateTable, meta delta.Metadata, base *delta.Snapshot) error {
	if len(stmt.Columns) == 0 || schema.Equal(meta.Schema, base.Schema()) {
		return nil
	}
	return errclass.New("DELTA_CREATE_TABLE_SCHEME_MISMATCH", "42KD7",
		"The specified schema does not match the existing schema at %s.\n== Specified ==\n%s\n== Existing ==\n%s", t.Location, meta.Schema.DDL(), base.Schema().DDL())
}
