package dataset

import (
	"context"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
)

// kindsOf are the kinds of datasets by the words of ALTER.
var kindsOf = map[string]catalog.Kind{"STREAMING TABLE": catalog.KindStreamingTable, "MATERIALIZED VIEW": catalog.KindMaterializedView}

// Alter runs ALTER TABLE, ALTER STREAMING TABLE and ALTER MATERIALIZED VIEW.
// The columns of a dataset are those of its definition: what would change them
// behind its back is refused.
func (d *Set) Alter(ctx context.Context, stmt *sql.AlterTable) error {
	if _, _, path := stmt.Table.Path(); path {
		return d.definitions.Alter(ctx, stmt)
	}
	name, err := d.planner.TableName(ctx, stmt.Table)
	if err != nil {
		return err
	}
	entry, err := d.ws.Catalog.Table(ctx, name)
	if err != nil {
		return d.planner.Placed(stmt.Table, err)
	}
	if stmt.Kind != "" && entry.Kind != kindsOf[stmt.Kind] {
		return errclass.New("WRONG_COMMAND_FOR_OBJECT_TYPE", "42809", "%s is no %s.", entry.Name, stmt.Kind)
	}
	switch stmt.Action.(type) {
	case *sql.SetSchedule, *sql.DropSchedule:
		return d.alterSchedule(ctx, stmt, entry)
	}
	if what := definedAction(stmt.Action); what != "" {
		if err := d.checkAlter(ctx, stmt, entry, what); err != nil {
			return err
		}
	}
	return d.definitions.Alter(ctx, stmt)
}

// definedAction names an action that a dataset's definition has the say in; ""
// is one that it leaves open.
func definedAction(action sql.AlterAction) string {
	switch action := action.(type) {
	case *sql.AddColumns:
		return "ADD COLUMN"
	case *sql.DropColumns:
		return "DROP COLUMN"
	case *sql.RenameColumn:
		return "RENAME COLUMN"
	case *sql.ReplaceColumns:
		return "REPLACE COLUMNS"
	case *sql.AddConstraint:
		return "ADD CONSTRAINT"
	case *sql.SetLocation:
		return "SET LOCATION"
	case *sql.AlterColumns:
		for _, change := range action.Changes {
			if change.Kind != sql.SetComment {
				return "ALTER COLUMN"
			}
		}
	}
	return ""
}

// checkAlter refuses to change what a dataset's definition says. A streaming
// table that keeps rescued data may get columns that can hold it.
func (d *Set) checkAlter(ctx context.Context, stmt *sql.AlterTable, entry catalog.Table, what string) error {
	if entry.Kind == catalog.KindMaterializedView {
		return d.planner.Placed(stmt.Table, errclass.New("MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.INVALID_ALTER", "56038",
			"The materialized view operation %s is not allowed: the columns of %s are those of its query. To alter the schema of a materialized view, give it another query with CREATE OR REPLACE MATERIALIZED VIEW.", what, entry.Name))
	}
	if entry.Kind != catalog.KindStreamingTable {
		return nil
	}
	if forRescued(stmt.Action) {
		if keeps, err := d.keepsRescued(ctx, stmt.Table); err != nil || keeps {
			return err
		}
	}
	help := "To alter the schema of a streaming table, give it another definition with CREATE OR REFRESH STREAMING TABLE."
	if what == "ADD CONSTRAINT" {
		help = "To check the rows of a streaming table, give its definition the rule with CREATE OR REFRESH STREAMING TABLE: CONSTRAINT name EXPECT (condition) ON VIOLATION FAIL UPDATE."
	}
	return d.planner.Placed(stmt.Table, errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.INVALID_ALTER", "42601",
		"The streaming table operation %s is not allowed: the columns of %s are those of its definition. %s", what, entry.Name, help))
}

// forRescued reports whether an action makes place for values that were
// rescued: a new column, a wider type, or another column in the place of one.
func forRescued(action sql.AlterAction) bool {
	switch action := action.(type) {
	case *sql.AddColumns, *sql.DropColumns:
		return true
	case *sql.AlterColumns:
		for _, change := range action.Changes {
			if change.Kind != sql.ChangeType {
				return false
			}
		}
		return true
	}
	return false
}

// keepsRescued reports whether a streaming table has a column of rescued data.
func (d *Set) keepsRescued(ctx context.Context, name *sql.Name) (bool, error) {
	t, base, err := d.planner.Newest(ctx, name)
	if err != nil {
		return false, err
	}
	_, err = d.rescuedFrom(ctx, t, base, nil)
	if err != nil && errclass.Ignore(err, "RESCUED_DATA_COLUMN_NOT_FOUND") == nil {
		return false, nil
	}
	// Which of several streams rescued a value is for REPAIR to be told.
	return true, errclass.Ignore(err, "RESCUED_DATA_FORMAT_UNKNOWN")
}
