package ingest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/schema"
)

// FileReader reads a set of files with a schema.
type FileReader struct {
	set          *FileSet
	columns      *schema.Struct // as yielded, without _metadata
	data         *schema.Struct // those the files hold
	partitioning *files.Partitioning
	rescue       string
	zone         *time.Location
	sampled      bool // the schema comes from a sample
}

// Schema returns the columns that [FileReader.Read] yields: those of the data,
// partition columns and the rescued data column.
func (r *FileReader) Schema() *schema.Struct { return r.columns }

// Sampled reports whether the schema comes from a sample of the data; see
// [Inferring].
func (r *FileReader) Sampled() bool { return r.sampled }

// Partitions returns the names of the columns that the files' paths give.
func (r *FileReader) Partitions() []string { return r.partitioning.Columns().Names() }

// Reading says how to read.
type Reading struct {
	// Metadata adds the column _metadata at the end.
	Metadata bool
	// Skipped is told each file that is left out because it is corrupt or
	// missing and an option says to ignore that; delivered is whether rows of
	// it were yielded before. An error ends the reading.
	Skipped  func(e *format.FileError, delivered bool) error
	Progress *Progress
	// Drift is told of batches whose data does not fit the schema: the fields
	// that the schema lacks, nil for none, and how many records had values
	// that do not fit. An error ends the reading.
	Drift func(unknown *schema.Struct, mismatches int64) error
	// Bad receives malformed records instead of the mode's treatment; nil: none.
	Bad *BadRecords

	reached *string // set to the file of each batch, when not nil
}

// Read yields the rows of the files. Strings may be dictionary-encoded. A
// batch is valid for one turn of the loop.
func (r *FileReader) Read(ctx context.Context, how Reading) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		stopped := false
		err := r.each(ctx, how, func(rec arrow.RecordBatch) bool {
			stopped = !yield(rec, nil)
			return !stopped
		})
		if how.Bad != nil {
			err = errors.Join(err, how.Bad.Close())
		}
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// each calls f with each batch until it returns false.
func (r *FileReader) each(ctx context.Context, how Reading, f func(arrow.RecordBatch) bool) error {
	a := r.assembly(how.Metadata)
	delivered := "" // the last file of which f saw rows
	for b, err := range r.set.format.Read(ctx, r.set.values(how.Progress), r.request(ctx, how)) {
		if err != nil {
			if err := r.tolerate(err, how, delivered); err != nil {
				return err
			}
			continue
		}
		if r.sampled && (b.Mismatches > 0 || b.Unknown != nil) {
			b.Release()
			return ErrSpeculation
		}
		if how.Drift != nil && (b.Mismatches > 0 || b.Unknown != nil) {
			if err := how.Drift(b.Unknown, b.Mismatches); err != nil {
				b.Release()
				return err
			}
		}
		how.count(b)
		rec, err := a.assemble(b)
		if err != nil {
			b.Release()
			return err
		}
		delivered = b.File.Path
		if how.reached != nil {
			*how.reached = delivered
		}
		more := f(rec)
		rec.Release()
		b.Release()
		if !more {
			return nil
		}
	}
	return nil
}

// count tells progress of a batch.
func (how Reading) count(b format.Batch) {
	if how.Progress == nil {
		return
	}
	how.Progress.Bytes.Add(b.Bytes)
	if b.FirstRow == 0 {
		how.Progress.Files.Add(1)
	}
}

func (r *FileReader) request(ctx context.Context, how Reading) format.Request {
	req := format.Request{
		Schema: r.data, Options: r.set.Options, Rescue: r.rescue, TimeZone: r.zone,
		CaseSensitive: r.rescue != "" && r.set.Options.Bool("readerCaseSensitive"),
	}
	if how.Bad != nil {
		req.BadRecord = func(bad format.BadRecord) { how.Bad.Add(ctx, bad) }
	}
	return req
}

// tolerate returns nil for a file that may be left out.
func (r *FileReader) tolerate(err error, how Reading, delivered string) error {
	var one *format.FileError
	if !errors.As(err, &one) || !r.set.ignores(one) {
		return err
	}
	if how.Skipped == nil {
		return nil
	}
	return how.Skipped(one, delivered == one.Path)
}

// assembly puts the columns of a batch together with those the path gives.
type assembly struct {
	reader *FileReader
	// from says for each column where it comes from: an index of the batch's
	// columns, or ^index of the partition columns.
	from     []int
	metadata bool
}

func (r *FileReader) assembly(metadata bool) assembly {
	a := assembly{reader: r, metadata: metadata}
	for _, f := range r.columns.Fields {
		switch {
		case f.Name == r.rescue && r.rescue != "":
			a.from = append(a.from, len(r.data.Fields))
		case r.partitioning.Columns().Index(f.Name) >= 0:
			a.from = append(a.from, ^r.partitioning.Columns().Index(f.Name))
		default:
			a.from = append(a.from, indexExact(r.data, f.Name))
		}
	}
	return a
}

func indexExact(s *schema.Struct, name string) int {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

// assemble returns a new batch, to be released, of the reader's columns.
func (a assembly) assemble(b format.Batch) (arrow.RecordBatch, error) {
	rows := int(b.NumRows())
	byPath, err := a.reader.partitioning.Arrays(b.File, rows, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	columns := make([]arrow.Array, 0, len(a.from)+1)
	defer func() {
		for _, c := range byPath {
			c.Release()
		}
	}()
	fields := make([]arrow.Field, 0, len(a.from)+1)
	for i, from := range a.from {
		var c arrow.Array
		if from >= 0 {
			c = b.Column(from)
		} else {
			c = byPath[^from]
		}
		columns = append(columns, c)
		fields = append(fields, arrow.Field{Name: a.reader.columns.Fields[i].Name, Type: c.DataType(), Nullable: true})
	}
	if a.metadata {
		meta, err := files.Metadata(b.File, rows, memory.DefaultAllocator)
		if err != nil {
			return nil, err
		}
		byPath = append(byPath, meta)
		columns = append(columns, meta)
		fields = append(fields, arrow.Field{Name: files.MetadataColumn, Type: meta.DataType()})
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(rows)), nil
}

// Relation returns the rows as a relation, with _metadata when asked for and
// no column of the data has that name.
func (r *FileReader) Relation(how Reading) *Relation {
	columns := r.columns
	if how.Metadata && columns.Index(files.MetadataColumn) >= 0 {
		how.Metadata = false
	}
	if how.Metadata {
		columns = schema.New(append(slices.Clip(columns.Fields),
			schema.Field{Name: files.MetadataColumn, Type: files.MetadataType()})...)
	}
	var file string
	how.reached = &file
	return &Relation{
		Schema: columns,
		Origin: func() string { return file },
		Read:   func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return r.Read(ctx, how) },
	}
}
