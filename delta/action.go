package delta

import (
	"maps"
	"slices"
	"strconv"

	"github.com/freshet/freshet/schema"
)

// AddFile is an add action: a data file that is part of the table.
type AddFile struct {
	// Path names the file as the log does: a URI reference, percent-encoded,
	// relative to the table's root or absolute. [FilePath] makes one from a
	// storage key, [AddFile.Key] turns it back.
	Path string `json:"path"`
	// PartitionValues holds a value for every partition column, in the text
	// form of "protocol: Partition Value Serialization"; nil is null. Keys
	// are physical column names.
	PartitionValues map[string]*string `json:"partitionValues"`
	// Size is the file's length in bytes.
	Size int64 `json:"size"`
	// ModificationTime is when the file was written, in Unix milliseconds.
	ModificationTime int64 `json:"modificationTime"`
	// DataChange is false when the action only rearranges rows that the
	// table already had.
	DataChange bool `json:"dataChange"`
	// Stats is the JSON text of "protocol: Per-file Statistics", or empty.
	Stats string `json:"stats,omitempty"`
	// Tags are free metadata of the file.
	Tags map[string]string `json:"tags,omitempty"`
	// DeletionVector marks rows of the file as deleted; nil means none are.
	DeletionVector *DeletionVector `json:"deletionVector,omitempty"`
	// BaseRowID and DefaultRowCommitVersion belong to row tracking.
	BaseRowID               *int64 `json:"baseRowId,omitempty"`
	DefaultRowCommitVersion *int64 `json:"defaultRowCommitVersion,omitempty"`
	// ClusteringProvider names the clustering implementation, or is empty.
	ClusteringProvider string `json:"clusteringProvider,omitempty"`
}

// Key returns the storage key of the file; the error is an
// [*ExternalPathError] when it lies outside the table's root.
func (f AddFile) Key() (string, error) { return FileKey(f.Path) }

// Remove returns the action that takes the file out of the table at a time in
// Unix milliseconds. It carries everything change feeds and conflict messages
// need ("extended file metadata").
func (f AddFile) Remove(deletionTimestamp int64, dataChange bool) RemoveFile {
	size := f.Size
	return RemoveFile{
		Path:                    f.Path,
		DeletionTimestamp:       deletionTimestamp,
		DataChange:              dataChange,
		ExtendedFileMetadata:    true,
		PartitionValues:         f.PartitionValues,
		Size:                    &size,
		Stats:                   f.Stats,
		Tags:                    f.Tags,
		DeletionVector:          f.DeletionVector,
		BaseRowID:               f.BaseRowID,
		DefaultRowCommitVersion: f.DefaultRowCommitVersion,
	}
}

// RemoveFile is a remove action: a data file that has left the table. The
// file itself stays until it is vacuumed.
type RemoveFile struct {
	// Path is spelled as in the add action that it undoes.
	Path string `json:"path"`
	// DeletionTimestamp is in Unix milliseconds; 0 counts as long ago.
	DeletionTimestamp int64 `json:"deletionTimestamp,omitempty"`
	DataChange        bool  `json:"dataChange"`
	// ExtendedFileMetadata promises that PartitionValues and Size are there.
	ExtendedFileMetadata    bool               `json:"extendedFileMetadata,omitempty"`
	PartitionValues         map[string]*string `json:"partitionValues,omitzero"`
	Size                    *int64             `json:"size,omitempty"`
	Stats                   string             `json:"stats,omitempty"`
	Tags                    map[string]string  `json:"tags,omitempty"`
	DeletionVector          *DeletionVector    `json:"deletionVector,omitempty"`
	BaseRowID               *int64             `json:"baseRowId,omitempty"`
	DefaultRowCommitVersion *int64             `json:"defaultRowCommitVersion,omitempty"`
}

// DeletionVector says where the deleted row positions of a data file are
// (protocol: Deletion Vector Descriptor Schema).
type DeletionVector struct {
	// StorageType is "u" (a file named by a UUID), "i" (inline) or "p" (an
	// absolute path).
	StorageType string `json:"storageType"`
	// PathOrInlineDV is the name or the data that StorageType calls for.
	PathOrInlineDV string `json:"pathOrInlineDv"`
	// Offset is where in the file the vector starts; nil means 0.
	Offset *int32 `json:"offset,omitempty"`
	// SizeInBytes is the length of the serialized vector.
	SizeInBytes int32 `json:"sizeInBytes"`
	// Cardinality is the number of deleted rows.
	Cardinality int64 `json:"cardinality"`
}

// UniqueID returns the text that, with the path, identifies the logical file
// that d belongs to; it is empty for a nil d.
func (d *DeletionVector) UniqueID() string {
	if d == nil {
		return ""
	}
	id := d.StorageType + d.PathOrInlineDV
	if d.Offset != nil {
		id += "@" + strconv.FormatInt(int64(*d.Offset), 10)
	}
	return id
}

// Protocol is the protocol action: what a program must know to read or write
// the table. Features are listed only from reader version 3 and writer
// version 7 on.
type Protocol struct {
	MinReader      int      `json:"minReaderVersion"`
	MinWriter      int      `json:"minWriterVersion"`
	ReaderFeatures []string `json:"readerFeatures,omitzero"`
	WriterFeatures []string `json:"writerFeatures,omitzero"`
}

func (p Protocol) clone() Protocol {
	p.ReaderFeatures = slices.Clone(p.ReaderFeatures)
	p.WriterFeatures = slices.Clone(p.WriterFeatures)
	return p
}

// Metadata is the metaData action: what the table is. A commit that carries
// one replaces the previous whole.
type Metadata struct {
	// ID is a GUID that the table keeps for ever.
	ID          string
	Name        string
	Description string
	// FormatOptions are options of the Parquet format; almost always empty.
	FormatOptions map[string]string
	Schema        *schema.Struct
	// PartitionColumns are logical names in declared order.
	PartitionColumns []string
	// Configuration holds the table properties, unknown ones included.
	Configuration map[string]string
	// CreatedTime is in Unix milliseconds; 0 when not known.
	CreatedTime int64
}

// Clone returns a copy of m that may be changed without changing m.
func (m Metadata) Clone() Metadata {
	m.FormatOptions = maps.Clone(m.FormatOptions)
	m.PartitionColumns = slices.Clone(m.PartitionColumns)
	m.Configuration = maps.Clone(m.Configuration)
	if m.Schema != nil {
		m.Schema = m.Schema.Clone()
	}
	return m
}

// SetTransaction is the txn action: how far an application has come. It lets
// a writer find, after a crash, whether its last commit landed.
type SetTransaction struct {
	AppID   string `json:"appId"`
	Version int64  `json:"version"`
	// LastUpdated is in Unix milliseconds; nil when not known.
	LastUpdated *int64 `json:"lastUpdated,omitempty"`
}

// DomainMetadata is named configuration of a table that belongs to one
// domain; names starting with "delta." are the protocol's own.
type DomainMetadata struct {
	Domain        string `json:"domain"`
	Configuration string `json:"configuration"`
	Removed       bool   `json:"removed"`
}

// CommitInfo is what a writer says about a commit; the rest of the commitInfo
// action is known to the transaction.
type CommitInfo struct {
	// Operation is the name DESCRIBE HISTORY shows, such as "WRITE",
	// "COPY INTO" or "CREATE TABLE".
	Operation string
	// Parameters hold any values that JSON can. Strings, booleans and numbers
	// are recorded as they are; anything else as the text of its JSON, as
	// Spark does.
	Parameters map[string]any
	// Metrics are recorded as strings, as Spark does.
	Metrics map[string]string
	// UserMetadata is free text, or empty.
	UserMetadata string
}
