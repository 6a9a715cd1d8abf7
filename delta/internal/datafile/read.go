package datafile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"

	"github.com/freshet/freshet/schema"
)

// Projection says what to read of a data file.
type Projection struct {
	// Columns is what to produce, by the names the file has them under.
	Columns *schema.Struct
	// ByID finds columns by their field id instead of their name.
	ByID bool
	// BatchRows bounds the rows of a batch; it must be positive.
	BatchRows int
	// Rows, when set, says which rows are wanted. Batches hold all of those
	// and may hold others; what has none is skipped.
	Rows RowCursor
}

// RowCursor walks wanted positions forwards.
type RowCursor interface {
	// Next returns the first wanted position that is not below from, or -1
	// when there is none.
	Next(from int64) int64
}

// Batch is some consecutive rows of a file.
type Batch struct {
	arrow.RecordBatch
	FirstRow int64 // position in the file of the batch's first row
}

const (
	// batchBytes is about how many stored bytes a batch may come from, however
	// many rows are asked for.
	batchBytes = 32 << 20
	// streamBuffer is how much of a column chunk is read at a time.
	streamBuffer = 1 << 18
	// Pages may be as large as one long string makes them, but what a file
	// claims is believed only up to a size or a ratio of compression.
	maxPage   = 1 << 30
	smallPage = 16 << 20
	maxRatio  = 256
)

// CountRows returns the number of rows of a Parquet file of size bytes, as its
// footer has it.
func CountRows(r io.ReaderAt, size int64) (rows int64, err error) {
	defer guard(&err)
	f, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return 0, fmt.Errorf("open Parquet: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	return f.NumRows(), nil
}

// Read yields the rows of a Parquet file of size bytes, in order. Columns the
// file lacks are null. The consumer owns each batch and must release it. Any
// damage of the file is an error, never a panic; a [*MismatchError] says that
// a column has the wrong type.
func Read(ctx context.Context, r io.ReaderAt, size int64, p Projection) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		rd, err := open(r, size, p)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		defer rd.close()
		for {
			if err := ctx.Err(); err != nil {
				yield(Batch{}, err)
				return
			}
			b, err := rd.next()
			if err != nil {
				yield(Batch{}, err)
				return
			}
			if b.RecordBatch == nil || !yield(b, nil) {
				return
			}
		}
	}
}

// reader walks a file's row groups, a window of rows at a time.
type reader struct {
	file    *file.Reader
	columns map[int]*column
	root    []*node
	schema  *arrow.Schema
	maxRows int
	rows    RowCursor // nil when all rows are wanted

	group     int   // the row group after the current one
	remaining int64 // rows left in the current row group
	window    int   // rows to read at a time from it
	row       int64 // position of the next row
}

// guard turns a panic of the Parquet library, which trusts some of what a
// file says, into an error.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("malformed Parquet: %v", r)
	}
}

func open(r io.ReaderAt, size int64, p Projection) (rd *reader, err error) {
	defer guard(&err)
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	props.BufferSize = streamBuffer
	// A page header must not make us allocate out of proportion to the file.
	props.MaxCompressedPageSize = size
	props.MaxUncompressedPageSize = min(maxPage, max(smallPage, size*maxRatio))
	f, err := file.NewParquetReader(io.NewSectionReader(r, 0, size), file.WithReadProps(props))
	if err != nil {
		return nil, fmt.Errorf("open Parquet: %w", err)
	}
	rd = &reader{file: f, columns: make(map[int]*column), schema: schema.ToArrow(p.Columns), maxRows: max(p.BatchRows, 1), rows: p.Rows}
	m := matcher{file: f.MetaData().Schema, byID: p.ByID}
	for _, c := range p.Columns.Fields {
		n, err := m.match(c.Type, m.field(m.file.Root(), c), place{path: c.Name})
		if err != nil {
			return nil, err
		}
		rd.root = append(rd.root, n)
		if err := rd.need(n); err != nil {
			return nil, err
		}
	}
	return rd, nil
}

// need makes a column of everything n is built from.
func (rd *reader) need(n *node) error {
	if n.missing {
		return nil
	}
	if rd.columns[n.column] == nil {
		if n.column < 0 || n.column >= rd.file.MetaData().Schema.NumColumns() {
			return errors.New("malformed Parquet: a group without columns")
		}
		c, err := newColumn(rd.file.MetaData().Schema.Column(n.column))
		if err != nil {
			return err
		}
		rd.columns[n.column] = c
	}
	for _, child := range n.children {
		if err := rd.need(child); err != nil {
			return err
		}
	}
	return nil
}

// next returns the next batch, or one without a record at the end.
func (rd *reader) next() (b Batch, err error) {
	defer guard(&err)
	rows, err := rd.seek()
	if err != nil || rows == 0 {
		return Batch{}, err
	}
	for _, c := range rd.columns {
		if err := c.next(rows); err != nil {
			return Batch{}, err
		}
	}
	arrays := make([]arrow.Array, 0, len(rd.root))
	defer func() {
		for _, arr := range arrays {
			arr.Release()
		}
	}()
	a := assembler{columns: rd.columns}
	for _, n := range rd.root {
		data, err := a.build(n, rows)
		if err != nil {
			return Batch{}, err
		}
		arrays = append(arrays, array.MakeFromData(data))
		data.Release()
	}
	b = Batch{RecordBatch: array.NewRecordBatch(rd.schema, arrays, int64(rows)), FirstRow: rd.row}
	rd.row += int64(rows)
	rd.remaining -= int64(rows)
	return b, nil
}

// seek moves to the next wanted row and returns how many rows to read from
// there on; none are left when that is 0.
func (rd *reader) seek() (int, error) {
	for {
		wanted := rd.row
		if rd.rows != nil {
			if wanted = rd.rows.Next(rd.row); wanted < 0 {
				return 0, nil
			}
		}
		if rd.remaining > 0 && wanted-rd.row < rd.remaining {
			if err := rd.skip(int(wanted - rd.row)); err != nil {
				return 0, err
			}
			return rd.run(), nil
		}
		rd.row += rd.remaining
		rd.remaining = 0
		if rd.group == rd.file.NumRowGroups() {
			return 0, nil
		}
		if rows := rd.file.MetaData().RowGroups[rd.group].NumRows; rd.rows != nil && rows > 0 && wanted-rd.row >= rows {
			rd.row += rows
			rd.group++
			continue
		}
		if err := rd.openGroup(); err != nil {
			return 0, err
		}
	}
}

// gapRows is how many unwanted rows between two wanted ones are decoded with
// them, rather than begin another batch.
const gapRows = 1024

// run returns how many rows to read from the current one on.
func (rd *reader) run() int {
	limit := min(rd.remaining, int64(rd.window))
	if rd.rows == nil {
		return int(limit)
	}
	last := rd.row
	for {
		next := rd.rows.Next(last + 1)
		if next < 0 || next-last > gapRows || next-rd.row >= limit {
			return int(last - rd.row + 1)
		}
		last = next
	}
}

// skip passes over the next rows of the row group.
func (rd *reader) skip(rows int) error {
	rd.row += int64(rows)
	rd.remaining -= int64(rows)
	for ; rows > 0; rows -= min(rows, rd.window) {
		for _, c := range rd.columns {
			if err := c.next(min(rows, rd.window)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (rd *reader) openGroup() error {
	group := rd.file.RowGroup(rd.group)
	rd.group++
	for index, c := range rd.columns {
		if err := c.open(group, index); err != nil {
			return err
		}
	}
	rd.remaining = group.NumRows()
	if rd.remaining < 0 {
		return fmt.Errorf("malformed Parquet: row group of %d rows", rd.remaining)
	}
	rd.window = rd.maxRows
	if size := group.ByteSize(); size > batchBytes {
		rd.window = int(max(1, min(int64(rd.maxRows), batchBytes*rd.remaining/size)))
	}
	return nil
}

func (rd *reader) close() {
	for _, c := range rd.columns {
		// What has been read has been checked; nothing is lost by an error here.
		_ = c.close()
	}
	_ = rd.file.Close()
}
