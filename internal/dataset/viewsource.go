package dataset

import (
	"context"
	"encoding/json"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/schema"
)

// viewSource is a temporary view over one stream that is read as a stream: the
// rows of each batch are those that the view makes of it, checked by the
// view's expectations.
type viewSource struct {
	sourceWithSchema // that the view reads
	datasets         *Set
	view             *sql.CreateView
}

var (
	_ stream.Watcher = (*viewSource)(nil)
	_ stream.Settler = (*viewSource)(nil)
)

// openViewSource opens the source of STREAM view.
func (d *Set) openViewSource(ctx context.Context, ref *sql.Table, view *sql.CreateView, c *checkpoint.Checkpoint, number int, want query.Scan) (sourceWithSchema, error) {
	refs := query.Streams(view.Query)
	switch {
	case ref.TimeTravel != nil || ref.Sample != nil || len(ref.Options) > 0:
		return nil, errclass.Unsupported("options of a stream of a view; give them to the stream in the view", ref.String())
	case len(refs) == 0:
		return nil, errclass.New("UNSUPPORTED_STREAMING_OPERATION", "0A000",
			"%s: the query of the view reads no stream; write STREAM before a relation in it, or leave STREAM out here.", ref)
	case len(refs) > 1:
		return nil, errclass.Unsupported("a stream of a view over several streams; give the table a flow for each", ref.String())
	}
	inner := query.Wanted(view.Query)
	inner.Sample = want.Sample
	src, err := d.openSource(ctx, refs[0], c, number, inner)
	if err != nil {
		return nil, err
	}
	return &viewSource{sourceWithSchema: src, datasets: d, view: view}, nil
}

// Schema implements [sourceWithSchema].
func (v *viewSource) Schema(ctx context.Context) (*schema.Struct, error) {
	return resultColumns(ctx, []sourceWithSchema{v.sourceWithSchema}, func(none []*ingest.Relation) (*ingest.Relation, error) {
		return v.rows(ctx, none[0])
	})
}

// Read implements [stream.Source].
func (v *viewSource) Read(ctx context.Context, start, end json.RawMessage) (*ingest.Relation, error) {
	rows, err := v.sourceWithSchema.Read(ctx, start, end)
	if err != nil {
		return nil, err
	}
	return v.rows(ctx, rows)
}

// rows runs the view's query over rows of its stream.
func (v *viewSource) rows(ctx context.Context, rows *ingest.Relation) (*ingest.Relation, error) {
	out, err := v.datasets.planner.QueryStreamsText(ctx, v.view.Query.String(), []*ingest.Relation{rows})
	if err != nil {
		return nil, err
	}
	return v.datasets.planner.CheckedRows(v.view, out)
}

// Watch implements [stream.Watcher].
func (v *viewSource) Watch(ctx context.Context) (stop func() error, err error) {
	if w, ok := v.sourceWithSchema.(stream.Watcher); ok {
		return w.Watch(ctx)
	}
	return func() error { return nil }, nil
}

// Ready implements [stream.Watcher].
func (v *viewSource) Ready() <-chan struct{} {
	if w, ok := v.sourceWithSchema.(stream.Watcher); ok {
		return w.Ready()
	}
	return nil
}

// Unwatched implements [stream.Watcher].
func (v *viewSource) Unwatched() error {
	if w, ok := v.sourceWithSchema.(stream.Watcher); ok {
		return w.Unwatched()
	}
	return nil
}

// Settle implements [stream.Settler].
func (v *viewSource) Settle(ctx context.Context) error {
	if settler, ok := v.sourceWithSchema.(stream.Settler); ok {
		return settler.Settle(ctx)
	}
	return nil
}

// beneath returns the source below the views over it.
func beneath(src sourceWithSchema) sourceWithSchema {
	for {
		v, ok := src.(*viewSource)
		if !ok {
			return src
		}
		src = v.sourceWithSchema
	}
}
