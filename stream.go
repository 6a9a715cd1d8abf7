package freshet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/schema"
)

// Stream is a query over what keeps coming. It is a description: nothing runs
// before Start, and one stream may be started several times, with a checkpoint
// for each. Its methods return a new stream.
type Stream struct {
	ws    *Workspace
	query string
	edits []func(*sql.Query) error
}

// Stream returns the stream of a query with STREAM before a relation or more,
// as that of a streaming table: SELECT … FROM STREAM read_files(…), or FROM
// STREAM table. Aggregates, DISTINCT and joins with tables keep their state in
// the checkpoint.
func (w *Workspace) Stream(query string) *Stream { return &Stream{ws: w, query: query} }

func (s *Stream) with(edit func(*sql.Query) error) *Stream {
	out := *s
	out.edits = append(slices.Clip(s.edits), edit)
	return &out
}

// WithWatermark says how late rows may come: the watermark is the latest time
// seen in a column of the stream, less the delay. It is WATERMARK column DELAY
// OF in SQL, for every stream of the query that has none.
func (s *Stream) WithWatermark(column string, delay time.Duration) *Stream {
	return s.with(func(q *sql.Query) error {
		mark := &sql.Watermark{Column: &sql.Column{Parts: []string{column}}, Delay: interval(delay)}
		sql.Inspect(q, func(n sql.Node) bool {
			switch n := n.(type) {
			case *sql.Table:
				if n.Stream && n.Watermark == nil {
					n.Watermark = mark
				}
			case *sql.TableFunction:
				if n.Stream && n.Watermark == nil {
					n.Watermark = mark
				}
			}
			return true
		})
		return nil
	})
}

// interval is a duration as SQL has it.
func interval(d time.Duration) *sql.Interval {
	micros := &sql.Literal{Kind: sql.IntegerLiteral, Value: strconv.FormatInt(d.Microseconds(), 10)}
	return &sql.Interval{Fields: []*sql.IntervalField{{Value: micros, Unit: "MICROSECONDS"}}}
}

// DropDuplicates lets the first row through of those that have the same values
// in columns of the result, or in all columns when none are named. What was
// seen is remembered for ever, unless the column of the watermark is among
// them: then until the watermark has passed it. Rows that come later than the
// watermark are dropped. It is DISTINCT ON (columns) in SQL.
func (s *Stream) DropDuplicates(columns ...string) *Stream {
	return s.distinct(columns, false)
}

// DropDuplicatesWithinWatermark is as DropDuplicates, for rows whose times are
// less than the watermark's delay apart: what was seen is forgotten when the
// watermark has passed it by the delay. The stream must have a watermark. It is
// DISTINCT ON (columns) WITHIN WATERMARK in SQL.
func (s *Stream) DropDuplicatesWithinWatermark(columns ...string) *Stream {
	return s.distinct(columns, true)
}

func (s *Stream) distinct(columns []string, within bool) *Stream {
	return s.with(func(q *sql.Query) error {
		body, ok := q.Body.(*sql.Select)
		if !ok || body.Distinct || body.GroupBy != nil || within && len(columns) == 0 {
			return errclass.New("UNSUPPORTED_STREAMING_OPERATION", "0A000",
				"Duplicates are dropped, by columns that are named within a watermark, of one SELECT without DISTINCT and GROUP BY; write DISTINCT ON in the query, or load the rows into a table first.")
		}
		body.Distinct = true
		if len(columns) == 0 {
			return nil
		}
		body.DistinctOn = &sql.DistinctOn{WithinWatermark: within}
		for _, c := range columns {
			body.DistinctOn.Keys = append(body.DistinctOn.Keys, &sql.Column{Parts: []string{c}})
		}
		return nil
	})
}

// text returns the query with what the methods have added.
func (s *Stream) text() (string, error) {
	q, err := sql.ParseQuery(s.query)
	if err != nil {
		return "", err
	}
	if len(s.edits) == 0 {
		return s.query, nil // so that errors show the place in it
	}
	for _, edit := range s.edits {
		if err := edit(q); err != nil {
			return "", err
		}
	}
	return q.String(), nil
}

// OutputMode is what a batch's rows are to the sink.
type OutputMode int

// The output modes.
const (
	// Append brings rows that do not change any more. Aggregations have them
	// when a watermark closes their groups.
	Append OutputMode = iota
	// Update brings the rows of an aggregation that have changed, which replace
	// those of the same groups in a table.
	Update
	// Complete brings all rows of an aggregation, which replace all of a table.
	Complete
)

// Trigger says when batches run. The zero value runs the next one as soon as
// there is something for it.
type Trigger struct{ trigger stream.Trigger }

// ProcessingTime runs a batch at every interval, if there is something new.
func ProcessingTime(every time.Duration) Trigger {
	return Trigger{stream.Trigger{Interval: every}}
}

// AvailableNow runs what is there when the query starts, in batches within the
// sources' limits, and ends.
func AvailableNow() Trigger { return Trigger{stream.Trigger{Kind: stream.AvailableNow}} }

// Once runs what is there when the query starts in one batch, whatever the
// sources' limits, and ends.
func Once() Trigger { return Trigger{stream.Trigger{Kind: stream.Once}} }

// ParseTrigger reads a trigger as Spark's options name it: availableNow, once,
// or processingTime with a value such as "10 seconds". Continuous processing is
// refused, with the reason.
func ParseTrigger(name, value string) (Trigger, error) {
	t, err := stream.ParseTrigger(name, value)
	return Trigger{t}, err
}

// Sink is where a stream goes, and how. Checkpoint and one of Table and
// ForeachBatch are required.
type Sink struct {
	// Checkpoint is the directory in which the query remembers how far it has
	// come. A query that is started with it again goes on there; another
	// checkpoint makes it begin anew.
	Checkpoint string
	// Name is the query's in progress reports.
	Name    string
	Trigger Trigger
	Mode    OutputMode
	// Table is the table that batches are written to, each in one commit. It is
	// created when it is not there.
	Table string
	// MergeSchema lets the table gain columns that rows bring.
	MergeSchema bool
	// ForeachBatch is called with each batch and its number, one call after the
	// other. A call that fails ends the query. Started again, it is called with
	// the same batch, also when the process died before the batch was known to
	// be done: see [Batch.AppendTo] for how to write it once.
	ForeachBatch func(ctx context.Context, batch *Batch, id int64) error
}

// check says what is missing.
func (s *Sink) check() error {
	switch {
	case s.Checkpoint == "":
		return errors.New("start stream: Sink.Checkpoint is empty; name the directory in which the query remembers how far it has come")
	case (s.Table == "") == (s.ForeachBatch == nil):
		return errors.New("start stream: set one of Sink.Table and Sink.ForeachBatch")
	case s.Mode < Append || s.Mode > Complete:
		return fmt.Errorf("start stream: there is no output mode %d", s.Mode)
	}
	return nil
}

// flow returns the sink as the session runs it.
func (s *Sink) flow(query string, on *session.Session) dataset.StreamQuery {
	q := dataset.StreamQuery{
		Name: s.Name, Query: query, Checkpoint: s.Checkpoint, Trigger: s.Trigger.trigger, Table: s.Table,
		Mode: stateful.Mode(s.Mode), MergeSchema: s.MergeSchema,
	}
	if each := s.ForeachBatch; each != nil {
		q.Each = func(ctx context.Context, b stream.Batch, rows *ingest.Relation) error {
			return each(ctx, &Batch{session: on, batch: b, rows: rows}, b.ID)
		}
	}
	return q
}

// Batch is the rows of one batch of a streaming query, valid until the call
// with it returns, and for one goroutine.
type Batch struct {
	session *session.Session
	batch   stream.Batch
	rows    *ingest.Relation
}

// Schema returns the columns.
func (b *Batch) Schema() *arrow.Schema { return schema.ToArrow(b.rows.Schema) }

// Rows yields the rows. It may be called again, and then reads the sources
// again. An Arrow batch is valid for one turn of the loop; Retain it to keep it.
func (b *Batch) Rows(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
	return b.rows.Read(ctx)
}

// AppendTo appends the rows to a table of the workspace, in one commit that says
// which batch of which query it is: a batch that the table has is not written
// again, which is what Spark's options txnAppId and txnVersion are for. It
// reports whether the rows were written now. A query that was given a new
// checkpoint is another one.
func (b *Batch) AppendTo(ctx context.Context, table string) (written bool, err error) {
	if strings.TrimSpace(table) == "" {
		return false, errors.New("append batch: the table has no name")
	}
	return b.session.AppendBatch(ctx, table, b.batch, b.rows)
}
