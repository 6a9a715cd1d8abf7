package delta

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/klauspost/compress/s2"
)

// A table may have millions of files, so its state is columns, not structs:
// about a hundred bytes a file besides its path. Files stand in blocks that
// never change once full; which of them have left the table is a bitmap
// beside them, so that a newer snapshot shares the blocks of an older one.
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

// append adds a row and indexes it.
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
	if 3*s.rows > 2*len(s.slots) {
		s.reindex()
	} else {
		s.insert(hash, id)
	}
	return id
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

func (s *segment) reindex() {
	s.slots = make([]uint32, max(16, 2*len(s.slots)))
	for n, b := range s.blocks {
		for row, hash := range b.hash {
			s.insert(hash, rowID(n<<blockShift|row))
		}
	}
}

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

// liveVector returns the id of the deletion vector of a live file; live is
// false when the path is not in the table.
func (f *fileSet) liveVector(canonical string) (dvID string, live bool) {
	hash := maphash.String(f.seed, canonical)
	for _, l := range f.layers {
		l.seg.find(hash, canonical, func(id rowID) {
			b, row := l.seg.at(id)
			if !l.dead.has(id) && b.flags[row]&flagTombstone == 0 {
				dvID, live = b.rare[uint16(row)].dvID(), true
			}
		})
	}
	return dvID, live
}

// rowView is a cursor over the rows of a block.
type rowView struct {
	seg          *segment
	block        *block
	row          int
	paths, stats string

	part       uint32 // whose decoded form values is
	values     map[string]*string
	haveValues bool
}

func (v *rowView) open(b *block) (err error) {
	v.block = b
	v.paths, v.stats, err = b.text()
	return err
}

func (v *rowView) tombstone() bool { return v.block.flags[v.row]&flagTombstone != 0 }
func (v *rowView) path() string    { return cut(v.paths, v.block.pathEnd, v.row) }

func cut(text string, ends []uint32, row int) string {
	start := uint32(0)
	if row > 0 {
		start = ends[row-1]
	}
	return text[start:ends[row]]
}

// partition returns the row's values, decoded once for a run of equal ones.
func (v *rowView) partition() map[string]*string {
	if part := v.block.part[v.row]; !v.haveValues || part != v.part {
		v.part, v.haveValues = part, true
		v.values = decodePartition(v.seg.parts[part])
	}
	return v.values
}

func (v *rowView) add() AddFile {
	b, row := v.block, v.row
	f := AddFile{
		Path:             v.path(),
		PartitionValues:  v.partition(),
		Size:             b.size[row],
		ModificationTime: b.time[row],
		DataChange:       b.flags[row]&flagDataChange != 0,
		Stats:            cut(v.stats, b.statsEnd, row),
	}
	if rare := b.rare[uint16(row)]; rare != nil {
		f.DeletionVector, f.Tags = rare.dv, rare.tags
		f.BaseRowID, f.DefaultRowCommitVersion = rare.baseRowID, rare.defaultRowCommitVersion
		f.ClusteringProvider = rare.clusteringProvider
	}
	return f
}

func (v *rowView) remove() RemoveFile {
	b, row := v.block, v.row
	f := RemoveFile{
		Path:                 v.path(),
		DeletionTimestamp:    b.time[row],
		DataChange:           b.flags[row]&flagDataChange != 0,
		ExtendedFileMetadata: b.flags[row]&flagExtended != 0,
	}
	if b.flags[row]&flagNoSize == 0 {
		size := b.size[row]
		f.Size = &size
	}
	if b.flags[row]&flagNoParts == 0 {
		f.PartitionValues = v.partition()
	}
	if rare := b.rare[uint16(row)]; rare != nil {
		f.DeletionVector = rare.dv
		f.BaseRowID, f.DefaultRowCommitVersion = rare.baseRowID, rare.defaultRowCommitVersion
	}
	return f
}

// appendPartition appends partition values in a form equal for equal values:
// sorted by name, lengths before texts, a null's length one less than an
// empty text's.
func appendPartition(dst []byte, values map[string]*string) []byte {
	if len(values) == 0 {
		return dst
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		dst = appendPartitionValue(dst, name, values[name])
	}
	return dst
}

func appendPartitionValue(dst []byte, name string, value *string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(name)))
	dst = append(dst, name...)
	if value == nil {
		return binary.AppendUvarint(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(*value))+1)
	return append(dst, *value...)
}

// decodePartition is the inverse of [appendPartition].
func decodePartition(text string) map[string]*string {
	values := make(map[string]*string)
	for raw := []byte(text); len(raw) > 0; {
		var name, value string
		var isNull bool
		name, raw, _ = cutText(raw, 0)
		value, raw, isNull = cutText(raw, 1)
		if isNull {
			values[name] = nil
			continue
		}
		values[name] = &value
	}
	return values
}

// cutText reads one length, bias more than the text's own, and the text.
func cutText(raw []byte, bias uint64) (text string, rest []byte, isNull bool) {
	n, used := binary.Uvarint(raw)
	if used <= 0 || n < bias {
		return "", raw[max(used, 0):], true
	}
	end := used + int(n-bias)
	return string(raw[used:end]), raw[end:], false
}
