package delta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	day                 = 24 * time.Hour
	defaultLogRetention = 30 * day
	// protectionKey is the version below which checkpoints may only go all at
	// once (protocol: Checkpoint Protection).
	protectionKey = "delta.requireCheckpointProtectionBeforeVersion"
)

// cleanLog removes what the table no longer keeps of its log: everything
// before the newest checkpoint that is old enough for every later version to
// be kept (protocol: Metadata Cleanup). It does so once a day, which is how
// fine the retention is, and a version that time travel still reaches keeps
// its checkpoint and its commit.
func (t *Table) cleanLog(ctx context.Context, newest *checkpointJob) error {
	s := newest.snapshot
	if value, ok := s.Property("delta.enableExpiredLogCleanup"); ok && strings.EqualFold(value, "false") {
		return nil
	}
	retention, ok := durationProperty(&s.metadata, "delta.logRetentionDuration")
	if !ok {
		retention = defaultLogRetention
	}
	now := t.opts.Clock().UTC()
	today := now.Truncate(day)
	if !t.upkeep.firstOfDay(today) {
		return nil
	}
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return err
	}
	oldest, ok := l.oldestToKeep(now.Add(-retention).Truncate(day))
	if ok && mayRemoveBefore(&s.metadata, oldest) && oldest > l.first() {
		err = t.removeBefore(ctx, newest, oldest, today.Add(-day))
	}
	return err
}

// oldestToKeep returns the version of the checkpoint that versions after a
// time are rebuilt from; ok is false when there is none.
func (l *listing) oldestToKeep(cutoff time.Time) (version int64, ok bool) {
	newest := int64(-1)
	for _, c := range increasing(l.commits) {
		if c.modTime <= cutoff.UnixMilli() {
			newest = c.version
		}
	}
	for _, cp := range l.checkpoints { // newest first
		if cp.version <= newest {
			return cp.version, true
		}
	}
	return 0, false
}

// first returns the least version that the listing shows anything of.
func (l *listing) first() int64 {
	first := l.latest()
	if len(l.commits) > 0 {
		first = min(first, l.commits[0].version)
	}
	if n := len(l.checkpoints); n > 0 {
		first = min(first, l.checkpoints[n-1].version)
	}
	return first
}

// mayRemoveBefore reports whether checkpoint protection lets all that is
// before a version go.
func mayRemoveBefore(m *Metadata, version int64) bool {
	protected, ok := protectedVersion(m)
	return !ok || version >= protected
}

// protectedVersion returns the version below which checkpoints are protected.
func protectedVersion(m *Metadata) (int64, bool) {
	version, err := strconv.ParseInt(m.Configuration[protectionKey], 10, 64)
	return version, err == nil
}

// withProtection returns m saying that what is before a version is protected.
func withProtection(m Metadata, version int64) Metadata {
	m.Configuration = maps.Clone(m.Configuration)
	if m.Configuration == nil {
		m.Configuration = map[string]string{}
	}
	m.Configuration[protectionKey] = strconv.FormatInt(version, 10)
	return m
}

// removeBefore removes the log before a version, commits before checkpoints,
// and then sidecars that nothing refers to any more.
func (t *Table) removeBefore(ctx context.Context, newest *checkpointJob, oldest int64, unusedSince time.Time) error {
	if newest.v2 {
		// Programs that do not know the names of V2 checkpoints find in one
		// of the classic name that they do not know the table either, rather
		// than a log without a beginning.
		if err := newest.writeTop(ctx, classicCheckpointKey(newest.snapshot.Version())); err != nil {
			return err
		}
	}
	var commits, others []string
	for info, err := range t.storage.List(ctx, versionPrefix, "") {
		if err != nil {
			return fmt.Errorf("list %s: %w", logDir, err)
		}
		name := parseLogKey(info.Name())
		switch {
		case name.kind == kindCompacted && name.version <= oldest, name.kind == kindChecksum && name.version < oldest,
			name.kind == kindCheckpoint && name.version < oldest:
			others = append(others, info.Name())
		case name.kind == kindCommit && name.version < oldest:
			commits = append(commits, info.Name())
		}
	}
	for _, key := range append(commits, others...) {
		if err := t.storage.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete %s: %w", key, err)
		}
	}
	return t.removeSidecars(ctx, unusedSince)
}

// removeSidecars removes sidecars that no checkpoint names, unless they are so
// young that the checkpoint may still be on its way.
func (t *Table) removeSidecars(ctx context.Context, unusedSince time.Time) error {
	var old []string
	for info, err := range t.storage.List(ctx, sidecarDir, "") {
		if err != nil {
			return fmt.Errorf("list %s: %w", sidecarDir, err)
		}
		if info.ModTime().Before(unusedSince) {
			old = append(old, info.Name())
		}
	}
	if len(old) == 0 {
		return nil
	}
	used, err := t.usedSidecars(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, key := range old {
		if !used[key] {
			failed = append(failed, t.storage.Delete(ctx, key))
		}
	}
	return errors.Join(failed...)
}

// usedSidecars returns the keys of the sidecars of all checkpoints.
func (t *Table) usedSidecars(ctx context.Context) (map[string]bool, error) {
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return nil, err
	}
	used := make(map[string]bool)
	for _, cp := range l.checkpoints {
		for _, key := range cp.keys {
			names, err := readSidecarNames(ctx, t.storage, key)
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				used[sidecarDir+path.Base(canonicalPath(name))] = true
			}
		}
	}
	return used, nil
}
