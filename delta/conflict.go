package delta

import (
	"bytes"
	"slices"
	"strings"
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
	adds     int
	added    string // the path of one of the adds
	removes  map[string]bool
	apps     map[string]bool
	domains  map[string]bool
}

// note adds one action of a commit to its footprint.
func (f *footprint) note(a *action) error {
	switch {
	case a.Add != nil:
		f.adds++
		f.added = a.Add.Path
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
	case a.DomainMetadata != nil:
		f.domains = with(f.domains, a.DomainMetadata.Domain)
	case a.CommitInfo != nil:
		f.txnID = a.CommitInfo.TxnID
		f.blind = deref(a.CommitInfo.IsBlindAppend)
	}
	return nil
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
	base      *Metadata
	basis     Protocol
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
	if winner.metadata != nil && (mine.metadata != nil || !mine.blind || !sameShape(mine.base, winner.metadata)) {
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
	if mine.readTable && winner.adds > 0 && shouldHaveRead(mine, winner) {
		return lost(ConflictConcurrentAppend, winner.added)
	}
	if path, ok := common(mine.readFiles, winner.removes); ok {
		return lost(ConflictConcurrentDeleteRead, path)
	}
	if path, ok := first(winner.removes); ok && mine.readTable {
		return lost(ConflictConcurrentDeleteRead, path)
	}
	if path, ok := common(mine.removes, winner.removes); ok {
		return lost(ConflictConcurrentDeleteDelete, path)
	}
	return nil
}

// shouldHaveRead reports whether the isolation level makes the winner's new
// files ones that a reader of the table must have seen.
func shouldHaveRead(mine *intent, winner *footprint) bool {
	switch mine.level {
	case snapshotIsolation:
		return false
	case writeSerializable:
		return mine.metadata != nil || !winner.blind
	case serializable:
		return true
	}
	return true
}

// sameShape reports whether data written for one metadata fits the other:
// only table properties and descriptions differ.
func sameShape(a, b *Metadata) bool {
	return a != nil && a.ID == b.ID && slices.Equal(a.PartitionColumns, b.PartitionColumns) &&
		bytes.Equal(a.Schema.JSON(), b.Schema.JSON()) &&
		a.Configuration["delta.columnMapping.mode"] == b.Configuration["delta.columnMapping.mode"]
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
