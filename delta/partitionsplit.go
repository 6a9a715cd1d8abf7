package delta

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/schema"
)

// partitioner tells rows apart by their partition values.
type partitioner struct {
	columns []*partitionKey
	// known numbers the combinations seen, each a row of codes of columns.
	known [][]int32
	ids   map[string]int32
}

// partitionKey numbers the distinct values of one partition column.
type partitionKey struct {
	field    schema.Field
	index    int // among the table's columns
	physical string
	values   []*string // by code
	codes    map[any]int32
	nullCode int32 // -1 until a null has come up
}

func newPartitioner(m *Metadata) (*partitioner, error) {
	p := &partitioner{ids: make(map[string]int32)}
	mapped := mappingOf(m)
	for _, name := range m.PartitionColumns {
		i := m.Schema.Index(name)
		if i < 0 {
			return nil, fmt.Errorf("partition column %s is not in the schema", schema.QuoteIdent(name))
		}
		f := m.Schema.Fields[i]
		if !partitionable(f.Type) {
			return nil, fmt.Errorf("column %s of type %s cannot be a partition column", schema.QuoteIdent(name), f.Type)
		}
		p.columns = append(p.columns, &partitionKey{
			field: f, index: i, physical: mapped.physicalName(f), codes: make(map[any]int32), nullCode: -1,
		})
	}
	return p, nil
}

func partitionable(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Decimal:
		return true
	case schema.Primitive:
		return t != schema.Void && t != schema.Variant
	}
	return false
}

// partition is the rows of a record that belong to one partition; nil rows
// are all of them.
type partition struct {
	id   int32
	rows []int32
}

// split returns the partitions of r's rows in order of appearance.
func (p *partitioner) split(r arrow.RecordBatch) ([]partition, error) {
	if len(p.columns) == 0 {
		return []partition{{id: p.id(nil, nil)}}, nil
	}
	n := int(r.NumRows())
	codes := make([][]int32, len(p.columns))
	for i, c := range p.columns {
		arr := r.Column(c.index)
		if !acceptsPartition(c.field.Type, arr.DataType()) {
			return nil, fmt.Errorf("write rows: column %s of type %s cannot hold Arrow %s",
				schema.QuoteIdent(c.field.Name), c.field.Type, arr.DataType())
		}
		var err error
		if codes[i], err = c.encode(arr); err != nil {
			return nil, err
		}
	}
	var out []partition
	places := make(map[int32]int) // of an id in out
	key := make([]byte, 4*len(codes))
	row := make([]int32, len(codes))
	last := -1 // place of the row before
	for i := range n {
		if last < 0 || !sameCodes(codes, row, i) {
			for c := range codes {
				row[c] = codes[c][i]
				binary.LittleEndian.PutUint32(key[4*c:], uint32(row[c]))
			}
			id := p.id(key, row)
			place, ok := places[id]
			if !ok {
				place = len(out)
				places[id] = place
				out = append(out, partition{id: id})
			}
			last = place
		}
		out[last].rows = append(out[last].rows, int32(i))
	}
	if len(out) == 1 {
		out[0].rows = nil
	}
	return out, nil
}

func acceptsPartition(t schema.Type, dt arrow.DataType) bool {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		dt = d.ValueType
	}
	if ts, ok := dt.(*arrow.TimestampType); ok {
		return ts.Unit == arrow.Microsecond && (t == schema.Timestamp || t == schema.TimestampNTZ)
	}
	return arrow.TypeEqual(schema.ArrowType(t), dt)
}

func sameCodes(codes [][]int32, row []int32, i int) bool {
	for c := range codes {
		if codes[c][i] != row[c] {
			return false
		}
	}
	return true
}

// id returns the number of a combination of codes.
func (p *partitioner) id(key []byte, codes []int32) int32 {
	if id, ok := p.ids[string(key)]; ok {
		return id
	}
	id := int32(len(p.known))
	p.ids[string(key)] = id
	p.known = append(p.known, append([]int32{}, codes...))
	return id
}

// values returns the partition values of a combination.
func (p *partitioner) values(id int32) []*string {
	out := make([]*string, len(p.columns))
	for i, code := range p.known[id] {
		out[i] = p.columns[i].values[code]
	}
	return out
}

// named returns partition values as add actions hold them.
func (p *partitioner) named(values []*string) map[string]*string {
	out := make(map[string]*string, len(values))
	for i, v := range values {
		out[p.columns[i].physical] = v
	}
	return out
}

// encode returns the code of each row's value.
func (k *partitionKey) encode(arr arrow.Array) ([]int32, error) {
	if d, ok := arr.(*array.Dictionary); ok {
		return k.encodeDictionary(d)
	}
	out := make([]int32, arr.Len())
	var last any
	code := int32(-1)
	for i := range out {
		if arr.IsNull(i) {
			n, err := k.null()
			if err != nil {
				return nil, err
			}
			out[i] = n
			continue
		}
		value := keyOf(arr, i)
		if code < 0 || value != last {
			var err error
			if code, err = k.code(value); err != nil {
				return nil, err
			}
			last = value
		}
		out[i] = code
	}
	return out, nil
}

func (k *partitionKey) encodeDictionary(arr *array.Dictionary) ([]int32, error) {
	entries := make([]int32, arr.Dictionary().Len())
	for i := range entries {
		entries[i] = -1
	}
	out := make([]int32, arr.Len())
	for i := range out {
		var err error
		if arr.IsNull(i) {
			out[i], err = k.null()
		} else {
			e := arr.GetValueIndex(i)
			if entries[e] < 0 {
				entries[e], err = k.code(keyOf(arr.Dictionary(), e))
			}
			out[i] = entries[e]
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keyOf returns a value that is == to another exactly when they belong
// to the same partition.
func keyOf(arr arrow.Array, i int) any {
	switch arr := arr.(type) {
	case *array.String:
		return arr.Value(i)
	case *array.Binary:
		return string(arr.Value(i))
	case *array.Boolean:
		return arr.Value(i)
	case *array.Int8:
		return int64(arr.Value(i))
	case *array.Int16:
		return int64(arr.Value(i))
	case *array.Int32:
		return int64(arr.Value(i))
	case *array.Int64:
		return arr.Value(i)
	case *array.Date32:
		return int64(arr.Value(i))
	case *array.Timestamp:
		return int64(arr.Value(i))
	case *array.Float32:
		return math.Float64bits(float64(arr.Value(i)))
	case *array.Float64:
		return math.Float64bits(arr.Value(i))
	case *array.Decimal128:
		return arr.Value(i)
	}
	return nil
}

// scalarOf is the inverse of [keyOf].
func scalarOf(value any) scalar {
	switch v := value.(type) {
	case string:
		return scalar{s: v}
	case bool:
		if v {
			return scalar{i: 1}
		}
		return scalar{}
	case int64:
		return scalar{i: v}
	case uint64:
		return scalar{f: math.Float64frombits(v)}
	case decimal128.Num:
		return scalar{d: v}
	}
	return scalar{null: true}
}

// code returns the number of a value.
func (k *partitionKey) code(value any) (int32, error) {
	if code, ok := k.codes[value]; ok {
		return code, nil
	}
	text, ok := partitionText(k.field.Type, scalarOf(value))
	if !ok {
		return 0, fmt.Errorf("write rows: partition value %q of column %s is no text", value, schema.QuoteIdent(k.field.Name))
	}
	if text == nil { // the empty string
		return k.null()
	}
	if s, ok := value.(string); ok {
		s = strings.Clone(s) // it points into the record
		value = s
		if k.field.Type == schema.String || k.field.Type == schema.Binary {
			text = &s
		}
	}
	code := int32(len(k.values))
	k.values = append(k.values, text)
	k.codes[value] = code
	return code, nil
}

// null returns the code of null.
func (k *partitionKey) null() (int32, error) {
	if !k.field.Nullable {
		return 0, &NotNullError{Column: k.field.Name}
	}
	if k.nullCode < 0 {
		k.nullCode = int32(len(k.values))
		k.values = append(k.values, nil)
	}
	return k.nullCode, nil
}
