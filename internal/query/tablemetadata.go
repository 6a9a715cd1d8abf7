package query

import (
	"context"
	"path"
	"strings"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/source/files"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// tableMetadata makes the hidden column _metadata of a Delta table: where each
// row is stored and, if the table tracks rows, its id and the version that
// wrote it last (semantics §6).
type tableMetadata struct {
	location string
	field    schema.Field
	layout   []arrow.Field // of the column's parts
	tracked  bool
	sizes    sync.Map // size and time of each file read, by its path
}

// Columns that a scan appends for it.
const (
	metadataPath    = "__freshet_file"
	metadataRow     = "__freshet_row"
	metadataID      = "__freshet_row_id"
	metadataVersion = "__freshet_row_version"
)

func newTableMetadata(t *workspace.Table, snap *delta.Snapshot) *tableMetadata {
	fields := []schema.Field{
		schema.Col("file_path", schema.String), schema.Col("file_name", schema.String), schema.Col("file_size", schema.Long),
		schema.Col("file_modification_time", schema.Timestamp), schema.Col("row_index", schema.Long),
	}
	m := &tableMetadata{location: t.Location, tracked: snap.KeepsRowIDs()}
	if m.tracked {
		fields = append(fields, schema.Col("row_id", schema.Long), schema.Col("row_commit_version", schema.Long))
	}
	parts := schema.New(fields...)
	m.field, m.layout = schema.Col(files.MetadataColumn, parts), schema.ToArrow(parts).Fields()
	return m
}

// scan adds to the options of a scan what the column is made of.
func (m *tableMetadata) scan(opts delta.ScanOptions) delta.ScanOptions {
	chosen := opts.Files
	opts.Files = func(f delta.AddFile) bool {
		if chosen != nil && !chosen(f) {
			return false
		}
		m.sizes.Store(f.Path, [2]int64{f.Size, f.ModificationTime})
		return true
	}
	opts.FilePath, opts.RowIndex = metadataPath, metadataRow
	if m.tracked {
		opts.RowID, opts.RowCommitVersion = metadataID, metadataVersion
	}
	return opts
}

// complete puts the column in the place of those that the scan has appended.
func (m *tableMetadata) complete(rec arrow.RecordBatch) arrow.RecordBatch {
	last := int(rec.NumCols()) - 2
	if m.tracked {
		last -= 2
	}
	columns := []arrow.Array{nil, nil, nil, nil}
	columns = append(columns, rec.Columns()[last+1:]...)
	stored, _ := rec.Column(last).(*array.String)
	m.describe(columns[:4], stored)
	defer func() {
		for _, c := range columns[:4] {
			c.Release()
		}
	}()
	data := make([]arrow.ArrayData, len(columns))
	for i, c := range columns {
		data[i] = c.Data()
	}
	d := array.NewData(arrow.StructOf(m.layout...), int(rec.NumRows()), []*memory.Buffer{nil}, data, 0, 0)
	defer d.Release()
	column := array.NewStructData(d)
	defer column.Release()
	fields := append(append([]arrow.Field{}, rec.Schema().Fields()[:last]...), arrow.Field{Name: m.field.Name, Type: column.DataType(), Nullable: true})
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), append(append([]arrow.Array{}, rec.Columns()[:last]...), column), rec.NumRows())
}

// describe makes the columns that tell of a row's file, from its path as the
// log has it.
func (m *tableMetadata) describe(out []arrow.Array, stored *array.String) {
	paths, names := array.NewStringBuilder(memory.DefaultAllocator), array.NewStringBuilder(memory.DefaultAllocator)
	sizes, times := array.NewInt64Builder(memory.DefaultAllocator), array.NewBuilder(memory.DefaultAllocator, m.layout[3].Type)
	defer paths.Release()
	defer names.Release()
	defer sizes.Release()
	defer times.Release()
	for i := range stored.Len() {
		f := delta.AddFile{Path: stored.Value(i)}
		whole := f.Path
		if key, err := f.Key(); err == nil {
			whole = strings.TrimSuffix(m.location, "/") + "/" + key
		}
		known, _ := m.sizes.Load(f.Path)
		sizeAndTime, _ := known.([2]int64)
		whole = location.Escape(whole)
		paths.Append(whole)
		names.Append(path.Base(whole))
		sizes.Append(sizeAndTime[0])
		if t, ok := times.(*array.TimestampBuilder); ok {
			t.Append(arrow.Timestamp(sizeAndTime[1] * 1000))
		}
	}
	out[0], out[1], out[2], out[3] = paths.NewArray(), names.NewArray(), sizes.NewArray(), times.NewArray()
}

// hasMetadata reports whether a Delta table of a query has the hidden column; a
// name of a common table has none.
func (p *Planner) hasMetadata(ctx context.Context, t *sql.Table, common map[string]bool) bool {
	if len(t.Name.Parts) == 1 && common[strings.ToLower(t.Name.Parts[0])] {
		return false
	}
	_, snap, err := p.Newest(ctx, t.Name)
	return err == nil && snap.Schema().Index(files.MetadataColumn) < 0
}
