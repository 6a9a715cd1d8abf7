package delta

import (
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// checkpointRowGroup bounds the rows of a row group, and with it what the
// writer holds in memory.
const checkpointRowGroup = 64 << 10

// Types of checkpoint columns. Every field is nullable but a map's keys.
var (
	textType   = arrow.BinaryTypes.String
	numberType = arrow.PrimitiveTypes.Int64
	intType    = arrow.PrimitiveTypes.Int32
	boolType   = arrow.FixedWidthTypes.Boolean
	pairsType  = arrow.MapOf(textType, textType)
	listType   = arrow.ListOfField(arrow.Field{Name: "element", Type: textType, Nullable: true})

	vectorType = groupType(
		"storageType", textType, "pathOrInlineDv", textType, "offset", intType, "sizeInBytes", intType, "cardinality", numberType)
)

// groupType returns a struct of names and types in turn.
func groupType(namesAndTypes ...any) *arrow.StructType {
	var fields []arrow.Field
	for i := 0; i+1 < len(namesAndTypes); i += 2 {
		name, _ := namesAndTypes[i].(string)
		dt, _ := namesAndTypes[i+1].(arrow.DataType)
		fields = append(fields, arrow.Field{Name: name, Type: dt, Nullable: true})
	}
	return arrow.StructOf(fields...)
}

// checkpointSchema is the schema of a classic checkpoint (protocol:
// Checkpoint Schema), in the order in which Spark has the columns.
var checkpointSchema = arrow.NewSchema(groupType(
	"txn", groupType("appId", textType, "version", numberType, "lastUpdated", numberType),
	"add", groupType(
		"path", textType, "partitionValues", pairsType, "size", numberType, "modificationTime", numberType, "dataChange", boolType,
		"tags", pairsType, "deletionVector", vectorType, "baseRowId", numberType, "defaultRowCommitVersion", numberType,
		"clusteringProvider", textType, "stats", textType),
	"remove", groupType(
		"path", textType, "deletionTimestamp", numberType, "dataChange", boolType, "extendedFileMetadata", boolType,
		"partitionValues", pairsType, "size", numberType, "deletionVector", vectorType, "baseRowId", numberType,
		"defaultRowCommitVersion", numberType),
	"metaData", groupType(
		"id", textType, "name", textType, "description", textType, "format", groupType("provider", textType, "options", pairsType),
		"schemaString", textType, "partitionColumns", listType, "configuration", pairsType, "createdTime", numberType),
	"protocol", groupType(
		"minReaderVersion", intType, "minWriterVersion", intType, "readerFeatures", listType, "writerFeatures", listType),
	"domainMetadata", groupType("domain", textType, "configuration", textType, "removed", boolType),
).Fields(), nil)

// checkpointWriter writes actions as rows. Rows of one kind are gathered
// until they fill a batch; the other columns of the batch are null.
type checkpointWriter struct {
	ctx     context.Context // lives as long as one call of writeCheckpoint
	out     *pqarrow.FileWriter
	column  int // of the kind being gathered
	rows    *groupBuilder
	pending int
	total   int64
}

// writeCheckpoint writes the rows of the snapshot's classic checkpoint and
// returns their number.
func (s *Snapshot) writeCheckpoint(ctx context.Context, w io.Writer) (int64, error) {
	props := parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithVersion(parquet.V1_0), parquet.WithMaxRowGroupLength(checkpointRowGroup), parquet.WithStats(false),
		// What differs in every row gains nothing from a dictionary.
		parquet.WithDictionaryFor("add.path", false), parquet.WithDictionaryFor("add.stats", false),
		parquet.WithDictionaryFor("remove.path", false),
	)
	out, err := pqarrow.NewFileWriter(checkpointSchema, w, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return 0, err
	}
	cw := &checkpointWriter{ctx: ctx, out: out}
	if err := cw.writeAll(s); err != nil {
		return 0, err
	}
	return cw.total, out.Close()
}

// writeAll writes what a checkpoint must hold, in a fixed order.
func (w *checkpointWriter) writeAll(s *Snapshot) error {
	if err := w.writeTable(s); err != nil {
		return err
	}
	expired := s.expired()
	if err := w.start("remove"); err != nil {
		return err
	}
	if err := w.writeFiles(s, func(v *rowView) bool { return v.tombstone() && !expired(v.block.time[v.row]) }); err != nil {
		return err
	}
	if err := w.start("add"); err != nil {
		return err
	}
	if err := w.writeFiles(s, func(v *rowView) bool { return !v.tombstone() }); err != nil {
		return err
	}
	return w.flush()
}

// writeTable writes everything but files.
func (w *checkpointWriter) writeTable(s *Snapshot) error {
	if err := w.start("protocol"); err != nil {
		return err
	}
	w.rows.protocol(&s.protocol)
	if err := w.next(); err != nil {
		return err
	}
	if err := w.start("metaData"); err != nil {
		return err
	}
	w.rows.metaData(s.metaData)
	if err := w.next(); err != nil {
		return err
	}
	if err := w.start("txn"); err != nil {
		return err
	}
	txns := s.liveTransactions()
	slices.SortFunc(txns, func(a, b SetTransaction) int { return cmp.Compare(a.AppID, b.AppID) })
	for _, txn := range txns {
		w.rows.txn(&txn)
		if err := w.next(); err != nil {
			return err
		}
	}
	if err := w.start("domainMetadata"); err != nil {
		return err
	}
	for _, d := range sortedDomains(s.domains) {
		w.rows.domain(&d)
		if err := w.next(); err != nil {
			return err
		}
	}
	return nil
}

func sortedDomains(domains map[string]DomainMetadata) []DomainMetadata {
	sorted := make([]DomainMetadata, 0, len(domains))
	for _, d := range domains {
		sorted = append(sorted, d)
	}
	slices.SortFunc(sorted, func(a, b DomainMetadata) int { return cmp.Compare(a.Domain, b.Domain) })
	return sorted
}

func (w *checkpointWriter) writeFiles(s *Snapshot, want func(*rowView) bool) error {
	var failure error
	err := s.files.each(func(v *rowView) bool {
		if !want(v) {
			return true
		}
		if v.tombstone() {
			w.rows.remove(v)
		} else {
			w.rows.add(v)
		}
		failure = w.next()
		return failure == nil
	})
	return cmp.Or(failure, err)
}

// start begins rows of another kind.
func (w *checkpointWriter) start(kind string) error {
	if err := w.flush(); err != nil {
		return err
	}
	w.column = checkpointSchema.FieldIndices(kind)[0]
	w.rows = newGroupBuilder(checkpointSchema.Field(w.column).Type)
	return nil
}

// next counts the row just appended.
func (w *checkpointWriter) next() error {
	w.total++
	if w.pending++; w.pending < checkpointBatch {
		return nil
	}
	return w.flush()
}

// flush writes the gathered rows as one batch.
func (w *checkpointWriter) flush() error {
	if w.pending == 0 {
		return nil
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	columns := make([]arrow.Array, checkpointSchema.NumFields())
	for i, field := range checkpointSchema.Fields() {
		if i == w.column {
			columns[i] = w.rows.finish()
		} else {
			columns[i] = array.MakeArrayOfNull(memory.DefaultAllocator, field.Type, w.pending)
		}
		defer columns[i].Release()
	}
	batch := array.NewRecordBatch(checkpointSchema, columns, int64(w.pending))
	defer batch.Release()
	w.pending = 0
	return w.out.WriteBuffered(batch)
}
