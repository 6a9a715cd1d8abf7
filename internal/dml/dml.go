// Package dml plans and runs the statements that change rows of a table:
// DELETE, UPDATE and MERGE (semantics §14).
//
// Memory does not grow with the table. Conditions and joins run in the engine,
// which spills, over the columns that they name and the addresses of rows: a
// file's number and the row's position in it. Only then are the other columns
// of those rows read that change, if they are needed at all, and new rows
// stream to the table's files.
package dml

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/pushdown"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Env is what statements need to know of where they run.
type Env struct {
	Engine  engine.Engine // in the session's time zone
	Printer func(sql.Relations) *sql.Printer
	// Bind finds the tables of a query; those of the statement itself are not
	// asked for.
	Bind func(ctx context.Context, q *sql.Query) (Relations, error)
	// Source returns the rows of a query, or those of ref when the query has
	// no other clause.
	Source func(ctx context.Context, q *sql.Query) (*ingest.Relation, error)
	// IsTarget reports whether a relation has rows of the statement's table.
	IsTarget func(ctx context.Context, ref sql.TableRef) bool
	// Fold computes constant expressions; see [pushdown.Table].
	Fold func(sql.Expr) (pushdown.Constant, bool)
	// Writer configures the writer of new rows; its metadata is the table's.
	Writer          delta.WriterConfig
	Zone            *time.Location
	SchemaEvolution bool // the session's setting
}

// Relations are the tables of a query as the engine reads them.
type Relations interface {
	sql.Relations
	Inputs() []engine.Input
}

// Target is the table that a statement changes.
type Target struct {
	Table   *delta.Table
	Storage delta.Storage
	Base    *delta.Snapshot
}

// Result counts the rows that a statement changed.
type Result struct{ Deleted, Updated, Inserted int64 }

// Affected returns the number of all of them.
func (r Result) Affected() int64 { return r.Deleted + r.Updated + r.Inserted }

// statement is a running statement.
type statement struct {
	env     Env
	target  Target
	columns *schema.Struct // of the table before
	rows    *sql.Table     // the table in queries, under its alias
	alias   string
	with    *sql.With
	scratch engine.Scratch
	files   *fileList // read for the conditions
	started time.Time
	// readsItself says that a subquery or the source reads the table too.
	readsItself bool
	tracked     bool // rows keep their ids
}

// newStatement starts a statement on a table by name and alias.
func newStatement(ctx context.Context, env Env, t Target, name *sql.Name, alias string, with *sql.With) (*statement, error) {
	if err := t.Base.CheckWrite(); err != nil {
		return nil, err
	}
	s := &statement{
		env: env, target: t, columns: t.Base.Schema(), alias: alias, with: with, started: env.Writer.Clock(), tracked: t.Base.KeepsRowIDs(),
	}
	if s.alias == "" && len(name.Parts) > 0 {
		s.alias = name.Parts[len(name.Parts)-1]
	}
	s.rows = &sql.Table{Range: name.Range, Name: name}
	if alias != "" {
		s.rows.Alias = &sql.Alias{Name: alias}
	}
	var err error
	s.scratch, err = env.Engine.Scratch(ctx)
	return s, err
}

func (s *statement) close() { s.scratch.Close() }

// resolve returns the path of the table's column that a name stands for, nil
// for none.
func (s *statement) resolve(parts []string) []string {
	alias := ""
	if s.rows.Alias != nil {
		alias = s.rows.Alias.Name
	}
	return pushdown.Named(s.columns, alias, s.rows.Name.Parts)(parts)
}

// filter returns what the scan of the table may leave files out by.
func (s *statement) filter(conditions ...sql.Expr) delta.Predicate {
	t := pushdown.Table{Schema: s.columns, Resolve: s.resolve, Fold: s.env.Fold}
	return t.Predicate(conditions...)
}

// change makes what the rows that leave and come are handed to.
func (s *statement) change(meta delta.Metadata) (*delta.RowChange, error) {
	cfg := s.env.Writer
	cfg.Metadata = meta
	return delta.NewRowChange(s.target.Storage, s.target.Base, cfg)
}

// commit makes a change one version of the table. What was written for a
// commit that certainly failed is deleted again.
func (s *statement) commit(ctx context.Context, c *delta.RowChange, meta *delta.Metadata, info func(delta.RowChangeMetrics) delta.CommitInfo) (delta.RowChangeMetrics, error) {
	tx := s.target.Table.Begin(s.target.Base)
	if meta != nil {
		tx.SetMetadata(*meta)
	}
	s.declare(tx)
	metrics, err := c.Apply(ctx, tx)
	if err == nil {
		_, err = tx.Commit(ctx, info(metrics))
	}
	return metrics, s.failed(ctx, c, err)
}

// failed returns the error that ended a statement, after its files have been
// deleted. When the outcome of a commit is unknown they are left: the table may
// refer to them.
func (s *statement) failed(ctx context.Context, c *delta.RowChange, err error) error {
	var unknown *delta.UnknownCommitError
	if err == nil || errors.As(err, &unknown) {
		return err
	}
	return errors.Join(err, c.Abort(context.WithoutCancel(ctx)))
}

// millis returns the time since the statement started, as metrics have it.
func (s *statement) millis() string {
	return strconv.FormatInt(s.env.Writer.Clock().Sub(s.started).Milliseconds(), 10)
}

// predicates is the list of conditions in an operation's parameters.
func predicates(where sql.Expr) []string {
	if where == nil {
		return []string{}
	}
	return []string{where.String()}
}

func text(n int64) string { return strconv.FormatInt(n, 10) }
