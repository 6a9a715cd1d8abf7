package delta

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/delta/internal/datafile"
)

// dataFile is a data file that is being written.
type dataFile struct {
	key    string
	upload Upload
	writer *datafile.Writer
	stats  *statistics
}

// flush hands a partition's rows to a goroutine that encodes them as a row
// group of its file. One runs at a time; the writer waits for it before the
// next, and before it closes.
func (w *Writer) flush(ctx context.Context, p *openPartition) error {
	if len(p.pending) == 0 {
		return nil
	}
	if err := w.settle(); err != nil {
		return err
	}
	if err := w.begin(ctx, p); err != nil {
		return err
	}
	rows := p.pending
	w.buffered, w.encoding = w.buffered-p.bytes, p.bytes
	p.pending, p.rows, p.bytes = nil, 0, 0
	done := make(chan error, 1)
	w.flushing = done
	f := p.file
	go func() {
		err := f.write(ctx, rows)
		for _, r := range rows {
			r.Release()
		}
		done <- err
	}()
	return nil
}

// settle waits for the row group being encoded and finishes files that have
// reached the target size, or are too many.
func (w *Writer) settle() error {
	if w.flushing == nil {
		return nil
	}
	err := <-w.flushing
	w.flushing, w.encoding = nil, 0
	if err != nil {
		return err
	}
	for _, p := range slices.Clone(w.open) {
		if p.file.writer.Size() >= w.config.TargetFileSize {
			if err := w.finish(p); err != nil {
				return err
			}
		}
	}
	for len(w.open) > maxOpenFiles {
		largest := slices.MaxFunc(w.open, func(a, b *openPartition) int { return int(a.file.writer.Size() - b.file.writer.Size()) })
		if err := w.finish(largest); err != nil {
			return err
		}
	}
	return nil
}

// write encodes rows as one row group and gathers their statistics, side by
// side.
func (f *dataFile) write(ctx context.Context, rows []arrow.RecordBatch) error {
	for _, r := range rows {
		datafile.Settle(r)
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		if err := f.writer.WriteRowGroup(ctx, rows); err != nil {
			return fmt.Errorf("write data file %s: %w", f.key, err)
		}
		return nil
	})
	tasks.Go(func() error {
		for _, r := range rows {
			f.stats.add(r)
		}
		return nil
	})
	return tasks.Wait()
}

// begin starts a file for the partition if it has none.
func (w *Writer) begin(ctx context.Context, p *openPartition) error {
	if p.file != nil {
		return nil
	}
	key := w.newKey(p)
	upload, err := w.storage.Create(ctx, key)
	if err != nil {
		return fmt.Errorf("create data file %s: %w", key, err)
	}
	p.file = &dataFile{
		key:    key,
		upload: upload,
		writer: datafile.NewWriter(upload, w.layout, w.codec, w.config.Parallelism),
		stats:  newStatistics(w.stats),
	}
	w.open = append(w.open, p)
	return nil
}

// newKey names a new file. Under column mapping the directories of partitions
// would tell logical names, so they are random, as Spark's are.
func (w *Writer) newKey(p *openPartition) string {
	id := w.config.NewID()
	directory := ""
	if len(p.values) > 0 {
		if !mappingOf(&w.config.Metadata).active {
			directory = partitionDirectory(w.config.Metadata.PartitionColumns, p.values)
		}
		if directory == "" {
			directory = id[:2] + "/"
		}
	}
	codec := ""
	if w.codec.Name != "" {
		codec = "." + w.codec.Name
	}
	kind := "part"
	if w.config.directory != "" {
		kind = "cdc"
	}
	name := fmt.Sprintf("%s-%05d-%s.c000%s.parquet", kind, w.sequence, id, codec)
	w.sequence++
	return w.config.directory + directory + name
}

// finish publishes the partition's file and records its add action.
func (w *Writer) finish(p *openPartition) error {
	f := p.file
	if err := f.writer.Close(); err != nil {
		return fmt.Errorf("write data file %s: %w", f.key, err)
	}
	if err := f.upload.Close(); err != nil {
		return fmt.Errorf("publish data file %s: %w", f.key, err)
	}
	p.file = nil
	w.open = slices.DeleteFunc(w.open, func(o *openPartition) bool { return o == p })
	w.files = append(w.files, AddFile{
		Path:             FilePath(f.key),
		PartitionValues:  w.partitioner.named(p.values),
		Size:             f.writer.Size(),
		ModificationTime: w.config.Clock().UnixMilli(),
		DataChange:       true,
		Stats:            f.stats.json(w.tight),
	})
	return nil
}

// Close writes what is left, publishes all files and returns their add
// actions, in the order in which they were finished. When it fails, Abort
// removes what was published.
func (w *Writer) Close(ctx context.Context) ([]AddFile, error) {
	if w.failed != nil {
		return nil, w.failed
	}
	if err := w.fail(w.close(ctx)); err != nil {
		return nil, err
	}
	return w.files, nil
}

func (w *Writer) close(ctx context.Context) error {
	// Partitions in the order in which they came up, so that a run repeats.
	for id := range int32(len(w.partitioner.known)) {
		if p := w.partitions[id]; p != nil {
			if err := w.flush(ctx, p); err != nil {
				return err
			}
		}
	}
	if err := w.settle(); err != nil {
		return err
	}
	for len(w.open) > 0 {
		if err := w.finish(w.open[0]); err != nil {
			return err
		}
	}
	return nil
}

// Abort gives up: unfinished files are discarded, finished ones deleted,
// buffered rows released. It must not be called after a commit of the files
// has been tried. It is safe to call at any time, more than once.
func (w *Writer) Abort(ctx context.Context) error {
	if w.flushing != nil {
		err := <-w.flushing
		w.flushing = nil
		if w.failed == nil {
			w.failed = err
		}
	}
	if w.failed == nil {
		w.failed = errors.New("write rows: the writer was aborted")
	}
	var errs []error
	for _, p := range w.open {
		// A failed publication may have worked nevertheless.
		errs = append(errs, p.file.upload.Abort(), w.storage.Delete(ctx, p.file.key))
		p.file = nil
	}
	w.open = nil
	for _, p := range w.partitions {
		for _, r := range p.pending {
			r.Release()
		}
		p.pending = nil
	}
	for _, f := range w.files {
		key, err := f.Key()
		if err == nil {
			err = w.storage.Delete(ctx, key)
		}
		errs = append(errs, err)
	}
	w.files = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("abort write: %w", err)
	}
	return nil
}
