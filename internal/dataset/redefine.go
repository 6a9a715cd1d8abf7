package dataset

import (
	"context"
	"slices"
	"strings"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/definition"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// redefine gives a streaming table that is there what its new definition says
// of it beside the query: its comment, its properties and its columns'
// comments. How rows are laid out follows when the table is loaded anew, and so
// do table properties of Delta that the definition no longer has.
func (d *Set) redefine(ctx context.Context, entry catalog.Table, former, now *sql.Dataset) error {
	_, base, err := d.ws.Existing(ctx, entry)
	if err != nil || base == nil {
		return err
	}
	name := &sql.Name{Parts: []string{entry.Name.Catalog, entry.Name.Schema, entry.Name.Table}}
	meta := base.Metadata()
	if meta.Description != now.Comment {
		if err := d.definitions.Comment(ctx, &sql.CommentOn{Kind: "TABLE", Name: name, Comment: now.Comment}); err != nil {
			return err
		}
	}
	actions, err := changedProperties(meta.Configuration, former.Properties, now.Properties)
	if err != nil {
		return err
	}
	if changes := newComments(meta.Schema, now.Columns); len(changes) > 0 {
		actions = append(actions, &sql.AlterColumns{Changes: changes})
	}
	for _, action := range actions {
		if err := d.definitions.Alter(ctx, &sql.AlterTable{Table: name, Action: action}); err != nil {
			return err
		}
	}
	return nil
}

// changedProperties sets the properties that a definition has and a table
// lacks, and unsets those that only the former definition had.
func changedProperties(table map[string]string, former, now []*sql.Property) (actions []sql.AlterAction, err error) {
	wanted, err := definition.Properties(now)
	if err != nil {
		return nil, err
	}
	set := &sql.SetProperties{Properties: slices.DeleteFunc(slices.Clone(now), func(p *sql.Property) bool {
		have, ok := propertyOf(table, p.Key)
		return ok && have == p.Value
	})}
	if len(set.Properties) > 0 {
		actions = append(actions, set)
	}
	unset := &sql.UnsetProperties{IfExists: true}
	for _, p := range former {
		_, kept := propertyOf(wanted, p.Key)
		if !kept && !strings.HasPrefix(strings.ToLower(p.Key), "delta.") {
			unset.Keys = append(unset.Keys, p.Key)
		}
	}
	if len(unset.Keys) > 0 {
		actions = append(actions, unset)
	}
	return actions, nil
}

// propertyOf finds a property however its key is written; those of Delta
// ignore case.
func propertyOf(properties map[string]string, key string) (string, bool) {
	if value, ok := properties[key]; ok {
		return value, true
	}
	for k, value := range properties {
		if strings.EqualFold(k, key) && strings.HasPrefix(strings.ToLower(k), "delta.") {
			return value, true
		}
	}
	return "", false
}

// newComments are the comments of declared columns that a table's columns
// lack.
func newComments(table *schema.Struct, declared []*sql.ColumnDef) (changes []*sql.ColumnChange) {
	for _, c := range declared {
		i := table.Index(c.Name)
		if i < 0 || c.Comment == "" || table.Fields[i].Metadata["comment"] == c.Comment {
			continue
		}
		changes = append(changes, &sql.ColumnChange{Column: &sql.Column{Parts: []string{c.Name}}, Kind: sql.SetComment, Comment: c.Comment})
	}
	return changes
}
