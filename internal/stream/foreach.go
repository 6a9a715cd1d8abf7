package stream

import (
	"context"
	"sync/atomic"

	"github.com/freshet/freshet/internal/ingest"
)

// ForeachBatch is the sink that hands each batch to a function (semantics
// §10.6). The function may be called with a batch again, and then has the same
// rows: when the process died, or the function failed, before the batch was
// known to be done. Writing it twice has no effect when
//
//   - [Batch.WriteTo] writes it to a table, which keeps the batch's number in the
//     commit (txnAppId and txnVersion of Spark). One function may write to
//     several tables, each of which takes the batch once; or
//   - rows are merged by a key.
type ForeachBatch struct {
	Name string // for progress reports
	// Do does something with the rows. It reads them at most once, or closes
	// them.
	Do func(ctx context.Context, batch Batch, rows *ingest.Relation) error
}

var _ Sink = (*ForeachBatch)(nil)

// Write implements [Sink].
func (s *ForeachBatch) Write(ctx context.Context, batch Batch, rows *ingest.Relation) (Written, error) {
	var n atomic.Int64
	if err := s.Do(ctx, batch, counted(rows, &n)); err != nil {
		return Written{}, err
	}
	return Written{Rows: n.Load()}, nil
}

// Description implements [Sink].
func (s *ForeachBatch) Description() string { return "ForeachBatchSink[" + s.Name + "]" }
