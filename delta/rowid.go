package delta

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/schema"
)

// Rows that move to another file take their ids along in two columns there,
// which are no columns of the table: the table's properties name them. Null
// stands for what the file's action tells: its base id plus the position, and
// the version that added it (protocol: Row Tracking).

// rowIDFields returns these columns, nil for a table whose rows do not keep
// their ids.
func rowIDFields(m *Metadata) []schema.Field {
	id, version := m.Configuration[rowIDColumnKey], m.Configuration[rowVersionColumnKey]
	if !keepsRowIDs(m) || id == "" || version == "" {
		return nil
	}
	return []schema.Field{schema.Col(id, schema.Long), schema.Col(version, schema.Long)}
}

// movedRows are the options of a scan whose rows go to other files: after the
// table's columns come what [rowIDFields] are written from.
func movedRows(m *Metadata, opts ScanOptions) ScanOptions {
	if stored := rowIDFields(m); stored != nil {
		opts.RowID, opts.RowCommitVersion = stored[0].Name, stored[1].Name
	}
	return opts
}

// addRowIDs adds the columns of row ids and versions that the scan asks for.
func (p *scanPlan) addRowIDs(m *Metadata) {
	stored := rowIDFields(m)
	for i, name := range []string{p.opts.RowID, p.opts.RowCommitVersion} {
		if name == "" {
			continue
		}
		c := scanColumn{kind: rowIDColumn + columnKind(i), field: schema.Col(name, schema.Long), index: -1}
		if stored != nil {
			c.index = len(p.stored.Fields)
			p.stored.Fields = append(p.stored.Fields, stored[i])
		}
		p.columns = append(p.columns, c)
	}
}

// rowNumber returns what the ids of a file's rows count from, or their common
// version.
func rowNumber(f AddFile, kind columnKind) scalar {
	n := f.BaseRowID
	if kind == rowVersionColumn {
		n = f.DefaultRowCommitVersion
	}
	if n == nil {
		return scalar{null: true}
	}
	return scalar{i: *n}
}

// rowNumbers returns the ids or versions of the rows of a batch of a file.
func rowNumbers(c scanColumn, b datafile.Batch, base scalar) arrow.Array {
	rows := int(b.NumRows())
	var moved *array.Int64
	if c.index >= 0 {
		moved, _ = b.Column(c.index).(*array.Int64)
	}
	step := int64(1)
	if c.kind == rowVersionColumn {
		step = 0
	} else {
		base.i += b.FirstRow
	}
	out := array.NewInt64Builder(memory.DefaultAllocator)
	defer out.Release()
	out.Reserve(rows)
	for i := range rows {
		switch {
		case moved != nil && moved.IsValid(i):
			out.UnsafeAppend(moved.Value(i))
		case base.null:
			out.AppendNull()
		default:
			out.UnsafeAppend(base.i + step*int64(i))
		}
	}
	return out.NewArray()
}

// withRowIDs returns rows, which have the table's columns, with their ids
// behind; they get the version of the commit.
func withRowIDs(m *Metadata, rows arrow.RecordBatch, ids *array.Int64) arrow.RecordBatch {
	version := array.MakeArrayOfNull(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, ids.Len())
	defer version.Release()
	fields := rows.Schema().Fields()
	for _, f := range rowIDFields(m) {
		fields = append(fields, arrow.Field{Name: f.Name, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	}
	columns := append(append([]arrow.Array{}, rows.Columns()...), ids, version)
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rows.NumRows())
}
