package session

import (
	"context"
	"strings"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/place"
	"github.com/freshet/freshet/internal/sql"
)

func isEventLog(f *sql.TableFunction) bool {
	return len(f.Name.Parts) == 1 && strings.EqualFold(f.Name.Parts[0], "event_log")
}

// eventLog is event_log('pipeline') and event_log(TABLE(t)): the events of a
// pipeline's updates, and of the flow that feeds a table (semantics §11.3).
func (s *Session) eventLog(ctx context.Context, call *sql.TableFunction) (*ingest.Relation, error) {
	if len(call.Args) != 1 {
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
			"event_log requires one argument, the name of a pipeline or TABLE(name), and was given %d.", len(call.Args))
	}
	condition, err := s.eventsOf(ctx, call.Args[0])
	if err != nil {
		return nil, err
	}
	at, err := s.eventsLocation()
	if err != nil {
		return nil, err
	}
	h, err := s.handle(ctx, at)
	if err != nil {
		return nil, err
	}
	base, err := (&target{name: "event_log", location: at, handle: h}).exists(ctx)
	if err != nil {
		return nil, err
	}
	if base == nil {
		columns, err := eventlog.Columns()
		return emptyRelation(columns), err
	}
	q, err := sql.ParseQuery("SELECT * FROM " + (&sql.Name{Parts: []string{"delta", at}, Quoted: true}).String() + " WHERE " + condition)
	if err != nil {
		return nil, err
	}
	return s.query(ctx, q)
}

// eventsOf returns the condition on the events that an argument of event_log
// chooses.
func (s *Session) eventsOf(ctx context.Context, arg sql.Expr) (string, error) {
	equals := func(column, value string) string {
		return (&sql.Binary{Op: "=", Left: &sql.Column{Parts: []string{"origin", column}}, Right: &sql.Literal{Kind: sql.StringLiteral, Value: value}}).String()
	}
	if name, ok := sql.TableOf(arg); ok && sql.IsTableArgument(arg) {
		full, err := s.tableName(ctx, name)
		if err != nil {
			return "", err
		}
		entry, err := s.catalog.Table(ctx, full)
		if err != nil {
			return "", place.Name(name, s.text, err)
		}
		return equals("dataset_name", entry.Name.Plain()), nil
	}
	pipeline, err := s.constant(ctx, arg)
	if err != nil {
		return "", err
	}
	return equals("pipeline_name", pipeline), nil
}
