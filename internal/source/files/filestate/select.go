package filestate

import (
	"context"
	"iter"
	"slices"
	"strings"
)

// Range is the paths from Low on and below High; High "" is no end.
type Range struct{ Low, High string }

// At returns the range of one path.
func At(path string) Range { return Range{Low: path, High: path + "\x00"} }

// Single reports whether r has one path at most.
func (r Range) Single() bool { return r.High == r.Low+"\x00" }

// Prefix returns what all paths in r begin with.
func (r Range) Prefix() string {
	if r.Single() {
		return r.Low
	}
	n := 0
	for n < min(len(r.Low), len(r.High)) && r.Low[n] == r.High[n] {
		n++
	}
	// What begins with "ab" lies between "ab" and "ac".
	if n == len(r.Low)-1 && n == len(r.High)-1 && r.Low[n]+1 == r.High[n] {
		n++
	}
	return r.Low[:n]
}

// Intersect returns the paths that are in both.
func (r Range) Intersect(o Range) (both Range, some bool) {
	both = Range{Low: max(r.Low, o.Low), High: o.High}
	if o.High == "" || r.High != "" && r.High < o.High {
		both.High = r.High
	}
	return both, both.High == "" || both.Low < both.High
}

// Unite returns ranges in ascending order that do not touch, with the paths of
// all given.
func Unite(ranges []Range) []Range {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b Range) int { return strings.Compare(a.Low, b.Low) })
	var out []Range
	for _, r := range sorted {
		if n := len(out) - 1; n >= 0 && (out[n].High == "" || r.Low <= out[n].High) {
			if r.High == "" || out[n].High != "" && r.High > out[n].High {
				out[n].High = r.High
			}
			continue
		}
		out = append(out, r)
	}
	return out
}

// Select says which files are asked for.
type Select struct {
	// Range bounds their paths; the zero value is all.
	Range
	// Unfinished leaves out files that are loaded and nothing else: what is
	// yielded was skipped or forgotten, or no finished batch has taken it.
	Unfinished bool
}

// Select yields the files asked for by path, each as it was discovered last.
// It opens no segment that has none of them, and of the others reads only
// blocks within the range.
func (s *Store) Select(ctx context.Context, what Select) iter.Seq2[Entry, error] {
	if !what.Unfinished {
		return latest(s.within(ctx, what.Range, s.m.Index))
	}
	some := slices.DeleteFunc(slices.Clone(s.m.Index), s.finished)
	return func(yield func(Entry, error) bool) {
		// The others may say that a file has been loaded since.
		look, err := s.lookup(ctx)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		defer look.close()
		for e, err := range latest(s.within(ctx, what.Range, some)) {
			if err == nil {
				var now *Entry
				if now, _, err = look.find(e.Path); err == nil {
					e = *now
				}
			}
			if err == nil && e.Seq < s.m.Taken && !e.leftOut() {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// finished reports whether a segment has only files that are loaded.
func (s *Store) finished(seg segment) bool {
	const leftOut = 1<<SkippedCorrupted | 1<<SkippedMissing | 1<<SkippedExisting | 1<<Forgotten
	return seg.LastSeq < s.m.Taken && seg.States != 0 && seg.States&leftOut == 0
}

func (e *Entry) leftOut() bool { return e.skipped() || e.State == Forgotten }

// within yields the entries in a range of segments by path.
func (s *Store) within(ctx context.Context, r Range, list []segment) iter.Seq2[Entry, error] {
	list = slices.DeleteFunc(slices.Clone(list), func(seg segment) bool {
		return seg.MaxPath < r.Low || r.High != "" && seg.MinPath >= r.High
	})
	return func(yield func(Entry, error) bool) {
		for e, err := range s.mergedFrom(ctx, byPath, list, r.Low) {
			if err == nil && r.High != "" && e.Path >= r.High || !yield(e, err) {
				return
			}
		}
	}
}

// latest yields the last of the entries of each path.
func latest(entries iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		var last Entry
		held := false
		for e, err := range entries {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if held && last.Path != e.Path && !yield(last, nil) {
				return
			}
			last, held = e, true
		}
		if held {
			yield(last, nil)
		}
	}
}
