package freshet

import (
	"context"
	"errors"
	"iter"
	"log/slog"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/session"
)

// Config says where a workspace is and what it may use. The zero value of every
// field but Workspace is useful.
type Config struct {
	// Workspace is the directory of the catalog, managed tables and temporary
	// files; it is created when it is not there.
	Workspace string
	// MemoryLimit bounds what readers, engine and writers use together, in
	// bytes; 0 is 512 MB. Each streaming query has as much for itself.
	MemoryLimit int64
	// Parallelism is how many processors a statement uses; 0 is all.
	Parallelism int
	// Logger is told what happens aside from results; nil discards it.
	Logger *slog.Logger
}

// Workspace is an open workspace. It is safe for concurrent use, by other
// processes too: statements run one after the other, and a result that is being
// read holds up the next statement until its loop is left. Streaming queries
// run beside them.
type Workspace struct {
	turn    chan struct{} // holds one token, which a statement takes
	session *session.Session
}

// Open opens a workspace. Close it in the end.
func Open(ctx context.Context, cfg Config) (*Workspace, error) {
	s, err := session.Open(ctx, session.Config{
		Workspace: cfg.Workspace, MemoryLimit: cfg.MemoryLimit, Parallelism: cfg.Parallelism, Logger: cfg.Logger,
	})
	if err != nil {
		return nil, err
	}
	return &Workspace{turn: make(chan struct{}, 1), session: s}, nil
}

// Close waits for the statement that runs and closes the workspace. Streaming
// queries are not stopped: do that before.
func (w *Workspace) Close() error {
	w.turn <- struct{}{}
	defer w.end()
	return w.session.Close()
}

// begin waits for the statement that runs.
func (w *Workspace) begin(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *Workspace) end() { <-w.turn }

// Exec runs statements, separated by semicolons, one after the other up to the
// first error. Rows that they return are not read.
func (w *Workspace) Exec(ctx context.Context, sql string) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	defer w.end()
	for r, err := range w.session.Run(ctx, sql) {
		if err != nil {
			return err
		}
		if r.Rows != nil {
			for _, err := range r.Rows { // the first turn lets go of them
				if err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}

// Query runs a statement and yields the rows that it returns, as Arrow batches.
// Nothing runs before the loop over it begins, and the loop ends after the
// first error. A batch is valid for one turn of the loop; Retain it to keep it.
func (w *Workspace) Query(ctx context.Context, sql string) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if err := w.begin(ctx); err != nil {
			yield(nil, err)
			return
		}
		defer w.end()
		for r, err := range w.session.Run(ctx, sql) {
			if err != nil {
				yield(nil, err)
				return
			}
			if r.Rows == nil {
				continue
			}
			for batch, err := range r.Rows {
				if !yield(batch, err) || err != nil {
					return
				}
			}
		}
	}
}

// ErrorClass returns the class of an error, as Databricks documents it, and its
// SQLSTATE: TABLE_OR_VIEW_NOT_FOUND and 42P01, for example. Both are empty for
// errors that have none.
func ErrorClass(err error) (class, state string) {
	if c, ok := errors.AsType[errclass.Classified](err); ok {
		return c.ErrorClass(), c.SQLState()
	}
	return "", ""
}
