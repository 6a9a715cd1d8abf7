package files

import (
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/arrow/scalar"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/schema"
)

// nullPartition is how Hive writes a null partition value.
const nullPartition = "__HIVE_DEFAULT_PARTITION__"

// Partitioning is the columns that directories such as year=2021 below a base
// directory carry (semantics §2.10). It is safe for concurrent use.
type Partitioning struct {
	base    string // as [Base] returns it
	columns *schema.Struct
	zone    *time.Location
}

// PartitionRules say which partition columns to take, and how to type them.
type PartitionRules struct {
	// Names are the columns of option partitionColumns, in order; nil infers
	// them, an empty list takes none.
	Names []string
	// InferTypes types columns by their values as Spark does; otherwise all
	// are STRING.
	InferTypes bool
	TimeZone   *time.Location // of timestamps; nil is UTC
}

// NewPartitioning returns the partitioning by columns of known types. A file
// without one of them has NULL there; directories of other names are passed
// over.
func NewPartitioning(base string, columns *schema.Struct, zone *time.Location) *Partitioning {
	if zone == nil {
		zone = time.UTC
	}
	return &Partitioning{base: base, columns: columns, zone: zone}
}

// InferPartitioning returns the partitioning that a sample of files shows.
// When the names are to be inferred and the files do not all have the same
// ones in the same order, there are none.
func InferPartitioning(base string, sample iter.Seq[format.File], rules PartitionRules) *Partitioning {
	names, values := rules.Names, map[string]map[string]bool{}
	consistent, first := true, true
	for f := range sample {
		pairs := parsePartitions(base, f.Path)
		for _, p := range pairs {
			folded := strings.ToLower(p.name)
			if values[folded] == nil {
				values[folded] = map[string]bool{}
			}
			values[folded][p.value] = true
		}
		if rules.Names != nil {
			continue
		}
		if first {
			names, first = pairNames(pairs), false
		}
		consistent = consistent && sameNames(names, pairs)
	}
	columns := schema.New()
	if consistent && !repeats(names) {
		for _, name := range names {
			var t schema.Type = schema.String
			if rules.InferTypes {
				t = inferPartitionType(values[strings.ToLower(name)])
			}
			columns.Fields = append(columns.Fields, schema.Col(name, t))
		}
	}
	return NewPartitioning(base, columns, rules.TimeZone)
}

// ParsePartitionNames reads the value of option partitionColumns.
func ParsePartitionNames(text string) []string {
	names := []string{}
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Columns returns the partition columns in order, all nullable.
func (p *Partitioning) Columns() *schema.Struct { return p.columns }

// Arrays returns the partition columns of a batch of rows of f, each constant,
// as Arrow arrays of the columns' types. The caller releases them. A value
// that is not of its column's type is an error (CAST_INVALID_INPUT).
func (p *Partitioning) Arrays(f *format.File, rows int, mem memory.Allocator) ([]arrow.Array, error) {
	pairs := parsePartitions(p.base, f.Path)
	out := make([]arrow.Array, 0, len(p.columns.Fields))
	for _, col := range p.columns.Fields {
		arr, err := p.constant(col, pairs, rows, mem)
		if err != nil {
			for _, a := range out {
				a.Release()
			}
			return nil, errclass.New("CAST_INVALID_INPUT", "22018", "partition column %s of %s: %w", schema.QuoteIdent(col.Name), f.Path, err)
		}
		out = append(out, arr)
	}
	return out, nil
}

func (p *Partitioning) constant(col schema.Field, pairs []pair, rows int, mem memory.Allocator) (arrow.Array, error) {
	typ := schema.ArrowType(col.Type)
	for _, pair := range pairs {
		if strings.EqualFold(pair.name, col.Name) && pair.value != nullPartition {
			value, err := partitionScalar(pair.value, col.Type, p.zone)
			if err != nil {
				return nil, err
			}
			return scalar.MakeArrayFromScalar(value, rows, mem)
		}
	}
	return array.MakeArrayOfNull(mem, typ, rows), nil
}

// pair is one directory name=value, decoded.
type pair struct {
	name  string
	value string
}

// parsePartitions returns the partition directories of path below base.
func parsePartitions(base, path string) []pair {
	rel, ok := strings.CutPrefix(path, base)
	if !ok {
		return nil
	}
	var pairs []pair
	for {
		segment, rest, more := strings.Cut(rel, "/")
		if !more {
			return pairs // the file's own name
		}
		if name, value, ok := strings.Cut(segment, "="); ok && name != "" {
			pairs = append(pairs, pair{name: decode(name), value: decode(value)})
		}
		rel = rest
	}
}

// decode undoes Hive's escaping of %XX; text that is not so escaped is itself.
func decode(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return text
	}
	return decoded
}

func pairNames(pairs []pair) []string {
	names := make([]string, len(pairs))
	for i, p := range pairs {
		names[i] = p.name
	}
	return names
}

// repeats reports whether two names are equal ignoring case.
func repeats(names []string) bool {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		folded := strings.ToLower(name)
		if seen[folded] {
			return true
		}
		seen[folded] = true
	}
	return false
}

func sameNames(names []string, pairs []pair) bool {
	if len(names) != len(pairs) {
		return false
	}
	for i, p := range pairs {
		if !strings.EqualFold(names[i], p.name) {
			return false
		}
	}
	return true
}

// partitionScalar returns text as a value of type t.
func partitionScalar(text string, t schema.Type, zone *time.Location) (scalar.Scalar, error) {
	switch t {
	case schema.String:
		return scalar.NewStringScalar(text), nil
	case schema.Binary:
		return scalar.NewBinaryScalar(memory.NewBufferBytes([]byte(text)), arrow.BinaryTypes.Binary), nil
	case schema.Date:
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a DATE", text)
		}
		return scalar.NewDate32Scalar(arrow.Date32FromTime(day)), nil
	case schema.Timestamp, schema.TimestampNTZ:
		if t == schema.TimestampNTZ {
			zone = time.UTC
		}
		at, ok := parsePartitionTime(text, zone)
		if !ok {
			return nil, fmt.Errorf("%q is not a %s", text, t)
		}
		return scalar.NewTimestampScalar(arrow.Timestamp(at.UnixMicro()), schema.ArrowType(t)), nil
	}
	if d, ok := t.(schema.Decimal); ok {
		num, ok := parseDecimal(text, d)
		if !ok {
			return nil, fmt.Errorf("%q is not a %s", text, t)
		}
		return scalar.NewDecimal128Scalar(num, schema.ArrowType(t)), nil
	}
	if value, ok := simpleScalar(text, t); ok {
		return value, nil
	}
	return nil, fmt.Errorf("%q is not a %s", text, t)
}

// integerBits is the width of each integer type.
var integerBits = map[schema.Type]int{schema.Byte: 8, schema.Short: 16, schema.Integer: 32, schema.Long: 64}

// simpleScalar reads integers, floats and booleans.
func simpleScalar(text string, t schema.Type) (scalar.Scalar, bool) {
	var value any
	var err error
	switch t {
	case schema.Float, schema.Double:
		if !isDouble(text) {
			return nil, false
		}
		value, err = strconv.ParseFloat(text, 64)
	case schema.Boolean:
		value, err = strconv.ParseBool(strings.ToLower(text))
	default:
		bits, ok := integerBits[t]
		if !ok {
			return nil, false
		}
		value, err = strconv.ParseInt(text, 10, bits)
	}
	if err != nil {
		return nil, false
	}
	typed, err := scalar.MakeScalar(value).CastTo(schema.ArrowType(t))
	return typed, err == nil
}
