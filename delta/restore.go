package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/schema"
)

// RestoreOptions say how [Table.Restore] goes about it.
type RestoreOptions struct {
	// Timestamp is what the version was asked for by, as history shows it, or
	// empty.
	Timestamp string
	// IgnoreMissing leaves out data files that are gone, with their rows.
	IgnoreMissing bool
	// Transactions, when set, returns how far applications have come from now
	// on, of those for which that has to change.
	Transactions func(latest *Snapshot) map[string]int64
	// Parallelism bounds how many files are looked for at a time; 0 is 16.
	Parallelism int
}

// RestoreResult is what a restore has changed.
type RestoreResult struct {
	Version int64 // of the commit
	// Table is the files that the table has now, Removed and Restored those
	// that left it and came back.
	Table, Removed, Restored FileSizes
}

// Restore makes the table what it was at another of its versions, by a new
// commit: rows, schema, properties and clustering columns. Data files that
// have been vacuumed are a [*MissingFilesError], before anything is changed.
// How far applications have come is not taken back, so that streams do not
// load again what the restore has removed (semantics §15.8); neither is how far
// identity columns have counted.
func (t *Table) Restore(ctx context.Context, to *Snapshot, opts RestoreOptions) (*RestoreResult, error) {
	latest, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	r := &restore{table: t, latest: latest, to: to, result: &RestoreResult{}}
	if err := r.compare(ctx); err != nil {
		return nil, err
	}
	if err := r.findFiles(ctx, opts); err != nil {
		return nil, err
	}
	return r.commit(ctx, opts)
}

// restore is one run of RESTORE.
type restore struct {
	table      *Table
	latest, to *Snapshot
	add        []AddFile
	remove     []AddFile
	result     *RestoreResult
}

// compare finds which files make the difference of the two versions.
func (r *restore) compare(ctx context.Context) error {
	for f, err := range r.to.Files(ctx) {
		if err != nil {
			return err
		}
		r.result.Table.add(f.Size)
		if !r.latest.hasFile(f) {
			r.add = append(r.add, f)
		}
	}
	for f, err := range r.latest.Files(ctx) {
		if err != nil {
			return err
		}
		if !r.to.hasFile(f) {
			r.remove = append(r.remove, f)
		}
	}
	return nil
}

// hasFile reports whether a file is live in s with the same rows.
func (s *Snapshot) hasFile(f AddFile) bool {
	rare, live := s.files.live(canonicalPath(f.Path))
	return live && rare.dvID() == f.DeletionVector.UniqueID()
}

// findFiles looks whether the files to add are still there.
func (r *restore) findFiles(ctx context.Context, opts RestoreOptions) error {
	limit := opts.Parallelism
	if limit <= 0 {
		limit = 16
	}
	var mu sync.Mutex
	missing := make(map[string]bool)
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.SetLimit(limit)
	for _, f := range r.add {
		tasks.Go(func() error {
			err := r.table.find(ctx, f.Path)
			if errors.Is(err, fs.ErrNotExist) {
				mu.Lock()
				defer mu.Unlock()
				missing[f.Path] = true
				return nil
			}
			return err
		})
	}
	if err := tasks.Wait(); err != nil {
		return fmt.Errorf("look for data files: %w", err)
	}
	if len(missing) == 0 {
		return nil
	}
	first, _ := first(missing)
	if !opts.IgnoreMissing {
		return &MissingFilesError{Version: r.to.Version(), Files: len(missing), First: first}
	}
	kept := r.add[:0:0]
	for _, f := range r.add {
		if !missing[f.Path] {
			kept = append(kept, f)
			continue
		}
		r.result.Table.Files--
		r.result.Table.Bytes -= f.Size
	}
	r.add = kept
	return nil
}

// find returns nil when the file is there, [fs.ErrNotExist] when it is not.
func (t *Table) find(ctx context.Context, p string) error {
	st, key, err := t.locate(ctx, p)
	if err != nil {
		return err
	}
	object, err := st.Open(ctx, key)
	if err != nil {
		return err
	}
	return object.Close()
}

func (r *restore) commit(ctx context.Context, opts RestoreOptions) (*RestoreResult, error) {
	tx := r.table.Begin(r.latest)
	tx.ReadTable()
	now := r.table.opts.Clock().UnixMilli()
	for _, f := range r.remove {
		r.result.Removed.add(f.Size)
		tx.Remove(f.Remove(now, true))
	}
	for _, f := range r.add {
		r.result.Restored.add(f.Size)
		f.DataChange = true
		tx.Add(f)
	}
	tx.SetMetadata(r.metadata())
	if opts.Transactions != nil {
		for app, version := range opts.Transactions(r.latest) {
			tx.ReadTransaction(app)
			tx.SetTransaction(app, version)
		}
	}
	old, had := r.latest.DomainMetadata(clusteringDomain)
	if domain, has := r.to.DomainMetadata(clusteringDomain); has && domain != old {
		tx.SetDomainMetadata(clusteringDomain, domain, false)
	} else if had && !has {
		tx.SetDomainMetadata(clusteringDomain, old, true)
	}
	parameters := map[string]any{"version": r.to.Version(), "timestamp": nil}
	if opts.Timestamp != "" {
		parameters = map[string]any{"version": nil, "timestamp": opts.Timestamp}
	}
	var err error
	r.result.Version, err = tx.Commit(ctx, CommitInfo{Operation: "RESTORE", Parameters: parameters, Metrics: counters(map[string]int64{
		"tableSizeAfterRestore": r.result.Table.Bytes, "numOfFilesAfterRestore": r.result.Table.Files,
		"numRemovedFiles": r.result.Removed.Files, "removedFilesSize": r.result.Removed.Bytes,
		"numRestoredFiles": r.result.Restored.Files, "restoredFilesSize": r.result.Restored.Bytes,
	})})
	if err != nil {
		return nil, err
	}
	return r.result, nil
}

// metadata returns that of the version restored, with identity columns that
// go on where they are now: a value is never given twice.
func (r *restore) metadata() Metadata {
	m := r.to.Metadata().Clone()
	for i := range m.Schema.Fields {
		f := &m.Schema.Fields[i]
		at := slices.IndexFunc(r.latest.Schema().Fields, func(now schema.Field) bool { return strings.EqualFold(now.Name, f.Name) })
		id, ok := IdentityOf(*f)
		if at < 0 || !ok {
			continue
		}
		now, ok := IdentityOf(r.latest.Schema().Fields[at])
		if !ok || now.HighWaterMark == nil {
			continue
		}
		mark := *now.HighWaterMark
		if id.HighWaterMark == nil || (id.Step > 0) == (mark > *id.HighWaterMark) {
			f.Metadata = maps.Clone(f.Metadata)
			id.HighWaterMark = &mark
			id.Mark(f)
		}
	}
	return m
}

// MissingFilesError says that data files of a version have been deleted.
type MissingFilesError struct {
	Version int64
	Files   int    // how many
	First   string // the least of their paths
}

func (e *MissingFilesError) Error() string {
	return fmt.Sprintf("version %d cannot be restored: %d of its data files are gone, such as %s; restore a later version",
		e.Version, e.Files, e.First)
}
