package dataset

import (
	"context"
	"encoding/json"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// onceSource is the source of a flow that runs once, over tables and files as
// they are (semantics §9.4). Its only batch has no rows: the flow's query reads
// what there is, so that a batch that is run again after a crash may find more
// than the one that was not committed.
type onceSource struct{ query string }

var _ sourceWithSchema = (*onceSource)(nil)

// Schema implements [sourceWithSchema].
func (*onceSource) Schema(context.Context) (*schema.Struct, error) { return &schema.Struct{}, nil }

// Discover implements [stream.Source].
func (*onceSource) Discover(context.Context) error { return nil }

// Next implements [stream.Source].
func (*onceSource) Next(_ context.Context, start json.RawMessage, _ bool) (json.RawMessage, error) {
	if start != nil {
		return nil, nil
	}
	return json.RawMessage(`{"once":true}`), nil
}

// Read implements [stream.Source].
func (*onceSource) Read(context.Context, json.RawMessage, json.RawMessage) (*ingest.Relation, error) {
	return query.Empty(&schema.Struct{}), nil
}

// Finish implements [stream.Source].
func (*onceSource) Finish(context.Context, stream.Done) error { return nil }

// Progress implements [stream.Source].
func (s *onceSource) Progress() stream.SourceProgress {
	return stream.SourceProgress{Description: "QuerySource[" + s.query + "]"}
}
