package delta

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// curve numbers rows so that rows with near numbers are alike. Each column's
// values are first ranked among the quantiles of a sample, so that a skewed
// column divides as evenly as a flat one; the ranks are a point in space, and
// its place along a Z-order or Hilbert curve is the row's number.
type curve struct {
	dimensions []dimension
	bits       int // of a rank
	hilbert    bool
	// buckets is into how many parts of equal size the curve is cut, and cuts
	// are the first numbers of all but the first part.
	buckets int
	cuts    []uint64
}

// dimension is one column of a curve.
type dimension struct {
	column layoutColumn
	at     *schema.Struct // the columns of the records it is read from
	bounds []scalar       // ascending quantiles
}

const (
	sampleRows = 1 << 16
	// maxRankBits gives a thousand ranges a column, as Spark has.
	maxRankBits = 10
	// longestKey is how much of a text is looked at.
	longestKey = 64
)

// fit sets the quantiles from sampled points.
func (c *curve) fit(points [][]scalar) {
	c.bits = max(1, min(maxRankBits, 63/len(c.dimensions)))
	for d := range c.dimensions {
		typ := c.dimensions[d].column.typ
		var values []scalar
		for _, p := range points {
			if !p[d].null {
				values = append(values, p[d])
			}
		}
		slices.SortFunc(values, func(a, b scalar) int { return compareScalars(typ, a, b) })
		ranges := 1 << c.bits
		var bounds []scalar
		for r := 1; r < ranges && len(values) > 0; r++ {
			// The least value needs no bound: it is in the first range.
			if v := values[r*len(values)/ranges]; compareScalars(typ, v, values[0]) > 0 {
				bounds = append(bounds, v)
			}
		}
		c.dimensions[d].bounds = slices.CompactFunc(bounds, func(a, b scalar) bool { return compareScalars(typ, a, b) == 0 })
	}
}

// cut sets the first numbers of the buckets from sampled points.
func (c *curve) cut(points [][]scalar) {
	numbers := make([]uint64, len(points))
	ranks := make([]uint32, len(c.dimensions))
	for i, p := range points {
		for d := range c.dimensions {
			ranks[d] = c.dimensions[d].rank(p[d])
		}
		numbers[i] = c.number(ranks)
	}
	slices.Sort(numbers)
	for b := 1; b < c.buckets && len(numbers) > 0; b++ {
		c.cuts = append(c.cuts, numbers[b*len(numbers)/c.buckets])
	}
	c.cuts = slices.Compact(c.cuts)
}

// bucket returns the part of the curve that a number is in.
func (c *curve) bucket(n uint64) int {
	return sort.Search(len(c.cuts), func(i int) bool { return c.cuts[i] > n })
}

// rank returns where v stands among the quantiles; null is with the least.
func (d *dimension) rank(v scalar) uint32 {
	if v.null {
		return 0
	}
	return uint32(sort.Search(len(d.bounds), func(i int) bool {
		return compareScalars(d.column.typ, d.bounds[i], v) > 0
	}))
}

// numbers returns the place on the curve of each row.
func (c *curve) numbers(r arrow.RecordBatch) []uint64 {
	rows := int(r.NumRows())
	ranks := make([]uint32, rows*len(c.dimensions))
	for d := range c.dimensions {
		value := c.dimensions[d].reader(r)
		for i := range rows {
			ranks[i*len(c.dimensions)+d] = c.dimensions[d].rank(value(i))
		}
	}
	out := make([]uint64, rows)
	for i := range out {
		out[i] = c.number(ranks[i*len(c.dimensions) : (i+1)*len(c.dimensions)])
	}
	return out
}

// number returns the place of a point, whose coordinates it may change.
func (c *curve) number(point []uint32) uint64 {
	if c.hilbert {
		hilbertTranspose(point, c.bits)
	}
	return interleave(point, c.bits)
}

// interleave returns the bits of the coordinates in turn, highest first.
func interleave(point []uint32, bits int) uint64 {
	n := uint64(0)
	for b := bits - 1; b >= 0; b-- {
		for _, x := range point {
			n = n<<1 | uint64(x>>b&1)
		}
	}
	return n
}

// hilbertTranspose turns coordinates into those whose interleaved bits are
// the distance along a Hilbert curve (Skilling, "Programming the Hilbert
// curve", 2004).
func hilbertTranspose(x []uint32, bits int) {
	last := len(x) - 1
	for q := uint32(1) << (bits - 1); q > 1; q >>= 1 {
		p := q - 1
		for i := range x {
			if x[i]&q != 0 {
				x[0] ^= p
				continue
			}
			t := (x[0] ^ x[i]) & p
			x[0] ^= t
			x[i] ^= t
		}
	}
	for i := 1; i <= last; i++ {
		x[i] ^= x[i-1]
	}
	t := uint32(0)
	for q := uint32(1) << (bits - 1); q > 1; q >>= 1 {
		if x[last]&q != 0 {
			t ^= q - 1
		}
	}
	for i := range x {
		x[i] ^= t
	}
}

// compareScalars orders two values of a type that are not null; NaN is the
// greatest, as in Spark.
func compareScalars(t schema.Type, a, b scalar) int {
	switch t {
	case schema.String, schema.Binary:
		return strings.Compare(a.s, b.s)
	case schema.Float, schema.Double:
		if a.f != a.f || b.f != b.f {
			return cmp.Compare(bit(a.f != a.f), bit(b.f != b.f))
		}
		return cmp.Compare(a.f, b.f)
	}
	if _, decimal := t.(schema.Decimal); decimal {
		return a.d.Cmp(b.d)
	}
	return cmp.Compare(a.i, b.i)
}

func bit(set bool) int64 {
	if set {
		return 1
	}
	return 0
}

// reader returns the column's value by row of a record.
func (d *dimension) reader(r arrow.RecordBatch) func(row int) scalar {
	i := d.at.Index(d.column.path[0])
	arr := r.Column(i)
	typ := d.at.Fields[i].Type
	around := []arrow.Array{arr}
	for _, name := range d.column.path[1:] {
		s, ok := typ.(*schema.Struct)
		nested, isStruct := arr.(*array.Struct)
		if !ok || !isStruct {
			break
		}
		at := s.Index(name)
		arr, typ = nested.Field(at), s.Fields[at].Type
		around = append(around, arr)
	}
	value := valueReader(arr)
	return func(row int) scalar {
		for _, a := range around {
			if a.IsNull(row) {
				return scalar{null: true}
			}
		}
		return value(row)
	}
}

// valueReader returns the values of an array; those of types that have no
// order are all equal.
func valueReader(arr arrow.Array) func(row int) scalar {
	switch arr := arr.(type) {
	case *array.Boolean:
		return func(row int) scalar { return scalar{i: bit(arr.Value(row))} }
	case *array.Int8:
		return func(row int) scalar { return scalar{i: int64(arr.Value(row))} }
	case *array.Int16:
		return func(row int) scalar { return scalar{i: int64(arr.Value(row))} }
	case *array.Int32:
		return func(row int) scalar { return scalar{i: int64(arr.Value(row))} }
	case *array.Int64:
		return func(row int) scalar { return scalar{i: arr.Value(row)} }
	case *array.Date32:
		return func(row int) scalar { return scalar{i: int64(arr.Value(row))} }
	case *array.Timestamp:
		return func(row int) scalar { return scalar{i: int64(arr.Value(row))} }
	case *array.Float32:
		return func(row int) scalar { return scalar{f: float64(arr.Value(row))} }
	case *array.Float64:
		return func(row int) scalar { return scalar{f: arr.Value(row)} }
	case *array.Decimal128:
		return func(row int) scalar { return scalar{d: arr.Value(row)} }
	case *array.String:
		return func(row int) scalar { s := arr.Value(row); return scalar{s: s[:min(len(s), longestKey)]} }
	case *array.Binary:
		return func(row int) scalar { b := arr.Value(row); return scalar{s: string(b[:min(len(b), longestKey)])} }
	}
	return func(int) scalar { return scalar{} }
}

// rowSample keeps a fair choice of the rows it is given.
type rowSample struct {
	dimensions []dimension
	random     func() float64
	rows       [][]scalar
	seen       int64
	bytes      int64 // of all rows in Arrow
}

func (s *rowSample) add(r arrow.RecordBatch) {
	s.bytes += recordBytes(r)
	values := make([]func(int) scalar, len(s.dimensions))
	for d := range s.dimensions {
		values[d] = s.dimensions[d].reader(r)
	}
	for row := range int(r.NumRows()) {
		s.seen++
		at := len(s.rows)
		switch {
		case at < sampleRows:
			s.rows = append(s.rows, make([]scalar, len(values)))
		default:
			at = int(s.random() * float64(s.seen))
			if at >= sampleRows {
				continue
			}
		}
		for d, value := range values {
			v := value(row)
			v.s = strings.Clone(v.s) // the batch is about to go
			s.rows[at][d] = v
		}
	}
}
