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
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"
	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/delta/internal/datafile"
)

// checkpointBatch is how many rows of a checkpoint are decoded at a time.
const checkpointBatch = 8192

// maxPageBytes bounds what a page may unpack to.
const maxPageBytes = 256 << 20

// readCheckpoint takes in a checkpoint of any kind: classic, multi-part, or
// V2 as Parquet or JSON, with its sidecars (protocol: Checkpoints).
func (r *replay) readCheckpoint(ctx context.Context, st Storage, cp *checkpointFile) error {
	r.sidecars = nil
	load := newFileLoad(r.files.set.seed)
	if err := r.readCheckpointFiles(ctx, st, cp.keys, load); err != nil {
		return err
	}
	sidecars := make([]string, len(r.sidecars))
	for i, name := range r.sidecars {
		// Sidecars stand in their own directory, however the path is spelled.
		sidecars[i] = sidecarDir + path.Base(canonicalPath(name))
	}
	if err := r.readCheckpointFiles(ctx, st, sidecars, load); err != nil {
		return err
	}
	return r.files.adopt(load.segments)
}

// readCheckpointFiles reads several files at once, and keeps their files in
// the order of the keys.
func (r *replay) readCheckpointFiles(ctx context.Context, st Storage, keys []string, load *fileLoad) error {
	loads := make([]*fileLoad, len(keys))
	reading, ctx := errgroup.WithContext(ctx)
	reading.SetLimit(cap(load.workers))
	for i, key := range keys {
		loads[i] = &fileLoad{seed: load.seed, workers: load.workers}
		reading.Go(func() error { return r.readCheckpointFile(ctx, st, key, loads[i]) })
	}
	if err := reading.Wait(); err != nil {
		return err
	}
	for _, part := range loads {
		load.segments = append(load.segments, part.segments...)
	}
	return nil
}

func (r *replay) readCheckpointFile(ctx context.Context, st Storage, key string, load *fileLoad) error {
	if !strings.HasSuffix(key, ".json") {
		return withParquet(ctx, st, key, func(pq *file.Reader) error {
			if err := load.read(ctx, pq); err != nil {
				return err
			}
			leaves, groups, err := otherActions(pq)
			if err != nil || len(groups) == 0 {
				return err
			}
			return readBatches(ctx, pq, leaves, groups, r.applyRecord)
		})
	}
	return withObject(ctx, st, key, func(obj Object) error {
		source := &logReader{object: obj}
		return source.verdict(readActions(source.section(), r.applyShared), "checkpoint is damaged")
	})
}

// withParquet opens a file of a checkpoint for read, whose panics are errors.
func withParquet(ctx context.Context, st Storage, key string, read func(*file.Reader) error) error {
	return withObject(ctx, st, key, func(obj Object) error {
		source := &logReader{object: obj}
		err := guard(func() error { return openParquet(source.section(), read) })
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

func openParquet(section *io.SectionReader, read func(*file.Reader) error) error {
	props := parquet.NewReaderProperties(memory.DefaultAllocator)
	props.MaxUncompressedPageSize = maxPageBytes
	pq, err := file.NewParquetReader(section, file.WithReadProps(props))
	if err != nil {
		return err
	}
	defer pq.Close() //nolint:errcheck // closes nothing: the object is closed by its opener
	if err := checkChunks(pq, section.Size()); err != nil {
		return err
	}
	return read(pq)
}

// readBatches calls apply for batches of leaf columns; nil groups are all.
func readBatches(ctx context.Context, pq *file.Reader, leaves, groups []int, apply func(arrow.RecordBatch) error) error {
	if len(leaves) == 0 {
		return nil
	}
	records, err := recordsOf(ctx, pq, leaves, groups, checkpointBatch)
	if err != nil {
		return err
	}
	defer records.Release()
	return applyRecords(ctx, records, apply)
}

func recordsOf(ctx context.Context, pq *file.Reader, leaves, groups []int, batch int64) (pqarrow.RecordReader, error) {
	reader, err := pqarrow.NewFileReader(pq, pqarrow.ArrowReadProperties{BatchSize: batch}, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	return reader.GetRecordReader(ctx, leaves, groups)
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

// otherActions returns the leaf columns of the actions that are not of files,
// which are few, and the row groups that have any.
func otherActions(pq *file.Reader) (leaves, groups []int, err error) {
	sc := pq.MetaData().Schema
	var first []int
	for i := range sc.NumColumns() {
		words := sc.Column(i).ColumnPath()
		if len(words) < 2 || otherReaders[words[0]] == nil {
			continue
		}
		if len(leaves) == 0 || sc.Column(leaves[len(leaves)-1]).ColumnPath()[0] != words[0] {
			first = append(first, i)
		}
		leaves = append(leaves, i)
	}
	for group := range pq.NumRowGroups() {
		some, err := hasActions(pq, group, first)
		if err != nil {
			return nil, nil, err
		}
		if some {
			groups = append(groups, group)
		}
	}
	return leaves, groups, nil
}

// hasActions reports whether a row group has actions of the kinds that have
// these leaf columns. Columns of nothing but nulls are read in no time.
func hasActions(pq *file.Reader, group int, numbers []int) (bool, error) {
	leaves, err := datafile.OpenLeaves(pq, group, numbers)
	if err != nil {
		return false, err
	}
	defer leaves.Close()
	for {
		rows, err := leaves.Next(checkpointBatch)
		if err != nil || rows == 0 {
			return false, err
		}
		for i := range numbers {
			if leaf := leaves.Leaf(i); leaf.Reaches(levelAt(leaf.Descr(), 1)) {
				return true, nil
			}
		}
	}
}

// levelAt returns the definition level of a column's ancestor at a depth of
// so many names: values of that level or above have it.
func levelAt(column *pqschema.Column, depth int) int16 {
	node := column.SchemaNode()
	for range len(column.ColumnPath()) - depth {
		node = node.Parent()
	}
	level := int16(0)
	for ; node.Parent() != nil; node = node.Parent() {
		if node.RepetitionType() != parquet.Repetitions.Required {
			level++
		}
	}
	return level
}

// otherReaders read the actions of one batch, each of one kind.
var otherReaders = map[string]func(*replay, *group) error{
	"metaData": (*replay).readMetaData, "protocol": (*replay).readProtocol, "txn": (*replay).readTxns,
	"domainMetadata": (*replay).readDomains, "sidecar": (*replay).readSidecars,
}

// applyRecord takes in the actions of one batch of rows. Batches of several
// files may come at once.
func (r *replay) applyRecord(rec arrow.RecordBatch) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	for i, field := range rec.Schema().Fields() {
		actions, err := newGroup(field.Name, rec.Column(i))
		if err != nil {
			return err
		}
		if err := otherReaders[field.Name](r, actions); err != nil {
			return fmt.Errorf("column %s: %w", field.Name, err)
		}
	}
	return nil
}

// applyShared is [replay.apply] for readers of several files at once.
func (r *replay) applyShared(a *action) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.apply(a)
}
