package dml

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Replacement is an INSERT that takes rows out of the table in the same
// commit: those for which Where is true, or those for which On is true of one
// of the new rows. One of the two is set.
type Replacement struct {
	Table *sql.Name
	Alias string
	Where sql.Expr // also true of the new rows, or the statement fails
	On    sql.Expr
	// Source is what On calls the new rows.
	Source string
	Rows   *ingest.Relation // with the table's columns, strings without dictionaries
	// Metadata is the table's afterwards.
	Metadata delta.Metadata
	// ReadsTable says that the new rows were computed from the table.
	ReadsTable bool
	Parameters map[string]any // of the operation
}

// Replace runs a replacement.
func Replace(ctx context.Context, env Env, t Target, r Replacement) (Result, error) {
	s, err := newStatement(ctx, env, t, r.Table, r.Alias, nil)
	if err != nil {
		r.Rows.Close()
		return Result{}, err
	}
	defer s.close()
	s.readsItself = r.ReadsTable
	c, err := s.change(r.Metadata)
	if err != nil {
		r.Rows.Close()
		return Result{}, err
	}
	leave := func(path string, rows []int64) { c.Delete(path, rows...) }
	if r.On != nil {
		err = s.replaceOn(ctx, c, r, leave)
	} else {
		err = s.replaceWhere(ctx, c, r, leave)
	}
	if err != nil {
		return Result{}, s.failed(ctx, c, err)
	}
	var meta *delta.Metadata
	if !schema.Equal(r.Metadata.Schema, s.columns) {
		meta = &r.Metadata
	}
	metrics, err := s.commit(ctx, c, meta, func(m delta.RowChangeMetrics) delta.CommitInfo {
		return delta.CommitInfo{Operation: "WRITE", Parameters: r.Parameters, Metrics: map[string]string{
			"numFiles": text(m.AddedFiles), "numOutputRows": text(m.InsertedRows), "numOutputBytes": text(m.AddedBytes),
			"numRemovedFiles": text(m.RemovedFiles), "numRemovedBytes": text(m.RemovedBytes), "numDeletedRows": text(m.DeletedRows),
			"numDeletionVectorsAdded": text(m.VectorsAdded), "numDeletionVectorsRemoved": text(m.VectorsRemoved),
		}}
	})
	return Result{Deleted: metrics.DeletedRows, Inserted: metrics.InsertedRows}, err
}

// replaceWhere takes out the rows of a condition and inserts new ones that
// meet it.
func (s *statement) replaceWhere(ctx context.Context, c *delta.RowChange, r Replacement, leave func(string, []int64)) error {
	if _, err := s.find(ctx, r.Where, nil, leave); err != nil {
		r.Rows.Close()
		return err
	}
	condition := r.Where.String()
	for rec, err := range r.Rows.Read(ctx) {
		if err == nil {
			err = s.conforms(ctx, rec, condition)
		}
		if err == nil {
			err = c.Insert(ctx, rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// conforms fails for rows of which a condition is not true.
func (s *statement) conforms(ctx context.Context, rows arrow.RecordBatch, condition string) error {
	results, err := s.env.Writer.Evaluator.Evaluate(ctx, rows, []string{"(" + condition + ") IS TRUE"})
	if err != nil {
		return err
	}
	defer results[0].Release()
	holds, ok := results[0].(*array.Boolean)
	for i := range results[0].Len() {
		if !ok || !holds.Value(i) {
			return errclass.New("DELTA_REPLACE_WHERE_MISMATCH", "44000",
				"Written data does not conform to partial table overwrite condition or constraint '%s'. Leave the other rows out of the query, or widen the condition.", condition)
		}
	}
	return nil
}

// replaceOn computes the new rows once, takes out those of the table that one
// of them replaces, and inserts them.
func (s *statement) replaceOn(ctx context.Context, c *delta.RowChange, r Replacement, leave func(string, []int64)) error {
	layout := schema.ToArrow(r.Rows.Schema)
	input := engine.Input{Name: "new_rows", Schema: layout, Open: func(ctx context.Context) (array.RecordReader, error) {
		return engine.NewReader(ctx, layout, func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return r.Rows.Read(ctx) }), nil
	}}
	if _, err := s.scratch.Create(ctx, "replacements", "SELECT * FROM new_rows", []engine.Input{input}); err != nil {
		return err
	}
	source := &sql.Table{Name: &sql.Name{Parts: []string{r.Source}}, Alias: &sql.Alias{Name: r.Source}}
	replaced := &sql.Exists{Query: selection([]*sql.SelectItem{item(number(1), "")}, source, r.On)}
	own := map[*sql.Table]table{source: {name: "replacements", columns: r.Rows.Schema}}
	if _, err := s.find(ctx, replaced, own, leave); err != nil {
		return err
	}
	caster := conform.New(r.Rows.Schema, conform.Options{TimeZone: s.env.Zone})
	for rec, err := range s.query(ctx, bound{text: "SELECT * FROM temp.replacements"}) {
		if err != nil {
			return err
		}
		if rec, err = caster.Conform(rec); err != nil {
			return err
		}
		err = c.Insert(ctx, rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}
