package datafile

import (
	"bytes"
	"hash/maphash"
)

// entries are different byte strings in the order of their codes, 0, 1, … They
// lie in one buffer, as Arrow has them, and are found by a table without
// pointers, which costs the garbage collector nothing.
type entries struct {
	seed    maphash.Seed
	offsets []int32 // one more than there are entries
	data    []byte
	hashes  []uint64 // by code
	// slots is a hash table with linear probing: codes + 1, or 0. Its length
	// is a power of 2, and at most half of it is taken.
	slots []int32
}

// firstSlots is the length of a table without entries.
const firstSlots = 1 << 10

func newEntries() entries {
	return entries{seed: maphash.MakeSeed(), offsets: []int32{0}, slots: make([]int32, firstSlots)}
}

func (e *entries) len() int { return len(e.hashes) }

func (e *entries) at(code int32) []byte { return e.data[e.offsets[code]:e.offsets[code+1]] }

// add returns the code of a value, which it copies and adds when it is new.
func (e *entries) add(value []byte) (code int32, added bool) {
	if 2*e.len() >= len(e.slots) {
		e.grow()
	}
	hash := maphash.Bytes(e.seed, value)
	slot := e.slot(hash)
	for ; e.slots[slot] != 0; slot = (slot + 1) & (len(e.slots) - 1) {
		c := e.slots[slot] - 1
		if e.hashes[c] == hash && bytes.Equal(e.at(c), value) {
			return c, false
		}
	}
	code = int32(e.len())
	e.slots[slot] = code + 1
	e.hashes = append(e.hashes, hash)
	e.data = append(e.data, value...)
	e.offsets = append(e.offsets, int32(len(e.data)))
	return code, true
}

// slot is where to look for a hash first.
func (e *entries) slot(hash uint64) int { return int(hash & uint64(len(e.slots)-1)) }

func (e *entries) grow() {
	e.slots = make([]int32, 4*len(e.slots))
	for code, hash := range e.hashes {
		slot := e.slot(hash)
		for e.slots[slot] != 0 {
			slot = (slot + 1) & (len(e.slots) - 1)
		}
		e.slots[slot] = int32(code) + 1
	}
}
