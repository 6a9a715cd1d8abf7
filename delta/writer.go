package delta

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/delta/internal/selection"
	"github.com/freshet/freshet/schema"
)

// WriterConfig configures a [Writer].
type WriterConfig struct {
	// Metadata is the table's: its schema, partition columns and properties
	// decide what is written and how.
	Metadata Metadata
	// TargetFileSize is the size in bytes at which a file is finished; 0 is
	// the table property delta.targetFileSize, or 128 MB.
	TargetFileSize int64
	// MemoryLimit bounds the Arrow data, in bytes, held for files that are
	// not written yet, across all partitions; 0 is 96 MB. Encoding takes
	// about half as much again.
	MemoryLimit int64
	// Parallelism bounds the goroutines that encode; 0 is one for each
	// processor.
	Parallelism int
	// Clock returns the current time; nil is time.Now.
	Clock func() time.Time
	// NewID returns a new UUID; nil is a random one.
	NewID func() string
	// Evaluator computes the SQL expressions of the table's rules. It may be
	// nil; rows that such rules concern are then refused with a
	// [*NoEvaluatorError].
	Evaluator Evaluator

	// directory is where files go, "" or "_change_data/".
	directory string
	// rowIDs is whether rows of the table may come that keep their ids; files
	// have columns for these then, if rows of the table do keep theirs.
	rowIDs bool
}

const (
	defaultTargetFileSize = 128 << 20
	defaultMemoryLimit    = 96 << 20
	// A row group ends at so much Arrow data, less where memory is short, or so
	// many rows.
	rowGroupBytes    = 32 << 20
	minRowGroupBytes = 1 << 20
	rowGroupRows     = 1 << 20
	// maxOpenFiles bounds files begun but not finished: each is an upload.
	maxOpenFiles = 64
)

// NotNullError says that a column declared NOT NULL got a null.
type NotNullError struct{ Column string } // dotted path

func (e *NotNullError) Error() string {
	return "NOT NULL constraint violated for column: " + e.Column
}

// ErrorClass returns Delta's class of the error.
func (*NotNullError) ErrorClass() string { return "DELTA_NOT_NULL_CONSTRAINT_VIOLATED" }

// SQLState returns the error's SQLSTATE.
func (*NotNullError) SQLState() string { return "23502" }

// Writer writes rows as data files of one table: split by partition, near the
// target size, with statistics. Nothing it writes belongs to the table before
// a transaction adds the files that Close returns.
//
// Rows of one partition keep their order. Row groups are encoded in the
// background, while the next rows come in. A Writer is not safe for
// concurrent use.
type Writer struct {
	storage Storage
	config  WriterConfig
	codec   datafile.Codec
	layout  *datafile.Layout
	schema  *arrow.Schema // of the stored columns
	logical *schema.Struct
	stats   []statsColumn
	tight   bool

	rules       *rules
	columns     []int          // stored columns among the table's
	rowIDs      []schema.Field // stored besides
	partitioner *partitioner
	partitions  map[int32]*openPartition
	groupBytes  int64 // at which a row group ends
	buffered    int64 // bytes of rows not yet handed to a file
	encoding    int64 // bytes of rows of the row group being encoded

	flushing chan error // result of the row group being encoded, or nil
	open     []*openPartition
	files    []AddFile
	rows     int64
	sequence int
	failed   error
	// written, when set, sees rows as they go into files.
	written func(context.Context, arrow.RecordBatch) error
}

// openPartition is a partition that rows have come in for.
type openPartition struct {
	values  []*string
	pending []arrow.RecordBatch
	rows    int64
	bytes   int64
	file    *dataFile // nil when none is begun
}

// NewWriter returns a writer to a table in st. It does no I/O. The error says
// what about the metadata makes data files impossible, such as a table of
// partition columns alone or an unknown codec.
func NewWriter(st Storage, cfg WriterConfig) (*Writer, error) {
	w := &Writer{storage: st, config: cfg.withDefaults(), partitions: make(map[int32]*openPartition)}
	w.groupBytes = min(rowGroupBytes, max(w.config.MemoryLimit/2, minRowGroupBytes)) // one comes in while another is encoded
	m := &w.config.Metadata
	var err error
	codec := m.Configuration["delta.parquet.compression.codec"]
	if codec == "" {
		codec = "snappy"
	}
	if w.codec, err = datafile.ParseCodec(strings.ToLower(codec)); err != nil {
		return nil, err
	}
	if mappingOf(m).active && !named(m.Schema) {
		return nil, &ActionError{Reason: "the table maps columns, and some have no name for files yet: see Metadata.MapColumns"}
	}
	w.logical = &schema.Struct{}
	materialise := materialisesPartitions(m)
	var statistical schema.Struct
	for i, f := range m.Schema.Fields {
		partition := slices.Contains(m.PartitionColumns, f.Name)
		if partition && !materialise {
			continue
		}
		w.columns = append(w.columns, i)
		w.logical.Fields = append(w.logical.Fields, f)
		if !partition {
			statistical.Fields = append(statistical.Fields, f)
		}
	}
	mapping := mappingOf(m)
	if w.config.rowIDs {
		w.rowIDs = rowIDFields(m)
	}
	stored := mapping.physicalStruct(w.logical)
	stored.Fields = append(slices.Clip(stored.Fields), w.rowIDs...)
	if w.layout, err = datafile.NewLayout(stored); err != nil {
		return nil, err
	}
	if w.rules, err = newRules(m, w.config.Evaluator); err != nil {
		return nil, err
	}
	w.schema = schema.ToArrow(w.logical)
	w.stats = statsColumns(m, &statistical, mapping.physicalStruct(&statistical))
	for i := range w.stats { // places count stored columns, partition columns too
		name := statistical.Fields[w.stats[i].place[0]].Name
		w.stats[i].place[0] = w.logical.Index(name)
	}
	w.tight = isSet("delta.enableDeletionVectors")(m)
	w.partitioner, err = newPartitioner(m)
	return w, err
}

// materialisesPartitions reports whether files hold partition columns too.
func materialisesPartitions(m *Metadata) bool {
	return slices.ContainsFunc([]string{
		"delta.writePartitionColumnsToParquet", "delta.enableIcebergCompatV1", "delta.enableIcebergCompatV2", "delta.enableIcebergCompatV3",
	}, func(property string) bool { return isSet(property)(m) })
}

func (c WriterConfig) withDefaults() WriterConfig {
	if c.TargetFileSize <= 0 {
		c.TargetFileSize = defaultTargetFileSize
		if n, ok := parseByteSize(c.Metadata.Configuration["delta.targetFileSize"]); ok && n > 0 {
			c.TargetFileSize = n
		}
	}
	if c.MemoryLimit <= 0 {
		c.MemoryLimit = defaultMemoryLimit
	}
	if c.Parallelism <= 0 {
		c.Parallelism = runtime.GOMAXPROCS(0)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	return c
}

// byteUnits are the suffixes of sizes in table properties.
var byteUnits = map[string]int64{
	"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30, "t": 1 << 40, "tb": 1 << 40,
}

// parseByteSize reads a size such as "134217728", "128mb" or "1g".
func parseByteSize(text string) (int64, bool) {
	text = strings.ToLower(strings.TrimSpace(text))
	digits := strings.TrimRight(text, "bkmgt ")
	unit, known := byteUnits[strings.TrimSpace(text[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n < 0 || n > (1<<62)/unit {
		return 0, false
	}
	return n * unit, true
}

// Rows returns how many rows have been written.
func (w *Writer) Rows() int64 { return w.rows }

// Write adds new rows: the table's columns in schema order, partition columns
// included, in the types of [schema.ToArrow]; strings may be dictionaries.
// Rows with fewer columns have them by name, in any order. Those they lack
// are computed: generated and identity columns, defaults, else NULL.
//
// The writer retains the record until its rows are encoded. Rows that break a
// rule of the table are a [*ConstraintError], [*MissingColumnError],
// [*IdentityInsertError] or [*NotNullError], the last of which may come from a
// later call. After an error the writer can only be aborted.
func (w *Writer) Write(ctx context.Context, r arrow.RecordBatch) error {
	return w.write(ctx, r, inserted, nil)
}

// update is [Writer.Write] for new images of rows of the table: their identity
// columns keep the values that they have, and they keep their ids, if not nil.
func (w *Writer) update(ctx context.Context, r arrow.RecordBatch, ids *array.Int64) error {
	return w.write(ctx, r, updated, ids)
}

// keep is [Writer.Write] for rows that come from the table itself, by a scan
// with [movedRows], which obey its rules.
func (w *Writer) keep(ctx context.Context, r arrow.RecordBatch) error {
	if w.failed != nil {
		return w.failed
	}
	return w.fail(w.place(ctx, r))
}

func (w *Writer) write(ctx context.Context, r arrow.RecordBatch, from origin, ids *array.Int64) error {
	if w.failed != nil {
		return w.failed
	}
	if err := ctx.Err(); err != nil {
		return w.fail(err)
	}
	full, err := w.rules.apply(ctx, from, r)
	if err != nil {
		return w.fail(err)
	}
	defer full.Release()
	if w.written != nil {
		if err := w.written(ctx, full); err != nil {
			return w.fail(err)
		}
	}
	if ids == nil || w.rowIDs == nil {
		return w.fail(w.place(ctx, full))
	}
	if ids.Len() != int(r.NumRows()) {
		return w.fail(fmt.Errorf("write rows: %d row ids for %d rows", ids.Len(), r.NumRows()))
	}
	tracked := withRowIDs(&w.config.Metadata, full, ids)
	defer tracked.Release()
	return w.fail(w.place(ctx, tracked))
}

// Metadata returns the table's metadata as the rows leave it: with the
// high-water marks of identity columns moved, if they have. It then must be
// set in the transaction that adds the files, which conflicts with any other
// that moves them.
func (w *Writer) Metadata() (m Metadata, moved bool) { return w.rules.metadata(w.config.Metadata) }

// fail remembers an error and says it in the words of the table's schema.
func (w *Writer) fail(err error) error {
	if err == nil {
		return nil
	}
	if null := new(datafile.NullError); errors.As(err, &null) {
		err = &NotNullError{Column: strings.Join(mappingOf(&w.config.Metadata).logicalPath(w.logical, null.Path), ".")}
	}
	w.failed = err
	return err
}

// place hands complete rows, with or without ids, to their partitions.
func (w *Writer) place(ctx context.Context, r arrow.RecordBatch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if want := len(w.config.Metadata.Schema.Fields); int(r.NumCols()) != want && int(r.NumCols()) != want+len(w.rowIDs) {
		return fmt.Errorf("write rows: record has %d columns, the table %d", r.NumCols(), want)
	}
	stored := w.stored(r)
	defer stored.Release()
	if err := w.layout.Check(stored.Schema()); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	datafile.Settle(stored) // the caller may go on to read its record
	w.rows += r.NumRows()
	if r.NumRows() == 0 {
		return nil
	}
	parts, err := w.partitioner.split(r)
	if err != nil {
		return err
	}
	for _, part := range parts {
		rows := stored
		if part.rows == nil {
			rows.Retain()
		} else if rows, err = selection.TakeRecord(stored, part.rows); err != nil {
			return fmt.Errorf("split rows by partition: %w", err)
		}
		if err := w.buffer(ctx, part.id, rows); err != nil {
			return err
		}
	}
	return nil
}

// stored returns the columns of r that go into files.
func (w *Writer) stored(r arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]arrow.Array, 0, len(w.columns)+len(w.rowIDs))
	fields := make([]arrow.Field, 0, len(w.columns)+len(w.rowIDs))
	for i, c := range w.columns {
		columns = append(columns, r.Column(c))
		fields = append(fields, arrow.Field{Name: w.schema.Field(i).Name, Type: columns[i].DataType(), Nullable: true})
	}
	for i, f := range w.rowIDs {
		fields = append(fields, arrow.Field{Name: f.Name, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
		if at := len(w.config.Metadata.Schema.Fields) + i; at < int(r.NumCols()) {
			columns = append(columns, r.Column(at))
			continue
		}
		none := array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, int(r.NumRows()))
		defer none.Release()
		columns = append(columns, none)
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, r.NumRows())
}

// buffer hands rows, which it then owns, to a partition and flushes what has
// become too much.
func (w *Writer) buffer(ctx context.Context, id int32, rows arrow.RecordBatch) error {
	p := w.partitions[id]
	if p == nil {
		p = &openPartition{values: w.partitioner.values(id)}
		w.partitions[id] = p
	}
	for rows.NumRows() > 0 {
		take := rows
		size := recordBytes(rows)
		// A record may be larger than a row group by itself.
		if fit := w.rowsThatFit(rows, size, p); fit < rows.NumRows() {
			take = rows.NewSlice(0, fit)
			rest := rows.NewSlice(fit, rows.NumRows())
			rows.Release()
			rows = rest
			size = size * fit / (fit + rest.NumRows())
		} else {
			rows = rows.NewSlice(0, 0)
		}
		p.pending = append(p.pending, take)
		p.rows += take.NumRows()
		p.bytes += size
		w.buffered += size
		if p.bytes >= w.groupBytes || p.rows >= rowGroupRows {
			if err := w.flush(ctx, p); err != nil {
				rows.Release()
				return err
			}
		}
	}
	rows.Release()
	for w.buffered > 0 && w.buffered+w.encoding > w.config.MemoryLimit {
		if err := w.flush(ctx, w.largest()); err != nil {
			return err
		}
	}
	return nil
}

// rowsThatFit returns how many of rows, at least one, go into the partition's
// row group.
func (w *Writer) rowsThatFit(rows arrow.RecordBatch, size int64, p *openPartition) int64 {
	n := rows.NumRows()
	fit := min(n, rowGroupRows-p.rows)
	if room := w.groupBytes - p.bytes; size > room+w.groupBytes/4 {
		fit = min(fit, n*max(room, 0)/size)
	}
	return max(fit, 1)
}

// largest returns the partition that holds the most memory.
func (w *Writer) largest() *openPartition {
	var out *openPartition
	for _, p := range w.partitions {
		if out == nil || p.bytes > out.bytes {
			out = p
		}
	}
	return out
}

// recordBytes estimates the memory that rows take.
func recordBytes(r arrow.RecordBatch) int64 {
	total := int64(0)
	for _, c := range r.Columns() {
		total += arrayBytes(c)
	}
	return total
}

// arrayOverhead is about what an array takes besides its values: batches of
// thousands of columns have few rows, and little else.
const arrayOverhead = 768

func arrayBytes(arr arrow.Array) int64 { return arrayOverhead + valueBytes(arr) }

func valueBytes(arr arrow.Array) int64 {
	n := int64(arr.Len())
	switch arr := arr.(type) {
	case *array.Null:
		return 0
	case *array.Boolean:
		return n / 8
	case *array.Struct:
		total := n / 8
		for i := range arr.NumField() {
			total += arrayBytes(arr.Field(i))
		}
		return total
	case *array.List:
		return n*4 + shareOf(arr, arr.ListValues())
	case *array.Map:
		return n*4 + shareOf(arr, arr.ListValues())
	case *array.Dictionary:
		return n*4 + arrayBytes(arr.Dictionary())
	case interface{ ValueBytes() []byte }:
		return n*4 + int64(len(arr.ValueBytes()))
	}
	if fixed, ok := arr.DataType().(arrow.FixedWidthDataType); ok {
		return n * int64(fixed.BitWidth()) / 8
	}
	return n * 8
}

// shareOf returns the bytes of a list's elements that belong to its slice.
func shareOf(list interface {
	arrow.Array
	ValueOffsets(i int) (start, end int64)
}, elements arrow.Array,
) int64 {
	if list.Len() == 0 || elements.Len() == 0 {
		return 0
	}
	from, _ := list.ValueOffsets(0)
	_, to := list.ValueOffsets(list.Len() - 1)
	return arrayBytes(elements) * (to - from) / int64(elements.Len())
}
