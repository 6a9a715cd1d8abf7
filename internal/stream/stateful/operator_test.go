//go:build duckdb_arrow

package stateful_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/stateful"
	"github.com/freshet/freshet/schema"
)

// The stream s of the tests.
var columns = schema.New(schema.Col("k", schema.Long), schema.Col("v", schema.Long), schema.Col("ts", schema.Timestamp))

// bench is what operators of a test run in.
type bench struct {
	testing.TB
	engine *duckdb.Engine
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	e, err := duckdb.Open(duckdb.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &bench{tb, e}
}

// operator opens an operator over a checkpoint. Its query is one that the
// engine takes as it is, but for STREAM and WATERMARK.
func (b *bench) operator(checkpoint object.Store, query string, modes ...stateful.Mode) *stateful.Operator {
	b.Helper()
	plan, err := stateful.New(query, nil)
	for _, mode := range modes {
		if err == nil {
			err = plan.As(mode)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	return stateful.Open(stateful.Config{
		Plan: plan, Checkpoint: checkpoint, Engine: b.engine, Query: b.query, Input: inputOf, TimeZone: time.UTC, Clock: time.Now, NewID: uuid.NewString,
	})
}

func (b *bench) query(ctx context.Context, text string, streams []*ingest.Relation) (*ingest.Relation, error) {
	text = strings.NewReplacer("STREAM ", "", " WATERMARK ts DELAY OF INTERVAL 0 SECONDS", "", "unix_micros", "epoch_us",
		"pmod", "mod", "timestamp_micros(", "make_timestamptz(").Replace(text)
	name := "s"
	if strings.Contains(text, "__groups") {
		name = "__groups"
	}
	r, err := b.engine.Query(ctx, text, []engine.Input{inputOf(name, streams[0])})
	if err != nil {
		return nil, err
	}
	return ingest.Results(r)
}

func inputOf(name string, rows *ingest.Relation) engine.Input {
	layout := schema.ToArrow(rows.Schema)
	return engine.Input{Name: name, Schema: layout, Open: func(ctx context.Context) (array.RecordReader, error) {
		return engine.NewReader(ctx, layout, func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
			return conform.PlainRows(rows.Read(ctx), layout)
		}), nil
	}}
}

// streamOf returns n rows of the stream: keys, and seconds of their times.
func streamOf(n int, at func(i int) (key, second int64)) *ingest.Relation {
	return &ingest.Relation{Schema: columns, Read: func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			b := array.NewRecordBuilder(memory.DefaultAllocator, schema.ToArrow(columns))
			defer b.Release()
			for i := range n {
				key, second := at(i)
				b.Field(0).(*array.Int64Builder).Append(key)
				b.Field(1).(*array.Int64Builder).Append(int64(i))
				b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(second * 1e6))
				if (i+1)%8192 != 0 && i+1 < n {
					continue
				}
				rec := b.NewRecordBatch()
				more := yield(rec, nil)
				rec.Release()
				if !more {
					return
				}
			}
		}
	}}
}

// result returns the rows of a batch, sorted.
func result(ctx context.Context, rows *ingest.Relation) (out []string, err error) {
	for rec, err := range rows.Read(ctx) {
		if err != nil {
			return nil, err
		}
		for i := range int(rec.NumRows()) {
			var fields []string
			for _, c := range rec.Columns() {
				fields = append(fields, c.ValueStr(i))
			}
			out = append(out, strings.Join(fields, "|"))
		}
	}
	slices.Sort(out)
	return out, nil
}

// TestOperatorAsModel runs random batches of several queries, over a storage on
// which the process dies every so often, beside a map of what they are to
// bring.
func TestOperatorAsModel(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		model func(*counts, [][2]int64) []string
	}{
		"updated":  {"SELECT k, count(*) AS c, max(ts) AS m FROM STREAM s GROUP BY k", (*counts).updated},
		"appended": {"SELECT ts, k, count(*) AS c FROM STREAM s WATERMARK ts DELAY OF INTERVAL 0 SECONDS GROUP BY ts, k", (*counts).appended},
		"distinct": {"SELECT DISTINCT ts, k FROM STREAM s WATERMARK ts DELAY OF INTERVAL 0 SECONDS", (*counts).distinct},
		"complete": {"SELECT count(*) AS c FROM STREAM s GROUP BY k", (*counts).complete},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			for seed := range uint64(2) {
				run := modelRun{bench: b, query: c.query, model: c.model, disk: mem.New(time.Now), Rand: rand.New(rand.NewPCG(seed, 7)), counts: newCounts()}
				for batch := range int64(20) {
					run.batch(t, batch)
				}
			}
		})
	}
}

// modelRun is one query beside its model.
type modelRun struct {
	*bench
	*rand.Rand
	counts  *counts
	query   string
	model   func(*counts, [][2]int64) []string
	disk    object.Store
	op      *stateful.Operator
	crashes int
}

// batch runs a batch until it is through, and once more now and then.
func (m *modelRun) batch(t *testing.T, n int64) {
	t.Helper()
	rows := make([][2]int64, m.IntN(300))
	for i := range rows {
		rows[i] = [2]int64{m.Int64N(200), 10 + n + m.Int64N(8)}
	}
	at := stream.Moment{Batch: n, Watermark: m.counts.watermark * 1000, Late: m.counts.late * 1000}
	want := m.model(m.counts, rows)
	slices.Sort(want)
	for done := false; !done; done = m.IntN(8) > 0 {
		got, err := m.attempt(t.Context(), at, rows)
		for ; err != nil; got, err = m.attempt(t.Context(), at, rows) {
			m.op, m.crashes = nil, m.crashes+1
		}
		if !slices.Equal(got, want) {
			t.Fatalf("batch %d brings\n%q, want\n%q", n, got, want)
		}
	}
	m.counts.done(rows)
}

// attempt runs a batch in a process that may die on the way.
func (m *modelRun) attempt(ctx context.Context, at stream.Moment, rows [][2]int64) ([]string, error) {
	if m.op == nil {
		plan := objecttest.CrashAt(1 + m.IntN(300))
		if m.crashes > 10 {
			plan = objecttest.Script()
		}
		m.op = m.operator(objecttest.NewFaulty(m.disk, plan), m.query)
	}
	in := streamOf(len(rows), func(i int) (int64, int64) { return rows[i][0], rows[i][1] })
	out, err := m.op.Apply(ctx, at, []*ingest.Relation{in})
	if err != nil {
		return nil, err
	}
	got, err := result(ctx, out)
	out.Close()
	if err == nil {
		err = m.op.Finish(ctx, at.Batch)
	}
	return got, err
}

// TestModesChange: a query that closes groups goes on in complete mode, in which
// they stay, with those that it has not closed yet, and back.
func TestModesChange(t *testing.T) {
	b, disk := newBench(t), mem.New(time.Now)
	const query = "SELECT ts, count(*) AS c FROM STREAM s WATERMARK ts DELAY OF INTERVAL 0 SECONDS GROUP BY ts"
	for batch, c := range []struct {
		mode            stateful.Mode
		watermark, late int64
		rows            []int64
		want            []string
	}{
		{stateful.Append, 0, 0, []int64{10, 20, 30}, nil},
		{stateful.Append, 10, 0, []int64{20}, []string{text(10) + "|1"}},
		{stateful.Complete, 20, 10, []int64{10, 20}, []string{text(10) + "|1", text(20) + "|3", text(30) + "|1"}},
		{stateful.Complete, 20, 20, []int64{30}, []string{text(10) + "|1", text(20) + "|3", text(30) + "|2"}},
		{stateful.Append, 20, 20, nil, []string{text(10) + "|1", text(20) + "|3"}},
		{stateful.Append, 30, 20, nil, []string{text(30) + "|2"}},
	} {
		at := stream.Moment{Batch: int64(batch), Watermark: c.watermark * 1000, Late: c.late * 1000}
		rows := streamOf(len(c.rows), func(i int) (int64, int64) { return 1, c.rows[i] })
		out, err := b.operator(disk, query, c.mode).Apply(t.Context(), at, []*ingest.Relation{rows})
		if err != nil {
			t.Fatal(err)
		}
		got, err := result(t.Context(), out)
		out.Close()
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("batch %d brings %q (%v), want %q", batch, got, err, c.want)
		}
	}
}

// counts is the state as a map: how many rows of a key and a second there were.
type counts struct {
	rows            map[[2]int64]int64
	newest          map[int64]int64 // by key
	total           map[int64]int64 // by key
	watermark, late int64           // in seconds
}

func newCounts() *counts {
	return &counts{rows: map[[2]int64]int64{}, newest: map[int64]int64{}, total: map[int64]int64{}}
}

// done moves the watermark to the last second seen.
func (c *counts) done(rows [][2]int64) {
	c.late = c.watermark
	for _, r := range rows {
		c.watermark = max(c.watermark, r[1])
	}
}

func text(second int64) string { return time.Unix(second, 0).UTC().Format("2006-01-02T15:04:05Z") }

func (c *counts) add(rows [][2]int64) {
	for _, r := range rows {
		c.total[r[0]]++
		c.newest[r[0]] = max(c.newest[r[0]], r[1])
	}
}

func (c *counts) updated(rows [][2]int64) (out []string) {
	c.add(rows)
	touched := map[int64]bool{}
	for _, r := range rows {
		touched[r[0]] = true
	}
	for k := range touched {
		out = append(out, fmt.Sprintf("%d|%d|%s", k, c.total[k], text(c.newest[k])))
	}
	return out
}

func (c *counts) complete(rows [][2]int64) (out []string) {
	c.add(rows)
	for _, n := range c.total {
		out = append(out, fmt.Sprint(n))
	}
	return out
}

func (c *counts) appended(rows [][2]int64) (out []string) {
	for _, r := range rows {
		if r[1] > c.late {
			c.rows[r]++
		}
	}
	for r, n := range c.rows {
		if r[1] <= c.watermark {
			out = append(out, fmt.Sprintf("%s|%d|%d", text(r[1]), r[0], n))
			delete(c.rows, r)
		}
	}
	return out
}

func (c *counts) distinct(rows [][2]int64) (out []string) {
	for _, r := range rows {
		if r[1] > c.late && c.rows[r] == 0 {
			c.rows[r] = 1
			out = append(out, fmt.Sprintf("%s|%d", text(r[1]), r[0]))
		}
	}
	for r := range c.rows {
		if r[1] <= c.watermark {
			delete(c.rows, r)
		}
	}
	return out
}

// BenchmarkBatch runs batches that touch a thousand groups of a state of many:
// what a batch reads and writes, upkeep included. FRESHET_SOAK has a state of
// ten million too.
func BenchmarkBatch(b *testing.B) {
	sizes := []int{100_000, 1_000_000}
	if os.Getenv("FRESHET_SOAK") != "" {
		sizes = append(sizes, 10_000_000)
	}
	for _, groups := range sizes {
		b.Run(fmt.Sprint(groups), func(b *testing.B) { runBatches(b, groups) })
	}
}

func runBatches(b *testing.B, groups int) {
	b.Helper()
	disk := &objecttest.Counting{Store: local.New(b.TempDir())}
	op := newBench(b).operator(disk, "SELECT k, count(*) AS c, max(v) AS m FROM STREAM s GROUP BY k")
	run := func(batch int64, rows *ingest.Relation) {
		out, err := op.Apply(b.Context(), stream.Moment{Batch: batch}, []*ingest.Relation{rows})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for rec, err := range out.Read(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			n += int(rec.NumRows())
		}
		out.Close()
		if err := op.Finish(b.Context(), batch); err != nil || n == 0 {
			b.Fatalf("%d rows, %v", n, err)
		}
	}
	key := func(i int) int64 { return int64(uint64(i) * 0x9E3779B97F4A7C15) } // as identifiers are: without order
	run(0, streamOf(groups, func(i int) (int64, int64) { return key(i), 0 }))
	r := rand.New(rand.NewPCG(1, 2))
	batch := int64(0)
	*disk = objecttest.Counting{Store: disk.Store}
	for b.Loop() {
		batch++
		run(batch, streamOf(1000, func(int) (int64, int64) { return key(r.IntN(groups)), batch }))
	}
	b.ReportMetric(float64(disk.BytesRead)/float64(batch), "B-read/op")
	b.ReportMetric(float64(disk.Reads)/float64(batch), "reads/op")
	b.ReportMetric(float64(disk.BytesWrote)/float64(batch), "B-written/op")
}
