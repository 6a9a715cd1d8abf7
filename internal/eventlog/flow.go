package eventlog

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/freshet/freshet/schema"
)

// Flow records the events of one flow of an update.
type Flow struct {
	update *Update
	origin Origin
	name   string

	voice *voice
}

// voice holds events back while it is quiet.
type voice struct {
	quiet bool
	held  []func()
}

// Quiet makes the flow tell of nothing unless it writes rows, or fails.
func (f *Flow) Quiet() { f.voice.quiet = true }

// add tells of an event.
func (f *Flow) add(e Event, details any) {
	if f.voice.quiet {
		f.voice.held = append(f.voice.held, func() { f.update.add(e, details) })
		return
	}
	f.update.add(e, details)
}

// speak tells of what was held back, and from now on of everything.
func (f *Flow) speak() {
	for _, tell := range f.voice.held {
		tell()
	}
	*f.voice = voice{}
}

// Part begins the events of one of the flows that feed the dataset together.
func (f *Flow) Part(name string) *Flow {
	part := *f
	part.origin.FlowName, part.name = name, name
	return &part
}

// Flow begins the events of the flow that feeds a dataset.
func (u *Update) Flow(dataset string) *Flow {
	origin := u.origin
	origin.DatasetName, origin.FlowName = dataset, dataset
	return &Flow{update: u, origin: origin, name: dataset, voice: &voice{}}
}

// Definition is what a flow is.
type Definition struct {
	// ID identifies the flow's checkpoint; "" has none.
	ID string
	// Type is APPEND, UPDATE or COMPLETE, CHANGE or SNAPSHOT_CHANGE for flows
	// that apply changes, or MATERIALIZED_VIEW.
	Type   string
	Inputs []string // names of tables, and descriptions of other sources
	Schema *schema.Struct
}

// Defined records what the flow is.
func (f *Flow) Defined(d Definition) {
	type dataset struct {
		Name string `json:"name"`
	}
	type column struct {
		Name string `json:"name"`
		Type string `json:"data_type"`
	}
	details := struct {
		Output string    `json:"output_dataset"`
		Inputs []dataset `json:"input_datasets"`
		Type   string    `json:"flow_type"`
		Schema []column  `json:"schema"`
	}{Output: f.origin.DatasetName, Type: d.Type}
	for _, in := range d.Inputs {
		details.Inputs = append(details.Inputs, dataset{in})
	}
	if d.Schema != nil {
		for _, c := range d.Schema.Fields {
			details.Schema = append(details.Schema, column{c.Name, c.Type.String()})
		}
	}
	f.origin.FlowID = d.ID
	f.add(Event{Type: "flow_definition", Level: Info, Origin: f.origin, Message: fmt.Sprintf("Flow '%s' defined as %s.", f.name, d.Type)}, details)
}

// Status is how far a flow is.
type Status string

// The states of flows.
const (
	FlowQueued    Status = "QUEUED"
	FlowPlanning  Status = "PLANNING"
	FlowStarting  Status = "STARTING"
	FlowRunning   Status = "RUNNING"
	FlowCompleted Status = "COMPLETED"
	FlowFailed    Status = "FAILED"
	FlowSkipped   Status = "SKIPPED"
	FlowStopped   Status = "STOPPED"
	FlowIdle      Status = "IDLE"
	FlowExcluded  Status = "EXCLUDED"
)

// Counts are what a flow has written, and what waits for it.
type Counts struct {
	OutputRows int64 `json:"num_output_rows"`
	// UpsertedRows and DeletedRows are those of a flow that applies changes.
	UpsertedRows *int64 `json:"num_upserted_rows,omitempty"`
	DeletedRows  *int64 `json:"num_deleted_rows,omitempty"`
	BacklogBytes *int64 `json:"backlog_bytes,omitempty"`
	BacklogFiles *int64 `json:"backlog_files,omitempty"`
}

// Expectation counts the rows that met an expectation and that did not.
type Expectation struct {
	Name    string `json:"name"`
	Dataset string `json:"dataset"`
	Passed  int64  `json:"passed_records"`
	Failed  int64  `json:"failed_records"`
}

// Quality is what expectations made of rows.
type Quality struct {
	Dropped      int64         `json:"dropped_records"`
	Expectations []Expectation `json:"expectations,omitempty"`
}

// Add adds what expectations made of other rows. Those of one name and dataset
// are one.
func (q *Quality) Add(other Quality) {
	q.Dropped += other.Dropped
	for _, e := range other.Expectations {
		i := slices.IndexFunc(q.Expectations, func(have Expectation) bool { return have.Name == e.Name && have.Dataset == e.Dataset })
		if i < 0 {
			q.Expectations = append(q.Expectations, e)
			continue
		}
		q.Expectations[i].Passed += e.Passed
		q.Expectations[i].Failed += e.Failed
	}
}

// progress is the detail of flow_progress.
type progress struct {
	Status  Status   `json:"status"`
	Metrics *Counts  `json:"metrics,omitempty"`
	Quality *Quality `json:"data_quality,omitempty"`
	// Cause is why a flow starts again.
	Cause Cause `json:"cause,omitempty"`
}

// Cause is why something is run.
type Cause string

// The causes of runs.
const (
	UserAction   Cause = "USER_ACTION"
	SchemaChange Cause = "SCHEMA_CHANGE"
)

// Restart records that the flow runs its batch again, and why.
func (f *Flow) Restart(cause Cause, why string) {
	f.speak()
	f.add(Event{
		Type: "flow_progress", Level: Warn, Origin: f.origin, Message: fmt.Sprintf("Flow '%s' is RESTARTED: %s.", f.name, why),
	}, progress{Status: FlowStarting, Cause: cause})
}

// Enter records that the flow is in a state.
func (f *Flow) Enter(s Status) {
	f.add(Event{
		Type: "flow_progress", Level: Info, Origin: f.origin, Message: fmt.Sprintf("Flow '%s' is %s.", f.name, s),
	}, progress{Status: s})
}

// Skip records that the flow does not run in this update, and why.
func (f *Flow) Skip(why string) {
	f.add(Event{
		Type: "flow_progress", Level: Warn, Origin: f.origin, Message: fmt.Sprintf("Flow '%s' is %s: %s", f.name, FlowSkipped, why),
	}, progress{Status: FlowSkipped})
}

// Fail records that the flow has failed. As the batch wrote nothing, no counts
// of it are recorded (semantics §12).
func (f *Flow) Fail(err error) {
	f.speak()
	f.add(Event{
		Type: "flow_progress", Level: Failure, Origin: f.origin, Error: errorOf(err),
		Message: fmt.Sprintf("Flow '%s' is %s. %v", f.name, FlowFailed, err),
	}, progress{Status: FlowFailed})
}

// Wrote records what a batch wrote. q may be nil.
func (f *Flow) Wrote(batch *int64, c Counts, q *Quality) {
	f.speak()
	origin := f.origin
	origin.BatchID = batch
	f.add(Event{
		Type: "flow_progress", Level: Metrics, Origin: origin, Message: fmt.Sprintf("Flow '%s' wrote %d rows.", f.name, c.OutputRows),
	}, progress{Status: FlowRunning, Metrics: &c, Quality: q})
}

// Streamed records the progress object of a batch (semantics §11.1).
func (f *Flow) Streamed(batch int64, progress any) error {
	body, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	origin := f.origin
	origin.BatchID = &batch
	f.add(Event{
		Type: "stream_progress", Level: Metrics, Origin: origin, Message: fmt.Sprintf("Batch %d of flow '%s' is done.", batch, f.name),
	}, map[string]string{"progress_json": string(body)})
	return nil
}

// Plan says how a materialized view is brought up to date.
type Plan struct {
	// Technique is one of Databricks' names of ways to maintain a view, such
	// as MAINTENANCE_TYPE_COMPLETE_RECOMPUTE.
	Technique string
	// Why says what ruled cheaper ways out; "" for the cheapest.
	Why string
}

// Planned records how the flow is going to run.
func (f *Flow) Planned(p Plan) {
	type technique struct {
		Type   string `json:"maintenance_type"`
		Chosen bool   `json:"is_chosen"`
		Why    string `json:"cost_or_rule,omitempty"`
	}
	message := fmt.Sprintf("Flow '%s' has been planned to be executed as %s.", f.name, p.Technique)
	if p.Why != "" {
		message += " " + p.Why
	}
	f.add(Event{Type: "planning_information", Level: Info, Origin: f.origin, Message: message},
		map[string]any{"technique_information": []technique{{p.Technique, true, p.Why}}})
}
