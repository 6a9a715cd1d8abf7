// Package query plans what a user reads: it resolves the names of tables, views
// and files, and has the engine run what is more than a scan of one of them.
package query

import (
	"context"
	"maps"
	"time"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/rule"
	"github.com/freshet/freshet/internal/setting"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

// Planner plans the queries of one user. It resolves names in a current schema,
// knows temporary views and settings, and runs what is more than a scan in the
// engine. It is not safe for concurrent use.
type Planner struct {
	*workspace.Workspace
	Current  struct{ Catalog, Schema string }
	Settings setting.Set
	// Rules computes expressions over rows in the engine.
	Rules *rule.Evaluator
	// Text is the statement that is running, for messages.
	Text string
	// Progress is how far it is.
	Progress *ingest.Progress
	// Functions are table functions beside those that plan what they read
	// themselves, by lower-case name.
	Functions map[string]TableFunction
	// Statement runs SHOW and DESCRIBE where a query reads them.
	Statement func(context.Context, sql.Statement) (*ingest.Relation, error)

	engine lazyEngine

	tempView map[string]*sql.CreateView // by lower-case name
	// streams are the relations that stand for streams while a batch's query
	// is planned.
	streams map[sql.TableRef]*ingest.Relation
	// pinned, when set, tells which snapshots of tables the query being planned
	// is to read.
	pinned func(*sql.Table) Pin
	// checks gather what the expectations of views find; nil is nothing.
	checks *viewChecks
}

// TableFunction returns the rows of a call in a FROM clause.
type TableFunction func(ctx context.Context, call *sql.TableFunction, want Scan) (*ingest.Relation, error)

// New returns a planner with the settings that a session begins with.
func New(ws *workspace.Workspace) *Planner {
	s := &Planner{Workspace: ws, Settings: setting.Defaults(), Functions: map[string]TableFunction{}, tempView: map[string]*sql.CreateView{}}
	s.Rules = &rule.Evaluator{Engine: s.Engine, TimeZone: s.TimeZone, Printer: s.Printer}
	s.Current.Catalog, s.Current.Schema = catalog.DefaultCatalog, catalog.DefaultSchema
	return s
}

// Inherit gives a planner the settings, current schema and temporary views of
// another.
func (p *Planner) Inherit(other *Planner) {
	p.Current, p.Settings, p.tempView = other.Current, maps.Clone(other.Settings), maps.Clone(other.tempView)
}

// Close releases the engine. The second time it does nothing.
func (p *Planner) Close() error {
	p.Rules.Close()
	return p.engine.close()
}

// TimeZone returns the session's time zone.
func (p *Planner) TimeZone() *time.Location { return p.Settings.Zone() }

// Placed says where in the running statement a name is that an error is about.
func (p *Planner) Placed(n *sql.Name, err error) error { return place.Name(n, p.Text, err) }

// LoadEnv is where loads of this session run.
func (p *Planner) LoadEnv() ingest.Env {
	return ingest.Env{
		Parallelism: p.Parallelism, MemoryLimit: p.MemoryLimit,
		Clock: p.Clock, NewID: p.NewID, Progress: p.Progress, Evaluator: p.Rules,
	}
}
