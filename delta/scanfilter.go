package delta

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/schema"
)

// Predicate is a condition on a table's rows, of which a scan uses what is
// known of whole files: one of [Comparison], [In], [IsNull], [And], [Or] and
// [Not]. As in SQL, a comparison with null is neither true nor false.
type Predicate interface{ isPredicate() }

// Comparison compares a column with a value.
type Comparison struct {
	Column []string // logical path, one name for a top-level column
	Op     Op
	// Value is a bool, an int64 or int, a float64, a string, []byte,
	// time.Time (for DATE and both timestamps) or *big.Rat (for DECIMAL).
	Value any
}

// In is true when the column equals one of the values.
type In struct {
	Column []string
	Values []any // as in [Comparison]
}

// IsNull is true when the column is null.
type IsNull struct{ Column []string }

// And is true when all are.
type And []Predicate

// Or is true when one is.
type Or []Predicate

// Not is true when Of is false.
type Not struct{ Of Predicate }

func (Comparison) isPredicate() {}
func (In) isPredicate()         {}
func (IsNull) isPredicate()     {}
func (And) isPredicate()        {}
func (Or) isPredicate()         {}
func (Not) isPredicate()        {}

// Op is a comparison operator.
type Op uint8

// The comparison operators.
const (
	Equal Op = iota + 1
	NotEqual
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
)

// fileFilter decides from a file's partition values and statistics whether
// any of its rows can match. It errs on the side of reading.
type fileFilter struct {
	metadata  *Metadata
	mapping   mapping
	predicate Predicate
}

func newFileFilter(m *Metadata, p Predicate) (*fileFilter, error) {
	f := &fileFilter{metadata: m, mapping: mappingOf(m), predicate: p}
	// A dry run over a file of which nothing is known finds unknown columns.
	if _, err := f.eval(p, &fileFacts{}); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *fileFilter) mayMatch(file AddFile) bool {
	o, err := f.eval(f.predicate, &fileFacts{file: &file})
	return err != nil || o.mayBeTrue
}

// FilesMatching yields the live data files, as [Snapshot.Files], that may hold
// a row for which p is true, by their partition values and statistics.
func (s *Snapshot) FilesMatching(ctx context.Context, p Predicate) iter.Seq2[AddFile, error] {
	return func(yield func(AddFile, error) bool) {
		filter, err := newFileFilter(&s.metadata, p)
		if err != nil {
			yield(AddFile{}, err)
			return
		}
		for f, err := range s.Files(ctx) {
			if err == nil && !filter.mayMatch(f) {
				continue
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// outcome is what is known of a predicate over the rows of a file: whether it
// may be true for some row, and whether it may be false for some.
type outcome struct{ mayBeTrue, mayBeFalse bool }

var anything = outcome{true, true}

func (f *fileFilter) eval(p Predicate, facts *fileFacts) (outcome, error) {
	switch p := p.(type) {
	case And:
		out := outcome{mayBeTrue: true}
		for _, q := range p {
			o, err := f.eval(q, facts)
			if err != nil {
				return o, err
			}
			out.mayBeTrue = out.mayBeTrue && o.mayBeTrue
			out.mayBeFalse = out.mayBeFalse || o.mayBeFalse
		}
		return out, nil
	case Or:
		out := outcome{mayBeFalse: true}
		for _, q := range p {
			o, err := f.eval(q, facts)
			if err != nil {
				return o, err
			}
			out.mayBeTrue = out.mayBeTrue || o.mayBeTrue
			out.mayBeFalse = out.mayBeFalse && o.mayBeFalse
		}
		return out, nil
	case Not:
		o, err := f.eval(p.Of, facts)
		return outcome{o.mayBeFalse, o.mayBeTrue}, err
	case In:
		equals := make(Or, len(p.Values))
		for i, v := range p.Values {
			equals[i] = Comparison{Column: p.Column, Op: Equal, Value: v}
		}
		return f.eval(equals, facts)
	case IsNull:
		r, err := f.rangeOf(p.Column, facts)
		return outcome{r.mayBeNull, r.mayBeValue}, err
	case Comparison:
		r, err := f.rangeOf(p.Column, facts)
		if err != nil {
			return anything, err
		}
		return r.compare(p.Op, p.Value), nil
	}
	return anything, fmt.Errorf("unknown predicate %T", p)
}

// valueRange is what is known of a column's values in a file.
type valueRange struct {
	typ                   schema.Type
	low, high             *scalar // inclusive; nil when not known
	mayBeNull, mayBeValue bool
}

// rangeOf finds what is known of a column; facts without a file know nothing.
func (f *fileFilter) rangeOf(column []string, facts *fileFacts) (valueRange, error) {
	var physical []string
	var typ schema.Type = f.metadata.Schema
	var logical schema.Field
	for _, name := range column {
		s, ok := typ.(*schema.Struct)
		i := -1
		if ok {
			i = s.Index(name)
		}
		if i < 0 {
			return valueRange{}, fmt.Errorf("filter: no column %s", strings.Join(column, "."))
		}
		logical = s.Fields[i]
		physical = append(physical, f.mapping.physicalName(logical))
		typ = logical.Type
	}
	unknown := valueRange{typ: typ, mayBeNull: true, mayBeValue: true}
	if facts.file == nil || len(column) == 0 {
		return unknown, nil
	}
	if len(column) == 1 && slices.Contains(f.metadata.PartitionColumns, logical.Name) {
		text, present := facts.file.PartitionValues[physical[0]]
		if v, err := parsePartition(logical.Name, typ, text); err == nil && present {
			return valueRange{typ: typ, low: &v, high: &v, mayBeNull: v.null, mayBeValue: !v.null}, nil
		}
		return unknown, nil // the scan will say what is wrong with the value
	}
	return facts.rangeOf(physical, unknown), nil
}

// compare tells what a comparison with a literal can come to.
func (r valueRange) compare(op Op, literal any) outcome {
	if !r.mayBeValue {
		return outcome{}
	}
	v, ok := toNumber(r.typ, literal)
	if !ok {
		return anything
	}
	// belowLow etc. are false when a bound is not known.
	var lowCmp, highCmp int // of the bound against the literal
	low, high := false, false
	if r.low != nil {
		lowCmp, low = v.compareTo(r.typ, *r.low)
	}
	if r.high != nil {
		highCmp, high = v.compareTo(r.typ, *r.high)
	}
	canBeLess := !low || lowCmp < 0
	canBeGreater := !high || highCmp > 0
	canBeEqual := (!low || lowCmp <= 0) && (!high || highCmp >= 0)
	switch op {
	case Equal:
		return outcome{canBeEqual, canBeLess || canBeGreater}
	case NotEqual:
		return outcome{canBeLess || canBeGreater, canBeEqual}
	case Less:
		return outcome{canBeLess, canBeEqual || canBeGreater}
	case LessOrEqual:
		return outcome{canBeLess || canBeEqual, canBeGreater}
	case Greater:
		return outcome{canBeGreater, canBeLess || canBeEqual}
	case GreaterOrEqual:
		return outcome{canBeGreater || canBeEqual, canBeLess}
	}
	return anything
}

// operand is a literal in the form its column's values are compared in.
type operand struct {
	text   *string
	number *big.Rat
	whole  *int64 // number, when it is one; much faster
}

// toNumber brings a literal into the form of t; ok is false when they cannot
// be compared, and then nothing is known.
func toNumber(t schema.Type, literal any) (operand, bool) {
	switch v := literal.(type) {
	case string:
		if t == schema.String || t == schema.Binary {
			return operand{text: &v}, true
		}
		s, ok := parseScalar(t, v)
		if !ok {
			return operand{}, false
		}
		return operand{number: s.rat(t)}, s.rat(t) != nil
	case []byte:
		text := string(v)
		return operand{text: &text}, t == schema.String || t == schema.Binary
	case time.Time:
		n := v.UnixMicro()
		if t == schema.Date {
			n = floorDays(v)
		}
		return operand{whole: &n}, t == schema.Date || t == schema.Timestamp || t == schema.TimestampNTZ
	}
	if isText(t) {
		return operand{}, false
	}
	switch v := literal.(type) {
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		return operand{whole: &n}, t == schema.Boolean
	case int:
		n := int64(v)
		return operand{whole: &n}, true
	case int64:
		return operand{whole: &v}, true
	case float64:
		r := new(big.Rat).SetFloat64(v)
		return operand{number: r}, r != nil
	case *big.Rat:
		return operand{number: v}, v != nil
	}
	return operand{}, false
}

func floorDays(at time.Time) int64 {
	seconds := at.Unix()
	days := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		days--
	}
	return days
}

func isText(t schema.Type) bool { return t == schema.String || t == schema.Binary }

// compareTo returns the order of v against the operand.
func (o operand) compareTo(t schema.Type, v scalar) (int, bool) {
	if o.text != nil {
		return strings.Compare(v.s, *o.text), isText(t)
	}
	_, decimal := t.(schema.Decimal)
	if o.whole != nil && !decimal && t != schema.Float && t != schema.Double {
		return compareInts(v.i, *o.whole), !isText(t)
	}
	number := o.number
	if number == nil {
		number = new(big.Rat).SetInt64(*o.whole)
	}
	r := v.rat(t)
	if r == nil {
		return 0, false
	}
	return r.Cmp(number), true
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// rat returns the number v is; nil for texts, NaN and infinities.
func (v scalar) rat(t schema.Type) *big.Rat {
	if d, ok := t.(schema.Decimal); ok {
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Scale)), nil)
		return new(big.Rat).SetFrac(v.d.BigInt(), scale)
	}
	switch t {
	case schema.String, schema.Binary:
		return nil
	case schema.Float, schema.Double:
		return new(big.Rat).SetFloat64(v.f)
	}
	return new(big.Rat).SetInt64(v.i)
}

// fileFacts are a file's statistics, parsed when first asked for.
type fileFacts struct {
	file   *AddFile
	parsed bool
	stats  fileStats
}

// fileStats is the JSON of "protocol: Per-file Statistics".
type fileStats struct {
	NumRecords  *int64         `json:"numRecords"`
	TightBounds *bool          `json:"tightBounds"`
	MinValues   map[string]any `json:"minValues"`
	MaxValues   map[string]any `json:"maxValues"`
	NullCount   map[string]any `json:"nullCount"`
}

// parseStats reads statistics; what cannot be read is not known.
func parseStats(text string) (fileStats, error) {
	var s fileStats
	if text == "" {
		return s, nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber() // decimals and 64-bit integers must keep their digits
	if err := dec.Decode(&s); err != nil {
		return fileStats{}, fmt.Errorf("parse statistics: %w", err)
	}
	return s, nil
}

func (f *fileFacts) rangeOf(path []string, r valueRange) valueRange {
	if !f.parsed {
		f.parsed = true
		f.stats, _ = parseStats(f.file.Stats)
	}
	wide := f.stats.TightBounds != nil && !*f.stats.TightBounds
	if nulls, ok := countAt(f.stats.NullCount, path); ok && f.stats.NumRecords != nil {
		r.mayBeValue = nulls != *f.stats.NumRecords
		// With wide bounds a count tells only of all or none.
		r.mayBeNull = nulls != 0
		if wide && nulls != 0 && nulls != *f.stats.NumRecords {
			r.mayBeNull, r.mayBeValue = true, true
		}
	}
	r.low = boundAt(r.typ, f.stats.MinValues, path)
	r.high = boundAt(r.typ, f.stats.MaxValues, path)
	switch r.typ {
	case schema.Float, schema.Double:
		r.high = nil // NaN is greater than all, and not every writer counts it
	case schema.Timestamp, schema.TimestampNTZ:
		if r.high != nil { // bounds are truncated to milliseconds
			r.high.i += int64(time.Millisecond / time.Microsecond)
		}
	}
	return r
}

// at follows a path into nested statistics.
func at(values map[string]any, path []string) any {
	for i, name := range path {
		v, ok := values[name]
		if !ok {
			return nil
		}
		if i == len(path)-1 {
			return v
		}
		if values, ok = v.(map[string]any); !ok {
			return nil
		}
	}
	return nil
}

func countAt(values map[string]any, path []string) (int64, bool) {
	n, ok := at(values, path).(json.Number)
	if !ok {
		return 0, false
	}
	count, err := n.Int64()
	return count, err == nil && count >= 0
}

// boundAt reads a minimum or maximum; nil when there is none that can be
// trusted.
func boundAt(t schema.Type, values map[string]any, path []string) *scalar {
	return bound(t, at(values, path))
}

// bound reads a minimum or maximum from what JSON was decoded to.
func bound(t schema.Type, value any) *scalar {
	var v scalar
	ok := false
	switch text := value.(type) {
	case string:
		v, ok = parseScalar(t, text)
	case json.Number:
		if isText(t) || t == schema.Boolean || t == schema.Date {
			return nil
		}
		v, ok = parseScalar(t, text.String())
	}
	if !ok {
		return nil
	}
	return &v
}
