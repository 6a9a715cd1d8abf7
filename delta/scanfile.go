package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/delta/internal/dv"
	"github.com/freshet/freshet/delta/internal/selection"
)

// storageReader remembers the first error of the storage under a file, so
// that it is told apart from damage of the file.
type storageReader struct {
	Object
	mu    sync.Mutex
	first error
}

func (r *storageReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.Object.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.first == nil {
			r.first = err
		}
	}
	return n, err
}

func (r *storageReader) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.first
}

// readFile sends the file's rows, and then the error if there is one.
func (p *scanPlan) readFile(ctx context.Context, f AddFile, send func(scanned) bool) {
	storage, key, err := p.table.locate(ctx, f.Path)
	if err != nil {
		send(scanned{err: err})
		return
	}
	rows, err := p.rowsOf(ctx, f)
	if err != nil {
		send(scanned{err: err})
		return
	}
	if rows.only != nil && rows.only.Cardinality() == 0 {
		return
	}
	object, err := storage.Open(ctx, key)
	if err != nil {
		send(scanned{err: fmt.Errorf("open data file %s: %w", f.Path, err)})
		return
	}
	r := &storageReader{Object: object}
	defer func() { _ = r.Close() }() // nothing was written
	constants, err := p.constants(f)
	if err != nil {
		send(scanned{err: err})
		return
	}
	projection := datafile.Projection{Columns: p.stored, ByID: p.mapping.byID, BatchRows: p.opts.BatchRows}
	if rows.only != nil {
		projection.Rows = rows.only.Cursor()
	}
	for b, err := range datafile.Read(ctx, r, object.Size(), projection) {
		var out arrow.RecordBatch
		if err == nil {
			out, err = p.tableBatch(b, constants, rows)
			b.Release()
		}
		switch {
		case err == nil && out.NumRows() == 0:
			out.Release()
			continue
		case err == nil:
			if !send(scanned{batch: out}) {
				return
			}
			continue
		case ctx.Err() != nil:
			err = ctx.Err()
		case r.err() != nil:
			err = fmt.Errorf("read data file %s: %w", f.Path, r.err())
		default:
			err = &CorruptFileError{Path: f.Path, Err: err}
		}
		send(scanned{err: err})
		return
	}
}

// fileRows says which rows of a file are read: only these, unless it is nil,
// and none of those left out.
type fileRows struct{ only, out *dv.Vector }

func (p *scanPlan) rowsOf(ctx context.Context, f AddFile) (rows fileRows, err error) {
	if rows.out, err = p.table.deletedRows(ctx, f); err != nil {
		return rows, err
	}
	if p.without != nil {
		if more := p.without(f); more.Cardinality() > 0 {
			rows.out = rows.out.Union(more)
		}
	}
	if p.opts.Rows != nil {
		if chosen := p.opts.Rows(f); chosen != nil {
			rows.only = chosen.vector().Without(rows.out)
		}
	}
	return rows, nil
}

// appendOffsets appends the offsets below n of the rows from first on that
// are read.
func (r fileRows) appendOffsets(dst []int32, first int64, n int) []int32 {
	if r.only != nil {
		return r.only.AppendHeld(dst, first, n)
	}
	return r.out.AppendKept(dst, first, n)
}

// constants returns, for each column of the result, the value that all rows
// of the file share.
func (p *scanPlan) constants(f AddFile) ([]scalar, error) {
	out := make([]scalar, len(p.columns))
	for i, c := range p.columns {
		switch c.kind {
		case partitionColumn:
			var err error
			if out[i], err = parsePartition(c.field.Name, c.field.Type, f.PartitionValues[c.key]); err != nil {
				return nil, &CorruptFileError{Path: f.Path, Err: err}
			}
		case pathColumn:
			out[i].s = f.Path
		case positionColumn: // what positions count from
			if p.opts.FirstRow != nil {
				out[i].i = p.opts.FirstRow(f)
			}
		case rowIDColumn, rowVersionColumn:
			out[i] = rowNumber(f, c.kind)
		case storedColumn: // differs from row to row
		}
	}
	return out, nil
}

// tableBatch turns a batch of a file into one of the table.
func (p *scanPlan) tableBatch(b datafile.Batch, constants []scalar, read fileRows) (arrow.RecordBatch, error) {
	rows := int(b.NumRows())
	columns := make([]arrow.Array, 0, len(p.columns))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, c := range p.columns {
		var arr arrow.Array
		var err error
		switch c.kind {
		case storedColumn:
			arr = retype(b.Column(c.index), p.schema.Field(i).Type)
		case positionColumn:
			arr = positions(constants[i].i+b.FirstRow, rows)
		case rowIDColumn, rowVersionColumn:
			arr = rowNumbers(c, b, constants[i])
		case partitionColumn, pathColumn:
			arr, err = constant(c.field.Type, constants[i], rows)
		}
		if err != nil {
			return nil, err
		}
		columns = append(columns, arr)
	}
	out := array.NewRecordBatch(p.schema, columns, int64(rows))
	if read == (fileRows{}) {
		return out, nil
	}
	defer out.Release()
	kept := read.appendOffsets(nil, b.FirstRow, rows)
	if len(kept) == rows {
		out.Retain()
		return out, nil
	}
	return selection.TakeRecord(out, kept)
}

func positions(first int64, rows int) arrow.Array {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(rows)
	for i := range int64(rows) {
		b.UnsafeAppend(first + i)
	}
	return b.NewArray()
}

// deletedRows loads the file's deletion vector, nil when it has none.
func (t *Table) deletedRows(ctx context.Context, f AddFile) (*dv.Vector, error) {
	d := f.DeletionVector
	if d == nil {
		return nil, nil
	}
	v, err := t.readVector(ctx, d)
	if err != nil {
		return nil, &CorruptFileError{Path: f.Path, Err: err}
	}
	if v.Cardinality() != d.Cardinality {
		return nil, &CorruptFileError{
			Path: f.Path,
			Err:  fmt.Errorf("deletion vector holds %d rows, the log says %d", v.Cardinality(), d.Cardinality),
		}
	}
	return v, nil
}

// The storage types of deletion vectors.
const (
	inlineVector   = "i"
	relativeVector = "u"
	absoluteVector = "p"
)

func (t *Table) readVector(ctx context.Context, d *DeletionVector) (*dv.Vector, error) {
	storage := t.storage
	var key string
	var err error
	switch d.StorageType {
	case inlineVector:
		data, err := dv.DecodeInline(d.PathOrInlineDV, int64(d.SizeInBytes))
		if err != nil {
			return nil, err
		}
		return dv.Decode(data)
	case relativeVector:
		key, err = dv.FileKey(d.PathOrInlineDV)
	case absoluteVector:
		storage, key, err = t.locate(ctx, d.PathOrInlineDV)
	default:
		err = fmt.Errorf("deletion vector of unknown storage type %q", d.StorageType)
	}
	if err != nil {
		return nil, err
	}
	object, err := storage.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open deletion vector: %w", err)
	}
	defer func() { _ = object.Close() }() // nothing was written
	offset := int64(0)
	if d.Offset != nil {
		offset = int64(*d.Offset)
	}
	return dv.ReadAt(object, object.Size(), offset, int64(d.SizeInBytes))
}

// DeletedRows returns the positions of the rows of f that are deleted, in
// ascending order, and nil for a file without deletion vector. The error is a
// [*CorruptFileError] when the vector is damaged.
func (s *Snapshot) DeletedRows(ctx context.Context, f AddFile) ([]int64, error) {
	v, err := s.table.deletedRows(ctx, f)
	if err != nil || v == nil {
		return nil, err
	}
	rows := make([]int64, 0, v.Cardinality())
	for r := range v.Rows() {
		rows = append(rows, r)
	}
	return rows, nil
}
