package session

import (
	"context"

	"github.com/freshet/freshet/internal/sql"
)

// editFiles runs ALTER STREAMING TABLE … FILES.
func (s *Session) editFiles(ctx context.Context, stmt *sql.EditFiles) (*Result, error) {
	changed, err := s.datasets.EditFiles(ctx, stmt)
	if err != nil {
		return nil, err
	}
	return counts([]string{"num_affected_files"}, changed), nil
}

// repairRescued runs REPAIR TABLE … RESCUED DATA.
func (s *Session) repairRescued(ctx context.Context, stmt *sql.RepairRescued) (*Result, error) {
	done, err := s.datasets.Repair(ctx, stmt)
	if err != nil {
		return nil, err
	}
	return counts([]string{"num_affected_rows", "num_repaired_values", "num_remaining"}, done.Rows, done.Values, done.Remaining), nil
}
