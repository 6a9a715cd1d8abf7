package dataset

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
)

// Refreshing says how a dataset is brought up to date. The zero value takes
// what is new, as an update of its own.
type Refreshing struct {
	// Full takes everything again, into an empty table.
	Full bool
	// Update is the update that the refresh is part of; nil makes one.
	Update *eventlog.Update
	// Keep says that the session will refresh the dataset again: the flow of a
	// streaming table stays open.
	Keep bool
	// Again says that the refresh is one of many by a runner that keeps going:
	// it leaves flows alone that were asked to stop, and tells the event log
	// of nothing unless something has happened.
	Again bool
	// Flows are kept with the definition of a streaming table without query,
	// before they run.
	Flows []*sql.CreateFlow
}

// Outcome is what a refresh did.
type Outcome struct {
	// Rows were written.
	Rows int64
	// Quality is what the expectations made of the rows.
	Quality eventlog.Quality
	// Plan says how a materialized view was brought up to date.
	Plan eventlog.Plan
	// Restarts say why the flow began a batch again, as its schema changed.
	Restarts []string
	// Stopped says that the flow was asked to stop, and has.
	Stopped bool
}

// refreshing is a refresh of one dataset, which is told to the event log.
type refreshing struct {
	Refreshing
	update  *eventlog.Update
	flow    *eventlog.Flow
	outcome Outcome
}

// refreshed runs the refresh of a dataset between the events that begin and
// end it.
func (d *Set) refreshed(ctx context.Context, entry catalog.Table, how Refreshing, run func(*refreshing) error) (*Outcome, error) {
	r := &refreshing{Refreshing: how, update: how.Update}
	if r.update == nil {
		log, err := d.Events(ctx)
		if err != nil {
			return nil, err
		}
		r.update = log.Begin(eventlog.Pipeline{Name: entry.Name.Plain(), Type: "DBSQL"}, eventlog.Request{Cause: eventlog.UserAction, FullRefresh: how.Full})
		r.update.Enter(eventlog.Running, nil)
	}
	leave, err := d.planner.EnterViews(entry.Text)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer d.planner.CountChecks()()
	r.flow = r.update.Flow(entry.Name.Plain())
	if how.Again {
		r.flow.Quiet()
	}
	r.flow.Enter(eventlog.FlowStarting)
	err = run(r)
	switch {
	case errors.Is(err, stream.ErrStopRequested):
		r.outcome.Stopped, err = true, nil
		r.flow.Enter(eventlog.FlowStopped)
	case err == nil && ctx.Err() == nil:
		r.flow.Enter(eventlog.FlowCompleted)
	case err == nil, errors.Is(err, context.Canceled):
		r.flow.Enter(eventlog.FlowStopped)
	default:
		r.flow.Fail(err)
	}
	if how.Update == nil {
		// The rows are in the table, or not: that the log cannot tell of it
		// does not change that.
		if lost := r.update.End(ctx, err); lost != nil {
			d.ws.Logger.ErrorContext(ctx, "events of a refresh are lost", slog.String("table", entry.Name.String()), slog.Any("error", lost))
		}
	}
	return &r.outcome, err
}

// wrote tells of rows that were written. batch is nil for refreshes without
// batches.
func (r *refreshing) wrote(batch *int64, counts eventlog.Counts, q eventlog.Quality) {
	r.outcome.Rows += counts.OutputRows
	r.outcome.Quality.Add(q)
	r.flow.Wrote(batch, counts, &q)
}

// restarted tells of a flow that begins its batch again.
func (r *refreshing) restarted(why string) {
	r.outcome.Restarts = append(r.outcome.Restarts, why)
	r.flow.Restart(eventlog.SchemaChange, why)
}

// streamed tells of a batch of a stream that is done.
func (r *refreshing) streamed(ctx context.Context, p stream.Progress, q eventlog.Quality) error {
	counts := eventlog.Counts{OutputRows: p.Sink.NumOutputRows, UpsertedRows: p.Sink.NumUpsertedRows, DeletedRows: p.Sink.NumDeletedRows}
	for _, src := range p.Sources {
		counts.BacklogBytes = backlog(counts.BacklogBytes, src.Metrics["numBytesOutstanding"])
		counts.BacklogFiles = backlog(counts.BacklogFiles, src.Metrics["numFilesOutstanding"])
	}
	r.wrote(&p.BatchID, counts, q)
	err := r.flow.Streamed(p.BatchID, p)
	r.update.Tick(ctx)
	return err
}

// backlog adds a metric of a source, which counts as text, to a sum; nil is
// not known.
func backlog(sum *int64, metric string) *int64 {
	n, err := strconv.ParseInt(metric, 10, 64)
	if err != nil {
		return sum
	}
	if sum != nil {
		n += *sum
	}
	return &n
}

// Events returns the event log of the workspace. It is safe for concurrent
// use, as long as the session is open.
func (d *Set) Events(ctx context.Context) (*eventlog.Log, error) {
	at, err := d.ws.EventsLocation()
	if err != nil {
		return nil, err
	}
	t, err := d.ws.Table(ctx, "event_log", nil, at)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return eventlog.New(eventlog.Config{
		Table: t.Delta, Store: t.Store, Clock: d.ws.Clock, NewID: d.ws.NewID, Host: host, Logger: d.ws.Logger,
	}), nil
}

// Refresh runs a statement that makes or refreshes a dataset.
func (d *Set) Refresh(ctx context.Context, stmt sql.Statement, how Refreshing) (*Outcome, error) {
	switch stmt := stmt.(type) {
	case *sql.CreateStreamingTable, *sql.CreateMaterializedView:
		return d.createDataset(ctx, stmt, how)
	case *sql.CreateFlow:
		return d.declareFlow(ctx, stmt, how)
	case *sql.Refresh:
		how.Full = stmt.Full
		return d.refreshDataset(ctx, stmt, how)
	}
	return nil, errclass.New("UNSUPPORTED_STATEMENT", "0A000", "%s makes nothing that could be refreshed.", stmt)
}

// refreshDataset runs REFRESH [STREAMING] TABLE and REFRESH MATERIALIZED VIEW.
func (d *Set) refreshDataset(ctx context.Context, stmt *sql.Refresh, how Refreshing) (*Outcome, error) {
	entry, err := d.Refreshable(ctx, stmt)
	if err != nil {
		return nil, err
	}
	switch {
	case entry.Kind == catalog.KindMaterializedView:
		return d.refreshView(ctx, entry, how, nil)
	case how.Full:
		return d.reload(ctx, entry, how)
	}
	return d.refreshTable(ctx, entry, how, nil)
}

// Refreshable returns the dataset that is to be refreshed. It refuses what is
// none, or of another kind than the statement says.
func (d *Set) Refreshable(ctx context.Context, stmt *sql.Refresh) (catalog.Table, error) {
	name, err := d.planner.TableName(ctx, stmt.Name)
	if err != nil {
		return catalog.Table{}, err
	}
	entry, err := d.ws.Catalog.Table(ctx, name)
	if err != nil {
		return entry, d.planner.Placed(stmt.Name, err)
	}
	switch {
	case entry.Kind == catalog.KindMaterializedView && stmt.Kind != "STREAMING TABLE",
		entry.Kind == catalog.KindStreamingTable && stmt.Kind != "MATERIALIZED VIEW":
		return entry, nil
	case stmt.Kind == "MATERIALIZED VIEW":
		return entry, errclass.New("EXPECT_MATERIALIZED_VIEW", "42809", "%s is no materialized view.", entry.Name)
	}
	return entry, errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601",
		"%s is no streaming table; there is nothing to refresh.", entry.Name)
}
