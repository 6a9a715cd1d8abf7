package query

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// feedColumns is how many columns a change data feed has after the table's.
const feedColumns = 3

func isTableChanges(f *sql.TableFunction) bool {
	return len(f.Name.Parts) == 1 && strings.EqualFold(f.Name.Parts[0], "table_changes")
}

// tableChanges is table_changes(table, start [, end]): the change data feed of
// a table between two versions or points in time, both included (semantics
// §14). A number is a version, anything else a point in time.
func (p *Planner) tableChanges(ctx context.Context, call *sql.TableFunction, want Scan) (*ingest.Relation, error) {
	if n := len(call.Args); n < 2 || n > 3 {
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
			"table_changes requires 2 or 3 arguments, a table, where to start and where to end, and was given %d.", n)
	}
	name, ok := sql.TableOf(call.Args[0])
	if !ok {
		return nil, errclass.New("DELTA_UNSUPPORTED_EXPRESSION", "0A000", "%s names no table: table_changes takes its name first, as in table_changes('s.t', 1).", call.Args[0])
	}
	t, err := p.Target(ctx, name)
	if err != nil {
		return nil, err
	}
	opts := delta.ChangesOptions{To: -1, Parallelism: p.Parallelism}
	if opts.From, opts.Since, err = p.changesBound(ctx, call.Args[1]); err != nil {
		return nil, err
	}
	if len(call.Args) == 3 {
		if opts.To, opts.Until, err = p.changesBound(ctx, call.Args[2]); err != nil {
			return nil, err
		}
	}
	columns, err := t.Delta.ChangesSchema(ctx, opts)
	if err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	own := schema.New(columns.Fields[:len(columns.Fields)-feedColumns]...)
	if opts.Columns = want.Pick(own); opts.Columns != nil {
		if own, err = own.Select(opts.Columns...); err != nil {
			return nil, err
		}
		columns = schema.New(append(slices.Clone(own.Fields), columns.Fields[len(columns.Fields)-feedColumns:]...)...)
	}
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range t.Delta.Changes(ctx, opts) {
				if err != nil {
					err = workspace.Wrap(t.Name, err)
				}
				if !yield(rec, err) || err != nil {
					return
				}
			}
		}
	}
	return &ingest.Relation{Schema: columns, Read: read}, nil
}

// changesBound evaluates an end of a range of changes.
func (p *Planner) changesBound(ctx context.Context, e sql.Expr) (version int64, at time.Time, err error) {
	text, err := p.Constant(ctx, e)
	if err != nil {
		return 0, time.Time{}, err
	}
	if l, ok := e.(*sql.Literal); !ok || l.Kind != sql.StringLiteral {
		if version, err = strconv.ParseInt(text, 10, 64); err == nil && version >= 0 {
			return version, time.Time{}, nil
		}
	}
	at, err = p.Timestamp(ctx, e)
	return 0, at, err
}
