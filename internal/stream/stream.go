// Package stream is the micro-batch runtime: it runs a flow from sources to a
// target in numbered batches, each exactly once whatever crashes (semantics
// §10.1).
//
// A batch's input is fixed in the flow's checkpoint before it runs, its effect
// is one commit that carries the batch's number, and only then is it finished
// in the checkpoint and told to the sources. A run that begins with a batch
// that was planned and not finished runs that batch again, with the same
// input; a target that has it already leaves it at that.
package stream

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// Source is where a flow's rows come from. Its offsets are JSON, and mean
// something to it alone. It is used by one goroutine at a time.
type Source interface {
	// Discover looks for what is new since it was last called. What it has
	// found is not forgotten by a restart.
	Discover(ctx context.Context) error
	// Next returns where a batch that begins at start is to end, given what is
	// discovered and, unless unlimited, the source's limits. A nil start is
	// the beginning; a nil end says that there is nothing new.
	Next(ctx context.Context, start json.RawMessage, unlimited bool) (end json.RawMessage, err error)
	// Read returns the rows from start, exclusive, to end. It is the same
	// input whenever it is called again.
	Read(ctx context.Context, start, end json.RawMessage) (*ingest.Relation, error)
	// Finish is told of each batch that is done, at least once.
	Finish(ctx context.Context, done Done) error
	// Progress describes what the source did in the batch read last.
	Progress() SourceProgress
}

// Settler is a [Source] that has doubts about a batch to clear before anything
// of it counts.
type Settler interface {
	// Settle is called when the rows of a batch have been taken to their end,
	// and before they are committed. An error ends the batch.
	Settle(ctx context.Context) error
}

// Done is a batch that is done.
type Done struct {
	Batch                int64
	End                  json.RawMessage
	Processed, Committed time.Time
	// Held looks whether the sink has the batch, by reading it back. A source
	// asks before it does what cannot be undone.
	Held func(ctx context.Context) (bool, error)
}

// Sink is where a flow's rows go.
type Sink interface {
	// Write writes the rows of a batch in one step, unless it has done so
	// before: it is called again with the same batch after a crash.
	Write(ctx context.Context, batch Batch, rows *ingest.Relation) (Written, error)
	// Description names the sink for progress reports.
	Description() string
}

// Holder is a [Sink] that can look what it has.
type Holder interface {
	// Holds reports whether the target has a batch, reading it anew.
	Holds(ctx context.Context, batch Batch) (bool, error)
}

// Batch identifies a batch to a sink.
type Batch struct {
	// Flow is the flow's identity, which its checkpoint keeps.
	Flow string
	ID   int64

	attempt *attempt // nil outside of a run
}

// Written is what a sink did with a batch.
type Written struct {
	Rows int64
	// Upserted and Deleted are the rows that a sink changed which applies
	// changes, nil of others.
	Upserted, Deleted *int64
	// Already says that the batch had been written before.
	Already bool
}

// Flow is a flow that can run. Sources, Sink and Checkpoint are required.
type Flow struct {
	Name       string
	Sources    []Source
	Sink       Sink
	Checkpoint *checkpoint.Checkpoint
	Trigger    Trigger
	// Transform makes of the sources' rows those of the sink; nil takes the
	// rows of the only source.
	Transform func(ctx context.Context, rows []*ingest.Relation) (*ingest.Relation, error)
	// Stateful, when set, takes the place of Transform.
	Stateful Stateful
	// Progress, when set, is told of each batch, and of ticks without one.
	Progress func(Progress)
	// Within, when set, is the checkpoint of what the flow is a part of: asked to
	// stop, it stops this flow too.
	Within *checkpoint.Checkpoint

	Clock  func() time.Time
	NewID  func() string
	Sleep  func(ctx context.Context, d time.Duration) error
	Logger *slog.Logger // nil discards
	// Gone tells whether the owner of an old lease has died; nil knows none.
	Gone func(checkpoint.Owner) bool

	run   string            // of the hold
	lease *checkpoint.Lease // nil outside of [Flow.Hold]
	// held is the number of the last lease, 0 before the first; undisturbed is
	// that it follows the one before.
	held        int64
	undisturbed bool
}

// owner says who runs the flow.
func (f *Flow) owner(run string) checkpoint.Owner {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return checkpoint.Owner{Run: run, Host: host, PID: os.Getpid()}
}
