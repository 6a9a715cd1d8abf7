// Package dataset makes streaming tables and materialized views, and brings them
// up to date: a flow reads what is new for a table, batch by batch, and a view is
// computed from the tables that it reads.
package dataset

import (
	"context"

	"github.com/freshet/freshet/internal/definition"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
)

// Set is the datasets of a workspace, the streaming tables and materialized views,
// as one session sees them. It is not safe for concurrent use.
type Set struct {
	// CreateTable runs CREATE TABLE, for the tables of stream queries.
	CreateTable func(context.Context, *sql.CreateTable) error

	ws          *workspace.Workspace
	planner     *query.Planner
	definitions *definition.Editor

	flows map[string]*streamingFlow // that a runner keeps, by their table's location
	reads map[string][]string       // where the flows into tables without query find what is new, by location
}

// New returns the datasets of a workspace, and gives a planner the table
// functions that tell of them.
func New(ws *workspace.Workspace, planner *query.Planner, definitions *definition.Editor) *Set {
	s := &Set{ws: ws, planner: planner, definitions: definitions, flows: map[string]*streamingFlow{}, reads: map[string][]string{}}
	planner.Functions["cloud_files_state"], planner.Functions["file_ledger"] = s.fileFunction, s.fileFunction
	planner.Functions["rescued_values"], planner.Functions["event_log"] = s.rescuedValues, s.eventLog
	return s
}
