package session

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/dml"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/setting"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// newRows is what REPLACE USING and partitions that are replaced call the new
// rows.
const newRows = "freshet_new_rows"

// replacement returns what an INSERT replaces, or nil for one that appends or
// overwrites the whole table.
func (s *Session) replacement(stmt *sql.Insert, base *delta.Snapshot) (*dml.Replacement, error) {
	r := &dml.Replacement{Table: stmt.Table, Alias: stmt.Alias, Source: newRows}
	target := r.Alias
	if target == "" {
		target = stmt.Table.Parts[len(stmt.Table.Parts)-1]
	}
	columns := base.PartitionColumns()
	static := staticValues(stmt, base.Schema())
	switch {
	case stmt.ReplaceWhere != nil:
		r.Where = stmt.ReplaceWhere
	case stmt.ReplaceOn != nil:
		r.On = stmt.ReplaceOn
		if stmt.SourceAlias != "" {
			r.Source = stmt.SourceAlias
		}
	case len(stmt.ReplaceUsing) > 0:
		for _, name := range stmt.ReplaceUsing {
			if base.Schema().Index(name) < 0 {
				return nil, unresolvedColumn(name, base.Schema())
			}
		}
		r.On = sameColumns("=", target, stmt.ReplaceUsing)
	case !stmt.Overwrite || len(columns) == 0:
		return nil, nil
	case strings.EqualFold(s.planner.Settings[setting.PartitionOverwrite], "dynamic") && len(static) < len(columns):
		r.On = sameColumns("<=>", target, columns)
	case len(static) == 0:
		return nil, nil
	default:
		for _, v := range static {
			r.Where = and(r.Where, &sql.Binary{Op: "<=>", Left: &sql.Column{Parts: []string{v.Name}}, Right: v.Value})
		}
	}
	return r, nil
}

func and(a, b sql.Expr) sql.Expr {
	if a == nil {
		return b
	}
	return &sql.Binary{Op: "AND", Left: a, Right: b}
}

// sameColumns is the condition that columns of the table and of the new rows
// are the same.
func sameColumns(op, target string, names []string) sql.Expr {
	var all sql.Expr
	for _, name := range names {
		all = and(all, &sql.Binary{Op: op, Left: &sql.Column{Parts: []string{target, name}}, Right: &sql.Column{Parts: []string{newRows, name}}})
	}
	return all
}

func unresolvedColumn(name string, columns *schema.Struct) error {
	return errclass.New("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
		"A column with name %s cannot be resolved. Did you mean one of the following? [%s]", schema.QuoteIdent(name), strings.Join(columns.Names(), ", "))
}

// replace runs an INSERT that replaces rows.
func (s *Session) replace(ctx context.Context, t *workspace.Table, base *delta.Snapshot, stmt *sql.Insert, r *dml.Replacement) (*Result, error) {
	reads := s.readsTable(ctx, stmt.Query, t)
	rows, err := s.planner.Query(ctx, stmt.Query)
	if err != nil {
		return nil, err
	}
	meta, laidOut, err := s.insertion(t, base, stmt, rows)
	if err != nil {
		rows.Close()
		return nil, err
	}
	r.Parameters = map[string]any{"mode": "Overwrite", "partitionBy": nonNil(meta.PartitionColumns)}
	if r.Where != nil {
		r.Parameters["predicate"] = r.Where.String()
	}
	r.Rows, r.Metadata, r.ReadsTable = plainRelation(laidOut), meta, reads
	result, err := s.change(ctx, stmt.Table, func(env dml.Env, target dml.Target) (dml.Result, error) {
		target.Base = base // which the statement was checked against
		return dml.Replace(ctx, env, target, *r)
	})
	if err != nil {
		return nil, err
	}
	return affected(result.Inserted, result.Inserted), nil
}

// plainRelation returns rows as the engine takes them.
func plainRelation(rows *ingest.Relation) *ingest.Relation {
	out := *rows
	layout := schema.ToArrow(rows.Schema)
	read := rows.Read
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return conform.PlainRows(read(ctx), layout)
	}
	return &out
}

// staticValues returns the columns that a PARTITION clause gives a value, with
// the value as the column's type.
func staticValues(stmt *sql.Insert, columns *schema.Struct) []*sql.PartitionValue {
	var all []*sql.PartitionValue
	for _, v := range stmt.Partition {
		i := columns.Index(v.Name)
		if v.Value == nil || i < 0 {
			continue
		}
		f := columns.Fields[i]
		all = append(all, &sql.PartitionValue{Range: v.Range, Name: f.Name, Value: &sql.Cast{X: v.Value, Type: &sql.TypeName{Type: f.Type}}})
	}
	return all
}

// checkPartition fails for a PARTITION clause that names what partitions
// nothing, and gives the INSERT the list of columns that the clause leaves to
// its query.
func checkPartition(stmt *sql.Insert, base *delta.Snapshot) error {
	if len(stmt.Partition) == 0 {
		return nil
	}
	same := func(name string) func(string) bool { return func(n string) bool { return strings.EqualFold(n, name) } }
	fixed := map[string]bool{}
	for _, v := range stmt.Partition {
		if !slices.ContainsFunc(base.PartitionColumns(), same(v.Name)) {
			return errclass.New("NON_PARTITION_COLUMN", "42000", "PARTITION clause cannot contain the non-partition column: %s.", schema.QuoteIdent(v.Name))
		}
		if fixed[strings.ToLower(v.Name)] {
			return errclass.New("DUPLICATE_KEY", "23505", "Found duplicate keys %s.", schema.QuoteIdent(v.Name))
		}
		fixed[strings.ToLower(v.Name)] = v.Value != nil
		if v.Value != nil && slices.ContainsFunc(stmt.Columns, same(v.Name)) {
			return errclass.New("STATIC_PARTITION_COLUMN_IN_INSERT_COLUMN_LIST", "42713", "Static partition column %s is also specified in the column list.", schema.QuoteIdent(v.Name))
		}
	}
	if stmt.ByName || len(stmt.Columns) > 0 {
		return nil
	}
	for _, name := range base.Schema().Names() {
		if !fixed[strings.ToLower(name)] {
			stmt.Columns = append(stmt.Columns, name)
		}
	}
	return nil
}

// addStatic gives the rows of an INSERT the columns of its PARTITION clause.
func addStatic(stmt *sql.Insert, columns *schema.Struct) {
	static := staticValues(stmt, columns)
	if len(static) == 0 {
		return
	}
	rows := &sql.Select{Items: []*sql.SelectItem{{Expr: &sql.Star{}}}, From: []sql.TableRef{&sql.Subquery{Query: stmt.Query, Alias: &sql.Alias{Name: newRows}}}}
	for _, v := range static {
		rows.Items = append(rows.Items, &sql.SelectItem{Expr: v.Value, Alias: v.Name})
		if !stmt.ByName {
			stmt.Columns = append(stmt.Columns, v.Name)
		}
	}
	stmt.Query = &sql.Query{Body: rows}
}
