package query

import (
	"context"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

// NameParts returns the parts of a name, its IDENTIFIER expression evaluated.
func (p *Planner) NameParts(ctx context.Context, n *sql.Name) ([]string, error) {
	if n.Expr == nil {
		return n.Parts, nil
	}
	text, err := p.Constant(ctx, n.Expr)
	if err != nil {
		return nil, err
	}
	parsed, err := sql.ParseName(text)
	if err != nil {
		return nil, err
	}
	return parsed.Parts, nil
}

// TableName resolves a name of one to three parts to a full one.
func (p *Planner) TableName(ctx context.Context, n *sql.Name) (catalog.Name, error) {
	parts, err := p.NameParts(ctx, n)
	if err != nil {
		return catalog.Name{}, err
	}
	switch len(parts) {
	case 1:
		return catalog.Name{Catalog: p.Current.Catalog, Schema: p.Current.Schema, Table: parts[0]}, nil
	case 2:
		return catalog.Name{Catalog: p.Current.Catalog, Schema: parts[0], Table: parts[1]}, nil
	case 3:
		return catalog.Name{Catalog: parts[0], Schema: parts[1], Table: parts[2]}, nil
	}
	return catalog.Name{}, errclass.New("REQUIRES_SINGLE_PART_NAMESPACE", "42K05",
		"The name %s has %d parts; a table's has one to three: catalog.schema.table.", n, len(parts))
}

// SchemaName resolves a name of one or two parts to catalog and schema; nil is
// the current schema.
func (p *Planner) SchemaName(ctx context.Context, n *sql.Name) (catalogName, schemaName string, err error) {
	if n == nil {
		return p.Current.Catalog, p.Current.Schema, nil
	}
	parts, err := p.NameParts(ctx, n)
	if err != nil {
		return "", "", err
	}
	switch len(parts) {
	case 1:
		return p.Current.Catalog, parts[0], nil
	case 2:
		return parts[0], parts[1], nil
	}
	return "", "", errclass.New("REQUIRES_SINGLE_PART_NAMESPACE", "42K05",
		"The name %s has %d parts; a schema's has one or two: catalog.schema.", n, len(parts))
}

// Target resolves the name of a table, which must exist in the catalog or be
// a path; whether a Delta table is there is not looked at.
func (p *Planner) Target(ctx context.Context, n *sql.Name) (*workspace.Table, error) {
	if format, path, ok := n.Path(); ok {
		return p.PathTarget(ctx, n, format, path)
	}
	name, err := p.TableName(ctx, n)
	if err != nil {
		return nil, err
	}
	entry, err := p.Catalog.Table(ctx, name)
	if err != nil {
		return nil, p.Placed(n, err)
	}
	if entry.Kind == catalog.KindView {
		return nil, errclass.New("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", "%s is a view, and the statement expects a table.", entry.Name)
	}
	return p.Table(ctx, entry.Name.String(), &entry, entry.Location)
}

// PathTarget returns the table at the path that a name such as delta.`/data/t`
// is.
func (p *Planner) PathTarget(ctx context.Context, n *sql.Name, format, path string) (*workspace.Table, error) {
	if format != "delta" {
		return nil, errclass.New("DELTA_COPY_INTO_TARGET_FORMAT", "0AKDD",
			"%s names %s files, and the statement expects a Delta table: delta.`path`.", n, format)
	}
	location, err := workspace.Locate(path)
	if err != nil {
		return nil, err
	}
	return p.Table(ctx, n.String(), nil, location)
}

// Newest returns a table and its newest snapshot.
func (p *Planner) Newest(ctx context.Context, name *sql.Name) (*workspace.Table, *delta.Snapshot, error) {
	t, err := p.Target(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	snap, err := t.Snapshot(ctx)
	return t, snap, err
}

// IsTable reports whether a relation has rows of the table, under whatever
// name, or changes of them.
func (p *Planner) IsTable(ctx context.Context, ref sql.TableRef, t *workspace.Table) bool {
	var name *sql.Name
	switch ref := ref.(type) {
	case *sql.Table:
		name = ref.Name
	case *sql.TableFunction:
		if isTableChanges(ref) && len(ref.Args) > 0 {
			name, _ = sql.TableOf(ref.Args[0])
		}
	}
	if name == nil {
		return false
	}
	other, err := p.Target(ctx, name)
	return err == nil && other.Location == t.Location
}
