package delta

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta/internal/dv"
	"github.com/freshet/freshet/schema"
)

// ScanOptions say what to read of a snapshot. The zero value reads all of it.
type ScanOptions struct {
	// Columns are the logical names to read, in this order; nil is all.
	Columns []string
	// Filter leaves out files that cannot hold a row for which it is true, by
	// partition values and statistics. Rows are not filtered: a file that may
	// match is read whole.
	Filter Predicate
	// Files, when set, leaves out the files for which it is false.
	Files func(AddFile) bool
	// Rows, when set, chooses rows of each file by their position; of nil it
	// reads all. Deleted rows stay deleted. Files and row groups that hold no
	// chosen row are not read, nor is what comes after the last one of a row
	// group; what lies before and between is decoded and thrown away.
	Rows func(AddFile) *RowSet
	// Parallelism bounds how many files are read at a time; 0 is one for each
	// processor. Order does not depend on it.
	Parallelism int
	// BatchRows bounds the rows of a batch; 0 is 32768. Batches of wide rows
	// have fewer.
	BatchRows int
	// FilePath and RowIndex, when not empty, name columns to append: the path
	// of the row's data file as its add action has it (STRING), and the row's
	// position in the file, deleted rows counted (BIGINT).
	FilePath string
	RowIndex string
	// RowID and RowCommitVersion, when not empty, name columns to append for
	// tables that track rows: the row's id, and the version that wrote it last
	// (both BIGINT). They are null where the table does not tell.
	RowID            string
	RowCommitVersion string
	// FirstRow, when set, is what RowIndex counts from in a file, so that one
	// number can tell a row of many files.
	FirstRow func(AddFile) int64
}

const defaultBatchRows = 1 << 15

// CorruptFileError says that a data file, or the deletion vector of one,
// cannot be read as what the table says it is.
type CorruptFileError struct {
	Path string // as the log spells it
	Err  error
}

func (e *CorruptFileError) Error() string { return fmt.Sprintf("read data file %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *CorruptFileError) Unwrap() error { return e.Err }

// ErrorClass returns Databricks' class of the error.
func (*CorruptFileError) ErrorClass() string { return "FAILED_READ_FILE.NO_HINT" }

// SQLState returns the error's SQLSTATE.
func (*CorruptFileError) SQLState() string { return "KD001" }

// Scan yields the rows of the snapshot as Arrow batches in the types of
// [schema.ToArrow], deleted rows left out. Files come in the order of
// [Snapshot.Files], several are read ahead in parallel, and memory is bounded
// by their number, not by their size. The consumer owns each batch and must
// release it. The first error ends the sequence; it is a [*CorruptFileError]
// when a file is damaged. Everything that was started has ended when the
// sequence returns.
func (s *Snapshot) Scan(ctx context.Context, opts ScanOptions) iter.Seq2[arrow.RecordBatch, error] {
	return s.scanFiles(ctx, opts, s.Files)
}

// scanFiles is [Snapshot.Scan] of the files that list yields.
func (s *Snapshot) scanFiles(
	ctx context.Context, opts ScanOptions, list func(context.Context) iter.Seq2[AddFile, error],
) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		p, err := s.plan(opts)
		if err != nil {
			yield(nil, err)
			return
		}
		p.scan(ctx, list(ctx))(yield)
	}
}

// scan yields the rows of the given files.
func (p *scanPlan) scan(ctx context.Context, from iter.Seq2[AddFile, error]) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		caller := ctx
		ctx, cancel := context.WithCancel(ctx)
		var owned sync.WaitGroup
		defer owned.Wait()
		defer cancel()
		files := make(chan chan scanned, p.parallelism-1)
		owned.Go(func() { p.start(ctx, from, files, &owned) })
		for batches := range files {
			for b := range batches {
				if b.err != nil || !yield(b.batch, nil) {
					cancel()
					drain(batches, files)
					if b.err != nil {
						yield(nil, b.err)
					}
					return
				}
			}
		}
		// Readers that are cancelled end without a word.
		if err := caller.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// scanned is what a file's reader hands over: a batch or the error it ended
// with.
type scanned struct {
	batch arrow.RecordBatch
	err   error
}

// drain releases what was read ahead of a consumer that has stopped.
func drain(current chan scanned, files chan chan scanned) {
	release := func(batches chan scanned) {
		for b := range batches {
			if b.batch != nil {
				b.batch.Release()
			}
		}
	}
	release(current)
	for batches := range files {
		release(batches)
	}
}

// scanPlan is a scan made ready.
type scanPlan struct {
	table       *Table
	opts        ScanOptions
	mapping     mapping
	columns     []scanColumn
	stored      *schema.Struct // what to read of files, by physical names
	schema      *arrow.Schema  // of the batches
	filter      *fileFilter
	parallelism int
	// without names rows to leave out besides the deleted ones; may be nil.
	without func(AddFile) *dv.Vector
}

// scanColumn says where one column of the result comes from.
type scanColumn struct {
	kind  columnKind
	field schema.Field
	index int    // of a stored column: its place among those read, or -1
	key   string // of a partition column: its name in partition values
}

type columnKind uint8

const (
	storedColumn columnKind = iota
	partitionColumn
	pathColumn
	positionColumn
	rowIDColumn
	rowVersionColumn
)

// plan works out where each column comes from.
func (s *Snapshot) plan(opts ScanOptions) (*scanPlan, error) {
	return newScanPlan(s.table, &s.metadata, opts)
}

// newScanPlan plans to read files as those of a table with metadata m.
func newScanPlan(t *Table, m *Metadata, opts ScanOptions) (*scanPlan, error) {
	p := &scanPlan{table: t, opts: opts, mapping: mappingOf(m), stored: &schema.Struct{}}
	selected := m.Schema
	if opts.Columns != nil {
		var err error
		if selected, err = selected.Select(opts.Columns...); err != nil {
			return nil, err
		}
	}
	for _, f := range selected.Fields {
		c := scanColumn{field: f, key: p.mapping.physicalName(f)}
		if slices.Contains(m.PartitionColumns, f.Name) {
			c.kind = partitionColumn
		} else {
			c.index = len(p.stored.Fields)
			p.stored.Fields = append(p.stored.Fields, f)
		}
		p.columns = append(p.columns, c)
	}
	p.stored = p.mapping.physicalStruct(p.stored)
	if opts.FilePath != "" {
		p.columns = append(p.columns, scanColumn{kind: pathColumn, field: schema.Field{Name: opts.FilePath, Type: schema.String}})
	}
	if opts.RowIndex != "" {
		p.columns = append(p.columns, scanColumn{kind: positionColumn, field: schema.Field{Name: opts.RowIndex, Type: schema.Long}})
	}
	p.addRowIDs(m)
	out := &schema.Struct{}
	for _, c := range p.columns {
		out.Fields = append(out.Fields, c.field)
	}
	p.schema = schema.ToArrow(out)
	if opts.Filter != nil {
		var err error
		if p.filter, err = newFileFilter(m, opts.Filter); err != nil {
			return nil, err
		}
	}
	if p.parallelism = opts.Parallelism; p.parallelism <= 0 {
		p.parallelism = runtime.GOMAXPROCS(0)
	}
	if p.opts.BatchRows <= 0 {
		p.opts.BatchRows = defaultBatchRows
	}
	return p, nil
}

// start reads the files in goroutines of their own, each into a channel that
// it sends to files first. The capacity of files bounds how many run ahead.
func (p *scanPlan) start(ctx context.Context, from iter.Seq2[AddFile, error], files chan<- chan scanned, owned *sync.WaitGroup) {
	defer close(files)
	for f, err := range from {
		if err == nil && !p.wanted(f) {
			continue
		}
		batches := make(chan scanned, 1)
		select {
		case files <- batches:
		case <-ctx.Done():
			return
		}
		if err != nil {
			batches <- scanned{err: err}
			close(batches)
			return
		}
		owned.Go(func() {
			defer close(batches)
			p.readFile(ctx, f, func(b scanned) bool {
				select {
				case batches <- b:
					return true
				case <-ctx.Done():
					if b.batch != nil {
						b.batch.Release()
					}
					return false
				}
			})
		})
	}
}

func (p *scanPlan) wanted(f AddFile) bool {
	if p.opts.Files != nil && !p.opts.Files(f) {
		return false
	}
	return p.filter == nil || p.filter.mayMatch(f)
}
