package delta

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
)

const (
	blockRows  = 4096    // rows of a full block
	blockShift = 12      // rowID = block number << blockShift | row in block
	blockBytes = 8 << 20 // text after which a block counts as full
)

// rowID names a row of a [segment].
type rowID uint32

// Flags of a row.
const (
	flagTombstone byte = 1 << iota // a remove action; otherwise an add
	flagDataChange
	flagExtended // RemoveFile.ExtendedFileMetadata
	flagNoSize   // RemoveFile.Size is nil
	flagNoParts  // RemoveFile.PartitionValues is nil
)

// flagIf returns the flag when it is set.
func flagIf(set bool, flag byte) byte {
	if set {
		return flag
	}
	return 0
}

// fileRow is one add or remove action on its way into or out of a block.
type fileRow struct {
	path  []byte
	part  string // partition values in the form of appendPartition
	size  int64
	time  int64 // modification time of an add, deletion time of a remove
	flags byte
	stats []byte
	rare  *rareFields // nil when none is set
}

func (r *fileRow) tombstone() bool { return r.flags&flagTombstone != 0 }

// rareFields are what few files have.
type rareFields struct {
	dv                      *DeletionVector
	tags                    map[string]string
	baseRowID               *int64
	defaultRowCommitVersion *int64
	clusteringProvider      string
}

func (r *rareFields) dvID() string {
	if r == nil {
		return ""
	}
	return r.dv.UniqueID()
}

// block holds up to blockRows rows in columns.
type block struct {
	pathEnd  []uint32
	paths    []byte
	hash     []uint64 // of the canonical path
	part     []uint32 // index into segment.parts
	size     []int64
	time     []int64
	flags    []byte
	statsEnd []uint32
	stats    []byte // compressed when sealed
	rare     map[uint16]*rareFields
	isSealed bool
}

func (b *block) rows() int { return len(b.flags) }

func (b *block) path(row int) []byte {
	start := uint32(0)
	if row > 0 {
		start = b.pathEnd[row-1]
	}
	return b.paths[start:b.pathEnd[row]]
}

func (b *block) append(r *fileRow, hash uint64, part uint32) {
	if r.rare != nil {
		if b.rare == nil {
			b.rare = make(map[uint16]*rareFields)
		}
		b.rare[uint16(b.rows())] = r.rare
	}
	b.paths = append(b.paths, r.path...)
	b.pathEnd = append(b.pathEnd, uint32(len(b.paths)))
	b.hash = append(b.hash, hash)
	b.part = append(b.part, part)
	b.size = append(b.size, r.size)
	b.time = append(b.time, r.time)
	b.flags = append(b.flags, r.flags)
	b.stats = append(b.stats, r.stats...)
	b.statsEnd = append(b.statsEnd, uint32(len(b.stats)))
}

// sealed returns a copy of the block without spare capacity and with its
// statistics compressed: they are by far the largest part of a file's entry,
// and the most alike.
func (b *block) sealed(scratch *[]byte) *block {
	c := &block{
		pathEnd: slices.Clone(b.pathEnd), paths: bytes.Clone(b.paths), hash: slices.Clone(b.hash), part: slices.Clone(b.part),
		size: slices.Clone(b.size), time: slices.Clone(b.time), flags: bytes.Clone(b.flags), statsEnd: slices.Clone(b.statsEnd),
		rare: b.rare, isSealed: true,
	}
	if len(b.stats) > 0 {
		*scratch = s2.Encode((*scratch)[:cap(*scratch)], b.stats)
		c.stats = bytes.Clone(*scratch)
	}
	return c
}

// reset empties the block but keeps its memory.
func (b *block) reset() {
	b.pathEnd, b.paths, b.hash, b.part = b.pathEnd[:0], b.paths[:0], b.hash[:0], b.part[:0]
	b.size, b.time, b.flags, b.statsEnd, b.stats = b.size[:0], b.time[:0], b.flags[:0], b.statsEnd[:0], b.stats[:0]
	b.rare = nil
}

// text returns the paths and the statistics of the block's rows, each as one
// string of which the ends columns cut pieces.
func (b *block) text() (paths, stats string, err error) {
	raw := b.stats
	if b.isSealed && len(raw) > 0 {
		if raw, err = s2.Decode(nil, raw); err != nil {
			return "", "", fmt.Errorf("unpack statistics: %w", err)
		}
	}
	return string(b.paths), string(raw), nil
}
