package delta

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Row tracking (protocol: Row Tracking) gives every row an id for life: its
// file's base id plus its position there. Each commit hands out ids above the
// high-water mark, which stands in a domain of its own; a commit that loses a
// race must hand them out anew, above the winner's.
const (
	rowTrackingDomain   = "delta.rowTracking"
	rowIDColumnKey      = "delta.rowTracking.materializedRowIdColumnName"
	rowVersionColumnKey = "delta.rowTracking.materializedRowCommitVersionColumnName"
	// noRowMark is the high-water mark of a table without ids.
	noRowMark int64 = -1
	// preservedTag says in commitInfo whether rows kept their ids.
	preservedTag = "delta.rowTracking.preserved"
)

// assignsRowIDs reports whether new files get row ids.
func assignsRowIDs(p Protocol, m *Metadata) bool {
	return p.hasFeature("rowTracking") && !isSet("delta.rowTrackingSuspended")(m)
}

// keepsRowIDs reports whether rows keep their ids when they are rewritten.
func keepsRowIDs(m *Metadata) bool { return isSet("delta.enableRowTracking")(m) }

// KeepsRowIDs reports whether rows of the table keep their ids for life: it
// tracks them, and says where rewritten rows have theirs.
func (s *Snapshot) KeepsRowIDs() bool { return rowIDFields(&s.metadata) != nil }

// rowMark is the configuration of [rowTrackingDomain].
type rowMark struct {
	HighWaterMark int64 `json:"rowIdHighWaterMark"`
}

// rowMarkOf reads the high-water mark that a domain's action sets.
func rowMarkOf(d *DomainMetadata) (int64, error) {
	if d.Removed {
		return noRowMark, nil
	}
	mark := rowMark{HighWaterMark: noRowMark}
	if err := json.Unmarshal([]byte(d.Configuration), &mark); err != nil {
		return 0, fmt.Errorf("read domain %s: %w", rowTrackingDomain, err)
	}
	return mark.HighWaterMark, nil
}

// rowMark returns the highest row id handed out so far.
func (s *Snapshot) rowMark() (int64, error) {
	d, ok := s.domains[rowTrackingDomain]
	if !ok {
		return noRowMark, nil
	}
	return rowMarkOf(&d)
}

// SetRowIDsPreserved says whether rows that the transaction moved to other
// files have kept their row ids, in the columns that the table's properties
// name; without it a commit that replaces files says that they have not. It
// only matters to tables that track rows.
func (tx *Transaction) SetRowIDsPreserved(kept bool) { tx.rowIDs = &kept }

// rowIDsPreserved returns what the commit says of itself: ids are safe while
// files only come, only go, or stay under another deletion vector.
func (tx *Transaction) rowIDsPreserved() bool {
	if tx.rowIDs != nil {
		return *tx.rowIDs
	}
	added := make(map[string]bool, len(tx.adds))
	for i := range tx.adds {
		added[canonicalPath(tx.adds[i].Path)] = true
	}
	gone := 0
	for i := range tx.removes {
		if p := canonicalPath(tx.removes[i].Path); added[p] {
			delete(added, p)
		} else {
			gone++
		}
	}
	return gone == 0 || len(added) == 0
}

// inheritRowIDs copies the ids of files that the transaction adds again, or
// removes, from its base: they belong to the rows, not to the action.
func (tx *Transaction) inheritRowIDs() {
	if tx.base == nil {
		return
	}
	inherit := func(path string, id, version **int64) {
		if old, live := tx.base.files.live(canonicalPath(path)); live && old != nil && *id == nil {
			*id, *version = old.baseRowID, old.defaultRowCommitVersion
		}
	}
	for i := range tx.adds {
		inherit(tx.adds[i].Path, &tx.adds[i].BaseRowID, &tx.adds[i].DefaultRowCommitVersion)
	}
	for i := range tx.removes {
		inherit(tx.removes[i].Path, &tx.removes[i].BaseRowID, &tx.removes[i].DefaultRowCommitVersion)
	}
}

// numberRows returns adds as a commit of this version has them, with row ids
// above mark, and the new mark.
func numberRows(adds []AddFile, mark, version int64) ([]AddFile, int64, error) {
	adds = slices.Clone(adds)
	for i := range adds {
		f := &adds[i]
		rows, ok := f.NumRecords()
		if !ok {
			return nil, 0, &ActionError{Reason: fmt.Sprintf("file %q has no number of rows, which row tracking needs", f.Path)}
		}
		if f.BaseRowID == nil {
			f.BaseRowID = new(mark + 1)
		}
		if f.DefaultRowCommitVersion == nil {
			f.DefaultRowCommitVersion = &version
		}
		mark = max(mark, *f.BaseRowID+rows-1)
	}
	return adds, mark, nil
}

// takeRowMark removes the high-water mark from the domains that the caller
// set, as a copy of another table's may be among them, and returns it.
func (tx *Transaction) takeRowMark() (mark int64, err error) {
	mark = noRowMark
	tx.domains = slices.DeleteFunc(tx.domains, func(d DomainMetadata) bool {
		if d.Domain != rowTrackingDomain || err != nil {
			return false
		}
		mark, err = rowMarkOf(&d)
		return true
	})
	return mark, err
}

// prepareRowTracking completes the metadata of a table that tracks rows: it
// names the columns that keep the ids of rewritten rows, for good. Tracking
// cannot begin on a table whose files have no ids yet.
func (tx *Transaction) prepareRowTracking(m *Metadata) error {
	if !keepsRowIDs(m) {
		return nil
	}
	if m.Configuration[rowIDColumnKey] == "" {
		m.Configuration[rowIDColumnKey] = "_row-id-col-" + tx.table.opts.NewID()
	}
	if m.Configuration[rowVersionColumnKey] == "" {
		m.Configuration[rowVersionColumnKey] = "_row-commit-version-col-" + tx.table.opts.NewID()
	}
	if tx.base == nil || keepsRowIDs(&tx.base.metadata) {
		return nil
	}
	gone := make(map[string]bool, len(tx.removes))
	for i := range tx.removes {
		gone[canonicalPath(tx.removes[i].Path)] = true
	}
	unnumbered := ""
	err := tx.base.files.each(func(v *rowView) bool {
		rare := v.block.rare[uint16(v.row)]
		if !v.tombstone() && (rare == nil || rare.baseRowID == nil) && !gone[canonicalPath(v.path())] {
			unnumbered = v.path()
		}
		return unnumbered == ""
	})
	if err == nil && unnumbered != "" {
		err = &ActionError{Reason: fmt.Sprintf("file %q has no row ids: delta.enableRowTracking can only be set on a table "+
			"that has had the feature rowTracking since it was empty", unnumbered)}
	}
	return err
}
