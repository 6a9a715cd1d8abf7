package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// commitChanges are the actions of one commit that changed rows. Files that
// were only rearranged are not among them.
type commitChanges struct {
	version   int64
	timestamp int64 // Unix milliseconds
	feed      []AddFile
	adds      []AddFile
	removes   []RemoveFile
}

// commit yields the changes of one version.
func (r *changesReader) commit(ctx context.Context, file commitFile) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		c, err := r.read(ctx, file)
		if err != nil {
			yield(nil, err)
			return
		}
		if len(c.feed) > 0 { // and then it holds all of them
			r.scan(ctx, c, changedRows{files: c.feed})(yield)
			return
		}
		groups, err := r.compare(ctx, c)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, g := range groups {
			for batch, err := range r.scan(ctx, c, g) {
				if !yield(batch, err) || err != nil {
					return
				}
			}
		}
	}
}

// read gathers a commit's changes and checks what it does to the table.
func (r *changesReader) read(ctx context.Context, file commitFile) (*commitChanges, error) {
	c := &commitChanges{version: file.version, timestamp: file.modTime}
	_, err := readCommit(ctx, r.table.storage, file.version, func(a *action) error {
		switch {
		case a.Change != nil:
			c.feed = append(c.feed, AddFile{Path: a.Change.Path, PartitionValues: a.Change.PartitionValues, Size: a.Change.Size})
		case a.Add != nil && a.Add.DataChange:
			c.adds = append(c.adds, *a.Add)
		case a.Remove != nil && a.Remove.DataChange:
			c.removes = append(c.removes, *a.Remove)
		case a.CommitInfo != nil && a.CommitInfo.InCommitTimestamp != nil:
			c.timestamp = *a.CommitInfo.InCommitTimestamp
		case a.MetaData != nil:
			m, err := a.MetaData.metadata()
			if err != nil {
				return err
			}
			return r.check(&m, file.version)
		}
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &TruncatedLogError{Version: r.opts.To, Missing: file.version}
	case err != nil:
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return c, nil
}

// changedRows are files all of whose chosen rows changed in one way.
type changedRows struct {
	change string // empty when the files themselves tell, as those of the feed do
	files  []AddFile
	rows   map[string]*RowSet // by path; a file that is not there has all its rows chosen
}

// compare tells the changes of a commit without change data files: rows of
// files that came and went, and those that a new deletion vector marks or
// clears.
func (r *changesReader) compare(ctx context.Context, c *commitChanges) ([]changedRows, error) {
	deleted := changedRows{change: changeDelete, rows: make(map[string]*RowSet)}
	inserted := changedRows{change: changeInsert, rows: make(map[string]*RowSet)}
	added := make(map[string]*AddFile, len(c.adds))
	for i := range c.adds {
		added[canonicalPath(c.adds[i].Path)] = &c.adds[i]
	}
	for i := range c.removes {
		gone := &c.removes[i]
		if gone.PartitionValues == nil && len(r.metadata.PartitionColumns) > 0 {
			return nil, &LogError{
				Key: commitKey(c.version), Reason: fmt.Sprintf("the partition values of the removed file %q are not recorded", gone.Path),
			}
		}
		old := AddFile{Path: gone.Path, PartitionValues: gone.PartitionValues, Size: deref(gone.Size), DeletionVector: gone.DeletionVector, Stats: gone.Stats}
		p := canonicalPath(gone.Path)
		next := added[p]
		if next == nil {
			deleted.files = append(deleted.files, old)
			continue
		}
		delete(added, p)
		before, err := r.table.deletedRows(ctx, old)
		if err != nil {
			return nil, err
		}
		after, err := r.table.deletedRows(ctx, *next)
		if err != nil {
			return nil, err
		}
		both := *next // read without either vector, by position
		both.DeletionVector = nil
		deleted.choose(both, &RowSet{rows: *after.Without(before)})
		inserted.choose(both, &RowSet{rows: *before.Without(after)})
	}
	for i := range c.adds {
		if added[canonicalPath(c.adds[i].Path)] != nil {
			inserted.files = append(inserted.files, c.adds[i])
		}
	}
	return []changedRows{deleted, inserted}, nil
}

// choose adds some rows of a file.
func (g *changedRows) choose(f AddFile, rows *RowSet) {
	if rows.Len() > 0 {
		g.files = append(g.files, f)
		g.rows[f.Path] = rows
	}
}

// scan yields changed rows with the feed's columns.
func (r *changesReader) scan(ctx context.Context, c *commitChanges, g changedRows) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		if len(g.files) == 0 {
			return
		}
		p, err := r.plan(g)
		if err != nil {
			yield(nil, err)
			return
		}
		for rows, err := range p.scan(ctx, theseFiles(g.files)(ctx)) {
			if err == nil {
				var told arrow.RecordBatch
				told, err = r.tell(c, g.change, rows)
				rows.Release()
				rows = told
			}
			if !yield(rows, err) || err != nil {
				return
			}
		}
	}
}

// plan plans to read files of data, or of the feed when their rows tell their
// own change.
func (r *changesReader) plan(g changedRows) (*scanPlan, error) {
	opts := ScanOptions{
		Columns: r.opts.Columns, Filter: r.opts.Filter, Parallelism: r.opts.Parallelism, BatchRows: r.opts.BatchRows,
		Rows: func(f AddFile) *RowSet { return g.rows[f.Path] },
	}
	m := r.metadata
	if g.change == "" {
		m = changeMetadata(m)
		if opts.Columns != nil {
			opts.Columns = append(slices.Clone(opts.Columns), changeTypeColumn)
		}
	}
	return newScanPlan(r.table, &m, opts)
}

// tell adds the feed's columns to rows; the first is there already when
// change is empty.
func (r *changesReader) tell(c *commitChanges, change string, rows arrow.RecordBatch) (arrow.RecordBatch, error) {
	constants := []struct {
		typ   schema.Type
		value scalar
	}{
		{schema.String, scalar{s: change}},
		{schema.Long, scalar{i: c.version}},
		{schema.Timestamp, scalar{i: c.timestamp * 1000}},
	}
	if change == "" {
		constants = constants[1:]
	}
	columns := slices.Clone(rows.Columns())
	for _, k := range constants {
		arr, err := constant(k.typ, k.value, int(rows.NumRows()))
		if err != nil {
			return nil, err
		}
		defer arr.Release()
		columns = append(columns, arr)
	}
	s, err := r.schema()
	if err != nil {
		return nil, err
	}
	return array.NewRecordBatch(schema.ToArrow(s), columns, rows.NumRows()), nil
}
