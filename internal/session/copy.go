package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/rowset"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// CopyOptions declares COPY_OPTIONS (semantics §7.3).
func CopyOptions() option.Set {
	return option.Set{
		{Name: "force", Kind: option.Bool, Default: "false", Doc: "Load files again that were loaded before; their rows are appended once more."},
		{Name: "mergeSchema", Kind: option.Bool, Default: "false", Doc: "Let the table gain the columns that it lacks."},
	}
}

// previewRows is how many rows VALIDATE n ROWS shows at most.
const previewRows = 50

// copyInto runs COPY INTO.
func (s *Session) copyInto(ctx context.Context, stmt *sql.CopyInto) (*Result, error) {
	c, err := s.copy(ctx, stmt)
	if err != nil {
		return nil, err
	}
	if stmt.Validate != nil {
		return s.validate(ctx, c, stmt.Validate.Rows)
	}
	done, err := c.Run(ctx)
	if err != nil {
		return nil, missingTarget(c.Name, err)
	}
	out := rowset.New(schema.Col("num_affected_rows", schema.Long), schema.Col("num_inserted_rows", schema.Long), schema.Col("num_skipped_corrupt_files", schema.Long))
	out.Add(done.Rows, done.Rows, done.Corrupt)
	return resultOf(out), nil
}

// missingTarget words the error of a target that is no Delta table as COPY
// INTO does.
func missingTarget(name string, err error) error {
	if _, missing := errors.AsType[*delta.NotFoundError](err); missing {
		return errclass.New("DELTA_MISSING_DELTA_TABLE_COPY_INTO", "42P01", "Table %s doesn't exist. Create it first, with or without columns: CREATE TABLE %s.", name, name)
	}
	return workspace.Wrap(name, err)
}

// copy plans a COPY INTO.
func (s *Session) copy(ctx context.Context, stmt *sql.CopyInto) (*ingest.Copy, error) {
	if err := checkCopy(stmt); err != nil {
		return nil, err
	}
	t, err := s.planner.Target(ctx, stmt.Target)
	if err != nil {
		if perr := errclass.Ignore(err, "TABLE_OR_VIEW_NOT_FOUND"); perr == nil {
			return nil, errclass.New("DELTA_MISSING_DELTA_TABLE_COPY_INTO", "42P01",
				"Table %s doesn't exist. Create it first, with or without columns: CREATE TABLE %s.", stmt.Target, stmt.Target)
		}
		return nil, err
	}
	given, err := query.Options(stmt.CopyOptions)
	if err != nil {
		return nil, err
	}
	opts, err := CopyOptions().Parse(given)
	if err != nil {
		return nil, err
	}
	formatOptions, err := query.Options(stmt.FormatOptions)
	if err != nil {
		return nil, err
	}
	c := &ingest.Copy{
		Name: t.Name, Table: t.Delta, Store: t.Store,
		Query: ingest.FileQuery{
			Path: stmt.Source, Format: stmt.Format, Options: formatOptions,
			Files: stmt.Files, Pattern: stmt.Pattern, Openers: s.ws.Openers, TimeZone: s.planner.TimeZone(),
		},
		ByPosition: stmt.ByPosition, Columns: stmt.Columns,
		Force: opts.Bool("force"), MergeSchema: opts.Bool("mergeSchema"), Env: s.planner.LoadEnv(),
	}
	if len(stmt.Items) > 0 {
		c.Transform = func(ctx context.Context, rows *ingest.Relation) (*ingest.Relation, error) {
			return s.planner.CopySelect(ctx, stmt, rows)
		}
	}
	return c, nil
}

func checkCopy(stmt *sql.CopyInto) error {
	for _, f := range []string{"DELTA", "ICEBERG"} {
		if strings.EqualFold(stmt.Format, f) {
			return errclass.New("COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED", "0A000",
				"The format of the source files must be one of CSV, JSON, AVRO, ORC, PARQUET, TEXT, or BINARYFILE. Use INSERT INTO … SELECT * FROM delta.`path` to copy a table.")
		}
	}
	if len(stmt.Encryption) > 0 {
		return errclass.New("COPY_INTO_ENCRYPTION_NOT_SUPPORTED_ON", "0A000", "COPY INTO encryption options are not supported on this storage.")
	}
	if stmt.Credential != nil || stmt.TargetCredential != nil {
		return errclass.New("COPY_INTO_CREDENTIALS_NOT_ALLOWED_ON", "0A000", "Credentials are not allowed on this storage: local files need none.")
	}
	return nil
}

// validate runs COPY INTO … VALIDATE: nothing is written.
func (s *Session) validate(ctx context.Context, c *ingest.Copy, limit int64) (*Result, error) {
	rows, err := c.Validate(ctx, limit)
	if err != nil {
		return nil, missingTarget(c.Name, err)
	}
	if limit > 0 && limit < previewRows {
		return &Result{Schema: rows.Schema, Rows: conform.PlainRows(rows.Read(ctx), schema.ToArrow(rows.Schema))}, nil
	}
	var n int64
	for rec, err := range rows.Read(ctx) {
		if err != nil {
			return nil, fmt.Errorf("validate: %w", err)
		}
		n += rec.NumRows()
	}
	out := rowset.New(schema.Col("status", schema.String), schema.Col("num_rows", schema.Long))
	out.Add("SUCCESS", n)
	return resultOf(out), nil
}
