package session

import (
	"context"
	"errors"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/evolve"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/setting"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// insert runs INSERT INTO and INSERT OVERWRITE. Values of identity columns
// that another writer has given out too are taken anew.
func (s *Session) insert(ctx context.Context, stmt *sql.Insert) (*Result, error) {
	text := stmt.String()
	for {
		result, numbered, err := s.insertOnce(ctx, stmt)
		if _, lost := errors.AsType[*delta.ConflictError](err); !lost || !numbered || ctx.Err() != nil {
			return result, err
		}
		// Parsed anew, since planning has changed the tree.
		again, err := sql.Parse(text)
		if err != nil {
			return nil, err
		}
		stmt, _ = again[0].(*sql.Insert)
	}
}

// insertOnce runs an INSERT on the newest snapshot; numbered says whether rows
// got values of identity columns.
func (s *Session) insertOnce(ctx context.Context, stmt *sql.Insert) (result *Result, numbered bool, err error) {
	t, base, err := s.planner.Newest(ctx, stmt.Table)
	if err != nil {
		return nil, false, err
	}
	if err := base.CheckWrite(); err != nil {
		return nil, false, workspace.Wrap(t.Name, err)
	}
	if err := checkPartition(stmt, base); err != nil {
		return nil, false, err
	}
	if err := resolveDefaults(stmt, base.Schema()); err != nil {
		return nil, false, err
	}
	addStatic(stmt, base.Schema())
	replacement, err := s.replacement(stmt, base)
	if err != nil {
		return nil, false, err
	}
	if replacement != nil {
		result, err := s.replace(ctx, t, base, stmt, replacement)
		return result, false, err
	}
	meta, staged, err := s.planner.Stage(ctx, t, stmt.Query, func(rows *ingest.Relation) (delta.Metadata, *ingest.Relation, error) {
		return s.insertion(t, base, stmt, rows)
	})
	if err != nil {
		return nil, false, workspace.Wrap(t.Name, err)
	}
	mode := "Append"
	if stmt.Overwrite {
		mode = "Overwrite"
	}
	c := ingest.Commit{
		Table: t.Delta, Store: t.Store, Base: base, Overwrite: stmt.Overwrite, Now: s.ws.Clock, Operation: "WRITE",
		Parameters: map[string]any{"mode": mode, "partitionBy": nonNil(meta.PartitionColumns)},
		Reads:      s.readsTable(ctx, stmt.Query, t),
	}
	if !schema.Equal(meta.Schema, base.Schema()) {
		c.Metadata = &meta
	}
	if _, err := c.Apply(ctx, staged); err != nil {
		return nil, staged.Numbered, workspace.Wrap(t.Name, err)
	}
	return affected(staged.Rows, staged.Rows), false, nil
}

// insertion lays rows out for the table: by name, by a column list, or by
// position.
func (s *Session) insertion(t *workspace.Table, base *delta.Snapshot, stmt *sql.Insert, rows *ingest.Relation) (delta.Metadata, *ingest.Relation, error) {
	meta := base.Metadata()
	if len(meta.Schema.Fields) == 0 {
		return meta, nil, errclass.New("DELTA_INSERT_COLUMN_ARITY_MISMATCH", "42802",
			"Cannot write to %s: the table has no columns yet. Load it with COPY INTO … COPY_OPTIONS ('mergeSchema' = 'true') first.", t.Name)
	}
	var err error
	switch evolving := stmt.SchemaEvolution || s.planner.Settings.Is(setting.AutoMerge); {
	case stmt.ByName:
		meta, err = byName(t.Name, meta, rows.Schema, evolving)
	case len(stmt.Columns) > 0:
		rows, err = byList(t.Name, meta.Schema, stmt.Columns, rows)
	default:
		rows, err = byPosition(t.Name, meta.Schema, rows)
	}
	if err != nil {
		return meta, nil, err
	}
	out, err := rows.Conform(meta.Schema, s.planner.TimeZone())
	return meta, out, err
}

// byName checks the columns of INSERT … BY NAME; with schema evolution the
// table gains those it lacks.
func byName(table string, meta delta.Metadata, incoming *schema.Struct, evolving bool) (delta.Metadata, error) {
	if evolving {
		return ingest.Evolve(meta, incoming)
	}
	if added := evolve.NewColumns(meta.Schema, incoming); len(added) > 0 {
		return meta, errclass.New("DELTA_METADATA_MISMATCH", "42KDG",
			"A schema mismatch detected when writing to the Delta table %s: it has no column %s. Use INSERT WITH SCHEMA EVOLUTION to add columns.\nTable columns: %s\nData columns: %s",
			table, strings.Join(added, ", "), meta.Schema.DDL(), incoming.DDL())
	}
	return meta, nil
}

// byList names the columns of the query as the column list does.
func byList(table string, target *schema.Struct, names []string, rows *ingest.Relation) (*ingest.Relation, error) {
	if len(names) != len(rows.Schema.Fields) {
		return rows, arity(table, names, rows.Schema)
	}
	full := make([]string, len(names))
	seen := map[int]bool{}
	for i, n := range names {
		at := target.Index(n)
		if at < 0 {
			return rows, errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
				"A column with name %s cannot be resolved. Did you mean one of the following? [%s]", schema.QuoteIdent(n), strings.Join(target.Names(), ", "))
		}
		if seen[at] {
			return rows, errclass.New("COLUMN_ALREADY_EXISTS", "42711", "The column %s is listed twice.", schema.QuoteIdent(n))
		}
		seen[at] = true
		full[i] = target.Fields[at].Name
	}
	return rows.Rename(full), nil
}

func byPosition(table string, target *schema.Struct, rows *ingest.Relation) (*ingest.Relation, error) {
	if len(target.Fields) != len(rows.Schema.Fields) {
		return rows, arity(table, target.Names(), rows.Schema)
	}
	return rows.Rename(target.Names()), nil
}

func arity(table string, names []string, incoming *schema.Struct) error {
	problem, words := "NOT_ENOUGH_DATA_COLUMNS", "not enough data columns"
	if len(incoming.Fields) > len(names) {
		problem, words = "TOO_MANY_DATA_COLUMNS", "too many data columns"
	}
	return errclass.New("INSERT_COLUMN_ARITY_MISMATCH."+problem, "21S01",
		"Cannot write to %s, the reason is %s:\nTable columns: %s.\nData columns: %s.",
		table, words, strings.Join(names, ", "), strings.Join(incoming.Names(), ", "))
}

// readsTable reports whether the query reads the table it is inserted into.
func (s *Session) readsTable(ctx context.Context, q *sql.Query, t *workspace.Table) bool {
	reads := false
	sql.Inspect(q, func(n sql.Node) bool {
		ref, ok := n.(sql.TableRef)
		reads = reads || ok && s.planner.IsTable(ctx, ref, t)
		return !reads
	})
	return reads
}
