package dataset

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/expectation"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/schema"
)

// openFlow opens the flow of a streaming table: its checkpoint, and the table
// as its sink. Its sources are opened when it is held.
func (d *Set) openFlow(ctx context.Context, entry catalog.Table) (*streamingFlow, error) {
	def, err := definitionOf(entry)
	if err != nil {
		return nil, err
	}
	t, err := d.ws.Table(ctx, entry.Name.String(), &entry, entry.Location)
	if err != nil {
		return nil, err
	}
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return nil, err
	}
	f := &streamingFlow{datasets: d, entry: entry, def: def, target: t, expect: expectation.New(d.planner.Rules, entry.Name.String(), entry.Name.Plain(), def.Constraints)}
	f.define = func() (*sql.CreateStreamingTable, error) { return definitionOf(entry) }
	sink := &stream.Table{
		Name: t.Name, Table: t.Delta, Store: t.Store, MergeSchema: true, TimeZone: d.planner.TimeZone(), Env: d.planner.LoadEnv(),
		Committed: func(ctx context.Context) { d.ws.Compact(ctx, t) },
		Replaced:  f.replaced, Metrics: f.skipped,
	}
	f.flow = &stream.Flow{
		Name: entry.Name.String(), Checkpoint: c, Trigger: stream.Trigger{Kind: stream.AvailableNow},
		Sink:      sink,
		Transform: f.transform, Clock: d.ws.Clock, NewID: d.ws.NewID, Sleep: d.ws.Sleep, Logger: d.ws.Logger, Gone: checkpoint.Died,
	}
	return f, nil
}

// openSources opens the sources, anew if they were open. The flow must be held.
func (f *streamingFlow) openSources(ctx context.Context) error {
	f.sources, f.flow.Sources = nil, nil
	if len(query.Streams(f.def.Query)) == 0 {
		src := &onceSource{query: f.def.Query.String()}
		f.sources, f.flow.Sources = []sourceWithSchema{src}, []stream.Source{src}
		return nil
	}
	want := query.Wanted(f.def.Query)
	// State must not be begun with columns that are guessed.
	plan, err := stateful.New(f.def.Query.String(), nil)
	if err != nil {
		return err
	}
	if plan == nil {
		want.Sample = f.datasets.ws.Sample
	}
	for i, ref := range query.Streams(f.def.Query) {
		src, err := f.openSource(ctx, ref, i, want)
		if err != nil {
			return err
		}
		f.sources = append(f.sources, src)
		f.flow.Sources = append(f.flow.Sources, src)
	}
	return f.openState(ctx)
}

func (f *streamingFlow) openSource(ctx context.Context, ref sql.TableRef, number int, want query.Scan) (sourceWithSchema, error) {
	if f.snapshots {
		return f.datasets.openSnapshot(ref)
	}
	return f.datasets.openSource(ctx, ref, f.flow.Checkpoint, number, want)
}

// openSource opens the source of one stream of a query.
func (d *Set) openSource(ctx context.Context, ref sql.TableRef, c *checkpoint.Checkpoint, number int, want query.Scan) (sourceWithSchema, error) {
	if t, ok := ref.(*sql.Table); ok {
		if view := d.planner.TemporaryView(t.Name); view != nil {
			return d.openViewSource(ctx, t, view, c, number, want)
		}
		return d.openTableSource(ctx, t, c, number, want)
	}
	call, ok := ref.(*sql.TableFunction)
	if !ok || !query.IsReadFiles(call) {
		return nil, errclass.Unsupported("a stream of anything but a table or read_files", ref.String())
	}
	path, options, err := d.planner.ReadFilesArguments(ctx, call)
	if err != nil {
		return nil, err
	}
	progress, err := c.Progress(ctx)
	if err != nil {
		return nil, err
	}
	cfg := autoloader.Config{
		Path: path, Options: options, InferTypes: true, DetectFormat: true, Openers: d.ws.Openers, TimeZone: d.planner.TimeZone(),
		Checkpoint: c.Store(), State: fmt.Sprintf("sources/%d/", number), Clock: d.ws.Clock, NewID: d.ws.NewID,
		Progress: d.planner.Progress, Metadata: want.Metadata, Guess: want.Sample, Planned: progress.Offset(number),
		Without: []string{d.ws.Root, c.Place()},
	}
	if ddl, ok := options["schema"]; ok {
		delete(options, "schema")
		if cfg.Schema, err = schema.ParseDDL(ddl); err != nil {
			return nil, err
		}
	}
	return autoloader.Open(ctx, cfg)
}
