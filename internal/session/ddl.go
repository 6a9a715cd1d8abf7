package session

import (
	"context"
	"errors"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/sql"
)

// ignore turns an error of the given class into success.
func ignore(err error, class string) error {
	var c errclass.Classified
	if errors.As(err, &c) && c.ErrorClass() == class {
		return nil
	}
	return err
}

func (s *Session) createSchema(ctx context.Context, stmt *sql.CreateSchema) (*Result, error) {
	catalogName, name, err := s.schemaName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	location := ""
	if stmt.Location != "" {
		if location, err = s.location(stmt.Location); err != nil {
			return nil, err
		}
	}
	err = s.catalog.CreateSchema(ctx, catalog.Schema{Catalog: catalogName, Name: name, Comment: stmt.Comment, Location: location})
	if stmt.IfNotExists {
		err = ignore(err, "SCHEMA_ALREADY_EXISTS")
	}
	return &Result{}, err
}

func (s *Session) dropSchema(ctx context.Context, stmt *sql.DropSchema) (*Result, error) {
	catalogName, name, err := s.schemaName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	if stmt.Cascade {
		tables, err := s.catalog.Tables(ctx, catalogName, name)
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			if err := s.drop(ctx, t); err != nil {
				return nil, err
			}
		}
	}
	err = s.catalog.DropSchema(ctx, catalogName, name)
	if stmt.IfExists {
		err = ignore(err, "SCHEMA_NOT_FOUND")
	}
	return &Result{}, err
}

func (s *Session) dropTable(ctx context.Context, stmt *sql.DropTable) (*Result, error) {
	if _, _, ok := stmt.Name.Path(); ok {
		return nil, errclass.New("UNSUPPORTED_FEATURE.DROP_PATH", "0A000",
			"%s is a path, not a table of the catalog; delete its files instead.", stmt.Name)
	}
	name, err := s.tableName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	if stmt.View && len(stmt.Name.Parts) == 1 && s.dropTempView(stmt.Name.Parts[0]) {
		return &Result{}, nil
	}
	entry, err := s.catalog.Table(ctx, name)
	if err != nil {
		if stmt.IfExists {
			err = ignore(ignore(err, "TABLE_OR_VIEW_NOT_FOUND"), "SCHEMA_NOT_FOUND")
		}
		return &Result{}, err
	}
	switch {
	case stmt.View && entry.Kind == catalog.KindMaterializedView:
	case stmt.Materialized:
		return nil, errclass.New("EXPECT_MATERIALIZED_VIEW", "42809", "%s is no materialized view.", entry.Name)
	case stmt.Streaming && entry.Kind != catalog.KindStreamingTable:
		return nil, errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601", "%s is no streaming table.", entry.Name)
	case entry.Kind == catalog.KindMaterializedView:
		return nil, errclass.New("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", "%s is a materialized view; drop it with DROP MATERIALIZED VIEW.", entry.Name)
	case stmt.View && entry.Kind != catalog.KindView:
		return nil, errclass.New("EXPECT_VIEW_NOT_TABLE.NO_ALTERNATIVE", "42809", "%s is a table; drop it with DROP TABLE.", entry.Name)
	case !stmt.View && entry.Kind == catalog.KindView:
		return nil, errclass.New("EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE", "42809", "%s is a view; drop it with DROP VIEW.", entry.Name)
	}
	err = s.drop(ctx, entry)
	if stmt.IfExists {
		err = ignore(err, "TABLE_OR_VIEW_NOT_FOUND") // another has dropped it meanwhile
	}
	return &Result{}, err
}

// drop removes an entry and, when the table is managed, its files. The entry
// goes first: files without an entry are waste, an entry without files would
// be a broken table.
func (s *Session) drop(ctx context.Context, t catalog.Table) error {
	if err := s.dropEntry(ctx, t); err != nil {
		return err
	}
	delete(s.tables, t.Location)
	if t.Checkpoint != "" {
		if err := s.deleteFiles(ctx, t.Checkpoint); err != nil {
			return errclass.New("DROP_LEFT_FILES", "58030", "The table %s was dropped, but not all of its checkpoint %s could be deleted: %w", t.Name, t.Checkpoint, err)
		}
	}
	if !t.Managed {
		return nil
	}
	if err := s.deleteFiles(ctx, t.Location); err != nil {
		return errclass.New("DROP_LEFT_FILES", "58030", "The table %s was dropped, but not all its files under %s could be deleted: %w", t.Name, t.Location, err)
	}
	return nil
}

// dropEntry removes an entry. That of a streaming table goes while its flow
// cannot run, as the flow would write to a table that is no more; where the
// checkpoint cannot be reached, the flow cannot either.
func (s *Session) dropEntry(ctx context.Context, t catalog.Table) error {
	if t.Checkpoint == "" {
		return s.catalog.Drop(ctx, t.Name)
	}
	held := false
	err := s.ended(ctx, t, func(ctx context.Context) error {
		held = true
		return s.catalog.Drop(ctx, t.Name)
	})
	if err == nil || held || ctx.Err() != nil {
		return err
	}
	for _, class := range []string{"CONCURRENT_STREAM_LOG_UPDATE", "TABLE_OR_VIEW_NOT_FOUND"} {
		if ignore(err, class) == nil {
			return err
		}
	}
	return s.catalog.Drop(ctx, t.Name)
}

// deleteFiles removes everything below a location.
func (s *Session) deleteFiles(ctx context.Context, uri string) error {
	loc, err := location.Parse(uri+"/", "")
	if err != nil {
		return err
	}
	store, err := s.openers.Open(ctx, loc)
	if err != nil {
		return err
	}
	for info, err := range store.List(ctx, loc.Key, "") {
		if err == nil {
			err = store.Delete(ctx, info.Name())
		}
		if err != nil {
			return err
		}
	}
	if p, ok := store.(object.Pruner); ok {
		return p.Prune(loc.Key)
	}
	return nil
}

func (s *Session) use(ctx context.Context, stmt *sql.Use) (*Result, error) {
	parts, err := s.parts(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	if stmt.Kind == "CATALOG" {
		return s.useCatalog(ctx, parts[0])
	}
	catalogName, name, err := s.schemaName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	found, err := s.catalog.Schema(ctx, catalogName, name)
	if err != nil {
		// USE main names a catalog when no schema has the name.
		if stmt.Kind == "" && len(parts) == 1 {
			if ok, cerr := s.catalog.HasCatalog(ctx, parts[0]); cerr == nil && ok {
				return s.useCatalog(ctx, parts[0])
			}
		}
		return nil, err
	}
	s.current.catalog, s.current.schema = found.Catalog, found.Name
	return &Result{}, nil
}

func (s *Session) useCatalog(ctx context.Context, name string) (*Result, error) {
	if _, err := s.catalog.Schema(ctx, name, catalog.DefaultSchema); err != nil {
		return nil, err
	}
	s.current.catalog, s.current.schema = name, catalog.DefaultSchema
	return &Result{}, nil
}
