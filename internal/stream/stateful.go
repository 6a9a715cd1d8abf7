package stream

import (
	"context"
	"time"

	"github.com/freshet/freshet/internal/ingest"
)

// Stateful makes the rows of the sink of those of the sources and of what it
// has kept from earlier batches. What it keeps is versioned by batch: a batch
// that runs again begins with what the one before has left.
type Stateful interface {
	// Apply returns what a batch brings, the same when it runs again.
	Apply(ctx context.Context, at Moment, rows []*ingest.Relation) (*ingest.Relation, error)
	// Seen returns what the last batch has shown of event times.
	Seen() EventTime
	// Due reports whether a batch without new rows would bring some, because
	// the watermark has moved on.
	Due(at Moment) bool
	// Finish is told that a batch is done, at least once. What is only needed
	// to run it again may go.
	Finish(ctx context.Context, batch int64) error
	// Progress describes what the operators did in the last batch.
	Progress() []StateOperatorProgress
}

// Moment is where in the life of a flow a batch is.
type Moment struct {
	Batch int64
	// Watermark is the event time, in ms since 1970, up to which windows are
	// closed by the batch. Late is that before which its rows are late: the
	// watermark of the batch before.
	Watermark, Late int64
}

// EventTime is what a batch has shown of event times. The zero value is a
// batch without any.
type EventTime struct {
	// Watermark is what the rows make of the watermark, in ms since 1970.
	Watermark     int64
	Rows          int64 // that have an event time
	Min, Max, Avg time.Time
}

// fields are the event times as progress reports have them (semantics §11.1).
func (e EventTime) fields(watermark int64) map[string]any {
	text := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	f := map[string]any{"watermark": text(time.UnixMilli(watermark))}
	if e.Rows > 0 {
		f["min"], f["max"], f["avg"] = text(e.Min), text(e.Max), text(e.Avg)
	}
	return f
}

// StateOperatorProgress is what a stateful operator did in a batch.
type StateOperatorProgress struct {
	OperatorName              string `json:"operatorName"`
	NumRowsTotal              int64  `json:"numRowsTotal"`
	NumRowsUpdated            int64  `json:"numRowsUpdated"`
	NumRowsRemoved            int64  `json:"numRowsRemoved"`
	NumRowsDroppedByWatermark int64  `json:"numRowsDroppedByWatermark"`
	CommitTimeMs              int64  `json:"commitTimeMs"`
	MemoryUsedBytes           int64  `json:"memoryUsedBytes"`
	NumStateStoreInstances    int64  `json:"numStateStoreInstances"`
}
