package autoloader_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/internal/stream/autoloader"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/schema"
)

// landing is a folder of files and the flow that loads them.
type landing struct {
	t          *testing.T
	files      *mem.Store
	checkpoint object.Store
	now        time.Time
	path       string // "" is the folder
	options    map[string]string
	schema     *schema.Struct
	trigger    stream.Trigger
	progress   func(stream.Progress)
	guess      int64

	// faults, when set, decide about each access to files and checkpoint.
	faults objecttest.Plan
	// before, when set, is called when a batch is written, and may fail it.
	before func() error
	// after, when set, is called when the rows of a batch are read, and may
	// fail it.
	after func() error
	// lost makes the sink deny, when it is asked, what it has written.
	lost bool

	batches []batch // those that were written, over all runs
	columns []string
}

type batch struct {
	flow string
	id   int64
	rows []string // as text, a value for each column
}

func newLanding(t *testing.T, options map[string]string) *landing {
	t.Helper()
	l := &landing{t: t, now: time.Unix(1_700_000_000, 0), options: options, trigger: stream.Trigger{Kind: stream.AvailableNow}}
	l.files = mem.New(func() time.Time { return l.now })
	l.checkpoint = mem.New(nil)
	return l
}

func (l *landing) put(name, body string) {
	l.t.Helper()
	l.now = l.now.Add(time.Second)
	if err := l.files.Put(l.t.Context(), "in/"+name, []byte(body)); err != nil {
		l.t.Fatal(err)
	}
}

func sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// faulty is a store as the faults make it.
func (l *landing) faulty(s object.Store) object.Store {
	if l.faults == nil {
		return s
	}
	return objecttest.NewFaulty(s, l.faults)
}

// open returns the source as a run opens it.
func (l *landing) open() (*autoloader.Source, error) {
	openers := location.Openers{
		"s3":   func(context.Context, location.Location) (object.Store, error) { return l.faulty(l.files), nil },
		"file": func(context.Context, location.Location) (object.Store, error) { return local.New("/"), nil },
	}
	return autoloader.Open(l.t.Context(), autoloader.Config{
		Path: cmp.Or(l.path, "s3://bucket/in/"), Options: l.options, Schema: l.schema, Openers: openers,
		Checkpoint: l.faulty(l.checkpoint), State: "sources/0/", Clock: func() time.Time { return l.now }, NewID: uuid.NewString,
		Guess: l.guess,
	})
}

// discovered returns a source that has looked for files.
func (l *landing) discovered() *autoloader.Source {
	l.t.Helper()
	source, err := l.open()
	if err == nil {
		err = source.Discover(l.t.Context())
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return source
}

// run runs the flow once and returns how it ended.
func (l *landing) run() error {
	l.t.Helper()
	c, err := checkpoint.Open(l.t.Context(), l.faulty(l.checkpoint), checkpoint.Options{NewID: uuid.NewString, Sleep: sleep})
	if err != nil {
		return err
	}
	source, err := l.open()
	if err != nil {
		return err
	}
	f := &stream.Flow{
		Name: "landing", Sources: []stream.Source{source}, Sink: l, Checkpoint: c, Trigger: l.trigger, Progress: l.progress,
		Clock: func() time.Time { return l.now }, NewID: uuid.NewString, Sleep: sleep,
	}
	return f.Run(l.t.Context())
}

func (l *landing) mustRun() {
	l.t.Helper()
	if err := l.run(); err != nil {
		l.t.Fatal(err)
	}
}

// Description implements [stream.Sink].
func (l *landing) Description() string { return "rows of a test" }

// Write implements [stream.Sink]: all rows of a batch, or none.
func (l *landing) Write(ctx context.Context, b stream.Batch, rows *ingest.Relation) (stream.Written, error) {
	if held, _ := l.Holds(ctx, b); held {
		rows.Close()
		return stream.Written{Already: true}, nil
	}
	if l.before != nil {
		if err := l.before(); err != nil {
			return stream.Written{}, err
		}
	}
	got := batch{flow: b.Flow, id: b.ID}
	for rec, err := range rows.Read(ctx) {
		if err != nil {
			return stream.Written{}, err
		}
		for i := range int(rec.NumRows()) {
			var values []string
			for c := range int(rec.NumCols()) {
				values = append(values, rec.Column(c).ValueStr(i))
			}
			got.rows = append(got.rows, strings.Join(values, "|"))
		}
	}
	if l.after != nil {
		if err := l.after(); err != nil {
			return stream.Written{}, err
		}
	}
	l.columns = rows.Schema.Names()
	l.batches = append(l.batches, got)
	return stream.Written{Rows: int64(len(got.rows))}, nil
}

// Holds implements [stream.Holder].
func (l *landing) Holds(_ context.Context, b stream.Batch) (bool, error) {
	return !l.lost && slices.ContainsFunc(l.batches, func(w batch) bool { return w.id == b.ID && w.flow == b.Flow }), nil
}

func (l *landing) sizes() []int {
	var n []int
	for _, b := range l.batches {
		n = append(n, len(b.rows))
	}
	return n
}

func (l *landing) rows() []string {
	var all []string
	for _, b := range l.batches {
		all = append(all, b.rows...)
	}
	slices.Sort(all)
	return all
}

func (l *landing) expect(what string, want ...string) {
	l.t.Helper()
	if got := l.rows(); !slices.Equal(got, want) {
		l.t.Errorf("%s: got rows\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func unknownField(t *testing.T, err error) *autoloader.UnknownFieldError {
	t.Helper()
	var unknown *autoloader.UnknownFieldError
	if !errors.As(err, &unknown) {
		t.Fatalf("got %v, want an UnknownFieldError", err)
	}
	return unknown
}

func json(extra ...string) map[string]string {
	options := map[string]string{"cloudFiles.format": "json"}
	for i := 0; i < len(extra); i += 2 {
		options[extra[i]] = extra[i+1]
	}
	return options
}

func TestAssertion1_BatchesOfAThousandFiles(t *testing.T) {
	l := newLanding(t, json())
	for i := range 2500 {
		l.put(fmt.Sprintf("%04d.json", i), `{"a":1}`)
	}
	l.mustRun()
	if got, want := l.sizes(), []int{1000, 1000, 500}; !slices.Equal(got, want) {
		t.Errorf("got batches of %v, want %v", got, want)
	}
}

// TestAssertion2And3And4_Limits: the size is a soft limit, the number a hard
// one, the first that is reached ends a batch; once knows neither.
func TestAssertion2And3And4_Limits(t *testing.T) {
	hundred := `{"a":"` + strings.Repeat("x", 91) + `"}` + "\n" // 100 bytes
	for _, c := range []struct {
		name    string
		options map[string]string
		trigger stream.TriggerKind
		want    []int
	}{
		{"size is reached by the file that ends the batch", json("cloudFiles.maxBytesPerTrigger", "350b"), stream.AvailableNow, []int{4, 4, 4}},
		{"a file larger than the limit is a batch", json("cloudFiles.maxBytesPerTrigger", "10b"), stream.AvailableNow, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"size first", json("cloudFiles.maxBytesPerTrigger", "1000b", "cloudFiles.maxFilesPerTrigger", "100"), stream.AvailableNow, []int{10, 2}},
		{"number first", json("cloudFiles.maxBytesPerTrigger", "1000b", "cloudFiles.maxFilesPerTrigger", "5"), stream.AvailableNow, []int{5, 5, 2}},
		{"once ignores both", json("cloudFiles.maxBytesPerTrigger", "1b", "cloudFiles.maxFilesPerTrigger", "1"), stream.Once, []int{12}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLanding(t, c.options)
			l.trigger.Kind = c.trigger
			for i := range 12 {
				l.put(fmt.Sprintf("%02d.json", i), hundred)
			}
			l.mustRun()
			if got := l.sizes(); !slices.Equal(got, c.want) {
				t.Errorf("got batches of %v, want %v", got, c.want)
			}
		})
	}
}

func TestAssertion5And6_Overwrites(t *testing.T) {
	for _, c := range []struct {
		allow string
		want  []string
	}{
		{"false", []string{"1|(null)"}},
		{"true", []string{"1|(null)", "1|(null)", "2|(null)"}},
	} {
		l := newLanding(t, json("cloudFiles.allowOverwrites", c.allow))
		l.put("a.json", `{"a":1}`)
		l.mustRun()
		l.put("a.json", `{"a":1}`+"\n"+`{"a":2}`)
		l.mustRun()
		l.mustRun()
		l.expect("allowOverwrites "+c.allow, c.want...)
	}
}

// TestOverwrittenByAnOlderFile: a file that waits and is overwritten by one
// that was modified earlier, as by cp -p, is loaded; no later discovery would.
func TestOverwrittenByAnOlderFile(t *testing.T) {
	l := newLanding(t, json("cloudFiles.allowOverwrites", "true"))
	l.schema = schema.New(schema.Col("a", schema.Integer))
	l.put("a.json", `{"a":1}`)
	l.discovered()
	l.now = l.now.Add(-time.Hour)
	l.put("a.json", `{"a":2}`)
	l.mustRun()
	l.mustRun()
	l.expect("the version that is there", "2")
}

func TestAssertion7_ExistingFilesLeftOut(t *testing.T) {
	l := newLanding(t, json("cloudFiles.includeExistingFiles", "false"))
	l.schema = schema.New(schema.Col("a", schema.String))
	l.put("old.json", `{"a":1}`)
	l.mustRun()
	l.put("new.json", `{"a":2}`)
	l.mustRun()
	l.options["cloudFiles.includeExistingFiles"] = "true"
	l.mustRun()
	l.expect("after all runs", "2")
}

// TestAssertion7_SchemaOfFilesLeftOut: files that are not loaded tell the schema
// all the same.
func TestAssertion7_SchemaOfFilesLeftOut(t *testing.T) {
	l := newLanding(t, json("cloudFiles.includeExistingFiles", "false", "cloudFiles.inferColumnTypes", "true"))
	for i := range 2500 {
		l.put(fmt.Sprintf("old%04d.json", i), `{"b":1}`)
	}
	l.put("a.json", `{"a":1,"b":1.5}`)
	src, err := l.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Schema(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.mustRun()
	l.put("new.json", `{"a":2}`)
	l.mustRun()
	l.expect("after all runs", "2|(null)|(null)")
	if want := []string{"a", "b", "_rescued_data"}; !slices.Equal(l.columns, want) {
		t.Errorf("columns %q, want %q", l.columns, want)
	}
}

func TestAssertion9_HiddenFiles(t *testing.T) {
	l := newLanding(t, json())
	for _, name := range []string{"_tmp/x.json", ".x.json", "_SUCCESS", "x.json"} {
		l.put(name, `{"a":"`+name+`"}`)
	}
	l.mustRun()
	l.expect("files", "x.json|(null)")
}

func TestAssertion10And11_NewColumns(t *testing.T) {
	l := newLanding(t, json("cloudFiles.maxFilesPerTrigger", "1"))
	l.put("1.json", `{"a":1}`)
	l.put("2.json", `{"a":2,"b":"x"}`)
	l.put("3.json", `{"a":3,"b":"y","c":true}`)
	for _, column := range []string{"b", "c"} {
		if unknown := unknownField(t, l.run()); !unknown.Evolved || !strings.Contains(unknown.Error(), column+" STRING") {
			t.Errorf("got %v, want an evolution by %s", unknown, column)
		}
	}
	l.mustRun()
	l.expect("after two restarts", "1|(null)", "2|x|(null)", "3|y|true|(null)")
	if want := []string{"a", "b", "c", "_rescued_data"}; !slices.Equal(l.columns, want) {
		t.Errorf("got columns %q, want %q", l.columns, want)
	}
	ids := []int64{}
	for _, b := range l.batches {
		ids = append(ids, b.id)
	}
	if !slices.Equal(ids, []int64{0, 1, 2}) {
		t.Errorf("got batches %v, want 0, 1, 2", ids)
	}
}

func TestAssertion12_Rescue(t *testing.T) {
	l := newLanding(t, json("cloudFiles.schemaEvolutionMode", "rescue", "cloudFiles.maxFilesPerTrigger", "1"))
	l.put("1.json", `{"a":1}`)
	l.mustRun()
	l.put("2.json", `{"a":2,"b":"x"}`)
	l.mustRun()
	l.expect("rescued", `1|(null)`, `2|{"b":"x","_file_path":"s3://bucket/in/2.json"}`)
}

func TestAssertion13_None(t *testing.T) {
	for _, c := range []struct{ rescued, want string }{
		{"", "1"},
		{"kept", `1|{"b":"x","_file_path":"s3://bucket/in/1.json"}`},
	} {
		options := json()
		if c.rescued != "" {
			options["rescuedDataColumn"] = c.rescued
		}
		l := newLanding(t, options)
		l.schema = schema.New(schema.Col("a", schema.Integer))
		l.put("1.json", `{"a":1,"b":"x"}`)
		l.mustRun()
		l.expect("rescuedDataColumn "+c.rescued, c.want)
	}
}

func TestAssertion14_FailOnNewColumns(t *testing.T) {
	l := newLanding(t, json("cloudFiles.schemaEvolutionMode", "failOnNewColumns"))
	l.put("1.json", `{"a":1}`)
	l.mustRun()
	l.put("2.json", `{"a":2,"b":"x"}`)
	for range 2 {
		if unknown := unknownField(t, l.run()); unknown.Evolved {
			t.Error("the schema has evolved")
		}
	}
	if err := l.files.Delete(t.Context(), "in/2.json"); err != nil {
		t.Fatal(err)
	}
	l.mustRun()
	l.expect("without the file", "1|(null)")
}

func TestAssertion15_NewColumnsNeedAnInferredSchema(t *testing.T) {
	l := newLanding(t, json("cloudFiles.schemaEvolutionMode", "addNewColumns"))
	l.put("1.json", `{"a":1}`)
	l.schema = schema.New(schema.Col("a", schema.Integer))
	if err := l.run(); err == nil || !strings.Contains(err.Error(), "schemaHints") {
		t.Errorf("got %v, want an error that points to hints", err)
	}
	l.schema, l.options["cloudFiles.schemaHints"] = nil, "a INT"
	l.mustRun()
	l.expect("with hints", "1|(null)")
}

func TestAssertion24_TypeWidening(t *testing.T) {
	for _, c := range []struct {
		mode   string
		fails  bool
		want   []string
		values []string
	}{
		{"addNewColumns", false, []string{`(null)|{"id":2147483648,"_file_path":"s3://bucket/in/2.json"}`, "1|(null)"}, nil},
		{"addNewColumnsWithTypeWidening", true, []string{"1|(null)", "2147483648|(null)"}, nil},
		{"rescue", false, []string{`(null)|{"id":2147483648,"_file_path":"s3://bucket/in/2.json"}`, "1|(null)"}, nil},
	} {
		l := newLanding(t, json("cloudFiles.schemaEvolutionMode", c.mode, "cloudFiles.inferColumnTypes", "true", "schemaHints", "id INT", "cloudFiles.maxFilesPerTrigger", "1"))
		l.put("1.json", `{"id":1}`)
		l.mustRun()
		delete(l.options, "schemaHints")
		l.put("2.json", `{"id":2147483648}`)
		if c.fails {
			if unknown := unknownField(t, l.run()); !strings.Contains(unknown.Error(), "id BIGINT") {
				t.Errorf("%s: got %v, want id to widen", c.mode, unknown)
			}
		}
		l.mustRun()
		l.expect(c.mode, c.want...)
	}
}

// TestAssertion27_WithoutItsCheckpoint a flow knows nothing.
func TestAssertion27_WithoutItsCheckpoint(t *testing.T) {
	l := newLanding(t, json())
	l.put("1.json", `{"a":1}`)
	l.mustRun()
	l.checkpoint = mem.New(nil)
	l.mustRun()
	l.expect("loaded twice", "1|(null)", "1|(null)")
}

func TestAssertion28_Options(t *testing.T) {
	l := newLanding(t, json("cloudFiles.maxFilePerTrigger", "1"))
	l.put("1.json", `{"a":1}`)
	if err := l.run(); err == nil || !strings.Contains(err.Error(), "maxFilesPerTrigger") {
		t.Errorf("got %v, want an error that knows the right name", err)
	}
	l.options["cloudFiles.validateOptions"] = "false"
	l.mustRun()
	l.expect("without validation", "1|(null)")
	for name, value := range map[string]string{
		"cloudFiles.maxFilesPerTrigger": "0", "cloudFiles.maxFileAge": "1 day", "cloudFiles.maxBytesPerTrigger": "0b", "cloudFiles.backfillInterval": "often",
	} {
		bad := newLanding(t, json(name, value))
		if err := bad.run(); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(name, "cloudFiles.")) {
			t.Errorf("%s = %s: got %v, want an error that names it", name, value, err)
		}
	}
}

func TestAssertion30_MissingFile(t *testing.T) {
	for _, ignore := range []string{"false", "true"} {
		l := newLanding(t, json("ignoreMissingFiles", ignore))
		l.schema = schema.New(schema.Col("a", schema.Integer))
		l.put("1.json", `{"a":1}`)
		l.put("2.json", `{"a":2}`)
		source, err := l.open()
		if err != nil {
			t.Fatal(err)
		}
		if err := source.Discover(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.files.Delete(t.Context(), "in/1.json"); err != nil {
			t.Fatal(err)
		}
		err = l.run()
		if ignore == "true" {
			l.expect("the file that is there", "2")
		}
		if (err == nil) != (ignore == "true") {
			t.Errorf("ignoreMissingFiles %s: got %v", ignore, err)
		}
	}
}

func TestAssertion35_EmptyDirectory(t *testing.T) {
	l := newLanding(t, json())
	l.put("_hidden", "")
	source, err := l.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Schema(t.Context()); err == nil || !strings.Contains(err.Error(), "no files") {
		t.Errorf("without a schema: got %v, want an error that there are no files", err)
	}
	l.schema = schema.New(schema.Col("a", schema.Integer))
	l.mustRun()
	if len(l.batches) != 0 {
		t.Errorf("got %d batches, want none", len(l.batches))
	}
}
