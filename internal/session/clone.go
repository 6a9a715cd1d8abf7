package session

import (
	"context"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/definition"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

// cloneTable runs CREATE TABLE … SHALLOW or DEEP CLONE (semantics §15.11).
func (s *Session) cloneTable(ctx context.Context, stmt *sql.CreateTable) (*Result, error) {
	source, err := s.planner.Target(ctx, stmt.Clone.Source)
	if err != nil {
		return nil, err
	}
	snap, err := s.planner.Travel(ctx, source, stmt.Clone.TimeTravel)
	if err != nil {
		return nil, err
	}
	properties, err := definition.Properties(stmt.Properties)
	if err != nil {
		return nil, err
	}
	t, base, err := s.creationTarget(ctx, stmt)
	if err != nil || t == nil {
		return createResult(stmt, nil), err
	}
	if base != nil && !stmt.OrReplace {
		return nil, errclass.New("DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", "42601",
			"Cannot clone into %s: the location %s holds a Delta table already. Use CREATE OR REPLACE TABLE, or another location.", t.Name, t.Location)
	}
	r, err := t.Delta.Clone(ctx, snap, delta.CloneOptions{
		SourceURI: source.Location, SourceName: source.Name, Deep: !stmt.Clone.Shallow, Replace: stmt.OrReplace,
		Properties: properties, Forget: []string{loaded.AppID}, Parallelism: s.ws.Parallelism,
	})
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	result := counts([]string{
		"source_table_size", "source_num_of_files", "num_removed_files", "num_copied_files", "removed_files_size", "copied_files_size",
	}, r.Source.Bytes, r.Source.Files, r.Removed.Files, r.Copied.Files, r.Removed.Bytes, r.Copied.Bytes)
	return result, s.register(ctx, t, stmt)
}
