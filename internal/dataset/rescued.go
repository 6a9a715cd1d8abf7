package dataset

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/rescue"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// rescuedValues is rescued_values(TABLE(name) [, column]): what the rescued
// data column of a table has, and why. The column is _rescued_data, or the one
// that a streaming table's definition names.
func (d *Set) rescuedValues(ctx context.Context, call *sql.TableFunction, _ query.Scan) (*ingest.Relation, error) {
	if n := len(call.Args); n < 1 || n > 2 {
		return nil, errclass.New("WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
			"rescued_values requires 1 or 2 arguments, TABLE(name) and the rescued data column, and was given %d.", n)
	}
	name, ok := sql.TableOf(call.Args[0])
	if !ok {
		return nil, errclass.New("DELTA_UNSUPPORTED_EXPRESSION", "0A000", "%s names no table: rescued_values takes TABLE(name).", call.Args[0])
	}
	t, base, err := d.planner.Newest(ctx, name)
	if err != nil {
		return nil, err
	}
	given := map[string]string{"format": "json"} // no value is read
	if len(call.Args) == 2 {
		if given["rescuedDataColumn"], err = d.planner.Constant(ctx, call.Args[1]); err != nil {
			return nil, err
		}
	}
	how, err := d.rescuedFrom(ctx, t, base, given)
	if err != nil {
		return nil, err
	}
	out := rowset.New(
		schema.Col("path", schema.String), schema.Col("reason", schema.String), schema.Col("column_type", schema.String),
		schema.Col("num_values", schema.Long), schema.Col("kinds", schema.Array{Element: schema.String, ContainsNull: true}),
		schema.Col("examples", schema.Array{Element: schema.String, ContainsNull: true}),
		schema.Col("first_file", schema.String), schema.Col("last_file", schema.String),
	)
	read := func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		found, err := rescue.Summarize(ctx, base, how.column)
		if err != nil {
			return func(yield func(arrow.RecordBatch, error) bool) { yield(nil, workspace.Wrap(t.Name, err)) }
		}
		for _, f := range found {
			var column any
			if f.Column != nil {
				column = f.Column.String()
			}
			out.Add(f.Path, f.Reason, column, f.Values, f.Kinds, f.Examples, f.FirstFile, f.LastFile)
		}
		return out.Batches()
	}
	return &ingest.Relation{Schema: out.Schema, Read: read}, nil
}
