package session

import (
	"context"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

func (s *Session) createSchema(ctx context.Context, stmt *sql.CreateSchema) (*Result, error) {
	catalogName, name, err := s.planner.SchemaName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	location := ""
	if stmt.Location != "" {
		if location, err = workspace.Locate(stmt.Location); err != nil {
			return nil, err
		}
	}
	err = s.ws.Catalog.CreateSchema(ctx, catalog.Schema{Catalog: catalogName, Name: name, Comment: stmt.Comment, Location: location})
	if stmt.IfNotExists {
		err = errclass.Ignore(err, "SCHEMA_ALREADY_EXISTS")
	}
	return &Result{}, err
}

func (s *Session) dropSchema(ctx context.Context, stmt *sql.DropSchema) (*Result, error) {
	catalogName, name, err := s.planner.SchemaName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	if stmt.Cascade {
		tables, err := s.ws.Catalog.Tables(ctx, catalogName, name)
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			if err := s.drop(ctx, t); err != nil {
				return nil, err
			}
		}
	}
	err = s.ws.Catalog.DropSchema(ctx, catalogName, name)
	if stmt.IfExists {
		err = errclass.Ignore(err, "SCHEMA_NOT_FOUND")
	}
	return &Result{}, err
}

func (s *Session) dropTable(ctx context.Context, stmt *sql.DropTable) (*Result, error) {
	if _, _, ok := stmt.Name.Path(); ok {
		return nil, errclass.New("UNSUPPORTED_FEATURE.DROP_PATH", "0A000",
			"%s is a path, not a table of the catalog; delete its files instead.", stmt.Name)
	}
	name, err := s.planner.TableName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	if stmt.View && len(stmt.Name.Parts) == 1 && s.planner.DropTempView(stmt.Name.Parts[0]) {
		return &Result{}, nil
	}
	entry, err := s.ws.Catalog.Table(ctx, name)
	if err != nil {
		if stmt.IfExists {
			err = errclass.Ignore(errclass.Ignore(err, "TABLE_OR_VIEW_NOT_FOUND"), "SCHEMA_NOT_FOUND")
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
		err = errclass.Ignore(err, "TABLE_OR_VIEW_NOT_FOUND") // another has dropped it meanwhile
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
	s.ws.Forget(t.Location)
	if t.Checkpoint != "" {
		if err := s.ws.DeleteFiles(ctx, t.Checkpoint); err != nil {
			return errclass.New("DROP_LEFT_FILES", "58030", "The table %s was dropped, but not all of its checkpoint %s could be deleted: %w", t.Name, t.Checkpoint, err)
		}
	}
	if !t.Managed {
		return nil
	}
	if err := s.ws.DeleteFiles(ctx, t.Location); err != nil {
		return errclass.New("DROP_LEFT_FILES", "58030", "The table %s was dropped, but not all its files under %s could be deleted: %w", t.Name, t.Location, err)
	}
	return nil
}

// dropEntry removes an entry. That of a streaming table goes while its flow
// cannot run, as the flow would write to a table that is no more; where the
// checkpoint cannot be reached, the flow cannot either.
func (s *Session) dropEntry(ctx context.Context, t catalog.Table) error {
	if t.Checkpoint == "" {
		return s.ws.Catalog.Drop(ctx, t.Name)
	}
	held := false
	err := s.datasets.Ended(ctx, t, func(ctx context.Context) error {
		held = true
		return s.ws.Catalog.Drop(ctx, t.Name)
	})
	if err == nil || held || ctx.Err() != nil {
		return err
	}
	for _, class := range []string{"CONCURRENT_STREAM_LOG_UPDATE", "TABLE_OR_VIEW_NOT_FOUND"} {
		if errclass.Ignore(err, class) == nil {
			return err
		}
	}
	return s.ws.Catalog.Drop(ctx, t.Name)
}

func (s *Session) use(ctx context.Context, stmt *sql.Use) (*Result, error) {
	parts, err := s.planner.NameParts(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	if stmt.Kind == "CATALOG" {
		return s.useCatalog(ctx, parts[0])
	}
	catalogName, name, err := s.planner.SchemaName(ctx, stmt.Name)
	if err != nil {
		return nil, err
	}
	found, err := s.ws.Catalog.Schema(ctx, catalogName, name)
	if err != nil {
		// USE main names a catalog when no schema has the name.
		if stmt.Kind == "" && len(parts) == 1 {
			if ok, cerr := s.ws.Catalog.HasCatalog(ctx, parts[0]); cerr == nil && ok {
				return s.useCatalog(ctx, parts[0])
			}
		}
		return nil, err
	}
	s.planner.Current.Catalog, s.planner.Current.Schema = found.Catalog, found.Name
	return &Result{}, nil
}

func (s *Session) useCatalog(ctx context.Context, name string) (*Result, error) {
	if _, err := s.ws.Catalog.Schema(ctx, name, catalog.DefaultSchema); err != nil {
		return nil, err
	}
	s.planner.Current.Catalog, s.planner.Current.Schema = name, catalog.DefaultSchema
	return &Result{}, nil
}
