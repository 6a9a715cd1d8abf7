package stateful

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/state"
	"github.com/freshet/freshet/schema"
)

// Config says what an operator works with. All fields but Check are required.
type Config struct {
	Plan       *Plan
	Checkpoint object.Store // of the flow
	Engine     engine.Engine
	// Query runs a query of Databricks SQL, whose streams are those given.
	Query func(ctx context.Context, text string, streams []*ingest.Relation) (*ingest.Relation, error)
	// Input makes rows an input of the engine.
	Input func(name string, rows *ingest.Relation) engine.Input
	// Check, when set, stands between the rows and the table.
	Check    func(*ingest.Relation) (*ingest.Relation, error)
	TimeZone *time.Location
	Clock    func() time.Time
	NewID    func() string
}

// Operator runs a [Plan]. It is used by one goroutine at a time.
type Operator struct {
	cfg     Config
	shape   shape
	columns *schema.Struct // of keys and parts
	store   *state.Store   // nil until the first batch
	output  *schema.Struct
	final   string // the query for the result

	marks []int64 // watermarks of the streams, in ms; nil before the first batch
	seen  stream.EventTime
	last  batchInfo
	took  time.Duration // writing the state of the last batch
}

var _ stream.Stateful = (*Operator)(nil)

// batchInfo is what the state keeps of a batch besides rows, so that one that
// runs again need not read its input.
type batchInfo struct {
	Times   []times `json:"times"` // of the streams
	Late    int64   `json:"late"`
	Updated int64   `json:"updated"`
	Removed int64   `json:"removed"`
	Total   int64   `json:"total"`
}

// The state is kept for so many batches back, and what is older looked for
// every so many.
const (
	versionsKept = 10
	purgeEvery   = 10
)

// Open makes an operator ready; what it keeps is read with the first batch.
func Open(cfg Config) *Operator { return &Operator{cfg: cfg} }

// Schema returns the columns of the result, given those of the streams.
func (o *Operator) Schema(ctx context.Context, streams []*ingest.Relation) (*schema.Struct, error) {
	rows, err := o.cfg.Query(ctx, o.cfg.Plan.Batch(), streams)
	if err != nil {
		return nil, err
	}
	rows.Close()
	return rows.Schema, nil
}

// Apply implements [stream.Stateful].
func (o *Operator) Apply(ctx context.Context, at stream.Moment, rows []*ingest.Relation) (*ingest.Relation, error) {
	if err := o.open(ctx, at, rows); err != nil {
		return nil, err
	}
	var info batchInfo
	done, err := o.store.Info(ctx, at.Batch, &info)
	if err != nil {
		return nil, err
	}
	if done {
		for _, r := range rows {
			r.Close()
		}
	} else {
		if err := o.run(ctx, at, rows); err != nil {
			return nil, err
		}
		// What is kept is what another run has made of the batch, if one was first.
		if _, err := o.store.Info(ctx, at.Batch, &info); err != nil {
			return nil, err
		}
	}
	o.last = info
	o.note(at)
	return o.result(ctx, at.Batch)
}

// open opens the state, whose columns come from those of the streams.
func (o *Operator) open(ctx context.Context, at stream.Moment, rows []*ingest.Relation) error {
	if o.store != nil {
		return nil
	}
	p := o.cfg.Plan
	none := func() []*ingest.Relation {
		list := make([]*ingest.Relation, len(rows))
		for i, r := range rows {
			list[i] = empty(r.Schema)
		}
		return list
	}
	if text := p.argumentTypes(); text != "" {
		columns, err := o.schemaOf(ctx, text, none())
		if err != nil {
			return err
		}
		types := make([]schema.Type, len(columns.Fields))
		for i, f := range columns.Fields {
			types[i] = f.Type
		}
		p.resolve(types)
	}
	columns, err := o.schemaOf(ctx, p.kept(), none())
	if err != nil {
		return err
	}
	o.shapeOf(columns)
	if o.output, err = o.schemaOf(ctx, p.Batch(), none()); err != nil {
		return err
	}
	if !p.distinct && p.duplicates == nil {
		if o.final, err = p.result(); err != nil {
			return err
		}
	}
	flags := []schema.Field{{Name: goneColumn, Type: schema.Boolean}, {Name: newColumn, Type: schema.Boolean}, {Name: firstColumn, Type: schema.Boolean}}
	kept := schema.New(append(append([]schema.Field{}, o.columns.Fields...), flags...)...)
	o.store, err = state.Open(ctx, state.Config{
		Checkpoint: o.cfg.Checkpoint, Columns: kept, Keys: o.shape.keys, Query: p.kept(), Fresh: at.Batch == 0, NewID: o.cfg.NewID,
	})
	o.marks = make([]int64, len(p.marks))
	for i := range o.marks {
		o.marks[i] = at.Watermark
	}
	return err
}

func (o *Operator) schemaOf(ctx context.Context, text string, streams []*ingest.Relation) (*schema.Struct, error) {
	rows, err := o.cfg.Query(ctx, text, streams)
	if err != nil {
		return nil, err
	}
	rows.Close()
	return rows.Schema, nil
}

// shapeOf works out what the columns of a state are, of those that the query
// for its rows has.
func (o *Operator) shapeOf(columns *schema.Struct) {
	p := o.cfg.Plan
	s := shape{keys: len(p.groups), parts: len(p.parts), distinct: p.distinct}
	for _, part := range p.parts {
		s.merges = append(s.merges, part.merge)
	}
	for i, g := range p.groups {
		if g.timed && g.window != nil {
			s.ends = numbered("$t.k", i) + `."end"`
		} else if g.timed {
			s.ends = numbered("$t.k", i)
		}
	}
	if p.distinct {
		s.keys = len(columns.Fields)
		for i, f := range columns.Fields {
			for _, m := range p.marks {
				if strings.EqualFold(f.Name, m.column) && f.Type == schema.Timestamp {
					s.ends = numbered("$t.k", i)
				}
			}
		}
	}
	if p.duplicates != nil {
		s = p.duplicates.shape(p)
	}
	s.endless = p.endless
	o.shape = s
	o.columns = schema.New()
	for i, name := range s.list("") {
		o.columns.Fields = append(o.columns.Fields, schema.Field{Name: name, Type: columns.Fields[i].Type, Nullable: true})
	}
}

func empty(columns *schema.Struct) *ingest.Relation {
	return &ingest.Relation{Schema: columns, Read: func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(func(arrow.RecordBatch, error) bool) {}
	}}
}

// run merges a batch's rows with the state, and keeps what it changes.
func (o *Operator) run(ctx context.Context, at stream.Moment, rows []*ingest.Relation) error {
	p := o.cfg.Plan
	o.last = batchInfo{Times: make([]times, len(rows))}
	noted := make([]*ingest.Relation, len(rows))
	for i, r := range rows {
		var err error
		if noted[i], err = timed(r, p.marks[i], &o.last.Times[i]); err != nil {
			return err
		}
	}
	parts, err := o.cfg.Query(ctx, p.partsOfRows(), noted)
	if err != nil {
		return err
	}
	scratch, err := o.cfg.Engine.Scratch(ctx)
	if err != nil {
		parts.Close()
		return err
	}
	defer scratch.Close()
	names := o.shape.list("")
	if p.duplicates != nil {
		names = p.duplicates.inputNames(o.shape, parts.Schema)
	}
	fresh, err := scratch.Create(ctx, incoming, o.shape.takeIncoming(at.Late), []engine.Input{o.cfg.Input(input, hashed(parts.Rename(names), o.shape.keys))})
	if err != nil {
		return err
	}
	if o.last.Late, err = o.count(ctx, scratch, fresh, at); err != nil {
		return err
	}
	if err := o.find(ctx, at, scratch); err != nil {
		return err
	}
	brings := ""
	if p.duplicates != nil {
		selected := schema.New(parts.Schema.Fields[slices.Index(append(names, "r0"), "r0"):]...)
		if brings, err = o.keepRows(ctx, at, scratch, selected); err != nil {
			return err
		}
	}
	return o.keep(ctx, at, scratch, brings)
}

// find looks up the groups that the batch touches or ends, and no others.
func (o *Operator) find(ctx context.Context, at stream.Moment, scratch engine.Scratch) error {
	view, err := o.store.At(ctx, at.Batch-1)
	if err != nil {
		return err
	}
	want, err := o.wanted(ctx, scratch)
	if err != nil {
		return err
	}
	if o.over(at) > math.MinInt64 {
		want.AddEnded(view.Over(), o.over(at))
	}
	rows := o.keptInput(func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return o.forgotten(view.Find(ctx, want))
	})
	_, err = scratch.Create(ctx, kept, o.shape.takeKept(at.Watermark), []engine.Input{rows})
	return err
}

// over returns up to when groups are gone after a batch, in microseconds since
// 1970.
func (o *Operator) over(at stream.Moment) int64 {
	if o.shape.ends == "" || o.shape.endless {
		return math.MinInt64
	}
	return micros(at.Watermark)
}

// wanted returns the keys of the batch's rows.
func (o *Operator) wanted(ctx context.Context, scratch engine.Scratch) (*state.Wanted, error) {
	r, err := scratch.Query(ctx, o.shape.wanted(), nil)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	want := &state.Wanted{}
	for r.Next() {
		leads, ok1 := r.RecordBatch().Column(0).(*array.Int64)
		hashes, ok2 := r.RecordBatch().Column(1).(*array.Int64)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("keys of a batch are %s", r.Schema())
		}
		for i := range leads.Len() {
			want.Add(state.Key{Lead: leads.Value(i), Hash: hashes.Value(i)})
		}
	}
	return want, r.Err()
}

// forgotten counts the timers among rows of the state: keys that are forgotten.
func (o *Operator) forgotten(rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	if !o.shape.timers {
		return rows
	}
	at := o.store.Columns().Index(state.LeadColumn)
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range rows {
			if err == nil {
				if leads, ok := rec.Column(at).(*array.Int64); ok {
					for _, lead := range leads.Int64Values() {
						if lead != state.First {
							o.last.Removed++
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

// count returns how many of the rows that came are late.
func (o *Operator) count(ctx context.Context, scratch engine.Scratch, fresh int64, at stream.Moment) (int64, error) {
	if fresh == 0 || !o.shape.dated() || at.Late == 0 {
		return 0, nil
	}
	r, err := scratch.Query(ctx, o.shape.countLate(), nil)
	if err != nil {
		return 0, err
	}
	defer r.Release()
	if !r.Next() {
		return 0, r.Err()
	}
	n, ok := r.RecordBatch().Column(0).(*array.Int64)
	if !ok {
		return 0, fmt.Errorf("count of late rows is %s", r.RecordBatch().Column(0).DataType())
	}
	return n.Value(0), nil
}

// keep writes what a batch changes, and in which file of the state the rows are
// that it brings.
func (o *Operator) keep(ctx context.Context, at stream.Moment, scratch engine.Scratch, brings string) error {
	before := batchInfo{}
	if at.Batch > 0 {
		if _, err := o.store.Info(ctx, at.Batch-1, &before); err != nil {
			return err
		}
	}
	r, err := scratch.Query(ctx, o.shape.changes(at.Watermark), nil)
	if err != nil {
		return err
	}
	changed, err := o.conform(r, o.store.Columns())
	if err != nil {
		return err
	}
	defer changed.Close() // unread when the store fails first
	began := o.cfg.Clock()
	o.last.Total = before.Total - o.last.Removed
	err = o.store.Write(ctx, state.Change{
		Version: at.Batch, Over: o.over(at), Rows: o.counted(changed.Read(ctx)), Brings: brings,
		Info: func() (json.RawMessage, error) { return json.Marshal(o.last) },
	})
	o.took = o.cfg.Clock().Sub(began)
	return err
}

// counted counts the rows of a delta as they are written.
func (o *Operator) counted(rows iter.Seq2[arrow.RecordBatch, error]) iter.Seq2[arrow.RecordBatch, error] {
	n := len(o.columns.Fields)
	return func(yield func(arrow.RecordBatch, error) bool) {
		for rec, err := range rows {
			if err == nil {
				gone, ok1 := rec.Column(n).(*array.Boolean)
				fresh, ok2 := rec.Column(n + 1).(*array.Boolean)
				first, ok3 := rec.Column(n + 2).(*array.Boolean)
				for i := 0; i < int(rec.NumRows()) && ok1 && ok2 && ok3; i++ {
					if fresh.Value(i) && !o.shape.distinct || first.Value(i) {
						o.last.Updated++
					}
					if first.Value(i) {
						o.last.Total++
					}
					if gone.Value(i) {
						o.last.Removed++
						o.last.Total--
					}
				}
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// conform makes a result of the engine rows of the given columns.
func (o *Operator) conform(r array.RecordReader, columns *schema.Struct) (*ingest.Relation, error) {
	rows, err := ingest.Results(r)
	if err != nil {
		return nil, err
	}
	out, err := rows.Conform(columns, o.cfg.TimeZone)
	if err != nil {
		rows.Close()
	}
	return out, err
}

// keptInput is rows of the state as an input of the engine.
func (o *Operator) keptInput(read func(context.Context) iter.Seq2[arrow.RecordBatch, error]) engine.Input {
	return o.cfg.Input(input, &ingest.Relation{Schema: o.store.Columns(), Read: read})
}

// note works out the watermark of the next batch: of several streams that of
// the slowest.
func (o *Operator) note(at stream.Moment) {
	o.seen = stream.EventTime{Watermark: at.Watermark}
	lowest, marked := int64(0), false
	all := times{}
	for i, m := range o.cfg.Plan.marks {
		if m.column == "" || i >= len(o.last.Times) {
			continue
		}
		if t := o.last.Times[i]; t.Rows > 0 {
			o.marks[i] = max(o.marks[i], floorMilli(t.Max)-m.delay.Milliseconds())
			if all.Rows == 0 {
				all.Min, all.Max = t.Min, t.Max
			}
			all.Min, all.Max = min(all.Min, t.Min), max(all.Max, t.Max)
			all.Rows += t.Rows
			all.Mean += (t.Mean - all.Mean) * float64(t.Rows) / float64(all.Rows)
		}
		if !marked || o.marks[i] < lowest {
			lowest, marked = o.marks[i], true
		}
	}
	if marked {
		o.seen.Watermark = max(o.seen.Watermark, lowest)
	}
	if o.seen.Rows = all.Rows; all.Rows > 0 {
		o.seen.Min, o.seen.Max, o.seen.Avg = time.UnixMicro(all.Min), time.UnixMicro(all.Max), time.UnixMicro(int64(all.Mean))
	}
}

// Seen implements [stream.Stateful].
func (o *Operator) Seen() stream.EventTime { return o.seen }

// Due implements [stream.Stateful]: windows close when the watermark moves.
func (o *Operator) Due(at stream.Moment) bool {
	return at.Watermark > at.Late && o.cfg.Plan.ends()
}

// Progress implements [stream.Stateful].
func (o *Operator) Progress() []stream.StateOperatorProgress {
	name := "stateStoreSave"
	switch p := o.cfg.Plan; {
	case p.distinct:
		name = "dedupe"
	case p.duplicates != nil:
		name = p.duplicates.name()
	}
	return []stream.StateOperatorProgress{{
		OperatorName: name, NumRowsTotal: o.last.Total, NumRowsUpdated: o.last.Updated, NumRowsRemoved: o.last.Removed,
		NumRowsDroppedByWatermark: o.last.Late, CommitTimeMs: o.took.Milliseconds(), NumStateStoreInstances: 1,
	}}
}

// Finish implements [stream.Stateful]: files of state that are many become
// fewer, and what no batch needs any more is deleted.
func (o *Operator) Finish(ctx context.Context, batch int64) error {
	if o.store == nil {
		return nil
	}
	if o.cfg.Plan.duplicates != nil {
		if err := o.store.DropRows(ctx, batch); err != nil {
			return err
		}
	}
	if err := o.store.Merge(ctx, batch); err != nil || batch%purgeEvery != 0 || batch <= versionsKept {
		return err
	}
	return o.store.Purge(ctx, batch-versionsKept)
}

// result returns what a batch brings to the table, of what it has kept. It may
// be read more than once.
func (o *Operator) result(ctx context.Context, batch int64) (*ingest.Relation, error) {
	first, err := o.resultOnce(ctx, batch)
	if err != nil {
		return nil, err
	}
	out := &ingest.Relation{Schema: first.Schema, Release: func() {
		if first != nil {
			first.Close()
			first = nil
		}
	}}
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			rows := first
			if first = nil; rows == nil {
				var err error
				if rows, err = o.resultOnce(ctx, batch); err != nil {
					yield(nil, err)
					return
				}
			}
			rows.Read(ctx)(yield)
		}
	}
	if o.cfg.Check != nil {
		return o.cfg.Check(out)
	}
	return out, nil
}

// resultOnce plans the result of a batch.
func (o *Operator) resultOnce(ctx context.Context, batch int64) (*ingest.Relation, error) {
	if o.cfg.Plan.duplicates != nil {
		return o.keptRows(ctx, batch)
	}
	var text string
	var from engine.Input
	if o.cfg.Plan.Mode == Complete {
		view, err := o.store.At(ctx, batch)
		if err != nil {
			return nil, err
		}
		text, from = o.shape.every(), o.keptInput(view.All)
	} else {
		flag := newColumn
		switch {
		case o.cfg.Plan.distinct:
			flag = firstColumn
		case o.cfg.Plan.Mode == Append:
			flag = goneColumn
		}
		text = o.shape.some(flag)
		from = o.keptInput(func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] { return o.store.Delta(ctx, batch) })
	}
	r, err := o.cfg.Engine.Query(ctx, text, []engine.Input{from})
	if err != nil {
		return nil, err
	}
	groups, err := o.conform(r, o.columns)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(o.output.Fields))
	for i, f := range o.output.Fields {
		names[i] = f.Name
	}
	if o.cfg.Plan.distinct {
		return groups.Rename(names), nil
	}
	rows, err := o.cfg.Query(ctx, o.final, []*ingest.Relation{groups})
	if err != nil {
		groups.Close()
		return nil, err
	}
	if len(rows.Schema.Fields) != len(names) {
		rows.Close()
		return nil, errclass.New("INTERNAL_ERROR", "XX000", "The result of the aggregation has %d columns and not %d.", len(rows.Schema.Fields), len(names))
	}
	return rows.Rename(names), nil
}
