package dataset

import (
	"context"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
)

// eventLog is event_log('pipeline') and event_log(TABLE(t)): the events of a
// pipeline's updates, and of the flow that feeds a table (semantics §11.3).
func (d *Set) eventLog(ctx context.Context, call *sql.TableFunction, _ query.Scan) (*ingest.Relation, error) {
	if len(call.Args) != 1 {
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
			"event_log requires one argument, the name of a pipeline or TABLE(name), and was given %d.", len(call.Args))
	}
	condition, err := d.eventsOf(ctx, call.Args[0])
	if err != nil {
		return nil, err
	}
	at, err := d.ws.EventsLocation()
	if err != nil {
		return nil, err
	}
	t, err := d.ws.Table(ctx, "event_log", nil, at)
	if err != nil {
		return nil, err
	}
	base, err := t.Exists(ctx)
	if err != nil {
		return nil, err
	}
	if base == nil {
		columns, err := eventlog.Columns()
		return query.Empty(columns), err
	}
	q, err := sql.ParseQuery("SELECT * FROM " + (&sql.Name{Parts: []string{"delta", at}, Quoted: true}).String() + " WHERE " + condition)
	if err != nil {
		return nil, err
	}
	return d.planner.Query(ctx, q)
}

// eventsOf returns the condition on the events that an argument of event_log
// chooses.
func (d *Set) eventsOf(ctx context.Context, arg sql.Expr) (string, error) {
	equals := func(column, value string) string {
		return (&sql.Binary{Op: "=", Left: &sql.Column{Parts: []string{"origin", column}}, Right: &sql.Literal{Kind: sql.StringLiteral, Value: value}}).String()
	}
	if name, ok := sql.TableOf(arg); ok && sql.IsTableArgument(arg) {
		full, err := d.planner.TableName(ctx, name)
		if err != nil {
			return "", err
		}
		entry, err := d.ws.Catalog.Table(ctx, full)
		if err != nil {
			return "", d.planner.Placed(name, err)
		}
		return equals("dataset_name", entry.Name.Plain()), nil
	}
	pipeline, err := d.planner.Constant(ctx, arg)
	if err != nil {
		return "", err
	}
	return equals("pipeline_name", pipeline), nil
}
