package freshet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet"
)

// house is a workspace, a folder where files arrive, and checkpoints.
type house struct {
	t    *testing.T
	ws   *freshet.Workspace
	root string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, root: t.TempDir()}
	ws, err := freshet.Open(t.Context(), freshet.Config{Workspace: filepath.Join(h.root, "ws")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ws.Close(); err != nil {
			t.Error(err)
		}
	})
	h.ws = ws
	if err := os.Mkdir(filepath.Join(h.root, "in"), 0o777); err != nil {
		t.Fatal(err)
	}
	return h
}

// arrive has a file of JSON lines arrive.
func (h *house) arrive(name string, lines ...string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.root, "in", name), []byte(strings.Join(lines, "\n")), 0o666); err != nil {
		h.t.Fatal(err)
	}
}

// files is the stream of what arrives.
func (h *house) files(items string) string {
	return fmt.Sprintf("SELECT %s FROM STREAM read_files('%s/in', format => 'json', maxFilesPerTrigger => 1, schema => 'id BIGINT, k STRING, ts TIMESTAMP')", items, h.root)
}

func (h *house) checkpoint(name string) string { return filepath.Join(h.root, "checkpoints", name) }

func (h *house) exec(sql string) {
	h.t.Helper()
	if err := h.ws.Exec(h.t.Context(), sql); err != nil {
		h.t.Fatalf("%s\n%v", sql, err)
	}
}

func (h *house) want(sql string, want ...string) {
	h.t.Helper()
	var got []string
	for batch, err := range h.ws.Query(h.t.Context(), sql) {
		if err != nil {
			h.t.Fatalf("%s\n%v", sql, err)
		}
		got = append(got, rowsOf(batch)...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		h.t.Errorf("%s\ngot  %q\nwant %q", sql, got, want)
	}
}

func rowsOf(batch arrow.RecordBatch) []string {
	var rows []string
	for i := range int(batch.NumRows()) {
		var values []string
		for _, c := range batch.Columns() {
			values = append(values, c.ValueStr(i))
		}
		rows = append(rows, strings.Join(values, "|"))
	}
	return rows
}

// run starts a stream that runs what is available and waits for its end.
func (h *house) run(s *freshet.Stream, to freshet.Sink) error {
	h.t.Helper()
	to.Trigger = freshet.AvailableNow()
	q, err := s.Start(h.t.Context(), to)
	if err != nil {
		h.t.Fatal(err)
	}
	return q.AwaitTermination(h.t.Context())
}

func (h *house) loads(s *freshet.Stream, to freshet.Sink) {
	h.t.Helper()
	if err := h.run(s, to); err != nil {
		h.t.Fatal(err)
	}
}

// TestStreamToTable: the table is created, and each file is in it once,
// whenever the query is started again with its checkpoint.
func TestStreamToTable(t *testing.T) {
	h := newHouse(t)
	h.arrive("1.json", `{"id":1,"k":"a"}`, `{"id":2,"k":"b"}`)
	s, to := h.ws.Stream(h.files("id, upper(k) AS k")), freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "bronze"}
	h.loads(s, to)
	h.arrive("2.json", `{"id":3}`)
	h.loads(s, to)
	h.loads(s, to)
	h.want("SELECT * FROM bronze", "1|A", "2|B", "3|(null)")
	to.Checkpoint = h.checkpoint("another") // is another query
	h.loads(s, to)
	h.want("SELECT count(*) FROM bronze", "6")
	silver := freshet.Sink{Checkpoint: h.checkpoint("silver"), Table: "silver"}
	h.loads(h.ws.Stream("SELECT * FROM STREAM bronze WHERE id > 1"), silver)
	h.want("SELECT count(*), max(id) FROM silver", "4|3")
}

// TestOutputModes: an aggregation updates rows by their keys or replaces all,
// and appends what a watermark has closed.
func TestOutputModes(t *testing.T) {
	h := newHouse(t)
	perKey := h.ws.Stream(h.files("k, count(*) AS n") + " GROUP BY k")
	windows := h.ws.Stream(h.files("window.start AS w, count(*) AS n")+" GROUP BY window(ts, '10 minutes')").WithWatermark("ts", 10*time.Minute)
	sinks := map[freshet.OutputMode]*freshet.Stream{freshet.Update: perKey, freshet.Complete: perKey, freshet.Append: windows}
	to := func(m freshet.OutputMode) freshet.Sink {
		name := fmt.Sprintf("mode%d", m)
		return freshet.Sink{Checkpoint: h.checkpoint(name), Table: name, Mode: m}
	}
	for i, lines := range [][]string{
		{`{"k":"a","ts":"2026-01-01T00:01:00Z"}`, `{"k":"b","ts":"2026-01-01T00:02:00Z"}`},
		{`{"k":"a","ts":"2026-01-01T00:30:00Z"}`},
	} {
		h.arrive(fmt.Sprintf("%d.json", i), lines...)
		for m, s := range sinks {
			h.loads(s, to(m))
		}
	}
	h.want("SELECT * FROM mode1", "a|2", "b|1")
	h.want("SELECT * FROM mode2", "a|2", "b|1")
	h.want("SELECT minute(w), n FROM mode0", "0|2")
	h.want("SELECT DISTINCT operation, operationParameters['outputMode'] FROM (DESCRIBE HISTORY mode1) WHERE version > 0", "STREAMING UPDATE|Update")
	for name, c := range map[string]struct {
		s *freshet.Stream
		m freshet.OutputMode
	}{
		"append of groups that never close": {perKey, freshet.Append},
		"complete without groups":           {h.ws.Stream(h.files("*")), freshet.Complete},
		"complete without duplicates":       {h.ws.Stream(h.files("*")).DropDuplicates("k"), freshet.Complete},
		"update without the key":            {h.ws.Stream(h.files("count(*) AS n") + " GROUP BY k"), freshet.Update},
	} {
		err := h.run(c.s, freshet.Sink{Checkpoint: h.checkpoint(name), Table: "refused", Mode: c.m})
		if class, state := freshet.ErrorClass(err); class != "STREAMING_OUTPUT_MODE.UNSUPPORTED_OPERATION" || state != "42KDE" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUpdateModeOfWindows: a function is told of windows that change, also when
// a watermark closes them later.
func TestUpdateModeOfWindows(t *testing.T) {
	h := newHouse(t)
	h.arrive("1.json", `{"ts":"2026-01-01T00:01:00Z"}`)
	h.arrive("2.json", `{"ts":"2026-01-01T00:02:00Z"}`, `{"ts":"2026-01-01T00:31:00Z"}`)
	h.arrive("3.json", `{"ts":"2026-01-01T00:32:00Z"}`)
	h.arrive("4.json", `{"ts":"2026-01-01T00:03:00Z"}`, `{"ts":"2026-01-01T00:33:00Z"}`)
	s := h.ws.Stream(h.files("minute(window.start) AS w, count(*) AS n")+" GROUP BY window(ts, '10 minutes')").WithWatermark("ts", 5*time.Minute)
	var got []string
	h.loads(s, freshet.Sink{Checkpoint: h.checkpoint("c"), Mode: freshet.Update, ForeachBatch: func(ctx context.Context, b *freshet.Batch, id int64) error {
		var rows []string
		for rec, err := range b.Rows(ctx) {
			if err != nil {
				return err
			}
			rows = append(rows, rowsOf(rec)...)
		}
		slices.Sort(rows)
		got = append(got, fmt.Sprint(id, rows))
		return nil
	}})
	if want := []string{"0 [0|1]", "1 [0|2 30|1]", "2 [30|2]", "3 [30|3]", "4 []"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDropDuplicates of a stream, by columns of its result.
func TestDropDuplicates(t *testing.T) {
	h := newHouse(t)
	h.arrive("1.json", `{"id":1,"k":"a","ts":"2026-01-01T00:01:00Z"}`, `{"id":2,"k":"A","ts":"2026-01-01T00:02:00Z"}`)
	h.arrive("2.json", `{"id":1,"k":"a","ts":"2026-01-01T00:01:00Z"}`, `{"id":3,"k":"b","ts":"2026-01-01T02:00:00Z"}`)
	h.arrive("3.json", `{"id":4,"k":"a","ts":"2026-01-01T02:01:00Z"}`, `{"id":5,"k":"b","ts":"2026-01-01T02:05:00Z"}`)
	h.arrive("4.json", `{"id":6,"k":"a","ts":"2026-01-01T02:09:00Z"}`)
	base := h.ws.Stream(h.files("id, upper(k) AS k, ts"))
	timed := base.WithWatermark("ts", 10*time.Minute)
	for name, c := range map[string]struct {
		s    *freshet.Stream
		want []string
	}{
		"everything": {base.DropDuplicates(), []string{"1", "2", "3", "4", "5", "6"}},
		"bykey":      {base.DropDuplicates("k"), []string{"1", "3"}},
		"within":     {timed.DropDuplicatesWithinWatermark("K"), []string{"1", "3", "6"}},
	} {
		h.loads(c.s, freshet.Sink{Checkpoint: h.checkpoint(name), Table: name})
		h.want("SELECT id FROM "+name, c.want...)
	}
	if _, err := timed.DropDuplicates("k").DropDuplicates("id").Start(t.Context(), freshet.Sink{Checkpoint: h.checkpoint("x"), Table: "x"}); err == nil {
		t.Error("duplicates of what has no duplicates are dropped")
	}
}

// TestAssertion63_ForeachBatchOnceInTables: a batch that fails after it was
// written is handed over again, with the same rows, and written to the table
// that has it no second time.
func TestAssertion63_ForeachBatchOnceInTables(t *testing.T) {
	h := newHouse(t)
	h.exec("CREATE TABLE one (id BIGINT); CREATE TABLE two (id BIGINT, k STRING)")
	for i := range 3 {
		h.arrive(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d,"k":"x"}`, i))
	}
	away, written := errors.New("the second table is away"), []string{}
	fails := true
	each := func(ctx context.Context, b *freshet.Batch, id int64) error {
		now, err := b.AppendTo(ctx, "one")
		written = append(written, fmt.Sprint(id, now))
		if err == nil && id == 1 && fails {
			fails, err = false, away
		}
		if err == nil {
			_, err = b.AppendTo(ctx, "two")
		}
		return err
	}
	s, to := h.ws.Stream(h.files("id")), freshet.Sink{Checkpoint: h.checkpoint("c"), ForeachBatch: each}
	if err := h.run(s, to); !errors.Is(err, away) {
		t.Fatalf("got %v, want the function's error", err)
	}
	h.loads(s, to)
	h.want("SELECT id FROM one", "0", "1", "2")
	h.want("SELECT * FROM two", "0|(null)", "1|(null)", "2|(null)")
	if want := []string{"0 true", "1 true", "1 false", "2 true"}; !slices.Equal(written, want) {
		t.Errorf("written: %q, want %q", written, want)
	}
}

// TestProcessAllAvailable waits for what is there, while the query goes on.
func TestProcessAllAvailable(t *testing.T) {
	for name, trigger := range map[string]freshet.Trigger{"default": {}, "hourly": freshet.ProcessingTime(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			q, err := h.ws.Stream(h.files("id")).Start(t.Context(), freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "t", Name: "loader", Trigger: trigger})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				h.arrive(fmt.Sprintf("a%d.json", i), fmt.Sprintf(`{"id":%d}`, i))
				h.arrive(fmt.Sprintf("b%d.json", i), fmt.Sprintf(`{"id":%d}`, i))
				if err := q.ProcessAllAvailable(t.Context()); err != nil {
					t.Fatal(err)
				}
				h.want("SELECT count(*) FROM t", fmt.Sprint(2*i+2))
			}
			p, ok := q.LastProgress()
			if !ok || p.BatchID != 5 || p.Name != "loader" || p.NumInputRows != 1 || len(q.RecentProgress()) != 6 || !q.Active() {
				t.Errorf("the last progress is %+v", p)
			}
			if err := q.Stop(); err != nil || q.Active() {
				t.Errorf("stopped: %v", err)
			}
			if err := q.ProcessAllAvailable(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTriggers: three files, one a batch, are three batches for availableNow and
// for a processing time, and one for once, which knows no limits.
func TestTriggers(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"1.json", "2.json", "3.json"} {
		h.arrive(name, `{"id":1}`)
	}
	for name, want := range map[string]int{"availableNow": 3, "once": 1, "processingTime": 3} {
		trigger, err := freshet.ParseTrigger(name, "10 milliseconds")
		if err != nil {
			t.Fatal(err)
		}
		q, err := h.ws.Stream(h.files("*")).Start(t.Context(), freshet.Sink{Checkpoint: h.checkpoint(name), Table: name, Trigger: trigger})
		if err != nil {
			t.Fatal(err)
		}
		if name == "processingTime" {
			if err := errors.Join(q.ProcessAllAvailable(t.Context()), q.Stop()); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.AwaitTermination(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(q.RecentProgress()); got != want {
			t.Errorf("%s ran %d batches, want %d", name, got, want)
		}
		h.want("SELECT count(*) FROM "+name, "3")
	}
	for name, text := range map[string]string{"continuous": "micro-batches", "realTime": "micro-batches", "hourly": "the triggers are"} {
		if _, err := freshet.ParseTrigger(name, "1 second"); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStartRefuses what cannot run, at once or when it is known.
func TestStartRefuses(t *testing.T) {
	h := newHouse(t)
	h.arrive("1.json", `{"id":1}`)
	each := func(context.Context, *freshet.Batch, int64) error { return nil }
	for name, c := range map[string]struct {
		query string
		to    freshet.Sink
		class string
	}{
		"no checkpoint":    {h.files("*"), freshet.Sink{Table: "t"}, ""},
		"no sink":          {h.files("*"), freshet.Sink{Checkpoint: "c"}, ""},
		"two sinks":        {h.files("*"), freshet.Sink{Checkpoint: "c", Table: "t", ForeachBatch: each}, ""},
		"no mode":          {h.files("*"), freshet.Sink{Checkpoint: "c", Table: "t", Mode: 7}, ""},
		"no query":         {"SELEC", freshet.Sink{Checkpoint: "c", Table: "t"}, "PARSE_SYNTAX_ERROR"},
		"no stream":        {"SELECT 1", freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "t"}, "UNSUPPORTED_STREAMING_OPERATION"},
		"no such table":    {"SELECT * FROM STREAM nowhere", freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "t"}, "TABLE_OR_VIEW_NOT_FOUND"},
		"a column missing": {h.files("nothing"), freshet.Sink{Checkpoint: h.checkpoint("d"), Table: "t"}, "UNRESOLVED_COLUMN.WITH_SUGGESTION"},
	} {
		q, err := h.ws.Stream(c.query).Start(t.Context(), c.to)
		if err == nil {
			err = q.AwaitTermination(t.Context())
		}
		if class, _ := freshet.ErrorClass(err); err == nil || class != c.class {
			t.Errorf("%s: got %v (%s)", name, err, class)
		}
	}
	h.exec("CREATE STREAMING TABLE own AS " + h.files("*"))
	err := h.run(h.ws.Stream(h.files("*")), freshet.Sink{Checkpoint: h.checkpoint("e"), Table: "own"})
	if class, _ := freshet.ErrorClass(err); class != "STREAMING_TABLE_OPERATION_NOT_ALLOWED.WRITE" {
		t.Errorf("a streaming table is written to: %v", err)
	}
}

// TestOneQueryOfACheckpoint: a second query with a checkpoint ends at once.
func TestOneQueryOfACheckpoint(t *testing.T) {
	h := newHouse(t)
	h.arrive("1.json", `{"id":1}`)
	s, to := h.ws.Stream(h.files("id")), freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "t"}
	q, err := s.Start(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.ProcessAllAvailable(t.Context()); err != nil {
		t.Fatal(err)
	}
	if class, _ := freshet.ErrorClass(h.run(s, to)); class != "CONCURRENT_STREAM_LOG_UPDATE" {
		t.Errorf("two queries run with one checkpoint: %s", class)
	}
	if err := q.Stop(); err != nil {
		t.Fatal(err)
	}
	h.loads(s, to)
	h.want("SELECT * FROM t", "1")
}

// TestLostCheckpointOfAQuery: a query whose checkpoint was deleted is a new one,
// as in Spark; with one that is older than its table, or in part, it is refused.
func TestLostCheckpointOfAQuery(t *testing.T) {
	h := newHouse(t)
	s, to := h.ws.Stream(h.files("id")), freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "t"}
	copied := h.checkpoint("copy")
	for i := range 4 {
		h.arrive(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d}`, i))
		if i == 2 {
			if err := os.CopyFS(copied, os.DirFS(to.Checkpoint)); err != nil {
				t.Fatal(err)
			}
		}
		h.loads(s, to)
	}
	old := to
	old.Checkpoint = copied
	refused := func(want string) {
		if class, state := freshet.ErrorClass(h.run(s, old)); class != want || len(state) != 5 {
			t.Errorf("got %s %s, want %s", class, state, want)
		}
		h.want("SELECT id FROM t", "0", "1", "2", "3")
	}
	refused("STREAMING_CHECKPOINT_BEHIND_TARGET")
	old.Table, old.ForeachBatch = "", func(ctx context.Context, b *freshet.Batch, _ int64) error {
		_, err := b.AppendTo(ctx, "t")
		return err
	}
	refused("STREAMING_CHECKPOINT_BEHIND_TARGET")
	refused("STREAMING_CHECKPOINT_BEHIND_TARGET")
	old.Table, old.ForeachBatch = "t", nil
	refused("STREAMING_CHECKPOINT_BEHIND_TARGET")
	if err := os.Remove(filepath.Join(copied, "metadata")); err != nil {
		t.Fatal(err)
	}
	refused("STREAMING_CHECKPOINT_MISSING_METADATA_FILE")
	h.loads(s, to)
	h.want("SELECT id FROM t", "0", "1", "2", "3")
	if err := os.RemoveAll(to.Checkpoint); err != nil {
		t.Fatal(err)
	}
	h.loads(s, to)
	h.want("SELECT count(*) FROM t", "8")
}

// TestEmptyFolder: without files and without a schema there is nothing to infer
// columns of, whatever the sink: the query ends with an error, as in SQL, and can
// be started once there are files.
func TestEmptyFolder(t *testing.T) {
	h := newHouse(t)
	rows := 0
	each := func(ctx context.Context, b *freshet.Batch, _ int64) error {
		for batch, err := range b.Rows(ctx) {
			if err != nil {
				return err
			}
			rows += int(batch.NumRows())
		}
		return nil
	}
	s := h.ws.Stream(fmt.Sprintf("SELECT id FROM STREAM read_files('%s/in', format => 'json')", h.root))
	sinks := []freshet.Sink{{Checkpoint: h.checkpoint("t"), Table: "t"}, {Checkpoint: h.checkpoint("each"), ForeachBatch: each}}
	for _, to := range sinks {
		q, err := s.Start(t.Context(), to) // and does not wait for ever
		if err != nil {
			t.Fatal(err)
		}
		if class, state := freshet.ErrorClass(q.AwaitTermination(t.Context())); class != "CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE" || state != "42000" {
			t.Errorf("got %s %s, want CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE", class, state)
		}
	}
	h.arrive("1.json", `{"id":1}`)
	for _, to := range sinks {
		h.loads(s, to)
	}
	if h.want("SELECT id FROM t", "1"); rows != 1 {
		t.Errorf("the function got %d rows, want 1", rows)
	}
}

// TestForkedSession: a stream sees the schema, settings and views that the
// workspace has when it starts.
func TestForkedSession(t *testing.T) {
	h := newHouse(t)
	h.exec("CREATE SCHEMA bronze; USE bronze; CREATE TABLE src AS SELECT 1 AS id; CREATE TEMPORARY VIEW names AS SELECT 1 AS id, 'one' AS name")
	h.loads(h.ws.Stream("SELECT id, name FROM STREAM src JOIN names USING (id)"), freshet.Sink{Checkpoint: h.checkpoint("c"), Table: "silver"})
	h.want("SELECT * FROM main.bronze.silver", "1|one")
}

// TestWorkspaceTakesTurns: a result that is read holds up the next statement,
// which may give up.
func TestWorkspaceTakesTurns(t *testing.T) {
	h := newHouse(t)
	for batch, err := range h.ws.Query(t.Context(), "SELECT 1") {
		if err != nil || batch.NumRows() != 1 {
			t.Fatal(batch, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if err := h.ws.Exec(ctx, "SELECT 2"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second statement runs: %v", err)
		}
		cancel()
	}
	h.exec("SELECT 1; SELECT 2")
}

// TestReplayedBatches: a batch that is handed over again has the same rows,
// whatever the query keeps and wherever it reads them.
func TestReplayedBatches(t *testing.T) {
	h := newHouse(t)
	h.exec("CREATE TABLE src (id BIGINT, k STRING, ts TIMESTAMP)")
	for i := range 4 {
		h.exec(fmt.Sprintf("INSERT INTO src SELECT id * 4 + %d, CAST(id %% 3 AS STRING), timestamp_micros(CAST((id * 40 + %[1]d) * 1000000 AS BIGINT)) FROM range(0, 5)", i))
	}
	const stream = "FROM STREAM src WITH (maxFilesPerTrigger = 1, withEventTimeOrder = true) WATERMARK ts DELAY OF INTERVAL 1 SECOND"
	for name, c := range map[string]struct {
		query string
		mode  freshet.OutputMode
		rows  int
	}{
		"order of time":    {"SELECT * " + stream, freshet.Append, 20},
		"duplicates":       {"SELECT DISTINCT ON (k) * " + stream, freshet.Append, 3},
		"within watermark": {"SELECT DISTINCT ON (k) WITHIN WATERMARK * " + stream, freshet.Append, 3},
		"windows":          {"SELECT window.start AS w, count(*) AS n " + stream + " GROUP BY window(ts, '40 seconds')", freshet.Append, 4},
	} {
		t.Run(name, func(t *testing.T) {
			again := errors.New("once more")
			batches, total := map[int64][]string{}, 0
			to := freshet.Sink{Checkpoint: h.checkpoint(name), Mode: c.mode, ForeachBatch: func(ctx context.Context, b *freshet.Batch, id int64) error {
				rows := []string{}
				for rec, err := range b.Rows(ctx) {
					if err != nil {
						return err
					}
					rows = append(rows, rowsOf(rec)...)
				}
				slices.Sort(rows)
				before, replayed := batches[id]
				if batches[id] = rows; !replayed {
					return again
				}
				if total += len(rows); !slices.Equal(rows, before) {
					t.Errorf("batch %d has %q, and again %q", id, before, rows)
				}
				return nil
			}}
			err := again
			for starts := 0; errors.Is(err, again) && starts < 20; starts++ {
				err = h.run(h.ws.Stream(c.query), to)
			}
			if err != nil || total != c.rows || len(batches) < 4 {
				t.Errorf("%d batches with %d rows, want %d rows (%v): %v", len(batches), total, c.rows, err, batches)
			}
		})
	}
}
