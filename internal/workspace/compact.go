package workspace

import (
	"context"
	"log/slog"
	"strings"

	"github.com/freshet/freshet/delta"
)

// Auto compaction packs the small files of partitions that have many (table
// property delta.autoOptimize.autoCompact).
const (
	autoCompactProperty = "delta.autoOptimize.autoCompact"
	autoCompactSize     = 128 << 20
	autoCompactFiles    = 50
)

// Compact packs the small files of a table after rows were written to it, if it
// wants that. What was written stands whatever comes of it.
func (w *Workspace) Compact(ctx context.Context, t *Table) {
	snap, err := t.Delta.Snapshot(ctx)
	if err != nil {
		return // the next statement says so
	}
	if v, _ := snap.Property(autoCompactProperty); !strings.EqualFold(v, "true") && !strings.EqualFold(v, "auto") {
		return
	}
	_, err = t.Delta.Optimize(ctx, delta.OptimizeOptions{
		Auto: true, TargetFileSize: autoCompactSize, MinFileSize: autoCompactSize / 2, MinFiles: autoCompactFiles,
		MemoryLimit: w.MemoryLimit / 4, Parallelism: w.Parallelism,
	})
	if err != nil {
		w.Logger.WarnContext(ctx, "auto compaction failed", slog.String("table", t.Name), slog.Any("error", err))
	}
}
