package eventlog

import (
	"errors"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

// Event is one line of the log (semantics §11.3). It marshals to JSON by the
// names of the log's columns.
type Event struct {
	ID        string    `json:"id"`
	Sequence  Sequence  `json:"sequence"`
	Origin    Origin    `json:"origin"`
	Timestamp time.Time `json:"timestamp"`
	Message   string    `json:"message"`
	Level     Level     `json:"level"`
	Maturity  string    `json:"maturity_level"`
	Error     *Error    `json:"error"`
	// Details is a JSON object with one field, named for the event's type.
	Details string `json:"details"`
	Type    string `json:"event_type"`
}

// Level is how much an event matters.
type Level string

// The levels of events.
const (
	Info    Level = "INFO"
	Warn    Level = "WARN"
	Failure Level = "ERROR"
	Metrics Level = "METRICS"
)

// Sequence orders events. The number grows from event to event of one
// process, and from process to process as far as their clocks agree.
type Sequence struct {
	ControlPlane int64 `json:"control_plane_seq_no"`
}

// Origin is what an event is about.
type Origin struct {
	PipelineType string `json:"pipeline_type,omitempty"`
	PipelineID   string `json:"pipeline_id,omitempty"`
	PipelineName string `json:"pipeline_name,omitempty"`
	UpdateID     string `json:"update_id,omitempty"`
	DatasetName  string `json:"dataset_name,omitempty"`
	FlowID       string `json:"flow_id,omitempty"`
	FlowName     string `json:"flow_name,omitempty"`
	BatchID      *int64 `json:"batch_id,omitempty"`
	Host         string `json:"host,omitempty"`
}

// Error is what an event of level ERROR tells of.
type Error struct {
	Fatal      bool        `json:"fatal"`
	Exceptions []Exception `json:"exceptions"`
}

// Exception is one error: its class, "" when it has none, and its message.
type Exception struct {
	ClassName string `json:"class_name"`
	Message   string `json:"message"`
}

// errorOf describes err for an event; nil of nil.
func errorOf(err error) *Error {
	if err == nil {
		return nil
	}
	e := Exception{Message: err.Error()}
	if known, ok := errors.AsType[errclass.Classified](err); ok {
		e.ClassName = known.ErrorClass()
	}
	return &Error{Fatal: true, Exceptions: []Exception{e}}
}

// columns are those of the log. Parts of the origin that only a hosted service
// knows, such as its region, are left out.
const columns = `
	id STRING NOT NULL,
	sequence STRUCT<control_plane_seq_no: BIGINT>,
	origin STRUCT<
		pipeline_type: STRING, pipeline_id: STRING, pipeline_name: STRING, update_id: STRING, dataset_name: STRING,
		flow_id: STRING, flow_name: STRING, batch_id: BIGINT, host: STRING>,
	timestamp TIMESTAMP,
	message STRING,
	level STRING,
	maturity_level STRING,
	error STRUCT<fatal: BOOLEAN, exceptions: ARRAY<STRUCT<class_name: STRING, message: STRING>>>,
	details STRING,
	event_type STRING`

// Columns returns the columns of the log.
func Columns() (*schema.Struct, error) { return schema.ParseDDL(columns) }
