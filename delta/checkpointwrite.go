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
	"golang.org/x/sync/errgroup"
)

// checkpointRowGroup bounds the rows of a row group, and with it what the
// writer holds in memory.
const checkpointRowGroup = 64 << 10

// checkpointWriter writes actions as rows of one Parquet file. Rows of one
// kind are gathered until they fill a batch; the other columns of the batch
// are null.
type checkpointWriter struct {
	ctx     context.Context // lives as long as one call of writeParquet
	layout  *checkpointLayout
	batches chan arrow.RecordBatch // to whoever encodes them
	nulls   map[string]arrow.Array // columns of a full batch without actions
	kind    string                 // that is being gathered
	rows    *groupBuilder
	stats   *statsFiller
	pending int
	totals  *checkpointTotals
}

// writeParquet writes one file of the checkpoint. Only what every reader of
// Parquet knows is used.
func (j *checkpointJob) writeParquet(ctx context.Context, w io.Writer, l *checkpointLayout, fill func(*checkpointWriter) error) error {
	props := parquet.NewWriterProperties(
		parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDataPageVersion(parquet.DataPageV1),
		parquet.WithVersion(parquet.V1_0), parquet.WithMaxRowGroupLength(checkpointRowGroup), parquet.WithStats(false),
		// What differs in every row gains nothing from a dictionary.
		parquet.WithDictionaryFor("add.path", false), parquet.WithDictionaryFor("add.stats", false),
		parquet.WithDictionaryFor("remove.path", false),
	)
	out, err := pqarrow.NewFileWriter(l.schema, w, props, pqarrow.NewArrowWriterProperties())
	if err != nil {
		return err
	}
	encoding, ctx := errgroup.WithContext(ctx)
	cw := &checkpointWriter{
		ctx: ctx, layout: l, batches: make(chan arrow.RecordBatch, 1), nulls: make(map[string]arrow.Array),
		stats: newStatsFiller(l.stats), totals: &j.written,
	}
	encoding.Go(func() error {
		for batch := range cw.batches {
			err := out.WriteBuffered(batch)
			batch.Release()
			if err != nil {
				return err
			}
		}
		return nil
	})
	err = fill(cw)
	if err == nil {
		err = cw.flush()
	}
	close(cw.batches)
	if failure := encoding.Wait(); failure != nil {
		return failure
	}
	if err != nil {
		return err
	}
	return out.Close()
}

// table writes everything but files, in a fixed order.
func (w *checkpointWriter) table(s *Snapshot) error {
	if err := w.row("protocol", func() { w.rows.protocol(&s.protocol) }); err != nil {
		return err
	}
	if err := w.row("metaData", func() { w.rows.metaData(s.metaData) }); err != nil {
		return err
	}
	for _, txn := range sortedTransactions(s.txns) {
		if err := w.row("txn", func() { w.rows.txn(&txn) }); err != nil {
			return err
		}
	}
	for _, d := range sortedDomains(s.domains) {
		if err := w.row("domainMetadata", func() { w.rows.domain(&d) }); err != nil {
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

// checkpointMetadata writes the row by which a V2 checkpoint is known.
func (w *checkpointWriter) checkpointMetadata(version int64) error {
	return w.row("checkpointMetadata", func() {
		w.rows.row()
		w.rows.number(version)
		w.rows.textPairs(nil)
	})
}

// references writes the names of the sidecars.
func (w *checkpointWriter) references(sidecars []sidecarJSON) error {
	for _, s := range sidecars {
		err := w.row("sidecar", func() {
			w.rows.row()
			w.rows.text(s.Path)
			w.rows.number(s.SizeInBytes)
			w.rows.number(s.ModificationTime)
			w.rows.textPairs(nil)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// file writes a live file or a tombstone.
func (w *checkpointWriter) file(v *rowView) error {
	if v.tombstone() {
		f := v.remove()
		w.totals.path(f.Path)
		return w.row("remove", func() { w.rows.remove(&f) })
	}
	f := v.add()
	w.totals.path(f.Path)
	w.totals.bytes += f.Size
	return w.row("add", func() { w.rows.add(&f, w.layout, w.stats) })
}

// row appends a row of a kind.
func (w *checkpointWriter) row(kind string, appendTo func()) error {
	if kind != w.kind {
		if err := w.flush(); err != nil {
			return err
		}
		w.kind, w.rows = kind, newGroupBuilder(w.layout.schema.Field(w.layout.schema.FieldIndices(kind)[0]).Type)
	}
	appendTo()
	w.totals.count(kind, 1)
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
	columns := make([]arrow.Array, w.layout.schema.NumFields())
	for i, field := range w.layout.schema.Fields() {
		if field.Name == w.kind {
			columns[i] = w.rows.finish()
		} else {
			columns[i] = w.without(field)
		}
		defer columns[i].Release()
	}
	batch := array.NewRecordBatch(w.layout.schema, columns, int64(w.pending))
	w.pending = 0
	select {
	case w.batches <- batch:
		return nil
	case <-w.ctx.Done():
		batch.Release()
		return w.ctx.Err()
	}
}

// without returns the column of actions of another kind.
func (w *checkpointWriter) without(field arrow.Field) arrow.Array {
	if w.pending != checkpointBatch {
		return array.MakeArrayOfNull(memory.DefaultAllocator, field.Type, w.pending)
	}
	none := w.nulls[field.Name]
	if none == nil {
		none = array.MakeArrayOfNull(memory.DefaultAllocator, field.Type, w.pending)
		w.nulls[field.Name] = none
	}
	none.Retain()
	return none
}
