package column

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// Batch is the builders of the columns of a record batch, in order.
type Batch struct {
	names    []string
	builders []Builder
}

// NewBatch returns a batch with a builder for each field of s. STRING columns
// are dictionary-encoded while that pays; see [NewString].
func NewBatch(s *schema.Struct) *Batch {
	b := &Batch{names: s.Names(), builders: make([]Builder, len(s.Fields))}
	for i, f := range s.Fields {
		if f.Type == schema.String {
			b.builders[i] = NewString(true)
		} else {
			b.builders[i] = New(f.Type)
		}
	}
	return b
}

// Columns returns the builders.
func (b *Batch) Columns() []Builder { return b.builders }

// Resize makes every column n values long.
func (b *Batch) Resize(n int) {
	for _, c := range b.builders {
		c.Resize(n)
	}
}

// Finish returns the first rows rows as a record batch, which the caller owns, and
// empties the builders. Columns that are shorter end with nulls.
func (b *Batch) Finish(rows int) arrow.RecordBatch {
	columns := make([]arrow.Array, len(b.builders))
	fields := make([]arrow.Field, len(b.builders))
	for i, c := range b.builders {
		c.Resize(rows)
		columns[i] = c.Finish()
		fields[i] = arrow.Field{Name: b.names[i], Type: columns[i].DataType(), Nullable: true}
	}
	record := array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, int64(rows))
	for _, c := range columns {
		c.Release()
	}
	return record
}
