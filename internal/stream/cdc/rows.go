package cdc

import (
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// page is a batch of events, with the columns of each place.
type page struct {
	rec    arrow.RecordBatch
	places []arrow.Array // from 1 on; nil unless nulls are ignored
}

// row is where an event's columns are.
type row struct {
	*page
	at int
	// stored and target are the addresses of the event in the backing table
	// and of the row that the table shows for it, -1 for none.
	stored, target int64
}

func (r row) column(i int) arrow.Array { return r.rec.Column(i) }

// place is a part of a row that updates set each on its own: a column, or a
// field of one.
type place struct {
	column int
	parent int // the place of the struct that it is a field of, 0 for none
	field  int // of the parent
	// always says that a null is a value like others.
	always   bool
	children []int
}

// layout is the columns of the table's rows, and their places.
type layout struct {
	columns *schema.Struct
	keys    []int
	tracked []int // columns whose history is tracked
	places  []place
}

// newLayout lays out rows. ignoring, when not nil, chooses the columns whose
// nulls are no updates.
func newLayout(columns *schema.Struct, keys []int, ignoring, tracked func(name string) bool) *layout {
	l := &layout{columns: columns, keys: keys, places: make([]place, 1)}
	for i, f := range columns.Fields {
		if tracked(f.Name) {
			l.tracked = append(l.tracked, i)
		}
		if ignoring != nil {
			l.add(place{column: i, always: !ignoring(f.Name)}, f.Type)
		}
	}
	return l
}

// add adds a place of a type and those of its fields, and returns its number.
func (l *layout) add(p place, t schema.Type) int {
	number := len(l.places)
	l.places = append(l.places, p)
	fields, ok := t.(*schema.Struct)
	if !ok || p.always {
		return number
	}
	for i, f := range fields.Fields {
		child := l.add(place{column: p.column, parent: number, field: i}, f.Type)
		l.places[number].children = append(l.places[number].children, child)
	}
	return number
}

// page makes a batch of events a page, to be released.
func (l *layout) page(rec arrow.RecordBatch) *page {
	rec.Retain()
	p := &page{rec: rec}
	if len(l.places) == 1 {
		return p
	}
	p.places = make([]arrow.Array, len(l.places))
	for i, at := range l.places[1:] {
		if at.parent == 0 {
			p.places[i+1] = rec.Column(at.column)
		} else if s, ok := p.places[at.parent].(*array.Struct); ok {
			p.places[i+1] = s.Field(at.field)
		}
	}
	return p
}

// sets implements [Rules.Sets].
func (l *layout) sets(r row, number int) bool {
	p := l.places[number]
	if p.always {
		return true
	}
	return r.places[number].IsValid(r.at) && (p.parent == 0 || l.sets(r, p.parent))
}

// same implements [Rules.Same].
func (l *layout) same(a, b Image[row]) bool {
	for _, c := range l.tracked {
		if len(l.places) == 1 {
			if !equal(a[0].Row.column(c), a[0].Row.at, b[0].Row.column(c), b[0].Row.at) {
				return false
			}
			continue
		}
		for number := 1; number < len(l.places); number++ {
			if l.places[number].column == c && !l.samePlace(a[number], b[number], number) {
				return false
			}
		}
	}
	return true
}

func (l *layout) samePlace(a, b *Event[row], number int) bool {
	switch {
	case a == b:
		return true
	case a == nil, b == nil:
		e := a
		if e == nil {
			e = b
		}
		// A null that was set is as one that never was.
		return e.Row.places[number].IsNull(e.Row.at)
	case len(l.places[number].children) > 0:
		return true // the fields tell
	}
	return equal(a.Row.places[number], a.Row.at, b.Row.places[number], b.Row.at)
}

// equal reports whether two values are the same to GROUP BY: nulls are, and
// so is NaN.
func equal(a arrow.Array, i int, b arrow.Array, j int) bool {
	if a.IsNull(i) || b.IsNull(j) {
		return a.IsNull(i) && b.IsNull(j)
	}
	switch a := a.(type) {
	case *array.Int64:
		if b, ok := b.(*array.Int64); ok {
			return a.Value(i) == b.Value(j)
		}
	case *array.Int32:
		if b, ok := b.(*array.Int32); ok {
			return a.Value(i) == b.Value(j)
		}
	case *array.String:
		if b, ok := b.(*array.String); ok {
			return a.Value(i) == b.Value(j)
		}
	case *array.Float64:
		if b, ok := b.(*array.Float64); ok {
			return sameNumber(a.Value(i), b.Value(j))
		}
	case *array.Float32:
		if b, ok := b.(*array.Float32); ok {
			return sameNumber(float64(a.Value(i)), float64(b.Value(j)))
		}
	}
	return array.SliceEqual(a, int64(i), int64(i)+1, b, int64(j), int64(j)+1)
}

func sameNumber(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }

// column makes one column of the rows that images describe.
func (l *layout) column(i int, images []Image[row]) (arrow.Array, error) {
	if len(l.places) == 1 {
		return gather(schema.ToArrow(l.columns).Field(i).Type, len(images), func(n int) (arrow.Array, int) {
			r := images[n][0].Row
			return r.column(i), r.at
		})
	}
	for number := 1; ; number++ {
		if l.places[number].column == i && l.places[number].parent == 0 {
			return l.fill(number, schema.ToArrow(l.columns).Field(i).Type, images)
		}
	}
}

// fill makes the values of a place and those below it.
func (l *layout) fill(number int, t arrow.DataType, images []Image[row]) (arrow.Array, error) {
	p := l.places[number]
	fields, ok := t.(*arrow.StructType)
	if !ok || len(p.children) == 0 {
		return gather(t, len(images), func(n int) (arrow.Array, int) {
			if e := images[n][number]; e != nil {
				return e.Row.places[number], e.Row.at
			}
			return nil, 0
		})
	}
	children := make([]arrow.ArrayData, len(p.children))
	for i, child := range p.children {
		a, err := l.fill(child, fields.Field(i).Type, images)
		if err != nil {
			return nil, err
		}
		defer a.Release()
		children[i] = a.Data()
	}
	valid, nulls := make([]byte, bitutil.BytesForBits(int64(len(images)))), 0
	for n, image := range images {
		if image[number] == nil {
			nulls++
		} else {
			bitutil.SetBit(valid, n)
		}
	}
	data := array.NewData(t, len(images), []*memory.Buffer{memory.NewBufferBytes(valid)}, children, nulls, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// gather copies values from where they are; those of no array are null.
func gather(t arrow.DataType, n int, from func(i int) (arrow.Array, int)) (arrow.Array, error) {
	var runs []arrow.Array
	defer func() {
		for _, r := range runs {
			r.Release()
		}
	}()
	for i := 0; i < n; {
		a, first := from(i)
		next := i + 1
		for ; next < n; next++ {
			if b, at := from(next); b != a || a != nil && at != first+next-i {
				break
			}
		}
		if a == nil {
			runs = append(runs, array.MakeArrayOfNull(memory.DefaultAllocator, t, next-i))
		} else {
			runs = append(runs, array.NewSlice(a, int64(first), int64(first+next-i)))
		}
		i = next
	}
	if len(runs) == 0 {
		return array.MakeArrayOfNull(memory.DefaultAllocator, t, 0), nil
	}
	return array.Concatenate(runs, memory.DefaultAllocator)
}
