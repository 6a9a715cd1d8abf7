package delta

import (
	"context"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// The columns of a change data feed besides the table's, and the values of
// the first (protocol: Change Data Files).
const (
	changeTypeColumn = "_change_type"

	changeInsert    = "insert"
	changeDelete    = "delete"
	changePreimage  = "update_preimage"
	changePostimage = "update_postimage"

	changeDirectory = "_change_data/"
)

// changeFeed writes the change data files of one commit.
type changeFeed struct {
	schema *arrow.Schema
	writer *Writer
	// needed is whether the changes cannot be told from the data files.
	needed bool
}

func newChangeFeed(st Storage, cfg WriterConfig) (*changeFeed, error) {
	cfg.Metadata = changeMetadata(cfg.Metadata)
	cfg.Metadata.Configuration["delta.dataSkippingNumIndexedCols"] = "0" // cdc actions have no statistics
	delete(cfg.Metadata.Configuration, "delta.dataSkippingStatsColumns")
	cfg.directory, cfg.rowIDs = changeDirectory, false
	w, err := NewWriter(st, cfg)
	return &changeFeed{schema: schema.ToArrow(cfg.Metadata.Schema), writer: w}, err
}

// changeMetadata returns the metadata of a table whose data files are m's
// change data files.
func changeMetadata(m Metadata) Metadata {
	m = m.Clone()
	m.Schema.Fields = append(m.Schema.Fields, schema.Field{
		Name: changeTypeColumn, Type: schema.String, Nullable: true,
		Metadata: map[string]any{physicalNameKey: changeTypeColumn},
	})
	if m.Configuration == nil {
		m.Configuration = make(map[string]string)
	}
	return m
}

// write adds rows of the table as changes of one kind.
func (f *changeFeed) write(ctx context.Context, rows arrow.RecordBatch, change string) error {
	kind, err := constant(schema.String, scalar{s: change}, int(rows.NumRows()))
	if err != nil {
		return err
	}
	defer kind.Release()
	columns := append(slices.Clone(rows.Columns()[:f.schema.NumFields()-1]), kind) // without row ids
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: f.schema.Field(i).Name, Type: c.DataType(), Nullable: true}
	}
	changes := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rows.NumRows())
	defer changes.Release()
	return f.writer.keep(ctx, changes)
}

// close publishes the files and returns their actions.
func (f *changeFeed) close(ctx context.Context) ([]changeFile, error) {
	files, err := f.writer.Close(ctx)
	if err != nil {
		return nil, err
	}
	actions := make([]changeFile, len(files))
	for i, file := range files {
		values := file.PartitionValues
		if values == nil {
			values = map[string]*string{}
		}
		actions[i] = changeFile{Path: file.Path, PartitionValues: values, Size: file.Size}
	}
	return actions, nil
}
