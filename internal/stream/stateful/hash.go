package stateful

import (
	"context"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/stream/state"
	"github.com/freshet/freshet/schema"
)

// hashed adds to rows a column of the hash of their keys, the first columns.
func hashed(rows *ingest.Relation, keys int) *ingest.Relation {
	plain := schema.ToArrow(rows.Schema)
	out := *rows
	out.Schema = schema.New(append(slices.Clone(rows.Schema.Fields), schema.Field{Name: state.HashColumn, Type: schema.Long})...)
	layout := schema.ToArrow(out.Schema)
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return ingest.Map(conform.PlainRows(rows.Read(ctx), plain), func(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
			hashes := state.Hashes(rec.Columns()[:keys], int(rec.NumRows()))
			defer hashes.Release()
			return array.NewRecordBatch(layout, append(slices.Clone(rec.Columns()), hashes), rec.NumRows()), nil
		})
	}
	return &out
}
