package stream

import (
	"encoding/json"
	"time"
)

// Progress is what a batch was like, as Structured Streaming reports it
// (semantics §11.1). It marshals to that JSON.
type Progress struct {
	ID                     string                  `json:"id"`
	RunID                  string                  `json:"runId"`
	Name                   string                  `json:"name"`
	Timestamp              time.Time               `json:"timestamp"`
	BatchID                int64                   `json:"batchId"`
	BatchDuration          int64                   `json:"batchDuration"` // ms
	NumInputRows           int64                   `json:"numInputRows"`
	InputRowsPerSecond     float64                 `json:"inputRowsPerSecond"`
	ProcessedRowsPerSecond float64                 `json:"processedRowsPerSecond"`
	DurationMs             map[string]int64        `json:"durationMs"`
	EventTime              map[string]any          `json:"eventTime,omitempty"`
	StateOperators         []StateOperatorProgress `json:"stateOperators"`
	Sources                []SourceProgress        `json:"sources"`
	Sink                   SinkProgress            `json:"sink"`
}

// SourceProgress is what a source did in a batch.
type SourceProgress struct {
	Description            string            `json:"description"`
	StartOffset            json.RawMessage   `json:"startOffset"`
	EndOffset              json.RawMessage   `json:"endOffset"`
	LatestOffset           json.RawMessage   `json:"latestOffset"`
	NumInputRows           int64             `json:"numInputRows"`
	InputRowsPerSecond     float64           `json:"inputRowsPerSecond"`
	ProcessedRowsPerSecond float64           `json:"processedRowsPerSecond"`
	Metrics                map[string]string `json:"metrics,omitempty"`
}

// SinkProgress is what the sink did.
type SinkProgress struct {
	Description   string `json:"description"`
	NumOutputRows int64  `json:"numOutputRows"`
	// NumUpsertedRows and NumDeletedRows are those of a sink that applies
	// changes, nil of others.
	NumUpsertedRows *int64 `json:"numUpsertedRows,omitempty"`
	NumDeletedRows  *int64 `json:"numDeletedRows,omitempty"`
}

// stopwatch measures the steps of a batch.
type stopwatch struct {
	clock   func() time.Time
	started time.Time
	last    time.Time
	steps   map[string]int64 // ms
}

func newStopwatch(clock func() time.Time) *stopwatch {
	now := clock()
	return &stopwatch{clock: clock, started: now, last: now, steps: map[string]int64{}}
}

// lap books the time since the last step on this one.
func (w *stopwatch) lap(step string) {
	now := w.clock()
	w.steps[step] += now.Sub(w.last).Milliseconds()
	w.last = now
}

func (w *stopwatch) total() time.Duration { return w.last.Sub(w.started) }

// rate returns rows a second; time too short to measure counts as a
// millisecond.
func rate(rows int64, d time.Duration) float64 {
	return float64(rows) / max(d, time.Millisecond).Seconds()
}
