package dataset

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/definition"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/expectation"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/cdc"
	"github.com/freshet/freshet/internal/stream/deltalog"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// flowProperty is the table property that names the flow a streaming table is
// fed by: a table that another flow has fed begins anew.
const flowProperty = "freshet.flowId"

// Operations by which a flow makes its table, and makes it anew.
const (
	operationCreate   = "CREATE TABLE"
	operationTruncate = "TRUNCATE"
)

// checkStreaming refuses what a definition may not have, or not yet.
func (d *Set) checkStreaming(stmt *sql.CreateStreamingTable) error {
	refuse := func(format string, args ...any) error {
		return errclass.New("STREAMING_TABLE_QUERY_INVALID", "42000", "%s: "+format, append([]any{stmt.Name}, args...)...)
	}
	switch {
	case stmt.Location != "":
		return refuse("a streaming table is managed and takes no LOCATION.")
	case stmt.Query != nil && len(query.Streams(stmt.Query)) == 0:
		return refuse("its query reads no stream; write STREAM before a relation, as in FROM STREAM read_files(…), or create a table or view instead.")
	}
	if err := d.checkDataset(&stmt.Dataset); err != nil {
		return err
	}
	switch {
	case stmt.Flow != nil:
		return d.checkFlow(stmt.Flow, stmt)
	case stmt.Query == nil:
		return nil
	}
	_, err := stateful.New(stmt.Query.String(), nil)
	return err
}

// reload is a full refresh: all is loaded again by a flow that begins anew.
func (d *Set) reload(ctx context.Context, entry catalog.Table, how Refreshing) (*Outcome, error) {
	def, err := definitionOf(entry)
	if err != nil {
		return nil, err
	}
	if properties, err := definition.Properties(def.Properties); err == nil && strings.EqualFold(properties["pipelines.reset.allowed"], "false") {
		return nil, errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.FULL_REFRESH", "42601",
			"%s may not be refreshed in full: its property pipelines.reset.allowed is false.", entry.Name)
	}
	old := entry
	if entry.Checkpoint, err = d.newCheckpoint(ctx, entry.Name); err != nil {
		return nil, err
	}
	over := entry.Checkpoint // of the flow that is not needed when all is done
	var outcome *Outcome
	err = d.Ended(ctx, old, func(ctx context.Context) (err error) {
		if err := d.makeCheckpoints(ctx, entry); err != nil {
			return err
		}
		outcome, err = d.refreshTable(ctx, entry, how, func() error {
			err := d.ws.Catalog.Update(ctx, entry)
			if err == nil {
				over = old.Checkpoint
			}
			return err
		})
		return err
	})
	return outcome, errors.Join(err, d.ws.DeleteFiles(context.WithoutCancel(ctx), over))
}

// definitionOf parses the statement that made a streaming table.
func definitionOf(entry catalog.Table) (*sql.CreateStreamingTable, error) {
	statements, err := sql.Parse(entry.Text)
	if err != nil {
		return nil, err
	}
	def, ok := statements[0].(*sql.CreateStreamingTable)
	if !ok {
		return nil, errclass.New("INTERNAL_ERROR", "XX000", "The definition of %s is no streaming table: %s", entry.Name, entry.Text)
	}
	return def, nil
}

// maxEvolutions bounds how often a refresh begins again with a schema that
// its data has made grow.
const maxEvolutions = 1000

// refreshTable loads what is new. keep stores the entry, once the definition
// is known to be one that can run; nil is for an entry that is stored. A schema
// that grows begins the batch again, as pipelines do (semantics §3.6).
func (d *Set) refreshTable(ctx context.Context, entry catalog.Table, how Refreshing, keep func() error) (*Outcome, error) {
	if def, err := definitionOf(entry); err != nil {
		return nil, err
	} else if def.Query == nil {
		return d.refreshFlows(ctx, entry, how, keep, nil)
	}
	return d.refreshed(ctx, entry, how, func(r *refreshing) error { return d.loadNew(ctx, entry, r, keep) })
}

// loadNew loads what is new, and begins again when a schema has grown. The flow
// is not held in between.
func (d *Set) loadNew(ctx context.Context, entry catalog.Table, r *refreshing, keep func() error) error {
	if store := keep; store != nil {
		keep = func() error {
			err := store()
			if err == nil {
				keep = nil // the next try has it
			}
			return err
		}
	}
	for try := 0; ; try++ {
		f, err := d.keptFlow(ctx, entry, r.Refreshing)
		if err == nil {
			err = f.flow.Hold(ctx, func(ctx context.Context) error {
				if err := f.begin(ctx, r, keep); err != nil {
					return err
				}
				return f.run(ctx, r)
			})
		}
		if err != nil {
			delete(d.flows, entry.Location)
		}
		if _, stale := errors.AsType[*staleFlowError](err); stale {
			// Holding the flow has made its checkpoint again.
			return errors.Join(err, d.ws.DeleteFiles(context.WithoutCancel(ctx), entry.Checkpoint))
		}
		if try == maxEvolutions || !d.evolved(entry, r, err) {
			return err
		}
	}
}

// begin readies a flow that is held: it makes its table, or makes it anew, and
// opens the sources of its query. keep stores the definition, which is found
// out before to be one that can run; nil is for one that is stored.
func (f *streamingFlow) begin(ctx context.Context, r *refreshing, keep func() error) error {
	if keep == nil {
		if err := f.datasets.stale(ctx, f.entry); err != nil {
			return err
		}
	}
	if f.def.Query != nil && !f.flow.Undisturbed() {
		if err := f.openSources(ctx); err != nil {
			return err
		}
	}
	first, err := f.beginning(ctx)
	if err != nil {
		return err
	}
	if keep != nil {
		if err := f.keep(ctx, keep); err != nil {
			return err
		}
	}
	if !r.Again {
		if err := f.flow.Checkpoint.ClearStop(ctx); err != nil {
			return err
		}
	}
	if first == nil {
		return nil
	}
	_, err = first.Apply(ctx, nil)
	return workspace.Wrap(f.target.Name, err)
}

// keep stores the definition, if its query can be planned, and can go on with
// what the flow has kept.
func (f *streamingFlow) keep(ctx context.Context, store func() error) error {
	if f.def.Query != nil {
		columns, err := f.columns(ctx)
		if err == nil {
			err = f.expect.Plan(ctx, columns)
		}
		if err == nil {
			err = f.checkState(ctx)
		}
		if err != nil {
			return err
		}
	}
	return store()
}

// evolved reports whether err is but that a schema has become another, with
// which the flow can begin its batch again, and tells of it.
func (d *Set) evolved(entry catalog.Table, r *refreshing, err error) bool {
	if unknown, ok := errors.AsType[*autoloader.UnknownFieldError](err); ok && unknown.Evolved {
		r.restarted("its schema has grown: " + strings.Join(unknown.Fields, ", "))
		d.ws.Logger.Info("a schema has grown", "table", entry.Name.String(), "fields", unknown.Fields)
		return true
	}
	if guess, ok := errors.AsType[*autoloader.GuessError](err); ok {
		d.planner.Progress.Restart()
		d.ws.Logger.Info("a schema was guessed wrong", "table", entry.Name.String(), "guessed", guess.Guessed.DDL(), "is", guess.Schema.DDL())
		return true
	}
	if changed, ok := errors.AsType[*deltalog.SchemaChangedError](err); ok {
		r.restarted(fmt.Sprintf("the schema of %s has changed in version %d", changed.Table, changed.Version))
		d.ws.Logger.Info("a schema has changed", "table", entry.Name.String(), "source", changed.Table, "version", changed.Version)
		return true
	}
	return false
}

// streamingFlow is the flow of a streaming table, open.
type streamingFlow struct {
	datasets *Set
	entry    catalog.Table
	def      *sql.CreateStreamingTable
	// snapshots says that its source is read whole each time.
	snapshots bool
	// define parses def anew.
	define  func() (*sql.CreateStreamingTable, error)
	target  *workspace.Table
	flow    *stream.Flow
	sources []sourceWithSchema
	expect  *expectation.Set
	plan    *stateful.Plan // nil when the query needs no state
	made    *schema.Struct // the table's columns when the flow began
}

// kind is what the event log calls the flow: by how it changes its table.
func (f *streamingFlow) kind() string {
	switch sink := f.flow.Sink.(type) {
	case *cdc.Sink:
		if f.snapshots {
			return "SNAPSHOT_CHANGE"
		}
		return "CHANGE"
	case *stream.Table:
		switch {
		case sink.Complete:
			return "COMPLETE"
		case len(sink.Keys) > 0:
			return "UPDATE"
		}
	}
	return "APPEND"
}

// beginning is the commit that makes the table, or makes it anew when another
// flow has fed it, or when its columns were guessed and the guess did not hold;
// nil when it is this flow's.
func (f *streamingFlow) beginning(ctx context.Context) (*ingest.Commit, error) {
	base, err := f.target.Exists(ctx)
	if err != nil {
		return nil, err
	}
	operation, mine := operationCreate, false
	if base != nil {
		f.made = base.Schema()
		fed, ok := base.Property(flowProperty)
		if !ok {
			return nil, errclass.New("DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION", "42601",
				"Cannot load the streaming table %s: the table at %s is of no flow. Drop the streaming table and create it under another name.", f.entry.Name, f.entry.Location)
		}
		operation, mine = operationTruncate, feeds(fed, f.flow.Checkpoint.ID())
	}
	if mine {
		if untouched, err := f.untouched(ctx, base); err != nil || !untouched {
			return nil, err
		}
	}
	if !mine {
		if err := f.unread(ctx); err != nil {
			return nil, err
		}
	}
	meta, err := f.metadata(ctx, base)
	if err != nil {
		return nil, err
	}
	f.made = meta.Schema
	if mine && schema.EqualIgnoringNulls(base.Schema(), meta.Schema) {
		return nil, nil
	}
	cluster, err := definition.Cluster(f.def.ClusterBy, base, &meta)
	if err != nil {
		return nil, workspace.Wrap(f.target.Name, err)
	}
	return &ingest.Commit{
		Table: f.target.Delta, Store: f.target.Store, Base: base, Metadata: &meta, Overwrite: true, Now: f.datasets.ws.Clock,
		Operation: operation, Parameters: definition.CreateParameters(f.target, meta),
		Also: func(_ context.Context, _ *delta.Snapshot, tx *delta.Transaction) error {
			cluster(tx)
			return nil
		},
	}, nil
}

// untouched reports whether nothing has happened to a table since the flow
// made it, so that its columns may be a guess.
func (f *streamingFlow) untouched(ctx context.Context, base *delta.Snapshot) (bool, error) {
	if _, fed := base.TransactionVersion(f.flow.Checkpoint.ID()); fed {
		return false, nil
	}
	last, err := f.target.Delta.History(ctx, 1)
	if err != nil || len(last) == 0 {
		return false, err
	}
	return last[0].Operation == operationCreate || last[0].Operation == operationTruncate, nil
}

// metadata is that of the new table: its declared columns, or those of the
// query. Column mapping that was set on the table base, nil for none, stays: the
// columns have needed it.
func (f *streamingFlow) metadata(ctx context.Context, base *delta.Snapshot) (delta.Metadata, error) {
	create := &sql.CreateTable{Range: f.def.Range, Name: f.def.Name, Columns: f.def.Columns, TableOptions: f.def.TableOptions}
	if base != nil {
		create.Properties = keepMapping(create.Properties, base)
	}
	var rows *ingest.Relation
	if len(f.def.Columns) == 0 && f.def.Query != nil {
		columns, err := f.columns(ctx)
		if err != nil {
			return delta.Metadata{}, err
		}
		rows = query.Empty(columns)
	}
	meta, err := f.datasets.definitions.Metadata(ctx, create, rows)
	if err != nil {
		return meta, err
	}
	if meta.Configuration == nil {
		meta.Configuration = map[string]string{}
	}
	meta.Configuration[flowProperty] = f.flow.Checkpoint.ID()
	return meta, nil
}

// keepMapping adds a table's column mapping to the properties of a definition
// that says nothing of it.
func keepMapping(properties []*sql.Property, base *delta.Snapshot) []*sql.Property {
	const key = "delta.columnMapping.mode"
	mode, ok := base.Property(key)
	if said := slices.ContainsFunc(properties, func(p *sql.Property) bool { return strings.EqualFold(p.Key, key) }); said || !ok {
		return properties
	}
	return append(slices.Clone(properties), &sql.Property{Key: key, Value: mode})
}

// columns plans the query and returns its columns.
func (f *streamingFlow) columns(ctx context.Context) (*schema.Struct, error) {
	return resultColumns(ctx, f.sources, func(none []*ingest.Relation) (*ingest.Relation, error) { return f.probe(ctx, none) })
}

// sourceWithSchema is a source that knows its columns before it reads.
type sourceWithSchema interface {
	stream.Source
	Schema(ctx context.Context) (*schema.Struct, error)
}

// run loads what is there, and tells r of it.
func (f *streamingFlow) run(ctx context.Context, r *refreshing) error {
	def := eventlog.Definition{ID: f.flow.Checkpoint.ID(), Type: f.kind(), Schema: f.made}
	for _, ref := range query.Streams(f.def.Query) {
		def.Inputs = append(def.Inputs, ref.String())
	}
	r.flow.Defined(def)
	var told error
	f.datasets.planner.Checked() // of what was tried before
	f.flow.Progress = func(p stream.Progress) {
		counts := f.expect.Counts()
		counts.Add(f.datasets.planner.Checked())
		told = errors.Join(told, r.streamed(ctx, p, counts))
	}
	return errors.Join(f.flow.Run(ctx), told)
}

// transform runs the query over the rows of a batch.
func (f *streamingFlow) transform(ctx context.Context, rows []*ingest.Relation) (*ingest.Relation, error) {
	// Parsed anew, since planning changes the tree.
	def, err := f.define()
	if err != nil {
		return nil, err
	}
	out, err := f.datasets.planner.QueryStreams(ctx, def.Query, rows)
	if err != nil {
		return nil, err
	}
	return f.expect.Filter(out)
}
