package delta

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// SetProperties sets table properties, under the names that Delta spells. A
// property delta.feature.<name> adds that feature to the protocol.
func (a *Alteration) SetProperties(set map[string]string) error {
	from := mappingMode(a.metadata.Configuration)
	to := from
	if mode, ok := set[mappingModeKey]; ok {
		to = strings.ToLower(mode)
	}
	if from != to && (from != "none" || to != "name") {
		return &MappingModeError{From: from, To: to}
	}
	maps.Copy(a.metadata.Configuration, set)
	if _, ok := set[mappingModeKey]; ok {
		a.metadata.Configuration[mappingModeKey] = to
	}
	return a.check()
}

// UnsetProperties removes table properties; those that are not set are passed
// over. Features stay in the protocol.
func (a *Alteration) UnsetProperties(keys ...string) error {
	for _, key := range keys {
		switch {
		case key == mappingModeKey && hasColumnMapping(&a.metadata):
			return &MappingModeError{From: mappingMode(a.metadata.Configuration), To: "none"}
		case key == maxColumnIDKey || strings.HasPrefix(key, constraintPrefix):
			return refuse("DELTA_CANNOT_MODIFY_TABLE_PROPERTY", "42939", "the table property %s cannot be unset", key)
		}
		delete(a.metadata.Configuration, key)
	}
	return nil
}

// Column returns the column or field at a path.
func (a *Alteration) Column(path []string) (schema.Field, error) {
	s, i, err := a.fieldAt(path)
	if err != nil {
		return schema.Field{}, err
	}
	return s.Fields[i], nil
}

// ReplaceColumns makes the table's columns those given, in their order.
// Columns of the same name stay what they are, and must have the same type;
// new ones are added, and others dropped, but not both at once, as that might
// be meant as a renaming.
func (a *Alteration) ReplaceColumns(columns *schema.Struct) error {
	var dropped, added []string
	for _, f := range a.metadata.Schema.Fields {
		if columns.Index(f.Name) < 0 {
			dropped = append(dropped, f.Name)
		}
	}
	next := schema.New()
	for _, f := range columns.Fields {
		i := a.metadata.Schema.Index(f.Name)
		if i < 0 {
			added = append(added, f.Name)
			next.Fields = append(next.Fields, f)
			continue
		}
		kept := a.metadata.Schema.Fields[i]
		if !schema.EqualIgnoringNulls(kept.Type, f.Type) {
			return refuse("DELTA_UNSUPPORTED_ALTER_TABLE_REPLACE_COL_OP", "0AKDC", "REPLACE COLUMNS cannot change the type of %s from %s to %s", quotePath([]string{f.Name}), kept.Type, f.Type)
		}
		setFieldKey(&kept, "comment", "")
		if comment, ok := f.Metadata["comment"].(string); ok {
			setFieldKey(&kept, "comment", comment)
		}
		next.Fields = append(next.Fields, kept)
	}
	if dropped != nil && added != nil {
		return refuse("DELTA_UNSUPPORTED_ALTER_TABLE_REPLACE_COL_OP", "0AKDC",
			"REPLACE COLUMNS would drop %s and add %s, which is ambiguous; make these changes by ADD, DROP and RENAME COLUMN", strings.Join(dropped, ", "), strings.Join(added, ", "))
	}
	for _, name := range dropped {
		if err := a.DropColumn([]string{name}); err != nil {
			return err
		}
	}
	for _, name := range added {
		if err := a.AddColumn(nil, columns.Fields[columns.Index(name)], Position{}); err != nil {
			return err
		}
	}
	a.metadata.Schema = next
	return a.check()
}

// maxClusteringColumns is Delta's bound.
const maxClusteringColumns = 4

// ClusterBy returns the configuration of the domain delta.clustering for a
// table that is to be clustered by columns, named by paths; none leaves it
// clustered by nothing (protocol: Clustered Table).
func ClusterBy(m Metadata, columns [][]string) (string, error) {
	if len(m.PartitionColumns) > 0 {
		return "", refuse("DELTA_CLUSTER_BY_WITH_PARTITIONED_BY", "42613", "the table is partitioned, and clustering and partitioning exclude each other")
	}
	if len(columns) > maxClusteringColumns {
		return "", refuse("DELTA_CLUSTER_BY_INVALID_NUM_COLUMNS", "54000", "CLUSTER BY takes up to %d columns, not %d", maxClusteringColumns, len(columns))
	}
	a := &Alteration{metadata: m}
	mapping := mappingOf(&m)
	stored := make([][]string, len(columns))
	for i, path := range columns {
		f, err := a.Column(path)
		if err != nil {
			return "", refuse("DELTA_COLUMN_NOT_FOUND_IN_SCHEMA", "42703", "the clustering column %s is not among the columns %s", quotePath(path), m.Schema.DDL())
		}
		if !partitionable(f.Type) || f.Type == schema.Boolean || f.Type == schema.Binary {
			return "", refuse("DELTA_CLUSTERING_COLUMNS_DATATYPE_NOT_SUPPORTED", "0A000", "CLUSTER BY is not supported for column %s of type %s", quotePath(path), f.Type)
		}
		for n := range path {
			step, err := a.Column(path[:n+1])
			if err != nil {
				return "", err
			}
			stored[i] = append(stored[i], mapping.physicalName(step))
		}
		if slices.ContainsFunc(stored[:i], func(other []string) bool { return slices.Equal(other, stored[i]) }) {
			return "", refuse("DELTA_DUPLICATE_COLUMNS_FOUND", "42711", "the clustering column %s is named twice", quotePath(path))
		}
	}
	text, err := json.Marshal(map[string]any{"clusteringColumns": stored, "domainName": clusteringDomain})
	return string(text), err
}
