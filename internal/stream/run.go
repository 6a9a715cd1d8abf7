package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// retained is how many finished batches a checkpoint remembers, at least.
const retained = 100

// Run runs the flow until its trigger ends it or ctx is done. Being cancelled
// is no error: the batch that was running is abandoned, and the next run
// begins with it. The error is that of the first batch that fails, or a
// [*checkpoint.ConcurrentRunError] when another run holds the flow.
func (f *Flow) Run(ctx context.Context) error {
	if f.Logger == nil {
		f.Logger = slog.New(slog.DiscardHandler)
	}
	if f.lease == nil {
		return stopped(ctx, f.Hold(ctx, f.Run))
	}
	r := &running{Flow: f, id: f.run, lease: f.lease}
	return stopped(ctx, r.run(ctx))
}

// stopped returns err unless it is but the consequence of being cancelled.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		return nil
	}
	return err
}

// running is one run of a flow.
type running struct {
	*Flow
	id    string
	lease *checkpoint.Lease

	// start is where the next batch begins, watermark its watermark, and late
	// that of the batch before it.
	start     []json.RawMessage
	next      int64
	watermark int64
	late      int64
	// before is when the batch before it began, zero for the first of the run.
	before time.Time

	again         bool // the batch at hand was planned by a run before
	toldUnwatched bool // that a source is watched in part, to the log
}

func (r *running) run(ctx context.Context) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	switch r.Trigger.Kind {
	case AvailableNow, Once:
		return r.runAvailable(ctx)
	case ProcessingTime:
	}
	return r.keepRunning(ctx)
}

// keepRunning runs a batch at each tick, as long as ctx is not done.
func (r *running) keepRunning(ctx context.Context) (err error) {
	stop, err := r.watch(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for {
		began := r.Clock()
		ran, err := r.tick(ctx)
		if err != nil {
			return err
		}
		if err := r.await(ctx, began, ran); err != nil {
			return err
		}
	}
}

// await waits for the next tick.
func (r *running) await(ctx context.Context, began time.Time, ran bool) error {
	every := r.Trigger.Interval
	if every == 0 && !ran {
		return r.idle(ctx)
	}
	// A clock that was put back does not make a tick longer.
	if rest := min(every-r.Clock().Sub(began), every); rest > 0 {
		return r.Sleep(ctx, rest)
	}
	return ctx.Err()
}

// resume finds out how far the flow has come, and runs a batch again that was
// planned and not finished.
func (r *running) resume(ctx context.Context) error {
	r.start = make([]json.RawMessage, len(r.Sources))
	p, err := r.Checkpoint.Progress(ctx)
	if err != nil {
		return err
	}
	if err := r.unwritten(ctx, p); err != nil || p.Planned == nil {
		return err
	}
	if len(p.Planned.Offsets) != len(r.Sources) {
		return errclass.New("STREAMING_STATEFUL_OPERATOR_MISMATCH_WITH_CHECKPOINT", "55000",
			"The checkpoint is of a flow with %d sources, and this one has %d. Give a changed flow a checkpoint of its own.", len(p.Planned.Offsets), len(r.Sources))
	}
	r.next, r.watermark = p.Planned.ID+1, p.Watermark
	if p.Done {
		r.start, r.late = p.Planned.Offsets, p.Planned.Watermark
		if err := r.settle(ctx, p.Planned.ID); err != nil {
			return err
		}
		// The sources may not have heard of it.
		return r.tell(ctx, Done{Batch: p.Planned.ID, Processed: p.Planned.Timestamp, Committed: p.Planned.Timestamp}, p.Planned.Offsets)
	}
	if p.Planned.ID > 0 {
		before, err := r.Checkpoint.Batch(ctx, p.Planned.ID-1)
		if err != nil {
			return err
		}
		r.start, r.late = before.Offsets, before.Watermark
	}
	r.next = p.Planned.ID
	r.Logger.Info("running an unfinished batch again", "flow", r.Name, "batch", r.next)
	r.again = true
	defer func() { r.again = false }()
	return r.batch(ctx, p.Planned.Offsets, newStopwatch(r.Clock))
}

// runAvailable runs what is there now.
func (r *running) runAvailable(ctx context.Context) error {
	if err := r.discover(ctx); err != nil {
		return err
	}
	for {
		watch := newStopwatch(r.Clock)
		ends, err := r.plan(ctx, watch, r.Trigger.Kind == Once)
		if err != nil || ends == nil {
			return err
		}
		if err := r.batch(ctx, ends, watch); err != nil {
			return err
		}
	}
}

func (r *running) discover(ctx context.Context) error {
	for _, s := range r.Sources {
		if err := s.Discover(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tick runs one batch, if there is something for it.
func (r *running) tick(ctx context.Context) (ran bool, err error) {
	watch := newStopwatch(r.Clock)
	if err := r.discover(ctx); err != nil {
		return false, err
	}
	watch.lap("latestOffset")
	ends, err := r.plan(ctx, watch, false)
	if err != nil || ends == nil {
		return false, err
	}
	return true, r.batch(ctx, ends, watch)
}

// plan chooses and records what the next batch reads; nil when nothing is new.
func (r *running) plan(ctx context.Context, watch *stopwatch, unlimited bool) ([]json.RawMessage, error) {
	if err := r.stopRequested(ctx); err != nil {
		return nil, err
	}
	ends, fresh := make([]json.RawMessage, len(r.Sources)), false
	for i, s := range r.Sources {
		end, err := s.Next(ctx, r.start[i], unlimited)
		if err != nil {
			return nil, err
		}
		if ends[i] = r.start[i]; end != nil {
			ends[i], fresh = end, true
		}
	}
	watch.lap("latestOffset")
	if !fresh && (r.Stateful == nil || r.next == 0 || !r.Stateful.Due(r.moment())) {
		return nil, nil
	}
	if err := r.lease.Check(ctx); err != nil {
		return nil, err
	}
	err := r.Checkpoint.Plan(ctx, checkpoint.Batch{ID: r.next, Offsets: ends, Timestamp: r.Clock(), Watermark: r.watermark})
	watch.lap("walCommit")
	return ends, err
}

// batch runs a batch that is planned.
func (r *running) batch(ctx context.Context, ends []json.RawMessage, watch *stopwatch) error {
	var input atomic.Int64
	rows, err := r.read(ctx, ends, watch, &input)
	if err != nil {
		return err
	}
	rows = r.settled(rows)
	watch.lap("queryPlanning")
	attempt := r.attempt()
	written, err := r.Sink.Write(ctx, Batch{Flow: r.Checkpoint.ID(), ID: r.next, attempt: attempt}, rows)
	if attempt.refused != nil {
		return r.withdraw(ctx, attempt.refused)
	}
	if err != nil {
		return err
	}
	watch.lap("addBatch")
	processed, at := r.Clock(), r.moment()
	watermark := r.moveWatermark()
	if err := r.Checkpoint.Finish(ctx, r.next, watermark); err != nil {
		return err
	}
	watch.lap("commitOffsets")
	if err := r.tell(ctx, Done{Batch: r.next, Processed: processed, Committed: r.Clock()}, ends); err != nil {
		return err
	}
	watch.lap("commitBatch")
	if err := r.settle(ctx, r.next); err != nil {
		return err
	}
	r.report(ends, watch, input.Load(), written, at)
	r.start, r.late, r.watermark = ends, r.watermark, watermark
	r.next++
	if r.next%retained == 0 {
		return r.Checkpoint.Purge(ctx, r.next-retained)
	}
	return nil
}

// moment is where the next batch is.
func (r *running) moment() Moment {
	return Moment{Batch: r.next, Watermark: r.watermark, Late: r.late}
}

// moveWatermark returns the watermark of the batch after this one: it never
// goes back (semantics §10.8).
func (r *running) moveWatermark() int64 {
	if r.Stateful == nil {
		return r.watermark
	}
	return max(r.watermark, r.Stateful.Seen().Watermark)
}

// settle tells what keeps state that a batch is done.
func (r *running) settle(ctx context.Context, batch int64) error {
	if r.Stateful == nil {
		return nil
	}
	return r.Stateful.Finish(ctx, batch)
}

// read returns the rows of a batch.
func (r *running) read(ctx context.Context, ends []json.RawMessage, watch *stopwatch, input *atomic.Int64) (*ingest.Relation, error) {
	relations := make([]*ingest.Relation, len(r.Sources))
	for i, s := range r.Sources {
		rel, err := s.Read(ctx, r.start[i], ends[i])
		if err != nil {
			return nil, err
		}
		relations[i] = counted(rel, input)
	}
	watch.lap("getBatch")
	if r.Stateful != nil {
		return r.Stateful.Apply(ctx, r.moment(), relations)
	}
	if r.Transform != nil {
		return r.Transform(ctx, relations)
	}
	if len(relations) != 1 {
		return nil, fmt.Errorf("flow %s: %d sources and nothing that makes one of them", r.Name, len(relations))
	}
	return relations[0], nil
}

// counted counts the rows of a relation as they are read.
func counted(rel *ingest.Relation, n *atomic.Int64) *ingest.Relation {
	out := *rel
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range rel.Read(ctx) {
				if err == nil {
					n.Add(rec.NumRows())
				}
				if !yield(rec, err) {
					return
				}
			}
		}
	}
	return &out
}

// settled returns rows at whose end the sources settle.
func (r *running) settled(rows *ingest.Relation) *ingest.Relation {
	out := *rows
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range rows.Read(ctx) {
				if !yield(rec, err) || err != nil {
					return
				}
			}
			for _, s := range r.Sources {
				source, ok := s.(Settler)
				if !ok {
					continue
				}
				if err := source.Settle(ctx); err != nil {
					yield(nil, err)
					return
				}
			}
		}
	}
	return &out
}

// tell tells the sources that a batch is done.
func (r *running) tell(ctx context.Context, done Done, ends []json.RawMessage) error {
	done.Held = r.held(done.Batch)
	for i, s := range r.Sources {
		done.End = ends[i]
		if err := s.Finish(ctx, done); err != nil {
			return err
		}
	}
	return nil
}

// held returns a look at whether the sink has a batch. The word of a sink that
// cannot look is that it has written it.
func (r *running) held(batch int64) func(context.Context) (bool, error) {
	sink, ok := r.Sink.(Holder)
	if !ok {
		return func(context.Context) (bool, error) { return true, nil }
	}
	return func(ctx context.Context) (bool, error) {
		return sink.Holds(ctx, Batch{Flow: r.Checkpoint.ID(), ID: batch})
	}
}

func (r *running) report(ends []json.RawMessage, watch *stopwatch, input int64, written Written, at Moment) {
	if r.Progress == nil {
		return
	}
	watch.steps["triggerExecution"] = watch.total().Milliseconds()
	arriving := func(rows int64) float64 {
		if r.before.IsZero() { // nobody knows since when they came
			return 0
		}
		return rate(rows, watch.started.Sub(r.before))
	}
	p := Progress{
		ID: r.Checkpoint.ID(), RunID: r.id, Name: r.Name, Timestamp: watch.started.UTC().Truncate(time.Millisecond), BatchID: r.next,
		BatchDuration: watch.total().Milliseconds(), DurationMs: watch.steps, NumInputRows: input,
		InputRowsPerSecond: arriving(input), ProcessedRowsPerSecond: rate(input, watch.total()), StateOperators: []StateOperatorProgress{},
		Sink: SinkProgress{Description: r.Sink.Description(), NumOutputRows: written.Rows, NumUpsertedRows: written.Upserted, NumDeletedRows: written.Deleted},
	}
	if r.Stateful != nil {
		p.StateOperators = append(p.StateOperators, r.Stateful.Progress()...)
		p.EventTime = r.Stateful.Seen().fields(at.Watermark)
	}
	for i, s := range r.Sources {
		sp := s.Progress()
		sp.StartOffset, sp.EndOffset = r.start[i], ends[i]
		sp.InputRowsPerSecond = arriving(sp.NumInputRows)
		sp.ProcessedRowsPerSecond = rate(sp.NumInputRows, watch.total())
		p.Sources = append(p.Sources, sp)
	}
	r.before = watch.started
	r.Progress(p)
}
