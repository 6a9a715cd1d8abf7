package state

import (
	"slices"
	"sort"
)

// maxSpans bounds how much memory a [Wanted] takes: 32 bytes each.
const maxSpans = 1 << 20

// Wanted says which rows of the state a batch is about, as spans of keys. When
// they are very many, neighbours become one span, with what lies between
// them: whoever reads what is wanted has to pass over rows that are not.
type Wanted struct {
	spans []span
	max   int
}

// span is the keys from one to another, both included.
type span struct{ from, to Key }

// everything is all rows.
var everything = &Wanted{spans: []span{{leastKey, greatestKey}}}

// Add adds a key. Keys come in ascending order.
func (w *Wanted) Add(k Key) {
	n := len(w.spans)
	if n > 0 && w.spans[n-1].to.compare(k) >= 0 {
		return
	}
	w.spans = append(w.spans, span{k, k})
	if w.max == 0 {
		w.max = maxSpans
	}
	if n < w.max {
		return
	}
	for i := 0; i <= n; i += 2 {
		s := w.spans[i]
		s.to = w.spans[min(i+1, n)].to
		w.spans[i/2] = s
	}
	w.spans = w.spans[:n/2+1]
}

// AddEnded adds the rows that lead with a time after one and up to another.
func (w *Wanted) AddEnded(after, upto int64) {
	after = max(after, First)
	if after >= upto {
		return
	}
	s := span{Key{after + 1, leastKey.Hash}, Key{upto, greatestKey.Hash}}
	at := sort.Search(len(w.spans), func(i int) bool { return w.spans[i].to.compare(s.from) >= 0 })
	end := at
	for ; end < len(w.spans) && w.spans[end].from.compare(s.to) <= 0; end++ {
		if w.spans[end].from.compare(s.from) < 0 {
			s.from = w.spans[end].from
		}
		if w.spans[end].to.compare(s.to) > 0 {
			s.to = w.spans[end].to
		}
	}
	w.spans = slices.Replace(w.spans, at, end, s)
}

// from returns the first key wanted that is not less than one; ok is false
// when there is none. Callers go upwards: hint is where the last search ended.
func (w *Wanted) from(k Key, hint *int) (first Key, ok bool) {
	past := func(i int) bool { return w.spans[i].to.compare(k) >= 0 }
	n, low, step := len(w.spans), *hint, 1
	for low+step < n && !past(low+step) {
		step *= 2
	}
	low += step / 2
	low += sort.Search(max(min(*hint+step+1, n)-low, 0), func(i int) bool { return past(low + i) })
	if *hint = low; low >= n {
		return Key{}, false
	}
	if s := w.spans[low]; s.from.compare(k) > 0 {
		return s.from, true
	}
	return k, true
}
