// Package session runs SQL statements for one user: it is the only door to
// tables, files and the engine.
//
// A session has a workspace, a current catalog and schema, and settings. Each
// statement is parsed, its names are resolved against the catalog, and the
// packages below do the work; nothing here touches a file's bytes or a table's
// log itself.
package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/rule"
	"github.com/freshet/freshet/internal/sql"
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

func (c Config) withDefaults() Config {
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
		c.Sleep = sleep
	}
	return c
}

// Session runs statements, one at a time. Its methods are not safe for
// concurrent use; sessions of one workspace are independent of each other, in
// one process or several.
type Session struct {
	cfg      Config
	root     string // absolute path of the workspace
	catalog  *catalog.Catalog
	current  struct{ catalog, schema string }
	settings map[string]string
	tempView map[string]*sql.CreateView // by lower-case name

	engineOnce sync.Once
	engine     engine.Engine
	closeFn    func() error
	engineErr  error
	rules      *rule.Evaluator

	text     string           // that is running
	progress *ingest.Progress // of the running statement

	// streams are the relations that stand for streams while a batch's query
	// is planned.
	streams map[sql.TableRef]*ingest.Relation

	// pinned, when set, tells which snapshots of tables the query being planned
	// is to read.
	pinned func(*sql.Table) pin

	// viewChecks gather what the expectations of views find; nil outside of
	// refreshes.
	viewChecks *viewChecks

	openers location.Openers
	tables  map[string]handle         // by location
	flows   map[string]*streamingFlow // that a runner keeps, by their table's location
	reads   map[string][]string       // where the flows into tables without query find what is new, by location
	aside   aside                     // what REFRESH … ASYNC has begun
}

// Open opens a workspace, creating it when it is not there.
func Open(ctx context.Context, cfg Config) (*Session, error) {
	cfg = cfg.withDefaults()
	root, err := filepath.Abs(cfg.Workspace)
	if err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	if err := os.MkdirAll(root, 0o777); err != nil { //nolint:gosec // the umask decides who shares a workspace
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	cat, err := catalog.Open(ctx, filepath.Join(root, "catalog.db"), cfg.Clock)
	if err != nil {
		return nil, err
	}
	s := &Session{
		cfg: cfg, root: root, catalog: cat,
		settings: maps.Clone(defaultSettings),
		tempView: map[string]*sql.CreateView{},
		openers:  cfg.Openers,
		tables:   map[string]handle{},
		flows:    map[string]*streamingFlow{},
		reads:    map[string][]string{},
	}
	s.rules = &rule.Evaluator{Engine: s.openEngine, TimeZone: s.timeZone, Printer: s.printer}
	s.current.catalog, s.current.schema = catalog.DefaultCatalog, catalog.DefaultSchema
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
	for _, h := range s.tables {
		if err := h.table.Close(ctx); err != nil {
			s.cfg.Logger.WarnContext(ctx, "checkpoint abandoned", slog.Any("error", err))
		}
	}
	s.rules.Close()
	err := s.catalog.Close()
	if s.closeFn != nil {
		err = errors.Join(err, s.closeFn())
		s.closeFn = nil
	}
	return err
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
		s.text = text
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
	s.text = text
	stop := s.watch()
	defer stop()
	_, err := s.run(ctx, stmt)
	return place.Text(text, stmt, err)
}

// progressInterval is how often Config.Progress is told.
const progressInterval = 100 * time.Millisecond

// watch tells Config.Progress how far the statement is until stop is called.
func (s *Session) watch() (stop func()) {
	s.progress = &ingest.Progress{}
	if s.cfg.Progress == nil {
		return func() {}
	}
	p, started := s.progress, s.cfg.Clock()
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
				s.cfg.Progress(Progress{
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

// openEngine opens the engine when the first statement needs it: most
// ingestion never does.
func (s *Session) openEngine() (engine.Engine, error) {
	s.engineOnce.Do(func() {
		// A directory of its own: engines name their files alike.
		spill, err := s.openSpill()
		if err != nil {
			s.engineErr = err
			return
		}
		e, err := duckdb.Open(duckdb.Config{
			MemoryLimit: s.cfg.MemoryLimit / 2,
			Threads:     s.cfg.Parallelism,
			TempDir:     spill,
		})
		if err != nil {
			s.engineErr = err
			return
		}
		s.engine = e
		s.closeFn = func() error { return errors.Join(e.Close(), os.RemoveAll(spill)) }
	})
	return s.engine, s.engineErr
}

// handle is an open table and where it is stored.
type handle struct {
	table *delta.Table
	store object.Store
}

// handle returns the handle of the table at location. Handles are kept, so
// that a statement after another one refreshes a snapshot instead of building
// it anew.
func (s *Session) handle(ctx context.Context, location string) (handle, error) {
	if h, ok := s.tables[location]; ok {
		return h, nil
	}
	store, err := s.openStore(ctx, location)
	if err != nil {
		return handle{}, err
	}
	h := handle{store: store, table: delta.NewTable(store, delta.Options{
		Clock: s.cfg.Clock, NewID: s.cfg.NewID, Logger: s.cfg.Logger, Engine: "freshet/" + s.cfg.Version,
		External:   s.external,
		Background: true,
	})}
	s.tables[location] = h
	return h, nil
}
