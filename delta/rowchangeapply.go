package delta

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/delta/internal/dv"
)

// changedFile is a data file that rows leave.
type changedFile struct {
	AddFile
	rows              int64      // physical ones, deleted rows counted
	old               *dv.Vector // deleted before
	deleted, replaced *dv.Vector // that leave now; disjoint
	gone              *dv.Vector // all of these
}

// whole reports whether no row of the file is left.
func (f *changedFile) whole() bool { return f.gone.Cardinality() == f.rows }

// vectorLoads bounds the deletion vectors read at a time.
const vectorLoads = 8

// Apply writes what is left to write and adds the change to tx, which must
// have begun on the same snapshot: the actions, and that it depends on the
// files that rows leave. What else it has read, such as files in which nothing
// was found, is the caller's to declare. A table with delta.appendOnly that
// would lose rows is an [*AppendOnlyError]. After Apply the RowChange can only
// be aborted.
func (c *RowChange) Apply(ctx context.Context, tx *Transaction) (RowChangeMetrics, error) {
	start := c.config.Clock()
	if len(c.leaving) > 0 && isSet("delta.appendOnly")(&c.config.Metadata) {
		return c.metrics, &AppendOnlyError{}
	}
	files, err := c.changedFiles(ctx)
	if err != nil {
		return c.metrics, err
	}
	var emptied, partly []*changedFile
	for _, f := range files {
		tx.ReadFiles(f.Path)
		c.metrics.DeletedRows += f.deleted.Cardinality()
		c.metrics.UpdatedRows += f.replaced.Cardinality()
		switch {
		case f.whole():
			emptied = append(emptied, f)
		case f.deleted.Cardinality()+f.replaced.Cardinality() > 0:
			partly = append(partly, f)
		}
	}
	for _, f := range emptied {
		c.remove(tx, f)
	}
	if isSet("delta.enableDeletionVectors")(&c.config.Metadata) {
		err = c.markDeleted(ctx, tx, partly)
	} else {
		err = c.rewrite(ctx, tx, partly)
	}
	if err == nil {
		err = c.finishFeed(ctx, tx, files)
	}
	if err == nil {
		err = c.finishData(ctx, tx)
	}
	if moved, ok := c.writer.Metadata(); ok {
		tx.SetMetadata(moved)
	}
	if c.metrics.UpdatedRows > 0 || c.metrics.CopiedRows > 0 {
		tx.SetRowIDsPreserved(c.writer.rowIDs != nil && !c.renumbered)
	}
	c.metrics.RewriteTime = c.config.Clock().Sub(start)
	return c.metrics, err
}

// remove takes a file out of the table.
func (c *RowChange) remove(tx *Transaction, f *changedFile) {
	tx.Remove(f.Remove(c.config.Clock().UnixMilli(), true))
	c.metrics.RemovedFiles++
	c.metrics.RemovedBytes += f.Size
	if f.DeletionVector != nil {
		c.metrics.VectorsRemoved++
	}
}

// changedFiles returns the files that rows leave, in order of their paths.
func (c *RowChange) changedFiles(ctx context.Context) ([]*changedFile, error) {
	files := make([]*changedFile, 0, len(c.leaving))
	err := c.base.files.each(func(v *rowView) bool {
		if !v.tombstone() && c.leaving[v.path()] != nil {
			files = append(files, &changedFile{AddFile: v.add()})
		}
		return len(files) < len(c.leaving)
	})
	if err != nil {
		return nil, err
	}
	if len(files) < len(c.leaving) {
		for _, f := range files {
			delete(c.leaving, f.Path)
		}
		return nil, &ActionError{Reason: fmt.Sprintf("file %q, of which rows should be deleted, is not in the table",
			slices.Min(slices.Collect(maps.Keys(c.leaving))))}
	}
	slices.SortFunc(files, func(a, b *changedFile) int { return strings.Compare(a.Path, b.Path) })
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(vectorLoads)
	for _, f := range files {
		tasks.Go(func() error { return c.load(ctx, f) })
	}
	return files, tasks.Wait()
}

// load finds out which rows f has and which of them leave.
func (c *RowChange) load(ctx context.Context, f *changedFile) error {
	var err error
	if f.old, err = c.base.table.deletedRows(ctx, f.AddFile); err != nil {
		return err
	}
	if f.rows, err = c.base.table.physicalRows(ctx, f.AddFile); err != nil {
		return err
	}
	leaving := c.leaving[f.Path]
	f.replaced = leaving.replaced.Without(f.old)
	f.deleted = leaving.deleted.Without(f.old).Without(f.replaced)
	f.gone = f.old.Union(f.replaced).Union(f.deleted)
	if last := f.gone.Last(); last >= f.rows {
		return &ActionError{Reason: fmt.Sprintf("file %q has %d rows, none at position %d to delete", f.Path, f.rows, last)}
	}
	return nil
}

// physicalRows returns how many rows a file stores: as its statistics say, or
// as its footer does when they do not.
func (t *Table) physicalRows(ctx context.Context, f AddFile) (int64, error) {
	if rows, ok := f.NumRecords(); ok {
		return rows, nil
	}
	storage, key, err := t.locate(ctx, f.Path)
	if err != nil {
		return 0, err
	}
	object, err := storage.Open(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("open data file %s: %w", f.Path, err)
	}
	r := &storageReader{Object: object}
	defer func() { _ = r.Close() }() // nothing was written
	rows, err := datafile.CountRows(r, object.Size())
	switch {
	case r.err() != nil:
		return 0, fmt.Errorf("read data file %s: %w", f.Path, r.err())
	case err != nil:
		return 0, &CorruptFileError{Path: f.Path, Err: err}
	}
	return rows, nil
}

// rewrite copies the rows that stay in files to new ones.
func (c *RowChange) rewrite(ctx context.Context, tx *Transaction, files []*changedFile) error {
	if len(files) == 0 {
		return nil
	}
	p, err := newScanPlan(c.base.table, &c.config.Metadata, movedRows(&c.config.Metadata, ScanOptions{Parallelism: c.config.Parallelism}))
	if err != nil {
		return err
	}
	p.without = pick(files, func(f *changedFile) *dv.Vector { return f.gone })
	for rows, err := range p.scan(ctx, addFiles(files)) {
		if err != nil {
			return err
		}
		c.metrics.CopiedRows += rows.NumRows()
		err = c.writer.keep(ctx, rows)
		rows.Release()
		if err != nil {
			return err
		}
	}
	for _, f := range files {
		c.remove(tx, f)
	}
	if c.feed != nil {
		c.feed.needed = true
	}
	return nil
}

// pick returns a look-up by file of something of the changed files.
func pick(files []*changedFile, what func(*changedFile) *dv.Vector) func(AddFile) *dv.Vector {
	byPath := make(map[string]*dv.Vector, len(files))
	for _, f := range files {
		byPath[f.Path] = what(f)
	}
	return func(f AddFile) *dv.Vector { return byPath[f.Path] }
}

func addFiles(files []*changedFile) iter.Seq2[AddFile, error] {
	return func(yield func(AddFile, error) bool) {
		for _, f := range files {
			if !yield(f.AddFile, nil) {
				return
			}
		}
	}
}

// finishFeed writes the old images of changed rows and adds the feed's files,
// if the feed needs any: once a commit has one, readers look at nothing else,
// so it must hold every change of the commit.
func (c *RowChange) finishFeed(ctx context.Context, tx *Transaction, files []*changedFile) error {
	if c.feed == nil {
		return nil
	}
	if !c.feed.needed && (len(files) == 0 || c.metrics.UpdatedRows == 0 && c.metrics.InsertedRows == 0) {
		return c.feed.writer.Abort(ctx)
	}
	images := map[string]func(*changedFile) *dv.Vector{
		changeDelete:   func(f *changedFile) *dv.Vector { return f.deleted },
		changePreimage: func(f *changedFile) *dv.Vector { return f.replaced },
	}
	for _, change := range []string{changeDelete, changePreimage} {
		rows := pick(files, images[change])
		p, err := newScanPlan(c.base.table, &c.config.Metadata, ScanOptions{
			Parallelism: c.config.Parallelism,
			Rows:        func(f AddFile) *RowSet { return &RowSet{rows: *rows(f)} },
		})
		if err != nil {
			return err
		}
		for old, err := range p.scan(ctx, addFiles(files)) {
			if err != nil {
				return err
			}
			err = c.feed.write(ctx, old, change)
			old.Release()
			if err != nil {
				return err
			}
		}
	}
	changes, err := c.feed.close(ctx)
	if err != nil {
		return err
	}
	for _, f := range changes {
		c.metrics.ChangeFiles++
		c.metrics.ChangeBytes += f.Size
	}
	tx.changes = append(tx.changes, changes...)
	return nil
}

// finishData adds the files of rows that came or were kept.
func (c *RowChange) finishData(ctx context.Context, tx *Transaction) error {
	files, err := c.writer.Close(ctx)
	if err != nil {
		return err
	}
	for _, f := range files {
		tx.Add(f)
		c.metrics.AddedFiles++
		c.metrics.AddedBytes += f.Size
	}
	return nil
}
