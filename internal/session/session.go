// Package session runs SQL statements for one user: it is the only door to
// tables, files and the engine.
//
// A session is a workspace, a planner of queries, an editor of tables'
// definitions, and the datasets. Each statement is parsed, its names are resolved
// against the catalog, and the packages below do the work; nothing here touches a
// file's bytes or a table's log itself.
package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/definition"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

// Config says where and how a session works. The zero value of every field
// but Workspace is useful.
type Config struct {
	// Workspace is the directory of catalog, managed tables and spill files;
	// it is created when missing.
	Workspace string
	// MemoryLimit bounds readers, engine and writers together, in bytes; 0 is
	// 512 MB.
	MemoryLimit int64
	// Parallelism is how many processors a statement uses; 0 is all.
	Parallelism int
	// Sample is how many bytes of large files their schema is guessed from, so
	// that they are read once; 0 is [ingest.DefaultSample].
	Sample int64
	// Version is the program's version, recorded in commits; "" is "dev".
	Version string
	// Openers open the stores of files and tables; nil opens those of this
	// machine.
	Openers location.Openers
	// Progress, when set, is told how far the running statement is. It may be
	// called from any goroutine, many times a second.
	Progress func(Progress)
	Logger   *slog.Logger     // nil discards
	Clock    func() time.Time // nil is the system's
	NewID    func() string    // nil makes random UUIDs
	// Sleep waits, or returns the cause of ctx being done; nil is the system's.
	Sleep func(ctx context.Context, d time.Duration) error
}

// forWorkspace returns what of a configuration is about the workspace, defaults
// filled in.
func (c Config) forWorkspace() (workspace.Config, error) {
	if c.MemoryLimit <= 0 {
		c.MemoryLimit = 512 << 20
	}
	if c.Parallelism <= 0 {
		c.Parallelism = runtime.GOMAXPROCS(0)
	}
	if c.Sample <= 0 {
		c.Sample = ingest.DefaultSample
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Openers == nil {
		c.Openers = location.Local()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	if c.Sleep == nil {
		c.Sleep = workspace.Sleep
	}
	root, err := filepath.Abs(c.Workspace)
	if err != nil {
		return workspace.Config{}, fmt.Errorf("open workspace: %w", err)
	}
	return workspace.Config{
		Root: root, MemoryLimit: c.MemoryLimit, Parallelism: c.Parallelism, Sample: c.Sample, Version: c.Version,
		Openers: c.Openers, Logger: c.Logger, Clock: c.Clock, NewID: c.NewID, Sleep: c.Sleep,
	}, nil
}

// Session runs statements, one at a time. Its methods are not safe for
// concurrent use; sessions of one workspace are independent of each other, in
// one process or several.
type Session struct {
	ws          *workspace.Workspace
	told        func(Progress) // Config.Progress
	planner     *query.Planner
	definitions *definition.Editor

	datasets *dataset.Set
	aside    aside // what REFRESH … ASYNC has begun
}

// Open opens a workspace, creating it when it is not there.
func Open(ctx context.Context, cfg Config) (*Session, error) {
	ws, err := cfg.forWorkspace()
	if err != nil {
		return nil, err
	}
	return open(ctx, ws, cfg.Progress)
}

func open(ctx context.Context, cfg workspace.Config, told func(Progress)) (*Session, error) {
	ws, err := workspace.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Session{
		ws: ws, told: told, planner: query.New(ws),
	}
	s.definitions = definition.New(s.planner)
	s.datasets = dataset.New(ws, s.planner, s.definitions)
	s.datasets.CreateTable = func(ctx context.Context, stmt *sql.CreateTable) error {
		_, err := s.createTable(ctx, stmt)
		return err
	}
	s.planner.Statement = s.statementRows
	return s, nil
}

// closeTimeout bounds how long Close waits for what follows commits, such as
// checkpoints. What takes longer is abandoned, which harms nothing.
const closeTimeout = time.Minute

// Close waits for what commits have left running and releases the catalog and
// the engine. Refreshes that [Session.Wait] has not waited for are cancelled.
// The second time it does nothing.
func (s *Session) Close() error {
	s.aside.end()
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return errors.Join(s.ws.Close(ctx), s.planner.Close())
}

// Run runs the statements of text in order and yields each one's result. The
// text is parsed as a whole first, so a syntax error anywhere runs nothing.
// The first error ends the sequence; what earlier statements did stands.
func (s *Session) Run(ctx context.Context, text string) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		statements, err := sql.Parse(text)
		if err != nil {
			yield(nil, err)
			return
		}
		s.planner.Text = text
		for _, stmt := range statements {
			stop := s.watch()
			r, err := s.run(ctx, stmt)
			if err != nil {
				stop()
				yield(nil, place.Text(text, stmt, err))
				return
			}
			r.Statement = stmt
			more := yield(r, nil)
			stop()
			if !more {
				return
			}
		}
	}
}

// Execute runs one statement that returns no rows, or whose rows do not matter.
// text is what it was parsed from, for messages.
func (s *Session) Execute(ctx context.Context, text string, stmt sql.Statement) error {
	s.planner.Text = text
	stop := s.watch()
	defer stop()
	_, err := s.run(ctx, stmt)
	return place.Text(text, stmt, err)
}

// progressInterval is how often Config.Progress is told.
const progressInterval = 100 * time.Millisecond

// watch tells Config.Progress how far the statement is until stop is called.
func (s *Session) watch() (stop func()) {
	s.planner.Progress = &ingest.Progress{}
	if s.told == nil {
		return func() {}
	}
	p, started := s.planner.Progress, s.ws.Clock()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressInterval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				s.told(Progress{
					Started: started, Files: p.Files.Load(), TotalFiles: p.TotalFiles.Load(),
					Rows: p.Rows.Load(), Bytes: p.Bytes.Load(), TotalBytes: p.TotalBytes.Load(),
				})
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
