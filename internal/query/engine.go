package query

import (
	"errors"
	"os"
	"sync"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
)

// lazyEngine is the engine, opened when the first statement needs it: most
// ingestion never does.
type lazyEngine struct {
	once sync.Once
	open engine.Engine
	err  error
	done func() error // releases it
}

// close releases the engine, if it is open. The second time it does nothing.
func (l *lazyEngine) close() error {
	if l.done == nil {
		return nil
	}
	err := l.done()
	l.done = nil
	return err
}

// Engine returns the engine.
func (p *Planner) Engine() (engine.Engine, error) {
	p.engine.once.Do(func() { p.engine.err = p.beginEngine() })
	return p.engine.open, p.engine.err
}

func (p *Planner) beginEngine() error {
	// A directory of its own: engines name their files alike.
	spill, err := p.openSpill()
	if err != nil {
		return err
	}
	e, err := duckdb.Open(duckdb.Config{MemoryLimit: p.MemoryLimit / 2, Threads: p.Parallelism, TempDir: spill})
	if err != nil {
		return err
	}
	p.engine.open = e
	p.engine.done = func() error { return errors.Join(e.Close(), os.RemoveAll(spill)) }
	return nil
}
