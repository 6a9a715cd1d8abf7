package stream_test

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream"
)

// discard is a sink that keeps nothing, but reads all.
type discard struct{ rows int64 }

func (*discard) Description() string { return "nothing" }

func (d *discard) Write(ctx context.Context, _ stream.Batch, rows *ingest.Relation) (stream.Written, error) {
	before := d.rows
	for rec, err := range rows.Read(ctx) {
		if err != nil {
			return stream.Written{}, err
		}
		d.rows += rec.NumRows()
	}
	return stream.Written{Rows: d.rows - before}, nil
}

// TestMemoryStays: what a flow and its checkpoint hold, storage included, is the
// same after a few batches and after very many. With FRESHET_SOAK these are a
// million.
func TestMemoryStays(t *testing.T) {
	few, many := 2_000, 20_000
	if os.Getenv("FRESHET_SOAK") != "" {
		many = 1_000_000
	}
	var there atomic.Int64
	src, sink := &numbers{there: &there, limit: many, step: many, perBatch: 1}, &discard{}
	f, err := flow(t.Context(), mem.New(time.Now), src, stream.Trigger{Kind: stream.AvailableNow})
	if err != nil {
		t.Fatal(err)
	}
	f.Sink = sink
	inUse := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var before int64
	f.Progress = func(p stream.Progress) {
		src.finished = nil // which the source keeps for other tests
		if p.BatchID == int64(few) {
			before = inUse()
		}
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sink.rows != int64(many) {
		t.Errorf("%d rows came through, want %d", sink.rows, many)
	}
	const slack = 1 << 20
	after := inUse()
	t.Logf("%d bytes after %d batches, %d after %d", before, few, after, many)
	if after > before+slack {
		t.Errorf("%d bytes after %d batches and %d after %d: what is held grows", before, few, after, many)
	}
	runtime.KeepAlive(f)
}
