//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/schema"
)

func open(tb testing.TB, cfg duckdb.Config) *duckdb.Engine {
	tb.Helper()
	e, err := duckdb.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// rows runs a query and returns its rows as JSON, one a line.
func rows(tb testing.TB, e *duckdb.Engine, query string, inputs ...engine.Input) (string, error) {
	tb.Helper()
	r, err := e.Query(tb.Context(), query, inputs)
	if err != nil {
		return "", err
	}
	defer r.Release()
	if _, err := schema.FromArrow(r.Schema()); err != nil {
		tb.Errorf("schema of %s: %v", query, err)
	}
	var out strings.Builder
	for r.Next() {
		b := array.RecordToStructArray(r.RecordBatch())
		for i := range b.Len() {
			out.WriteString(b.ValueStr(i) + "\n")
		}
		b.Release()
	}
	return out.String(), r.Err()
}

var numbers = arrow.NewSchema([]arrow.Field{
	{Name: "n", Type: arrow.PrimitiveTypes.Int64},
	{Name: "s", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.BinaryTypes.String}},
}, nil)

// counter generates batches of n = 0, 1, … and s = "s0", "s1", "s2", "s0", ….
type counter struct {
	array.RecordReader // unused methods
	batch              arrow.RecordBatch
	next, rows, size   int64
	err                error // after the last row
	mem                memory.Allocator
}

func (c *counter) Next() bool {
	if c.next >= c.rows {
		return false
	}
	b := array.NewRecordBuilder(c.mem, numbers)
	defer b.Release()
	for range min(c.size, c.rows-c.next) {
		b.Field(0).(*array.Int64Builder).Append(c.next)
		if err := b.Field(1).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprintf("s%d", c.next%3)); err != nil {
			c.err = err
		}
		c.next++
	}
	c.batch = b.NewRecordBatch()
	return true
}

func (c *counter) RecordBatch() arrow.RecordBatch {
	b := c.batch
	return b
}
func (c *counter) Schema() *arrow.Schema { return numbers }
func (c *counter) Err() error {
	if c.next < c.rows {
		return nil
	}
	return c.err
}
func (c *counter) Retain()  {}
func (c *counter) Release() {}

func count(name string, n int64) engine.Input {
	return engine.Input{Name: name, Schema: numbers, Open: func(context.Context) (array.RecordReader, error) {
		return &counter{rows: n, size: 10_000, mem: memory.DefaultAllocator}, nil
	}}
}

func TestQueryInputs(t *testing.T) {
	e := open(t, duckdb.Config{})
	tests := []struct{ name, query, want string }{
		{"aggregate", `SELECT count(*) AS n, sum(n) AS total, count(DISTINCT s) AS d FROM t`, `{"d":3,"n":100000,"total":4999950000}`},
		{"dictionary", `SELECT s, count(*) AS c FROM t GROUP BY s ORDER BY s`, `{"c":33334,"s":"s0"}
{"c":33333,"s":"s1"}
{"c":33333,"s":"s2"}`},
		{"order is kept", `SELECT n FROM t LIMIT 2`, `{"n":0}
{"n":1}`},
		{"ordered sum", `SELECT s, sum(n) AS x FROM t GROUP BY s ORDER BY x DESC`, `{"s":"s0","x":1666683333}
{"s":"s2","x":1666650000}
{"s":"s1","x":1666616667}`},
		{"self join", `SELECT count(*) AS c FROM t a JOIN t b ON a.n = b.n + 1`, `{"c":99999}`},
		{"common table expression twice", `WITH c AS (SELECT * FROM t WHERE n < 10) SELECT count(*) AS c FROM c a, c b`, `{"c":100}`},
		{"inlined expression twice", `WITH c AS NOT MATERIALIZED (SELECT * FROM t WHERE n < 10) SELECT count(*) AS c FROM c a, c b`, `{"c":100}`},
		{"filter", `SELECT min(n) AS lo, max(n) AS hi, count(*) AS c FROM t WHERE n > 3 AND s = 's1' AND n IS NOT NULL`, `{"c":33332,"hi":99997,"lo":4}`},
		{"last column alone", `SELECT max(s) AS m FROM t`, `{"m":"s2"}`},
		{"columns swapped", `SELECT s, n FROM t ORDER BY n DESC LIMIT 1`, `{"n":99999,"s":"s0"}`},
		{"one pruned, one twice", `SELECT count(*) AS c FROM t a JOIN t b USING (n) LEFT JOIN (SELECT * FROM u WHERE false) x USING (n)`, `{"c":100000}`},
		{"recursion", `WITH RECURSIVE r(i) AS (SELECT 0::BIGINT UNION ALL SELECT t.n FROM r JOIN t ON t.n = r.i + 1 WHERE r.i < 5) SELECT max(i) AS m, count(*) AS c FROM r`, `{"c":6,"m":5}`},
		{"correlated", `SELECT count(*) AS c FROM t a WHERE n = (SELECT max(n) FROM t b WHERE b.s = a.s)`, `{"c":3}`},
		{"two inputs", `SELECT count(*) AS c FROM t JOIN u USING (n)`, `{"c":10}`},
		{"input never read", `SELECT 1 AS one`, `{"one":1}`},
		{"trailing semicolon", `SELECT 1 AS one;`, `{"one":1}`},
		{"trailing comment", `SELECT sum(n) AS x FROM u -- all`, `{"x":45}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rows(t, e, tt.query, count("t", 100_000), count("u", 10))
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(got) != tt.want {
				t.Errorf("%s\ngot  %s\nwant %s", tt.query, got, tt.want)
			}
		})
	}
}

// TestIntervalsAreRefused: what prints the query makes texts of intervals; one
// that comes out of the engine all the same has no type of Spark's.
func TestIntervalsAreRefused(t *testing.T) {
	e := open(t, duckdb.Config{})
	for _, expr := range []string{"INTERVAL 3 DAY", "[INTERVAL 1 MONTH]"} {
		if r, err := e.Query(t.Context(), "SELECT "+expr+" AS x", nil); err == nil {
			r.Release()
			t.Errorf("%s: no error", expr)
		}
	}
}

func TestResultTypes(t *testing.T) {
	e := open(t, duckdb.Config{})
	tests := []struct{ expr, want, value string }{
		{"1::HUGEINT", "BIGINT", "1"},
		{"sum(1::BIGINT)", "BIGINT", "1"},
		{"sum(1.5::DECIMAL(4,2))", "DECIMAL(38,2)", `"1.5"`},
		{"1::UTINYINT", "SMALLINT", "1"},
		{"1::UBIGINT", "DECIMAL(20,0)", `"1"`},
		{"TIMESTAMPTZ '2024-01-02 03:04:05.678901+02'", "TIMESTAMP", `"2024-01-02T01:04:05.678901Z"`},
		{"TIMESTAMP_S '2024-01-02 03:04:05'", "TIMESTAMP_NTZ", `"2024-01-02T03:04:05"`},
		{"TIMESTAMP_NS '2024-01-02 03:04:05.123456789'", "TIMESTAMP_NTZ", `"2024-01-02T03:04:05.123456"`},
		{"TIME '03:04:05'", "STRING", `"03:04:05"`},
		{"'a'::ENUM('a', 'b')", "STRING", `"a"`},
		{"'8a9b1c2d-0000-0000-0000-000000000001'::UUID", "STRING", `"8a9b1c2d-0000-0000-0000-000000000001"`},
		{`'{"a":1}'::JSON`, "STRING", `"{\"a\":1}"`},
		{"'101'::BIT", "STRING", `"101"`},
		{"union_value(n := 1)", "STRING", `"1"`},
		{"[1::HUGEINT]", "ARRAY<BIGINT>", "[1]"},
		{"array_value(1, 2)", "ARRAY<INT>", "[1,2]"},
		{"MAP {'a': 1::UTINYINT}", "MAP<STRING, SMALLINT>", `[{"key":"a","value":1}]`},
		{"{'a': 1::HUGEINT, 'b c': 'x'}", "STRUCT<a: BIGINT, `b c`: STRING>", `{"a":1,"b c":"x"}`},
		{"NULL", "INT", "null"},
		{"1.5::FLOAT", "FLOAT", "1.5"},
		{"'ab'::BLOB", "BINARY", `"YWI="`},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			r, err := e.Query(t.Context(), "SELECT "+tt.expr+" AS x", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Release()
			s, err := schema.FromArrow(r.Schema())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Fields[0].Type.String(); !strings.EqualFold(got, tt.want) {
				t.Errorf("type = %s, want %s", got, tt.want)
			}
			if !r.Next() {
				t.Fatal(r.Err())
			}
			b := array.RecordToStructArray(r.RecordBatch())
			defer b.Release()
			if got := b.ValueStr(0); got != `{"x":`+tt.value+`}` {
				t.Errorf("value = %s, want %s", got, tt.value)
			}
		})
	}
}

func TestErrorsAreClassified(t *testing.T) {
	e := open(t, duckdb.Config{})
	tests := []struct{ query, class, state, text string }{
		{"SELECT CAST('a' AS INT)", "CAST_INVALID_INPUT", "22018", `The value 'a' of the type "STRING" cannot be cast to "INT"`},
		{"SELECT CAST(3000000000 AS INT)", "CAST_OVERFLOW", "22003", `value 3000000000 of the type "BIGINT"`},
		{"SELECT 9223372036854775807::BIGINT + 1::BIGINT", "ARITHMETIC_OVERFLOW", "22003", "Overflow in addition"},
		{"SELECT sum(x) FROM (VALUES (9223372036854775807), (1)) v(x)", "ARITHMETIC_OVERFLOW", "22003", "overflow"},
		{"SELECT foo FROM (SELECT 1 AS fo)", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "`foo` cannot be resolved. Did you mean one of the following? [`fo`]"},
		{"SELECT t.foo, t.fo AS x FROM (SELECT 1 AS fo) t", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703", "`foo` cannot"},
		{"SELECT nosuch(1)", "UNRESOLVED_ROUTINE", "42883", "`nosuch`"},
		{"SELECT sum(a), b FROM (SELECT 1 AS a, 2 AS b)", "MISSING_AGGREGATION", "42803", "`b`"},
		{"SELECT * FROM nosuch", "TABLE_OR_VIEW_NOT_FOUND", "42P01", "`nosuch`"},
		{"SELECT error('[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012')", "DIVIDE_BY_ZERO", "22012", "Division by zero."},
		{"SELEC 1", "PARSE_SYNTAX_ERROR", "42601", "syntax error"},
		{"SELECT 1; SELECT 2", "INVALID_PARAMETER_VALUE", "22023", "multiple statements"},
		{"SELECT * FROM read_csv('/etc/passwd')", "INTERNAL_ERROR", "XX000", "disabled"},
		{"SET threads = 1", "INVALID_PARAMETER_VALUE", "22023", "locked"},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			_, err := rows(t, e, tt.query)
			var c errclass.Classified
			if !errors.As(err, &c) {
				t.Fatalf("got %v, want a classified error", err)
			}
			if c.ErrorClass() != tt.class || c.SQLState() != tt.state || !strings.Contains(c.Error(), tt.text) {
				t.Errorf("got %s, want %s %s %s", errclass.Format(err), tt.class, tt.state, tt.text)
			}
		})
	}
}

func TestInputErrorIsTheCause(t *testing.T) {
	e := open(t, duckdb.Config{})
	boom := errors.New("boom")
	for _, at := range []string{"open", "end"} {
		t.Run(at, func(t *testing.T) {
			in := engine.Input{Name: "t", Schema: numbers, Open: func(context.Context) (array.RecordReader, error) {
				if at == "open" {
					return nil, boom
				}
				return &counter{rows: 20_000, size: 1000, err: boom, mem: memory.DefaultAllocator}, nil
			}}
			_, err := rows(t, e, "SELECT sum(n) FROM t", in)
			if !errors.Is(err, boom) || !strings.Contains(err.Error(), "read input t") {
				t.Errorf("got %v, want boom of input t", err)
			}
		})
	}
	if got, err := rows(t, e, "SELECT 1 AS x"); err != nil || got != "{\"x\":1}\n" {
		t.Errorf("afterwards got %q, %v", got, err)
	}
}

func TestCancelInterrupts(t *testing.T) {
	e := open(t, duckdb.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	r, err := e.Query(ctx, "SELECT sum(a.range * b.range % 7) AS x FROM range(1000000) a, range(1000000) b", nil)
	if err == nil {
		for r.Next() {
		}
		err = r.Err()
		r.Release()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestResultStreams(t *testing.T) {
	e := open(t, duckdb.Config{MemoryLimit: 64 << 20})
	r, err := e.Query(t.Context(), "SELECT n, s FROM t", []engine.Input{count("t", 1_000_000_000)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() || r.RecordBatch().NumRows() == 0 {
		t.Fatalf("no first batch of an endless input: %v", r.Err())
	}
}

func TestSpills(t *testing.T) {
	e := open(t, duckdb.Config{MemoryLimit: 48 << 20, Threads: 1})
	got, err := rows(t, e, "SELECT count(*) AS c, min(h) IS NOT NULL AS h FROM (SELECT n, md5(n::VARCHAR) AS h FROM t ORDER BY h)", count("t", 1_500_000))
	if err != nil || got != "{\"c\":1500000,\"h\":true}\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestConcurrentQueries(t *testing.T) {
	t.Parallel()
	e := open(t, duckdb.Config{})
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			n := int64(1000 * (i + 1))
			got, err := rows(t, e, "SELECT count(*) AS c FROM t", count("t", n))
			if want := fmt.Sprintf("{\"c\":%d}\n", n); err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestReaderAfterRelease(t *testing.T) {
	r, err := open(t, duckdb.Config{}).Query(t.Context(), "SELECT 1 AS x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Release()
	if r.Next() || r.Schema().NumFields() != 1 {
		t.Errorf("after release: a batch, or the schema %v", r.Schema())
	}
}
