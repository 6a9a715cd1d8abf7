package delta

import (
	"context"
	"strconv"
)

// TruncateResult is what [Table.Truncate] removed.
type TruncateResult struct {
	Version int64 // of the commit; -1 when there was nothing to remove
	Removed FileSizes
}

// Truncate removes all rows, or those of the files that a predicate over
// partition values is true for; a nil one is true for all.
func (t *Table) Truncate(ctx context.Context, files func(AddFile) bool) (*TruncateResult, error) {
	started := t.opts.Clock()
	s, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	result := &TruncateResult{Version: -1}
	tx := t.Begin(s)
	tx.ReadTable()
	for f, err := range s.Files(ctx) {
		if err != nil {
			return nil, err
		}
		if files == nil || files(f) {
			result.Removed.add(f.Size)
			tx.Remove(f.Remove(started.UnixMilli(), true))
		}
	}
	if result.Removed.Files == 0 {
		return result, nil
	}
	result.Version, err = tx.Commit(ctx, CommitInfo{Operation: "TRUNCATE", Metrics: map[string]string{
		"numRemovedFiles": strconv.FormatInt(result.Removed.Files, 10),
		"executionTimeMs": strconv.FormatInt(t.opts.Clock().Sub(started).Milliseconds(), 10),
	}})
	if err != nil {
		return nil, err
	}
	return result, nil
}
