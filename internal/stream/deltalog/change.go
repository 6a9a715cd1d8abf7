package deltalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
)

// admit returns why a commit cannot be read: it changes rows, or the columns.
func (s *Source) admit(c *delta.LogCommit) error {
	if err := s.evolve(c); err != nil {
		return err
	}
	if c.Metadata != nil {
		if err := s.admitColumns(*c.Metadata, c.Version); err != nil {
			return err
		}
	}
	if len(c.Removes) == 0 || s.feed() || s.opts.Bool("skipChangeCommits") || s.opts.Bool("ignoreChanges") {
		return nil
	}
	gone := c.Removes[0].Path
	if len(c.Adds) > 0 {
		return errclass.New("DELTA_SOURCE_TABLE_IGNORE_CHANGES", "0A000",
			"Version %d of %s changes rows (it replaces %s, for example), and a stream reads only rows that are appended. "+
				"To pass over such commits, set the option skipChangeCommits; to take the changes in, %s", c.Version, s.cfg.Name, gone, anew)
	}
	if s.opts.Bool("ignoreDeletes") {
		return nil
	}
	return errclass.New("DELTA_SOURCE_IGNORE_DELETE", "0A000",
		"Version %d of %s deletes rows (it removes %s, for example), and a stream reads only rows that are appended. "+
			"To pass over such commits, set the option skipChangeCommits or ignoreDeletes; to take the deletion in, %s", c.Version, s.cfg.Name, gone, anew)
}

// skips reports whether nothing of a commit is read.
func (s *Source) skips(c *delta.LogCommit) bool {
	if len(c.Removes) == 0 || s.feed() {
		return false
	}
	return s.opts.Bool("skipChangeCommits") || len(c.Adds) == 0
}

// SchemaChangedError says that the columns of a table have changed since the
// stream was opened. Opening it again takes up the new ones.
type SchemaChangedError struct {
	Table   string
	Version int64
	Column  string
	tracked bool // and recorded
}

func (e *SchemaChangedError) Error() string {
	if e.tracked {
		return fmt.Sprintf("the columns of %s have changed in version %d, which is recorded; start the stream again, which then reads the new ones", e.Table, e.Version)
	}
	return fmt.Sprintf("the columns of %s have changed in version %d, column %s for one; start the stream again, which then reads the new ones",
		e.Table, e.Version, e.Column)
}

// ErrorClass returns Delta's class of the error.
func (*SchemaChangedError) ErrorClass() string { return "DELTA_SCHEMA_CHANGED_WITH_VERSION" }

// SQLState returns the error's SQLSTATE.
func (*SchemaChangedError) SQLState() string { return "KD007" }

// admitColumns checks that rows written with metadata m can be read with the
// columns of the stream.
func (s *Source) admitColumns(m delta.Metadata, version int64) error {
	column := s.snapshot.Unreadable(m)
	switch {
	case m.ID != s.snapshot.Metadata().ID:
		return errclass.New("DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE", "55019",
			"Version %d of %s begins another table in its place; %s", version, s.cfg.Name, anew)
	case column == "":
		return nil
	case version > s.snapshot.Version():
		return &SchemaChangedError{Table: s.cfg.Name, Version: version, Column: column}
	}
	return errclass.New("DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE_USE_SCHEMA_LOG", "42KD4",
		"Column %s of version %d of %s was dropped, renamed or given another type since, so that rows of that version cannot be read with the columns of today; %s",
		column, version, s.cfg.Name, anew)
}

// checkColumns checks, once, the columns at the place that a run begins at: a
// column that was renamed or dropped since shows in no later commit. Without
// column mapping that cannot happen.
func (s *Source) checkColumns(ctx context.Context, start offset) error {
	if s.log != nil {
		return nil // the log says what they are
	}
	if mode, ok := s.snapshot.Property("delta.columnMapping.mode"); s.checked || !ok || mode == "none" {
		return nil
	}
	version := start.Version
	if !start.InSnapshot {
		version--
	}
	s.checked = true
	if version < 0 || version >= s.snapshot.Version() {
		return nil
	}
	then, err := s.cfg.Table.SnapshotAt(ctx, version)
	_, truncated := errors.AsType[*delta.TruncatedLogError](err)
	_, unknown := errors.AsType[*delta.VersionNotFoundError](err)
	if truncated || unknown {
		return nil // and if a commit after it is missing too, reading it says so
	}
	if err != nil {
		return err
	}
	return s.admitColumns(then.Metadata(), version)
}
