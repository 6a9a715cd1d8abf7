package session

import (
	"context"

	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

// truncate runs TRUNCATE TABLE.
func (s *Session) truncate(ctx context.Context, stmt *sql.Truncate) (*Result, error) {
	t, snap, err := s.planner.Newest(ctx, stmt.Table)
	if err != nil {
		return nil, err
	}
	condition, err := partitionCondition(stmt.Partition)
	if err != nil {
		return nil, err
	}
	files, err := s.partitionFilter(ctx, t, snap, condition)
	if err != nil {
		return nil, err
	}
	if _, err := t.Delta.Truncate(ctx, files); err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	return &Result{}, nil
}
