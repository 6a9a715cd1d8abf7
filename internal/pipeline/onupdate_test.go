package pipeline_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/pipeline"
)

// clockwork is a clock that the test moves.
type clockwork struct {
	mu     sync.Mutex
	now    time.Time
	alarms map[chan struct{}]time.Time
}

func newClockwork() *clockwork {
	return &clockwork{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), alarms: map[chan struct{}]time.Time{}}
}

func (c *clockwork) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clockwork) Sleep(ctx context.Context, d time.Duration) error {
	alarm := make(chan struct{})
	c.mu.Lock()
	c.alarms[alarm] = c.now.Add(d)
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.alarms, alarm)
		c.mu.Unlock()
		return ctx.Err()
	case <-alarm:
		return nil
	}
}

// move moves the clock on.
func (c *clockwork) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for alarm, at := range c.alarms {
		if !at.After(c.now) {
			close(alarm)
			delete(c.alarms, alarm)
		}
	}
}

// timed is a runner whose refreshes are noted by the time at which they began.
type timed struct {
	*plant
	clock *clockwork
	mu    sync.Mutex
	began map[string][]time.Time
}

// keepTimed starts a runner by a clock that stands.
func (p *plant) keepTimed(interval time.Duration) *timed {
	p.t.Helper()
	r := &timed{plant: p, clock: newClockwork(), began: map[string][]time.Time{}}
	cfg := p.config()
	cfg.Clock, cfg.Sleep = r.clock.Now, r.clock.Sleep
	cfg.Report = func(res pipeline.Result) {
		if res.Err != nil {
			p.t.Error(res.Err)
		}
		if res.Status == eventlog.FlowCompleted {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.began[res.Dataset.Name.Table] = append(r.began[res.Dataset.Name.Table], r.clock.Now().Add(-res.Took))
		}
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	loaded, ended := p.load(), make(chan error, 1)
	go func() { ended <- loaded.RunContinuously(ctx, cfg, interval) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
	return r
}

// times returns when a dataset was refreshed.
func (r *timed) times(dataset string) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.began[dataset])
}

// pass lets time pass, a second every few milliseconds.
func (r *timed) pass(d time.Duration, until func() bool) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; d > 0 && !until(); d -= time.Second {
		<-tick.C
		r.clock.move(time.Second)
	}
}

// first waits for a dataset's first refresh, while the clock stands.
func (r *timed) first(datasets ...string) {
	r.t.Helper()
	deadline, look := time.NewTimer(time.Minute), time.NewTicker(tick)
	defer deadline.Stop()
	defer look.Stop()
	for _, d := range datasets {
		for len(r.times(d)) == 0 {
			select {
			case <-look.C:
			case <-deadline.C:
				r.t.Fatalf("%s is not refreshed at first", d)
			}
		}
	}
}

// wakes lets time pass until a dataset was refreshed again, and returns how
// long after its last refresh.
func (r *timed) wakes(dataset string) time.Duration {
	r.t.Helper()
	n := len(r.times(dataset))
	r.pass(time.Hour, func() bool { return len(r.times(dataset)) > n })
	times := r.times(dataset)
	if len(times) <= n {
		r.t.Fatalf("%s is not refreshed within an hour", dataset)
	}
	return times[n].Sub(times[n-1])
}

// TestTriggerOnUpdate: a commit on any table that a dataset reads wakes it, a
// minute after its last refresh at the earliest, or what AT MOST EVERY says;
// without commits it is left alone.
func TestTriggerOnUpdate(t *testing.T) {
	t.Parallel()
	const watched = 10 * time.Minute // after so long it is looked at anyway
	for name, c := range map[string]struct {
		clause string
		least  time.Duration
	}{
		"by default":    {"TRIGGER ON UPDATE", time.Minute},
		"at most every": {"TRIGGER ON UPDATE AT MOST EVERY INTERVAL 2 MINUTES", 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, map[string]string{"p.sql": "CREATE MATERIALIZED VIEW both " + c.clause + " AS SELECT id FROM one UNION ALL SELECT id FROM two"})
			p.rows("CREATE TABLE one (id INT)")
			p.rows("CREATE TABLE two (id INT)")
			r := p.keepTimed(time.Second)
			r.first("both")
			// It is looked at once more, as something may have come before the watch began.
			if got := r.wakes("both"); got < c.least || got >= watched {
				t.Errorf("it is looked at again %v after it was made, want %v at the earliest", got, c.least)
			}
			n := len(r.times("both"))
			r.pass(c.least+2*time.Minute, func() bool { return false })
			if got := len(r.times("both")); got != n {
				t.Fatalf("it is refreshed %d times though nothing was written", got-n)
			}
			for _, table := range []string{"one", "two"} {
				p.rows("INSERT INTO " + table + " VALUES (1)")
				if got := r.wakes("both"); got < c.least || got >= watched {
					t.Errorf("after a commit on %s it is refreshed %v after its last refresh, want %v at the earliest and less than %v", table, got, c.least, watched)
				}
			}
			if got, want := p.rows("SELECT * FROM both"), "1 1"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			// Twice at once is once.
			p.rows("INSERT INTO one VALUES (2)")
			p.rows("INSERT INTO two VALUES (2)")
			r.wakes("both")
			n = len(r.times("both"))
			r.pass(c.least+time.Minute, func() bool { return len(r.times("both")) > n+1 })
			if got := len(r.times("both")); got > n+1 {
				t.Errorf("two commits make %d refreshes", got-n+1)
			}
		})
	}
}

// TestFlowsAreWoken: a table that flows feed is refreshed when one of them has
// something new, not every interval.
func TestFlowsAreWoken(t *testing.T) {
	t.Parallel()
	p := newPlant(t, map[string]string{"p.sql": `CREATE STREAMING TABLE t (id INT);
		CREATE FLOW f AS INSERT INTO t BY NAME SELECT id FROM STREAM src;
		CREATE FLOW g AS INSERT INTO t BY NAME SELECT * FROM STREAM read_files('$IN', format => 'json', schema => 'id INT')`})
	p.rows("CREATE TABLE src (id INT)")
	r := p.keepTimed(time.Second)
	r.first("t")
	r.pass(3*time.Second, func() bool { return false }) // it is looked at again as the watch begins
	n := len(r.times("t"))
	r.pass(40*time.Second, func() bool { return false })
	if got := len(r.times("t")); got > n+1 {
		t.Errorf("while nothing came it was refreshed %d times in 40 intervals", got-n)
	}
	p.rows("INSERT INTO src VALUES (1)")
	r.pass(30*time.Second, func() bool { return p.rows("SELECT count(*) FROM t") == "1" })
	p.file("1.json", `{"id":2}`)
	r.pass(30*time.Second, func() bool { return p.rows("SELECT count(*) FROM t") == "2" })
	if got, want := p.rows("SELECT id FROM t"), "1 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
