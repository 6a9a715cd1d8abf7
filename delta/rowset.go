package delta

import (
	"iter"

	"github.com/freshet/freshet/delta/internal/dv"
)

// RowSet is a set of row positions of one data file, deleted rows counted, as
// [ScanOptions.RowIndex] has them. It is compressed: a few bits for a row of
// a dense set, about two bytes of a sparse one. The zero value is empty. It is
// safe for concurrent use as long as no one adds to it.
type RowSet struct{ rows dv.Vector }

// NewRowSet returns the set of the given positions.
func NewRowSet(rows ...int64) *RowSet {
	s := new(RowSet)
	s.Add(rows...)
	return s
}

// Add puts positions into the set. Negative ones are no positions and are
// left out.
func (s *RowSet) Add(rows ...int64) {
	for _, r := range rows {
		if r >= 0 {
			s.rows.Add(r)
		}
	}
}

// Len returns the number of positions.
func (s *RowSet) Len() int64 { return s.vector().Cardinality() }

// Has reports whether a position is in the set.
func (s *RowSet) Has(row int64) bool { return row >= 0 && s.vector().Has(row) }

// All yields the positions in ascending order.
func (s *RowSet) All() iter.Seq[int64] { return s.vector().Rows() }

// vector returns the set, nil for a nil s.
func (s *RowSet) vector() *dv.Vector {
	if s == nil {
		return nil
	}
	return &s.rows
}
