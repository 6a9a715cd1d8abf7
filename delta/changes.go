package delta

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/schema"
)

// The columns that a change data feed has after the table's, besides the type
// of the change.
const (
	commitVersionColumn   = "_commit_version"
	commitTimestampColumn = "_commit_timestamp"
)

// ChangesOptions say which changes of a table to read.
type ChangesOptions struct {
	// From and To are the versions whose changes are read, both included. A
	// To that is negative or not reached yet is the latest version.
	From, To int64
	// Since, when not zero, takes the place of From: the first version
	// committed at or after it. Until takes the place of To: the last version
	// committed at or before it.
	Since, Until time.Time
	// Columns are the table's columns to read; nil is all. Those of the feed
	// itself always follow.
	Columns []string
	// Filter leaves out files as [ScanOptions.Filter] does.
	Filter Predicate
	// Parallelism and BatchRows are those of [ScanOptions].
	Parallelism, BatchRows int
}

// NoChangeDataError says that a version recorded no changes: the table had no
// change data feed then.
type NoChangeDataError struct{ From, To, Version int64 }

func (e *NoChangeDataError) Error() string {
	return fmt.Sprintf("changes of versions %d to %d cannot be read: version %d did not record any; the table property "+
		"delta.enableChangeDataFeed=true makes a table record them from then on", e.From, e.To, e.Version)
}

// ErrorClass returns Delta's class of the error.
func (*NoChangeDataError) ErrorClass() string { return "DELTA_MISSING_CHANGE_DATA" }

// SQLState returns the error's SQLSTATE.
func (*NoChangeDataError) SQLState() string { return "KD002" }

// ChangesSchemaError says that changes of a version cannot be read as rows of
// the schema they are asked for in: a column was dropped, renamed or changed
// its type in between.
type ChangesSchemaError struct {
	From, To int64
	Version  int64 // whose schema does not fit
	Column   string
}

func (e *ChangesSchemaError) Error() string {
	return fmt.Sprintf("changes of versions %d to %d cannot be read at once: column %s of version %d is not in the schema they "+
		"are read in; read the versions before and after that change on their own", e.From, e.To, e.Column, e.Version)
}

// ErrorClass returns Delta's class of the error: the range begins with
// another schema, or changes to it.
func (e *ChangesSchemaError) ErrorClass() string {
	if e.Version == e.From {
		return "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA"
	}
	return "DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE"
}

// SQLState returns the error's SQLSTATE.
func (*ChangesSchemaError) SQLState() string { return "0AKDC" }

// ChangesRangeError refuses a range of versions: its end comes before its
// start, or it goes beyond the latest version.
type ChangesRangeError struct{ From, To, Latest int64 }

func (e *ChangesRangeError) Error() string {
	if e.From > e.Latest {
		return fmt.Sprintf("changes from version %d on do not exist: the latest version is %d", e.From, e.Latest)
	}
	return fmt.Sprintf("changes of versions %d to %d: the end comes before the start", e.From, e.To)
}

// ErrorClass returns Delta's class of the error.
func (e *ChangesRangeError) ErrorClass() string {
	if e.From > e.Latest {
		return "DELTA_CDC_START_VERSION_AFTER_LATEST"
	}
	return "DELTA_INVALID_CDC_RANGE"
}

// SQLState returns the error's SQLSTATE.
func (*ChangesRangeError) SQLState() string { return "22003" }

// Changes yields the changes of rows in a range of versions, in order of the
// versions (protocol: Change Data Files). Batches hold the table's columns,
// then _change_type (insert, delete, update_preimage or update_postimage),
// _commit_version and _commit_timestamp, in the schema of
// [Table.ChangesSchema]. An update of a version without change data files
// shows as a delete and an insert.
//
// Memory is bounded by the actions of one commit, as of a scan. The consumer
// owns each batch and must release it; the first error ends the sequence:
// [*NoChangeDataError], [*ChangesSchemaError], [*ChangesRangeError], or one of
// [Table.SnapshotAt] and [Snapshot.Scan].
func (t *Table) Changes(ctx context.Context, opts ChangesOptions) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		r, err := t.changesReader(ctx, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, c := range r.commits {
			for batch, err := range r.commit(ctx, c) {
				if !yield(batch, err) || err != nil {
					return
				}
			}
		}
	}
}

// ChangesSchema returns the schema of what [Table.Changes] yields: that of the
// latest version or, under column mapping, of the last version read.
func (t *Table) ChangesSchema(ctx context.Context, opts ChangesOptions) (*schema.Struct, error) {
	r, err := t.changesReader(ctx, opts)
	if err != nil {
		return nil, err
	}
	return r.schema()
}

// changesReader reads the changes of a range of versions.
type changesReader struct {
	table    *Table
	opts     ChangesOptions // with From and To resolved
	commits  []commitFile
	metadata Metadata // whose schema the changes are read in
}

// changesReader finds out which versions to read, and checks the first.
func (t *Table) changesReader(ctx context.Context, opts ChangesOptions) (*changesReader, error) {
	latest, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.resolveChanges(ctx, &opts, latest); err != nil {
		return nil, err
	}
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return nil, err
	}
	r := &changesReader{table: t, opts: opts, metadata: latest.metadata}
	if r.commits, err = l.between(opts.From, opts.To); err != nil {
		return nil, err
	}
	r.commits = increasing(r.commits)
	first := latest
	if opts.From != latest.Version() {
		if first, err = t.at(ctx, l, opts.From); err != nil {
			return nil, err
		}
	}
	if mappingOf(&latest.metadata).active && opts.To != latest.Version() {
		last, err := t.at(ctx, l, opts.To)
		if err != nil {
			return nil, err
		}
		r.metadata = last.metadata
	}
	return r, r.check(&first.metadata, opts.From)
}

// resolveChanges turns times into versions and checks the range.
func (t *Table) resolveChanges(ctx context.Context, opts *ChangesOptions, latest *Snapshot) error {
	if opts.To < 0 || opts.To > latest.Version() {
		opts.To = latest.Version()
	}
	if !opts.Since.IsZero() {
		from, err := t.VersionSince(ctx, opts.Since)
		if err != nil {
			return err
		}
		opts.From = from
	}
	if !opts.Until.IsZero() {
		s, err := t.SnapshotAsOf(ctx, opts.Until)
		if err != nil {
			return err
		}
		opts.To = s.Version()
	}
	switch {
	case opts.From > latest.Version(), opts.To < opts.From:
		return &ChangesRangeError{From: opts.From, To: opts.To, Latest: latest.Version()}
	case opts.From < 0:
		return &VersionNotFoundError{Version: opts.From, Latest: latest.Version()}
	}
	return nil
}

// check returns why changes of a version with metadata m cannot be read.
func (r *changesReader) check(m *Metadata, version int64) error {
	if !isSet("delta.enableChangeDataFeed")(m) {
		return &NoChangeDataError{From: r.opts.From, To: r.opts.To, Version: version}
	}
	if column := unreadable(m, &r.metadata); column != "" {
		return &ChangesSchemaError{From: r.opts.From, To: r.opts.To, Version: version, Column: column}
	}
	return nil
}

// unreadable returns a column of m that rows read as those of read's schema
// would lack or could not hold; "" when there is none.
func unreadable(m, read *Metadata) string {
	files, wanted := mappingOf(m), mappingOf(read)
	for _, f := range m.Schema.Fields {
		i := slices.IndexFunc(read.Schema.Fields, func(g schema.Field) bool {
			return wanted.physicalName(g) == files.physicalName(f) && strings.EqualFold(g.Name, f.Name)
		})
		if i < 0 || !readableAs(files.physical(f.Type), wanted.physical(read.Schema.Fields[i].Type)) {
			return schema.QuoteIdent(f.Name)
		}
	}
	return ""
}

// schema returns the schema of the batches.
func (r *changesReader) schema() (*schema.Struct, error) {
	selected := r.metadata.Schema
	if r.opts.Columns != nil {
		var err error
		if selected, err = selected.Select(r.opts.Columns...); err != nil {
			return nil, err
		}
	}
	return &schema.Struct{Fields: append(slices.Clone(selected.Fields),
		schema.Field{Name: changeTypeColumn, Type: schema.String, Nullable: true},
		schema.Field{Name: commitVersionColumn, Type: schema.Long, Nullable: true},
		schema.Field{Name: commitTimestampColumn, Type: schema.Timestamp, Nullable: true},
	)}, nil
}
