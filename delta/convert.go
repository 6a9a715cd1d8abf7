package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/schema"
)

// ConvertOptions say how [Table.Convert] turns Parquet files into a table.
type ConvertOptions struct {
	// Schema is that of the files: every column that one of them has.
	Schema *schema.Struct
	// PartitionColumns are the columns whose values the names of directories
	// tell, as in "day=2024-05-01", outermost first.
	PartitionColumns []schema.Field
	// NoStatistics saves reading the files, of which nothing can be skipped
	// then.
	NoStatistics bool
	// Properties are those of the table.
	Properties map[string]string
	// Parallelism bounds how many files are read at a time; 0 is 4.
	Parallelism int
}

// ConvertResult is what a conversion found.
type ConvertResult struct {
	// Version is that of the commit, or -1 when the directory held a Delta
	// table already, which is left as it is.
	Version int64
	Files   FileSizes
}

// Convert makes a Delta table of the Parquet files in the table's directory,
// where they stay. Names that begin with "_" or "." are passed over. Unless
// NoStatistics is set, each file is read for its statistics, which also finds
// those that do not have the schema (semantics §15.11).
func (t *Table) Convert(ctx context.Context, opts ConvertOptions) (*ConvertResult, error) {
	result := &ConvertResult{Version: -1}
	if _, err := t.Snapshot(ctx); err == nil {
		return result, nil
	} else if missing := new(NotFoundError); !errors.As(err, &missing) {
		return nil, err
	}
	c := &conversion{table: t, opts: opts, metadata: Metadata{Schema: &schema.Struct{}, Configuration: opts.Properties}}
	c.metadata.Schema.Fields = slices.DeleteFunc(slices.Clone(opts.Schema.Fields), func(f schema.Field) bool { return c.partitions(f.Name) })
	c.stored = &schema.Struct{Fields: slices.Clone(c.metadata.Schema.Fields)}
	for _, f := range opts.PartitionColumns {
		c.metadata.PartitionColumns = append(c.metadata.PartitionColumns, f.Name)
		c.metadata.Schema.Fields = append(c.metadata.Schema.Fields, f)
	}
	c.stats = tableStats(&c.metadata)
	files, err := c.find(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.measure(ctx, files); err != nil {
		return nil, err
	}
	tx := t.Begin(nil)
	tx.SetMetadata(c.metadata)
	for _, f := range files {
		result.Files.add(f.Size)
		tx.Add(f)
	}
	result.Version, err = tx.Commit(ctx, CommitInfo{
		Operation: "CONVERT",
		Parameters: map[string]any{
			"numFiles": result.Files.Files, "partitionedBy": names(c.metadata.PartitionColumns), "collectStats": !opts.NoStatistics, "sourceFormat": "parquet",
		},
		Metrics: counters(map[string]int64{"numConvertedFiles": result.Files.Files}),
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// conversion is one run of CONVERT TO DELTA.
type conversion struct {
	table    *Table
	opts     ConvertOptions
	metadata Metadata
	stored   *schema.Struct // the columns in files
	stats    []statsColumn
}

// partitions reports whether a column partitions the table.
func (c *conversion) partitions(name string) bool {
	return slices.ContainsFunc(c.opts.PartitionColumns, func(f schema.Field) bool { return strings.EqualFold(f.Name, name) })
}

// find lists the files, with the partition values that their keys tell.
func (c *conversion) find(ctx context.Context) ([]AddFile, error) {
	var files []AddFile
	place := &Snapshot{metadata: c.metadata}
	for info, err := range c.table.storage.List(ctx, "", "") {
		if err != nil {
			return nil, fmt.Errorf("list files to convert: %w", err)
		}
		if hidden(place, info.Name()) {
			continue
		}
		f, err := c.file(info)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, &ConvertError{Reason: "the directory holds no files"}
	}
	return files, nil
}

func (c *conversion) file(info fs.FileInfo) (AddFile, error) {
	key := info.Name()
	f := AddFile{
		Path: FilePath(key), PartitionValues: map[string]*string{}, Size: info.Size(),
		ModificationTime: info.ModTime().UnixMilli(), DataChange: true,
	}
	parts := strings.Split(key, "/")
	var named []string // "column=value", as directories are called
	for _, dir := range parts[:len(parts)-1] {
		if strings.Contains(dir, "=") {
			named = append(named, dir)
		}
	}
	if len(named) != len(c.opts.PartitionColumns) {
		return f, &ConvertError{Path: key, Partition: true, Reason: fmt.Sprintf(
			"its directories name %d partition columns, PARTITIONED BY names %d", len(named), len(c.opts.PartitionColumns))}
	}
	for i, dir := range named {
		column := c.opts.PartitionColumns[i]
		name, text, _ := strings.Cut(dir, "=")
		if name, err := url.PathUnescape(name); err != nil || !strings.EqualFold(name, column.Name) {
			return f, &ConvertError{Path: key, Partition: true, Reason: fmt.Sprintf(
				"directory %s is of another column than %s", dir, schema.QuoteIdent(column.Name))}
		}
		if text == nullPartition {
			f.PartitionValues[column.Name] = nil
			continue
		}
		if value, err := url.PathUnescape(text); err == nil {
			text = value
		}
		v, err := parsePartition(column.Name, column.Type, &text)
		if err != nil {
			return f, &ConvertError{Path: key, Cast: true, Reason: err.Error()}
		}
		spelled, ok := partitionText(column.Type, v)
		if !ok {
			return f, &ConvertError{Path: key, Cast: true, Reason: fmt.Sprintf("partition value %q is no text", text)}
		}
		f.PartitionValues[column.Name] = spelled
	}
	return f, nil
}

// measure reads the files for their statistics, several at a time.
func (c *conversion) measure(ctx context.Context, files []AddFile) error {
	if c.opts.NoStatistics {
		return nil
	}
	limit := c.opts.Parallelism
	if limit <= 0 {
		limit = 4
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(limit)
	for i := range files {
		tasks.Go(func() error {
			err := c.read(ctx, &files[i])
			if err != nil && ctx.Err() == nil {
				return &ConvertError{Path: files[i].Path, Reason: "read as Parquet", Cause: err}
			}
			return err
		})
	}
	return tasks.Wait()
}

func (c *conversion) read(ctx context.Context, f *AddFile) error {
	key, err := f.Key()
	if err != nil {
		return err
	}
	object, err := c.table.storage.Open(ctx, key)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }() // nothing was written
	s := newStatistics(c.stats)
	projection := datafile.Projection{Columns: c.stored, BatchRows: defaultBatchRows}
	for b, err := range datafile.Read(ctx, object, object.Size(), projection) {
		if err != nil {
			return err
		}
		s.add(b.RecordBatch)
		b.Release()
	}
	f.Stats = s.json(isSet("delta.enableDeletionVectors")(&c.metadata))
	return nil
}

// ConvertError says that a file cannot become part of a table.
type ConvertError struct {
	Path   string // of the file, or empty
	Reason string
	Cause  error // or nil
	// Partition is whether its directories are not those of the partition
	// columns, Cast whether a value there is not of the column's type.
	Partition, Cast bool
}

func (e *ConvertError) Error() string {
	text := "convert to Delta: " + e.Reason
	if e.Path != "" {
		text = fmt.Sprintf("convert %s to Delta: %s", e.Path, e.Reason)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *ConvertError) Unwrap() error { return e.Cause }

// ErrorClass returns Delta's class of the error.
func (e *ConvertError) ErrorClass() string {
	switch {
	case e.Partition:
		return "DELTA_UNEXPECTED_NUM_PARTITION_COLUMNS_FROM_FILE_NAME"
	case e.Cast:
		return "DELTA_FAILED_CAST_PARTITION_VALUE"
	case e.Path == "":
		return "DELTA_EMPTY_DIRECTORY"
	}
	return "DELTA_FAILED_READ_FILE_FOOTER"
}

// SQLState returns the error's SQLSTATE.
func (e *ConvertError) SQLState() string {
	switch {
	case e.Partition:
		return "KD009"
	case e.Cast:
		return "22018"
	case e.Path == "":
		return "42K03"
	}
	return "KD001"
}
