package pipeline_test

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

	"github.com/freshet/freshet/internal/pipeline"
	"github.com/freshet/freshet/internal/session"
)

// plant is a folder of SQL files, a folder of JSON files, $IN in the SQL, and
// a workspace.
type plant struct {
	t             *testing.T
	sql, in, work string
}

func newPlant(t *testing.T, files map[string]string) *plant {
	t.Helper()
	root := t.TempDir()
	p := &plant{t: t, sql: filepath.Join(root, "sql"), in: filepath.Join(root, "in"), work: filepath.Join(root, "ws")}
	for _, dir := range []string{p.sql, p.in} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		p.write(filepath.Join(p.sql, name), strings.ReplaceAll(text, "$IN", p.in))
	}
	return p
}

func (p *plant) write(path, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) file(name, text string) { p.write(filepath.Join(p.in, name), text) }

func (p *plant) config() pipeline.Config {
	return pipeline.Config{
		Open: func(ctx context.Context) (*session.Session, error) {
			return session.Open(ctx, session.Config{Workspace: p.work, Parallelism: 1})
		},
		Parallelism: 2, Clock: time.Now,
		Sleep: func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-timer.C:
				return nil
			}
		},
	}
}

func (p *plant) load() *pipeline.Pipeline {
	p.t.Helper()
	loaded, err := pipeline.Load("factory", []string{p.sql})
	if err != nil {
		p.t.Fatal(err)
	}
	return loaded
}

// run runs an update and returns what became of each dataset, by name.
func (p *plant) run(cfg pipeline.Config) (statuses map[string]string, err error) {
	p.t.Helper()
	results, err := p.load().Run(p.t.Context(), cfg)
	statuses = map[string]string{}
	for _, r := range results {
		if r.Err != nil {
			p.t.Log(r.Err)
		}
		statuses[strings.TrimPrefix(r.Dataset.String(), "main.default.")] = fmt.Sprintf("%s %d", r.Status, r.Outcome.Rows)
	}
	return statuses, err
}

func (p *plant) want(cfg pipeline.Config, want map[string]string) {
	p.t.Helper()
	got, err := p.run(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.t.Errorf("got  %v\nwant %v", got, want)
	}
}

// rows returns the rows of a query.
func (p *plant) rows(query string) string {
	p.t.Helper()
	s, err := p.config().Open(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var rows []string
	for r, err := range s.Run(p.t.Context(), query) {
		if err != nil {
			p.t.Fatal(err)
		}
		if r.Rows == nil {
			continue
		}
		for rec, err := range r.Rows {
			if err != nil {
				p.t.Fatal(err)
			}
			for i := range int(rec.NumRows()) {
				var cells []string
				for c := range int(rec.NumCols()) {
					cells = append(cells, strings.Clone(rec.Column(c).ValueStr(i)))
				}
				rows = append(rows, strings.Join(cells, "|"))
			}
		}
	}
	slices.Sort(rows)
	return strings.Join(rows, " ")
}

// medallion is a pipeline whose files are in no useful order.
var medallion = map[string]string{
	"a_gold.sql": "CREATE OR REFRESH MATERIALIZED VIEW gold AS SELECT k, count(*) AS n FROM silver GROUP BY k;\nCREATE VIEW shown AS SELECT * FROM gold WHERE n > 1",
	"b/silver.sql": `SET TIME ZONE 'UTC';
		CREATE OR REFRESH STREAMING TABLE silver (CONSTRAINT known EXPECT (k IS NOT NULL) ON VIOLATION DROP ROW) AS SELECT id, k FROM STREAM bronze;`,
	"z.sql": `CREATE STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT, k STRING');
		CREATE TEMPORARY VIEW recent AS SELECT * FROM bronze WHERE id > 1;
		CREATE MATERIALIZED VIEW counted AS WITH c AS (SELECT * FROM recent) SELECT count(*) AS n FROM c`,
	"readme.txt": "no SQL",
}

func TestRun(t *testing.T) {
	p := newPlant(t, medallion)
	p.file("1.json", `{"id":1,"k":"a"}`+"\n"+`{"id":2,"k":"a"}`+"\n"+`{"id":3}`)
	p.want(p.config(), map[string]string{
		"bronze": "COMPLETED 3", "silver": "COMPLETED 2", "gold": "COMPLETED 1", "shown": "COMPLETED 0", "recent": "COMPLETED 0", "counted": "COMPLETED 1",
	})
	if got, want := p.rows("SELECT * FROM shown UNION ALL SELECT 'counted', n FROM counted"), "a|2 counted|2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.file("2.json", `{"id":4,"k":"b"}`)
	only := p.config()
	only.Only = []string{"bronze"}
	if _, err := p.run(only); err != nil {
		t.Fatal(err)
	}
	if got, want := p.rows("SELECT count(*) FROM bronze UNION ALL SELECT count(*) FROM silver"), "2 4"; got != want {
		t.Errorf("after a refresh of bronze alone there are %s rows, want %s", got, want)
	}
	p.want(p.config(), map[string]string{
		"bronze": "COMPLETED 0", "silver": "COMPLETED 1", "gold": "COMPLETED 2", "shown": "COMPLETED 0", "recent": "COMPLETED 0", "counted": "COMPLETED 1",
	})
	full := p.config()
	full.FullAll = true
	p.want(full, map[string]string{
		"bronze": "COMPLETED 4", "silver": "COMPLETED 3", "gold": "COMPLETED 2", "shown": "COMPLETED 0", "recent": "COMPLETED 0", "counted": "COMPLETED 1",
	})
	if got, want := p.rows("SELECT DISTINCT details:update_progress:state FROM event_log('factory') WHERE event_type = 'update_progress'"), "COMPLETED RUNNING"; got != want {
		t.Errorf("the states of the updates are %s, want %s", got, want)
	}
}

// TestFlows: a table without query runs the flows into it, after what they
// read, wherever they stand.
func TestFlows(t *testing.T) {
	p := newPlant(t, map[string]string{
		"a.sql": `CREATE FLOW now AS AUTO CDC INTO users FROM STREAM changes KEYS (id) APPLY AS DELETE WHEN gone SEQUENCE BY n COLUMNS id, v;
			CREATE FLOW more AS INSERT INTO users BY NAME SELECT id + 100 AS id, v FROM STREAM changes WHERE id = 1`,
		"b.sql": `CREATE STREAMING TABLE users; CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM users;
			CREATE STREAMING TABLE changes AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT, v STRING, gone BOOLEAN, n INT')`,
	})
	p.file("1.json", `{"id":1,"v":"a","gone":false,"n":1}`+"\n"+`{"id":2,"gone":true,"n":2}`)
	p.want(p.config(), map[string]string{"changes": "COMPLETED 2", "users": "COMPLETED 2", "counted": "COMPLETED 1"})
	p.file("2.json", `{"id":2,"v":"late","gone":false,"n":1}`+"\n"+`{"id":1,"v":"b","gone":false,"n":3}`)
	p.want(p.config(), map[string]string{"changes": "COMPLETED 2", "users": "COMPLETED 2", "counted": "COMPLETED 1"})
	if got, want := p.rows("SELECT * FROM users"), "101|a 101|b 1|b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	full := p.config()
	full.Full = []string{"users"}
	if _, err := p.run(full); err != nil {
		t.Fatal(err)
	}
	if got, want := p.rows("SELECT * FROM users"), "101|a 101|b 1|b"; got != want {
		t.Errorf("loaded anew, got %s, want %s", got, want)
	}
	bad := newPlant(t, map[string]string{"a.sql": "CREATE FLOW f AS AUTO CDC INTO nobody FROM STREAM x KEYS (id) SEQUENCE BY n"})
	if _, err := pipeline.Load("factory", []string{bad.sql}); err == nil || !strings.Contains(err.Error(), "a.sql:1") {
		t.Errorf("a flow into no table of the pipeline: %v", err)
	}
}

// TestViewsOfViews: a temporary view that a dataset reads on two ways is made
// once in its session.
func TestViewsOfViews(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": `
		CREATE MATERIALIZED VIEW both AS SELECT n FROM base UNION ALL SELECT n FROM more;
		CREATE MATERIALIZED VIEW one AS SELECT n FROM more;
		CREATE TEMPORARY VIEW more AS SELECT n + 1 AS n FROM base;
		CREATE TEMPORARY VIEW base AS SELECT 1 AS n`})
	p.want(p.config(), map[string]string{"base": "COMPLETED 0", "more": "COMPLETED 0", "both": "COMPLETED 2", "one": "COMPLETED 1"})
}

// TestViews: expectations of temporary views are counted for each dataset that
// reads them; the words of older pipelines mean what they meant.
func TestViews(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": `
		CREATE OR REFRESH STREAMING LIVE TABLE clean AS SELECT id FROM STREAM(LIVE.good);
		CREATE OR REFRESH LIVE TABLE counted AS SELECT count(*) AS n FROM LIVE.clean;
		CREATE OR REFRESH STREAMING TABLE latest;
		APPLY CHANGES INTO LIVE.latest FROM STREAM(LIVE.good) KEYS (id) SEQUENCE BY id;
		CREATE TEMPORARY STREAMING LIVE VIEW good (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION DROP ROW) AS SELECT id FROM STREAM(LIVE.bronze);
		CREATE STREAMING LIVE TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT')`})
	p.file("1.json", `{"id":1}`+"\n"+`{"id":-2}`)
	for _, want := range []map[string]string{
		{"bronze": "COMPLETED 2", "good": "COMPLETED 0", "clean": "COMPLETED 1", "counted": "COMPLETED 1", "latest": "COMPLETED 1"},
		{"bronze": "COMPLETED 0", "good": "COMPLETED 0", "clean": "COMPLETED 0", "counted": "COMPLETED 0", "latest": "COMPLETED 0"},
	} {
		p.want(p.config(), want)
	}
	if got, want := p.rows(`SELECT origin.dataset_name, details:flow_progress:data_quality FROM event_log('factory') WHERE level = 'METRICS' AND details:flow_progress:data_quality:expectations IS NOT NULL`),
		`main.default.clean|{"dropped_records":1,"expectations":[{"name":"positive","dataset":"good","passed_records":1,"failed_records":1}]}`+
			` main.default.latest|{"dropped_records":1,"expectations":[{"name":"positive","dataset":"good","passed_records":1,"failed_records":1}]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestFailure: a dataset that fails takes down what depends on it, and no
// more.
func TestFailure(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": `
		CREATE STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json');
		CREATE MATERIALIZED VIEW strict (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION FAIL UPDATE) AS SELECT id FROM bronze;
		CREATE MATERIALIZED VIEW on_strict AS SELECT count(*) AS n FROM strict;
		CREATE MATERIALIZED VIEW further AS SELECT n + 1 AS n FROM on_strict;
		CREATE MATERIALIZED VIEW aside AS SELECT count(*) AS n FROM bronze`})
	p.file("1.json", `{"id":-1}`)
	got, err := p.run(p.config())
	failed, ok := errors.AsType[*pipeline.FailedError](err)
	if !ok || failed.Failed != 3 || failed.All != 5 {
		t.Errorf("got %v, want that 3 of 5 failed", err)
	}
	want := map[string]string{"bronze": "COMPLETED 1", "strict": "FAILED 0", "on_strict": "SKIPPED 0", "further": "SKIPPED 0", "aside": "COMPLETED 1"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got, want := p.rows(`SELECT origin.dataset_name, details:flow_progress:status FROM event_log('factory')
		WHERE event_type = 'flow_progress' AND level IN ('ERROR', 'WARN')`), "main.default.further|SKIPPED main.default.on_strict|SKIPPED main.default.strict|FAILED"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestMistakes: what is wrong with a pipeline is said at its place, all of it
// at once.
func TestMistakes(t *testing.T) {
	const good = "CREATE MATERIALIZED VIEW a AS SELECT 1 AS x;\n"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"syntax":      {good + "CREATE MATERIALIZED VEW b AS SELECT 1", []string{"p.sql:2: "}},
		"duplicate":   {good + "\nCREATE VIEW A AS SELECT 2", []string{"p.sql:3: main.default.A is defined twice", "p.sql:1"}},
		"cycle":       {"CREATE MATERIALIZED VIEW a AS SELECT * FROM b;\nCREATE VIEW b AS SELECT * FROM a", []string{"depends on itself: main.default.a reads main.default.b reads main.default.a"}},
		"itself":      {"CREATE VIEW a AS SELECT * FROM a", []string{"main.default.a reads main.default.a"}},
		"unknown":     {good + "CREATE VIEW b AS\nSELECT * FROM nothing, a, s.none", []string{"p.sql:3: main.default.b reads main.default.nothing", "main.s.none"}},
		"other":       {"DELETE FROM a;\nCREATE TABLE t (a INT)", []string{"p.sql:1: ", "p.sql:2: "}},
		"together":    {good + "DELETE FROM a;\nCREATE VIEW A AS SELECT 2;\nCREATE VIEW b AS SELECT * FROM b", []string{"p.sql:2: ", "p.sql:3: main.default.A is defined twice", "p.sql:4: "}},
		"no datasets": {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t, map[string]string{"p.sql": c.text})
			loaded, err := pipeline.Load("p", []string{p.sql})
			if err == nil {
				err = loaded.Validate(t.Context(), p.config())
			}
			if (err != nil) != (c.want != nil) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
	if _, err := pipeline.Load("p", []string{t.TempDir()}); err == nil {
		t.Error("a folder without SQL is a pipeline")
	}
}
