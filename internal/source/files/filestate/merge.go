package filestate

import (
	"context"
	"iter"
	"slices"
)

// mergeFactor is how many times larger than all its younger neighbours
// together a segment must be to be left alone, and how many segments a merge
// takes at least: n entries stand in O(log n) segments, and each is rewritten
// O(log n) times.
const mergeFactor = 4

// grow appends a segment to a list, merging the youngest when they have
// become many.
func (s *Store) grow(ctx context.Context, by order, list []segment, seg segment, now int64) ([]segment, error) {
	list = append(slices.Clone(list), seg)
	from, total := len(list)-1, seg.Entries
	for from > 0 && list[from-1].Entries < total*mergeFactor {
		from--
		total += list[from].Entries
	}
	if len(list)-from < mergeFactor {
		return list, nil
	}
	entries := s.merged(ctx, by, list[from:])
	if by == byPath && s.opts.MaxAge > 0 {
		entries = s.unexpired(entries, now)
	}
	one, err := s.write(ctx, by, entries)
	if err != nil {
		return nil, err
	}
	if one.Entries == 0 {
		return list[:from], nil
	}
	return append(list[:from:from], one), nil
}

// unexpired leaves out the entries of files that are past their age.
func (s *Store) unexpired(entries iter.Seq2[Entry, error], now int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for e, err := range entries {
			if err == nil && s.expired(&e, now) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// merged yields the entries of segments in order. Of entries that several
// segments have, the youngest segment's counts.
func (s *Store) merged(ctx context.Context, by order, list []segment) iter.Seq2[Entry, error] {
	return s.mergedFrom(ctx, by, list, "")
}

// mergedFrom is merged from a path on, of segments by path.
func (s *Store) mergedFrom(ctx context.Context, by order, list []segment, path string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var open []*reader
		defer func() {
			for _, r := range open {
				r.close()
			}
		}()
		for _, seg := range list {
			r, err := openSegment(ctx, s.objects, s.segmentKey(seg.Name), seg)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			open = append(open, r)
			if path != "" {
				err = r.seek(path)
			} else {
				_, err = r.advance()
			}
			if err != nil {
				yield(Entry{}, err)
				return
			}
		}
		for {
			e, err := least(by, open)
			if e == nil && err == nil || !yield(deref(e), err) || err != nil {
				return
			}
		}
	}
}

func deref(e *Entry) Entry {
	if e == nil {
		return Entry{}
	}
	return *e
}

// least returns the first entry of readers in order, as the youngest has it,
// and moves all that have it on. There are a few dozen of them at most.
func least(by order, readers []*reader) (*Entry, error) {
	var first *Entry
	for _, r := range readers {
		if r.valid && (first == nil || by.compare(&r.entry, first) <= 0) {
			first = &r.entry
		}
	}
	if first == nil {
		return nil, nil //nolint:nilnil // the end
	}
	e := *first
	for _, r := range readers {
		if r.valid && by.compare(&r.entry, &e) == 0 {
			if _, err := r.advance(); err != nil {
				return nil, err
			}
		}
	}
	return &e, nil
}

// lookup finds entries by ascending paths.
type lookup struct {
	readers []*reader
	found   Entry
}

func (s *Store) lookup(ctx context.Context) (*lookup, error) {
	l := &lookup{}
	for _, seg := range s.m.Index {
		r, err := openSegment(ctx, s.objects, s.segmentKey(seg.Name), seg)
		if err != nil {
			l.close()
			return nil, err
		}
		l.readers = append(l.readers, r)
	}
	return l, nil
}

func (l *lookup) close() {
	for _, r := range l.readers {
		r.close()
	}
	l.readers = nil
}

// Seen looks up files that a discovery passes over, whatever their size and
// time.
type Seen struct {
	store *Store
	how   Discovery
	look  *lookup
}

// Seen returns a look-up of what [Store.Discover] would pass over. It is to
// be closed, and does not see what is discovered later. Nothing is opened
// before it is asked.
func (s *Store) Seen(how Discovery) *Seen { return &Seen{store: s, how: how} }

// Has reports whether the file of a path is passed over. Paths must not
// descend from call to call.
func (k *Seen) Has(ctx context.Context, path string) (bool, error) {
	if k.how.Overwrites {
		return false, nil // its time decides
	}
	if k.look == nil {
		var err error
		if k.look, err = k.store.lookup(ctx); err != nil {
			return false, err
		}
	}
	e, ok, err := k.look.find(path)
	return ok && !k.store.isNew(File{}, e, k.how), err
}

// Close ends the look-up.
func (k *Seen) Close() {
	if k.look != nil {
		k.look.close()
	}
}

// find returns the entry of the last discovery of a path. Paths must not
// descend from call to call. The entry is valid until the next call.
func (l *lookup) find(path string) (*Entry, bool, error) {
	found := false
	for _, r := range l.readers { // oldest first
		if err := r.seek(path); err != nil {
			return nil, false, err
		}
		for r.valid && r.entry.Path == path {
			if !found || r.entry.Seq >= l.found.Seq {
				l.found, found = r.entry, true
			}
			if _, err := r.advance(); err != nil {
				return nil, false, err
			}
		}
	}
	return &l.found, found, nil
}
