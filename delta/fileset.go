package delta

import (
	"hash/maphash"
	"iter"
	"slices"
)

// A table may have millions of files, so its state is columns, not structs:
// about a hundred bytes a file besides its path. Files stand in blocks that
// never change once full; which of them have left the table is a bitmap
// beside them, so that a newer snapshot shares the blocks of an older one.

// layer is a segment and which of its rows still count.
type layer struct {
	seg  *segment
	dead bitmap
	live int // rows that are not dead
}

// bitmap is a set of rowIDs; one that is too short lacks the rest.
type bitmap []uint64

func (b bitmap) has(id rowID) bool {
	word := int(id >> 6)
	return word < len(b) && b[word]>>(id&63)&1 != 0
}

func (b *bitmap) set(id rowID) {
	if word := int(id >> 6); word >= len(*b) {
		*b = append(*b, make([]uint64, word+1-len(*b))...)
	}
	(*b)[id>>6] |= 1 << (id & 63)
}

// fileSet is the files of one version: the live ones and the tombstones. It
// is immutable and shares its blocks with the sets of other versions. Layers
// shrink geometrically, so that a look-up visits few.
type fileSet struct {
	seed       maphash.Seed
	layers     []layer
	adds       int64
	bytes      int64 // of the live files
	tombstones int64
}

func newFileSet() *fileSet { return &fileSet{seed: maphash.MakeSeed()} }

// each calls yield for every row that counts, adds and tombstones, in a fixed
// order, until it returns false. Rows share text; they must not be changed.
func (f *fileSet) each(yield func(*rowView) bool) error {
	for _, l := range f.layers {
		view := rowView{seg: l.seg}
		for n, b := range l.seg.blocks {
			if err := view.open(b); err != nil {
				return err
			}
			for view.row = range b.rows() {
				if l.dead.has(rowID(n<<blockShift | view.row)) {
					continue
				}
				if !yield(&view) {
					return nil
				}
			}
		}
	}
	return nil
}

// live returns the rare fields of a live file; live is false when the path is
// not in the table.
func (f *fileSet) live(canonical string) (rare *rareFields, live bool) {
	for l, id := range f.rowsOf(canonical) {
		b, row := l.seg.at(id)
		rare, live = b.rare[uint16(row)], true
	}
	return rare, live
}

// rowsOf yields the row of a live file, if it is in the table.
func (f *fileSet) rowsOf(canonical string) iter.Seq2[*layer, rowID] {
	return func(yield func(*layer, rowID) bool) {
		hash := maphash.String(f.seed, canonical)
		for i := range f.layers {
			l, found := &f.layers[i], rowID(0)
			live := false
			l.seg.find(hash, canonical, func(id rowID) {
				b, row := l.seg.at(id)
				if !l.dead.has(id) && b.flags[row]&flagTombstone == 0 {
					found, live = id, true
				}
			})
			if live && !yield(l, found) {
				return
			}
		}
	}
}

// eachOf is [fileSet.each] for the live ones of the given files.
func (f *fileSet) eachOf(canonical map[string]bool, yield func(*rowView) bool) error {
	rows := make(map[*layer][]rowID)
	for path := range canonical {
		for l, id := range f.rowsOf(path) {
			rows[l] = append(rows[l], id)
		}
	}
	for l, ids := range rows {
		slices.Sort(ids) // a block is unpacked once
		view := rowView{seg: l.seg}
		for _, id := range ids {
			var b *block
			if b, view.row = l.seg.at(id); b != view.block {
				if err := view.open(b); err != nil {
					return err
				}
			}
			if !yield(&view) {
				return nil
			}
		}
	}
	return nil
}
