package deltalog

import (
	"context"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/schema"
)

// feed reports whether the stream is of the table's change data feed.
func (s *Source) feed() bool { return s.opts.Bool("readChangeFeed") }

// withFeed returns columns followed by those of the feed.
func withFeed(columns *schema.Struct) *schema.Struct {
	return schema.New(append(slices.Clone(columns.Fields),
		schema.Field{Name: "_change_type", Type: schema.String, Nullable: true},
		schema.Field{Name: "_commit_version", Type: schema.Long, Nullable: true},
		schema.Field{Name: "_commit_timestamp", Type: schema.Timestamp, Nullable: true})...)
}

// feedStep yields a version as one step: its changes are read together.
func (s *Source) feedStep(c *delta.LogCommit, from offset, yield func(step, error) bool) bool {
	files := int64(len(c.Adds) + len(c.Removes))
	if files == 0 || c.Version < from.Version {
		return true
	}
	st := step{end: atVersion(from.Table, c.Version+1), files: files}
	for _, f := range c.Adds {
		st.size += f.Size
	}
	for _, f := range c.Removes {
		if f.Size != nil {
			st.size += *f.Size
		}
	}
	return yield(st, nil)
}

// changes yields the changes between two places. The rows of the first
// snapshot are inserts of its version.
func (s *Source) changes(ctx context.Context, start, end offset) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) {
		next := start
		if start.InSnapshot {
			for rec, err := range s.scan(ctx, s.snapshotFiles(ctx, start, end)) {
				if err == nil {
					rec = s.inserted(rec)
				}
				if !yield(rec, err) || err != nil {
					return
				}
			}
			next = atVersion(start.Table, start.Version+1)
		}
		if end.compare(next) <= 0 {
			return
		}
		opts := delta.ChangesOptions{From: next.Version, To: end.Version - 1, Columns: s.names, Parallelism: s.cfg.Parallelism}
		if opts.Columns == nil {
			opts.Columns = namesOf(s.snapshot.Schema())
		}
		for rec, err := range s.cfg.Table.Changes(ctx, opts) {
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

func namesOf(columns *schema.Struct) []string {
	names := make([]string, len(columns.Fields))
	for i, f := range columns.Fields {
		names[i] = f.Name
	}
	return names
}

// inserted returns rows of the first snapshot, which it takes over, with the
// columns of the feed.
func (s *Source) inserted(rec arrow.RecordBatch) arrow.RecordBatch {
	defer rec.Release()
	layout := schema.ToArrow(s.columns)
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(layout.Fields()[rec.NumCols():], nil))
	defer b.Release()
	at := arrow.Timestamp(s.initial.snapshot.Timestamp().UnixMicro())
	for _, column := range b.Fields() {
		for range rec.NumRows() {
			switch column := column.(type) {
			case *array.StringBuilder:
				column.Append("insert")
			case *array.Int64Builder:
				column.Append(s.initial.snapshot.Version())
			case *array.TimestampBuilder:
				column.Append(at)
			}
		}
	}
	told := b.NewRecordBatch()
	defer told.Release()
	return array.NewRecordBatch(layout, append(slices.Clone(rec.Columns()), told.Columns()...), rec.NumRows())
}
