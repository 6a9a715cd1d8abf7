package delta

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// OptimizeOptions say what [Table.Optimize] rewrites. The zero value packs
// small files together, and clusters tables that have clustering columns.
type OptimizeOptions struct {
	// Files, when set, leaves out the files for which it is false. It must
	// decide by partition values alone.
	Files func(AddFile) bool
	// Predicate is the text of Files, as history shows it; "" is none.
	Predicate string
	// ZOrderBy are the paths of columns by which rows are put near each other.
	ZOrderBy [][]string
	// Full clusters files again that are clustered already.
	Full bool
	// CubeSize is the size in bytes from which on files that were clustered
	// together are left alone; 0 is 100 GiB.
	CubeSize int64
	// TargetFileSize is the size in bytes that files are packed up to; 0 is
	// the table property delta.targetFileSize, or 1 GiB.
	TargetFileSize int64
	// MinFileSize is the size in bytes from which on a file is left alone; 0
	// is TargetFileSize.
	MinFileSize int64
	// MinFiles leaves alone partitions with fewer small files; 0 is 2.
	MinFiles int
	// Auto is recorded as whether a write caused the call.
	Auto bool
	// GroupBytes is about how much is rewritten for one commit; 0 is 8 GiB.
	GroupBytes int64
	// MemoryLimit and Parallelism are those of [WriterConfig].
	MemoryLimit int64
	Parallelism int
	// TempDir is the directory of files that hold rows being sorted; "" is the
	// system's.
	TempDir string
}

const (
	defaultOptimizeSize  = 1 << 30
	defaultOptimizeGroup = 8 << 30
	// maxDeletedShare is the share of deleted rows above which a file is
	// rewritten whatever its size, as Spark does.
	maxDeletedShare = 0.05
	// maxGroupTries bounds how often one group is done again after conflicts.
	maxGroupTries = 20
	// rewriteRows bounds the batches in which rows are moved: several of each
	// file being read are in memory.
	rewriteRows = 1 << 13
)

func (o OptimizeOptions) withDefaults(m *Metadata) OptimizeOptions {
	if o.TargetFileSize <= 0 {
		o.TargetFileSize = defaultOptimizeSize
		if n, ok := parseByteSize(m.Configuration["delta.targetFileSize"]); ok && n > 0 {
			o.TargetFileSize = n
		}
	}
	if o.MinFileSize <= 0 {
		o.MinFileSize = o.TargetFileSize
	}
	o.MinFiles = max(o.MinFiles, 2)
	if o.GroupBytes <= 0 {
		o.GroupBytes = defaultOptimizeGroup
	}
	return o
}

// Optimize rewrites files so that the table reads faster: it packs small
// files of a partition together in the order of their rows, or sorts rows by
// OptimizeOptions.ZOrderBy or the table's clustering columns. Deleted rows are
// left out of what is rewritten. No row changes, so readers of changes see
// nothing of it, and appends meanwhile never conflict.
//
// Work is committed group by group. When a file of a group was deleted or
// changed meanwhile, only that file's part of the group is done again. After
// an error what was committed stands; the result tells of it (semantics
// §15.9).
func (t *Table) Optimize(ctx context.Context, opts OptimizeOptions) (*OptimizeResult, error) {
	base, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	opts = opts.withDefaults(&base.metadata)
	o := &optimizer{table: t, base: base, opts: opts, operation: "OPTIMIZE", result: newOptimizeResult(t.opts.Clock())}
	if o.layout, err = newLayout(base, opts); err != nil {
		return nil, err
	}
	o.parameters = map[string]any{
		"predicate": predicateList(opts.Predicate), "zOrderBy": names(o.layout.zOrderNames()),
		"clusterBy": names(o.layout.clusterNames()), "auto": opts.Auto,
	}
	if o.layout.clusters() && opts.Full {
		o.parameters["isFull"] = true
	}
	return o.run(ctx)
}

// PurgeOptions say what [Table.Purge] rewrites.
type PurgeOptions struct {
	// Files, Predicate, GroupBytes, MemoryLimit and Parallelism are those of
	// [OptimizeOptions].
	Files       func(AddFile) bool
	Predicate   string
	GroupBytes  int64
	MemoryLimit int64
	Parallelism int
}

// Purge rewrites the files that hold deleted rows, so that a vacuum later
// removes these for good: REORG TABLE … APPLY (PURGE). It commits as
// [Table.Optimize] does.
func (t *Table) Purge(ctx context.Context, opts PurgeOptions) (*OptimizeResult, error) {
	base, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	o := &optimizer{
		table: t, base: base, operation: "REORG", purge: true, layout: &layout{},
		opts: OptimizeOptions{
			Files: opts.Files, Predicate: opts.Predicate, GroupBytes: opts.GroupBytes,
			MemoryLimit: opts.MemoryLimit, Parallelism: opts.Parallelism,
		}.withDefaults(&base.metadata),
		parameters: map[string]any{"predicate": predicateList(opts.Predicate), "applyPurge": true},
		result:     newOptimizeResult(t.opts.Clock()),
	}
	return o.run(ctx)
}

func predicateList(text string) []string {
	if text == "" {
		return []string{}
	}
	return []string{text}
}

// names returns a list that is written "[]" when it is empty.
func names(list []string) []string { return append([]string{}, list...) }

// optimizer is one run of OPTIMIZE or REORG.
type optimizer struct {
	table      *Table
	base       *Snapshot // that the current group is planned on
	opts       OptimizeOptions
	operation  string
	parameters map[string]any
	purge      bool
	layout     *layout
	result     *OptimizeResult
}

// bin is files of one partition that are rewritten together.
type bin struct {
	files  []AddFile
	output []AddFile // of their rewriting, nil before
}

func (b *bin) bytes() int64 {
	total := int64(0)
	for i := range b.files {
		total += b.files[i].Size
	}
	return total
}

func (o *optimizer) run(ctx context.Context) (*OptimizeResult, error) {
	if err := o.base.CheckWrite(); err != nil {
		return nil, err
	}
	bins, err := o.plan(ctx)
	if err != nil {
		return nil, err
	}
	for len(bins) > 0 {
		n, size := 0, int64(0)
		for n < len(bins) && (n == 0 || size+bins[n].bytes() <= o.opts.GroupBytes) {
			size += bins[n].bytes()
			n++
		}
		if err := o.group(ctx, bins[:n]); err != nil {
			return o.result.finish(o.table.opts.Clock()), err
		}
		bins = bins[n:]
	}
	return o.result.finish(o.table.opts.Clock()), nil
}

// group rewrites bins and commits them. After a conflict it keeps what is
// still right and does the rest again on a new snapshot.
func (o *optimizer) group(ctx context.Context, bins []*bin) error {
	for try := 0; ; try++ {
		bins, err := o.renew(ctx, bins)
		if err != nil {
			return errors.Join(err, o.discard(ctx, bins))
		}
		if len(bins) == 0 {
			return nil
		}
		for _, b := range bins {
			if b.output != nil {
				continue
			}
			if b.output, err = o.rewrite(ctx, b.files); err != nil {
				return errors.Join(err, o.discard(ctx, bins))
			}
		}
		err = o.commit(ctx, bins)
		if err == nil {
			o.result.note(bins, o.layout)
			return nil
		}
		if unknown := new(UnknownCommitError); errors.As(err, &unknown) {
			return err // the new files may be part of the table
		}
		if lost := new(ConflictError); !errors.As(err, &lost) || try == maxGroupTries {
			return errors.Join(err, o.discard(ctx, bins))
		}
	}
}

// renew moves to the table's newest version. Files that have left the table
// or lost rows since are dropped from their bins, whose output is discarded
// then, and all output when data files are written differently now.
func (o *optimizer) renew(ctx context.Context, bins []*bin) ([]*bin, error) {
	fresh, err := o.table.Snapshot(ctx)
	if err != nil {
		return bins, err
	}
	same := sameShape(&o.base.metadata, &fresh.metadata) && equalProtocols(o.base.protocol, fresh.protocol)
	o.base = fresh
	if err := fresh.CheckWrite(); err != nil {
		return bins, err
	}
	var stale []*bin
	kept := bins[:0:0]
	for _, b := range bins {
		before := len(b.files)
		b.files = slices.DeleteFunc(b.files, func(f AddFile) bool {
			rare, live := fresh.files.live(canonicalPath(f.Path))
			return !live || rare.dvID() != f.DeletionVector.UniqueID()
		})
		if len(b.files) < before || !same {
			stale = append(stale, &bin{output: b.output})
			b.output = nil
		}
		if o.worthwhile(b.files) {
			kept = append(kept, b)
		}
	}
	return kept, o.discard(ctx, stale)
}

// discard deletes what was written for bins.
func (o *optimizer) discard(ctx context.Context, bins []*bin) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, b := range bins {
		for _, f := range b.output {
			key, err := f.Key()
			if err == nil {
				err = o.table.storage.Delete(ctx, key)
			}
			errs = append(errs, err)
		}
		b.output = nil
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("delete unused files: %w", err)
	}
	return nil
}

// commit replaces the files of the bins by their output.
func (o *optimizer) commit(ctx context.Context, bins []*bin) error {
	tx := o.table.Begin(o.base)
	now := o.table.opts.Clock().UnixMilli()
	changed := newFileChange()
	for _, b := range bins {
		for _, f := range b.files {
			tx.Remove(f.Remove(now, false))
			changed.remove(f)
		}
		for _, f := range b.output {
			tx.Add(f)
			changed.add(f)
		}
	}
	tx.SetRowIDsPreserved(rowIDFields(&o.base.metadata) != nil)
	_, err := tx.Commit(ctx, CommitInfo{Operation: o.operation, Parameters: o.parameters, Metrics: changed.metrics()})
	return err
}

// rewrite writes the rows of files that are left as new ones, which it
// returns. On failure nothing stays behind.
func (o *optimizer) rewrite(ctx context.Context, files []AddFile) (added []AddFile, err error) {
	config := WriterConfig{
		Metadata: o.base.metadata, TargetFileSize: o.opts.TargetFileSize,
		MemoryLimit: o.opts.MemoryLimit, Parallelism: o.opts.Parallelism,
		Clock: o.table.opts.Clock, NewID: o.table.opts.NewID, rowIDs: true,
	}
	if o.layout.sorts() {
		config.MemoryLimit /= 2 // the sorter has the other half
	} else {
		config.TargetFileSize = math.MaxInt64 // a bin is a file
	}
	w, err := NewWriter(o.table.storage, config)
	if err != nil {
		return nil, err
	}
	if err = o.layout.write(ctx, o, files, w); err == nil {
		added, err = w.Close(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rewrite files: %w", err), w.Abort(context.WithoutCancel(ctx)))
	}
	o.layout.label(o, added)
	for i := range added {
		added[i].DataChange = false
		added[i].PartitionValues = files[0].PartitionValues // as it is spelled there
	}
	if added == nil {
		added = []AddFile{} // all rows were deleted: done, and nothing came of it
	}
	return added, nil
}

// scan yields the rows of files as the writer keeps them.
func (o *optimizer) scan(ctx context.Context, files []AddFile) iter.Seq2[arrow.RecordBatch, error] {
	opts := movedRows(&o.base.metadata, ScanOptions{Parallelism: o.opts.Parallelism, BatchRows: rewriteRows})
	return o.base.scanFiles(ctx, opts, theseFiles(files))
}

// copyRows hands the rows of files to the writer in order.
func (o *optimizer) copyRows(ctx context.Context, files []AddFile, w *Writer) error {
	for rows, err := range o.scan(ctx, files) {
		if err != nil {
			return err
		}
		err = w.keep(ctx, rows)
		rows.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// OptimizeResult is what an [Table.Optimize] has done.
type OptimizeResult struct {
	Started, Ended time.Time
	// Added and Removed are the data files written and replaced.
	Added, Removed FileSizes
	// Partitions, Bins and Commits count what was rewritten.
	Partitions, Bins, Commits int64
	// Considered and Skipped count the files looked at and left alone.
	Considered, Skipped int64
	// VectorsRemoved counts deletion vectors that went, RowsRemoved the
	// deleted rows that these marked.
	VectorsRemoved, RowsRemoved int64
	// Layout is nil when rows kept their order.
	Layout *LayoutResult

	partitions map[string]bool
}

// LayoutResult tells of rows that were sorted. A cube is files whose rows were
// sorted together.
type LayoutResult struct {
	// Clustering is false for ZORDER BY.
	Clustering bool
	// CubeFiles and OtherFiles are the files sorted that belonged to a cube
	// and that did not.
	CubeFiles, OtherFiles   FileSizes
	InputCubes, OutputCubes int64
}

func newOptimizeResult(now time.Time) *OptimizeResult {
	return &OptimizeResult{Started: now, partitions: make(map[string]bool)}
}

func (r *OptimizeResult) finish(now time.Time) *OptimizeResult {
	r.Ended = now
	r.Partitions = int64(len(r.partitions))
	r.Skipped = r.Considered - r.Removed.Files
	return r
}

// note takes in bins that have been committed.
func (r *OptimizeResult) note(bins []*bin, l *layout) {
	if l.sorts() {
		if r.Layout == nil {
			r.Layout = &LayoutResult{Clustering: l.clustering}
		}
		r.Layout.note(bins, l)
	}
	r.Commits++
	r.Bins += int64(len(bins))
	for _, b := range bins {
		r.partitions[string(appendPartition(nil, b.files[0].PartitionValues))] = true
		for _, f := range b.files {
			r.Removed.add(f.Size)
			if f.DeletionVector != nil {
				r.VectorsRemoved++
				r.RowsRemoved += f.DeletionVector.Cardinality
			}
		}
		for _, f := range b.output {
			r.Added.add(f.Size)
		}
	}
}

func (r *LayoutResult) note(bins []*bin, l *layout) {
	cubes := make(map[string]bool)
	for _, b := range bins {
		r.OutputCubes++
		for i := range b.files {
			if id := l.cube(&b.files[i]); l.clustering && id != "" {
				cubes[id] = true
				r.CubeFiles.add(b.files[i].Size)
				continue
			}
			r.OtherFiles.add(b.files[i].Size)
		}
	}
	r.InputCubes += int64(len(cubes))
}
