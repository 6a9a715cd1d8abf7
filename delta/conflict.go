package delta

import (
	"bytes"
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// isolation is how strictly concurrent commits are kept apart (protocol:
// isolation levels). Names are those of commitInfo.
type isolation string

const (
	serializable      isolation = "Serializable"
	writeSerializable isolation = "WriteSerializable"
	snapshotIsolation isolation = "SnapshotIsolation"
)

// footprint is what a commit touched, as far as conflicts go. Paths are
// canonical.
type footprint struct {
	version  int64
	txnID    string
	blind    bool // added files and read nothing
	protocol *Protocol
	metadata *Metadata
	// added holds one of the files that bring rows for each combination of
	// partition values, by the form of appendPartition.
	added   map[string]addedFile
	removes map[string]bool
	apps    map[string]bool
	domains map[string]bool
	// rowMark is the high-water mark of row ids that the commit set, or nil.
	rowMark *int64
	// inCommit is the commit's own timestamp, or nil; modTime is when its
	// file was written, in Unix milliseconds.
	inCommit *int64
	modTime  int64
}

// addedFile is what matters of a file that a commit added.
type addedFile struct {
	path   string
	values map[string]*string
}

// note adds one action of a commit to its footprint.
func (f *footprint) note(a *action) error {
	switch {
	case a.Add != nil && a.Add.DataChange:
		f.noteAdded(a.Add)
	case a.Remove != nil:
		f.removes = with(f.removes, canonicalPath(a.Remove.Path))
	case a.Protocol != nil:
		f.protocol = a.Protocol
	case a.MetaData != nil:
		m, err := a.MetaData.metadata()
		if err != nil {
			return err
		}
		f.metadata = &m
	case a.Txn != nil:
		f.apps = with(f.apps, a.Txn.AppID)
	case a.DomainMetadata != nil && a.DomainMetadata.Domain == rowTrackingDomain:
		mark, err := rowMarkOf(a.DomainMetadata)
		f.rowMark = &mark
		return err
	case a.DomainMetadata != nil:
		f.domains = with(f.domains, a.DomainMetadata.Domain)
	case a.CommitInfo != nil:
		f.txnID = a.CommitInfo.TxnID
		f.blind = deref(a.CommitInfo.IsBlindAppend)
		f.inCommit = a.CommitInfo.InCommitTimestamp
	}
	return nil
}

// noteAdded remembers a file that brings rows. Files that only rearrange rows
// bring none that anyone should have read; the files they replace are among
// the removes.
func (f *footprint) noteAdded(add *AddFile) {
	if f.added == nil {
		f.added = make(map[string]addedFile)
	}
	key := string(appendPartition(nil, add.PartitionValues))
	if known, ok := f.added[key]; !ok || add.Path < known.path {
		f.added[key] = addedFile{path: add.Path, values: add.PartitionValues}
	}
}

func with(set map[string]bool, name string) map[string]bool {
	if set == nil {
		set = make(map[string]bool)
	}
	set[name] = true
	return set
}

// intent is a transaction that has not committed: what it would write, what
// it read, and the table as it believes it to be.
type intent struct {
	footprint
	level     isolation
	readTable bool
	readFiles map[string]bool
	readApps  map[string]bool
	// predicates are the conditions by which it read, and baseFiles yields
	// those of the given files that it could have read: it finds them in the
	// transaction's base.
	predicates []*fileFilter
	baseFiles  func(canonical map[string]bool, yield func(AddFile) bool)
	base       *Metadata
	basis      Protocol
}

// conflict decides whether a commit that got in first keeps a transaction
// from committing after it; nil means that it does not. It follows the order
// of checks that Delta uses (protocol: conflict detection), and is a pure
// function.
func conflict(mine *intent, winner *footprint) *ConflictError {
	lost := func(kind ConflictKind, detail string) *ConflictError {
		return &ConflictError{Kind: kind, Version: winner.version, Detail: detail}
	}
	if winner.protocol != nil && (mine.protocol != nil || !rebasable(mine.basis, *winner.protocol)) {
		return lost(ConflictProtocolChanged, "")
	}
	if winner.metadata != nil && !survivesMetadata(mine, winner.metadata) {
		return lost(ConflictMetadataChanged, "")
	}
	if domain, ok := common(mine.domains, winner.domains); ok {
		return lost(ConflictDomainMetadata, domain)
	}
	if app, ok := common(mine.readApps, winner.apps); ok {
		return lost(ConflictConcurrentTransaction, app)
	}
	if app, ok := common(mine.apps, winner.apps); ok {
		return lost(ConflictConcurrentTransaction, app)
	}
	if mine.blind {
		return nil
	}
	if path, ok := mine.shouldHaveRead(winner); ok {
		return lost(ConflictConcurrentAppend, path)
	}
	if path, ok := mine.readRemoved(winner); ok {
		return lost(ConflictConcurrentDeleteRead, path)
	}
	if path, ok := common(mine.removes, winner.removes); ok {
		return lost(ConflictConcurrentDeleteDelete, path)
	}
	return nil
}

// shouldHaveRead returns a file that the winner added and that, at mine's
// isolation level, mine must have seen: one whose partition values may fit
// what it read. Statistics of the new file are not looked at, as Delta does
// not either.
func (mine *intent) shouldHaveRead(winner *footprint) (path string, ok bool) {
	switch {
	case mine.level == snapshotIsolation,
		mine.level == writeSerializable && mine.metadata == nil && winner.blind:
		return "", false
	}
	for _, f := range winner.added {
		if mine.mayRead(AddFile{PartitionValues: f.values}) && (!ok || f.path < path) {
			path, ok = f.path, true
		}
	}
	return path, ok
}

// mayRead reports whether the conditions by which mine read may hold for rows
// of a file.
func (mine *intent) mayRead(f AddFile) bool {
	return mine.readTable || slices.ContainsFunc(mine.predicates, func(p *fileFilter) bool { return p.mayMatch(f) })
}

// readRemoved returns a file that mine read and the winner removed.
func (mine *intent) readRemoved(winner *footprint) (path string, ok bool) {
	if path, ok = common(mine.readFiles, winner.removes); ok {
		return path, true
	}
	if mine.readTable {
		return first(winner.removes)
	}
	if len(mine.predicates) > 0 && len(winner.removes) > 0 {
		mine.baseFiles(winner.removes, func(f AddFile) bool {
			if mine.mayRead(f) && (!ok || f.Path < path) {
				path, ok = f.Path, true
			}
			return true
		})
	}
	return path, ok
}

// survivesMetadata reports whether mine, which was prepared under one
// metadata, may be committed under another: it changes none itself, and what
// changed is no matter of the files that it wrote.
func survivesMetadata(mine *intent, now *Metadata) bool {
	if mine.metadata != nil || !sameShape(mine.base, now) {
		return false
	}
	if mine.blind {
		return differOnly(mine.base.Configuration, now.Configuration, func(name string) bool { return !rulesRows(name) })
	}
	return mine.base.Name == now.Name && mine.base.Description == now.Description &&
		differOnly(mine.base.Configuration, now.Configuration, func(name string) bool { return harmlessProperties[name] })
}

// rulesRows reports whether a property says what rows and files must be like.
func rulesRows(property string) bool {
	return strings.HasPrefix(property, "delta.constraints.") || strings.HasPrefix(property, "delta.enableIcebergCompat") ||
		property == "delta.writePartitionColumnsToParquet"
}

// harmlessProperties are those that may change under any transaction: they
// say how later commits are made, and of this one only what is worked out
// when it is tried.
var harmlessProperties = map[string]bool{
	"delta.checkpointInterval":                       true,
	"delta.checkpointPolicy":                         true,
	"delta.enableDeletionVectors":                    true,
	inCommitKey:                                      true,
	inCommitVersionKey:                               true,
	inCommitTimeKey:                                  true,
	"delta.enableRowTracking":                        true,
	"delta.rowTrackingSuspended":                     true,
	rowIDColumnKey:                                   true,
	rowVersionColumnKey:                              true,
	"delta.logRetentionDuration":                     true,
	"delta.deletedFileRetentionDuration":             true,
	"delta.setTransactionRetentionDuration":          true,
	"delta.enableExpiredLogCleanup":                  true,
	"delta.requireCheckpointProtectionBeforeVersion": true,
}

// differOnly reports whether all properties in which a and b differ may.
func differOnly(a, b map[string]string, may func(name string) bool) bool {
	for _, pair := range [][2]map[string]string{{a, b}, {b, a}} {
		for name, value := range pair[0] {
			if other, ok := pair[1][name]; (!ok || other != value) && !may(name) {
				return false
			}
		}
	}
	return true
}

// sameShape reports whether data written for one metadata fits the other:
// only table properties, descriptions and the high-water marks of identity
// columns differ.
func sameShape(a, b *Metadata) bool {
	return a != nil && a.ID == b.ID && slices.Equal(a.PartitionColumns, b.PartitionColumns) &&
		a.Configuration[mappingModeKey] == b.Configuration[mappingModeKey] && sameSchema(a.Schema, b.Schema) &&
		slices.Equal(a.Constraints(), b.Constraints())
}

func sameSchema(a, b *schema.Struct) bool {
	return bytes.Equal(a.JSON(), b.JSON()) || bytes.Equal(withoutMarks(a), withoutMarks(b))
}

// withoutMarks returns a schema's text without the marks that move with every
// insert into identity columns.
func withoutMarks(s *schema.Struct) []byte {
	s = s.Clone()
	for i := range s.Fields { // identity columns are never nested
		delete(s.Fields[i].Metadata, identityMarkKey)
	}
	return s.JSON()
}

// rebasable reports whether what was prepared under one protocol may be
// committed under another: nothing was dropped, and what was added does not
// concern data files that were written without knowing of it.
func rebasable(from, to Protocol) bool {
	old, now := from.writerFeatures(), to.writerFeatures()
	for _, name := range old {
		if !slices.Contains(now, name) {
			return false
		}
	}
	for _, name := range now {
		if slices.Contains(old, name) {
			continue
		}
		if f := findFeature(name); f == nil || !f.rebase {
			return false
		}
	}
	return true
}

// common returns the least name that two sets share.
func common(a, b map[string]bool) (string, bool) {
	if len(a) > len(b) {
		a, b = b, a
	}
	least, found := "", false
	for name := range a {
		if b[name] && (!found || strings.Compare(name, least) < 0) {
			least, found = name, true
		}
	}
	return least, found
}

// first returns the least name of a set.
func first(set map[string]bool) (string, bool) { return common(set, set) }
