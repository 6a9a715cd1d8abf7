package datafile

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet/file"
	pqschema "github.com/apache/arrow-go/v18/parquet/schema"
)

// Leaves reads leaf columns of one row group as Parquet has them, levels and
// values, for readers that would only take Arrow's arrays apart again. It is
// not safe for concurrent use; several row groups of a file may be read at
// once, each by Leaves of its own.
type Leaves struct {
	leaves    []*Leaf
	remaining int64
}

// OpenLeaves opens columns of a row group by their numbers. The Parquet
// library panics on some damaged files, here and later: guard the calls.
func OpenLeaves(f *file.Reader, group int, numbers []int) (*Leaves, error) {
	rows := f.RowGroup(group)
	l := &Leaves{remaining: rows.NumRows()}
	for _, number := range numbers {
		c, err := newColumn(f.MetaData().Schema.Column(number))
		if err == nil {
			err = c.open(rows, number)
		}
		if err != nil {
			l.Close()
			return nil, err
		}
		l.leaves = append(l.leaves, &Leaf{column: c})
	}
	return l, nil
}

// Leaf returns the column that was the i-th to be opened.
func (l *Leaves) Leaf(i int) *Leaf { return l.leaves[i] }

// Next moves all columns on by at most so many rows and returns how many they
// are, 0 at the end.
func (l *Leaves) Next(limit int) (int, error) {
	rows := int(max(0, min(l.remaining, int64(limit))))
	if rows == 0 {
		return 0, nil
	}
	l.remaining -= int64(rows)
	for _, leaf := range l.leaves {
		if err := leaf.column.next(rows); err != nil {
			return 0, err
		}
		leaf.level, leaf.value = 0, 0
	}
	return rows, nil
}

// Close lets go of the columns.
func (l *Leaves) Close() {
	for _, leaf := range l.leaves {
		_ = leaf.column.close() // what was read has been checked; nothing is lost by an error here
	}
}

// Leaf is a cursor over one column. A nil Leaf is a column that is all nulls.
type Leaf struct {
	column       *column
	level, value int // the next ones
}

// Descr tells what the column is.
func (l *Leaf) Descr() *pqschema.Column { return l.column.descr }

// Take passes the next level and returns the number of its value, or -1 when
// it has none.
func (l *Leaf) Take() int {
	if l == nil {
		return -1
	}
	l.level++
	if len(l.column.def) > 0 && l.column.def[l.level-1] != l.column.descr.MaxDefinitionLevel() {
		return -1
	}
	l.value++
	return l.value - 1
}

// Level returns the next definition level.
func (l *Leaf) Level() int16 {
	if len(l.column.def) == 0 {
		return l.column.descr.MaxDefinitionLevel()
	}
	return l.column.def[l.level]
}

// More reports whether the next level belongs to the row of the last one.
func (l *Leaf) More() bool {
	return l.level < l.column.window && len(l.column.rep) > 0 && l.column.rep[l.level] != 0
}

// Reaches reports whether any of the rows at hand has a definition level as
// high as this.
func (l *Leaf) Reaches(level int16) bool {
	if l == nil {
		return false
	}
	if len(l.column.def) == 0 {
		return l.column.window > 0
	}
	for _, d := range l.column.def[:l.column.window] {
		if d >= level {
			return true
		}
	}
	return false
}

// Texts is the values of a column of byte strings.
type Texts struct{ store *variable }

// Texts returns the column's values, or an error when they are of another
// type. It is good for as long as the column is open.
func (l *Leaf) Texts() (Texts, error) {
	store, ok := l.column.values.(*variable)
	if !ok {
		return Texts{}, l.mistyped("a string")
	}
	return Texts{store}, nil
}

// At returns a value, which is good until Next.
func (t Texts) At(i int) []byte { return t.store.value(i) }

// Numbers is the values of a column of integers.
type Numbers struct {
	longs *fixed[int64]
	ints  *fixed[int32]
}

// Numbers returns the column's values, or an error when they are of another
// type. It is good for as long as the column is open.
func (l *Leaf) Numbers() (Numbers, error) {
	switch store := l.column.values.(type) {
	case *fixed[int64]:
		return Numbers{longs: store}, nil
	case *fixed[int32]:
		return Numbers{ints: store}, nil
	}
	return Numbers{}, l.mistyped("an integer")
}

// At returns a value.
func (n Numbers) At(i int) int64 {
	if n.longs != nil {
		return n.longs.data[i]
	}
	return int64(n.ints.data[i])
}

// Flags is the values of a column of booleans.
type Flags struct{ store *fixed[bool] }

// Flags returns the column's values, or an error when they are of another
// type. It is good for as long as the column is open.
func (l *Leaf) Flags() (Flags, error) {
	store, ok := l.column.values.(*fixed[bool])
	if !ok {
		return Flags{}, l.mistyped("a boolean")
	}
	return Flags{store}, nil
}

// At returns a value.
func (f Flags) At(i int) bool { return f.store.data[i] }

func (l *Leaf) mistyped(want string) error {
	return fmt.Errorf("column %s is %s, not %s", l.column.descr.Path(), l.column.descr.PhysicalType(), want)
}
