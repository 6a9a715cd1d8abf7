package delta

import (
	"fmt"
	"strings"
	"time"
)

// NotFoundError says that the storage holds no table.
type NotFoundError struct{}

func (*NotFoundError) Error() string { return "no Delta table here: _delta_log holds no commit" }

// ErrorClass returns Delta's class of the error.
func (*NotFoundError) ErrorClass() string { return "DELTA_TABLE_NOT_FOUND" }

// SQLState returns the error's SQLSTATE.
func (*NotFoundError) SQLState() string { return "42P01" }

// LogError says that the log cannot be read as a table: damaged, incomplete,
// or with a hole.
type LogError struct {
	Key    string // the object at fault, or empty
	Reason string
	Cause  error // or nil
	// verdict is whether the table itself is at fault, so that no other
	// checkpoint could help.
	verdict bool
}

func (e *LogError) Error() string {
	var b strings.Builder
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Reason)
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *LogError) Unwrap() error { return e.Cause }

// ErrorClass returns Delta's class of the error.
func (*LogError) ErrorClass() string { return "DELTA_STATE_RECOVER_ERROR" }

// SQLState returns the error's SQLSTATE.
func (*LogError) SQLState() string { return "XXKDS" }

// TruncatedLogError says that commits needed for a version are not there.
type TruncatedLogError struct {
	Version int64 // the version asked for
	Missing int64 // the first commit that is missing
	Hole    bool  // later commits exist, so Missing was lost, not cleaned up
}

func (e *TruncatedLogError) Error() string {
	if e.Hole {
		return fmt.Sprintf("commit %d is missing from the log of version %d: versions are not contiguous", e.Missing, e.Version)
	}
	return fmt.Sprintf("version %d cannot be rebuilt: the log starts after commit %d and no checkpoint replaces it",
		e.Version, e.Missing)
}

// ErrorClass returns Delta's class of the error.
func (e *TruncatedLogError) ErrorClass() string {
	if e.Hole {
		return "DELTA_VERSIONS_NOT_CONTIGUOUS"
	}
	return "DELTA_TRUNCATED_TRANSACTION_LOG"
}

// SQLState returns the error's SQLSTATE.
func (e *TruncatedLogError) SQLState() string {
	if e.Hole {
		return "KD00C"
	}
	return "42K03"
}

// VersionNotFoundError says that a table has no such version.
type VersionNotFoundError struct {
	Version, Earliest, Latest int64
}

func (e *VersionNotFoundError) Error() string {
	return fmt.Sprintf("version %d does not exist: versions %d to %d are available", e.Version, e.Earliest, e.Latest)
}

// ErrorClass returns Delta's class of the error.
func (*VersionNotFoundError) ErrorClass() string { return "DELTA_VERSION_NOT_FOUND" }

// SQLState returns the error's SQLSTATE.
func (*VersionNotFoundError) SQLState() string { return "22003" }

// TimestampError says that time travel asked for a time before the first
// commit that can be rebuilt or after the last one.
type TimestampError struct {
	Asked time.Time
	// Nearest is the time of the first commit when Asked is earlier, of the
	// last one when it is later.
	Nearest time.Time
}

func (e *TimestampError) Error() string {
	const layout = "2006-01-02 15:04:05.000 UTC"
	asked, nearest := e.Asked.UTC().Format(layout), e.Nearest.UTC().Format(layout)
	if e.early() {
		return fmt.Sprintf("timestamp %s is before the earliest version available, of %s", asked, nearest)
	}
	return fmt.Sprintf("timestamp %s is after the latest version, of %s; use a timestamp up to then", asked, nearest)
}

func (e *TimestampError) early() bool { return e.Asked.Before(e.Nearest) }

// ErrorClass returns Delta's class of the error.
func (e *TimestampError) ErrorClass() string {
	if e.early() {
		return "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION"
	}
	return "DELTA_TIMESTAMP_GREATER_THAN_COMMIT"
}

// SQLState returns the error's SQLSTATE.
func (*TimestampError) SQLState() string { return "42816" }

// UnsupportedFeatureError refuses a table that needs features this package
// does not have. Nothing has been read or written.
type UnsupportedFeatureError struct {
	Features []string
	Write    bool // whether it was writing that is refused
}

func (e *UnsupportedFeatureError) Error() string {
	verb := "read"
	if e.Write {
		verb = "written"
	}
	return fmt.Sprintf("the table cannot be %s: it uses unsupported table features: %s", verb, strings.Join(e.Features, ", "))
}

// ErrorClass returns Delta's class of the error.
func (e *UnsupportedFeatureError) ErrorClass() string {
	if e.Write {
		return "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE"
	}
	return "DELTA_UNSUPPORTED_FEATURES_FOR_READ"
}

// SQLState returns the error's SQLSTATE.
func (*UnsupportedFeatureError) SQLState() string { return "56038" }

// ExternalPathError says that a data file lies outside the table's root,
// where neither its storage nor Options.External reaches.
type ExternalPathError struct{ Path string }

func (e *ExternalPathError) Error() string {
	return fmt.Sprintf("data file %q lies outside the table's directory", e.Path)
}

// ActionError refuses a commit that the protocol does not allow.
type ActionError struct{ Reason string }

func (e *ActionError) Error() string { return "illegal commit: " + e.Reason }

// AppendOnlyError refuses to delete from a table that is append-only.
type AppendOnlyError struct{}

func (*AppendOnlyError) Error() string {
	return "the table only allows appends: unset the property delta.appendOnly to delete or update"
}

// ErrorClass returns Delta's class of the error.
func (*AppendOnlyError) ErrorClass() string { return "DELTA_CANNOT_MODIFY_APPEND_ONLY" }

// SQLState returns the error's SQLSTATE.
func (*AppendOnlyError) SQLState() string { return "42809" }

// ColumnNameError refuses column names that Parquet files cannot hold
// without column mapping.
type ColumnNameError struct{ Names []string }

func (e *ColumnNameError) Error() string {
	return fmt.Sprintf("column names %q contain one of the characters ' ,;{}()\\n\\t='; set the table property delta.columnMapping.mode to name, or rename them", e.Names)
}

// ErrorClass returns Delta's class of the error.
func (*ColumnNameError) ErrorClass() string { return "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES" }

// SQLState returns the error's SQLSTATE.
func (*ColumnNameError) SQLState() string { return "42K05" }

// ConflictKind says why a transaction lost against a concurrent commit.
type ConflictKind int

// The conflicts of "protocol: conflict detection", named as Delta names them.
const (
	ConflictProtocolChanged ConflictKind = iota + 1
	ConflictMetadataChanged
	ConflictConcurrentAppend
	ConflictConcurrentDeleteRead
	ConflictConcurrentDeleteDelete
	ConflictConcurrentTransaction
	ConflictDomainMetadata
	// ConflictConcurrentWrite: too many commits got in between, or the table
	// was created by someone else.
	ConflictConcurrentWrite
)

// conflictNames holds each kind's error class and what it says.
var conflictNames = map[ConflictKind][2]string{
	ConflictProtocolChanged:        {"DELTA_PROTOCOL_CHANGED", "the protocol was changed"},
	ConflictMetadataChanged:        {"DELTA_METADATA_CHANGED", "the table's metadata was changed"},
	ConflictConcurrentAppend:       {"DELTA_CONCURRENT_APPEND", "files were added that this transaction should have read"},
	ConflictConcurrentDeleteRead:   {"DELTA_CONCURRENT_DELETE_READ", "a file that this transaction read was deleted"},
	ConflictConcurrentDeleteDelete: {"DELTA_CONCURRENT_DELETE_DELETE", "a file that this transaction deletes was deleted"},
	ConflictConcurrentTransaction:  {"DELTA_CONCURRENT_TRANSACTION", "the same application committed at the same time"},
	ConflictDomainMetadata:         {"DELTA_DOMAIN_METADATA_CHANGED", "the same domain metadata was changed"},
	ConflictConcurrentWrite:        {"DELTA_CONCURRENT_WRITE", "other commits got in first"},
}

// ConflictError says that a transaction lost: nothing of it is in the table.
// The caller may plan again on a fresh snapshot.
type ConflictError struct {
	Kind    ConflictKind
	Version int64  // the commit that won
	Detail  string // the path, application or domain at stake, or empty
}

func (e *ConflictError) Error() string {
	text := fmt.Sprintf("conflict with version %d: %s", e.Version, conflictNames[e.Kind][1])
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text + "; try again"
}

// ErrorClass returns Delta's class of the error.
func (e *ConflictError) ErrorClass() string { return conflictNames[e.Kind][0] }

// SQLState returns the error's SQLSTATE.
func (*ConflictError) SQLState() string { return "2D521" }

// UnknownCommitError says that neither the commit nor the attempt to read it
// back was answered: version Version may hold the transaction TxnID. Data
// files must be kept, and the work not repeated, before the log has been
// looked at again.
type UnknownCommitError struct {
	Version int64
	TxnID   string
	Cause   error
}

func (e *UnknownCommitError) Error() string {
	return fmt.Sprintf("outcome of commit %d (transaction %s) is unknown: %v", e.Version, e.TxnID, e.Cause)
}

// Unwrap returns the cause.
func (e *UnknownCommitError) Unwrap() error { return e.Cause }

// ErrorClass returns the class of the error, for which Delta has no name.
func (*UnknownCommitError) ErrorClass() string { return "DELTA_COMMIT_OUTCOME_UNKNOWN" }

// SQLState returns the standard's "statement completion unknown".
func (*UnknownCommitError) SQLState() string { return "40003" }

// ProtocolVersionError refuses a table whose protocol versions do not exist
// yet for this package, or do not exist at all.
type ProtocolVersionError struct{ Reader, Writer int }

func (e *ProtocolVersionError) Error() string {
	return fmt.Sprintf("the table needs protocol versions (%d, %d); up to (%d, %d) are known",
		e.Reader, e.Writer, featuresReader, featuresWriter)
}

// ErrorClass returns Delta's class of the error.
func (*ProtocolVersionError) ErrorClass() string { return "DELTA_INVALID_PROTOCOL_VERSION" }

// SQLState returns the error's SQLSTATE.
func (*ProtocolVersionError) SQLState() string { return "KD004" }
