package session

import (
	"context"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// convert runs CONVERT TO DELTA parquet.`path` (semantics §15.11).
func (s *Session) convert(ctx context.Context, stmt *sql.Convert) (*Result, error) {
	format, path, ok := stmt.Source.Path()
	if !ok || format != "parquet" {
		return nil, errclass.New("DELTA_CONVERT_NON_PARQUET_TABLE", "0AKDC",
			"CONVERT TO DELTA only supports parquet tables: parquet.`path`, not %s.", stmt.Source)
	}
	uri, err := workspace.Locate(path)
	if err != nil {
		return nil, err
	}
	t, err := s.ws.Table(ctx, stmt.Source.String(), nil, uri)
	if err != nil {
		return nil, err
	}
	if snap, err := t.Exists(ctx); err != nil || snap != nil {
		return &Result{}, err // it is a Delta table already
	}
	rows, err := s.planner.ReadPath(ctx, format, path, query.Scan{})
	if err != nil {
		return nil, err
	}
	columns := rows.Schema
	rows.Close()
	opts := delta.ConvertOptions{Schema: columns, NoStatistics: stmt.NoStatistics, Parallelism: s.ws.Parallelism}
	for _, c := range stmt.PartitionedBy {
		f := schema.Field{Name: c.Name, Nullable: true}
		if c.Type == nil {
			return nil, errclass.New("PARSE_SYNTAX_ERROR", "42601", "PARTITIONED BY needs the type of column %s.", schema.QuoteIdent(c.Name))
		}
		f.Type = c.Type.Type
		opts.PartitionColumns = append(opts.PartitionColumns, f)
	}
	if _, err := t.Delta.Convert(ctx, opts); err != nil {
		return nil, workspace.Wrap(t.Name, err)
	}
	return &Result{}, nil
}
