package delta

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// commitFile is a commit as the listing shows it.
type commitFile struct {
	version int64
	modTime int64 // Unix milliseconds, as the storage has it
}

// checkpointFile is a complete checkpoint: one object, or all of its parts.
type checkpointFile struct {
	version int64
	keys    []string
}

// compactedFile holds, reconciled, the actions of a run of commits.
type compactedFile struct {
	key         string
	first, last int64
}

// listing is what a part of the log holds, by names alone.
type listing struct {
	commits     []commitFile     // ascending
	checkpoints []checkpointFile // complete ones, best first
	compacted   []compactedFile
	checksum    int64 // the newest version that has one, or -1
}

// listLog lists the files of the log with keys greater than after.
func listLog(ctx context.Context, st Storage, after string) (*listing, error) {
	l := &listing{checksum: -1}
	type group struct {
		version int64
		parts   int
		unique  string
	}
	groups := make(map[group][]string)
	for info, err := range st.List(ctx, versionPrefix, after) {
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", logDir, err)
		}
		switch name := parseLogKey(info.Name()); name.kind {
		case kindCommit:
			l.commits = append(l.commits, commitFile{version: name.version, modTime: info.ModTime().UnixMilli()})
		case kindCheckpoint:
			g := group{version: name.version, parts: name.parts, unique: name.unique}
			groups[g] = append(groups[g], info.Name())
		case kindCompacted:
			l.compacted = append(l.compacted, compactedFile{key: info.Name(), first: name.version, last: name.last})
		case kindChecksum:
			l.checksum = max(l.checksum, name.version)
		case kindOther:
		}
	}
	for g, keys := range groups {
		if len(keys) == g.parts {
			slices.Sort(keys)
			l.checkpoints = append(l.checkpoints, checkpointFile{version: g.version, keys: keys})
		}
	}
	slices.SortFunc(l.commits, func(a, b commitFile) int { return cmp.Compare(a.version, b.version) })
	slices.SortFunc(l.checkpoints, compareCheckpoints)
	return l, nil
}

// compareCheckpoints orders newest first. Of several at one version the one
// of fewest parts is tried first, the classic name before UUIDs, so that the
// choice does not depend on the order of the listing.
func compareCheckpoints(a, b checkpointFile) int {
	return cmp.Or(
		cmp.Compare(b.version, a.version),
		cmp.Compare(len(a.keys), len(b.keys)),
		cmp.Compare(len(a.keys[0]), len(b.keys[0])),
		cmp.Compare(a.keys[0], b.keys[0]),
	)
}

// latest returns the newest version that the listing shows, or -1.
func (l *listing) latest() int64 {
	latest := int64(-1)
	if n := len(l.commits); n > 0 {
		latest = l.commits[n-1].version
	}
	if len(l.checkpoints) > 0 {
		latest = max(latest, l.checkpoints[0].version)
	}
	return latest
}

// earliest returns the oldest version that can be rebuilt, or -1: version 0
// when its commit is there, otherwise that of the oldest checkpoint.
func (l *listing) earliest() int64 {
	if len(l.commits) > 0 && l.commits[0].version == 0 {
		return 0
	}
	if n := len(l.checkpoints); n > 0 {
		return l.checkpoints[n-1].version
	}
	return -1
}

// compaction returns the compacted file that begins with a version and spares
// the most of the given commits, or nil.
func (l *listing) compaction(commits []commitFile) *compactedFile {
	var best *compactedFile
	for i := range l.compacted {
		c := &l.compacted[i]
		if c.first == commits[0].version && c.last <= commits[len(commits)-1].version && (best == nil || c.last > best.last) {
			best = c
		}
	}
	return best
}

// holds reports whether a listing from c.version on shows that the version is
// still the one that was read: its commit, of the same time, or its
// checkpoint when there was no commit.
func (l *listing) holds(c commitFile) bool {
	if len(l.commits) > 0 && l.commits[0].version == c.version {
		return l.commits[0] == c
	}
	same := func(cp checkpointFile) bool { return cp.version == c.version }
	return c.modTime == 0 && slices.ContainsFunc(l.checkpoints, same)
}

// between returns the commits from first to last, or the error that names the
// first one that is missing.
func (l *listing) between(first, last int64) ([]commitFile, error) {
	from, _ := slices.BinarySearchFunc(l.commits, first, func(c commitFile, v int64) int { return cmp.Compare(c.version, v) })
	run := l.commits[from:]
	for i := range run {
		want := first + int64(i)
		if want > last {
			return run[:i], nil
		}
		if run[i].version != want {
			return nil, &TruncatedLogError{Version: last, Missing: want, Hole: want > l.commits[0].version}
		}
	}
	if next := first + int64(len(run)); next <= last {
		return nil, &TruncatedLogError{Version: last, Missing: next, Hole: len(l.commits) > 0 && next > l.commits[0].version}
	}
	return run, nil
}
