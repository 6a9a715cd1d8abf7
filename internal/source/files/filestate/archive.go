package filestate

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
)

// Loaded is files that cleanSource may clean.
type Loaded struct {
	Files []Entry // as they were discovered, by path
	// End is the sequence number up to which these are all there are.
	End int64
	// path is that of the last file that was found by path, not by number.
	path string
	// Due is when the batch after them was committed, in µs since 1970;
	// [math.MaxInt64] when none is.
	Due int64
}

// Loaded returns files that have been loaded by batches that were committed
// at or before a time, in µs since 1970, and that were not returned before
// the last [Store.Archive]: the oldest, and limit of them at most.
func (s *Store) Loaded(ctx context.Context, committed int64, limit int) (Loaded, error) {
	l := Loaded{End: s.m.Cleaned, Due: math.MaxInt64}
	end, err := s.committed(ctx, committed, &l.Due)
	if err != nil || end <= l.End {
		return l, err
	}
	for e, err := range s.taken(ctx, l.End, end) {
		if err != nil {
			return l, err
		}
		if len(l.Files) == limit {
			l.Due = 0
			break
		}
		l.Files = append(l.Files, e)
		if e.Seq < s.firstRetained() {
			l.path = e.Path
		} else {
			l.End, l.path = e.Seq+1, ""
		}
	}
	if len(l.Files) < limit {
		l.End, l.path = end, ""
	}
	l.Files, err = s.unchanged(ctx, l.Files)
	return l, err
}

// committed returns the end of the last batch that was committed at or before
// a time, and sets due to when the one after it was.
func (s *Store) committed(ctx context.Context, before int64, due *int64) (end int64, err error) {
	end = s.m.Cleaned
	for _, seg := range s.m.Batches {
		if seg.LastSeq <= s.m.Cleaned {
			continue
		}
		for e, err := range s.scan(ctx, seg, s.m.Cleaned+1) {
			if err != nil {
				return end, err
			}
			if e.Discovered > before { // its commit; see Finish
				*due = e.Discovered
				return end, nil
			}
			end = e.Seq
		}
	}
	return end, nil
}

// firstRetained returns the number of the first file that the segments by
// number still hold.
func (s *Store) firstRetained() int64 {
	if len(s.m.Pending) == 0 {
		return s.m.Next
	}
	return s.m.Pending[0].FirstSeq
}

// taken yields the files from sequence number from on, below to. Those that
// are no longer held by number, as they were loaded before cleanSource was
// set, are looked up among all and come by path.
func (s *Store) taken(ctx context.Context, from, to int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if held := min(s.firstRetained(), to); from < held {
			for e, err := range s.Files(ctx) {
				if err == nil && (e.Seq < from || e.Seq >= held || e.Path <= s.archived || !e.loaded()) {
					continue
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
			from = held
		}
		for _, seg := range s.m.Pending {
			if seg.LastSeq < from {
				continue
			}
			for e, err := range s.scan(ctx, seg, from) {
				if err == nil && e.Seq >= to {
					return
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

// unchanged returns those of the files, sorted by path, that still are what
// they were discovered as: not skipped, forgotten, archived or offered again.
func (s *Store) unchanged(ctx context.Context, list []Entry) ([]Entry, error) {
	if len(list) == 0 {
		return nil, nil
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	look, err := s.lookup(ctx)
	if err != nil {
		return nil, err
	}
	defer look.close()
	kept := list[:0]
	for _, e := range list {
		last, known, err := look.find(e.Path)
		if err != nil {
			return nil, err
		}
		if known && last.Seq == e.Seq && last.loaded() {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

// Archive records that cleanSource has dealt with the files of l, and what
// those that have changed became. The time now is in µs since 1970.
func (s *Store) Archive(ctx context.Context, l Loaded, changed []Entry, now int64) error {
	m := s.m
	m.Cleaned = max(m.Cleaned, l.End)
	m.Pending = slices.DeleteFunc(slices.Clone(m.Pending), func(seg segment) bool { return seg.LastSeq < min(m.Cleaned, m.Taken) })
	var err error
	if m.Index, err = s.update(ctx, m.Index, changed, now); err != nil {
		return fmt.Errorf("record cleaned files: %w", err)
	}
	if err := s.publish(ctx, m); err != nil {
		return err
	}
	s.archived = l.path
	return nil
}
