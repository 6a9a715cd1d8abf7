package datafile

import (
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// NullError says that a column that must not be null is.
type NullError struct {
	Path []string // from the top-level column; array and map parts as Parquet names them
}

func (e *NullError) Error() string {
	return fmt.Sprintf("column %s must not be null", strings.Join(e.Path, "."))
}

func (l *leaf) nullError(depth int) error {
	path := make([]string, depth+1)
	for i := range path {
		path[i] = l.steps[i].name
	}
	return &NullError{Path: path}
}

// levels is one leaf's share of a batch as Parquet sees it: definition and
// repetition levels, and which elements of the leaf array are stored.
type levels struct {
	def, rep []int16 // nil when the leaf's maximum level is 0
	// present lists the elements of values to store; when all is set they are
	// all stored and present is not used.
	present []int32
	all     bool
	values  arrow.Array

	own  []int16 // room for def, reused
	ones []int16 // levels of values without nulls, only ever 1
}

// flat sets v to the levels of a leaf without parents.
func (v *levels) flat(l *leaf, arr arrow.Array) error {
	v.values, v.rep, v.present = arr, nil, v.present[:0]
	nulls := arr.NullN()
	v.all = nulls == 0
	if !l.steps[0].nullable {
		v.def = nil
		if nulls > 0 {
			return l.nullError(0)
		}
		return nil
	}
	if v.all {
		for len(v.ones) < arr.Len() {
			v.ones = append(v.ones, 1)
		}
		v.def = v.ones[:arr.Len():arr.Len()]
		return nil
	}
	v.def = append(v.own[:0], make([]int16, arr.Len())...)
	v.own = v.def
	for row := range present(arr) {
		v.def[row] = 1
		v.present = append(v.present, int32(row))
	}
	return nil
}

// present yields the rows of arr that are not null, ascending. It looks at the
// bitmap itself: a call of IsNull a row would cost more than the row.
func present(arr arrow.Array) iter.Seq[int] {
	return func(yield func(int) bool) {
		bitmap, at := arr.NullBitmapBytes(), arr.Data().Offset()
		if len(bitmap) == 0 && arr.NullN() > 0 {
			return // of type NULL
		}
		for row := range arr.Len() {
			if (len(bitmap) == 0 || bitmap[at/8]>>(at%8)&1 == 1) && !yield(row) {
				return
			}
			at++
		}
	}
}

// nested sets v to the levels of a leaf below structs, lists and maps.
func (v *levels) nested(l *leaf, arr arrow.Array) error {
	v.def, v.rep, v.present, v.all = v.own[:0], v.rep[:0], v.present[:0], false
	defer func() { v.own = v.def }()
	w := levelWalk{leaf: l, out: v, arrays: make([]arrow.Array, len(l.steps)), offsets: make([][]int32, len(l.steps))}
	w.resolve(arr)
	for i := range arr.Len() {
		if err := w.emit(0, i, 0, 0); err != nil {
			return err
		}
	}
	v.values = w.arrays[len(l.steps)-1]
	if l.steps[len(l.steps)-1].rep == 0 {
		v.rep = nil
	}
	return nil
}

// levelWalk shreds records into levels: each list element below one leaf is
// visited once, in order.
type levelWalk struct {
	leaf    *leaf
	out     *levels
	arrays  []arrow.Array // the array at each step
	offsets [][]int32     // of lists and maps
}

// resolve finds the array of each step; their types are the steps' kinds, see
// [Layout.Check].
func (w *levelWalk) resolve(arr arrow.Array) {
	for depth, s := range w.leaf.steps {
		w.arrays[depth] = arr
		switch at := arr.(type) {
		case *array.Struct:
			arr = at.Field(s.child)
		case *array.List:
			w.offsets[depth] = at.Offsets()[at.Data().Offset():]
			arr = at.ListValues()
		case *array.Map:
			w.offsets[depth] = at.Offsets()[at.Data().Offset():]
			if s.child == 0 {
				arr = at.Keys()
			} else {
				arr = at.Items()
			}
		}
	}
}

func (w *levelWalk) put(rep, def int16) {
	w.out.rep = append(w.out.rep, rep)
	w.out.def = append(w.out.def, def)
}

// emit shreds element i of the array at depth, reached with the levels given.
func (w *levelWalk) emit(depth, i int, rep, def int16) error {
	s := &w.leaf.steps[depth]
	null := w.arrays[depth].IsNull(i)
	if null && !s.nullable {
		return w.leaf.nullError(depth)
	}
	if null {
		w.put(rep, def)
		return nil
	}
	if s.nullable {
		def++
	}
	switch s.kind {
	case stepStruct:
		return w.emit(depth+1, i, rep, def)
	case stepList, stepMap:
		from, to := w.offsets[depth][i], w.offsets[depth][i+1]
		if from == to {
			w.put(rep, def)
			return nil
		}
		for j := from; j < to; j++ {
			if err := w.emit(depth+1, int(j), rep, def+1); err != nil {
				return err
			}
			rep = s.rep
		}
	case stepLeaf:
		w.put(rep, def)
		w.out.present = append(w.out.present, int32(i))
	}
	return nil
}
