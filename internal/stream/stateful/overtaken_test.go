//go:build duckdb_arrow

package stateful_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/stateful"
)

// TestOvertaken: a run that sleeps in a batch, whose rows are others when it
// wakes than those that its successor had, as when a table that the stream is
// joined to has changed, leaves the successor's state as it is, and brings the
// same as that did.
func TestOvertaken(t *testing.T) {
	for query, c := range map[string]struct{ first, second []string }{
		"SELECT k, count(*) AS c FROM STREAM s GROUP BY k":                           {[]string{"1|1", "2|1"}, []string{"1|2", "2|2"}},
		"SELECT DISTINCT k FROM STREAM s":                                            {[]string{"1", "2"}, nil},
		"SELECT DISTINCT ON (k) k, v FROM STREAM s":                                  {[]string{"1|0", "2|1"}, nil},
		"SELECT max(ts) AS m FROM STREAM s WATERMARK ts DELAY OF INTERVAL 0 SECONDS": {[]string{text(50)}, []string{text(50)}},
	} {
		t.Run(query, func(t *testing.T) {
			b, disk := newBench(t), mem.New(time.Now)
			apply := func(op *stateful.Operator, batch int64, rows *ingest.Relation) []string {
				out, err := op.Apply(t.Context(), stream.Moment{Batch: batch}, []*ingest.Relation{rows})
				if err != nil {
					t.Fatal(err)
				}
				got, err := result(t.Context(), out)
				out.Close()
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			keys := func(keys ...int64) *ingest.Relation {
				return streamOf(len(keys), func(i int) (int64, int64) { return keys[i], 50 })
			}
			sleeper, successor, next := b.operator(disk, query), b.operator(disk, query), b.operator(disk, query)
			woken := asleep(keys(7, 8, 9), func() {
				if got := apply(successor, 0, keys(1, 2)); !slices.Equal(got, c.first) {
					t.Errorf("the successor brings %q, want %q", got, c.first)
				}
			})
			if got := apply(sleeper, 0, woken); !slices.Equal(got, c.first) {
				t.Errorf("the sleeper brings %q, want %q", got, c.first)
			}
			if got := sleeper.Progress()[0].NumRowsTotal; got != successor.Progress()[0].NumRowsTotal {
				t.Errorf("the sleeper says that %d rows are kept", got)
			}
			if got := apply(next, 1, keys(1, 2)); !slices.Equal(got, c.second) {
				t.Errorf("the batch after it brings %q, want %q", got, c.second)
			}
		})
	}
}

// asleep returns rows before which something else happens, once.
func asleep(rows *ingest.Relation, meanwhile func()) *ingest.Relation {
	out := *rows
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		meanwhile()
		return rows.Read(ctx)
	}
	return &out
}
