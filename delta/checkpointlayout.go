package delta

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// Types of checkpoint columns. Every field is nullable but a map's keys.
var (
	textType   = arrow.BinaryTypes.String
	numberType = arrow.PrimitiveTypes.Int64
	intType    = arrow.PrimitiveTypes.Int32
	boolType   = arrow.FixedWidthTypes.Boolean
	pairsType  = arrow.MapOf(textType, textType)
	listType   = arrow.ListOfField(arrow.Field{Name: "element", Type: textType, Nullable: true})

	vectorType = groupType(
		"storageType", textType, "pathOrInlineDv", textType, "offset", intType, "sizeInBytes", intType, "cardinality", numberType)
)

// groupType returns a struct of names and types in turn.
func groupType(namesAndTypes ...any) *arrow.StructType {
	var fields []arrow.Field
	for i := 0; i+1 < len(namesAndTypes); i += 2 {
		name, _ := namesAndTypes[i].(string)
		dt, _ := namesAndTypes[i+1].(arrow.DataType)
		fields = append(fields, arrow.Field{Name: name, Type: dt, Nullable: true})
	}
	return arrow.StructOf(fields...)
}

// checkpointLayout is what the columns of a table's checkpoints are. Two of
// them depend on its schema: statistics and partition values in their own
// types, which spare readers the parsing of texts.
type checkpointLayout struct {
	schema     *arrow.Schema
	statsText  bool
	stats      *typedValue // nil when they are not written
	partitions []typedValue
}

// typedValue is a column, or a struct of columns, whose values come as JSON
// or as text.
type typedValue struct {
	name   string
	typ    schema.Type // of a leaf
	fields []*typedValue
	number int // of the value, see newStatsFiller
}

// newCheckpointLayout returns the layout (protocol: Checkpoint Schema), its
// columns in the order in which Spark has them.
func newCheckpointLayout(m *Metadata, p Protocol) *checkpointLayout {
	l := &checkpointLayout{statsText: !isUnset(m, "delta.checkpoint.writeStatsAsJson")}
	add := []any{
		"path", textType, "partitionValues", pairsType, "size", numberType, "modificationTime", numberType, "dataChange", boolType,
		"tags", pairsType, "deletionVector", vectorType, "baseRowId", numberType, "defaultRowCommitVersion", numberType,
		"clusteringProvider", textType,
	}
	if l.statsText {
		add = append(add, "stats", textType)
	}
	if !isUnset(m, "delta.checkpoint.writeStatsAsStruct") {
		l.typed(m, p)
	}
	if len(l.partitions) > 0 {
		add = append(add, "partitionValues_parsed", structOf(l.partitions))
	}
	if l.stats != nil {
		add = append(add, parsedStats, l.stats.arrowType())
	}
	l.schema = arrow.NewSchema(groupType(
		"txn", groupType("appId", textType, "version", numberType, "lastUpdated", numberType),
		"add", groupType(add...),
		"remove", groupType(
			"path", textType, "deletionTimestamp", numberType, "dataChange", boolType, "extendedFileMetadata", boolType,
			"partitionValues", pairsType, "size", numberType, "deletionVector", vectorType, "baseRowId", numberType,
			"defaultRowCommitVersion", numberType),
		"metaData", groupType(
			"id", textType, "name", textType, "description", textType, "format", groupType("provider", textType, "options", pairsType),
			"schemaString", textType, "partitionColumns", listType, "configuration", pairsType, "createdTime", numberType),
		"protocol", groupType(
			"minReaderVersion", intType, "minWriterVersion", intType, "readerFeatures", listType, "writerFeatures", listType),
		"domainMetadata", groupType("domain", textType, "configuration", textType, "removed", boolType),
		"checkpointMetadata", groupType("version", numberType, "tags", pairsType),
		"sidecar", groupType("path", textType, "sizeInBytes", numberType, "modificationTime", numberType, "tags", pairsType),
	).Fields(), nil)
	return l
}

// only returns a layout with the named columns alone.
func (l *checkpointLayout) only(names ...string) *checkpointLayout {
	kept := *l
	fields := slices.DeleteFunc(slices.Clone(l.schema.Fields()), func(f arrow.Field) bool { return !slices.Contains(names, f.Name) })
	kept.schema = arrow.NewSchema(fields, nil)
	return &kept
}

func isUnset(m *Metadata, property string) bool {
	return strings.EqualFold(m.Configuration[property], "false")
}

// typed fills in the columns that depend on the table's own.
func (l *checkpointLayout) typed(m *Metadata, p Protocol) {
	mapped := mappingOf(m)
	var stored schema.Struct
	for _, f := range m.Schema.Fields {
		if slices.Contains(m.PartitionColumns, f.Name) {
			if partitionable(f.Type) {
				l.partitions = append(l.partitions, typedValue{name: mapped.physicalName(f), typ: f.Type})
			}
			continue
		}
		stored.Fields = append(stored.Fields, f)
	}
	low, high, nulls := &typedValue{name: "minValues"}, &typedValue{name: "maxValues"}, &typedValue{name: "nullCount"}
	for _, c := range statsColumns(m, &stored, mapped.physicalStruct(&stored)) {
		nulls.put(c.path, schema.Long)
		if bounded(c.typ) {
			low.put(c.path, c.typ)
			high.put(c.path, c.typ)
		}
	}
	l.stats = &typedValue{name: parsedStats, fields: []*typedValue{{name: "numRecords", typ: schema.Long}}}
	for _, part := range []*typedValue{low, high, nulls} {
		if len(part.fields) > 0 { // Parquet has no empty structs
			l.stats.fields = append(l.stats.fields, part)
		}
	}
	if p.hasFeature("deletionVectors") {
		l.stats.fields = append(l.stats.fields, &typedValue{name: "tightBounds", typ: schema.Boolean})
	}
}

// put adds a leaf.
func (v *typedValue) put(path []string, t schema.Type) {
	if len(path) == 1 {
		v.fields = append(v.fields, &typedValue{name: path[0], typ: t})
		return
	}
	for _, f := range v.fields {
		if f.name == path[0] {
			f.put(path[1:], t)
			return
		}
	}
	inner := &typedValue{name: path[0]}
	v.fields = append(v.fields, inner)
	inner.put(path[1:], t)
}

func (v *typedValue) arrowType() arrow.DataType {
	if v.typ != nil {
		return schema.ArrowType(v.typ)
	}
	fields := make([]arrow.Field, len(v.fields))
	for i, f := range v.fields {
		fields[i] = arrow.Field{Name: f.name, Type: f.arrowType(), Nullable: true}
	}
	return arrow.StructOf(fields...)
}

func structOf(values []typedValue) arrow.DataType {
	all := typedValue{fields: make([]*typedValue, len(values))}
	for i := range values {
		all.fields[i] = &values[i]
	}
	return all.arrowType()
}

// append appends what JSON was decoded to; what does not fit is null.
func (v *typedValue) append(b array.Builder, value any) {
	if v.typ != nil {
		appendScalar(b, statOf(v.typ, value))
		return
	}
	members, ok := value.(map[string]any)
	st, isStruct := b.(*array.StructBuilder)
	if !ok || !isStruct {
		b.AppendNull()
		return
	}
	st.Append(true)
	for i, f := range v.fields {
		f.append(st.FieldBuilder(i), members[f.name])
	}
}

// statOf returns a statistic of a column; nil when it is not known.
func statOf(t schema.Type, value any) *scalar {
	if flag, ok := value.(bool); ok && t == schema.Boolean {
		v := scalar{}
		if flag {
			v.i = 1
		}
		return &v
	}
	return bound(t, value)
}

func appendScalar(b array.Builder, v *scalar) {
	if v == nil || v.null || !appendPlain(b, v) {
		b.AppendNull()
	}
}
