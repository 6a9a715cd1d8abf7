//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
)

// sumOf runs a statement over the numbers below n and returns what it sums up.
func sumOf(t *testing.T, s engine.Statement, n int64) int64 {
	t.Helper()
	r, err := s.Query(t.Context(), count("t", n).Open)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var sum int64
	for r.Next() {
		column, _ := r.RecordBatch().Column(0).(*array.Int64)
		for _, v := range column.Int64Values() {
			sum += v
		}
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return sum
}

func TestStatementRunsOverOtherRows(t *testing.T) {
	e := open(t, duckdb.Config{})
	s, err := e.InZone("Europe/Berlin").Prepare(t.Context(), "SELECT n + 1 FROM t", engine.Input{Name: "t", Schema: numbers})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, n := range []int64{3, 0, 5000, 1} {
		if got, want := sumOf(t, s, n), n*(n+1)/2; got != want {
			t.Errorf("of %d rows: %d, want %d", n, got, want)
		}
	}
	broken := errors.New("broken")
	r, err := s.Query(t.Context(), func(context.Context) (array.RecordReader, error) { return nil, broken })
	if err == nil {
		for r.Next() {
			t.Error("rows of a broken input")
		}
		err = r.Err()
		r.Release()
	}
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the input", err)
	}
	if got := sumOf(t, s, 3); got != 6 {
		t.Errorf("after an error: %d, want 6", got)
	}
}

func TestStatementReadsItsInputOnce(t *testing.T) {
	e := open(t, duckdb.Config{})
	if _, err := e.Prepare(t.Context(), "SELECT a.n FROM t a, t b", engine.Input{Name: "t", Schema: numbers, Open: count("t", 2).Open}); err == nil {
		t.Error("a query that reads its input twice was planned")
	}
}

// BenchmarkDecimals measures operators on decimals that DuckDB lacks.
func BenchmarkDecimals(b *testing.B) {
	const size = 100_000
	one := &counter{rows: size, size: size, mem: memory.DefaultAllocator}
	one.Next()
	in := engine.Input{Name: "t", Schema: numbers, Open: func(context.Context) (array.RecordReader, error) {
		return &repeat{counter: counter{batch: one.batch}, batches: 1}, nil
	}}
	for name, query := range map[string]string{
		"divide":          "SELECT max(spark_decimal_6('/', CAST(n AS DECIMAL(20,0)), CAST(7 AS DECIMAL(2,1)))) FROM t",
		"divide, large":   "SELECT max(spark_decimal_6('/', CAST(n AS DECIMAL(38,0)), CAST('7e25' AS DECIMAL(38,10)))) FROM t",
		"multiply, large": "SELECT max(spark_decimal_6('*', CAST(n AS DECIMAL(38,6)), CAST('7.5' AS DECIMAL(38,18)))) FROM t",
	} {
		b.Run(name, func(b *testing.B) {
			e := open(b, duckdb.Config{})
			for b.Loop() {
				if _, err := rows(b, e, query, in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
