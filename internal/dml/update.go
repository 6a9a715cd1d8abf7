package dml

import (
	"context"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
)

// Update runs UPDATE. The rows for which the condition is true are found
// first, by the columns it names; then those rows are read whole and written
// anew.
func Update(ctx context.Context, env Env, t Target, stmt *sql.Update) (Result, error) {
	s, err := newStatement(ctx, env, t, stmt.Table, stmt.Alias, stmt.With)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	set, err := s.assignments(t.Base.Schema(), stmt.Set)
	if err != nil {
		return Result{}, err
	}
	c, err := s.change(t.Base.Metadata())
	if err != nil {
		return Result{}, err
	}
	replaced := rowSets{}
	found, err := s.find(ctx, stmt.Where, nil, func(path string, rows []int64) {
		c.Replace(path, rows...)
		replaced.add(s.files.number[path], rows)
	})
	scanned := s.millis()
	if err == nil {
		err = s.rewrite(ctx, c, set, replaced)
	}
	if err != nil || found == 0 {
		return Result{}, s.failed(ctx, c, err)
	}
	metrics, err := s.commit(ctx, c, nil, func(m delta.RowChangeMetrics) delta.CommitInfo {
		metrics := s.rowMetrics(m, "numUpdatedRows", m.UpdatedRows, scanned)
		metrics["numRemovedFiles"] = text(int64(len(replaced))) // those whose rows a vector marks too, as in Spark
		return delta.CommitInfo{Operation: "UPDATE", Parameters: map[string]any{"predicate": predicates(stmt.Where)}, Metrics: metrics}
	})
	return Result{Updated: metrics.UpdatedRows}, err
}

// rewrite writes the new images of rows. With no rows it still checks the
// names in the assignments.
func (s *statement) rewrite(ctx context.Context, c *delta.RowChange, set *images, rows rowSets) error {
	input, err := s.scan(s.files, s.named(set.exprs()...), rows)
	if err != nil {
		return err
	}
	b, err := s.bind(ctx, selection(set.items(), s.rows, nil), map[*sql.Table]table{s.rows: input})
	if err != nil || len(rows) == 0 {
		return err
	}
	return s.write(ctx, b, set, s.update(c))
}
