// Package format turns the bytes of files into Arrow record batches.
//
// Each sub-package is one file format behind [Format]. Readers make one pass,
// in parallel inside a file and across files, in bounded memory; they type,
// rescue and find unknown fields while they parse, so that nothing has to look
// at the bytes again.
package format

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/option"
	"github.com/freshet/freshet/schema"
)

// Format is one file format. It is safe for concurrent use.
type Format interface {
	// Options declares the reader options of the format.
	Options() option.Set

	// Infer returns the schema of all files together, every column nullable.
	// Partition columns are not its concern. An error
	// that concerns one file is a [*FileError].
	Infer(ctx context.Context, files []File, req Inference) (*schema.Struct, error)

	// Read yields the rows of files in order. An error of type [*FileError]
	// concerns one file: a consumer that goes on gets the next file. Any other
	// error ends the sequence. The consumer owns each batch and must release
	// it; it may stop at any time, and everything the reader started has then
	// ended when Read's loop returns.
	Read(ctx context.Context, files iter.Seq[File], req Request) iter.Seq2[Batch, error]
}

// File is one input file.
type File struct {
	Path    string // the URI listed, without encoding or decoding; see URI
	Store   object.Store
	Key     string // in Store
	Size    int64  // bytes, as listed
	ModTime time.Time
}

// URI returns the file's path as users see it in _metadata.file_path and in
// rescued data: percent-encoded, as Spark has it.
func (f *File) URI() string { return location.Escape(f.Path) }

// Inference says how to infer a schema.
type Inference struct {
	Options option.Values
	// InferTypes types columns as Spark does; when false every top-level
	// column of a text format is STRING (semantics §3.2).
	InferTypes bool
	// SampleBytes stops after about so many decoded bytes; 0 reads everything.
	SampleBytes int64
	// KeepVoid leaves a column without any value VOID instead of STRING, so
	// that the caller of a sample knows that it is undecided.
	KeepVoid bool
	// MergeSchema unifies the schemas of all files; when false, formats whose
	// files name their columns may take the first file's.
	MergeSchema bool
	// CorruptRecords adds the column columnNameOfCorruptRecord when malformed
	// records are met under mode PERMISSIVE, where the format's inference does
	// so (semantics §4.3).
	CorruptRecords bool
	TimeZone       *time.Location // of timestamps without one; nil is UTC
}

// Request says what to read.
type Request struct {
	// Schema is the data columns to produce, in order, all nullable. A column
	// whose name is the format's columnNameOfCorruptRecord receives the text
	// of corrupt records.
	Schema  *schema.Struct
	Options option.Values
	// Rescue is the name of the rescued data column, or "" for none
	// (semantics §4).
	Rescue string
	// CaseSensitive matches field names exactly, so that a field that differs
	// in case is rescued; otherwise names match ignoring case.
	CaseSensitive bool
	TimeZone      *time.Location // of timestamps without one; nil is UTC
	// BatchRows bounds the rows of a batch; 0 lets the reader choose.
	BatchRows int
	// BadRecord, when set, receives each malformed record instead of the
	// parse mode's treatment (option badRecordsPath). It may be called
	// concurrently.
	BadRecord func(BadRecord)
}

// Batch is some consecutive rows of one file: the columns of Request.Schema
// in order, then the rescued data column, if one was asked for. String
// columns may be dictionary-encoded with uint32 indices.
type Batch struct {
	arrow.RecordBatch
	File *File
	// FirstRow is the 0-based number of the first row in the file, counting
	// rows yielded.
	FirstRow int64
	// Bytes is how much of the file, as stored, the batch took, for progress.
	Bytes int64
	// Mismatches counts the records of the batch, dropped ones included, that
	// were malformed, or held a value that did not fit its column or that
	// inference would not have given the column's type.
	Mismatches int64
	// Unknown lists fields of the data that Request.Schema lacks, with the
	// types inference gives them; nil when there are none. Readers fill it
	// for schema evolution.
	Unknown *schema.Struct
}

// BadRecord is a record that could not be parsed.
type BadRecord struct {
	Path   string
	Record string
	Reason string
}

// FileError says that one file could not be read, or not to its end.
type FileError struct {
	Path string
	// Missing is set when the file was listed but is gone.
	Missing bool
	Err     error
}

func (e *FileError) Error() string { return fmt.Sprintf("read %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// ErrorClass returns Databricks' class of the error.
func (e *FileError) ErrorClass() string {
	if e.Missing {
		return "FAILED_READ_FILE.DBR_FILE_NOT_EXIST"
	}
	return "FAILED_READ_FILE.NO_HINT"
}

// SQLState returns the error's SQLSTATE.
func (e *FileError) SQLState() string { return "KD001" }

// RecordError says that one record could not be parsed under mode FAILFAST,
// and where.
type RecordError struct {
	Path   string
	Line   int64  // 1-based, 0 when the format has no lines
	Column string // name of the column, or "" for the whole record
	Record string // start of the record's text
	Reason string
}

func (e *RecordError) Error() string {
	where := e.Path
	if e.Line > 0 {
		where = fmt.Sprintf("%s line %d", where, e.Line)
	}
	if e.Column != "" {
		where += ", column " + schema.QuoteIdent(e.Column)
	}
	return fmt.Sprintf("Malformed records are detected in record parsing: %s: %s: %.200q. "+
		"Parse Mode: FAILFAST. To process malformed records as null result, set the option 'mode' to 'PERMISSIVE'.",
		where, e.Reason, e.Record)
}

// ErrorClass returns Spark's class of the error.
func (e *RecordError) ErrorClass() string {
	return "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION"
}

// SQLState returns the error's SQLSTATE.
func (e *RecordError) SQLState() string { return "22023" }
