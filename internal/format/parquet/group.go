package parquet

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/freshet/freshet/internal/format"
)

// Batches hold about batchBytes, and a number of rows between these.
const (
	batchBytes   = 16 << 20
	minBatchRows = 64
	maxBatchRows = 64 << 10
)

// group is one row group to read, or the reason why its file cannot be read.
type group struct {
	opening  *opening
	plan     *plan
	err      error
	index    int // of the row group, -1 for a file that has none
	firstRow int64
	rows     int64
	last     bool // of its file
	results  chan result
}

// result is one batch or error.
type result struct {
	format.Batch
	err error
}

func (r result) release() {
	if r.RecordBatch != nil {
		r.RecordBatch.Release()
	}
}

// groups yields the row groups of all files in order, at least one a file.
func (r *run) groups(files iter.Seq[format.File], req format.Request) iter.Seq[*group] {
	return func(yield func(*group) bool) {
		for opened := range ahead(files, parallelism(), r.open) {
			f, err := opened.wait()
			var p *plan
			if err == nil {
				err = guard(func() (err error) {
					f.setRebase(req.Options)
					p, err = newPlan(f.source, req)
					return err
				})
			}
			if err != nil {
				if !yield(&group{opening: f, err: asFileError(f.file, err), last: true}) {
					return
				}
				continue
			}
			if !f.eachGroup(p, f, yield) {
				return
			}
		}
	}
}

func (s *source) eachGroup(p *plan, f *opening, yield func(*group) bool) bool {
	first := int64(0)
	n := s.raw.NumRowGroups()
	for i := range n {
		rows := s.raw.MetaData().RowGroups[i].NumRows
		if !yield(&group{opening: f, plan: p, index: i, firstRow: first, rows: rows, last: i == n-1}) {
			return false
		}
		first += rows
	}
	return n > 0 || yield(&group{opening: f, plan: p, index: -1, last: true})
}

func asFileError(f *format.File, err error) error {
	if _, ok := errors.AsType[*format.FileError](err); ok {
		return err
	}
	return &format.FileError{Path: f.Path, Err: err}
}

// start starts to decode a group.
func (r *run) start(g *group) *group {
	g.results = make(chan result)
	r.wg.Go(func() {
		defer close(g.results)
		err := g.err
		if err == nil && g.index >= 0 && !g.opening.failed.Load() {
			err = guard(func() error { return r.decode(g) })
		}
		if err != nil {
			r.send(g, result{err: asFileError(g.opening.file, err)})
		}
	})
	return g
}

// send hands a result over; it reports false when nobody wants it any more.
func (r *run) send(g *group, res result) bool {
	select {
	case g.results <- res:
		return true
	case <-r.ctx.Done():
		res.release()
		return false
	}
}

// decode reads the batches of a group.
func (r *run) decode(g *group) error {
	s, p := g.opening.source, g.plan
	if g.rows < 0 {
		return fmt.Errorf("row group %d has %d rows", g.index, g.rows)
	}
	if len(p.leaves) == 0 {
		return r.decodeNothing(g)
	}
	if err := s.probe(g.index, p.leaves); err != nil {
		return err
	}
	reader := *s.reader
	reader.Props.BatchSize = s.batchRows(g, p.batchRows)
	records, err := reader.GetRecordReader(r.ctx, p.leaves, []int{g.index})
	if err != nil {
		return err
	}
	defer records.Release()
	done := int64(0)
	for {
		rec, err := records.Read()
		if errors.Is(err, io.EOF) || err == nil && rec == nil {
			break
		}
		if err != nil {
			return err
		}
		batch, err := g.finish(rec, done)
		if err != nil {
			return err
		}
		done += rec.NumRows()
		if !r.send(g, result{Batch: batch}) {
			return nil
		}
	}
	if done != g.rows {
		return fmt.Errorf("row group %d holds %d rows, its footer says %d", g.index, done, g.rows)
	}
	return nil
}

// probe opens the column chunks that will be read. Arrow's reader opens those
// of structs in goroutines of its own, where a panic could not be caught.
func (s *source) probe(index int, leaves []int) error {
	rows := s.raw.RowGroup(index)
	for _, leaf := range leaves {
		pages, err := rows.GetColumnPageReader(leaf)
		if err != nil {
			return err
		}
		if err := pages.Close(); err != nil {
			return err
		}
	}
	return nil
}

// decodeNothing yields a group of which no column is read.
func (r *run) decodeNothing(g *group) error {
	for done := int64(0); done < g.rows; {
		n := min(g.rows-done, maxBatchRows)
		if g.plan.batchRows > 0 {
			n = min(n, g.plan.batchRows)
		}
		rec := array.NewRecordBatch(arrow.NewSchema(nil, nil), nil, n)
		batch, err := g.finish(rec, done)
		rec.Release()
		if err != nil {
			return err
		}
		done += n
		if !r.send(g, result{Batch: batch}) {
			return nil
		}
	}
	return nil
}

// batchRows returns how many rows of the group make a batch.
func (s *source) batchRows(g *group, limit int64) int64 {
	n := int64(maxBatchRows)
	if size := s.raw.MetaData().RowGroups[g.index].TotalByteSize; size > 0 && g.rows > 0 {
		n = min(max(batchBytes/(size/g.rows+1), minBatchRows), n)
	}
	if limit > 0 {
		n = min(n, limit)
	}
	return n
}

// finish makes a batch of the request's columns of what was read, which
// starts done rows into the group.
func (g *group) finish(rec arrow.RecordBatch, done int64) (format.Batch, error) {
	converted, err := g.opening.convertBatch(rec, g.plan)
	if err != nil {
		return format.Batch{}, err
	}
	defer converted.Release()
	out, err := g.plan.caster.Conform(converted)
	if err != nil {
		return format.Batch{}, err
	}
	defer out.Release()
	first := g.firstRow + done
	batch := format.Batch{
		File: g.opening.file, FirstRow: first, Unknown: g.plan.unknown,
		Bytes: g.opening.bytesAt(first+rec.NumRows()) - g.opening.bytesAt(first),
	}
	batch.RecordBatch, batch.Mismatches = g.plan.withRescue(out, converted, g.opening.file.URI())
	return batch, nil
}

// bytesAt is how much of the file lies before a row, if all rows were equal.
func (s *source) bytesAt(row int64) int64 {
	total := s.raw.NumRows()
	if total <= 0 {
		return 0
	}
	return int64(float64(s.file.Size) * (float64(row) / float64(total)))
}

// convertBatch converts the leaves of what Arrow's reader made.
func (s *source) convertBatch(rec arrow.RecordBatch, p *plan) (arrow.RecordBatch, error) {
	if int(rec.NumCols()) != len(p.fields) {
		return nil, fmt.Errorf("%d columns were read, not %d", rec.NumCols(), len(p.fields))
	}
	cols := make([]arrow.Array, 0, len(p.fields))
	fields := make([]arrow.Field, len(p.fields))
	defer func() {
		for _, c := range cols {
			c.Release()
		}
	}()
	for i, field := range p.fields {
		if err := checkNesting(rec.Column(i).Data()); err != nil {
			return nil, err
		}
		data, err := s.convert(&s.reader.Manifest.Fields[field], rec.Column(i).Data())
		if err != nil {
			return nil, err
		}
		cols = append(cols, array.MakeFromData(data))
		data.Release()
		fields[i] = s.fields[field]
		fields[i].Type = cols[i].DataType()
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, rec.NumRows()), nil
}

// leavesOf returns the column indexes below a field.
func leavesOf(field *pqarrow.SchemaField) []int {
	if len(field.Children) == 0 {
		return []int{field.ColIndex}
	}
	var out []int
	for i := range field.Children {
		out = append(out, leavesOf(&field.Children[i])...)
	}
	return out
}

// withRescue appends the rescued data column, if one is asked for, and counts
// the rows with values that do not fit their columns.
func (p *plan) withRescue(out, source arrow.RecordBatch, path string) (rec arrow.RecordBatch, mismatches int64) {
	if p.rescue == "" {
		out.Retain()
		return out, 0
	}
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	mismatches = p.appendRescued(b, source, path)
	column := b.NewArray()
	defer column.Release()
	fields := append(out.Schema().Fields(), arrow.Field{Name: p.rescue, Type: arrow.BinaryTypes.String, Nullable: true})
	cols := append(append([]arrow.Array{}, out.Columns()...), column)
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), cols, out.NumRows()), mismatches
}
