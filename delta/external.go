package delta

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// locate returns where a file is that the log calls p: in the table's own
// storage, or, when p is absolute, wherever Options.External finds it. The
// error is an [*ExternalPathError] when nobody does.
func (t *Table) locate(ctx context.Context, p string) (Storage, string, error) {
	key, err := FileKey(p)
	if err == nil {
		return t.storage, key, nil
	}
	outside := new(ExternalPathError)
	canonical := canonicalPath(p)
	if !errors.As(err, &outside) || t.opts.External == nil || !isAbsolute(canonical) {
		return nil, "", err
	}
	st, key, err := t.opts.External(ctx, canonical)
	if err != nil {
		return nil, "", fmt.Errorf("find %s: %w", p, err)
	}
	return st, key, nil
}

// theseFiles returns a sequence of given files, in the form of
// [Snapshot.Files].
func theseFiles(files []AddFile) func(context.Context) iter.Seq2[AddFile, error] {
	return func(ctx context.Context) iter.Seq2[AddFile, error] {
		return func(yield func(AddFile, error) bool) {
			for _, f := range files {
				if err := ctx.Err(); err != nil {
					yield(AddFile{}, err)
					return
				}
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}
