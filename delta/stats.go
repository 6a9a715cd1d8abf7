package delta

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/schema"
)

// statsColumn is one leaf of the schema of which statistics are kept.
type statsColumn struct {
	path   []string // physical names
	place  []int    // column, then fields of structs
	typ    schema.Type
	prefix int // UTF-16 units that string bounds keep
}

// statsColumns returns the leaves to keep statistics of: the first so many in
// schema order, or those that a table property lists. Partition columns are
// not among columns, which are those stored in files, by physical names;
// logical is the same schema by logical names.
func statsColumns(m *Metadata, logical, physical *schema.Struct) []statsColumn {
	limit, err := strconv.Atoi(m.Configuration["delta.dataSkippingNumIndexedCols"])
	if err != nil {
		limit = defaultIndexedColumns
	}
	prefix, err := strconv.Atoi(m.Configuration["delta.dataSkippingStringPrefixLength"])
	if err != nil || prefix < 1 {
		prefix = defaultStringPrefix
	}
	w := statsWalk{prefix: prefix}
	if list, ok := m.Configuration["delta.dataSkippingStatsColumns"]; ok {
		w.listed = splitColumns(list)
		limit = -1
	}
	w.walk(logical, physical, nil, nil, nil)
	if limit >= 0 && len(w.columns) > limit {
		w.columns = w.columns[:limit]
	}
	return w.columns
}

// Defaults of the table properties of data skipping.
const (
	defaultIndexedColumns = 32
	defaultStringPrefix   = 32
)

type statsWalk struct {
	listed  [][]string // nil when no property lists columns
	prefix  int
	columns []statsColumn
}

func (w *statsWalk) walk(logical, physical *schema.Struct, names, path []string, place []int) {
	for i, f := range logical.Fields {
		here := append(slices.Clone(names), f.Name)
		stored := append(slices.Clone(path), physical.Fields[i].Name)
		at := append(slices.Clone(place), i)
		if inner, ok := f.Type.(*schema.Struct); ok {
			if below, ok := physical.Fields[i].Type.(*schema.Struct); ok {
				w.walk(inner, below, here, stored, at)
			}
			continue
		}
		if w.listed == nil || w.isListed(here) {
			w.columns = append(w.columns, statsColumn{path: stored, place: at, typ: f.Type, prefix: w.prefix})
		}
	}
}

// isListed reports whether the property names the column or a struct around it.
func (w *statsWalk) isListed(names []string) bool {
	return slices.ContainsFunc(w.listed, func(l []string) bool {
		return len(l) <= len(names) && slices.EqualFunc(l, names[:len(l)], strings.EqualFold)
	})
}

// splitColumns reads a comma-separated list of dotted column names, parts of
// which may stand between backticks.
func splitColumns(list string) [][]string {
	var out [][]string
	var column []string
	var part strings.Builder
	quoted := false
	endPart := func() {
		column = append(column, strings.TrimSpace(part.String()))
		part.Reset()
	}
	for _, r := range list {
		switch {
		case r == '`':
			quoted = !quoted
		case r == '.' && !quoted:
			endPart()
		case r == ',' && !quoted:
			endPart()
			out, column = append(out, column), nil
		default:
			part.WriteRune(r)
		}
	}
	endPart()
	return append(out, column)
}

// statistics are what is known of the rows of one file, gathered batch by
// batch (protocol: Per-file Statistics).
type statistics struct {
	columns []columnStats
	rows    int64
}

// columnStats are the statistics of one leaf.
type columnStats struct {
	*statsColumn
	nulls  int64
	filled bool // low and high hold values
	nan    bool // bounds are unknown: NaN has no place among JSON numbers
	low    scalar
	high   scalar
}

func newStatistics(columns []statsColumn) *statistics {
	s := &statistics{columns: make([]columnStats, len(columns))}
	for i := range columns {
		s.columns[i].statsColumn = &columns[i]
	}
	return s
}

// add takes in rows. It must not be called concurrently.
func (s *statistics) add(r arrow.RecordBatch) {
	s.rows += r.NumRows()
	var rows []int32
	for i := range s.columns {
		c := &s.columns[i]
		arr := r.Column(c.place[0])
		nullable := []arrow.Array{arr}
		for _, field := range c.place[1:] {
			st, ok := arr.(*array.Struct)
			if !ok {
				break
			}
			arr = st.Field(field)
			nullable = append(nullable, arr)
		}
		present := presentRows(rows[:0], nullable)
		if present == nil {
			c.observe(arr, nil)
			continue
		}
		c.nulls += int64(arr.Len() - len(present))
		c.observe(arr, present)
		rows = present
	}
}

// presentRows returns the rows that are null in none of the arrays, a column
// and the structs around it; nil when there are no nulls.
func presentRows(rows []int32, arrays []arrow.Array) []int32 {
	arrays = slices.DeleteFunc(arrays, func(a arrow.Array) bool {
		return a.NullN() == 0
	})
	if len(arrays) == 0 {
		return nil
	}
	if rows == nil {
		rows = []int32{}
	}
	for i := range arrays[0].Len() {
		isNull := func(a arrow.Array) bool { return a.IsNull(i) || a.DataType().ID() == arrow.NULL }
		if !slices.ContainsFunc(arrays, isNull) {
			rows = append(rows, int32(i))
		}
	}
	return rows
}

// observe widens the bounds by the given rows of arr; nil rows are all.
func (c *columnStats) observe(arr arrow.Array, rows []int32) {
	if arr.Len() == 0 || rows != nil && len(rows) == 0 || !bounded(c.typ) {
		return
	}
	switch arr := arr.(type) {
	case *array.Int8:
		c.integers(bounds(arr.Int8Values(), rows))
	case *array.Int16:
		c.integers(bounds(arr.Int16Values(), rows))
	case *array.Int32:
		c.integers(bounds(arr.Int32Values(), rows))
	case *array.Int64:
		c.integers(bounds(arr.Int64Values(), rows))
	case *array.Date32:
		c.integers(bounds(arr.Date32Values(), rows))
	case *array.Timestamp:
		c.integers(bounds(arr.TimestampValues(), rows))
	case *array.Float32:
		c.floats(floatBounds(arr.Float32Values(), rows))
	case *array.Float64:
		c.floats(floatBounds(arr.Float64Values(), rows))
	case *array.Decimal128:
		c.decimals(arr.Values(), rows)
	case *array.Dictionary:
		if entries, ok := arr.Dictionary().(*array.String); ok {
			c.texts(entries, usedEntries(arr, entries.Len(), rows))
		}
	case *array.String:
		c.texts(arr, rows)
	}
}

// bounded reports whether the protocol has minimum and maximum values of t.
func bounded(t schema.Type) bool {
	switch t {
	case schema.Boolean, schema.Binary, schema.Void, schema.Variant:
		return false
	}
	switch t.(type) {
	case schema.Primitive, schema.Decimal:
		return true
	}
	return false
}

// bounds returns the least and the greatest of values, at least one of which
// is chosen.
func bounds[T int8 | int16 | int32 | int64 | arrow.Date32 | arrow.Timestamp](values []T, rows []int32) (low, high int64) {
	if rows == nil {
		lo, hi := values[0], values[0]
		for _, v := range values {
			lo, hi = min(lo, v), max(hi, v)
		}
		return int64(lo), int64(hi)
	}
	lo, hi := values[rows[0]], values[rows[0]]
	for _, r := range rows {
		lo, hi = min(lo, values[r]), max(hi, values[r])
	}
	return int64(lo), int64(hi)
}

func (c *columnStats) integers(low, high int64) {
	if !c.filled {
		c.low.i, c.high.i, c.filled = low, high, true
		return
	}
	c.low.i, c.high.i = min(c.low.i, low), max(c.high.i, high)
}

func floatBounds[T float32 | float64](values []T, rows []int32) (low, high float64, nan bool) {
	lo, hi := T(math.Inf(1)), T(math.Inf(-1))
	see := func(v T) {
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
		nan = nan || v != v
	}
	if rows == nil {
		for _, v := range values {
			see(v)
		}
	} else {
		for _, r := range rows {
			see(values[r])
		}
	}
	return float64(lo), float64(hi), nan
}

func (c *columnStats) floats(low, high float64, nan bool) {
	c.nan = c.nan || nan
	if !c.filled {
		c.low.f, c.high.f, c.filled = low, high, true
		return
	}
	c.low.f, c.high.f = math.Min(c.low.f, low), math.Max(c.high.f, high)
}

func (c *columnStats) decimals(values []decimal128.Num, rows []int32) {
	see := func(v decimal128.Num) {
		if !c.filled {
			c.low.d, c.high.d, c.filled = v, v, true
		}
		if v.Less(c.low.d) {
			c.low.d = v
		}
		if c.high.d.Less(v) {
			c.high.d = v
		}
	}
	if rows == nil {
		for _, v := range values {
			see(v)
		}
		return
	}
	for _, r := range rows {
		see(values[r])
	}
}

// usedEntries returns the entries of a dictionary that the given rows refer to.
func usedEntries(arr *array.Dictionary, entries int, rows []int32) []int32 {
	used := make([]bool, entries)
	switch ix := arr.Indices().(type) {
	case *array.Uint32:
		mark(used, ix.Uint32Values(), rows)
	case *array.Int32:
		mark(used, ix.Int32Values(), rows)
	default:
		for i := range arr.Len() {
			if arr.IsValid(i) {
				used[arr.GetValueIndex(i)] = true
			}
		}
	}
	out := make([]int32, 0, entries)
	for i, u := range used {
		if u {
			out = append(out, int32(i))
		}
	}
	return out
}

func mark[T int32 | uint32](used []bool, codes []T, rows []int32) {
	if rows == nil {
		for _, code := range codes {
			used[code] = true
		}
		return
	}
	for _, r := range rows {
		used[codes[r]] = true
	}
}

func (c *columnStats) texts(arr *array.String, rows []int32) {
	if rows != nil && len(rows) == 0 {
		return
	}
	offsets, data := arr.ValueOffsets(), arr.ValueBytes()
	base := offsets[0] // the bytes start with the array's first value
	value := func(i int) []byte { return data[offsets[i]-base : offsets[i+1]-base] }
	first := 0
	if rows != nil {
		first = int(rows[0])
	}
	low, high := value(first), value(first)
	see := func(v []byte) {
		if bytes.Compare(v, low) < 0 {
			low = v
		} else if bytes.Compare(v, high) > 0 {
			high = v
		}
	}
	if rows == nil {
		for i := range arr.Len() {
			see(value(i))
		}
	} else {
		for _, r := range rows {
			see(value(int(r)))
		}
	}
	low, high = clip(low, c.prefix), clip(high, c.prefix)
	if !c.filled {
		c.low.s, c.high.s, c.filled = string(low), string(high), true
		return
	}
	if cmp.Compare(string(low), c.low.s) < 0 {
		c.low.s = string(low)
	}
	if cmp.Compare(string(high), c.high.s) > 0 {
		c.high.s = string(high)
	}
}

// clip returns the start of a very long value, cut between characters. It is
// far more than bounds of a prefix of so many UTF-16 units look at.
func clip(v []byte, prefix int) []byte {
	keep := max(64<<10, 16*prefix)
	if len(v) <= keep {
		return v
	}
	for range utf8.UTFMax - 1 {
		if utf8.RuneStart(v[keep]) {
			break
		}
		keep--
	}
	return v[:keep]
}
