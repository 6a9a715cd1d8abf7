package session

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/schema"
)

// BenchmarkEvaluate measures what the rules of a table cost a batch: of few
// rows, which is the cost of asking the engine, and of many.
func BenchmarkEvaluate(b *testing.B) {
	s, err := Open(b.Context(), Config{Workspace: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	for name, n := range map[string]int64{"16 rows": 16, "65536 rows": 65536} {
		b.Run(name, func(b *testing.B) {
			builder := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(schema.New(schema.Col("a", schema.Long), schema.Col("b", schema.Long))))
			defer builder.Release()
			for i := range n {
				builder.Field(0).(*array.Int64Builder).Append(i)
				builder.Field(1).(*array.Int64Builder).Append(2 * i)
			}
			rows := builder.NewRecordBatch()
			defer rows.Release()
			e := s.evaluator()
			for b.Loop() {
				results, err := e.Evaluate(b.Context(), rows, []string{"a >= 0", "b <=> CAST((a * 2) AS BIGINT)"})
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range results {
					r.Release()
				}
			}
		})
	}
}
