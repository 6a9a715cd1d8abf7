package rule_test

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
	"github.com/freshet/freshet/internal/rule"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// BenchmarkEvaluate measures what the rules of a table cost a batch: of few
// rows, which is the cost of asking the engine, and of many.
func BenchmarkEvaluate(b *testing.B) {
	eng, err := duckdb.Open(duckdb.Config{TempDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	e := &rule.Evaluator{
		Engine:   func() (engine.Engine, error) { return eng, nil },
		TimeZone: func() *time.Location { return time.UTC },
		Printer:  func(r sql.Relations) *sql.Printer { return &sql.Printer{Relations: r} },
	}
	b.Cleanup(func() {
		e.Close()
		_ = eng.Close()
	})
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
