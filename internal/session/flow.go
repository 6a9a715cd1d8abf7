package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"syscall"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/schema"
)

// openFlow opens the flow of a streaming table: its checkpoint, and the table
// as its sink. Its sources are opened when it is held.
func (s *Session) openFlow(ctx context.Context, entry catalog.Table) (*streamingFlow, error) {
	def, err := definition(entry)
	if err != nil {
		return nil, err
	}
	t, err := s.at(ctx, entry.Name.String(), &entry, entry.Location)
	if err != nil {
		return nil, err
	}
	c, err := s.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return nil, err
	}
	f := &streamingFlow{session: s, entry: entry, def: def, target: t, expect: s.expectations(entry.Name.String(), entry.Name.Plain(), def.Constraints)}
	f.define = func() (*sql.CreateStreamingTable, error) { return definition(entry) }
	sink := &stream.Table{
		Name: t.name, Table: t.table, Store: t.store, MergeSchema: true, TimeZone: s.timeZone(), Env: s.env(),
		Committed: func(ctx context.Context) { s.compact(ctx, t) },
		Replaced:  f.replaced, Metrics: f.skipped,
	}
	f.flow = &stream.Flow{
		Name: entry.Name.String(), Checkpoint: c, Trigger: stream.Trigger{Kind: stream.AvailableNow},
		Sink:      sink,
		Transform: f.transform, Clock: s.cfg.Clock, NewID: s.cfg.NewID, Sleep: s.cfg.Sleep, Logger: s.cfg.Logger, Gone: gone,
	}
	return f, nil
}

// openSources opens the sources, anew if they were open. The flow must be held.
func (f *streamingFlow) openSources(ctx context.Context) error {
	f.sources, f.flow.Sources = nil, nil
	if len(streams(f.def.Query)) == 0 {
		src := &onceSource{query: f.def.Query.String()}
		f.sources, f.flow.Sources = []sourceWithSchema{src}, []stream.Source{src}
		return nil
	}
	want := wanted(f.def.Query)
	// State must not be begun with columns that are guessed.
	plan, err := stateful.New(f.def.Query.String(), nil)
	if err != nil {
		return err
	}
	if plan == nil {
		want.sample = f.session.cfg.Sample
	}
	for i, ref := range streams(f.def.Query) {
		src, err := f.openSource(ctx, ref, i, want)
		if err != nil {
			return err
		}
		f.sources = append(f.sources, src)
		f.flow.Sources = append(f.flow.Sources, src)
	}
	return f.openState(ctx)
}

func (f *streamingFlow) openSource(ctx context.Context, ref sql.TableRef, number int, want scan) (sourceWithSchema, error) {
	if f.snapshots {
		return f.session.openSnapshot(ref)
	}
	return f.session.openSource(ctx, ref, f.flow.Checkpoint, number, want)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// gone reports whether an owner is a process of this machine that is no more.
func gone(o checkpoint.Owner) bool {
	host, err := os.Hostname()
	if err != nil || host != o.Host || o.PID <= 0 {
		return false
	}
	p, err := os.FindProcess(o.PID)
	if err != nil {
		return false
	}
	return errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// openSource opens the source of one stream of a query.
func (s *Session) openSource(ctx context.Context, ref sql.TableRef, c *checkpoint.Checkpoint, number int, want scan) (sourceWithSchema, error) {
	if t, ok := ref.(*sql.Table); ok {
		if view := s.temporaryView(t.Name); view != nil {
			return s.openViewSource(ctx, t, view, c, number, want)
		}
		return s.openTableSource(ctx, t, c, number, want)
	}
	call, ok := ref.(*sql.TableFunction)
	if !ok || !isReadFiles(call) {
		return nil, unsupported("a stream of anything but a table or read_files", ref.String())
	}
	path, options, err := s.readFilesArguments(ctx, call)
	if err != nil {
		return nil, err
	}
	progress, err := c.Progress(ctx)
	if err != nil {
		return nil, err
	}
	cfg := autoloader.Config{
		Path: path, Options: options, InferTypes: true, DetectFormat: true, Openers: s.openers, TimeZone: s.timeZone(),
		Checkpoint: c.Store(), State: fmt.Sprintf("sources/%d/", number), Clock: s.cfg.Clock, NewID: s.cfg.NewID,
		Progress: s.progress, Metadata: want.metadata, Guess: want.sample, Planned: progress.Offset(number),
	}
	if ddl, ok := options["schema"]; ok {
		delete(options, "schema")
		if cfg.Schema, err = schema.ParseDDL(ddl); err != nil {
			return nil, err
		}
	}
	return autoloader.Open(ctx, cfg)
}

func emptyRelation(columns *schema.Struct) *ingest.Relation {
	return &ingest.Relation{Schema: columns, Read: func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(func(arrow.RecordBatch, error) bool) {}
	}}
}
