package delta

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta/internal/selection"
)

const (
	// sortMemory bounds the rows a sorter holds, in bytes of Arrow data, when
	// no limit is given.
	sortMemory = 64 << 20
	maxBuckets = 1 << 12
)

// sortBuckets returns into how many parts rows of so many bytes are divided
// so that one can be sorted in memory.
func sortBuckets(bytes, memoryLimit int64) int {
	return int(min(max(1, 4*bytes/sortLimit(memoryLimit)), maxBuckets))
}

// sortLimit returns how many bytes of rows a sorter may hold: half of a limit
// that it shares with the writer of its rows.
func sortLimit(memoryLimit int64) int64 {
	if memoryLimit <= 0 {
		return sortMemory
	}
	return max(memoryLimit/2, 1<<20)
}

// sorter orders any number of rows along a curve in bounded memory: rows are
// put in buckets, each a part of the curve; when they are too many, they go
// to segments of one temporary file. In the end the buckets are sorted one
// after the other. One that is larger than memory, because the sample misled
// or many rows are equal, is sorted in pieces.
type sorter struct {
	curve   *curve
	limit   int64
	dir     string
	file    *os.File // nil until memory was short
	end     int64
	buckets []bucket
	held    int64
}

// bucket is the rows of a part of the curve.
type bucket struct {
	rows     []arrow.RecordBatch
	segments []segmentRange
}

// segmentRange is where in the file some rows are.
type segmentRange struct{ from, size int64 }

func newSorter(c *curve, dir string, memoryLimit int64) *sorter {
	return &sorter{curve: c, limit: sortLimit(memoryLimit), dir: dir, buckets: make([]bucket, len(c.cuts)+1)}
}

// add takes in rows, which the caller keeps.
func (s *sorter) add(r arrow.RecordBatch) error {
	rows := make([][]int32, len(s.buckets))
	for i, n := range s.curve.numbers(r) {
		b := s.curve.bucket(n)
		rows[b] = append(rows[b], int32(i))
	}
	for b := range rows {
		if rows[b] == nil {
			continue
		}
		taken, err := selection.TakeRecord(r, rows[b])
		if err != nil {
			return fmt.Errorf("sort rows: %w", err)
		}
		s.buckets[b].rows = append(s.buckets[b].rows, taken)
		s.held += recordBytes(taken)
	}
	if s.held <= s.limit/2 {
		return nil
	}
	return s.spill()
}

// spill writes all rows held to the temporary file.
func (s *sorter) spill() (err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp(s.dir, "freshet-sort-*"); err != nil {
			return fmt.Errorf("sort rows: %w", err)
		}
	}
	for i := range s.buckets {
		b := &s.buckets[i]
		if len(b.rows) == 0 {
			continue
		}
		out := &countedWriter{w: bufio.NewWriterSize(s.file, 1<<18)}
		if err := writeIPC(out, b.rows); err != nil {
			return fmt.Errorf("sort rows: %w", err)
		}
		b.segments = append(b.segments, segmentRange{from: s.end, size: out.n})
		s.end += out.n
		b.release()
	}
	s.held = 0
	return nil
}

func (b *bucket) release() {
	for _, r := range b.rows {
		r.Release()
	}
	b.rows = nil
}

// countedWriter counts what goes through it.
type countedWriter struct {
	w *bufio.Writer
	n int64
}

func (c *countedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func writeIPC(out *countedWriter, rows []arrow.RecordBatch) error {
	w := ipc.NewWriter(out, ipc.WithSchema(rows[0].Schema()))
	var errs []error
	for _, r := range rows {
		errs = append(errs, w.Write(r))
	}
	return errors.Join(append(errs, w.Close(), out.w.Flush())...)
}

// drain hands all rows to the writer, along the curve.
func (s *sorter) drain(ctx context.Context, w *Writer) error {
	for i := range s.buckets {
		b := &s.buckets[i]
		var piece []arrow.RecordBatch
		size := int64(0)
		flush := func() error {
			err := s.emit(ctx, piece, w)
			for _, r := range piece {
				r.Release()
			}
			piece, size = nil, 0
			return err
		}
		take := func(r arrow.RecordBatch) error {
			piece = append(piece, r)
			if size += recordBytes(r); size > s.limit/2 {
				return flush()
			}
			return nil
		}
		if err := errors.Join(s.each(b, take), flush()); err != nil {
			return err
		}
	}
	return nil
}

// each hands out the rows of a bucket, which take owns then.
func (s *sorter) each(b *bucket, take func(arrow.RecordBatch) error) error {
	for _, seg := range b.segments {
		r, err := ipc.NewReader(bufio.NewReaderSize(io.NewSectionReader(s.file, seg.from, seg.size), 1<<18),
			ipc.WithAllocator(memory.DefaultAllocator))
		if err != nil {
			return fmt.Errorf("read sorted rows: %w", err)
		}
		for r.Next() {
			rows := r.RecordBatch()
			rows.Retain()
			if err = take(rows); err != nil {
				break
			}
		}
		err = errors.Join(err, r.Err())
		r.Release()
		if err != nil {
			return fmt.Errorf("read sorted rows: %w", err)
		}
	}
	rows := b.rows
	b.rows = nil
	for i, r := range rows {
		if err := take(r); err != nil {
			b.rows = rows[i+1:] // which close releases
			return err
		}
	}
	return nil
}

// emit writes rows in the order of the curve; equal ones stay as they are.
func (s *sorter) emit(ctx context.Context, piece []arrow.RecordBatch, w *Writer) error {
	if len(piece) == 0 {
		return nil
	}
	all, err := concatenate(piece)
	if err != nil {
		return fmt.Errorf("sort rows: %w", err)
	}
	defer all.Release()
	numbers := s.curve.numbers(all)
	order := make([]int32, len(numbers))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(numbers[a], numbers[b]) })
	for len(order) > 0 {
		n := min(len(order), rewriteRows)
		rows, err := selection.TakeRecord(all, order[:n])
		if err != nil {
			return fmt.Errorf("sort rows: %w", err)
		}
		err = w.keep(ctx, rows)
		rows.Release()
		if err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

func concatenate(records []arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, records[0].NumCols())
	defer func() {
		for _, c := range columns {
			if c != nil {
				c.Release()
			}
		}
	}()
	rows := int64(0)
	for _, r := range records {
		rows += r.NumRows()
	}
	for i := range columns {
		parts := make([]arrow.Array, len(records))
		for j, r := range records {
			parts[j] = r.Column(i)
		}
		var err error
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	return array.NewRecordBatch(records[0].Schema(), columns, rows), nil
}

// close releases everything and returns err, or what went wrong doing so.
func (s *sorter) close(err error) error {
	for i := range s.buckets {
		s.buckets[i].release()
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close(), os.Remove(s.file.Name())) //nolint:forbidigo // rows being sorted are no durable state
		s.file = nil
	}
	return err
}
