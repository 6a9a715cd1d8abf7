package delta

import (
	"maps"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// groupBuilder builds one struct column of a checkpoint. Each method appends
// a row; the order of its calls is the order of the columns in
// [checkpointLayout].
type groupBuilder struct {
	*array.StructBuilder
	field int // the next one to append to
}

func newGroupBuilder(dt arrow.DataType) *groupBuilder {
	st, _ := dt.(*arrow.StructType)
	return &groupBuilder{StructBuilder: array.NewStructBuilder(memory.DefaultAllocator, st)}
}

// finish returns the column so far and starts anew.
func (g *groupBuilder) finish() arrow.Array { return g.NewArray() }

func (g *groupBuilder) row() {
	g.Append(true)
	g.field = 0
}

func (g *groupBuilder) next() array.Builder {
	b := g.FieldBuilder(g.field)
	g.field++
	return b
}

func (g *groupBuilder) text(s string) {
	if b, ok := g.next().(*array.StringBuilder); ok {
		b.Append(s)
	}
}

func (g *groupBuilder) textOrNull(s *string) {
	if s == nil {
		g.next().AppendNull()
		return
	}
	g.text(*s)
}

func (g *groupBuilder) number(n int64) {
	switch b := g.next().(type) {
	case *array.Int64Builder:
		b.Append(n)
	case *array.Int32Builder:
		b.Append(int32(n))
	}
}

func (g *groupBuilder) numberOrNull(n *int64) {
	if n == nil {
		g.next().AppendNull()
		return
	}
	g.number(*n)
}

func (g *groupBuilder) flag(v bool) {
	if b, ok := g.next().(*array.BooleanBuilder); ok {
		b.Append(v)
	}
}

// pairs appends a map with its nulls, sorted by key; a nil map is null.
func (g *groupBuilder) pairs(m map[string]*string) {
	builder := g.next()
	if m == nil {
		builder.AppendNull()
		return
	}
	b, ok := builder.(*array.MapBuilder)
	if !ok {
		return
	}
	b.Append(true)
	keys, _ := b.KeyBuilder().(*array.StringBuilder)
	values, _ := b.ItemBuilder().(*array.StringBuilder)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		keys.Append(key)
		if value := m[key]; value != nil {
			values.Append(*value)
		} else {
			values.AppendNull()
		}
	}
}

// textPairs appends a map of texts; a nil map is null.
func (g *groupBuilder) textPairs(m map[string]string) {
	if m == nil {
		g.pairs(nil)
		return
	}
	pointers := make(map[string]*string, len(m))
	for key, value := range m {
		pointers[key] = &value
	}
	g.pairs(pointers)
}

// list appends a list; a nil one is null, which differs from empty.
func (g *groupBuilder) list(texts []string) {
	builder := g.next()
	if texts == nil {
		builder.AppendNull()
		return
	}
	if b, ok := builder.(*array.ListBuilder); ok {
		b.Append(true)
		if values, ok := b.ValueBuilder().(*array.StringBuilder); ok {
			values.AppendValues(texts, nil)
		}
	}
}

// vector appends a deletion vector; nil is null.
func (g *groupBuilder) vector(dv *DeletionVector) {
	builder := g.next()
	if dv == nil {
		builder.AppendNull()
		return
	}
	b, ok := builder.(*array.StructBuilder)
	if !ok {
		return
	}
	sub := groupBuilder{StructBuilder: b}
	sub.row()
	sub.text(dv.StorageType)
	sub.text(dv.PathOrInlineDV)
	if dv.Offset == nil {
		sub.numberOrNull(nil)
	} else {
		sub.number(int64(*dv.Offset))
	}
	sub.number(int64(dv.SizeInBytes))
	sub.number(dv.Cardinality)
}

func (g *groupBuilder) txn(t *SetTransaction) {
	g.row()
	g.text(t.AppID)
	g.number(t.Version)
	g.numberOrNull(t.LastUpdated)
}

// add appends a live file. Checkpoints say of no file that it changed data:
// that belongs to the commit which did.
func (g *groupBuilder) add(f *AddFile, l *checkpointLayout, stats *statsFiller) {
	g.row()
	g.text(f.Path)
	g.pairs(f.PartitionValues)
	g.number(f.Size)
	g.number(f.ModificationTime)
	g.flag(false)
	g.textPairs(f.Tags)
	g.vector(f.DeletionVector)
	g.numberOrNull(f.BaseRowID)
	g.numberOrNull(f.DefaultRowCommitVersion)
	g.textOrNull(optional(f.ClusteringProvider))
	if l.statsText {
		g.textOrNull(optional(f.Stats))
	}
	if len(l.partitions) > 0 {
		g.partitions(f.PartitionValues, l.partitions)
	}
	if l.stats != nil {
		stats.append(g.next(), f.Stats)
	}
}

// partitions appends partition values in their types. One that cannot be read
// is null here, and stays in the text.
func (g *groupBuilder) partitions(values map[string]*string, columns []typedValue) {
	st, ok := g.next().(*array.StructBuilder)
	if !ok {
		return
	}
	st.Append(true)
	for i, c := range columns {
		v, err := parsePartition(c.name, c.typ, values[c.name])
		if err != nil {
			v.null = true
		}
		appendScalar(st.FieldBuilder(i), &v)
	}
}

func (g *groupBuilder) remove(f *RemoveFile) {
	g.row()
	g.text(f.Path)
	g.number(f.DeletionTimestamp)
	g.flag(false)
	g.flag(f.ExtendedFileMetadata)
	g.pairs(f.PartitionValues)
	g.numberOrNull(f.Size)
	g.vector(f.DeletionVector)
	g.numberOrNull(f.BaseRowID)
	g.numberOrNull(f.DefaultRowCommitVersion)
}

func (g *groupBuilder) metaData(m *metadataJSON) {
	w := *m
	w.fillEmpty()
	g.row()
	g.text(w.ID)
	g.textOrNull(w.Name)
	g.textOrNull(w.Description)
	if b, ok := g.next().(*array.StructBuilder); ok {
		sub := groupBuilder{StructBuilder: b}
		sub.row()
		sub.text(w.Format.Provider)
		sub.textPairs(w.Format.Options)
	}
	g.text(w.SchemaString)
	g.list(w.PartitionColumns)
	g.textPairs(w.Configuration)
	g.numberOrNull(w.CreatedTime)
}

func (g *groupBuilder) protocol(p *Protocol) {
	g.row()
	g.number(int64(p.MinReader))
	g.number(int64(p.MinWriter))
	g.list(featureList(p.ReaderFeatures, p.MinReader >= featuresReader))
	g.list(featureList(p.WriterFeatures, p.MinWriter >= featuresWriter))
}

// featureList returns a list exactly for the protocol versions that have one.
func featureList(names []string, listed bool) []string {
	switch {
	case !listed:
		return nil
	case names == nil:
		return []string{}
	}
	return names
}

func (g *groupBuilder) domain(d *DomainMetadata) {
	g.row()
	g.text(d.Domain)
	g.text(d.Configuration)
	g.flag(d.Removed)
}
