package delta

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
)

// encode makes the bytes of the commit as the version to try next. What
// depends on the commit before is worked out here: timestamp and row ids, and
// the version that is protected.
func (c *commit) encode() error {
	head, metadata := *c.head, c.mine.metadata
	if inCommitTimestamps(c.mine.base) {
		at := max(c.table.opts.Clock().UnixMilli(), c.previous+1)
		head.InCommitTimestamp = &at
		if c.tx.base != nil && metadata != nil && !inCommitTimestamps(&c.tx.base.metadata) {
			metadata = new(withEnablement(*metadata, c.version, at))
		}
	}
	if c.tx.protects && metadata != nil {
		metadata = new(withProtection(*metadata, c.version))
	}
	adds, domains, err := c.numbered(&head)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := encodeActions(&body, slices.Values(c.tableActions(&head, metadata, domains))); err != nil {
		return err
	}
	err = encodeActions(&body, fileActions(c.tx.removes, adds, c.tx.changes))
	c.body = body.Bytes()
	return err
}

// numbered returns the added files with their row ids and the domains with
// the high-water mark, on a table that tracks rows.
func (c *commit) numbered(head *commitInfo) ([]AddFile, []DomainMetadata, error) {
	if !assignsRowIDs(c.mine.basis, c.mine.base) {
		return c.tx.adds, c.tx.domains, nil
	}
	if keepsRowIDs(c.mine.base) {
		head.Tags = map[string]string{preservedTag: strconv.FormatBool(c.tx.rowIDsPreserved())}
	}
	adds, mark, err := numberRows(c.tx.adds, c.rowMark, c.version)
	if err != nil || mark <= c.setMark {
		return adds, c.tx.domains, err
	}
	text, err := json.Marshal(rowMark{HighWaterMark: mark})
	if err != nil {
		return nil, nil, err
	}
	own := DomainMetadata{Domain: rowTrackingDomain, Configuration: string(text)}
	return adds, append(slices.Clone(c.tx.domains), own), nil
}

// tableActions returns all but the files: commitInfo first, as readers of
// in-commit timestamps expect, then what describes the table.
func (c *commit) tableActions(head *commitInfo, metadata *Metadata, domains []DomainMetadata) []*action {
	actions := []*action{{CommitInfo: head}}
	if c.mine.protocol != nil {
		actions = append(actions, &action{Protocol: c.mine.protocol})
	}
	if metadata != nil {
		actions = append(actions, &action{MetaData: newMetadataJSON(*metadata)})
	}
	for _, txn := range c.tx.txns {
		txn.LastUpdated = &c.now
		actions = append(actions, &action{Txn: &txn})
	}
	for _, d := range domains {
		actions = append(actions, &action{DomainMetadata: &d})
	}
	return actions
}

// fileActions yields the actions of files.
func fileActions(removes []RemoveFile, adds []AddFile, changes []changeFile) iter.Seq[*action] {
	return func(yield func(*action) bool) {
		for i := range removes {
			if !yield(&action{Remove: &removes[i]}) {
				return
			}
		}
		for _, f := range adds {
			if f.PartitionValues == nil {
				f.PartitionValues = map[string]*string{}
			}
			if !yield(&action{Add: &f}) {
				return
			}
		}
		for i := range changes {
			if !yield(&action{Change: &changes[i]}) {
				return
			}
		}
	}
}
