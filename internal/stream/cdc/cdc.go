// Package cdc applies change data to a table: AUTO CDC (semantics §13).
//
// A source tells what happened to rows, each change with the keys of its row
// and a sequence, in whatever order changes arrive. What the table shows
// depends on the changes alone, not on the order or the batches they came in.
//
// The table cannot hold all that this takes: that a key was deleted, and at
// which sequence, is in no row of it. Such things are kept in a backing table
// beside the flow's checkpoint (see [Sink]).
package cdc

import "slices"

// Event is what happens to one key at one sequence: an update, or a delete.
// R tells where its columns are.
type Event[R any] struct {
	Row    R
	Delete bool
	// Stored says that the event was kept by an earlier batch, and Old that
	// this was longer ago than tombstones are kept.
	Stored, Old bool
	// Starts says that the event began a version. [Key] sets it, before it
	// keeps or forgets the event.
	Starts bool
}

// Image is a row of the table: for each place the event that gave it its
// value, nil for NULL. There is one place, that of all columns, unless nulls
// are ignored; see [Rules].
type Image[R any] []*Event[R]

// Version is a row of the table, and for how long it was valid: from the
// sequence of Start up to that of End, which is nil as long as it is.
type Version[R any] struct {
	Start, End *Event[R]
	Image      Image[R]
	// Cut says that values which stored events gave it may be gone.
	Cut bool
}

// Known reports whether the row has the values that batches before have left.
func (v Version[R]) Known() bool {
	return !v.Cut && !slices.ContainsFunc(v.Image, func(e *Event[R]) bool { return e != nil && !e.Stored })
}

// Rules say how events make rows.
type Rules[R any] struct {
	// History shows all versions of a row (SCD type 2), else the last one.
	History bool
	// Places is how many parts of a row are updated each on its own, at least
	// one. Place 0 is the row as such, which every update sets.
	Places int
	// Sets reports whether an update has a value for a place from 1 on. Where
	// it has none, the value that was there stays.
	Sets func(update R, place int) bool
	// Ties reports whether two events of a key have the same sequence.
	Ties func(a, b R) bool
	// Same reports whether two rows of a key have the same values in the
	// columns whose history is tracked: the second one is then no new version.
	Same func(a, b Image[R]) bool
}

// Effects is what becomes of the events of a key.
type Effects[R any] interface {
	// Show is told of the versions of the row, in the order of sequences.
	Show(v Version[R])
	// Keep is told of an event that later ones may have to be compared with,
	// Forget of one that was kept and need not be any more.
	Keep(e *Event[R])
	Forget(e *Event[R])
}

// Key applies the events of one key: all those that are kept and those of a
// batch, in the order of their sequences, stored ones first where they tie.
// It holds a few events at a time, however many there are.
type Key[R any] struct {
	rules   Rules[R]
	effects Effects[R]

	last  *Event[R]   // that came last, and is not applied yet
	image Image[R]    // of the row after the events applied; nil for none
	start *Event[R]   // of the version that is open, when there is history
	held  *Event[R]   // that the open version was updated by last
	tomb  *Event[R]   // the last delete, when there is no history
	alive bool        // a stored event before has the row there
	cut   bool        // since then a value that was there may be gone
	gone  []*Event[R] // scratch
}

// NewKey returns what applies the events of a key. After End it is ready for
// the next one.
func NewKey[R any](rules Rules[R], effects Effects[R]) *Key[R] {
	return &Key[R]{rules: rules, effects: effects}
}

// Add takes the next event. Of two with the same sequence a delete counts,
// then the one that is stored, then the later one.
func (k *Key[R]) Add(e *Event[R]) {
	if k.last == nil || !k.rules.Ties(k.last.Row, e.Row) {
		k.apply()
		k.last = e
		return
	}
	if was := k.last; e.Delete && !was.Delete || !was.Stored && e.Delete == was.Delete {
		if k.last = e; was.Stored {
			k.effects.Forget(was)
		}
	}
}

// Cut says that a stored event of the key is void, which came before those
// that follow.
func (k *Key[R]) Cut() { k.cut = true }

// End says that there are no more events of the key.
func (k *Key[R]) End() {
	k.apply()
	switch {
	case k.rules.History:
		k.close(nil)
	case k.image != nil:
		k.effects.Show(Version[R]{Start: k.image[0], Image: k.image, Cut: k.cut})
		k.each(k.image, k.effects.Keep)
	}
	if k.tomb != nil {
		k.effects.Keep(k.tomb)
	}
	*k = Key[R]{rules: k.rules, effects: k.effects, gone: k.gone[:0]}
}

// Holds yields the events that are still needed.
func (k *Key[R]) Holds(yield func(*Event[R])) {
	for _, e := range []*Event[R]{k.last, k.start, k.held, k.tomb} {
		if e != nil {
			yield(e)
		}
	}
	k.each(k.image, yield)
}

// each calls do for each event of an image once.
func (k *Key[R]) each(image Image[R], do func(*Event[R])) {
	k.gone = k.gone[:0]
	for _, e := range image {
		if e == nil || slices.Contains(k.gone, e) {
			continue
		}
		k.gone = append(k.gone, e)
		do(e)
	}
}

// apply applies the event that came last.
func (k *Key[R]) apply() {
	e := k.last
	if k.last = nil; e == nil {
		return
	}
	if e.Delete && e.Stored && e.Old && !k.alive {
		// A tombstone that no row of the table shows, and kept long enough.
		k.effects.Forget(e)
		return
	}
	if e.Stored {
		k.alive = !e.Delete
	}
	if k.rules.History {
		k.extend(e)
	} else {
		k.replace(e)
	}
	if e.Delete {
		// What updates after a stored delete leave out was not there before. A
		// new one takes from them what came earlier than it.
		k.cut = !e.Stored
	}
}

// replace makes an event the last one of the row.
func (k *Key[R]) replace(e *Event[R]) {
	was := k.image
	if e.Delete {
		k.image = nil
	} else {
		k.image = k.updated(e)
	}
	k.each(was, func(old *Event[R]) {
		if !slices.Contains(k.image, old) && old.Stored {
			k.effects.Forget(old)
		}
	})
	// A delete bars what comes before it. So does an update of all columns.
	if k.tomb != nil && (e.Delete || k.rules.Places == 1) {
		if k.tomb.Stored {
			k.effects.Forget(k.tomb)
		}
		k.tomb = nil
	}
	if e.Delete {
		k.tomb = e
	}
}

// updated is the row after an update.
func (k *Key[R]) updated(e *Event[R]) Image[R] {
	image := make(Image[R], k.rules.Places)
	image[0] = e
	for place := 1; place < len(image); place++ {
		if k.rules.Sets(e.Row, place) {
			image[place] = e
		} else if k.image != nil {
			image[place] = k.image[place]
		}
	}
	return image
}

// extend adds an event to the row's history.
func (k *Key[R]) extend(e *Event[R]) {
	if e.Delete {
		k.close(e)
		k.effects.Keep(e)
		return
	}
	image := k.updated(e)
	if k.start == nil || !k.rules.Same(k.image, image) {
		k.close(e)
		e.Starts = true
		k.start, k.held, k.image = e, e, image
		return
	}
	// The open version remains. What it was updated by before matters to late
	// events only.
	if k.held != k.start && k.held.Stored && k.held.Old && k.rules.Places == 1 {
		k.effects.Forget(k.held)
	} else {
		k.effects.Keep(k.held)
	}
	k.held, k.image = e, image
}

// close ends the open version, if there is one; nil leaves it valid.
func (k *Key[R]) close(end *Event[R]) {
	if k.start == nil {
		return
	}
	k.effects.Show(Version[R]{Start: k.start, End: end, Image: k.image, Cut: k.cut})
	k.effects.Keep(k.held)
	k.start, k.held, k.image = nil, nil, nil
}
