package session

import (
	"context"
	"io/fs"
	"iter"
	"strings"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest/loaded"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// vacuum runs VACUUM (semantics §15.10).
func (s *Session) vacuum(ctx context.Context, stmt *sql.Vacuum) (*Result, error) {
	t, err := s.target(ctx, stmt.Table)
	if err != nil {
		return nil, err
	}
	if _, err := t.snapshot(ctx); err != nil {
		return nil, err
	}
	opts := delta.VacuumOptions{
		Lite: stmt.Mode == "LITE", DryRun: stmt.DryRun,
		AllowShort: strings.EqualFold(s.settings[settingRetentionCheck], "false"),
	}
	if stmt.Retain != nil {
		retention := time.Duration(*stmt.Retain * float64(time.Hour))
		opts.Retention = &retention
	}
	if !opts.Lite {
		opts.Also = t.loadedFiles
	}
	result, err := t.table.Vacuum(ctx, opts)
	if err != nil {
		return nil, wrap(t.name, err)
	}
	out := newTable(schema.Col("path", schema.String))
	if !stmt.DryRun {
		out.add(t.location)
	}
	for _, key := range result.Keys {
		out.add(t.location + "/" + key)
	}
	return out.result(), nil
}

// loadedFiles yields the parts of COPY INTO's record that nothing refers to.
func (t *target) loadedFiles(ctx context.Context, snap *delta.Snapshot, before time.Time) iter.Seq2[fs.FileInfo, error] {
	id, _ := snap.TransactionVersion(loaded.AppID)
	return loaded.Unused(ctx, t.store, id, before)
}
