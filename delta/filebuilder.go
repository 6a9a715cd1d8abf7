package delta

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
)

// fileSetBuilder turns one [fileSet] into the next by applying add and remove
// actions in log order. The set it started from stays as it is.
type fileSetBuilder struct {
	set     *fileSet
	owned   []bool // whether the bitmap of a layer is already our copy
	open    layer
	partIDs map[string]uint32
	scratch []byte
	oldest  int64 // tombstones up to this time are dropped
}

func newFileSetBuilder(base *fileSet) *fileSetBuilder {
	next := *base
	next.layers = slices.Clone(base.layers)
	b := &fileSetBuilder{set: &next, owned: make([]bool, len(next.layers)), oldest: math.MinInt64}
	b.reset()
	return b
}

func (b *fileSetBuilder) reset() {
	b.open = layer{seg: &segment{seed: b.set.seed}}
	b.partIDs = make(map[string]uint32)
}

// add applies an add action: it replaces what was known of the file.
func (b *fileSetBuilder) add(f *AddFile) {
	row := fileRow{
		path: []byte(f.Path), part: b.partition(f.PartitionValues), stats: []byte(f.Stats),
		size: f.Size, time: f.ModificationTime, flags: flagIf(f.DataChange, flagDataChange),
	}
	if f.DeletionVector != nil || f.Tags != nil || f.BaseRowID != nil || f.DefaultRowCommitVersion != nil || f.ClusteringProvider != "" {
		row.rare = &rareFields{
			dv: f.DeletionVector, tags: f.Tags, baseRowID: f.BaseRowID,
			defaultRowCommitVersion: f.DefaultRowCommitVersion, clusteringProvider: f.ClusteringProvider,
		}
	}
	b.put(&row)
}

// remove applies a remove action, which stays in the set as a tombstone.
func (b *fileSetBuilder) remove(f *RemoveFile) {
	row := fileRow{
		path: []byte(f.Path), part: b.partition(f.PartitionValues),
		size: deref(f.Size), time: f.DeletionTimestamp,
		flags: flagTombstone | flagIf(f.DataChange, flagDataChange) | flagIf(f.ExtendedFileMetadata, flagExtended) |
			flagIf(f.Size == nil, flagNoSize) | flagIf(f.PartitionValues == nil, flagNoParts),
	}
	if f.DeletionVector != nil || f.BaseRowID != nil || f.DefaultRowCommitVersion != nil {
		row.rare = &rareFields{dv: f.DeletionVector, baseRowID: f.BaseRowID, defaultRowCommitVersion: f.DefaultRowCommitVersion}
	}
	b.put(&row)
}

func (b *fileSetBuilder) partition(values map[string]*string) string {
	b.scratch = appendPartition(b.scratch[:0], values)
	return string(b.scratch)
}

// put applies one row. The newest action on a logical file, which is a path
// with a deletion vector, decides; and a path is live at most once.
func (b *fileSetBuilder) put(r *fileRow) {
	canonical := string(r.path)
	if !isCanonical(canonical) {
		canonical = canonicalPath(canonical)
	}
	hash := maphash.String(b.set.seed, canonical)
	dvID := r.rare.dvID()
	for i := range b.set.layers {
		l := &b.set.layers[i]
		l.seg.find(hash, canonical, func(id rowID) {
			if b.replaces(l, id, r, dvID) {
				if !b.owned[i] {
					l.dead, b.owned[i] = slices.Clone(l.dead), true
				}
				b.kill(l, id)
			}
		})
	}
	b.open.seg.find(hash, canonical, func(id rowID) {
		if b.replaces(&b.open, id, r, dvID) {
			b.kill(&b.open, id)
		}
	})
	b.open.seg.index(hash, b.append(&b.open, r, hash, b.partIDs))
	b.count(r.flags, r.size, 1)
}

// adopt takes over the rows of a checkpoint, which come before all others.
// Reconciled rows replace none of their kind; of damaged ones the last wins.
func (b *fileSetBuilder) adopt(segments []*segment) error {
	if len(b.set.layers) > 0 || b.open.seg.rows > 0 {
		return errors.New("a checkpoint has its files in two places")
	}
	l := layer{seg: join(b.set.seed, segments)}
	if l.seg.rows == 0 {
		return nil
	}
	if int64(len(l.seg.blocks))<<blockShift > math.MaxUint32 {
		return fmt.Errorf("a table of %d files has too many", l.seg.rows)
	}
	l.live = l.seg.rows
	l.seg.slots = make([]uint32, slotsFor(l.seg.rows))
	for n, blk := range l.seg.blocks {
		for row, hash := range blk.hash {
			b.count(blk.flags[row], blk.size[row], 1)
			if id := rowID(n<<blockShift | row); !l.seg.insertNew(hash, id) {
				b.adoptAgain(&l, hash, id)
			}
		}
	}
	b.set.layers, b.owned = append(b.set.layers, l), append(b.owned, true)
	return nil
}

// adoptAgain indexes a row whose hash another row has.
func (b *fileSetBuilder) adoptAgain(l *layer, hash uint64, id rowID) {
	blk, row := l.seg.at(id)
	again := fileRow{flags: blk.flags[row], rare: blk.rare[uint16(row)]}
	l.seg.find(hash, canonicalPath(string(blk.path(row))), func(other rowID) {
		if b.replaces(l, other, &again, again.rare.dvID()) {
			b.kill(l, other)
		}
	})
	l.seg.insert(hash, id)
}

// replaces reports whether row r takes the place of row id of a layer.
func (b *fileSetBuilder) replaces(l *layer, id rowID, r *fileRow, dvID string) bool {
	if l.dead.has(id) {
		return false
	}
	blk, row := l.seg.at(id)
	bothLive := blk.flags[row]&flagTombstone == 0 && !r.tombstone()
	return bothLive || blk.rare[uint16(row)].dvID() == dvID
}

func (b *fileSetBuilder) kill(l *layer, id rowID) {
	l.dead.set(id)
	l.live--
	blk, row := l.seg.at(id)
	b.count(blk.flags[row], blk.size[row], -1)
}

func (b *fileSetBuilder) count(flags byte, size, n int64) {
	if flags&flagTombstone != 0 {
		b.set.tombstones += n
		return
	}
	b.set.adds += n
	b.set.bytes += n * size
}

// append stores a row in a layer, its partition values once for all rows that
// share them.
func (b *fileSetBuilder) append(l *layer, r *fileRow, hash uint64, partIDs map[string]uint32) rowID {
	part, ok := partIDs[r.part]
	if !ok {
		part = uint32(len(l.seg.parts))
		l.seg.parts = append(l.seg.parts, r.part)
		partIDs[r.part] = part
	}
	l.live++
	return l.seg.append(r, hash, part)
}

// forget drops the tombstones up to a time among what was just applied; older
// ones go when layers merge.
func (b *fileSetBuilder) forget(upTo int64) {
	b.oldest = upTo
	for n, blk := range b.open.seg.blocks {
		for row, flags := range blk.flags {
			if id := rowID(n<<blockShift | row); b.forgotten(flags, blk.time[row]) && !b.open.dead.has(id) {
				b.kill(&b.open, id)
			}
		}
	}
}

// forgotten reports whether a row is a tombstone that no longer matters.
func (b *fileSetBuilder) forgotten(flags byte, at int64) bool {
	return flags&flagTombstone != 0 && at <= b.oldest
}

// finish returns the set with everything applied. The builder is spent.
func (b *fileSetBuilder) finish() (*fileSet, error) {
	if b.open.live > 0 {
		b.open.seg.finish()
		b.set.layers = append(b.set.layers, b.open)
	}
	b.set.layers = slices.DeleteFunc(b.set.layers, func(l layer) bool { return l.live == 0 })
	for n := len(b.set.layers); n > 1 && b.set.layers[n-2].live < 2*b.set.layers[n-1].live; n = len(b.set.layers) {
		merged, err := b.merge(b.set.layers[n-2], b.set.layers[n-1])
		if err != nil {
			return nil, err
		}
		b.set.layers = append(b.set.layers[:n-2], merged)
	}
	for i, l := range b.set.layers {
		if l.live*2 < l.seg.rows {
			compact, err := b.merge(l)
			if err != nil {
				return nil, err
			}
			b.set.layers[i] = compact
		}
	}
	return b.set, nil
}

// merge returns one layer of the rows of the given ones that still count.
func (b *fileSetBuilder) merge(from ...layer) (layer, error) {
	to := layer{seg: &segment{seed: b.set.seed}}
	partIDs := make(map[string]uint32)
	for _, l := range from {
		for n, blk := range l.seg.blocks {
			_, stats, err := blk.text()
			if err != nil {
				return layer{}, err
			}
			for row := range blk.rows() {
				if l.dead.has(rowID(n<<blockShift | row)) {
					continue
				}
				if b.forgotten(blk.flags[row], blk.time[row]) {
					b.count(blk.flags[row], blk.size[row], -1)
					continue
				}
				b.append(&to, &fileRow{
					path: blk.path(row), part: l.seg.parts[blk.part[row]], size: blk.size[row], time: blk.time[row],
					flags: blk.flags[row], stats: []byte(cut(stats, blk.statsEnd, row)), rare: blk.rare[uint16(row)],
				}, blk.hash[row], partIDs)
			}
		}
	}
	to.seg.finish()
	to.seg.reindex()
	return to, nil
}
