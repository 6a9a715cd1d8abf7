//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
)

// repeat yields one batch of numbers again and again.
type repeat struct {
	counter
	batches int
}

func (r *repeat) Next() bool {
	r.batches--
	return r.batches >= 0
}

func (r *repeat) Err() error { return nil }

func BenchmarkQuery(b *testing.B) {
	const size, batches = 50_000, 200 // 10 million rows
	one := &counter{rows: size, size: size, mem: memory.DefaultAllocator}
	one.Next()
	in := engine.Input{Name: "t", Schema: numbers, Open: func(context.Context) (array.RecordReader, error) {
		return &repeat{counter: counter{batch: one.batch}, batches: batches}, nil
	}}
	for _, bb := range []struct{ name, query string }{
		{"sum", "SELECT sum(n) FROM t"},
		{"group by dictionary", "SELECT s, count(*), sum(n) FROM t GROUP BY s"},
		{"group by number", "SELECT n % 1000, count(*), sum(n) FROM t GROUP BY 1"},
		{"project", "SELECT n * 2, s FROM t"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			e := open(b, duckdb.Config{})
			var rows int64
			for b.Loop() {
				r, err := e.Query(b.Context(), bb.query, []engine.Input{in})
				if err != nil {
					b.Fatal(err)
				}
				for r.Next() {
					rows += r.RecordBatch().NumRows()
				}
				if r.Err() != nil {
					b.Fatal(r.Err())
				}
				r.Release()
			}
			b.ReportMetric(float64(size*batches*b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
