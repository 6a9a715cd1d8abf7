package stateful

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/schema"
)

// times are the event times of a stream's rows in one batch, in microseconds
// since 1970.
type times struct {
	Rows     int64
	Min, Max int64
	Mean     float64
}

func (t *times) note(at int64) {
	if t.Rows == 0 {
		t.Min, t.Max = at, at
	}
	t.Rows++
	t.Min, t.Max = min(t.Min, at), max(t.Max, at)
	t.Mean += (float64(at) - t.Mean) / float64(t.Rows)
}

// timed notes the event times of rows as they are read.
func timed(rows *ingest.Relation, m mark, to *times) (*ingest.Relation, error) {
	if m.column == "" {
		return rows, nil
	}
	at := rows.Schema.Index(m.column)
	if at < 0 {
		return nil, errclass.New("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", "The stream has no column %s for its WATERMARK.", schema.QuoteIdent(m.column))
	}
	if t := rows.Schema.Fields[at].Type; t != schema.Timestamp {
		return nil, errclass.New("EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE", "42K09",
			"The event time %s has the invalid type %s, but expected TIMESTAMP. Cast it in a streaming table of its own first.", m.column, strings.ToUpper(fmt.Sprint(t)))
	}
	out := *rows
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range rows.Read(ctx) {
				if err == nil {
					if col, ok := rec.Column(at).(*array.Timestamp); ok {
						for i := range col.Len() {
							if col.IsValid(i) {
								to.note(int64(col.Value(i)))
							}
						}
					}
				}
				if !yield(rec, err) {
					return
				}
			}
		}
	}
	return &out, nil
}

// floorMilli turns microseconds into milliseconds, downwards.
func floorMilli(micros int64) int64 {
	return time.UnixMicro(micros).UnixMilli()
}
