// Package eventlog keeps what happened to the flows of a workspace: which
// updates ran, what each flow read, wrote, dropped and refused, and what went
// wrong (semantics §11.3).
//
// The log is one Delta table of the workspace, so that SQL reads it and any
// other engine can. Events of a run are collected in memory and written
// together, at the end of a run and now and then before: a commit of the log
// costs milliseconds, a flow with a batch a second must not feel it.
package eventlog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/schema"
)

// Config is what a log needs. All but Logger is required.
type Config struct {
	// Table is the log's table, and Store where it is kept.
	Table  *delta.Table
	Store  delta.Storage
	Clock  func() time.Time
	NewID  func() string
	Host   string
	Logger *slog.Logger // nil discards
}

// Log appends to the log of a workspace. It is safe for concurrent use, as are
// several logs over one table.
type Log struct {
	cfg Config

	mu   sync.Mutex
	last int64 // sequence number given out
}

// New returns the log kept in a table, which need not be there yet.
func New(cfg Config) *Log {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Log{cfg: cfg}
}

// event fills in what every event has.
func (l *Log) event(e Event) Event {
	now := l.cfg.Clock()
	e.ID, e.Timestamp, e.Origin.Host, e.Maturity = l.cfg.NewID(), now.UTC().Truncate(time.Microsecond), l.cfg.Host, "STABLE"
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = max(l.last+1, now.UnixMicro())
	e.Sequence.ControlPlane = l.last
	return e
}

// Files of the log are packed when there are this many small ones, so that
// reading it stays cheap however long flows run.
const (
	packFiles = 64
	packSize  = 16 << 20
)

// Append writes events in one commit, making the log when it is not there.
func (l *Log) Append(ctx context.Context, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	base, err := l.open(ctx)
	if err != nil {
		return fmt.Errorf("open the event log: %w", err)
	}
	rows, err := record(base.Schema(), events)
	if err != nil {
		return fmt.Errorf("encode events: %w", err)
	}
	defer rows.Release()
	env := ingest.Env{Parallelism: 1, Clock: l.cfg.Clock, NewID: l.cfg.NewID}
	staged, err := ingest.Stage(ctx, l.cfg.Store, base.Metadata(), one(rows), env)
	if err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	_, err = ingest.Commit{
		Table: l.cfg.Table, Store: l.cfg.Store, Base: base, Now: l.cfg.Clock,
		Operation: "WRITE", Parameters: map[string]any{"mode": "Append"},
	}.Apply(ctx, staged)
	if err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	l.pack(ctx, base)
	return nil
}

// open returns the newest snapshot of the log, which it makes if need be.
func (l *Log) open(ctx context.Context) (*delta.Snapshot, error) {
	base, err := l.cfg.Table.Snapshot(ctx)
	if _, missing := errors.AsType[*delta.NotFoundError](err); !missing {
		return base, err
	}
	columns, err := Columns()
	if err != nil {
		return nil, err
	}
	tx := l.cfg.Table.Begin(nil)
	tx.SetMetadata(delta.Metadata{
		ID: l.cfg.NewID(), Description: "what happened to the flows of this workspace", Schema: columns,
		// A log of many small commits is read seldom.
		Configuration: map[string]string{"delta.checkpointInterval": "50"}, CreatedTime: l.cfg.Clock().UnixMilli(),
	})
	_, err = tx.Commit(ctx, delta.CommitInfo{Operation: "CREATE TABLE"})
	if _, taken := errors.AsType[*delta.ConflictError](err); err != nil && !taken {
		return nil, err
	}
	return l.cfg.Table.Snapshot(ctx)
}

// pack rewrites small files together. Its failure loses nothing.
func (l *Log) pack(ctx context.Context, base *delta.Snapshot) {
	if base.NumFiles() < packFiles {
		return
	}
	_, err := l.cfg.Table.Optimize(ctx, delta.OptimizeOptions{
		Auto: true, TargetFileSize: packSize, MinFileSize: packSize / 2, MinFiles: packFiles, Parallelism: 1,
	})
	if err != nil {
		l.cfg.Logger.WarnContext(ctx, "packing the event log failed", slog.Any("error", err))
	}
}

// record lays events out in the columns of the log.
func record(columns *schema.Struct, events []Event) (arrow.RecordBatch, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema.ToArrow(columns), bytes.NewReader(body))
	return rec, err
}

func one(rec arrow.RecordBatch) iter.Seq2[arrow.RecordBatch, error] {
	return func(yield func(arrow.RecordBatch, error) bool) { yield(rec, nil) }
}
