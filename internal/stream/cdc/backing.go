package cdc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/schema"
)

// storedColumn of the backing table is when an event was kept, in µs.
const storedColumn = "__freshet_stored_at"

// Upkeep of the backing table: its files are packed when they are many, and
// those that it does not need deleted every so many versions.
const (
	manyFiles   = 64
	vacuumEvery = 50
)

// widening is the property of a table whose columns may get wider types.
const widening = "delta.enableTypeWidening"

// app is the application whose version, in the table, is that of the backing
// table which goes with it.
func app(backing *delta.Snapshot) string { return "freshet.cdc." + backing.Metadata().ID }

// backing returns the backing table as the last commit on the table has left
// it, with the columns that the batch needs.
func (b *batch) backing(ctx context.Context, base *delta.Snapshot) (snap *delta.Snapshot, meta delta.Metadata, err error) {
	want := b.backingColumns()
	_, ran := base.TransactionVersion(b.id.Flow)
	ran = ran || b.id.ID > 0
	snap, err = b.Backing.Snapshot(ctx)
	if _, missing := errors.AsType[*delta.NotFoundError](err); missing && ran {
		return nil, meta, lostBacking("is gone")
	} else if missing {
		if err = b.createBacking(ctx, want); err == nil {
			snap, err = b.Backing.Snapshot(ctx)
		}
	}
	if err != nil {
		return nil, meta, err
	}
	named, known := base.TransactionVersion(app(snap))
	switch {
	case ran && !known:
		return nil, meta, lostBacking("is another")
	case named > snap.Version():
		return nil, meta, lostBacking(fmt.Sprintf("is older than the table: it has version %d, and %d goes with the table", snap.Version(), named))
	case named != snap.Version():
		if snap, err = b.takeBack(ctx, named); err != nil {
			return nil, meta, err
		}
	}
	if err := b.sameManner(snap); err != nil {
		return nil, meta, err
	}
	if snap, err = b.maintain(ctx, snap); err != nil {
		return nil, meta, err
	}
	if i := snap.Schema().Index(SequenceColumn); i < 0 || !schema.EqualIgnoringNulls(snap.Schema().Fields[i].Type, b.sequence) {
		return nil, meta, errclass.New("STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE", "XXKST",
			"The type of SEQUENCE BY is now %s, and what is known of the rows was kept with another. Load the table anew with REFRESH STREAMING TABLE … FULL.", b.sequence)
	}
	meta = snap.Metadata().Clone()
	meta.Configuration[widening] = "true" // types follow those of the table
	meta, err = ingest.Evolve(meta, want)
	if err == nil {
		meta = meta.MapColumns(b.Env.NewID)
	}
	return snap, meta, err
}

// lostBacking is the error of a backing table that is not the one which the
// table goes with: late events would count as new, and deleted rows come back.
func lostBacking(what string) error {
	return errclass.New("STREAMING_CHECKPOINT_CORRUPT", "KD002", "What is known of the table's rows besides the table, cdc in its checkpoint, %s. %s", what, checkpoint.Restore)
}

func (b *batch) backingColumns() *schema.Struct {
	columns := schema.New()
	for _, f := range delta.PlainColumns(b.backed).Fields {
		columns.Fields = append(columns.Fields, schema.Col(f.Name, f.Type))
	}
	columns.Fields = append(columns.Fields, schema.Col(SequenceColumn, b.sequence),
		schema.Col(KindColumn, schema.Integer), schema.Col(storedColumn, schema.Long))
	return columns
}

// createBacking makes an empty backing table, whose version is 0. The kinds of
// events lie apart, so that a truncate or old tombstones are found at once.
func (b *batch) createBacking(ctx context.Context, columns *schema.Struct) error {
	meta := delta.Metadata{
		ID: b.Env.NewID(), Schema: columns, PartitionColumns: []string{KindColumn}, CreatedTime: b.Env.Clock().UnixMilli(),
		Configuration: map[string]string{"delta.enableDeletionVectors": "true", "delta.columnMapping.mode": "name", widening: "true"},
	}
	for _, m := range b.manner() {
		meta.Configuration[m.property] = m.value
	}
	_, err := ingest.Commit{
		Table: b.Backing, Store: b.BackingStore, Metadata: &meta, Now: b.Env.Clock, Operation: "CREATE TABLE",
	}.Apply(ctx, nil)
	return err
}

// manner is a property of the backing table that says what its events are to
// the flows that share it, and the error when a flow takes them otherwise.
type manner struct{ property, value, class, state, what string }

func (b *batch) manner() []manner {
	keys := make([]string, len(b.Flow.Keys))
	for i, k := range b.layout.keys {
		keys[i] = schema.QuoteIdent(b.layout.columns.Fields[k].Name)
	}
	slices.Sort(keys)
	scdType := "1"
	if b.Flow.History {
		scdType = "2"
	}
	return []manner{
		{"freshet.cdc.keys", list(keys), "AUTOCDC_INVALID_STATE.KEY_SCHEMA_DRIFT", "42000", "key columns"},
		{"freshet.cdc.scdType", scdType, "AUTOCDC_INVALID_STATE.SCD_TYPE_DRIFT", "42000", "SCD type"},
		// Without it, and without history, no values are kept besides the table.
		{"freshet.cdc.ignoreNullUpdates", strconv.FormatBool(b.Flow.Ignoring != nil), "AUTOCDC_INVALID_STATE.IGNORE_NULL_UPDATES_DRIFT", "42000", "IGNORE NULL UPDATES"},
	}
}

// sameManner refuses a flow that takes the events of the backing table for
// others than they are.
func (b *batch) sameManner(snap *delta.Snapshot) error {
	for _, m := range b.manner() {
		if recorded, ok := snap.Property(m.property); ok && recorded != m.value {
			return errclass.New(m.class, m.state, "Detected an invalid AutoCDC state for target table %s: one or more AutoCDC flows writing to the target use %s %s, "+
				"which is inconsistent with what is recorded for it (recorded %s). AutoCDC does not support changing it across incremental runs. "+
				"Correct the conflicting flow(s) or perform a full refresh of the target table, REFRESH STREAMING TABLE … FULL.", b.Name, m.what, m.value, recorded)
		}
	}
	return nil
}

// takeBack undoes what a batch has done to the backing table that never came
// to change the table.
func (b *batch) takeBack(ctx context.Context, version int64) (*delta.Snapshot, error) {
	old, err := b.Backing.SnapshotAt(ctx, version)
	if err != nil {
		return nil, err
	}
	if _, err := b.Backing.Restore(ctx, old, delta.RestoreOptions{}); err != nil {
		return nil, err
	}
	return b.Backing.Snapshot(ctx)
}

// maxExpired bounds how many tombstones a batch drops whose keys it has no
// events of.
const maxExpired = 10_000

// expire drops tombstones that were kept long enough, of keys that the batch
// does not touch: those of others go as their events are applied. A table with
// history keeps its deletes, which end versions. Each run of a flow looks at
// most once in vain.
func (a *application) expire(ctx context.Context, before *delta.Snapshot) error {
	if a.Flow.History || a.swept {
		return nil
	}
	until := a.now - a.Flow.TombstoneAge.Microseconds()
	old, err := open(ctx, before, delta.And{
		delta.Comparison{Column: []string{KindColumn}, Op: delta.Equal, Value: int64(1)},
		delta.Comparison{Column: []string{storedColumn}, Op: delta.LessOrEqual, Value: until},
	})
	if err != nil {
		return err
	}
	n := int64(0)
	if len(old.paths) > 0 {
		in, err := a.keptInput(old)
		if err != nil {
			return err
		}
		if n, err = a.create(ctx, "expired", a.expiredEvents(until), in...); err != nil {
			return err
		}
		rows, err := a.read(ctx, "SELECT a FROM "+expired, schema.New(schema.Col("a", schema.Long)))
		if err != nil {
			return err
		}
		for rec, err := range rows {
			if err != nil {
				return err
			}
			addresses, _ := rec.Column(0).(*array.Int64)
			for i := range int(rec.NumRows()) {
				a.kept.Delete(old.at(addresses.Value(i)))
			}
		}
	}
	a.swept = n < maxExpired
	return nil
}

// maintain packs the files of the backing table and deletes those that it does
// not need any more. Nobody else reads it. The files that are packed remain
// until the table names the version without them.
func (b *batch) maintain(ctx context.Context, snap *delta.Snapshot) (*delta.Snapshot, error) {
	if snap.NumFiles() < manyFiles && snap.Version()%vacuumEvery != vacuumEvery-1 {
		return snap, nil
	}
	now := time.Duration(0)
	if _, err := b.Backing.Vacuum(ctx, delta.VacuumOptions{Retention: &now, AllowShort: true}); err != nil {
		return nil, err
	}
	if _, err := b.Backing.Optimize(ctx, delta.OptimizeOptions{Auto: true, MemoryLimit: b.Env.MemoryLimit / 4, Parallelism: b.Env.Parallelism}); err != nil {
		return nil, err
	}
	return b.Backing.Snapshot(ctx)
}
