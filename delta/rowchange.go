package delta

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta/internal/dv"
)

// RowChange changes rows of a table: some rows of a snapshot's files leave,
// others come. It is what DELETE, UPDATE and MERGE come down to.
//
// Rows that leave are named by their file and position, see
// [ScanOptions.FilePath] and [ScanOptions.RowIndex]. A file that loses all its
// rows is removed. One that loses some gets a deletion vector where the table
// has the property delta.enableDeletionVectors; elsewhere its other rows are
// written anew (copy-on-write). Where the table has a change data feed, Apply
// writes the feed's files too, if readers could not tell the changes without
// (protocol: Change Data Files).
//
// Memory is that of two [Writer]s, and some bits for each row that leaves. A
// RowChange is not safe for concurrent use.
type RowChange struct {
	storage Storage
	base    *Snapshot
	config  WriterConfig

	leaving map[string]*leavingRows // by AddFile.Path
	writer  *Writer                 // of rows that come, and of those kept
	feed    *changeFeed             // nil where the table has none
	vectors []string                // keys of deletion vector files written
	metrics RowChangeMetrics
	// renumbered is whether updated rows came without their ids.
	renumbered bool
}

// leavingRows are the rows that leave one file.
type leavingRows struct{ deleted, replaced dv.Vector }

// RowChangeMetrics count what a [RowChange] did, for the operation metrics of
// DELETE, UPDATE and MERGE (protocol: commitInfo).
type RowChangeMetrics struct {
	// Rows: deleted and replaced ones left the table, inserted ones came. An
	// updated row is counted once. Copied ones were only moved to a new file.
	DeletedRows, UpdatedRows, InsertedRows, CopiedRows int64
	// Data files and their sizes in bytes. Files that merely got a deletion
	// vector are neither added nor removed.
	AddedFiles, AddedBytes     int64
	RemovedFiles, RemovedBytes int64
	// Files of the change data feed.
	ChangeFiles, ChangeBytes int64
	// Deletion vectors. Those replaced by a larger one are updated, and also
	// counted as added and removed, as Spark does.
	VectorsAdded, VectorsRemoved, VectorsUpdated int64
	// RewriteTime is how long Apply took.
	RewriteTime time.Duration
}

// NewRowChange returns a change of rows of base. When cfg has no metadata it
// is that of base; other metadata, with columns added, is of a transaction
// that sets it. It does no I/O. The errors are those of [NewWriter] and, for
// an append-only table, of [RowChange.Apply].
func NewRowChange(st Storage, base *Snapshot, cfg WriterConfig) (*RowChange, error) {
	if cfg.Metadata.Schema == nil {
		cfg.Metadata = base.metadata
	}
	c := &RowChange{storage: st, base: base, config: cfg.withDefaults(), leaving: make(map[string]*leavingRows)}
	c.config.rowIDs = true
	var err error
	if isSet("delta.enableChangeDataFeed")(&c.config.Metadata) {
		c.config.MemoryLimit /= 2
		if c.feed, err = newChangeFeed(st, c.config); err != nil {
			return nil, err
		}
	}
	c.writer, err = NewWriter(st, c.config)
	return c, err
}

// Delete says that rows of a data file, named as by [AddFile.Path], leave the
// table. Rows may be named more than once, and deleted ones again.
func (c *RowChange) Delete(path string, rows ...int64) { c.leave(path).deleted.Add(rows...) }

// Replace is Delete for rows that are the old images of updated ones; the new
// images go to Update. A row that is both deleted and replaced is replaced.
func (c *RowChange) Replace(path string, rows ...int64) { c.leave(path).replaced.Add(rows...) }

func (c *RowChange) leave(path string) *leavingRows {
	rows := c.leaving[path]
	if rows == nil {
		rows = new(leavingRows)
		c.leaving[path] = rows
	}
	return rows
}

// Insert adds new rows; they are as [Writer.Write] wants them.
func (c *RowChange) Insert(ctx context.Context, rows arrow.RecordBatch) error {
	c.metrics.InsertedRows += rows.NumRows()
	return c.write(ctx, rows, nil, changeInsert)
}

// Update adds the new images of replaced rows, all columns of them. To a table
// that tracks rows they are new rows; see UpdateTracked.
func (c *RowChange) Update(ctx context.Context, rows arrow.RecordBatch) error {
	c.renumbered = true
	return c.write(ctx, rows, nil, changePostimage)
}

// UpdateTracked is Update for a table that tracks rows: ids are those of the
// replaced rows, see [ScanOptions.RowID], and remain theirs.
func (c *RowChange) UpdateTracked(ctx context.Context, rows arrow.RecordBatch, ids *array.Int64) error {
	return c.write(ctx, rows, ids, changePostimage)
}

func (c *RowChange) write(ctx context.Context, rows arrow.RecordBatch, ids *array.Int64, change string) error {
	if c.feed != nil {
		if change == changePostimage {
			c.feed.needed = true
		}
		c.writer.written = func(ctx context.Context, complete arrow.RecordBatch) error {
			return c.feed.write(ctx, complete, change)
		}
	}
	if change == changePostimage {
		return c.writer.update(ctx, rows, ids)
	}
	return c.writer.Write(ctx, rows)
}

// Abort gives up: it deletes everything written. It must not be called after
// a commit of the changes has been tried, unless that failed with a
// [*ConflictError]. It is safe to call at any time, more than once.
func (c *RowChange) Abort(ctx context.Context) error {
	errs := []error{c.writer.Abort(ctx)}
	if c.feed != nil {
		errs = append(errs, c.feed.writer.Abort(ctx))
	}
	for _, key := range c.vectors {
		errs = append(errs, c.storage.Delete(ctx, key))
	}
	c.vectors = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("abort change of rows: %w", err)
	}
	return nil
}
