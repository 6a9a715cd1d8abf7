package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/freshet/freshet/delta/internal/dv"
)

// CloneOptions say how [Table.Clone] copies a table.
type CloneOptions struct {
	// SourceURI is the root of the source, such as "file:///data/t" or
	// "s3://bucket/t", not percent-encoded.
	SourceURI string
	// SourceName is how history calls the source; "" is SourceURI.
	SourceName string
	// Deep copies the data files; otherwise the clone refers to the source's.
	Deep bool
	// Replace puts the clone in place of a table that exists; otherwise that
	// is an error.
	Replace bool
	// Properties are set on top of the source's.
	Properties map[string]string
	// Forget are applications that begin anew with a table that is replaced.
	Forget []string
	// Parallelism bounds how many files are copied at a time; 0 is 4.
	Parallelism int
}

// CloneResult is what a clone consists of.
type CloneResult struct {
	Version int64
	// Source is the files of the source, Copied those that were copied, none
	// by a shallow clone, and Removed those of the table that was replaced.
	Source, Copied, Removed FileSizes
}

// Clone makes the table a copy of a version of another one, with a history of
// its own. A shallow clone holds the absolute paths of the source's files,
// which a vacuum of the source may delete; whoever reads it needs
// Options.External. What applications have recorded in the source is not
// copied (semantics §15.11).
func (t *Table) Clone(ctx context.Context, source *Snapshot, opts CloneOptions) (*CloneResult, error) {
	c := &clone{table: t, source: source, opts: opts, root: rootURI(opts.SourceURI), result: &CloneResult{}, vectors: make(map[string]string)}
	base, err := t.Snapshot(ctx)
	if missing := new(NotFoundError); errors.As(err, &missing) {
		base, err = nil, nil
	}
	switch {
	case err != nil:
		return nil, err
	case base != nil && !opts.Replace:
		return nil, &ConflictError{Kind: ConflictConcurrentWrite, Version: base.Version(), Detail: "the table exists already"}
	}
	err = c.run(ctx, base)
	if unknown := new(UnknownCommitError); err != nil && !errors.As(err, &unknown) {
		err = errors.Join(err, c.discard(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return nil, err
	}
	return c.result, nil
}

// rootURI returns a table's root as the log spells absolute paths.
func rootURI(uri string) string {
	uri = strings.TrimRight(uri, "/")
	scheme := uriScheme(uri)
	rest := strings.TrimPrefix(uri, scheme+":")
	if scheme == "" {
		scheme, rest = "file", uri
	}
	return scheme + ":" + FilePath(rest)
}

// clone is one run of CREATE TABLE … CLONE.
type clone struct {
	table   *Table
	source  *Snapshot
	opts    CloneOptions
	root    string
	files   []AddFile
	result  *CloneResult
	mu      sync.Mutex
	vectors map[string]string // of a deep clone: new names by the source's keys
	copied  []string          // keys
}

func (c *clone) run(ctx context.Context, base *Snapshot) error {
	for f, err := range c.source.Files(ctx) {
		if err != nil {
			return err
		}
		c.result.Source.add(f.Size)
		f.DataChange = true
		c.files = append(c.files, f)
	}
	adapt := c.refer
	if c.opts.Deep {
		adapt = c.copyFile
	}
	limit := c.opts.Parallelism
	if limit <= 0 {
		limit = 4
	}
	tasks, taskCtx := errgroup.WithContext(ctx)
	tasks.SetLimit(limit)
	for i := range c.files {
		tasks.Go(func() error { return adapt(taskCtx, &c.files[i]) })
	}
	if err := tasks.Wait(); err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	return c.commit(ctx, base)
}

// refer makes a file's paths absolute.
func (c *clone) refer(_ context.Context, f *AddFile) error {
	if !isAbsolute(canonicalPath(f.Path)) {
		f.Path = c.root + "/" + f.Path
	}
	d := f.DeletionVector
	if d == nil || d.StorageType != relativeVector {
		return nil
	}
	key, err := dv.FileKey(d.PathOrInlineDV)
	if err != nil {
		return err
	}
	absolute := *d
	absolute.StorageType, absolute.PathOrInlineDV = absoluteVector, c.root+"/"+FilePath(key)
	f.DeletionVector = &absolute
	return nil
}

// copyFile copies a data file and the file of its deletion vector.
func (c *clone) copyFile(ctx context.Context, f *AddFile) error {
	from, key, err := c.source.table.locate(ctx, f.Path)
	if err != nil {
		return err
	}
	// A name of its own: the table may be replaced by a clone of itself.
	to := c.table.opts.NewID() + "-" + path.Base(key)
	if dir := path.Dir(key); dir != "." && from == c.source.storage() {
		to = dir + "/" + to
	}
	if err := c.copyObject(ctx, from, key, to); err != nil {
		return err
	}
	f.Path = FilePath(to)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.copied = append(c.copied, to)
	c.result.Copied.add(f.Size)
	return c.copyVector(ctx, f)
}

// copyVector copies the file of a deletion vector, which several data files
// may share. c.mu is held.
func (c *clone) copyVector(ctx context.Context, f *AddFile) error {
	d := f.DeletionVector
	if d == nil || d.StorageType == inlineVector {
		return nil
	}
	name := d.PathOrInlineDV
	if d.StorageType == relativeVector {
		key, err := dv.FileKey(name)
		if err != nil {
			return err
		}
		name = FilePath(key)
	}
	copied, ok := c.vectors[name]
	if !ok {
		from, key, err := c.source.table.locate(ctx, name)
		if err != nil {
			return err
		}
		copied = dv.FileName(uuid.New())
		to, err := dv.FileKey(copied)
		if err != nil {
			return err
		}
		if err := c.copyObject(ctx, from, key, to); err != nil {
			return err
		}
		c.vectors[name] = copied
		c.copied = append(c.copied, to)
	}
	own := *d
	own.StorageType, own.PathOrInlineDV = relativeVector, copied
	f.DeletionVector = &own
	return nil
}

func (c *clone) copyObject(ctx context.Context, from Storage, key, to string) error {
	in, err := from.Open(ctx, key)
	if err != nil {
		return fmt.Errorf("copy %s: %w", key, err)
	}
	defer func() { _ = in.Close() }() // nothing was written
	out, err := c.table.storage.Create(ctx, to)
	if err != nil {
		return fmt.Errorf("copy %s: %w", key, err)
	}
	if _, err = io.Copy(out, contextReader{ctx, io.NewSectionReader(in, 0, in.Size())}); err == nil {
		err = out.Close()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy %s: %w", key, err), out.Abort())
	}
	return nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// commit makes the copies the table.
func (c *clone) commit(ctx context.Context, base *Snapshot) error {
	tx := c.table.Begin(base)
	now := c.table.opts.Clock().UnixMilli()
	if base != nil {
		tx.ReadTable()
		for f, err := range base.Files(ctx) {
			if err != nil {
				return err
			}
			c.result.Removed.add(f.Size)
			tx.Remove(f.Remove(now, true))
		}
		for _, app := range c.opts.Forget {
			if v, ok := base.TransactionVersion(app); ok && v != 0 {
				tx.ReadTransaction(app)
				tx.SetTransaction(app, 0)
			}
		}
	}
	m := c.source.Metadata().Clone()
	m.ID = ""
	delete(m.Configuration, "delta.inCommitTimestampEnablementVersion") // of the source's history
	delete(m.Configuration, "delta.inCommitTimestampEnablementTimestamp")
	if m.Configuration == nil {
		m.Configuration = make(map[string]string)
	}
	maps.Copy(m.Configuration, c.opts.Properties)
	p := c.source.Protocol()
	if base != nil {
		p = base.Protocol().withFeatures(p.writerFeatures()...)
	}
	tx.SetProtocol(p)
	tx.SetMetadata(m)
	for domain, d := range c.source.domains {
		tx.SetDomainMetadata(domain, d.Configuration, false)
	}
	for _, f := range c.files {
		tx.Add(f)
	}
	name := c.opts.SourceName
	if name == "" {
		name = c.opts.SourceURI
	}
	var err error
	c.result.Version, err = tx.Commit(ctx, CommitInfo{
		Operation: "CLONE", Parameters: map[string]any{"source": name, "sourceVersion": c.source.Version(), "isShallow": !c.opts.Deep},
		Metrics: counters(map[string]int64{
			"sourceTableSize": c.result.Source.Bytes, "sourceNumOfFiles": c.result.Source.Files,
			"numRemovedFiles": c.result.Removed.Files, "removedFilesSize": c.result.Removed.Bytes,
			"numCopiedFiles": c.result.Copied.Files, "copiedFilesSize": c.result.Copied.Bytes,
		}),
	})
	return err
}

// discard deletes what a clone that failed has copied.
func (c *clone) discard(ctx context.Context) error {
	var errs []error
	for _, key := range c.copied {
		errs = append(errs, c.table.storage.Delete(ctx, key))
	}
	return errors.Join(errs...)
}
