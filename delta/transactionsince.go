package delta

import (
	"context"
	"errors"
	"slices"
	"time"
)

// TransactionVersionsSince returns every version that an application recorded
// in those versions of the table, up to s, that were current at since or
// later, ascending and without repeats; none when it recorded nothing. Of a
// log that does not go back that far it returns those of all versions that can
// be rebuilt. It reads the commits made since then.
func (s *Snapshot) TransactionVersionsSince(ctx context.Context, appID string, since time.Time) ([]int64, error) {
	var versions []int64
	if v, ok := s.TransactionVersion(appID); ok {
		versions = append(versions, v)
	}
	first, err := s.current(ctx, since)
	if err != nil {
		return nil, err
	}
	if v, ok := first.TransactionVersion(appID); ok {
		versions = append(versions, v)
	}
	for version := first.Version() + 1; version < s.Version(); version++ {
		_, err := readCommit(ctx, s.storage(), version, func(a *action) error {
			if a.Txn != nil && a.Txn.AppID == appID {
				versions = append(versions, a.Txn.Version)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions), nil
}

// current returns the version up to s that was current at a time, or the
// oldest that can be rebuilt.
func (s *Snapshot) current(ctx context.Context, at time.Time) (*Snapshot, error) {
	found, err := s.table.SnapshotAsOf(ctx, at)
	if outside := new(TimestampError); errors.As(err, &outside) {
		if outside.Asked.After(outside.Nearest) {
			return s, nil
		}
		found, err = s.table.SnapshotAsOf(ctx, outside.Nearest)
	}
	if err != nil || found.Version() > s.Version() {
		return s, err
	}
	return found, nil
}
