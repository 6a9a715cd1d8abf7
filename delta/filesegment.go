package delta

import (
	"hash/maphash"
	"math/bits"
)

// segment is a run of blocks with an index by path. It only grows, and not
// at all once it belongs to a [fileSet].
type segment struct {
	seed   maphash.Seed
	blocks []*block
	parts  []string // the distinct partition values
	slots  []uint32 // open addressing: rowID + 1, or 0
	rows   int

	open    *block // the last of blocks while it is being filled
	scratch []byte // of compression
}

// find yields the rows whose path is canonically the given one.
func (s *segment) find(hash uint64, canonical string, yield func(rowID)) {
	if len(s.slots) == 0 {
		return
	}
	mask := uint64(len(s.slots) - 1)
	for i := hash & mask; s.slots[i] != 0; i = (i + 1) & mask {
		id := rowID(s.slots[i] - 1)
		b, row := s.at(id)
		if b.hash[row] != hash {
			continue
		}
		if p := b.path(row); string(p) == canonical || canonicalPath(string(p)) == canonical {
			yield(id)
		}
	}
}

func (s *segment) at(id rowID) (b *block, row int) {
	return s.blocks[id>>blockShift], int(id & (blockRows - 1))
}

// append adds a row, without indexing it.
func (s *segment) append(r *fileRow, hash uint64, part uint32) rowID {
	if s.open != nil && (s.open.rows() == blockRows || len(s.open.paths)+len(s.open.stats) > blockBytes) {
		s.seal()
	}
	if len(s.blocks) == 0 || s.blocks[len(s.blocks)-1] != s.open {
		if s.open == nil {
			s.open = new(block)
		}
		s.blocks = append(s.blocks, s.open)
	}
	id := rowID((len(s.blocks)-1)<<blockShift | s.open.rows())
	s.open.append(r, hash, part)
	s.rows++
	return id
}

// index makes the row that was appended last one that find finds.
func (s *segment) index(hash uint64, id rowID) {
	if 3*s.rows > 2*len(s.slots) {
		s.reindex()
	} else {
		s.insert(hash, id)
	}
}

// seal replaces the open block by its sealed copy and reuses its memory.
func (s *segment) seal() {
	if last := len(s.blocks) - 1; last >= 0 && s.blocks[last] == s.open {
		s.blocks[last] = s.open.sealed(&s.scratch)
		s.open.reset()
	}
}

// finish ends the segment's growth.
func (s *segment) finish() {
	s.seal()
	s.open, s.scratch = nil, nil
}

func (s *segment) insert(hash uint64, id rowID) {
	mask := uint64(len(s.slots) - 1)
	i := hash & mask
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = uint32(id) + 1
}

// insertNew indexes a row unless another has the same hash.
func (s *segment) insertNew(hash uint64, id rowID) bool {
	mask := uint64(len(s.slots) - 1)
	i := hash & mask
	for ; s.slots[i] != 0; i = (i + 1) & mask {
		if b, row := s.at(rowID(s.slots[i] - 1)); b.hash[row] == hash {
			return false
		}
	}
	s.slots[i] = uint32(id) + 1
	return true
}

// reindex makes an index with room to grow.
func (s *segment) reindex() {
	s.slots = make([]uint32, slotsFor(2*s.rows))
	for n, b := range s.blocks {
		for row, hash := range b.hash {
			s.insert(hash, rowID(n<<blockShift|row))
		}
	}
}

// slotsFor returns the size of an index of so many rows.
func slotsFor(rows int) int { return 1 << bits.Len(uint(max(10, rows+rows/2))) }

// join returns one segment of the rows of several, which it takes over, in
// order and without an index.
func join(seed maphash.Seed, segments []*segment) *segment {
	all := &segment{seed: seed}
	partIDs := make(map[string]uint32)
	for _, s := range segments {
		moved := make([]uint32, len(s.parts))
		for i, part := range s.parts {
			id, ok := partIDs[part]
			if !ok {
				id = uint32(len(all.parts))
				all.parts, partIDs[part] = append(all.parts, part), id
			}
			moved[i] = id
		}
		for _, b := range s.blocks {
			for row, part := range b.part {
				b.part[row] = moved[part]
			}
		}
		all.blocks = append(all.blocks, s.blocks...)
		all.rows += s.rows
	}
	return all
}
