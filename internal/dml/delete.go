package dml

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
)

// Delete runs DELETE. Rows for which the condition is true leave the table.
func Delete(ctx context.Context, env Env, t Target, stmt *sql.Delete) (Result, error) {
	s, err := newStatement(ctx, env, t, stmt.Table, stmt.Alias, stmt.With)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	if isTrue(stmt.Where) {
		return s.deleteAll(ctx, stmt.Where)
	}
	c, err := s.change(t.Base.Metadata())
	if err != nil {
		return Result{}, err
	}
	found, err := s.find(ctx, stmt.Where, nil, func(path string, rows []int64) { c.Delete(path, rows...) })
	scanned := s.millis()
	if err != nil || found == 0 {
		return Result{}, s.failed(ctx, c, err)
	}
	metrics, err := s.commit(ctx, c, nil, func(m delta.RowChangeMetrics) delta.CommitInfo {
		return delta.CommitInfo{Operation: "DELETE", Parameters: map[string]any{"predicate": predicates(stmt.Where)}, Metrics: s.rowMetrics(m, "numDeletedRows", m.DeletedRows, scanned)}
	})
	return Result{Deleted: metrics.DeletedRows}, err
}

// isTrue reports whether a condition is left out, or is the literal TRUE.
func isTrue(e sql.Expr) bool {
	l, ok := e.(*sql.Literal)
	return e == nil || ok && l.Kind == sql.BooleanLiteral && strings.EqualFold(l.Value, "true")
}

// deleteAll takes every file out of the table and reads none.
func (s *statement) deleteAll(ctx context.Context, where sql.Expr) (Result, error) {
	tx := s.target.Table.Begin(s.target.Base)
	tx.ReadTable()
	now := s.env.Writer.Clock().UnixMilli()
	var m delta.RowChangeMetrics
	for f, err := range s.target.Base.Files(ctx) {
		if err != nil {
			return Result{}, err
		}
		n, _ := f.NumRecords()
		if f.DeletionVector != nil {
			n -= f.DeletionVector.Cardinality
			m.VectorsRemoved++
		}
		m.DeletedRows += n
		m.RemovedFiles++
		m.RemovedBytes += f.Size
		tx.Remove(f.Remove(now, true))
	}
	if m.RemovedFiles == 0 {
		return Result{}, nil
	}
	_, err := tx.Commit(ctx, delta.CommitInfo{
		Operation: "DELETE", Parameters: map[string]any{"predicate": predicates(where)},
		Metrics: s.rowMetrics(m, "numDeletedRows", m.DeletedRows, s.millis()),
	})
	return Result{Deleted: m.DeletedRows}, err
}

// find calls leave for the rows for which the condition is true and returns
// their number. It reads the files that the condition may be true in, and of
// them the columns that it names. Queries in the condition may read the tables
// of others.
func (s *statement) find(ctx context.Context, where sql.Expr, others map[*sql.Table]table, leave func(path string, rows []int64)) (int64, error) {
	var err error
	if s.files, err = s.list(ctx, s.filter(where)); err != nil {
		return 0, err
	}
	rows, err := s.scan(s.files, s.named(where), nil)
	if err != nil {
		return 0, err
	}
	q := selection([]*sql.SelectItem{item(column(addressColumn), "")}, s.rows, where)
	tables := map[*sql.Table]table{s.rows: rows}
	maps.Copy(tables, others)
	b, err := s.bind(ctx, q, tables) // it finds names that are none
	var unresolved *sql.Error
	if errors.As(err, &unresolved) && strings.HasPrefix(unresolved.Class, "UNRESOLVED_COLUMN") {
		// Once more with all columns, which the error is to suggest.
		if rows, err = s.scan(s.files, s.columns.Names(), nil); err == nil {
			tables[s.rows] = rows
			_, err = s.bind(ctx, q, tables)
		}
	}
	if err != nil || len(s.files.files) == 0 {
		return 0, err
	}
	found := int64(0)
	for pair, err := range s.addresses(ctx, b) {
		if err != nil {
			return 0, err
		}
		found += int64(len(pair[0]))
		s.files.each(pair[0], func(number int64, rows []int64) { leave(s.files.files[number].Path, rows) })
	}
	return found, nil
}

// rowMetrics are the operation metrics of DELETE and UPDATE as Spark has them.
func (s *statement) rowMetrics(m delta.RowChangeMetrics, rows string, n int64, scanned string) map[string]string {
	return map[string]string{
		rows: text(n), "numCopiedRows": text(m.CopiedRows),
		"numAddedFiles": text(m.AddedFiles), "numAddedBytes": text(m.AddedBytes),
		"numRemovedFiles": text(m.RemovedFiles), "numRemovedBytes": text(m.RemovedBytes),
		"numAddedChangeFiles":       text(m.ChangeFiles),
		"numDeletionVectorsAdded":   text(m.VectorsAdded),
		"numDeletionVectorsRemoved": text(m.VectorsRemoved),
		"numDeletionVectorsUpdated": text(m.VectorsUpdated),
		"executionTimeMs":           s.millis(),
		"scanTimeMs":                scanned,
		"rewriteTimeMs":             text(m.RewriteTime.Milliseconds()),
	}
}
