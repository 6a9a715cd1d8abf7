package session

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// run runs one statement.
func (s *Session) run(ctx context.Context, stmt sql.Statement) (*Result, error) {
	switch stmt := stmt.(type) {
	case *sql.Query:
		return s.selectRows(ctx, stmt)
	case *sql.CopyInto:
		return s.loading(ctx, stmt.Target, func() (*Result, error) { return s.copyInto(ctx, stmt) })
	case *sql.CreateTable:
		return s.createTable(ctx, stmt)
	case *sql.Insert:
		return s.loading(ctx, stmt.Table, func() (*Result, error) { return s.insert(ctx, stmt) })
	case *sql.CreateStreamingTable, *sql.CreateMaterializedView, *sql.CreateFlow, *sql.Refresh:
		return s.runRefresh(ctx, stmt)
	case *sql.Delete:
		return s.loading(ctx, stmt.Table, func() (*Result, error) { return s.deleteRows(ctx, stmt) })
	case *sql.Update:
		return s.loading(ctx, stmt.Table, func() (*Result, error) { return s.update(ctx, stmt) })
	case *sql.Merge:
		return s.loading(ctx, stmt.Target, func() (*Result, error) { return s.merge(ctx, stmt) })
	case *sql.CreateView:
		return s.createView(ctx, stmt)
	case *sql.CreateSchema:
		return s.createSchema(ctx, stmt)
	case *sql.DropSchema:
		return s.dropSchema(ctx, stmt)
	case *sql.DropFlow:
		return &Result{}, s.datasets.DropFlow(ctx, stmt)
	case *sql.DropTable:
		return s.dropTable(ctx, stmt)
	case *sql.Show:
		return s.show(ctx, stmt)
	case *sql.Describe:
		return s.describe(ctx, stmt)
	case *sql.Use:
		return s.use(ctx, stmt)
	case *sql.Set:
		return s.set(stmt)
	case *sql.Reset:
		return s.reset(stmt)
	case *sql.Explain:
		return s.explain(ctx, stmt)
	case *sql.AlterTable:
		return &Result{}, s.datasets.Alter(ctx, stmt)
	case *sql.CommentOn:
		return &Result{}, s.definitions.Comment(ctx, stmt)
	}
	if r, err, ok := s.maintain(ctx, stmt); ok {
		return r, err
	}
	return nil, errclass.New("UNSUPPORTED_STATEMENT", "0A000", "This version of freshet does not run %s statements.", strings.TrimPrefix(fmt.Sprintf("%T", stmt), "*sql."))
}

// maintain runs the statements that keep a table in good order; ok is false
// for others.
func (s *Session) maintain(ctx context.Context, stmt sql.Statement) (r *Result, err error, ok bool) { //nolint:revive // ok comes last, as everywhere
	switch stmt := stmt.(type) {
	case *sql.Optimize:
		r, err = s.optimize(ctx, stmt)
	case *sql.Reorg:
		r, err = s.reorg(ctx, stmt)
	case *sql.Vacuum:
		r, err = s.vacuum(ctx, stmt)
	case *sql.Restore:
		if err = s.checkRestore(ctx, stmt.Table); err == nil {
			r, err = s.restore(ctx, stmt)
		}
	case *sql.Truncate:
		if err = s.checkWritable(ctx, stmt.Table); err == nil {
			r, err = s.truncate(ctx, stmt)
		}
	case *sql.Convert:
		r, err = s.convert(ctx, stmt)
	case *sql.EditFiles:
		r, err = s.editFiles(ctx, stmt)
	case *sql.RepairRescued:
		r, err = s.repairRescued(ctx, stmt)
	default:
		return nil, nil, false
	}
	return r, err, true
}

// loading runs a statement that changes rows, and then what the table wants to
// be done after that.
func (s *Session) loading(ctx context.Context, table *sql.Name, run func() (*Result, error)) (*Result, error) {
	if err := s.checkWritable(ctx, table); err != nil {
		return nil, err
	}
	r, err := run()
	if err == nil {
		s.autoCompact(ctx, table)
	}
	return r, err
}

// checkWritable refuses to change the rows of a materialized view, which are
// those of its query.
func (s *Session) checkWritable(ctx context.Context, table *sql.Name) error {
	entry, err := s.changing(ctx, table)
	if err != nil || entry.Kind != catalog.KindMaterializedView {
		return err
	}
	return errclass.New("MATERIALIZED_VIEW_OPERATION_NOT_ALLOWED.MV_NOT_WRITABLE", "56038",
		"%s is a materialized view: its rows are those of its query. Change the tables that it reads, and refresh it.", entry.Name)
}

// changing returns the entry of a table that a statement is to change; the zero
// one for a path, and for a table that is missing, which is for whoever changes
// it to report.
func (s *Session) changing(ctx context.Context, table *sql.Name) (catalog.Table, error) {
	if _, _, path := table.Path(); path {
		return catalog.Table{}, nil
	}
	name, err := s.planner.TableName(ctx, table)
	if err != nil {
		return catalog.Table{}, err
	}
	entry, err := s.ws.Catalog.Table(ctx, name)
	if err != nil {
		return catalog.Table{}, nil //nolint:nilerr // see above
	}
	return entry, nil
}

func (s *Session) selectRows(ctx context.Context, q *sql.Query) (*Result, error) {
	rows, err := s.planner.Shown(ctx, q)
	if err != nil {
		return nil, err
	}
	return &Result{Schema: rows.Schema, Rows: conform.PlainRows(rows.Read(ctx), schema.ToArrow(rows.Schema))}, nil
}

// explain shows what the engine is asked for.
func (s *Session) explain(ctx context.Context, stmt *sql.Explain) (*Result, error) {
	q, ok := stmt.Statement.(*sql.Query)
	if !ok {
		return nil, errclass.New("UNSUPPORTED_STATEMENT", "0A000", "EXPLAIN takes a query.")
	}
	lines, err := s.planner.Explain(ctx, q)
	if err != nil {
		return nil, err
	}
	out := rowset.New(schema.Col("plan", schema.String))
	for _, line := range lines {
		out.Add(line)
	}
	return resultOf(out), nil
}

// statementRows returns the result of a SHOW or DESCRIBE statement as a
// relation.
func (s *Session) statementRows(ctx context.Context, stmt sql.Statement) (*ingest.Relation, error) {
	result, err := s.run(ctx, stmt)
	if err != nil {
		return nil, err
	}
	read := func(context.Context) iter.Seq2[arrow.RecordBatch, error] { return result.Rows }
	return &ingest.Relation{Schema: result.Schema, Read: read}, nil
}
