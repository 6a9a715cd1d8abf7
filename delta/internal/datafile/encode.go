package datafile

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"golang.org/x/sync/errgroup"
)

// CreatedBy names the writer in a file's footer.
const CreatedBy = "freshet"

// Codec is a compression codec: how it is called in table properties and in
// file names, and what it is to Parquet.
type Codec struct {
	Name      string // in file names, or "" for none
	algorithm compress.Compression
}

// codecs maps the values of delta.parquet.compression.codec.
var codecs = map[string]Codec{
	"snappy":       {"snappy", compress.Codecs.Snappy},
	"zstd":         {"zstd", compress.Codecs.Zstd},
	"gzip":         {"gz", compress.Codecs.Gzip},
	"lz4":          {"lz4raw", compress.Codecs.Lz4Raw},
	"lz4_raw":      {"lz4raw", compress.Codecs.Lz4Raw},
	"uncompressed": {"", compress.Codecs.Uncompressed},
	"none":         {"", compress.Codecs.Uncompressed},
}

// ParseCodec returns the codec that a table property names in lower case.
func ParseCodec(name string) (Codec, error) {
	c, ok := codecs[name]
	if !ok {
		return Codec{}, fmt.Errorf("unknown Parquet compression codec %q: use snappy, zstd, gzip, lz4 or uncompressed", name)
	}
	return c, nil
}

// Writer encodes one data file. It is not safe for concurrent use.
type Writer struct {
	layout      *Layout
	sink        io.Writer
	codec       Codec
	parallelism int
	file        *file.Writer // nil before the first row group
	long        []bool       // leaves whose values are too long for dictionaries and bounds
}

// NewWriter returns a writer of a file to sink. The columns of a row group are
// encoded by up to parallelism goroutines.
func NewWriter(sink io.Writer, layout *Layout, codec Codec, parallelism int) *Writer {
	return &Writer{layout: layout, sink: sink, codec: codec, parallelism: max(parallelism, 1)}
}

// Size returns how many bytes have been written to the sink.
func (w *Writer) Size() int64 {
	if w.file == nil {
		return 0
	}
	return w.file.TotalBytesWritten()
}

// WriteRowGroup encodes records, which [Layout.Check] accepts, as one row
// group and writes it to the sink. Columns are encoded in parallel; rows keep
// their order. A [*NullError] reports a null that the schema forbids; after
// any error the file must be thrown away.
func (w *Writer) WriteRowGroup(ctx context.Context, records []arrow.RecordBatch) error {
	for _, r := range records {
		Settle(r)
	}
	if w.file == nil {
		if err := w.start(records); err != nil {
			return err
		}
	}
	group, err := w.file.AppendBufferedRowGroupChecked()
	if err != nil {
		return fmt.Errorf("start row group: %w", err)
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(w.parallelism)
	for i := range w.layout.leaves {
		tasks.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return w.encodeLeaf(group, i, records)
		})
	}
	if err := tasks.Wait(); err != nil {
		return err
	}
	if err := group.Close(); err != nil {
		return fmt.Errorf("write row group: %w", err)
	}
	return nil
}

// Settle makes r safe to read from several goroutines: Arrow arrays count
// their nulls and unwrap their dictionaries when first asked, without a lock.
func Settle(r arrow.RecordBatch) {
	for _, c := range r.Columns() {
		settle(c)
	}
}

func settle(arr arrow.Array) {
	arr.NullN()
	switch arr := arr.(type) {
	case *array.Dictionary:
		arr.Indices().NullN()
		settle(arr.Dictionary())
	case *array.Struct:
		for i := range arr.NumField() {
			settle(arr.Field(i))
		}
	case *array.List:
		settle(arr.ListValues())
	case *array.Map:
		settle(arr.ListValues())
		settle(arr.Keys())
		settle(arr.Items())
	}
}

// start opens the file: which columns get a dictionary is decided by a look
// at the first rows.
func (w *Writer) start(records []arrow.RecordBatch) error {
	props := []parquet.WriterProperty{
		parquet.WithCreatedBy(CreatedBy),
		parquet.WithVersion(parquet.V1_0),
		parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithCompression(w.codec.algorithm),
		parquet.WithDictionaryDefault(false),
		parquet.WithDictionaryPageSizeLimit(dictionaryLimit),
	}
	w.long = make([]bool, len(w.layout.leaves))
	for i := range w.layout.leaves {
		l := &w.layout.leaves[i]
		if l.flat() && hasLongValues(records, l.column) {
			w.long[i] = true
			props = append(props, parquet.WithStatsFor(l.path, false))
			continue
		}
		// The values of a nested column are not looked at: strings inside
		// structs and arrays mostly repeat, and the encoder falls back.
		if !l.flat() || len(records) > 0 && repeats(records[0].Column(l.column)) {
			props = append(props, parquet.WithDictionaryFor(l.path, true))
		}
	}
	// Only its Write: the library would close the sink of its own accord.
	sink := struct{ io.Writer }{w.sink}
	f, err := file.NewParquetWriterWithError(sink, w.layout.root, file.WithWriterProps(parquet.NewWriterProperties(props...)))
	if err != nil {
		return fmt.Errorf("start data file: %w", err)
	}
	w.file = f
	return nil
}

// encodeLeaf encodes one column of a row group.
func (w *Writer) encodeLeaf(group file.BufferedRowGroupWriter, index int, records []arrow.RecordBatch) (err error) {
	l := &w.layout.leaves[index]
	// A record whose buffers contradict each other must not end the process.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("encode column %s: malformed Arrow array: %v", l.path, r)
		}
	}()
	cw, err := group.Column(index)
	if err != nil {
		return fmt.Errorf("encode column %s: %w", l.path, err)
	}
	columns := make([]arrow.Array, len(records))
	for i, r := range records {
		columns[i] = r.Column(l.column)
	}
	s := &scratch{}
	if bytes, ok := cw.(*file.ByteArrayColumnChunkWriter); ok && l.flat() && !w.long[index] {
		done, err := s.writeDictionary(bytes, l, columns)
		if done || err != nil {
			return err
		}
	} else if l.flat() {
		done, err := s.writeNumbers(cw, l, columns)
		if done || err != nil {
			return err
		}
	}
	for _, arr := range columns {
		step := sliceLength(arr)
		for from := 0; from < arr.Len(); from += step {
			part := array.NewSlice(arr, int64(from), int64(min(from+step, arr.Len())))
			err := s.writeSlice(cw, l, part)
			part.Release()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// hasLongValues reports whether one record's values of a column of strings or
// binaries take so much that some must be very long. The bounds of a page are
// whole values, kept several times over, as are a dictionary's entries.
func hasLongValues(records []arrow.RecordBatch, column int) bool {
	const longRecord = 16 << 20
	for _, r := range records {
		arr := r.Column(column)
		if dict, ok := arr.(*array.Dictionary); ok {
			arr = dict.Dictionary()
		}
		if text, ok := arr.(byteColumn); ok && len(text.ValueBytes()) > longRecord {
			return true
		}
	}
	return false
}

// sliceLength returns how many rows of arr to encode at a time: fewer of long
// strings, since a page ends only between slices.
func sliceLength(arr arrow.Array) int {
	const sliceBytes = 4 << 20
	if text, ok := arr.(byteColumn); ok && arr.Len() > 0 {
		average := len(text.ValueBytes())/arr.Len() + 1
		return min(sliceRows, max(sliceBytes/average, 1))
	}
	return sliceRows
}

// Close writes the footer; a file without row groups is valid and has no
// rows. The sink is not closed.
func (w *Writer) Close() error {
	if w.file == nil {
		if err := w.start(nil); err != nil {
			return err
		}
	}
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("write footer: %w", err)
	}
	return nil
}
