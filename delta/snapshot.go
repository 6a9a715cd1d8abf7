package delta

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/freshet/freshet/schema"
)

// Snapshot is a table at one version. It is immutable and safe for
// concurrent use; snapshots of one [Table] share most of their memory.
type Snapshot struct {
	table    *Table
	commit   commitFile
	protocol Protocol
	metadata Metadata
	metaData *metadataJSON // as the log has it
	txns     map[string]SetTransaction
	domains  map[string]DomainMetadata
	files    *fileSet
	info     *commitInfo // nil when the version comes from a checkpoint alone
}

// Version returns the table version.
func (s *Snapshot) Version() int64 { return s.commit.version }

// Timestamp returns when the version was committed: its in-commit timestamp
// where the table has them, otherwise the time the storage shows.
func (s *Snapshot) Timestamp() time.Time { return time.UnixMilli(s.timestamp()).UTC() }

func (s *Snapshot) timestamp() int64 {
	if s.info != nil && s.info.InCommitTimestamp != nil && inCommitTimestamps(&s.metadata) {
		return *s.info.InCommitTimestamp
	}
	return s.commit.modTime
}

// Metadata returns the table's metadata. It must not be changed; change a
// [Metadata.Clone].
func (s *Snapshot) Metadata() Metadata { return s.metadata }

// Protocol returns what programs must know to use the table.
func (s *Snapshot) Protocol() Protocol { return s.protocol.clone() }

// Schema returns the table's schema, partition columns included.
func (s *Snapshot) Schema() *schema.Struct { return s.metadata.Schema }

// PartitionColumns returns the logical names in declared order.
func (s *Snapshot) PartitionColumns() []string { return slices.Clone(s.metadata.PartitionColumns) }

// Property returns a table property.
func (s *Snapshot) Property(name string) (string, bool) {
	value, ok := s.metadata.Configuration[name]
	return value, ok
}

// NumFiles returns the number of live data files.
func (s *Snapshot) NumFiles() int64 { return s.files.adds }

// SizeInBytes returns the total size of the live data files.
func (s *Snapshot) SizeInBytes() int64 { return s.files.bytes }

// Files yields the live data files in a fixed order. Maps inside them may be
// shared between files and must not be changed. After an error nothing more
// is yielded.
func (s *Snapshot) Files(ctx context.Context) iter.Seq2[AddFile, error] {
	return func(yield func(AddFile, error) bool) {
		var count int
		stopped := false
		err := s.files.each(func(v *rowView) bool {
			if v.tombstone() {
				return true
			}
			if count++; count%blockRows == 0 && ctx.Err() != nil {
				return false
			}
			stopped = !yield(v.add(), nil)
			return !stopped
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil && !stopped {
			yield(AddFile{}, err)
		}
	}
}

// filesOf yields those of the given files that are live. When the state of
// one cannot be unpacked all are yielded, by their paths alone.
func (s *Snapshot) filesOf(canonical map[string]bool, yield func(AddFile) bool) {
	err := s.files.eachOf(canonical, func(v *rowView) bool { return yield(v.add()) })
	if err == nil {
		return
	}
	for path := range canonical {
		if !yield(AddFile{Path: path}) {
			return
		}
	}
}

// TransactionVersion returns how far the application has come, by its last
// txn action.
func (s *Snapshot) TransactionVersion(appID string) (int64, bool) {
	txn, ok := s.txns[appID]
	return txn.Version, ok
}

// DomainMetadata returns the configuration of a domain.
func (s *Snapshot) DomainMetadata(domain string) (string, bool) {
	d, ok := s.domains[domain]
	return d.Configuration, ok
}

// CheckWrite returns the error, such as an [*UnsupportedFeatureError], with
// which every commit of data files to the table would be refused, or nil.
// Asking before they are written saves the work.
func (s *Snapshot) CheckWrite() error {
	if err := checkWrite(s.protocol, &s.metadata); err != nil {
		return err
	}
	return s.checkClustering()
}

// storage is where the table's files are.
func (s *Snapshot) storage() Storage { return s.table.storage }
