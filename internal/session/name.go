package session

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/sql"
)

// parts returns the parts of a name, its IDENTIFIER expression evaluated.
func (s *Session) parts(ctx context.Context, n *sql.Name) ([]string, error) {
	if n.Expr == nil {
		return n.Parts, nil
	}
	text, err := s.constant(ctx, n.Expr)
	if err != nil {
		return nil, err
	}
	parsed, err := sql.ParseName(text)
	if err != nil {
		return nil, err
	}
	return parsed.Parts, nil
}

// tableName resolves a name of one to three parts to a full one.
func (s *Session) tableName(ctx context.Context, n *sql.Name) (catalog.Name, error) {
	parts, err := s.parts(ctx, n)
	if err != nil {
		return catalog.Name{}, err
	}
	switch len(parts) {
	case 1:
		return catalog.Name{Catalog: s.current.catalog, Schema: s.current.schema, Table: parts[0]}, nil
	case 2:
		return catalog.Name{Catalog: s.current.catalog, Schema: parts[0], Table: parts[1]}, nil
	case 3:
		return catalog.Name{Catalog: parts[0], Schema: parts[1], Table: parts[2]}, nil
	}
	return catalog.Name{}, errclass.New("REQUIRES_SINGLE_PART_NAMESPACE", "42K05",
		"The name %s has %d parts; a table's has one to three: catalog.schema.table.", n, len(parts))
}

// schemaName resolves a name of one or two parts to catalog and schema; nil is
// the current schema.
func (s *Session) schemaName(ctx context.Context, n *sql.Name) (catalogName, schemaName string, err error) {
	if n == nil {
		return s.current.catalog, s.current.schema, nil
	}
	parts, err := s.parts(ctx, n)
	if err != nil {
		return "", "", err
	}
	switch len(parts) {
	case 1:
		return s.current.catalog, parts[0], nil
	case 2:
		return parts[0], parts[1], nil
	}
	return "", "", errclass.New("REQUIRES_SINGLE_PART_NAMESPACE", "42K05",
		"The name %s has %d parts; a schema's has one or two: catalog.schema.", n, len(parts))
}

// managedLocation returns where a new managed table goes: a directory named
// for it, or, when one is there already, such as a failed creation's, the same
// with a unique suffix.
func (s *Session) managedLocation(ctx context.Context, n catalog.Name) (string, error) {
	sch, err := s.catalog.Schema(ctx, n.Catalog, n.Schema)
	if err != nil {
		return "", err
	}
	base := sch.Location
	if base == "" {
		if base, err = s.location(filepath.Join(s.root, "tables", fileName(sch.Catalog), fileName(sch.Name))); err != nil {
			return "", err
		}
	}
	uri := base + "/" + fileName(n.Table)
	store, err := s.openStore(ctx, uri)
	if err != nil {
		return "", err
	}
	for _, err := range store.List(ctx, "", "") {
		return uri + "-" + s.cfg.NewID(), wrap(n.String(), err)
	}
	return uri, nil
}

// fileName makes a table's or schema's name one path segment.
func fileName(name string) string {
	name = strings.ToLower(name)
	return strings.NewReplacer("/", "%2F", "\\", "%5C", "\x00", "%00").Replace(strings.TrimLeft(name, "."))
}

// location turns a path as users write it into the URI that the catalog keeps:
// absolute, without trailing slash.
func (s *Session) location(path string) (string, error) {
	loc, err := location.Parse(path, "")
	if err != nil {
		return "", err
	}
	return strings.TrimRight(loc.String(), "/"), nil
}

// openStore opens the store rooted at a location of [Session.location].
func (s *Session) openStore(ctx context.Context, uri string) (object.Store, error) {
	loc, err := location.Parse(uri+"/", "")
	if err != nil {
		return nil, err
	}
	store, err := s.openers.Open(ctx, loc)
	if err != nil {
		return nil, err
	}
	return object.Under(store, loc.Key), nil
}
