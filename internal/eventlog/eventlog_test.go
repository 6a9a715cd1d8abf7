package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/object/mem"
)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// refusing is a store that refuses writes while it is broken.
type refusing struct {
	*mem.Store
	broken bool
}

var errBroken = errors.New("the disk is full")

func (r *refusing) Create(ctx context.Context, key string) (delta.Upload, error) {
	if r.broken {
		return nil, errBroken
	}
	return r.Store.Create(ctx, key)
}

type fixture struct {
	tb    testing.TB
	clock *clock
	store *refusing
	table *delta.Table
	log   *eventlog.Log

	mu  sync.Mutex
	ids int
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	f := &fixture{tb: tb, clock: &clock{now: time.Date(2026, 11, 22, 3, 0, 0, 123_456_789, time.UTC)}}
	f.store = &refusing{Store: mem.New(f.clock.time)}
	f.table = delta.NewTable(f.store, delta.Options{Clock: f.clock.time})
	f.log = f.open()
	return f
}

func (f *fixture) open() *eventlog.Log {
	return eventlog.New(eventlog.Config{Table: f.table, Store: f.store, Clock: f.clock.time, NewID: f.newID, Host: "here"})
}

func (f *fixture) newID() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ids++
	return fmt.Sprintf("%08d-0000-0000-0000-000000000000", f.ids)
}

// rows returns some columns of the log as text, in the order of their numbers.
func (f *fixture) rows(columns ...string) []string {
	f.tb.Helper()
	snap, err := f.table.Snapshot(f.tb.Context())
	if err != nil {
		f.tb.Fatal(err)
	}
	type row struct {
		number int64
		text   string
	}
	var rows []row
	for rec, err := range snap.Scan(f.tb.Context(), delta.ScanOptions{}) {
		if err != nil {
			f.tb.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, c := range columns {
				col := rec.Column(rec.Schema().FieldIndices(c)[0])
				cells = append(cells, strings.Clone(col.ValueStr(i)))
			}
			seq := rec.Column(rec.Schema().FieldIndices("sequence")[0]).(*array.Struct).Field(0).(*array.Int64)
			rows = append(rows, row{seq.Value(i), strings.Join(cells, "|")})
		}
	}
	out := make([]string, 0, len(rows))
	for len(rows) > 0 {
		least := 0
		for i, r := range rows {
			if r.number < rows[least].number {
				least = i
			}
		}
		out = append(out, rows[least].text)
		rows = append(rows[:least], rows[least+1:]...)
	}
	return out
}

func (f *fixture) want(columns []string, want ...string) {
	f.tb.Helper()
	got := f.rows(columns...)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		f.tb.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// TestUpdate: an update's events, in order, laid out as semantics §11.3 has
// them.
func TestUpdate(t *testing.T) {
	f := newFixture(t)
	u := f.log.Begin(eventlog.Pipeline{Name: "p", Type: "WORKSPACE"}, eventlog.Request{Cause: "USER_ACTION"})
	u.Enter(eventlog.Running, nil)
	flow := u.Flow("main.default.t")
	flow.Defined(eventlog.Definition{ID: "f1", Type: "APPEND", Inputs: []string{"src"}})
	batch, waiting := int64(7), int64(100)
	flow.Wrote(&batch, eventlog.Counts{OutputRows: 3, BacklogBytes: &waiting}, &eventlog.Quality{
		Dropped: 1, Expectations: []eventlog.Expectation{{Name: "sane", Dataset: "main.default.t", Passed: 3, Failed: 1}},
	})
	flow.Fail(errclass.New("SOME_CLASS", "42000", "it broke"))
	if err := u.End(t.Context(), errors.New("a flow failed")); err != nil {
		t.Fatal(err)
	}
	f.want([]string{"event_type", "level", "details"},
		`create_update|INFO|{"create_update":{"cause":"USER_ACTION","full_refresh":false,"validate_only":false,"continuous":false}}`,
		`update_progress|INFO|{"update_progress":{"state":"RUNNING"}}`,
		`flow_definition|INFO|{"flow_definition":{"output_dataset":"main.default.t","input_datasets":[{"name":"src"}],"flow_type":"APPEND","schema":null}}`,
		`flow_progress|METRICS|{"flow_progress":{"status":"RUNNING","metrics":{"num_output_rows":3,"backlog_bytes":100},`+
			`"data_quality":{"dropped_records":1,"expectations":[{"name":"sane","dataset":"main.default.t","passed_records":3,"failed_records":1}]}}}`,
		`flow_progress|ERROR|{"flow_progress":{"status":"FAILED"}}`,
		`update_progress|ERROR|{"update_progress":{"state":"FAILED"}}`,
	)
	got := f.rows("origin", "error", "timestamp")
	for _, want := range []string{`"pipeline_name":"p"`, `"flow_id":"f1"`, `"batch_id":7`, `"host":"here"`, "2026-11-22"} {
		if !strings.Contains(got[3], want) {
			t.Errorf("the event of the batch is %s, without %s", got[3], want)
		}
	}
	if want := `"class_name":"SOME_CLASS"`; !strings.Contains(got[4], want) {
		t.Errorf("the event of the failure is %s, without %s", got[4], want)
	}
}

// TestEventsWait: events are written together, the first time when they have
// waited for long enough; a log that cannot be written loses none.
func TestEventsWait(t *testing.T) {
	f := newFixture(t)
	u := f.log.Begin(eventlog.Pipeline{Name: "p"}, eventlog.Request{})
	u.Tick(t.Context())
	if _, err := f.table.Snapshot(t.Context()); err == nil {
		t.Error("an event was written at once")
	}
	f.clock.advance(time.Minute)
	f.store.broken = true
	u.Tick(t.Context())
	if err := u.Flush(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("got %v from a log that cannot be written, want %v", err, errBroken)
	}
	f.store.broken = false
	u.Enter(eventlog.Running, nil)
	if err := u.End(t.Context(), context.Canceled); err != nil {
		t.Fatal(err)
	}
	f.want([]string{"details"},
		`{"create_update":{"cause":"","full_refresh":false,"validate_only":false,"continuous":false}}`,
		`{"update_progress":{"state":"RUNNING"}}`, `{"update_progress":{"state":"CANCELED"}}`)
}

// TestWritersTogether: logs of several processes write at the same time, the
// first of them making the table.
func TestWritersTogether(t *testing.T) {
	f := newFixture(t)
	const writers, each = 4, 5
	var wait sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		log := f.open()
		wait.Go(func() {
			for range each {
				errs[i] = errors.Join(errs[i], log.Append(t.Context(), eventlog.Event{Type: "update_progress", Details: "{}"}))
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := len(f.rows("id")); got != writers*each {
		t.Errorf("%d events are there, want %d", got, writers*each)
	}
}

// TestPacked: however many small commits there were, the log has few files.
func TestPacked(t *testing.T) {
	f := newFixture(t)
	const commits = 150
	for range commits {
		if err := f.log.Append(t.Context(), eventlog.Event{Type: "update_progress", Details: "{}"}); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := f.table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if snap.NumFiles() > 70 || len(f.rows("id")) != commits {
		t.Errorf("the log has %d events in %d files, want %d in at most 70", len(f.rows("id")), snap.NumFiles(), commits)
	}
}

// BenchmarkAppend is what the events of a refresh cost.
func BenchmarkAppend(b *testing.B) {
	f := newFixture(b)
	for b.Loop() {
		u := f.log.Begin(eventlog.Pipeline{Name: "p"}, eventlog.Request{})
		flow := u.Flow("t")
		for i := range int64(5) {
			flow.Wrote(&i, eventlog.Counts{OutputRows: 1}, nil)
		}
		if err := u.End(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
