// Package definition makes and changes what a Delta table is defined by: its
// columns, constraints, properties and layout, as CREATE TABLE, ALTER TABLE and
// COMMENT ON state them.
package definition

import (
	"context"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// Editor makes and changes the definitions of tables. It is not safe for
// concurrent use.
type Editor struct {
	planner *query.Planner
}

// New returns an editor of the tables that a planner names.
func New(planner *query.Planner) *Editor { return &Editor{planner} }

// Metadata is the metadata of the table that a CREATE describes.
func (e *Editor) Metadata(ctx context.Context, stmt *sql.CreateTable, rows *ingest.Relation) (delta.Metadata, error) {
	columns, err := e.declaredColumns(ctx, stmt)
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
	properties, err := Properties(stmt.Properties)
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
		ID: e.planner.NewID(), Description: stmt.Comment, Schema: columns, PartitionColumns: partitions,
		Configuration: properties, CreatedTime: e.planner.Clock().UnixMilli(),
	}
	if err := e.declareConstraints(&meta, stmt.Constraints); err != nil {
		return delta.Metadata{}, err
	}
	return meta, e.checkRules(ctx, meta)
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

// CreateParameters are how the history of a table tells of its creation.
func CreateParameters(t *workspace.Table, meta delta.Metadata) map[string]any {
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
	if t.Entry != nil && t.Entry.Managed {
		managed = "true"
	}
	return map[string]any{
		"isManaged": managed, "description": description, "partitionBy": partitionBy,
		"clusterBy": []string{}, "properties": properties,
	}
}

// Cluster returns what tells a transaction by which columns a new table is
// clustered. A table in place of one that was is clustered by these columns, or
// by none.
func Cluster(by []*sql.Column, base *delta.Snapshot, meta *delta.Metadata) (func(*delta.Transaction), error) {
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
