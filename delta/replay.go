package delta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

// replay builds the state of a table from a checkpoint and the commits after
// it, in ascending order (protocol: Action Reconciliation).
type replay struct {
	protocol *Protocol
	metaData *metadataJSON
	txns     map[string]SetTransaction
	domains  map[string]DomainMetadata
	files    *fileSetBuilder
	info     *commitInfo // of the last commit applied
	sidecars []string    // seen in the checkpoint being read
	lock     sync.Mutex  // held while files of a checkpoint, read at once, are taken in
}

// newReplay starts from base, or from nothing when base is nil.
func newReplay(base *Snapshot) *replay {
	if base == nil {
		return &replay{
			txns:    make(map[string]SetTransaction),
			domains: make(map[string]DomainMetadata),
			files:   newFileSetBuilder(newFileSet()),
		}
	}
	return &replay{
		protocol: &base.protocol, metaData: base.metaData,
		txns: maps.Clone(base.txns), domains: maps.Clone(base.domains),
		files: newFileSetBuilder(base.files),
	}
}

// apply takes in one action; the newest wins.
func (r *replay) apply(a *action) error {
	switch {
	case a.Add != nil:
		r.files.add(a.Add)
	case a.Remove != nil:
		r.files.remove(a.Remove)
	case a.Protocol != nil:
		r.protocol = a.Protocol
	case a.MetaData != nil:
		r.metaData = a.MetaData
	case a.Txn != nil:
		r.txns[a.Txn.AppID] = *a.Txn
	case a.DomainMetadata != nil && a.DomainMetadata.Removed:
		delete(r.domains, a.DomainMetadata.Domain)
	case a.DomainMetadata != nil:
		r.domains[a.DomainMetadata.Domain] = *a.DomainMetadata
	case a.CommitInfo != nil:
		r.info = a.CommitInfo
	case a.Sidecar != nil:
		r.sidecars = append(r.sidecars, a.Sidecar.Path)
	}
	return nil
}

// applyCommit reads one commit.
func (r *replay) applyCommit(ctx context.Context, st Storage, version int64) error {
	r.info = nil
	_, err := readCommit(ctx, st, version, r.apply)
	return err
}

// applyCompacted reads what log compaction made of a run of commits. After an
// error the commits themselves must be applied, which outweighs whatever was
// read. Of several actions on one file, which reconciled actions do not have
// but some writers' do, the first line is the newest.
func (r *replay) applyCompacted(ctx context.Context, st Storage, key string) error {
	r.info = nil
	return withObject(ctx, st, key, func(obj Object) error {
		source := &logReader{object: obj}
		var actions []*action
		err := readActions(source.section(), func(a *action) error {
			actions = append(actions, a)
			return nil
		})
		for i := len(actions) - 1; err == nil && i >= 0; i-- {
			err = r.apply(actions[i])
		}
		return source.verdict(err, "compacted commits are damaged")
	})
}

// errStop ends the reading of a commit early.
var errStop = errors.New("stop")

// readCommit calls apply for each action of a commit, until it returns an
// error; errStop is none. It returns when the commit's file was written, in
// Unix milliseconds.
func readCommit(ctx context.Context, st Storage, version int64, apply func(*action) error) (modTime int64, err error) {
	key := commitKey(version)
	err = withObject(ctx, st, key, func(obj Object) error {
		modTime = obj.ModTime() / 1000
		source := &logReader{object: obj}
		err := readActions(source.section(), apply)
		if errors.Is(err, errStop) {
			return nil
		}
		return source.verdict(err, fmt.Sprintf("commit %d is damaged", version))
	})
	return modTime, err
}

// readCommitInfo returns what a commit says of itself, or nil when it says
// nothing. The error is [io/fs.ErrNotExist] when there is no such commit.
func readCommitInfo(ctx context.Context, st Storage, version int64) (*commitInfo, error) {
	var info *commitInfo
	_, err := readCommit(ctx, st, version, func(a *action) error {
		if a.CommitInfo == nil {
			return nil
		}
		info = a.CommitInfo
		return errStop
	})
	return info, err
}

// forget drops what the table no longer keeps: tombstones whose files vacuum
// may have deleted, and applications long unused.
func (r *replay) forget(m *Metadata, now time.Time) {
	if retention, ok := durationProperty(m, "delta.setTransactionRetentionDuration"); ok {
		oldest := now.Add(-retention).UnixMilli()
		maps.DeleteFunc(r.txns, func(_ string, txn SetTransaction) bool {
			return txn.LastUpdated != nil && *txn.LastUpdated <= oldest
		})
	}
	retention, ok := durationProperty(m, "delta.deletedFileRetentionDuration")
	if !ok {
		retention = defaultFileRetention
	}
	r.files.forget(now.Add(-retention).UnixMilli())
}

// snapshot returns the state reached, as version.
func (r *replay) snapshot(t *Table, commit commitFile) (*Snapshot, error) {
	if r.protocol == nil {
		return nil, &LogError{Reason: fmt.Sprintf("version %d has no protocol action", commit.version), verdict: true}
	}
	if r.metaData == nil {
		return nil, &LogError{Reason: fmt.Sprintf("version %d has no metaData action", commit.version), verdict: true}
	}
	if err := checkRead(*r.protocol); err != nil {
		return nil, err
	}
	metadata, err := r.metaData.metadata()
	if err != nil {
		return nil, err
	}
	if t != nil {
		r.forget(&metadata, t.opts.Clock())
	}
	files, err := r.files.finish()
	if err != nil {
		return nil, err
	}
	return &Snapshot{
		table: t, commit: commit,
		protocol: *r.protocol, metadata: metadata, metaData: r.metaData,
		txns: r.txns, domains: r.domains, files: files, info: r.info,
	}, nil
}
