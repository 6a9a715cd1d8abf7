package delta

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strconv"
	"time"
)

// SnapshotAt returns the table at a version. The error is a
// [*VersionNotFoundError] when there is none, a [*TruncatedLogError] when the
// log no longer holds what is needed to rebuild it (semantics §15.7).
func (t *Table) SnapshotAt(ctx context.Context, version int64) (*Snapshot, error) {
	if known, err := t.known(ctx); err != nil || known != nil && known.Version() == version {
		return known, err
	}
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return nil, err
	}
	return t.at(ctx, l, version)
}

// known returns the newest snapshot read so far, or nil.
func (t *Table) known(ctx context.Context) (*Snapshot, error) {
	select {
	case s := <-t.lock:
		t.lock <- s
		return s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (t *Table) at(ctx context.Context, l *listing, version int64) (*Snapshot, error) {
	latest, earliest := l.latest(), l.earliest()
	if latest < 0 {
		return nil, &NotFoundError{}
	}
	if version > latest || version < max(earliest, 0) {
		return nil, &VersionNotFoundError{Version: version, Earliest: max(earliest, 0), Latest: latest}
	}
	return t.load(ctx, l, version)
}

// SnapshotAsOf returns the latest version committed at or before ts. The
// error is a [*TimestampError] when ts is before the first version that can
// be rebuilt or after the last (semantics §15.7).
func (t *Table) SnapshotAsOf(ctx context.Context, ts time.Time) (*Snapshot, error) {
	latest, err := t.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return nil, err
	}
	line, err := t.timeline(ctx, l, latest)
	if err != nil {
		return nil, err
	}
	version, err := line.at(ctx, ts)
	if err != nil {
		return nil, err
	}
	if version == latest.Version() {
		return latest, nil
	}
	return t.at(ctx, l, version)
}

// timeline tells when the versions of a table that can be rebuilt were
// committed. Versions from firstInCommit on say so themselves; the time of
// older ones is when their file was written, made strictly increasing, as
// copying files or clocks of several writers may have disturbed it.
type timeline struct {
	storage       Storage
	commits       []commitFile
	firstInCommit int // index into commits; their number when there is none
}

func (t *Table) timeline(ctx context.Context, l *listing, latest *Snapshot) (*timeline, error) {
	first := max(l.earliest(), 0)
	commits, err := l.between(first, latest.Version())
	if err != nil && len(l.commits) > 0 {
		// The commit of the oldest checkpoint may be cleaned up.
		first = max(first, l.commits[0].version)
		commits, err = l.between(first, latest.Version())
	}
	if err != nil {
		return nil, err
	}
	line := &timeline{storage: t.storage, commits: increasing(commits), firstInCommit: len(commits)}
	if inCommitTimestamps(&latest.metadata) {
		enabled, err := strconv.ParseInt(latest.metadata.Configuration["delta.inCommitTimestampEnablementVersion"], 10, 64)
		if err != nil {
			enabled = 0 // from the table's creation
		}
		line.firstInCommit = int(min(max(enabled-first, 0), int64(len(commits))))
	}
	return line, ctx.Err()
}

// increasing returns the commits with each time later than the one before.
func increasing(commits []commitFile) []commitFile {
	adjusted := slices.Clone(commits)
	for i := 1; i < len(adjusted); i++ {
		adjusted[i].modTime = max(adjusted[i].modTime, adjusted[i-1].modTime+1)
	}
	return adjusted
}

// at returns the latest version at or before ts.
func (l *timeline) at(ctx context.Context, ts time.Time) (int64, error) {
	if len(l.commits) == 0 {
		return 0, &NotFoundError{}
	}
	var failure error
	timeOf := func(i int) time.Time {
		at, err := l.timeOf(ctx, i)
		if err != nil && failure == nil {
			failure = err
		}
		return at
	}
	last := len(l.commits) - 1
	from, to := 0, l.firstInCommit
	if l.firstInCommit <= last && !timeOf(l.firstInCommit).After(ts) {
		from, to = l.firstInCommit, len(l.commits)
	}
	after := from + sort.Search(to-from, func(i int) bool { return timeOf(from + i).After(ts) })
	if after == 0 && failure == nil {
		return 0, &TimestampError{Asked: ts, Nearest: timeOf(0)}
	}
	if end := timeOf(last); failure == nil && ts.After(end) {
		return 0, &TimestampError{Asked: ts, Nearest: end}
	}
	if failure != nil {
		return 0, failure
	}
	return l.commits[after-1].version, nil
}

// timeOf returns when the i-th commit was made.
func (l *timeline) timeOf(ctx context.Context, i int) (time.Time, error) {
	if i < l.firstInCommit {
		return time.UnixMilli(l.commits[i].modTime).UTC(), nil
	}
	info, err := readCommitInfo(ctx, l.storage, l.commits[i].version)
	if err != nil {
		return time.Time{}, err
	}
	if info == nil || info.InCommitTimestamp == nil {
		return time.Time{}, &LogError{Key: commitKey(l.commits[i].version), Reason: "commit lacks its in-commit timestamp"}
	}
	return time.UnixMilli(*info.InCommitTimestamp).UTC(), nil
}

// History returns what the commits say of themselves, newest first; limit 0
// is all that the log still holds.
func (t *Table) History(ctx context.Context, limit int) ([]HistoryEntry, error) {
	l, err := listLog(ctx, t.storage, "")
	if err != nil {
		return nil, err
	}
	if l.latest() < 0 {
		return nil, &NotFoundError{}
	}
	commits := increasing(l.commits)
	slices.Reverse(commits)
	if limit > 0 && limit < len(commits) {
		commits = commits[:limit]
	}
	entries := make([]HistoryEntry, 0, len(commits))
	for _, c := range commits {
		info, err := readCommitInfo(ctx, t.storage, c.version)
		if errors.Is(err, fs.ErrNotExist) {
			break // cleaned up since the listing, and all older ones with it
		}
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		at := time.UnixMilli(c.modTime).UTC()
		if info != nil && info.InCommitTimestamp != nil {
			at = time.UnixMilli(*info.InCommitTimestamp).UTC()
		}
		entries = append(entries, info.historyEntry(c.version, at))
	}
	return entries, nil
}
