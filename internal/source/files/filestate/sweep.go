package filestate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// orphanAge is how old a segment that nothing lists must be before it is
// deleted: who reads an older version of the state can come to an end.
const orphanAge = time.Hour

// Sweep deletes what runs that were cut off left behind, and forgets files
// that are past their age (option maxFileAge) once they have become many. Only
// the process that holds the flow's lease may.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	if err := s.sweep(ctx, now); err != nil {
		return fmt.Errorf("sweep file state: %w", err)
	}
	return s.forget(ctx, now.UnixMicro())
}

// sweep deletes segments that nothing lists. It takes the next version before:
// who wrote one and slept meanwhile must not come to list it.
func (s *Store) sweep(ctx context.Context, now time.Time) error {
	orphans, err := s.orphans(ctx, now)
	if err != nil || len(orphans) == 0 {
		return err
	}
	if err := s.publish(ctx, s.m); err != nil {
		return err
	}
	for _, key := range orphans {
		if err := s.objects.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// orphans returns the keys of old segments that nothing lists.
func (s *Store) orphans(ctx context.Context, now time.Time) (keys []string, err error) {
	for in, err := range s.objects.List(ctx, s.segmentKey(""), "") {
		if err != nil {
			return nil, err
		}
		seg := segment{Name: strings.TrimPrefix(in.Name(), s.segmentKey(""))}
		if len(unneeded([]segment{seg}, s.m, s.before)) > 0 && now.Sub(in.ModTime()) >= orphanAge {
			keys = append(keys, in.Name())
		}
	}
	return keys, nil
}

// forget rewrites the index without expired files when the oldest of them are
// a quarter older than they may be: so often, and no more, is all rewritten.
func (s *Store) forget(ctx context.Context, now int64) error {
	late := now - s.opts.MaxAge - s.opts.MaxAge/4
	if s.opts.MaxAge == 0 || !slices.ContainsFunc(s.m.Index, func(seg segment) bool { return seg.Oldest < late }) {
		return nil
	}
	m := s.m
	one, err := s.write(ctx, byPath, s.unexpired(s.merged(ctx, byPath, m.Index), now))
	if err != nil {
		return fmt.Errorf("forget expired files: %w", err)
	}
	if m.Index = nil; one.Entries > 0 {
		m.Index = []segment{one}
	}
	return s.publish(ctx, m)
}

// expired reports whether a file is past its age, so that it counts as new
// when it is listed again. One that no batch has taken yet never is: it would
// be loaded twice.
func (s *Store) expired(e *Entry, now int64) bool {
	return s.opts.MaxAge > 0 && e.Seq < s.m.Taken && e.Discovered < now-s.opts.MaxAge
}

// Outstanding returns how many files from a sequence number on no batch has,
// and their bytes.
func (s *Store) Outstanding(ctx context.Context, from int64) (files, bytes int64, err error) {
	for _, seg := range s.m.Pending {
		if seg.FirstSeq >= from {
			files, bytes = files+seg.Entries, bytes+seg.Size
			continue
		}
		if seg.LastSeq < from {
			continue
		}
		for e, err := range s.scan(ctx, seg, from) {
			if err != nil {
				return 0, 0, err
			}
			files, bytes = files+1, bytes+e.Size
		}
	}
	return files, bytes, nil
}
