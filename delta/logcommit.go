package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// LogCommit is what one version did to the rows of a table, as the log has
// it. Files that were only rearranged, as by OPTIMIZE, are not in it.
type LogCommit struct {
	Version int64
	// Metadata is nil unless the version changed it.
	Metadata *Metadata
	Adds     []AddFile // in the order of the log
	Removes  []RemoveFile
}

// Commits yields the versions from one to another, both included, in order. It
// lists the log from there on and holds one commit at a time. The error is a
// [*TruncatedLogError] when the log no longer has one of them.
func (t *Table) Commits(ctx context.Context, from, to int64) iter.Seq2[*LogCommit, error] {
	return func(yield func(*LogCommit, error) bool) {
		if from > to {
			return
		}
		after := ""
		if from > 0 {
			after = commitKey(from - 1)
		}
		l, err := listLog(ctx, t.storage, after)
		var commits []commitFile
		if err == nil {
			commits, err = l.between(from, to)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for _, c := range commits {
			commit, err := t.logCommit(ctx, c.version)
			if !yield(commit, err) || err != nil {
				return
			}
		}
	}
}

// logCommit reads one commit.
func (t *Table) logCommit(ctx context.Context, version int64) (*LogCommit, error) {
	c := &LogCommit{Version: version}
	_, err := readCommit(ctx, t.storage, version, func(a *action) error {
		switch {
		case a.Add != nil && a.Add.DataChange:
			c.Adds = append(c.Adds, *a.Add)
		case a.Remove != nil && a.Remove.DataChange:
			c.Removes = append(c.Removes, *a.Remove)
		case a.MetaData != nil:
			m, err := a.MetaData.metadata()
			if err != nil {
				return err
			}
			c.Metadata = &m
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &TruncatedLogError{Version: version, Missing: version}
	}
	if err != nil {
		return nil, fmt.Errorf("read commit %d: %w", version, err)
	}
	return c, nil
}

// Earliest returns the first version whose commit the log still has.
func (t *Table) Earliest(ctx context.Context) (int64, error) {
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return 0, err
	}
	if len(l.commits) == 0 {
		return 0, &NotFoundError{}
	}
	return l.commits[0].version, nil
}

// VersionSince returns the first version committed at or after a point in
// time, which may be one that is yet to come; of a time before the log
// begins, the first that it has.
func (t *Table) VersionSince(ctx context.Context, since time.Time) (int64, error) {
	s, err := t.SnapshotAsOf(ctx, since)
	early := new(TimestampError)
	switch {
	case errors.As(err, &early) && early.early():
		l, err := listLog(ctx, t.storage, "")
		if err != nil || len(l.commits) == 0 {
			return 0, err
		}
		return l.commits[0].version, nil
	case err != nil:
		return 0, err
	case s.Timestamp().Before(since):
		return s.Version() + 1, nil
	}
	return s.Version(), nil
}

// ScanFiles yields the rows of data files as [Snapshot.Scan] does, whether or
// not the snapshot has them: those of an earlier version, or ones that have
// been removed since. Their rows are read with the snapshot's columns.
func (s *Snapshot) ScanFiles(ctx context.Context, files iter.Seq2[AddFile, error], opts ScanOptions) iter.Seq2[arrow.RecordBatch, error] {
	return s.scanFiles(ctx, opts, func(context.Context) iter.Seq2[AddFile, error] { return files })
}

// Unreadable returns a column of an earlier or later metadata m of the table
// that the snapshot's columns have no place for, because it was added, dropped
// or renamed or has another type; "" when files written under m can be read
// with the snapshot's columns and nothing of them is lost.
func (s *Snapshot) Unreadable(m Metadata) string { return unreadable(&m, &s.metadata) }
