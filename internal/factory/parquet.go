package factory

import (
	"context"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// batchRows is how many rows are handed to the Parquet writer at once.
const batchRows = 16 << 10

// schema returns the file's columns. Under [newTypes] defects is a BIGINT
// instead of an INT.
func (q *inspections) schema() *arrow.Schema {
	defectsType := arrow.PrimitiveTypes.Int32
	if q.file.drift >= newTypes {
		defectsType = arrow.PrimitiveTypes.Int64
	}
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int64, &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
		arrow.BinaryTypes.String, arrow.BinaryTypes.String, arrow.BinaryTypes.String,
		arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Float64, arrow.PrimitiveTypes.Float64,
		arrow.FixedWidthTypes.Boolean, defectsType, arrow.BinaryTypes.String, arrow.FixedWidthTypes.Boolean,
	}
	names := q.columns()
	fields := make([]arrow.Field, len(names))
	for i, name := range names {
		fields[i] = arrow.Field{Name: name, Type: types[i], Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

func encodeParquet(ctx context.Context, w io.Writer, f file, q *inspections, fates *dealer, made *File) error {
	made.Columns = q.columns()
	var written counter
	out, err := pqarrow.NewFileWriter(q.schema(), io.MultiWriter(w, &written),
		parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Snappy)), pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("start parquet: %w", err)
	}
	rows := array.NewRecordBuilder(memory.DefaultAllocator, q.schema())
	defer rows.Release()
	var last *inspection
	for i := range f.rows {
		fault, again := fates.next(last != nil)
		if again {
			q.appendTo(rows, *last, "")
		} else {
			v := q.next(f.start+i*f.step/1000, fault)
			q.appendTo(rows, v, fault)
			if fault == "" {
				last = &v
			}
		}
		made.count(fault, again)
		if (i+1)%batchRows != 0 && i < f.rows-1 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := flush(out, rows); err != nil {
			return err
		}
	}
	made.Numbers = q.sums.totals()
	if err := out.Close(); err != nil {
		return fmt.Errorf("end parquet: %w", err)
	}
	made.Bytes = int64(written)
	return nil
}

func flush(out *pqarrow.FileWriter, rows *array.RecordBuilder) error {
	batch := rows.NewRecordBatch()
	defer batch.Release()
	if err := out.WriteBuffered(batch); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// appendTo appends v to the builders of [inspections.schema] and counts it.
func (q *inspections) appendTo(rows *array.RecordBuilder, v inspection, fault Fault) {
	q.sums.set(measured, decimal(v.measured, 4))
	q.sums.set(defects, decimal(v.defects, 0))
	q.sums.close(true)
	if fault == MissingKey {
		rows.Field(0).AppendNull()
	} else {
		appendTo[*array.Int64Builder](rows, 0, v.id)
	}
	appendTo[*array.TimestampBuilder](rows, 1, arrow.Timestamp(v.at))
	appendTo[*array.StringBuilder](rows, 2, v.product)
	appendTo[*array.StringBuilder](rows, 3, v.line)
	appendTo[*array.StringBuilder](rows, 4, v.metric)
	appendTo[*array.Float64Builder](rows, 5, millimetres(v.measured))
	appendTo[*array.Float64Builder](rows, 6, millimetres(v.lower))
	appendTo[*array.Float64Builder](rows, 7, millimetres(v.upper))
	appendTo[*array.BooleanBuilder](rows, 8, v.passed())
	if q.file.drift >= newTypes {
		appendTo[*array.Int64Builder](rows, 9, v.defects)
	} else {
		appendTo[*array.Int32Builder](rows, 9, int32(v.defects))
	}
	if q.file.drift >= newColumns {
		appendTo[*array.StringBuilder](rows, 10, v.inspector)
		appendTo[*array.BooleanBuilder](rows, 11, v.rework)
	}
}

// appendTo appends a value to column i, whose builder is of type B.
func appendTo[B interface{ Append(T) }, T any](rows *array.RecordBuilder, i int, v T) {
	if b, ok := rows.Field(i).(B); ok {
		b.Append(v)
	}
}

func millimetres(tenThousandths int64) float64 { return float64(tenThousandths) / 1e4 }
