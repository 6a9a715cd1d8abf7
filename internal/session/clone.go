package session

import (
	"context"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/sql"
)

// cloneTable runs CREATE TABLE … SHALLOW or DEEP CLONE (semantics §15.11).
func (s *Session) cloneTable(ctx context.Context, stmt *sql.CreateTable) (*Result, error) {
	source, err := s.target(ctx, stmt.Clone.Source)
	if err != nil {
		return nil, err
	}
	snap, err := s.travel(ctx, source, stmt.Clone.TimeTravel)
	if err != nil {
		return nil, err
	}
	properties, err := tableProperties(stmt.Properties)
	if err != nil {
		return nil, err
	}
	t, base, err := s.creationTarget(ctx, stmt)
	if err != nil || t == nil {
		return createResult(stmt, nil), err
	}
	if base != nil && !stmt.OrReplace {
		return nil, errclass.New("DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", "42601",
			"Cannot clone into %s: the location %s holds a Delta table already. Use CREATE OR REPLACE TABLE, or another location.", t.name, t.location)
	}
	r, err := t.table.Clone(ctx, snap, delta.CloneOptions{
		SourceURI: source.location, SourceName: source.name, Deep: !stmt.Clone.Shallow, Replace: stmt.OrReplace,
		Properties: properties, Forget: []string{loaded.AppID}, Parallelism: s.cfg.Parallelism,
	})
	if err != nil {
		return nil, wrap(t.name, err)
	}
	result := counts([]string{
		"source_table_size", "source_num_of_files", "num_removed_files", "num_copied_files", "removed_files_size", "copied_files_size",
	}, r.Source.Bytes, r.Source.Files, r.Removed.Files, r.Copied.Files, r.Removed.Bytes, r.Copied.Bytes)
	return result, s.register(ctx, t, stmt)
}

// external finds files that tables name by their URI, as clones do.
func (s *Session) external(ctx context.Context, uri string) (delta.Storage, string, error) {
	loc, err := location.Parse(uri, "")
	if err != nil {
		return nil, "", err
	}
	store, err := s.openers.Open(ctx, loc)
	if err != nil {
		return nil, "", err
	}
	return store, loc.Key, nil
}
