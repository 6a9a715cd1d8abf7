// Package workspace is a directory that holds a catalog and managed tables: it
// says where things are, and keeps the tables open that were used.
package workspace

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/object/location"
)

// Config says where a workspace is and how work is done in it. All fields are
// required.
type Config struct {
	// Root is the absolute path of the directory of catalog, managed tables and
	// spill files.
	Root string
	// MemoryLimit bounds readers, engine and writers together, in bytes.
	MemoryLimit int64
	// Parallelism is how many processors a statement uses.
	Parallelism int
	// Sample is how many bytes of large files their schema is guessed from.
	Sample int64
	// Version is the program's version, recorded in commits.
	Version string
	// Openers open the stores of files and tables.
	Openers location.Openers
	Logger  *slog.Logger
	Clock   func() time.Time
	NewID   func() string
	// Sleep waits, or returns the cause of ctx being done.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Workspace is a directory with a catalog, and the tables that are open. It is
// not safe for concurrent use; workspaces of one directory are independent of
// each other, in one process or several.
type Workspace struct {
	Config
	Catalog *catalog.Catalog

	tables map[string]*Table // open, by location
}

// Open opens a workspace, creating it when it is not there.
func Open(ctx context.Context, cfg Config) (*Workspace, error) {
	if err := os.MkdirAll(cfg.Root, 0o777); err != nil { //nolint:gosec // the umask decides who shares a workspace
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	cat, err := catalog.Open(ctx, filepath.Join(cfg.Root, "catalog.db"), cfg.Clock)
	if err != nil {
		return nil, err
	}
	return &Workspace{Config: cfg, Catalog: cat, tables: map[string]*Table{}}, nil
}

// Close waits for what commits have left running, such as checkpoints, until
// ctx is done, and releases the catalog. What takes longer is abandoned, which
// harms nothing.
func (w *Workspace) Close(ctx context.Context) error {
	for _, t := range w.tables {
		if err := t.Delta.Close(ctx); err != nil {
			w.Logger.WarnContext(ctx, "checkpoint abandoned", slog.Any("error", err))
		}
	}
	return w.Catalog.Close()
}

// Sleep waits, or returns the cause of ctx being done.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
