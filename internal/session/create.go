package session

import (
	"context"
	"errors"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// createTable runs CREATE [OR REPLACE] TABLE, with or without AS query. The
// table appears whole or not at all: its first commit holds schema and rows,
// and the catalog entry follows the commit.
func (s *Session) createTable(ctx context.Context, stmt *sql.CreateTable) (*Result, error) {
	if err := checkCreate(stmt); err != nil {
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
	meta, err := s.newMetadata(ctx, stmt, nil)
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

func (s *Session) createAsSelect(ctx context.Context, t *target, base *delta.Snapshot, stmt *sql.CreateTable) (*Result, error) {
	meta, staged, err := s.stage(ctx, t, stmt.Query, func(rows *ingest.Relation) (delta.Metadata, *ingest.Relation, error) {
		meta, err := s.newMetadata(ctx, stmt, rows)
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
	s.compact(ctx, t)
	return createResult(stmt, staged), nil
}

// creationTarget finds where the table goes and what is there. A nil target
// means that there is nothing to do.
func (s *Session) creationTarget(ctx context.Context, stmt *sql.CreateTable) (*target, *delta.Snapshot, error) {
	t, exists, err := s.newTarget(ctx, stmt)
	if err != nil {
		return nil, nil, err
	}
	if exists && stmt.IfNotExists {
		return nil, nil, nil
	}
	if exists && !stmt.OrReplace {
		return nil, nil, catalog.AlreadyExists(t.entry.Name)
	}
	base, err := t.exists(ctx)
	if err != nil {
		return nil, nil, err
	}
	if base != nil && stmt.Query != nil && !stmt.OrReplace {
		if stmt.IfNotExists {
			return nil, nil, nil
		}
		return nil, nil, errclass.New("DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", "42601",
			"Cannot create table %s: the location %s holds a Delta table already. Use CREATE OR REPLACE TABLE, INSERT INTO, or another location.", t.name, t.location)
	}
	return t, base, nil
}

// newTarget returns the table that a CREATE names, and whether the catalog
// has it already.
func (s *Session) newTarget(ctx context.Context, stmt *sql.CreateTable) (t *target, exists bool, err error) {
	if format, path, ok := stmt.Name.Path(); ok {
		t, err = s.pathTarget(ctx, stmt.Name, format, path)
		return t, false, err
	}
	name, err := s.tableName(ctx, stmt.Name)
	if err != nil {
		return nil, false, err
	}
	entry, err := s.catalog.Table(ctx, name)
	switch {
	case err == nil && entry.Kind == catalog.KindView:
		if stmt.OrReplace {
			return nil, false, errclass.New("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", "%s is a view; drop it before a table takes its name.", entry.Name)
		}
		return &target{entry: &entry}, true, nil
	case err == nil && stmt.OrReplace && entry.Kind != catalog.KindTable:
		return nil, false, noReplacing(entry)
	case err == nil:
		t, err = s.at(ctx, entry.Name.String(), &entry, entry.Location)
		return t, true, err
	case ignore(err, "TABLE_OR_VIEW_NOT_FOUND") != nil:
		return nil, false, err
	}
	entry = catalog.Table{Name: name, Kind: catalog.KindTable, Managed: stmt.Location == "", Comment: stmt.Comment}
	if stmt.Location != "" {
		entry.Location, err = s.location(stmt.Location)
	} else {
		entry.Location, err = s.managedLocation(ctx, name)
	}
	if err != nil {
		return nil, false, err
	}
	if _, err := s.catalog.Schema(ctx, name.Catalog, name.Schema); err != nil {
		return nil, false, err
	}
	t, err = s.at(ctx, name.String(), &entry, entry.Location)
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
func (s *Session) register(ctx context.Context, t *target, stmt *sql.CreateTable) error {
	if t.entry == nil {
		return nil
	}
	entry := *t.entry
	entry.Comment = stmt.Comment
	err := s.catalog.Create(ctx, entry)
	if err == nil || !stmt.OrReplace {
		return err
	}
	if err := ignore(err, "TABLE_OR_VIEW_ALREADY_EXISTS"); err != nil {
		return err
	}
	return s.catalog.Update(ctx, entry)
}

// commitCreate makes the commit that makes the table.
func (s *Session) commitCreate(ctx context.Context, t *target, stmt *sql.CreateTable, base *delta.Snapshot, meta delta.Metadata, staged *ingest.Staged) error {
	if staged != nil && staged.Metadata != nil {
		meta = *staged.Metadata
	}
	cluster, err := clusterNew(stmt.ClusterBy, base, &meta)
	if err != nil {
		return errors.Join(wrap(t.name, err), staged.Discard(context.WithoutCancel(ctx), t.store))
	}
	if staged != nil && staged.Metadata != nil {
		staged.Metadata = &meta
	}
	_, err = ingest.Commit{
		Table: t.table, Store: t.store, Base: base, Metadata: &meta, Overwrite: true, Now: s.cfg.Clock,
		Operation:  createOperation(stmt),
		Parameters: createParameters(t, meta),
		Also: func(ctx context.Context, base *delta.Snapshot, tx *delta.Transaction) error {
			cluster(tx)
			return forgetLoadedFiles(ctx, base, tx)
		},
	}.Apply(ctx, staged)
	var conflict *delta.ConflictError
	if errors.As(err, &conflict) && base == nil {
		return catalogExists(t)
	}
	return wrap(t.name, err)
}

// clusterNew returns what tells a transaction by which columns a new table is
// clustered. A table in place of one that was is clustered by these columns, or
// by none.
func clusterNew(by []*sql.Column, base *delta.Snapshot, meta *delta.Metadata) (func(*delta.Transaction), error) {
	const domain = "delta.clustering"
	if len(by) == 0 {
		clustered := false
		if base != nil {
			var err error
			if _, clustered, err = base.ClusteringColumns(); err != nil {
				return nil, err
			}
		}
		return func(tx *delta.Transaction) {
			if clustered {
				tx.SetDomainMetadata(domain, "", true)
			}
		}, nil
	}
	paths := make([][]string, len(by))
	for i, column := range by {
		paths[i] = column.Parts
	}
	configuration, err := delta.ClusterBy(*meta, paths)
	if err != nil {
		return nil, err
	}
	*meta = meta.Clone()
	if meta.Configuration == nil {
		meta.Configuration = map[string]string{}
	}
	meta.Configuration[delta.FeaturePrefix+"clustering"] = "supported"
	return func(tx *delta.Transaction) { tx.SetDomainMetadata(domain, configuration, false) }, nil
}

func catalogExists(t *target) error {
	if t.entry != nil {
		return catalog.AlreadyExists(t.entry.Name)
	}
	return errclass.New("DELTA_TABLE_ALREADY_EXISTS", "42P07", "Table %s already exists.", t.name)
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

func createParameters(t *target, meta delta.Metadata) map[string]any {
	partitionBy := meta.PartitionColumns
	if partitionBy == nil {
		partitionBy = []string{}
	}
	var description any
	if meta.Description != "" {
		description = meta.Description
	}
	properties := map[string]string{}
	for key, value := range meta.Configuration {
		if !strings.HasPrefix(key, delta.FeaturePrefix) && !strings.HasPrefix(key, "delta.constraints.") {
			properties[key] = value
		}
	}
	managed := "false"
	if t.entry != nil && t.entry.Managed {
		managed = "true"
	}
	return map[string]any{
		"isManaged": managed, "description": description, "partitionBy": partitionBy,
		"clusterBy": []string{}, "properties": properties,
	}
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
	out := newTable(schema.Col("num_affected_rows", schema.Long), schema.Col("num_inserted_rows", schema.Long))
	out.add(all, inserted)
	return out.result()
}

// newMetadata is the metadata of the table that a CREATE describes.
func (s *Session) newMetadata(ctx context.Context, stmt *sql.CreateTable, rows *ingest.Relation) (delta.Metadata, error) {
	columns, err := s.declaredColumns(ctx, stmt)
	if err != nil {
		return delta.Metadata{}, err
	}
	if rows != nil {
		if len(columns.Fields)+len(stmt.Constraints) > 0 {
			return delta.Metadata{}, errclass.New("INVALID_STATEMENT_OR_CLAUSE", "42601",
				"Schema may not be specified in a Create Table As Select (CTAS) statement. Cast the columns in the query, or create the table first and INSERT INTO it.")
		}
		columns = storable(rows.Schema)
	}
	properties, err := tableProperties(stmt.Properties)
	if err != nil {
		return delta.Metadata{}, err
	}
	partitions, err := partitionColumns(stmt, columns)
	if err != nil {
		return delta.Metadata{}, err
	}
	if err := ingest.CheckColumns(columns, properties); err != nil {
		return delta.Metadata{}, err
	}
	meta := delta.Metadata{
		ID: s.cfg.NewID(), Description: stmt.Comment, Schema: columns, PartitionColumns: partitions,
		Configuration: properties, CreatedTime: s.cfg.Clock().UnixMilli(),
	}
	if err := s.declareConstraints(&meta, stmt.Constraints); err != nil {
		return delta.Metadata{}, err
	}
	return meta, s.checkRules(ctx, meta)
}

// partitionColumns returns the names of PARTITIONED BY in the spelling of the
// columns.
func partitionColumns(stmt *sql.CreateTable, columns *schema.Struct) ([]string, error) {
	var names []string
	for _, p := range stmt.PartitionedBy {
		i := columns.Index(p.Name)
		if i < 0 {
			return nil, errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
				"The partition column %s is not among the table's columns: %s.", schema.QuoteIdent(p.Name), strings.Join(columns.Names(), ", "))
		}
		switch columns.Fields[i].Type.(type) {
		case schema.Array, schema.Map, *schema.Struct:
			return nil, errclass.New("INVALID_PARTITION_COLUMN_DATA_TYPE", "0A000",
				"Cannot use %s for partition column %s.", columns.Fields[i].Type, schema.QuoteIdent(p.Name))
		}
		names = append(names, columns.Fields[i].Name)
	}
	if len(names) > 0 && len(names) == len(columns.Fields) {
		return nil, errclass.New("ALL_PARTITION_COLUMNS_NOT_ALLOWED", "KD005", "Cannot use all columns for partition columns.")
	}
	return names, nil
}

// storable makes a query's columns fit for a table: nullable, and without
// types that no table has.
func storable(s *schema.Struct) *schema.Struct {
	out, _ := schema.AsNullable(s).(*schema.Struct)
	return delta.PlainColumns(out)
}

// matchesExisting checks the columns that a CREATE TABLE … LOCATION lists
// against the table that is there.
func matchesExisting(t *target, stmt *sql.CreateTable, meta delta.Metadata, base *delta.Snapshot) error {
	if len(stmt.Columns) == 0 || schema.Equal(meta.Schema, base.Schema()) {
		return nil
	}
	return errclass.New("DELTA_CREATE_TABLE_SCHEME_MISMATCH", "42KD7",
		"The specified schema does not match the existing schema at %s.\n== Specified ==\n%s\n== Existing ==\n%s", t.location, meta.Schema.DDL(), base.Schema().DDL())
}
