package dataset

import (
	"context"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/expectation"
	"github.com/freshet/freshet/internal/schedule"
	"github.com/freshet/freshet/internal/sql"
)

// Parse returns the definition in the text of a streaming table or a
// materialized view.
func Parse(text string) (*sql.Dataset, error) {
	statements, err := sql.Parse(text)
	if err != nil {
		return nil, err
	}
	_, d, ok := Definition(statements[0])
	if !ok {
		return nil, errclass.New("INTERNAL_ERROR", "XX000", "The text is no definition of a dataset: %s", text)
	}
	return d, nil
}

// Definition returns the definition that a statement gives, if it makes a
// streaming table or a materialized view.
func Definition(stmt sql.Statement) (catalog.Kind, *sql.Dataset, bool) {
	switch stmt := stmt.(type) {
	case *sql.CreateStreamingTable:
		return catalog.KindStreamingTable, &stmt.Dataset, true
	case *sql.CreateMaterializedView:
		return catalog.KindMaterializedView, &stmt.Dataset, true
	}
	return "", nil, false
}

// checkDataset refuses definitions whose expectations or schedule cannot be
// kept.
func (d *Set) checkDataset(def *sql.Dataset) error {
	if def.Schedule != nil {
		if _, err := schedule.Parse(def.Schedule, d.planner.TimeZone()); err != nil {
			return err
		}
	}
	return expectation.Check(def.Name, def.Constraints)
}

// alterSchedule changes when a dataset is refreshed (semantics §9.2).
func (d *Set) alterSchedule(ctx context.Context, stmt *sql.AlterTable, entry catalog.Table) error {
	statements, err := sql.Parse(entry.Text)
	if err != nil {
		return err
	}
	_, def, _ := Definition(statements[0])
	switch action := stmt.Action.(type) {
	case *sql.SetSchedule:
		if action.Add && def.Schedule != nil {
			return errclass.New("SCHEDULE_ALREADY_EXISTS", "42710", "%s has the schedule %s; change it with ALTER %s … ALTER.", entry.Name, def.Schedule, stmt.Kind)
		}
		if _, err := schedule.Parse(action.Schedule, d.planner.TimeZone()); err != nil {
			return err
		}
		leave, err := d.planner.EnterViews(entry.Text)
		if err != nil {
			return err
		}
		defer leave()
		if err := d.checkWatched(ctx, def, action.Schedule); err != nil {
			return err
		}
		def.Schedule = action.Schedule
	case *sql.DropSchedule:
		if def.Schedule == nil {
			return errclass.New("SCHEDULE_NOT_FOUND", "42704", "%s has no schedule.", entry.Name)
		}
		def.Schedule = nil
	}
	entry.Text = statements[0].String()
	for _, view := range statements[1:] {
		entry.Text += ";\n" + view.String()
	}
	return d.ws.Catalog.Update(ctx, entry)
}
