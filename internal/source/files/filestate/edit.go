package filestate

import (
	"context"
	"fmt"
	"iter"
	"slices"
)

// Edit is what a user does to known files, one by one or many by a pattern.
type Edit uint8

// The edits.
const (
	// Retry offers files again that were skipped, and takes back that others
	// failed.
	Retry Edit = iota
	// Forget makes files unknown: a batch that has not run leaves them out,
	// and the next listing that shows one discovers it.
	Forget
	// Replay offers loaded files again; their rows take the place of those
	// loaded before.
	Replay
	// ReplayAppend offers loaded files again; their rows come in addition.
	ReplayAppend
)

// Edit does an edit to the files whose last discovery matches and for which
// it means something, in one step, and returns how many those are. Memory is
// one bit for each file that no batch has taken. Times are in µs since 1970.
func (s *Store) Edit(ctx context.Context, edit Edit, match func(*Entry) bool, now int64) (n int64, err error) {
	e := editing{store: s, edit: edit, match: match, now: now}
	seg, err := s.write(ctx, byPath, e.changed(ctx))
	if err != nil {
		return 0, fmt.Errorf("edit file state: %w", err)
	}
	if seg.Entries == 0 {
		return 0, s.objects.Delete(ctx, s.segmentKey(seg.Name))
	}
	m := s.m
	m.Next += e.offered
	if edit == Forget {
		m.Forgets++
	}
	if m.Pending, err = e.pending(ctx); err == nil {
		m.Index, err = s.grow(ctx, byPath, m.Index, seg, now)
	}
	if err == nil {
		err = s.publish(ctx, m)
	}
	if err != nil {
		return 0, fmt.Errorf("edit file state: %w", err)
	}
	return seg.Entries, nil
}

// editing is an edit under way.
type editing struct {
	store   *Store
	edit    Edit
	match   func(*Entry) bool
	now     int64
	offered int64  // files that got a new sequence number
	gone    bitset // forgotten ones of the files not taken, from Taken on
}

// changed yields what the entries that change become. Files that are offered
// again get the next numbers, in the order of their paths.
func (e *editing) changed(ctx context.Context) iter.Seq2[Entry, error] {
	e.offered, e.gone = 0, bitset{}
	return func(yield func(Entry, error) bool) {
		for old, err := range e.store.Select(ctx, Select{}) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if e.match(&old) && e.apply(&old) && !yield(old, nil) {
				return
			}
		}
	}
}

// apply changes an entry and reports whether the edit means something to it.
func (e *editing) apply(f *Entry) bool {
	taken := f.Seq < e.store.m.Taken
	switch {
	case e.edit == Forget && f.State != Forgotten:
		f.State, f.StateTime, f.Detail = Forgotten, e.now, ""
		if !taken {
			e.gone.set(f.Seq - e.store.m.Taken)
		}
		return true
	case e.edit == Retry && f.State == Failed && !taken:
		f.State, f.StateTime, f.Detail = Known, 0, ""
		return true
	case e.edit == Retry && taken && f.skipped():
		e.offer(f, Known)
		return true
	case e.edit == Replay && taken && f.loaded():
		e.offer(f, Replacing)
		return true
	case e.edit == ReplayAppend && taken && f.loaded():
		e.offer(f, Known)
		return true
	}
	return false
}

func (e *editing) offer(f *Entry, as State) {
	f.Seq = e.store.m.Next + e.offered
	e.offered++
	f.State, f.StateTime, f.Detail, f.Discovered = as, 0, "", e.now
	if as != Known {
		f.StateTime = e.now
	}
}

// pending returns the segments of files that batches have to take: those there
// are, less what was forgotten, and one of what is offered.
func (e *editing) pending(ctx context.Context) (list []segment, err error) {
	s := e.store
	for _, seg := range s.m.Pending {
		if !e.gone.any(seg.FirstSeq-s.m.Taken, seg.LastSeq-s.m.Taken) {
			list = append(list, seg)
			continue
		}
		if seg, err = s.write(ctx, bySeq, e.struck(ctx, seg)); err != nil {
			return nil, err
		}
		list = append(list, seg)
	}
	if e.offered == 0 {
		return list, nil
	}
	seg, err := s.write(ctx, bySeq, e.offers(ctx))
	return append(list, seg), err
}

// struck yields the entries of a segment, the forgotten ones as such.
func (e *editing) struck(ctx context.Context, seg segment) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for f, err := range e.store.scan(ctx, seg, seg.FirstSeq) {
			if err == nil && e.gone.has(f.Seq-e.store.m.Taken) {
				f.State, f.StateTime, f.Detail = Forgotten, e.now, ""
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// offers yields the files that are offered again, by sequence number.
func (e *editing) offers(ctx context.Context) iter.Seq2[Entry, error] {
	again := editing{store: e.store, edit: e.edit, match: e.match, now: e.now}
	return func(yield func(Entry, error) bool) {
		for f, err := range again.changed(ctx) {
			if err == nil && f.Seq < e.store.m.Next {
				continue
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

func (e *Entry) skipped() bool {
	return slices.Contains([]State{SkippedCorrupted, SkippedMissing, SkippedExisting}, e.State)
}

// loaded reports whether a file that a batch took gave its rows and is still
// there. One that failed has been loaded by a later try.
func (e *Entry) loaded() bool {
	return slices.Contains([]State{Known, Failed, Replacing}, e.State)
}

// bitset is a set of numbers from 0 on.
type bitset struct{ words []uint64 }

func (b *bitset) set(n int64) {
	for int64(len(b.words)) <= n/64 {
		b.words = append(b.words, 0)
	}
	b.words[n/64] |= 1 << (n % 64)
}

func (b *bitset) has(n int64) bool {
	return n >= 0 && n/64 < int64(len(b.words)) && b.words[n/64]&(1<<(n%64)) != 0
}

// any reports whether a number from first to last is in the set.
func (b *bitset) any(first, last int64) bool {
	for n := max(first, 0); n <= last && n/64 < int64(len(b.words)); n++ {
		if b.words[n/64] == 0 {
			n |= 63
		} else if b.has(n) {
			return true
		}
	}
	return false
}
