package session

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/setting"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// vacuum runs VACUUM (semantics §15.10).
func (s *Session) vacuum(ctx context.Context, stmt *sql.Vacuum) (*Result, error) {
	t, err := s.planner.Target(ctx, stmt.Table)
	if err != nil {
		return nil, err
	}
	if _, err := t.Snapshot(ctx); err != nil {
		return nil, err
	}
	opts := delta.VacuumOptions{
		Lite: stmt.Mode == "LITE", DryRun: stmt.DryRun,
		AllowShort: strings.EqualFold(s.planner.Settings[setting.RetentionCheck], "false"),
	}
	if stmt.Retain != nil {
		retention := time.Duration(*stmt.Retain * float64(time.Hour))
		opts.Retention = &retention
	}
	if !opts.Lite {
		opts.Also = loadedFiles(t.Store)
	}
	result, err := t.Delta.Vacuum(ctx, opts)
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	out := rowset.New(schema.Col("path", schema.String))
	if !stmt.DryRun {
		out.Add(t.Location)
	}
	for _, key := range result.Keys {
		out.Add(t.Location + "/" + key)
	}
	return resultOf(out), nil
}

// loadedFiles tells a vacuum of the parts of COPY INTO's record that no version within
// the retention time refers to. A table that names no record may have
// forgotten it (table property delta.setTransactionRetentionDuration): then
// nothing of it goes, as COPY INTO must see that there was one.
func loadedFiles(store object.Store) func(context.Context, *delta.Snapshot, time.Time) iter.Seq2[fs.FileInfo, error] {
	return func(ctx context.Context, snap *delta.Snapshot, before time.Time) iter.Seq2[fs.FileInfo, error] {
		return func(yield func(fs.FileInfo, error) bool) {
			newest, named := snap.TransactionVersion(loaded.AppID)
			if !named {
				return
			}
			earlier, err := snap.TransactionVersionsSince(ctx, loaded.AppID, before)
			if err != nil {
				yield(nil, fmt.Errorf("find records of loaded files: %w", err))
				return
			}
			loaded.Unused(ctx, store, newest, earlier, before)(yield)
		}
	}
}
