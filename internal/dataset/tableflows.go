package dataset

import (
	"context"
	"errors"
	"fmt"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/cdc"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/internal/workspace"
)

// declareFlow runs CREATE FLOW and APPLY CHANGES INTO: it keeps the flow, and
// loads what there is, as CREATE STREAMING TABLE does.
func (d *Set) declareFlow(ctx context.Context, stmt *sql.CreateFlow, how Refreshing) (*Outcome, error) {
	entry, err := d.flowTarget(ctx, stmt)
	if err != nil {
		return nil, err
	}
	flow, err := d.newFlow(ctx, stmt, entry)
	if err != nil {
		return nil, err
	}
	return d.refreshFlows(ctx, entry, how, nil, func(ctx context.Context, whole *streamingFlow) error {
		if _, err := d.ws.Catalog.Flow(ctx, flow.Name); errclass.Ignore(err, "FLOW_NOT_FOUND") != nil {
			return err
		} else if err == nil {
			return catalog.FlowExists(flow.Name)
		}
		err := d.makeCheckpoint(ctx, flowCheckpoint(entry, flow))
		if err == nil {
			err = d.planFlow(ctx, whole, flow)
		}
		if err != nil {
			return errors.Join(err, d.ws.DeleteFiles(context.WithoutCancel(ctx), flowCheckpoint(entry, flow)))
		}
		return d.ws.Catalog.CreateFlow(ctx, flow)
	})
}

// planFlow finds out whether a flow's query can be planned, before the flow is
// kept.
func (d *Set) planFlow(ctx context.Context, whole *streamingFlow, flow catalog.Flow) error {
	f, err := d.openTableFlow(ctx, whole, flow)
	if err != nil {
		return err
	}
	return f.flow.Hold(ctx, func(ctx context.Context) error {
		if err := f.openSources(ctx); err != nil {
			return err
		}
		columns, err := f.columns(ctx)
		if sink, ok := f.flow.Sink.(*cdc.Sink); ok && err == nil {
			err = sink.Check(columns)
		}
		return err
	})
}

// flowTarget returns the table that a flow is to write to.
func (d *Set) flowTarget(ctx context.Context, stmt *sql.CreateFlow) (catalog.Table, error) {
	name, err := d.planner.TableName(ctx, stmt.Target())
	if err != nil {
		return catalog.Table{}, err
	}
	entry, err := d.ws.Catalog.Table(ctx, name)
	if err != nil {
		return entry, d.planner.Placed(stmt.Target(), err)
	}
	if entry.Kind != catalog.KindStreamingTable {
		return entry, d.planner.Placed(stmt.Target(), errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_STREAMING_TABLE", "42601",
			"A flow writes to a streaming table, and %s is none. Create one with CREATE STREAMING TABLE.", entry.Name))
	}
	def, err := definitionOf(entry)
	if err == nil && def.Query != nil {
		err = d.planner.Placed(stmt.Target(), errclass.New("STREAMING_TABLE_OPERATION_NOT_ALLOWED.QUERY", "42601",
			"The streaming table %s has a query of its own. Flows write to streaming tables without one: CREATE STREAMING TABLE name.", entry.Name))
	}
	return entry, err
}

// newFlow makes a statement a flow of the catalog. Its names are made whole.
func (d *Set) newFlow(ctx context.Context, stmt *sql.CreateFlow, entry catalog.Table) (catalog.Flow, error) {
	f := catalog.Flow{Name: entry.Name, Target: entry.Name}
	var err error
	if stmt.Name != nil {
		if f.Name, err = d.planner.TableName(ctx, stmt.Name); err != nil {
			return f, err
		}
	}
	if err := d.qualifyFlow(ctx, stmt); err != nil {
		return f, err
	}
	target := &sql.Name{Parts: []string{entry.Catalog, entry.Schema, entry.Table}}
	if stmt.CDC != nil {
		stmt.CDC.Target = target
	} else {
		stmt.Insert.Table = target
	}
	stmt.Name = &sql.Name{Parts: []string{f.Catalog, f.Schema, f.Table}}
	f.Text = d.planner.WithViews(stmt.String(), stmt.Reads())
	def, err := definitionOf(entry)
	if err != nil {
		return f, err
	}
	return f, d.checkFlow(stmt, def)
}

// qualifyFlow gives what a flow reads its full names.
func (d *Set) qualifyFlow(ctx context.Context, stmt *sql.CreateFlow) error {
	if stmt.CDC != nil {
		return d.qualifySource(ctx, stmt.CDC)
	}
	return d.planner.Qualify(ctx, stmt.Insert.Query)
}

// checkFlow refuses flows that cannot run.
func (d *Set) checkFlow(stmt *sql.CreateFlow, def *sql.CreateStreamingTable) error {
	if stmt.CDC != nil {
		return checkCDC(stmt.CDC, def)
	}
	if len(query.Streams(stmt.Insert.Query)) == 0 {
		if stmt.Once {
			return nil
		}
		return errclass.New("STREAMING_TABLE_QUERY_INVALID", "42000", "%s: the query of a flow reads a stream; write STREAM before a relation, or INSERT ONCE to run it once.", stmt.Name)
	}
	_, err := stateful.New(stmt.Insert.Query.String(), nil)
	return err
}

// DropFlow runs DROP FLOW. The rows that the flow has written remain.
func (d *Set) DropFlow(ctx context.Context, stmt *sql.DropFlow) error {
	name, err := d.planner.TableName(ctx, stmt.Name)
	if err != nil {
		return err
	}
	flow, err := d.ws.Catalog.Flow(ctx, name)
	if err != nil {
		if stmt.IfExists {
			err = errclass.Ignore(err, "FLOW_NOT_FOUND")
		}
		return err
	}
	entry, err := d.ws.Catalog.Table(ctx, flow.Target)
	if err != nil {
		return err
	}
	return d.Ended(ctx, entry, func(ctx context.Context) error { return d.forgetFlow(ctx, entry, flow) })
}

// forgetFlow drops a flow of a table that is held.
func (d *Set) forgetFlow(ctx context.Context, entry catalog.Table, flow catalog.Flow) error {
	if err := d.ws.Catalog.DropFlow(ctx, flow.Name); err != nil {
		return err
	}
	return d.ws.DeleteFiles(ctx, flowCheckpoint(entry, flow))
}

// flowCheckpoint is where a flow into a table without query keeps how far it
// is. It ends with that of its table, so that a full refresh begins anew.
func flowCheckpoint(entry catalog.Table, flow catalog.Flow) string {
	return fmt.Sprintf("%s/flows/%s/%s/%s", entry.Checkpoint, workspace.FileName(flow.Catalog), workspace.FileName(flow.Schema), workspace.FileName(flow.Table))
}

// refreshFlows brings a table without query up to date: its flows run one
// after the other, the oldest first, as no two may change the table's rows at
// the same time. keep stores the table, and declare a flow of it; either may be
// nil.
func (d *Set) refreshFlows(
	ctx context.Context, entry catalog.Table, how Refreshing, keep func() error, declare func(context.Context, *streamingFlow) error,
) (*Outcome, error) {
	return d.refreshed(ctx, entry, how, func(r *refreshing) error {
		whole, err := d.openFlow(ctx, entry)
		if err != nil {
			return err
		}
		return whole.flow.Hold(ctx, func(ctx context.Context) error {
			if err := whole.begin(ctx, r, keep); err != nil {
				return err
			}
			if declare != nil {
				if err := declare(ctx, whole); err != nil {
					return err
				}
			}
			if err := d.declareFlows(ctx, entry, how.Flows); err != nil {
				return err
			}
			return d.runFlows(ctx, whole, r)
		})
	})
}

// runFlows runs the flows of a table that is held. One that fails keeps none of
// the others from running (semantics §9.4).
func (d *Set) runFlows(ctx context.Context, whole *streamingFlow, r *refreshing) error {
	flows, err := d.ws.Catalog.Flows(ctx, whole.entry.Name)
	if err != nil {
		return err
	}
	d.reads[whole.entry.Location] = []string{}
	var failed error
	for _, flow := range flows {
		err := d.tellFlow(ctx, whole, flow, r)
		stopped := errors.Is(err, stream.ErrStopRequested)
		if failed == nil || !stopped {
			failed = errors.Join(failed, err)
		}
		if stopped || ctx.Err() != nil {
			break
		}
	}
	return failed
}

// declareFlows keeps the flows that come with a table's definition, in place
// of those of the same names.
func (d *Set) declareFlows(ctx context.Context, entry catalog.Table, statements []*sql.CreateFlow) error {
	for _, stmt := range statements {
		flow, err := d.newFlow(ctx, stmt, entry)
		if err != nil {
			return err
		}
		if err := d.ws.Catalog.UpdateFlow(ctx, flow); errclass.Ignore(err, "FLOW_NOT_FOUND") != nil {
			return err
		} else if err == nil {
			continue
		}
		if err := d.makeCheckpoint(ctx, flowCheckpoint(entry, flow)); err != nil {
			return err
		}
		if err := d.ws.Catalog.CreateFlow(ctx, flow); err != nil {
			return err
		}
	}
	return nil
}

// tellFlow runs one flow of a table that is held, and tells of it by its name.
func (d *Set) tellFlow(ctx context.Context, whole *streamingFlow, flow catalog.Flow, r *refreshing) error {
	if flow.Name == whole.entry.Name {
		return d.runFlow(ctx, whole, flow, r)
	}
	table := r.flow
	r.flow = table.Part(flow.Name.Plain())
	defer func() { r.flow = table }()
	err := d.runFlow(ctx, whole, flow, r)
	switch {
	case errors.Is(err, stream.ErrStopRequested) || ctx.Err() != nil:
		r.flow.Enter(eventlog.FlowStopped)
	case err != nil:
		r.flow.Fail(err)
	default:
		r.flow.Enter(eventlog.FlowCompleted)
	}
	return err
}

// runFlow runs one flow of a table that is held.
func (d *Set) runFlow(ctx context.Context, whole *streamingFlow, flow catalog.Flow, r *refreshing) error {
	asked, err := whole.flow.Checkpoint.StopRequested(ctx)
	if err != nil {
		return err
	}
	if asked {
		return stream.ErrStopRequested
	}
	leave, err := d.planner.EnterViews(flow.Text)
	if err != nil {
		return err
	}
	defer leave()
	for try := 0; ; try++ {
		f, err := d.openTableFlow(ctx, whole, flow)
		if err == nil {
			err = f.flow.Hold(ctx, func(ctx context.Context) error {
				if done, err := f.isDone(ctx); err != nil || done {
					return err
				}
				if err := f.openSources(ctx); err != nil {
					return err
				}
				places, err := f.places(ctx)
				if err != nil {
					return err
				}
				d.reads[whole.entry.Location] = append(d.reads[whole.entry.Location], places...)
				return f.run(ctx, r)
			})
		}
		if try == maxEvolutions || !d.evolved(whole.entry, r, err) {
			return err
		}
	}
}

// isDone reports whether a flow that runs once has.
func (f *streamingFlow) isDone(ctx context.Context) (bool, error) {
	if f.flow.Trigger.Kind != stream.Once {
		return false, nil
	}
	p, err := f.flow.Checkpoint.Progress(ctx)
	return err == nil && p.Planned != nil && p.Done, err
}

// openTableFlow opens a flow of a table that has none of its own.
func (d *Set) openTableFlow(ctx context.Context, whole *streamingFlow, flow catalog.Flow) (*streamingFlow, error) {
	at := whole.entry
	at.Checkpoint = flowCheckpoint(whole.entry, flow)
	f, err := d.openFlow(ctx, at)
	if err != nil {
		return nil, err
	}
	f.flow.Within, f.made = whole.flow.Checkpoint, whole.made
	f.define = func() (*sql.CreateStreamingTable, error) { return flowDefinition(whole.entry, flow) }
	if f.def, err = f.define(); err != nil {
		return nil, err
	}
	stmt, err := flowStatement(flow)
	if err != nil {
		return nil, err
	}
	if stmt.Once {
		f.flow.Trigger.Kind = stream.Once
	}
	if stmt.CDC == nil {
		return f, nil
	}
	// What changes is checked: deletes and truncates have no row to check.
	f.expect.Limit(cdc.KindColumn + " = 0")
	f.snapshots = stmt.CDC.Snapshot
	f.flow.Sink, err = d.cdcSink(ctx, whole, stmt.CDC)
	return f, err
}

// flowStatement parses the statement that made a flow.
func flowStatement(flow catalog.Flow) (*sql.CreateFlow, error) {
	statements, err := sql.Parse(flow.Text)
	if err != nil {
		return nil, err
	}
	stmt, ok := statements[0].(*sql.CreateFlow)
	if !ok {
		return nil, errclass.New("INTERNAL_ERROR", "XX000", "The definition of %s is no flow: %s", flow.Name, flow.Text)
	}
	return stmt, nil
}

// flowDefinition is the definition of a table with the query of one flow.
func flowDefinition(entry catalog.Table, flow catalog.Flow) (*sql.CreateStreamingTable, error) {
	stmt, err := flowStatement(flow)
	if err != nil {
		return nil, err
	}
	def, err := definitionOf(entry)
	if err != nil {
		return nil, err
	}
	if stmt.CDC == nil {
		def.Query = stmt.Insert.Query
		return def, nil
	}
	def.Query, err = changeQuery(stmt.CDC)
	return def, err
}
