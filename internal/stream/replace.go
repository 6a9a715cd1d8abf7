package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/schema"
)

// Replaced says which rows of a table leave when a batch comes that has them
// again: those whose column, a STRING, has one of the values.
type Replaced struct {
	Column string
	Values []string
}

// Names of columns of the scan for rows that leave.
const (
	replacedFile = "__freshet_file"
	replacedRow  = "__freshet_row"
)

// replace writes a batch as write does, and in the same commit takes out the
// rows that it replaces.
func (s *Table) replace(ctx context.Context, b Batch, base *delta.Snapshot, meta delta.Metadata, rows *ingest.Relation, gone *Replaced) (written Written, err error) {
	grown := !schema.Equal(meta.Schema, base.Schema())
	if grown {
		meta = meta.MapColumns(s.Env.NewID)
	}
	change, err := delta.NewRowChange(s.Store, base, delta.WriterConfig{
		Metadata: meta, Parallelism: s.Env.Parallelism, Clock: s.Env.Clock, NewID: s.Env.NewID, Evaluator: s.Env.Evaluator,
	})
	if err != nil {
		return Written{}, err
	}
	defer func() {
		var unknown *delta.UnknownCommitError
		if err != nil && !errors.As(err, &unknown) {
			err = errors.Join(err, change.Abort(context.WithoutCancel(ctx)))
		}
	}()
	for rec, err := range rows.Read(ctx) {
		if err == nil {
			written.Rows += rec.NumRows()
			err = change.Insert(ctx, rec)
		}
		if err != nil {
			return Written{}, err
		}
	}
	tx := s.Table.Begin(base)
	if grown {
		tx.SetMetadata(meta)
	}
	if err := gone.leave(ctx, base, tx, change); err != nil {
		return Written{}, err
	}
	c := s.commit(b, base, meta)
	if err := c.Also(ctx, base, tx); err != nil {
		return Written{}, err
	}
	metrics, err := change.Apply(ctx, tx)
	if err != nil {
		return Written{}, err
	}
	_, err = tx.Commit(ctx, delta.CommitInfo{Operation: c.Operation, Parameters: c.Parameters, Metrics: map[string]string{
		"numOutputRows": fmt.Sprint(metrics.InsertedRows), "numDeletedRows": fmt.Sprint(metrics.DeletedRows),
		"numCopiedRows": fmt.Sprint(metrics.CopiedRows), "numAddedFiles": fmt.Sprint(metrics.AddedFiles), "numRemovedFiles": fmt.Sprint(metrics.RemovedFiles),
	}})
	return written, err
}

// leave finds the rows, and declares that they were looked for.
func (r *Replaced) leave(ctx context.Context, base *delta.Snapshot, tx *delta.Transaction, change *delta.RowChange) error {
	filter := delta.In{Column: []string{r.Column}}
	values := make(map[string]bool, len(r.Values))
	for _, v := range r.Values {
		values[v] = true
		filter.Values = append(filter.Values, v)
	}
	tx.ReadPredicate(filter)
	opts := delta.ScanOptions{Columns: []string{r.Column}, Filter: filter, FilePath: replacedFile, RowIndex: replacedRow}
	for rec, err := range base.Scan(ctx, opts) {
		if err != nil {
			return err
		}
		of, isText := rec.Column(0).(*array.String)
		file, _ := rec.Column(1).(*array.String)
		row, ok := rec.Column(2).(*array.Int64)
		if !isText || file == nil || !ok {
			rec.Release()
			return fmt.Errorf("column %s is no text", schema.QuoteIdent(r.Column))
		}
		for i := range of.Len() {
			if of.IsValid(i) && values[of.Value(i)] {
				change.Delete(file.Value(i), row.Value(i))
			}
		}
		rec.Release()
	}
	return nil
}
