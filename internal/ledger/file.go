package ledger

import (
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/schema"
)

// file is a row.
type file struct {
	filestate.Entry
	batch   *filestate.Batch // that took it; nil for none yet
	taken   bool             // a finished batch has gone past it
	planned bool             // a batch that is not finished reads it
	source  *Source
	listed  bool   // known from a listing alone
	reason  string // why a listing leaves it out
}

// column is a column and how it is computed.
type column struct {
	field schema.Field
	value func(f *file) any
}

// all are the columns of cloud_files_state (semantics §11.2), and then those
// that file_ledger has besides. The times of what has not happened are NULL.
var all = []column{
	{schema.Field{Name: "path", Type: schema.String}, func(f *file) any { return location.Escape(f.Path) }},
	{schema.Field{Name: "size", Type: schema.Long}, func(f *file) any { return f.Size }},
	{schema.Field{Name: "create_time", Type: schema.Timestamp}, func(f *file) any { return micros(f.ModTime) }},
	{schema.Col("discovery_time", schema.Timestamp), func(f *file) any { return unless(f.listed, micros(f.Discovered)) }},
	{schema.Col("processed_time", schema.Timestamp), func(f *file) any { return f.batchTime(func(b *filestate.Batch) int64 { return b.Processed }) }},
	{schema.Col("commit_time", schema.Timestamp), func(f *file) any { return f.batchTime(func(b *filestate.Batch) int64 { return b.Committed }) }},
	{schema.Col("archive_time", schema.Timestamp), func(f *file) any { return unless(f.archived() == nil, micros(f.StateTime)) }},
	{schema.Col("archive_mode", schema.String), (*file).archived},
	{schema.Col("move_location", schema.String), func(f *file) any { return unless(f.State != filestate.ArchivedByMove, location.Escape(f.Detail)) }},
	{schema.Col("source_id", schema.String), func(f *file) any { return f.source.ID }},
	{schema.Col("flow_name", schema.String), func(f *file) any { return unless(f.source.Flow == "", f.source.Flow) }},
	{schema.Col("ingestion_state", schema.String), (*file).ingestionState},
	{schema.Col("state", schema.String), func(f *file) any { return f.state() }},
	{schema.Col("reason", schema.String), (*file).why},
}

// stateColumns is how many of them cloud_files_state has.
const stateColumns = 12

// Columns are the columns of a ledger.
type Columns []column

// States returns the columns of cloud_files_state.
func States() Columns { return all[:stateColumns] }

// All returns the columns of file_ledger.
func All() Columns { return all }

// Schema returns the columns' names and types.
func (c Columns) Schema() *schema.Struct {
	out := schema.New()
	for _, f := range c {
		out.Fields = append(out.Fields, f.field)
	}
	return out
}

// timed reports whether some of the columns are times of batches.
func (c Columns) timed() bool {
	return slices.ContainsFunc(c, func(f column) bool { return f.field.Name == "processed_time" || f.field.Name == "commit_time" })
}

// Pick returns the columns of some names; nil is all.
func (c Columns) Pick(names []string) Columns {
	if names == nil {
		return c
	}
	return slices.DeleteFunc(slices.Clone(c), func(f column) bool { return !slices.Contains(names, f.field.Name) })
}

func micros(at int64) any { return arrow.Timestamp(at) }

// unless returns v, or NULL when absent is true.
func unless(absent bool, v any) any {
	if absent {
		return nil
	}
	return v
}

func (f *file) batchTime(of func(*filestate.Batch) int64) any {
	if f.batch == nil {
		return nil
	}
	return micros(of(f.batch))
}

func (f *file) archived() any {
	switch f.State { //nolint:exhaustive // the others are not archived
	case filestate.ArchivedByDelete:
		return "DELETE"
	case filestate.ArchivedByMove:
		return "MOVE"
	}
	return nil
}

// ingestionState is the state in Databricks' words.
func (f *file) ingestionState() any {
	switch {
	case f.State == filestate.SkippedCorrupted:
		return "SKIPPED_CORRUPTED"
	case f.State == filestate.SkippedMissing:
		return "SKIPPED_MISSING"
	case f.listed, f.State == filestate.SkippedExisting, f.State == filestate.Forgotten:
		return nil
	case f.taken:
		return "INGESTED"
	case f.planned:
		return "PROCESSING"
	}
	return nil
}

// state is the state in the words of the ledger.
func (f *file) state() string {
	switch {
	case f.State == filestate.Forgotten:
		return "forgotten"
	case f.listed && f.reason == "":
		return "new"
	case f.listed, f.State == filestate.SkippedCorrupted, f.State == filestate.SkippedMissing, f.State == filestate.SkippedExisting:
		return "skipped"
	case f.taken:
		return "committed"
	case f.State == filestate.Failed:
		return "failed"
	case f.planned:
		return "pending"
	}
	return "discovered"
}

// why says in words why a file is not loaded, or was loaded without rows.
func (f *file) why() any {
	switch f.state() {
	case "new":
		return "the next refresh discovers it"
	case "forgotten":
		return "it was forgotten; the next refresh that lists it discovers it"
	case "discovered", "pending":
		return unless(f.State != filestate.Replacing, "its rows are to take the place of those loaded before")
	case "failed":
		return f.Detail
	case "committed":
		return unless(f.Size > 0, "it is empty")
	}
	switch f.State { //nolint:exhaustive // the others were not skipped
	case filestate.SkippedCorrupted:
		return detailed("it cannot be read, and option ignoreCorruptFiles is set", f.Detail)
	case filestate.SkippedMissing:
		return detailed("it was gone, and option ignoreMissingFiles or mode failOnNewColumns passes over that", f.Detail)
	case filestate.SkippedExisting:
		return "it was there at the first start, and option includeExistingFiles is false"
	}
	return f.reason
}

func detailed(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + ": " + detail
}
