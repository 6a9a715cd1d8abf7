package session

import (
	"context"
	"errors"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

// checkRestore refuses to take a dataset back to a former version. The flow of a
// streaming table would go on where it is, without the rows of the versions in
// between.
func (s *Session) checkRestore(ctx context.Context, table *sql.Name) error {
	if err := s.checkWritable(ctx, table); err != nil {
		return err
	}
	entry, err := s.changing(ctx, table)
	if err != nil || entry.Kind != catalog.KindStreamingTable {
		return err
	}
	return s.planner.Placed(table, errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.RESTORE", "42601",
		"RESTORE of the streaming table %s is not allowed: its flow would not go back, and what it has loaded since would be missing for good. Take rows away with DELETE, load files again with ALTER STREAMING TABLE … REPLAY FILES, or load all anew with REFRESH STREAMING TABLE %s FULL.", entry.Name, entry.Name))
}

// restore runs RESTORE (semantics §15.8). COPY INTO's record of loaded files
// stays as it is, so that what was restored away is not loaded again; but where
// the table was replaced since, and has loaded nothing, that of the version
// comes back with its rows.
func (s *Session) restore(ctx context.Context, stmt *sql.Restore) (*Result, error) {
	t, err := s.planner.Target(ctx, stmt.Table)
	if err != nil {
		return nil, err
	}
	if _, err := t.Snapshot(ctx); err != nil {
		return nil, err
	}
	to, err := s.planner.Travel(ctx, t, stmt.To)
	if err != nil {
		return nil, restoreError(t, err)
	}
	opts := delta.RestoreOptions{Transactions: func(latest *delta.Snapshot) map[string]int64 {
		now, replaced := latest.TransactionVersion(loaded.AppID)
		then, named := to.TransactionVersion(loaded.AppID)
		if !replaced || now != 0 || !named {
			return nil
		}
		return map[string]int64{loaded.AppID: then}
	}}
	if stmt.To.Timestamp != nil {
		at, err := s.planner.Timestamp(ctx, stmt.To.Timestamp)
		if err != nil {
			return nil, err
		}
		opts.Timestamp = at.UTC().Format("2006-01-02 15:04:05.000")
	}
	r, err := t.Delta.Restore(ctx, to, opts)
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	return counts([]string{
		"table_size_after_restore", "num_of_files_after_restore", "num_removed_files",
		"num_restored_files", "removed_files_size", "restored_files_size",
	}, r.Table.Bytes, r.Table.Files, r.Removed.Files, r.Restored.Files, r.Removed.Bytes, r.Restored.Bytes), nil
}

// restoreError gives the errors of time travel the classes they have in a
// RESTORE.
func restoreError(t *workspace.Table, err error) error {
	var missing *delta.VersionNotFoundError
	var at *delta.TimestampError
	switch {
	case errors.As(err, &missing):
		return errclass.New("DELTA_CANNOT_RESTORE_TABLE_VERSION", "22003", "Cannot restore table %s: %w", t.Name, missing)
	case errors.As(err, &at) && at.Asked.Before(at.Nearest):
		return errclass.New("DELTA_CANNOT_RESTORE_TIMESTAMP_EARLIER", "22003", "Cannot restore table %s: %w", t.Name, at)
	case errors.As(err, &at):
		return errclass.New("DELTA_CANNOT_RESTORE_TIMESTAMP_GREATER", "22003", "Cannot restore table %s: %w", t.Name, at)
	}
	return err
}
