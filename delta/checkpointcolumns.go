package delta

import (
	"fmt"

	"github.com/freshet/freshet/delta/internal/datafile"
)

// fileColumns are the columns of a checkpoint's adds or removes. A column
// that is missing, and cells that are null, read as zero values, as the
// protocol wants absent fields read.
type fileColumns struct {
	path, stats          textLeaf
	parts                mapLeaf
	size, time           numberLeaf
	dataChange, extended flagLeaf
	rare                 rareLeaves
	level                int16 // from which on path shows that the action is there
}

func newFileColumns(s *leafSet, kind string) *fileColumns {
	times := map[string]string{"add": ".modificationTime", "remove": ".deletionTimestamp"}
	c := &fileColumns{
		path: s.texts(kind + ".path"), stats: s.texts(kind + ".stats"), parts: s.pairs(kind + ".partitionValues"),
		size: s.numbers(kind + ".size"), time: s.numbers(kind + times[kind]),
		dataChange: s.flags(kind + ".dataChange"), extended: s.flags(kind + ".extendedFileMetadata"),
		rare: newRareLeaves(s, kind),
	}
	if c.path.Leaf != nil {
		c.level = levelAt(c.path.Descr(), 1)
	}
	return c
}

// rareLeaves are the columns of [rareFields].
type rareLeaves struct {
	tags                          mapLeaf
	provider                      textLeaf
	baseRowID, rowVersion         numberLeaf
	storage, inline               textLeaf // of the deletion vector
	dvOffset, dvSize, cardinality numberLeaf
}

func newRareLeaves(s *leafSet, kind string) rareLeaves {
	dv := kind + ".deletionVector."
	return rareLeaves{
		tags: s.pairs(kind + ".tags"), provider: s.texts(kind + ".clusteringProvider"),
		baseRowID: s.numbers(kind + ".baseRowId"), rowVersion: s.numbers(kind + ".defaultRowCommitVersion"),
		storage: s.texts(dv + "storageType"), inline: s.texts(dv + "pathOrInlineDv"),
		dvOffset: s.numbers(dv + "offset"), dvSize: s.numbers(dv + "sizeInBytes"), cardinality: s.numbers(dv + "cardinality"),
	}
}

// some reports whether any of the rows at hand has any of the fields. Where
// none has, next must not be called.
func (r *rareLeaves) some() bool {
	return r.tags.keys.Reaches(r.tags.level) || r.provider.some() || r.baseRowID.some() || r.rowVersion.some() || r.storage.some()
}

// next returns the rare fields of the next row, or nil when it has none.
func (r *rareLeaves) next() *rareFields {
	var out rareFields
	tags := make(map[string]string)
	if r.tags.next(func(key, value []byte, null bool) {
		if !null {
			tags[string(key)] = string(value)
		}
	}) {
		out.tags = tags
	}
	out.clusteringProvider = string(r.provider.next())
	out.baseRowID, out.defaultRowCommitVersion = r.baseRowID.pointer(), r.rowVersion.pointer()
	out.dv = r.vector()
	if out.dv == nil && out.tags == nil && out.baseRowID == nil && out.defaultRowCommitVersion == nil && out.clusteringProvider == "" {
		return nil
	}
	return &out
}

// vector returns the next row's deletion vector. A nested struct that is null
// is told from an empty one by its first field, which the protocol requires:
// some writers lose the difference.
func (r *rareLeaves) vector() *DeletionVector {
	storage, inline := string(r.storage.next()), r.inline.next()
	offset, size, cardinality := r.dvOffset.pointer(), r.dvSize.pointer(), r.cardinality.pointer()
	if storage == "" {
		return nil
	}
	dv := &DeletionVector{StorageType: storage, PathOrInlineDV: string(inline), SizeInBytes: int32(deref(size)), Cardinality: deref(cardinality)}
	if offset != nil {
		o := int32(*offset)
		dv.Offset = &o
	}
	return dv
}

// leafSet finds columns by name and keeps the first error, so that a reader
// can ask for all of its columns and then look once.
type leafSet struct {
	leaves *datafile.Leaves
	names  []string // of the leaves
	err    error
}

func (s *leafSet) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// find returns the columns of a name: one, or the two of a map.
func (s *leafSet) find(name string, want int) []*datafile.Leaf {
	var found []*datafile.Leaf
	for i, n := range s.names {
		if n == name {
			found = append(found, s.leaves.Leaf(i))
		}
	}
	if len(found) == 0 {
		return make([]*datafile.Leaf, want)
	}
	repeated := int16(want - 1)
	for _, leaf := range found {
		if len(found) != want || leaf.Descr().MaxRepetitionLevel() != repeated {
			s.fail(fmt.Errorf("column %s is not of the type that a checkpoint has", name))
			return make([]*datafile.Leaf, want)
		}
	}
	return found
}

// textLeaf is a column of strings.
type textLeaf struct {
	*datafile.Leaf
	values datafile.Texts
}

func (s *leafSet) texts(name string) textLeaf { return s.textsOf(s.find(name, 1)[0]) }

func (s *leafSet) textsOf(leaf *datafile.Leaf) textLeaf {
	if leaf == nil {
		return textLeaf{}
	}
	values, err := leaf.Texts()
	if err != nil {
		s.fail(err)
	}
	return textLeaf{leaf, values}
}

// some reports whether any of the rows at hand is not null.
func (t *textLeaf) some() bool { return someOf(t.Leaf) }

func someOf(leaf *datafile.Leaf) bool {
	return leaf != nil && leaf.Reaches(leaf.Descr().MaxDefinitionLevel())
}

// next returns the next text, which is good for as long as the window.
func (t *textLeaf) next() []byte {
	if i := t.Take(); i >= 0 {
		return t.values.At(i)
	}
	return nil
}

// numberLeaf is a column of integers.
type numberLeaf struct {
	*datafile.Leaf
	values datafile.Numbers
}

func (s *leafSet) numbers(name string) numberLeaf {
	leaf := s.find(name, 1)[0]
	if leaf == nil {
		return numberLeaf{}
	}
	values, err := leaf.Numbers()
	if err != nil {
		s.fail(err)
	}
	return numberLeaf{leaf, values}
}

func (n *numberLeaf) some() bool { return someOf(n.Leaf) }

func (n *numberLeaf) next() (v int64, ok bool) {
	if i := n.Take(); i >= 0 {
		return n.values.At(i), true
	}
	return 0, false
}

func (n *numberLeaf) pointer() *int64 {
	if v, ok := n.next(); ok {
		return &v
	}
	return nil
}

// flagLeaf is a column of booleans.
type flagLeaf struct {
	*datafile.Leaf
	values datafile.Flags
}

func (s *leafSet) flags(name string) flagLeaf {
	leaf := s.find(name, 1)[0]
	if leaf == nil {
		return flagLeaf{}
	}
	values, err := leaf.Flags()
	if err != nil {
		s.fail(err)
	}
	return flagLeaf{leaf, values}
}

func (f *flagLeaf) next() bool {
	i := f.Take()
	return i >= 0 && f.values.At(i)
}

// mapLeaf is a map of strings.
type mapLeaf struct {
	keys, values textLeaf
	level        int16 // from which on keys show that there is a map
}

func (s *leafSet) pairs(name string) mapLeaf {
	found := s.find(name, 2)
	m := mapLeaf{keys: s.textsOf(found[0]), values: s.textsOf(found[1])}
	if found[0] != nil {
		m.level = levelAt(found[0].Descr(), 2)
	}
	return m
}

// next calls entry for the entries of the next row's map, and reports whether
// it has one.
func (m *mapLeaf) next(entry func(key, value []byte, null bool)) bool {
	if m.keys.Leaf == nil {
		return false
	}
	exists := m.keys.Level() >= m.level
	for {
		key, value := m.keys.Take(), m.values.Take()
		switch {
		case key >= 0 && value >= 0:
			entry(m.keys.values.At(key), m.values.values.At(value), false)
		case key >= 0:
			entry(m.keys.values.At(key), nil, true)
		}
		if !m.keys.More() {
			return exists
		}
	}
}
