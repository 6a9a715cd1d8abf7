package pipeline_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/pipeline"
)

// tick is the interval of the runners here.
const tick = 20 * time.Millisecond

// keeping is a runner that keeps going.
type keeping struct {
	*plant
	cancel context.CancelFunc
	ended  chan error

	mu   sync.Mutex
	seen []string // what was done, "dataset STATUS rows"
}

// keep starts the runner. It is stopped with the test, if not before.
func (p *plant) keep(cfg pipeline.Config) *keeping {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	k := &keeping{plant: p, cancel: cancel, ended: make(chan error, 1)}
	tell := func(text string) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.seen = append(k.seen, text)
	}
	cfg.Report = func(r pipeline.Result) {
		if r.Err != nil {
			p.t.Log(r.Err)
		}
		if r.Dataset.Kind != "VIEW" && (r.Outcome.Rows > 0 || r.Status != eventlog.FlowCompleted) {
			tell(fmt.Sprintf("%s %s %d", r.Dataset.Name.Table, r.Status, r.Outcome.Rows))
		}
	}
	cfg.Changed = func(err error) {
		text := "files are changed"
		if err != nil {
			text = err.Error()
		}
		tell(text)
	}
	loaded := p.load()
	go func() { k.ended <- loaded.RunContinuously(ctx, cfg, tick) }()
	p.t.Cleanup(func() {
		cancel()
		<-k.ended // closed, if it was stopped before
	})
	return k
}

// stop ends the runner and returns its error.
func (k *keeping) stop() error {
	k.cancel()
	err := <-k.ended
	close(k.ended)
	return err
}

// sees waits until so many times something was done whose text begins so.
func (k *keeping) sees(times int, text string) {
	k.t.Helper()
	deadline, look := time.NewTimer(time.Minute), time.NewTicker(tick)
	defer deadline.Stop()
	defer look.Stop()
	for {
		k.mu.Lock()
		n := 0
		for _, s := range k.seen {
			if strings.HasPrefix(s, text) {
				n++
			}
		}
		seen := slices.Clone(k.seen)
		k.mu.Unlock()
		if n >= times {
			return
		}
		select {
		case <-look.C:
		case <-deadline.C:
			k.t.Fatalf("%q is not seen %d times: %q", text, times, seen)
		}
	}
}

// did returns what was done, sorted.
func (k *keeping) did() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(slices.Values(k.seen))
}

// TestContinuous: a runner takes what comes, for a dataset when that reads it,
// leaves a flow alone that was asked to stop until somebody starts it, and
// ends when it is told to.
func TestContinuous(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": `
		CREATE STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT');
		CREATE VIEW even AS SELECT * FROM bronze WHERE id % 2 = 0;
		CREATE MATERIALIZED VIEW total AS SELECT count(*) AS n, max(id) AS last FROM bronze;
		CREATE MATERIALIZED VIEW evens AS SELECT id FROM even;
		CREATE MATERIALIZED VIEW daily SCHEDULE EVERY 1 DAY AS SELECT count(*) AS n FROM bronze`})
	p.file("1.json", `{"id":1}`)
	k := p.keep(p.config())
	k.sees(1, "total COMPLETED 1")
	k.sees(1, "daily COMPLETED 1")
	p.file("2.json", `{"id":2}`)
	k.sees(2, "total COMPLETED 1")
	k.sees(1, "evens COMPLETED 1")
	control, err := p.config().Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = control.Close() }()
	if err := control.Datasets().StopFlow(t.Context(), "bronze"); err != nil {
		t.Fatal(err)
	}
	p.file("3.json", `{"id":3}`)
	k.sees(1, "bronze STOPPED")
	// Whoever starts the flow takes the request back.
	if got, want := p.rows("REFRESH STREAMING TABLE bronze"), "1|1"; got != want {
		t.Errorf("a refresh after the stop loads %s, want %s", got, want)
	}
	k.sees(3, "total COMPLETED 1")
	p.file("4.json", `{"id":4}`)
	k.sees(4, "total COMPLETED 1")
	k.sees(2, "evens COMPLETED 1")
	got := k.did() // what is being looked at when the runner is told to end is STOPPED
	if err := k.stop(); err != nil {
		t.Error(err)
	}
	want := []string{
		"bronze COMPLETED 1", "bronze COMPLETED 1", "bronze COMPLETED 1", "bronze STOPPED 0", "daily COMPLETED 1",
		"evens COMPLETED 1", "evens COMPLETED 1", "total COMPLETED 1", "total COMPLETED 1", "total COMPLETED 1", "total COMPLETED 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got, want := p.rows("SELECT * FROM total"), "4|4"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestContinuousFailure: what fails is tried again, and what cannot be made
// without it is skipped until then; all else goes on.
func TestContinuousFailure(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": `
		CREATE MATERIALIZED VIEW strict (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION FAIL UPDATE) AS SELECT id FROM src;
		CREATE MATERIALIZED VIEW on_strict AS SELECT count(*) AS n FROM strict;
		CREATE MATERIALIZED VIEW aside AS SELECT count(*) AS n FROM src`})
	p.rows("CREATE TABLE src (id INT)")
	p.rows("INSERT INTO src VALUES (-1)")
	k := p.keep(p.config())
	k.sees(2, "strict FAILED")
	k.sees(1, "on_strict SKIPPED")
	k.sees(1, "aside COMPLETED 1")
	p.rows("UPDATE src SET id = 1")
	k.sees(1, "on_strict COMPLETED 1")
	if err := k.stop(); err != nil {
		t.Error(err)
	}
}

// TestContinuousSettings: while the settings before a dataset fail, it is not
// made with others.
func TestContinuousSettings(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": `
		USE SCHEMA later;
		CREATE MATERIALIZED VIEW v AS SELECT 1 AS one`})
	k := p.keep(p.config())
	k.sees(2, "v FAILED")
	p.rows("CREATE SCHEMA later")
	k.sees(1, "v COMPLETED 1")
	if err := k.stop(); err != nil {
		t.Error(err)
	}
	if got := p.rows("SELECT one FROM later.v"); got != "1" {
		t.Errorf("got %q, want 1", got)
	}
}

// TestContinuousSchedule: schedules are those of the catalog, also when they
// are altered by others.
func TestContinuousSchedule(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": "CREATE MATERIALIZED VIEW daily SCHEDULE EVERY 1 DAY AS SELECT id FROM src"})
	p.rows("CREATE TABLE src (id INT)")
	p.rows("INSERT INTO src VALUES (1)")
	k := p.keep(p.config())
	k.sees(1, "daily COMPLETED 1")
	p.rows("INSERT INTO src VALUES (2), (3)")
	p.rows("ALTER MATERIALIZED VIEW daily DROP SCHEDULE")
	k.sees(1, "daily COMPLETED 2")
	p.rows("ALTER MATERIALIZED VIEW daily ADD SCHEDULE CRON '* * * * * ?'")
	p.rows("INSERT INTO src VALUES (4), (5), (6)")
	k.sees(1, "daily COMPLETED 3")
	if err := k.stop(); err != nil {
		t.Error(err)
	}
}

// TestContinuousFiles: a runner takes over files that were changed, and goes
// on with those of before while they cannot be used.
func TestContinuousFiles(t *testing.T) {
	p := newPlant(t, map[string]string{"a.sql": "CREATE MATERIALIZED VIEW a AS SELECT 1 AS x"})
	k := p.keep(p.config())
	k.sees(1, "a COMPLETED 1")
	b := filepath.Join(p.sql, "b.sql")
	p.write(b, "CREATE MATERIALIZED VIEW b AS\nSELECT x FROM nowhere")
	k.sees(1, b+":2: main.default.b reads main.default.nowhere")
	p.write(b, "CREATE MATERIALIZED VIEW b AS SELECT x FROM a")
	k.sees(1, "files are changed")
	k.sees(1, "b COMPLETED 1")
	if err := k.stop(); err != nil {
		t.Error(err)
	}
	if got, want := p.rows("SELECT DISTINCT details:update_progress:state FROM event_log('factory') WHERE event_type = 'update_progress'"), "CANCELED COMPLETED RUNNING"; got != want {
		t.Errorf("the states of the updates are %s, want %s", got, want)
	}
}

// A runner that is told to end while it begins has not failed.
func TestContinuousStoppedAtOnce(t *testing.T) {
	p := newPlant(t, map[string]string{"p.sql": "CREATE MATERIALIZED VIEW one AS SELECT 1 AS n"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.load().RunContinuously(ctx, p.config(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}
