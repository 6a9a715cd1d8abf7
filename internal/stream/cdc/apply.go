package cdc

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// apply is one try to write the batch onto a version of the table.
func (b *batch) apply(ctx context.Context, base *delta.Snapshot) (w stream.Written, err error) {
	if err := b.forget(ctx); err != nil {
		return w, err
	}
	before, backed, err := b.backing(ctx, base)
	if err != nil {
		return w, err
	}
	a := &application{batch: b, ctx: ctx, now: b.Env.Clock().UnixMicro(), backedMeta: backed}
	if a.change, err = b.changeOf(b.Store, base, b.meta); err != nil {
		return w, err
	}
	if a.kept, err = b.changeOf(b.BackingStore, before, backed); err != nil {
		return w, err
	}
	defer func() {
		var unknown *delta.UnknownCommitError
		if err != nil && !errors.As(err, &unknown) {
			err = errors.Join(err, a.change.Abort(context.WithoutCancel(ctx)))
			if !a.committed {
				err = errors.Join(err, a.kept.Abort(context.WithoutCancel(ctx)))
			}
		}
	}()
	truncated, err := a.find(ctx, base, before)
	if err != nil {
		return w, err
	}
	if err := a.expire(ctx, before); err != nil {
		return w, err
	}
	if err := a.run(truncated); err != nil {
		return w, err
	}
	version, err := a.commitKept(before, backed)
	if err != nil {
		return w, err
	}
	a.committed = true
	return a.commit(base, app(before), version)
}

func (b *batch) changeOf(st delta.Storage, base *delta.Snapshot, meta delta.Metadata) (*delta.RowChange, error) {
	return delta.NewRowChange(st, base, delta.WriterConfig{
		Metadata: meta, Parallelism: b.Env.Parallelism, Clock: b.Env.Clock, NewID: b.Env.NewID, Evaluator: b.Env.Evaluator,
	})
}

// application applies the events of a batch.
type application struct {
	*batch
	ctx        context.Context //nolint:containedctx // of the one call that makes it
	now        int64           // µs
	change     *delta.RowChange
	kept       *delta.RowChange // of the backing table
	committed  bool             // the backing table is
	backedMeta delta.Metadata   // of the backing table

	target, store *source
	key           *Key[row]
	rest          row // the last row of the key
	visible       bool

	added, updated []Version[row]
	remembered     []*Event[row]
	upserts, gone  int64
}

// find takes what the batch's keys have so far into the scratch, and reports
// whether events before some sequence are truncated.
func (a *application) find(ctx context.Context, base, before *delta.Snapshot) (truncated bool, err error) {
	var all []engine.Input
	anew := false
	if a.Flow.Snapshot {
		if err := a.compare(ctx, base); err != nil {
			return false, err
		}
	}
	if a.Flow.Truncates {
		if truncated, anew, err = a.findMark(ctx, before); err != nil {
			return false, err
		}
	}
	if anew {
		every, err := open(ctx, before, nil)
		if err != nil {
			return false, err
		}
		if all, err = a.keptInput(every); err != nil {
			return false, err
		}
	}
	if _, err := a.create(ctx, "touched", a.touchedKeys(anew), all...); err != nil {
		return false, err
	}
	filter, err := a.among(ctx, base.Schema())
	if err != nil {
		return false, err
	}
	if a.store, err = open(ctx, before, filter); err != nil {
		return false, err
	}
	in, err := a.keptInput(a.store)
	if err != nil {
		return false, err
	}
	if _, err := a.create(ctx, "stored", a.storedEvents(), in...); err != nil {
		return false, err
	}
	return truncated, a.findShown(ctx, base, filter)
}

// findMark finds up to which sequence the table is truncated, if it is, and
// remembers it when the batch has done so.
func (a *application) findMark(ctx context.Context, before *delta.Snapshot) (truncated, anew bool, err error) {
	marks, err := open(ctx, before, delta.Comparison{Column: []string{KindColumn}, Op: delta.Equal, Value: int64(truncate)})
	if err != nil {
		return false, false, err
	}
	in, err := marks.input(a.Sink, input, []string{SequenceColumn, KindColumn}, []string{"s", "kind"})
	if err != nil {
		return false, false, err
	}
	if n, err := a.create(ctx, "mark", a.latestTruncate(), in); err != nil || n == 0 {
		return false, false, err
	}
	rows, err := a.read(ctx, "SELECT s, a FROM "+mark, schema.New(schema.Col("s", a.sequence), schema.Col("a", schema.Long)))
	if err != nil {
		return false, false, err
	}
	for rec, err := range rows {
		if err != nil {
			return false, false, err
		}
		if anew = rec.Column(1).IsNull(0); anew {
			if err := a.rememberMark(rec.Column(0)); err != nil {
				return false, false, err
			}
		}
	}
	return true, anew, nil
}

// rememberMark keeps a truncate.
func (a *application) rememberMark(sequence arrow.Array) error {
	kind := array.NewInt32Builder(memory.DefaultAllocator)
	defer kind.Release()
	kind.Append(truncate)
	columns := schema.New(schema.Col(SequenceColumn, a.sequence), schema.Col(KindColumn, schema.Integer), schema.Col(storedColumn, schema.Long))
	kinds, times := kind.NewArray(), a.times(1)
	defer kinds.Release()
	defer times.Release()
	return a.keep(columns, []arrow.Array{sequence, kinds, times}, 1)
}

// keptInput is the events of the backing table, laid out as those of the batch
// are: columns and fields that are new are NULL in all of them.
func (a *application) keptInput(from *source) ([]engine.Input, error) {
	wanted := a.backingColumns()
	var columns, names []string
	for _, f := range wanted.Fields {
		if from.snap.Schema().Index(f.Name) >= 0 {
			columns = append(columns, f.Name)
		}
		if i := a.layout.columns.Index(f.Name); i >= 0 {
			names = append(names, numbered(i))
		}
	}
	rows, err := from.relation(a.Sink, columns)
	if err != nil {
		return nil, err
	}
	wanted.Fields = append(wanted.Fields, schema.Col(addressName, schema.Long))
	if rows, err = rows.Conform(wanted, a.TimeZone); err != nil {
		return nil, err
	}
	return []engine.Input{from.inputOf(a.Sink, input, rows, append(names, "s", "kind", "since"))}, nil
}

// findShown finds the rows of the table.
func (a *application) findShown(ctx context.Context, base *delta.Snapshot, filter delta.Predicate) (err error) {
	if a.target, err = open(ctx, base, filter); err != nil {
		return err
	}
	var columns, names []string
	for _, k := range a.layout.keys {
		columns, names = append(columns, a.layout.columns.Fields[k].Name), append(names, numbered(k))
	}
	if a.Flow.History {
		columns, names = append(columns, StartColumn, EndColumn), append(names, "f", "u")
	}
	for _, name := range columns {
		if base.Schema().Index(name) < 0 { // its first rows come with this batch
			_, err = a.create(ctx, "shown", a.noRows())
			return err
		}
	}
	in, err := a.target.input(a.Sink, input, columns, names)
	if err != nil {
		return err
	}
	_, err = a.create(ctx, "shown", a.shownRows(), in)
	return err
}

// Places of the columns of events after those of rows.
const (
	sequenceAt = iota
	kindAt
	storedAt
	addressAt
	shownAt
	voidAt
	untilAt
)

// run applies all events.
func (a *application) run(truncated bool) error {
	n := len(a.layout.columns.Fields)
	columns := schema.New(append([]schema.Field{}, delta.PlainColumns(a.layout.columns).Fields...)...)
	for i, name := range a.values() {
		columns.Fields[i] = schema.Col(name, columns.Fields[i].Type)
	}
	columns.Fields = append(columns.Fields, schema.Col("s", a.sequence), schema.Col("kind", schema.Integer), schema.Col("since", schema.Long),
		schema.Col("a", schema.Long), schema.Col("t", schema.Long), schema.Col("void", schema.Boolean))
	if a.Flow.History {
		columns.Fields = append(columns.Fields, schema.Col("u", a.sequence))
	}
	rows, err := a.read(a.ctx, a.events(truncated), columns)
	if err != nil {
		return err
	}
	a.key = NewKey(Rules[row]{
		History: a.Flow.History, Places: len(a.layout.places), Sets: a.layout.sets, Same: a.layout.same,
		Ties: func(x, y row) bool { return equal(x.column(n+sequenceAt), x.at, y.column(n+sequenceAt), y.at) },
	}, a)
	pages := map[*page]bool{}
	defer func() {
		for p := range pages {
			p.rec.Release()
		}
	}()
	for rec, err := range rows {
		if err != nil {
			return err
		}
		p := a.layout.page(rec)
		pages[p] = true
		a.addPage(p, n)
		if err := a.flush(pages, p); err != nil {
			return err
		}
	}
	a.endKey()
	return a.flush(pages, nil)
}

// addPage applies the events of a page.
func (a *application) addPage(p *page, n int) {
	number := func(column, i int) int64 {
		if c, ok := p.rec.Column(n + column).(*array.Int64); ok && c.IsValid(i) {
			return c.Value(i)
		}
		return -1
	}
	kinds, _ := p.rec.Column(n + kindAt).(*array.Int32)
	voids, _ := p.rec.Column(n + voidAt).(*array.Boolean)
	for i := range int(p.rec.NumRows()) {
		r := row{page: p, at: i, stored: number(addressAt, i), target: number(shownAt, i)}
		if a.rest.page != nil && !a.sameKey(a.rest, r) {
			a.endKey()
		}
		a.rest = r
		e := &Event[row]{Row: r, Stored: r.stored >= 0, Delete: kinds.Value(i) == 1}
		e.Old = e.Stored && number(storedAt, i)+a.Flow.TombstoneAge.Microseconds() <= a.now
		switch {
		case !voids.Value(i):
			a.key.Add(e)
		case e.Stored:
			a.kept.Delete(a.store.at(r.stored))
			a.key.Cut()
		}
	}
}

func (a *application) sameKey(x, y row) bool {
	for _, k := range a.layout.keys {
		if !equal(x.column(k), x.at, y.column(k), y.at) {
			return false
		}
	}
	return true
}

// endKey says that a key has no more events. A row of it that the table has
// and that is not shown any more leaves.
func (a *application) endKey() {
	if a.rest.page == nil {
		return
	}
	a.key.End()
	if !a.Flow.History && !a.visible && a.rest.target >= 0 {
		a.change.Delete(a.target.at(a.rest.target))
		a.gone++
	}
	a.rest, a.visible = row{}, false
}

// Show implements [Effects].
func (a *application) Show(v Version[row]) {
	a.visible = true
	if a.unchanged(v) {
		return
	}
	if v.End != nil && v.End.Delete && !v.End.Stored {
		a.gone++
	} else {
		a.upserts++
	}
	if v.Start.Row.target < 0 {
		a.added = append(a.added, v)
		return
	}
	a.change.Replace(a.target.at(v.Start.Row.target))
	a.updated = append(a.updated, v)
}

// unchanged reports whether the table has a version already.
func (a *application) unchanged(v Version[row]) bool {
	if len(a.backed.Fields) < len(a.layout.columns.Fields) && v.Image[0].Stored {
		return true // its columns are in the table alone
	}
	if v.Start.Row.target < 0 || !v.Known() {
		return false
	}
	if !a.Flow.History {
		return true
	}
	n := len(a.layout.columns.Fields)
	until, at := v.Start.Row.column(n+untilAt), v.Start.Row.at
	if v.End == nil {
		return until.IsNull(at)
	}
	return equal(until, at, v.End.Row.column(n+sequenceAt), v.End.Row.at)
}

// Keep implements [Effects].
func (a *application) Keep(e *Event[row]) {
	a.hide(e)
	if !e.Stored {
		a.remembered = append(a.remembered, e)
	}
}

// Forget implements [Effects].
func (a *application) Forget(e *Event[row]) {
	a.hide(e)
	if e.Stored {
		a.kept.Delete(a.store.at(e.Row.stored))
	}
}

// hide takes the version out of the table that an event began and does no more.
func (a *application) hide(e *Event[row]) {
	if a.Flow.History && !e.Starts && e.Row.target >= 0 {
		a.change.Delete(a.target.at(e.Row.target))
	}
}

// flush writes what is known, and lets go of pages that are not needed any
// more; the current one remains.
func (a *application) flush(pages map[*page]bool, current *page) error {
	for _, part := range []struct {
		versions []Version[row]
		to       func(context.Context, arrow.RecordBatch) error
	}{{a.added, a.change.Insert}, {a.updated, a.change.Update}} {
		if len(part.versions) == 0 {
			continue
		}
		rec, err := a.rows(part.versions)
		if err != nil {
			return err
		}
		err = part.to(a.ctx, rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	if err := a.remember(); err != nil {
		return err
	}
	a.added, a.updated, a.remembered = a.added[:0], a.updated[:0], a.remembered[:0]
	needed := map[*page]bool{current: true}
	a.key.Holds(func(e *Event[row]) { needed[e.Row.page] = true })
	if a.rest.page != nil {
		needed[a.rest.page] = true
	}
	for p := range pages {
		if !needed[p] {
			p.rec.Release()
			delete(pages, p)
		}
	}
	return nil
}

// rows makes rows of the table.
func (a *application) rows(versions []Version[row]) (arrow.RecordBatch, error) {
	n := len(a.layout.columns.Fields)
	images := make([]Image[row], len(versions))
	for i, v := range versions {
		images[i] = v.Image
	}
	fields, columns := schema.New(), []arrow.Array{}
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, f := range a.meta.Schema.Fields {
		var column arrow.Array
		var err error
		at := a.layout.columns.Index(f.Name)
		switch {
		case a.Flow.History && f.Name == StartColumn:
			column, err = a.bound(versions, func(v Version[row]) *Event[row] { return v.Start })
		case a.Flow.History && f.Name == EndColumn:
			column, err = a.bound(versions, func(v Version[row]) *Event[row] { return v.End })
		case at < 0 || at >= n:
			continue // the table computes it
		default:
			column, err = a.layout.column(at, images)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", schema.QuoteIdent(f.Name), err)
		}
		fields.Fields, columns = append(fields.Fields, f), append(columns, column)
	}
	return array.NewRecordBatch(schema.ToArrow(fields), columns, int64(len(versions))), nil
}

// bound makes the column of where versions start, or end.
func (a *application) bound(versions []Version[row], of func(Version[row]) *Event[row]) (arrow.Array, error) {
	n := len(a.layout.columns.Fields)
	t := schema.ToArrow(schema.New(schema.Col("s", a.sequence))).Field(0).Type
	return gather(t, len(versions), func(i int) (arrow.Array, int) {
		if e := of(versions[i]); e != nil {
			return e.Row.column(n + sequenceAt), e.Row.at
		}
		return nil, 0
	})
}

// remember writes new events to the backing table.
func (a *application) remember() error {
	if len(a.remembered) == 0 {
		return nil
	}
	n := len(a.layout.columns.Fields)
	var columns []arrow.Array
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	wanted := a.backingColumns()
	layout := schema.ToArrow(wanted)
	for i, f := range wanted.Fields {
		at := a.layout.columns.Index(f.Name)
		switch f.Name {
		case SequenceColumn:
			at = n + sequenceAt
		case KindColumn:
			at = n + kindAt
		case storedColumn:
			columns = append(columns, a.times(len(a.remembered)))
			continue
		}
		column, err := gather(layout.Field(i).Type, len(a.remembered), func(i int) (arrow.Array, int) {
			return a.remembered[i].Row.column(at), a.remembered[i].Row.at
		})
		if err != nil {
			return err
		}
		columns = append(columns, column)
	}
	return a.keep(wanted, columns, int64(len(a.remembered)))
}

// keep adds events to the backing table, which may have columns that they
// lack.
func (a *application) keep(columns *schema.Struct, values []arrow.Array, rows int64) error {
	rec := array.NewRecordBatch(schema.ToArrow(columns), values, rows)
	defer rec.Release()
	one := &ingest.Relation{Schema: columns, Read: func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) { yield(rec, nil) }
	}}
	fitting, err := one.Conform(a.backedMeta.Schema, a.TimeZone)
	if err != nil {
		return err
	}
	for rec, err := range fitting.Read(a.ctx) {
		if err == nil {
			err = a.kept.Insert(a.ctx, rec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// times is the column of when events are kept.
func (a *application) times(n int) arrow.Array {
	t := array.NewInt64Builder(memory.DefaultAllocator)
	defer t.Release()
	for range n {
		t.Append(a.now)
	}
	return t.NewArray()
}

// commitKept commits the backing table, and returns its version.
func (a *application) commitKept(before *delta.Snapshot, meta delta.Metadata) (int64, error) {
	tx := a.Backing.Begin(before)
	tx.ReadTable()
	if !schema.Equal(meta.Schema, before.Schema()) {
		tx.SetMetadata(meta)
	}
	if _, err := a.kept.Apply(a.ctx, tx); err != nil {
		return 0, err
	}
	return tx.Commit(a.ctx, delta.CommitInfo{Operation: "STREAMING UPDATE", Parameters: a.parameters()})
}

func (a *application) parameters() map[string]any {
	return map[string]any{"outputMode": "Update", "queryId": a.id.Flow, "epochId": strconv.FormatInt(a.id.ID, 10)}
}

// commit commits the table, naming the version of the backing table that goes
// with it.
func (a *application) commit(base *delta.Snapshot, backing string, version int64) (stream.Written, error) {
	tx := a.Table.Begin(base)
	if a.grown {
		tx.SetMetadata(a.meta)
	}
	if a.target.filter == nil {
		tx.ReadTable()
	} else {
		tx.ReadPredicate(a.target.filter)
	}
	tx.ReadTransaction(a.id.Flow)
	tx.SetTransaction(a.id.Flow, a.id.ID)
	tx.SetTransaction(backing, version)
	metrics, err := a.change.Apply(a.ctx, tx)
	if err != nil {
		return stream.Written{}, err
	}
	_, err = tx.Commit(a.ctx, delta.CommitInfo{Operation: "STREAMING UPDATE", Parameters: a.parameters(), Metrics: map[string]string{
		"numOutputRows": fmt.Sprint(metrics.InsertedRows + metrics.UpdatedRows), "numDeletedRows": fmt.Sprint(metrics.DeletedRows),
		"numUpdatedRows": fmt.Sprint(metrics.UpdatedRows), "numCopiedRows": fmt.Sprint(metrics.CopiedRows),
		"numAddedFiles": fmt.Sprint(metrics.AddedFiles), "numRemovedFiles": fmt.Sprint(metrics.RemovedFiles),
	}})
	return stream.Written{Rows: a.upserts + a.gone, Upserted: &a.upserts, Deleted: &a.gone}, err
}
