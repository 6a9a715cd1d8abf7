package parquet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/schema"
)

// maxPage bounds the memory that one page header can claim.
const maxPage = 1 << 30

// The buffers of all columns of a row group take readBuffers bytes, each of
// them between these.
const (
	readBuffers   = 16 << 20
	minReadBuffer = 4 << 10
	maxReadBuffer = 256 << 10
)

// opening is a file that is being opened.
type opening struct {
	*source
	err    error
	done   chan struct{}
	once   sync.Once
	failed atomic.Bool // no more of it is wanted
}

// wait returns the file or why it could not be opened.
func (o *opening) wait() (*opening, error) {
	<-o.done
	return o, o.err
}

// close closes the file; it does nothing the second time.
func (o *opening) close() {
	o.once.Do(func() {
		<-o.done
		if o.source.object != nil {
			_ = o.source.object.Close() // opened for reading
		}
	})
}

// open starts to open a file.
func (r *run) open(f format.File) *opening {
	o := &opening{source: &source{file: &f}, done: make(chan struct{})}
	r.mu.Lock()
	r.opened[o] = true
	r.mu.Unlock()
	r.wg.Go(func() {
		defer close(o.done)
		o.err = guard(func() error { return o.source.open(r.ctx) })
		if o.err != nil {
			o.err = &format.FileError{Path: f.Path, Missing: errors.Is(o.err, fs.ErrNotExist), Err: o.err}
		}
	})
	return o
}

// guard turns a panic of Arrow's reader into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("corrupt Parquet file: %v", p)
		}
	}()
	return f()
}

// source is an open file.
type source struct {
	file   *format.File
	object object.Object
	raw    *file.Reader
	reader *pqarrow.FileReader
	leaves []leaf // by column index
	fields []arrow.Field
}

// open reads the footer.
func (s *source) open(ctx context.Context) error {
	var err error
	if s.object, err = s.file.Store.Open(ctx, s.file.Key); err != nil {
		return err
	}
	if s.object.Size() == 0 {
		return errors.New("the file is empty")
	}
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.BufferedStreamEnabled = true
	props.MaxCompressedPageSize = min(s.object.Size(), maxPage)
	props.MaxUncompressedPageSize = maxPage
	in := io.NewSectionReader(s.object, 0, s.object.Size())
	footer, err := file.NewParquetReader(in, file.WithReadProps(props))
	if err != nil {
		return err
	}
	meta := footer.MetaData()
	forgetArrow(meta)
	int96, err := relabelInt96(meta)
	if err != nil {
		return err
	}
	props.BufferSize = min(max(readBuffers/int64(meta.Schema.NumColumns()+1), minReadBuffer), maxReadBuffer)
	if s.raw, err = file.NewParquetReader(in, file.WithReadProps(props), file.WithMetadata(meta)); err != nil {
		return err
	}
	if s.reader, err = pqarrow.NewFileReader(s.raw, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator); err != nil {
		return err
	}
	s.leaves = make([]leaf, meta.Schema.NumColumns())
	for i := range s.leaves {
		s.leaves[i] = leaf{kind: kindOf(meta.Schema.Column(i), int96[i])}
	}
	for _, f := range s.reader.Manifest.Fields {
		s.fields = append(s.fields, arrow.Field{Name: f.Field.Name, Type: s.logicalType(&f, f.Field.Type), Nullable: true})
	}
	return nil
}

// forgetArrow drops the Arrow types that the file's writer had, so that columns
// are what Parquet says they are, as Spark reads them. Arrow's reader would
// make dictionaries of pandas' categories, which it then cannot read everywhere,
// and durations of integers.
func forgetArrow(meta *metadata.FileMetaData) {
	kept := meta.FileMetaData.KeyValueMetadata[:0]
	for _, kv := range meta.FileMetaData.KeyValueMetadata {
		if kv.Key != "ARROW:schema" {
			kept = append(kept, kv)
		}
	}
	meta.FileMetaData.KeyValueMetadata = kept
}

// Thrift's numbers of the physical types.
const (
	physicalInt96 = 3
	physicalFixed = 7
)

// relabelInt96 declares INT96 columns to be of twelve plain bytes, which is
// how they are stored, and returns which ones they are. Arrow would make
// 64-bit nanoseconds of them, which end in the year 2262.
func relabelInt96(meta *metadata.FileMetaData) (map[int]bool, error) {
	int96 := map[int]bool{}
	for i := range meta.Schema.NumColumns() {
		int96[i] = meta.Schema.Column(i).PhysicalType() == parquet.Types.Int96
	}
	for _, element := range meta.FileMetaData.Schema {
		if element.Type != nil && *element.Type == physicalInt96 {
			width := int32(parquet.Int96SizeBytes)
			*element.Type, element.TypeLength = physicalFixed, &width
			element.ConvertedType, element.LogicalType = nil, nil
		}
	}
	for _, group := range meta.RowGroups {
		for i, column := range group.Columns {
			if int96[i] && column.MetaData != nil {
				column.MetaData.Type = physicalFixed
			}
		}
	}
	root, err := pqschema.FromParquet(meta.FileMetaData.Schema)
	if err != nil {
		return nil, err
	}
	group, ok := root.(*pqschema.GroupNode)
	if !ok {
		return nil, errors.New("the schema's root is no group")
	}
	meta.Schema = pqschema.NewSchema(group)
	return int96, nil
}

// schema returns the file's columns, without those whose type nothing of
// ours carries.
func (s *source) schema() (*schema.Struct, error) {
	out := &schema.Struct{}
	seen := map[string]bool{}
	for _, f := range s.fields {
		t, err := schema.FromArrowType(f.Type)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", schema.QuoteIdent(f.Name), err)
		}
		if !seen[f.Name] {
			seen[f.Name] = true
			out.Fields = append(out.Fields, schema.Col(f.Name, t))
		}
	}
	return out, nil
}

// metadataValue returns a value of the footer's key-value metadata.
func (s *source) metadataValue(key string) (string, bool) {
	kv := s.raw.MetaData().KeyValueMetadata()
	if v := kv.FindValue(key); v != nil {
		return *v, true
	}
	return "", false
}
