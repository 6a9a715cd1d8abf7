package datafile

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// validity says which slots of an array are not null.
type validity struct {
	slots int
	nulls int
	bits  []byte // nil when there are no nulls
}

// validityOf marks slots as null for which null is true.
type validityBuilder struct{ validity }

func (b *validityBuilder) append(valid bool) {
	if b.slots&7 == 0 {
		b.bits = append(b.bits, 0)
	}
	if valid {
		b.bits[b.slots>>3] |= 1 << (b.slots & 7)
	} else {
		b.nulls++
	}
	b.slots++
}

func (b *validityBuilder) done() validity {
	if b.nulls == 0 {
		b.bits = nil
	}
	return b.validity
}

func (v validity) valid(i int) bool { return v.bits == nil || bitutil.BitIsSet(v.bits, i) }

func (v validity) buffer() *memory.Buffer {
	if v.bits == nil {
		return nil
	}
	return memory.NewBufferBytes(v.bits)
}

// assembler builds the Arrow arrays of one window from the columns' levels
// (the inverse of Dremel's record shredding).
type assembler struct{ columns map[int]*column }

// build returns the array of n, which has the given number of slots.
func (a *assembler) build(n *node, slots int) (arrow.ArrayData, error) {
	if n.missing {
		arr := array.MakeArrayOfNull(memory.DefaultAllocator, n.arrow, slots)
		defer arr.Release()
		arr.Data().Retain()
		return arr.Data(), nil
	}
	if len(n.children) == 0 {
		return a.leaf(n, slots)
	}
	if st, ok := n.arrow.(*arrow.StructType); ok {
		data, err := a.structure(n, st, slots)
		if err != nil || !n.shredded {
			return data, err
		}
		defer data.Release()
		return reassemble(data)
	}
	return a.list(n, slots)
}

func (a *assembler) leaf(n *node, slots int) (arrow.ArrayData, error) {
	c := a.columns[n.column]
	v := a.validity(n)
	if v.slots != slots {
		return nil, a.torn(c, v.slots, slots)
	}
	if v.slots-v.nulls != c.dense {
		return nil, fmt.Errorf("column %s has %d values in %d slots", c.descr.Path(), c.dense, v.slots-v.nulls)
	}
	data, err := n.convert(c.values, v)
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", c.descr.Path(), err)
	}
	return data, nil
}

func (a *assembler) torn(c *column, have, want int) error {
	return fmt.Errorf("column %s has %d values where its neighbours have %d", c.descr.Path(), have, want)
}

// validity walks the levels of n's column: an entry is a slot of n when n
// exists there and the entry does not just continue a list inside n.
func (a *assembler) validity(n *node) validity {
	c := a.columns[n.column]
	if len(c.def) == 0 || n.def == 0 && n.rep == c.descr.MaxRepetitionLevel() {
		return validity{slots: c.window} // neither it nor anything around it can be null
	}
	b := validityBuilder{}
	b.bits = make([]byte, 0, c.window/8+1)
	deeper := n.rep < c.descr.MaxRepetitionLevel()
	for i, def := range c.def[:c.window] {
		if def < n.slotDef || deeper && c.rep[i] > n.rep {
			continue
		}
		b.append(def >= n.def)
	}
	return b.done()
}

func (a *assembler) structure(n *node, st *arrow.StructType, slots int) (arrow.ArrayData, error) {
	v := a.validity(n)
	if v.slots != slots {
		return nil, a.torn(a.columns[n.column], v.slots, slots)
	}
	children := make([]arrow.ArrayData, 0, len(n.children))
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	for _, child := range n.children {
		data, err := a.build(child, slots)
		if err != nil {
			return nil, err
		}
		children = append(children, data)
	}
	return array.NewData(st, slots, []*memory.Buffer{v.buffer()}, children, v.nulls, 0), nil
}

// list builds the array of a list or map.
func (a *assembler) list(n *node, slots int) (arrow.ArrayData, error) {
	c := a.columns[n.column]
	v, offsets := a.offsets(n)
	if v.slots != slots {
		return nil, a.torn(c, v.slots, slots)
	}
	elements := int(offsets[slots])
	var child arrow.ArrayData
	var err error
	if m, ok := n.arrow.(*arrow.MapType); ok {
		child, err = a.entries(n, m, elements)
	} else {
		child, err = a.build(n.children[0], elements)
	}
	if err != nil {
		return nil, err
	}
	defer child.Release()
	buffers := []*memory.Buffer{v.buffer(), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}
	return array.NewData(n.arrow, slots, buffers, []arrow.ArrayData{child}, v.nulls, 0), nil
}

func (a *assembler) entries(n *node, m *arrow.MapType, elements int) (arrow.ArrayData, error) {
	key, err := a.build(n.children[0], elements)
	if err != nil {
		return nil, err
	}
	defer key.Release()
	value, err := a.build(n.children[1], elements)
	if err != nil {
		return nil, err
	}
	defer value.Release()
	return array.NewData(m.Elem(), elements, []*memory.Buffer{nil}, []arrow.ArrayData{key, value}, 0, 0), nil
}

// offsets walks the levels of a list: an entry starts a slot as in
// [assembler.validity], and is an element when the list has one there and the
// entry does not just continue a list inside that element.
func (a *assembler) offsets(n *node) (validity, []int32) {
	c := a.columns[n.column]
	b := validityBuilder{}
	offsets := make([]int32, 0, c.window+1)
	elements := int32(0)
	for i, def := range c.def[:c.window] {
		if def < n.slotDef {
			continue
		}
		if c.rep[i] <= n.rep {
			b.append(def >= n.def)
			offsets = append(offsets, elements)
		}
		if def > n.def && c.rep[i] <= n.rep+1 {
			elements++
		}
	}
	return b.done(), append(offsets, elements)
}
