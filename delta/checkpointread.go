package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"golang.org/x/sync/errgroup"
)

// checkpointBatch is how many rows of a checkpoint are decoded at a time.
const checkpointBatch = 8192

// maxPageBytes bounds what a page may unpack to.
const maxPageBytes = 256 << 20

// readCheckpoint takes in a checkpoint of any kind: classic, multi-part, or
// V2 as Parquet or JSON, with its sidecars (protocol: Checkpoints).
func (r *replay) readCheckpoint(ctx context.Context, st Storage, cp *checkpointFile) error {
	r.sidecars = nil
	for _, key := range cp.keys {
		if err := r.readCheckpointFile(ctx, st, key); err != nil {
			return err
		}
	}
	for _, sidecar := range r.sidecars {
		// Sidecars stand in their own directory, however the path is spelled.
		if err := r.readCheckpointFile(ctx, st, sidecarDir+path.Base(canonicalPath(sidecar))); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) readCheckpointFile(ctx context.Context, st Storage, key string) error {
	if !strings.HasSuffix(key, ".json") {
		return readCheckpointParquet(ctx, st, key, checkpointLeaves, r.applyRecord)
	}
	return withObject(ctx, st, key, func(obj Object) error {
		source := &logReader{object: obj}
		return source.verdict(readActions(source.section(), r.apply), "checkpoint is damaged")
	})
}

// readCheckpointParquet calls apply for batches of the chosen leaf columns of
// a file in Parquet.
func readCheckpointParquet(ctx context.Context, st Storage, key string, choose func(*file.Reader) []int, apply func(arrow.RecordBatch) error) error {
	return withObject(ctx, st, key, func(obj Object) error {
		source := &logReader{object: obj}
		err := guard(func() error { return readParquet(ctx, source.section(), choose, apply) })
		if ctx.Err() != nil {
			return err
		}
		return source.verdict(err, "checkpoint is damaged")
	})
}

// guard runs a decoder: the Parquet library panics on some damaged files.
func guard(decode func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoder panic: %v", p)
		}
	}()
	return decode()
}

func readParquet(ctx context.Context, section *io.SectionReader, choose func(*file.Reader) []int, apply func(arrow.RecordBatch) error) error {
	mem := memory.DefaultAllocator
	props := parquet.NewReaderProperties(mem)
	props.MaxUncompressedPageSize = maxPageBytes
	pq, err := file.NewParquetReader(section, file.WithReadProps(props))
	if err != nil {
		return err
	}
	defer pq.Close() //nolint:errcheck // closes nothing: the object is closed by its opener
	if err := checkChunks(pq, section.Size()); err != nil {
		return err
	}
	leaves := choose(pq)
	if len(leaves) == 0 {
		return nil
	}
	arrowProps := pqarrow.ArrowReadProperties{BatchSize: checkpointBatch}
	reader, err := pqarrow.NewFileReader(pq, arrowProps, mem)
	if err != nil {
		return err
	}
	records, err := reader.GetRecordReader(ctx, leaves, nil)
	if err != nil {
		return err
	}
	defer records.Release()
	return applyRecords(ctx, records, apply)
}

// checkChunks compares the footer with the size of the file. The decoder
// trusts it, and panics in goroutines of its own where nobody can recover.
func checkChunks(pq *file.Reader, size int64) error {
	meta := pq.MetaData()
	for g := range pq.NumRowGroups() {
		group := meta.RowGroup(g)
		if group.NumColumns() != meta.Schema.NumColumns() {
			return fmt.Errorf("row group %d has %d columns, the schema %d", g, group.NumColumns(), meta.Schema.NumColumns())
		}
		for c := range group.NumColumns() {
			chunk, err := group.ColumnChunk(c)
			if err != nil {
				return err
			}
			start := chunk.DataPageOffset()
			if chunk.HasDictionaryPage() && chunk.DictionaryPageOffset() > 0 {
				start = min(start, chunk.DictionaryPageOffset())
			}
			length := chunk.TotalCompressedSize()
			if start < 0 || length < 0 || start > size || length > size-start || chunk.NumValues() < 0 {
				return fmt.Errorf("column chunk %d of row group %d lies outside the file", c, g)
			}
		}
	}
	return nil
}

// applyRecords takes in batches while the next one is being decoded.
func applyRecords(ctx context.Context, records array.RecordReader, apply func(arrow.RecordBatch) error) error {
	decoding, ctx := errgroup.WithContext(ctx)
	batches := make(chan arrow.RecordBatch, 1)
	decoding.Go(func() error {
		defer close(batches)
		return guard(func() error { return decodeRecords(ctx, records, batches) })
	})
	decoding.Go(func() error {
		return guard(func() error {
			for batch := range batches {
				err := apply(batch)
				batch.Release()
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return decoding.Wait()
}

// decodeRecords sends batches, which their receiver releases.
func decodeRecords(ctx context.Context, records array.RecordReader, batches chan<- arrow.RecordBatch) error {
	for records.Next() {
		batch := records.RecordBatch()
		batch.Retain()
		select {
		case batches <- batch:
		case <-ctx.Done():
			batch.Release()
			return ctx.Err()
		}
	}
	if err := records.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// checkpointActions names the columns of a checkpoint that are read. Parsed
// forms of statistics and partition values repeat what the texts say, unless
// there are none; see needsParsedStats.
var checkpointActions = map[string]bool{
	"add": true, "remove": true, "metaData": true, "protocol": true, "txn": true, "domainMetadata": true, "sidecar": true,
}

// checkpointLeaves returns the indexes of the leaf columns to read.
func checkpointLeaves(pq *file.Reader) []int {
	var leaves []int
	sc := pq.MetaData().Schema
	parsed := needsParsedStats(pq)
	for i := range sc.NumColumns() {
		words := sc.Column(i).ColumnPath()
		if len(words) < 2 || !checkpointActions[words[0]] {
			continue
		}
		if parsed && words[0] == "add" && words[1] == parsedStats {
			leaves = append(leaves, i)
			continue
		}
		if strings.HasSuffix(words[1], "_parsed") || words[0] == "remove" && (words[1] == "stats" || words[1] == "tags") {
			continue
		}
		leaves = append(leaves, i)
	}
	return leaves
}

// applyRecord takes in the actions of one batch of rows.
func (r *replay) applyRecord(rec arrow.RecordBatch) error {
	for i, field := range rec.Schema().Fields() {
		actions, err := newGroup(field.Name, rec.Column(i))
		if err != nil {
			return err
		}
		read := map[string]func(*group) error{
			"add": r.readAdds, "remove": r.readRemoves, "metaData": r.readMetaData, "protocol": r.readProtocol,
			"txn": r.readTxns, "domainMetadata": r.readDomains, "sidecar": r.readSidecars,
		}[field.Name]
		if err := read(actions); err != nil {
			return fmt.Errorf("column %s: %w", field.Name, err)
		}
	}
	return nil
}
