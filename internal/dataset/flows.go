package dataset

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// FlowInfo is the flow of a streaming table, as it stands.
type FlowInfo struct {
	Table catalog.Name `json:"-"`
	Name  string       `json:"name"`
	// State is RUNNING, STOPPED, FAILED, or IDLE.
	State string `json:"state"`
	// Batch is the last batch that was planned, -1 for none, and Planned when.
	Batch   int64      `json:"batchId"`
	Planned *time.Time `json:"planned,omitempty"`
	// Done is whether that batch is.
	Done bool `json:"done"`
	// Owner is who runs the flow; nil is nobody.
	Owner      *checkpoint.Owner `json:"owner,omitempty"`
	Checkpoint string            `json:"checkpoint"`
	// Backlog are the files and bytes that waited after the last batch; nil is
	// not known.
	BacklogFiles *int64 `json:"backlogFiles,omitempty"`
	BacklogBytes *int64 `json:"backlogBytes,omitempty"`
	// Progress is the progress object of the last batch, nil before the first.
	Progress json.RawMessage `json:"progress,omitempty"`
	// Error is why the last refresh failed.
	Error string `json:"error,omitempty"`
	// Flows are those that fill a table which has no query of its own.
	Flows []FlowInfo `json:"flows,omitempty"`
}

// Flows returns the flows of all streaming tables of the workspace, by name.
func (d *Set) Flows(ctx context.Context) ([]FlowInfo, error) {
	catalogs, err := d.ws.Catalog.Catalogs(ctx)
	if err != nil {
		return nil, err
	}
	var flows []FlowInfo
	for _, c := range catalogs {
		schemas, err := d.ws.Catalog.Schemas(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, sc := range schemas {
			tables, err := d.ws.Catalog.Tables(ctx, c, sc.Name)
			if err != nil {
				return nil, err
			}
			for _, t := range tables {
				if t.Kind != catalog.KindStreamingTable {
					continue
				}
				f, err := d.flowInfo(ctx, t)
				if err != nil {
					return nil, err
				}
				flows = append(flows, f)
			}
		}
	}
	return flows, nil
}

// Flow returns the flow of one streaming table.
func (d *Set) Flow(ctx context.Context, table string) (FlowInfo, error) {
	entry, err := d.flowTable(ctx, table)
	if err != nil {
		return FlowInfo{}, err
	}
	return d.flowInfo(ctx, entry)
}

// flowTable returns the streaming table that a text names.
func (d *Set) flowTable(ctx context.Context, table string) (catalog.Table, error) {
	name, err := sql.ParseName(table)
	if err != nil {
		return catalog.Table{}, err
	}
	return d.streamingTable(ctx, name)
}

func (d *Set) flowInfo(ctx context.Context, entry catalog.Table) (FlowInfo, error) {
	info := FlowInfo{Table: entry.Name, Name: entry.Name.Plain(), State: "IDLE", Batch: -1, Checkpoint: entry.Checkpoint}
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	var p checkpoint.Progress
	if err == nil {
		p, err = c.Progress(ctx)
	}
	if isLost(err) { // which is no reason not to tell of the others
		info.State, info.Error = "FAILED", err.Error()
		return info, nil
	}
	if err != nil {
		return info, err
	}
	info.planned(p)
	if err := d.partsOf(ctx, entry, &info); err != nil {
		return info, err
	}
	if err := d.lastEvents(ctx, &info); err != nil {
		return info, err
	}
	owner, held, err := c.Holder(ctx, checkpoint.Died)
	if err != nil {
		return info, err
	}
	asked, err := c.StopRequested(ctx)
	switch {
	case err != nil:
		return info, err
	case held:
		info.State, info.Owner = "RUNNING", &owner
	case asked:
		info.State = "STOPPED"
	case info.Error != "":
		info.State = "FAILED"
	}
	for i := range info.Flows {
		part := &info.Flows[i]
		switch {
		case info.State == "RUNNING" || info.State == "STOPPED":
			part.State = info.State
		case part.Error != "":
			part.State = "FAILED"
		}
	}
	return info, nil
}

// planned takes in how far a checkpoint is.
func (info *FlowInfo) planned(p checkpoint.Progress) {
	if p.Planned != nil {
		info.Batch, info.Planned, info.Done = p.Planned.ID, &p.Planned.Timestamp, p.Done
	}
}

// partsOf adds the flows that fill a table without query. One that the table's
// definition gives, with the table's name, stands for the table itself.
func (d *Set) partsOf(ctx context.Context, entry catalog.Table, info *FlowInfo) error {
	flows, err := d.ws.Catalog.Flows(ctx, entry.Name)
	if err != nil {
		return err
	}
	for _, flow := range flows {
		at := flowCheckpoint(entry, flow)
		part := FlowInfo{Table: entry.Name, Name: flow.Name.Plain(), State: "IDLE", Batch: -1, Checkpoint: at}
		c, err := d.openCheckpoint(ctx, at)
		var p checkpoint.Progress
		if err == nil {
			p, err = c.Progress(ctx)
		}
		switch {
		case isLost(err):
			part.Error = err.Error()
		case err != nil:
			return err
		case len(flows) == 1 && flow.Name == entry.Name:
			info.planned(p)
			return nil
		}
		part.planned(p)
		info.Flows = append(info.Flows, part)
	}
	return nil
}

// lastEvents reads of the event log how the last batch and the last refresh
// went. One that was turned away, as another one was at work, says nothing of
// the flow.
func (d *Set) lastEvents(ctx context.Context, info *FlowInfo) error {
	q, err := sql.ParseQuery(`SELECT event_type, level, origin.flow_name, max_by(details, sequence.control_plane_seq_no) AS details, max_by(message, sequence.control_plane_seq_no) AS message,
		max(sequence.control_plane_seq_no) AS at FROM event_log(TABLE(` + info.Table.String() + `))
		WHERE event_type = 'stream_progress' OR event_type = 'flow_progress' AND
			(level = 'ERROR' AND error.exceptions[0].class_name IS DISTINCT FROM 'CONCURRENT_STREAM_LOG_UPDATE' OR details LIKE '%"COMPLETED"%')
		GROUP BY event_type, level, origin.flow_name ORDER BY at`)
	if err != nil {
		return err
	}
	rows, err := d.planner.Query(ctx, q)
	if err != nil {
		return err
	}
	for rec, err := range rows.Read(ctx) {
		if err != nil {
			return err
		}
		for i := range int(rec.NumRows()) {
			cell := func(column int) string {
				text, _ := rec.Column(column).(*array.String)
				if text == nil || text.IsNull(i) {
					return ""
				}
				return strings.Clone(text.Value(i))
			}
			info.happened(cell(0), cell(1), cell(3), cell(4))
			for part := range info.Flows {
				if info.Flows[part].Name == cell(2) {
					info.Flows[part].happened(cell(0), cell(1), cell(3), cell(4))
				}
			}
		}
	}
	if len(info.Flows) > 0 {
		info.BacklogFiles, info.BacklogBytes = nil, nil
	}
	for _, part := range info.Flows {
		info.BacklogFiles, info.BacklogBytes = sum(info.BacklogFiles, part.BacklogFiles), sum(info.BacklogBytes, part.BacklogBytes)
	}
	return nil
}

// sum adds what is known.
func sum(a, b *int64) *int64 {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	n := *a + *b
	return &n
}

// happened takes in an event, which is newer than those before.
func (info *FlowInfo) happened(event, level, details, message string) {
	switch {
	case event == "stream_progress":
		info.progressed(details)
	case level == "ERROR":
		info.Error = message
	default:
		info.Error = ""
	}
}

// progressed takes in the details of a stream_progress event.
func (info *FlowInfo) progressed(details string) {
	var event struct {
		Progress struct {
			JSON string `json:"progress_json"`
		} `json:"stream_progress"`
	}
	var p stream.Progress
	if json.Unmarshal([]byte(details), &event) != nil || json.Unmarshal([]byte(event.Progress.JSON), &p) != nil {
		return
	}
	info.Progress, info.BacklogFiles, info.BacklogBytes = json.RawMessage(event.Progress.JSON), nil, nil
	for _, src := range p.Sources {
		info.BacklogBytes = backlog(info.BacklogBytes, src.Metrics["numBytesOutstanding"])
		info.BacklogFiles = backlog(info.BacklogFiles, src.Metrics["numFilesOutstanding"])
	}
}

// StopFlow asks whoever runs the flow of a table to stop after its batch. The
// flow stays stopped until it is refreshed by a statement or a new run.
func (d *Set) StopFlow(ctx context.Context, table string) error {
	entry, err := d.flowTable(ctx, table)
	if err != nil {
		return err
	}
	c, err := d.openCheckpoint(ctx, entry.Checkpoint)
	if err != nil {
		return err
	}
	return c.RequestStop(ctx)
}

// ResetFlow gives the flow of a table a checkpoint that knows nothing: the
// next refresh reads everything again, and adds it to the rows that are there
// (semantics §9.3). Whatever is cut off on the way, the table is never taken
// for that of another flow and emptied.
func (d *Set) ResetFlow(ctx context.Context, table string) error {
	entry, err := d.flowTable(ctx, table)
	if err != nil {
		return err
	}
	fresh := entry
	if fresh.Checkpoint, err = d.newCheckpoint(ctx, entry.Name); err != nil {
		return err
	}
	over := fresh.Checkpoint // of the flow that is not needed when all is done
	err = d.Ended(ctx, entry, func(ctx context.Context) error {
		err := d.giveFlow(ctx, entry, fresh)
		if err == nil {
			over = entry.Checkpoint
		}
		return err
	})
	return errors.Join(err, d.ws.DeleteFiles(context.WithoutCancel(ctx), over))
}

// giveFlow gives a table the flow of another entry of it.
func (d *Set) giveFlow(ctx context.Context, entry, fresh catalog.Table) error {
	if err := d.makeCheckpoints(ctx, fresh); err != nil {
		return err
	}
	c, err := d.openCheckpoint(ctx, fresh.Checkpoint)
	if err != nil {
		return err
	}
	t, base, err := d.ws.Existing(ctx, entry)
	if err != nil {
		return err
	}
	if base != nil {
		feeding, _ := base.Property(flowProperty)
		was, err := d.openCheckpoint(ctx, entry.Checkpoint)
		if err == nil {
			feeding = was.ID()
		} else if !isLost(err) {
			return err
		}
		change := &sql.SetProperties{Properties: []*sql.Property{{Key: flowProperty, Value: feeding + "," + c.ID()}}}
		if err := d.definitions.Apply(ctx, t, base, change); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	return d.ws.Catalog.Update(ctx, fresh)
}

// feeds reports whether a flow is one of those that a table's property names.
func feeds(property, flow string) bool { return slices.Contains(strings.Split(property, ","), flow) }

// Exists reports whether the catalog has a table or view of a name.
func (d *Set) Exists(ctx context.Context, name catalog.Name) (bool, error) {
	_, err := d.ws.Catalog.Table(ctx, name)
	if err != nil {
		return false, errclass.Ignore(errclass.Ignore(err, "TABLE_OR_VIEW_NOT_FOUND"), "SCHEMA_NOT_FOUND")
	}
	return true, nil
}
