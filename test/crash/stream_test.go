package crash_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var wantedKills = flag.Int("kills", 20, "how many processes that refresh streaming tables are killed")

// TestKilledRefreshes is the proof of "exactly once": processes refresh a
// streaming table, and two more that stream from it, while files arrive.
// They are killed before each request to their store in turn and at random
// moments, with storage that fails or lies, full disks, clocks that jump, and a
// second process beside. In the end each row has come once, as the maker of the
// files knows them.
func TestKilledRefreshes(t *testing.T) {
	p := newPlant(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &siege{plant: p, rng: rand.New(rand.NewPCG(seed, 0))}
	for round := 0; s.kills < *wantedKills && !t.Failed(); round++ {
		s.round(round)
	}
	t.Logf("%d processes were killed, %d failed, %d came to their end", s.kills, s.failed, s.ended)
}

// siege is processes under ordeals.
type siege struct {
	*plant
	rng                  *rand.Rand
	step                 int // that killed last
	kills, failed, ended int
}

// refreshText loads what is new in a folder into a table, from there into
// another, and counts it in a third, which needs state.
const refreshText = `
	CREATE STREAMING TABLE IF NOT EXISTS t AS SELECT * FROM STREAM read_files('%s', format => 'csv', maxFilesPerTrigger => 2);
	REFRESH STREAMING TABLE t;
	CREATE STREAMING TABLE IF NOT EXISTS refined AS SELECT * FROM STREAM t;
	REFRESH STREAMING TABLE refined;
	CREATE STREAMING TABLE IF NOT EXISTS counted AS SELECT sensor_id, count(*) AS n FROM STREAM t GROUP BY sensor_id;
	REFRESH STREAMING TABLE counted`

// round lets all files arrive, by and by and in any order.
func (s *siege) round(n int) {
	t := s.t
	t.Helper()
	landing := filepath.Join(s.dir, fmt.Sprintf("landing%d", n))
	if err := os.MkdirAll(landing, 0o777); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.source(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	s.rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	s.must("DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS refined; DROP TABLE IF EXISTS counted")
	text := fmt.Sprintf(refreshText, landing)
	for len(files) > 0 {
		for range min(1+s.rng.IntN(2), len(files)) {
			if err := os.Link(files[0], filepath.Join(landing, filepath.Base(files[0]))); err != nil {
				t.Fatal(err)
			}
			files = files[1:]
		}
		for range 1 + s.rng.IntN(4) {
			ordeals[s.rng.IntN(len(ordeals))](s, text)
		}
	}
	s.must(text)
	if got, want := s.found(), s.truth(1); got != want {
		t.Errorf("round %d: the table holds %q, want %q", n, got, want)
	}
	source := "SELECT * FROM read_files('" + landing + "', format => 'csv', header => true)"
	counts := "SELECT sensor_id, count(*) AS n FROM (" + source + ") GROUP BY sensor_id"
	for table, want := range map[string]string{"t": source, "refined": source, "counted": counts} {
		loaded := "SELECT * FROM " + table
		for _, difference := range []string{loaded + " EXCEPT ALL " + want, want + " EXCEPT ALL " + loaded} {
			if got := s.must("SELECT count(*) FROM (" + difference + ")"); got != "0" {
				t.Errorf("round %d: %s rows of %s", n, got, difference)
			}
		}
	}
}

// ordeals are what processes go through. Being killed before one request after
// the other comes most often.
var ordeals = []func(s *siege, text string){
	(*siege).nextStep, (*siege).nextStep, (*siege).nextStep, (*siege).nextStep,
	func(s *siege, text string) { // a kill out of the blue
		s.await(s.start(ordeal{}, text), time.Duration(s.rng.Int64N(int64(longest))))
	},
	func(s *siege, text string) { // storage that fails or lies, a clock that is wrong, a kill
		o := ordeal{step: 1 + s.rng.IntN(300), seed: s.rng.Uint64(), rate: 0.01, skew: s.skew()}
		s.await(s.start(o, text), 0)
	},
	func(s *siege, text string) { // a disk that is full
		s.await(s.start(ordeal{space: 1 + s.rng.Int64N(200_000), skew: s.skew()}, text), 0)
	},
	func(s *siege, text string) { // two at once
		first, second := s.start(ordeal{step: 1 + s.rng.IntN(300)}, text), s.start(ordeal{skew: s.skew()}, text)
		s.await(first, 0)
		s.await(second, 0)
	},
}

// skew is up to ten days to either side.
func (s *siege) skew() time.Duration {
	return time.Duration(s.rng.Int64N(int64(20*24*time.Hour))) - 10*24*time.Hour
}

// nextStep kills a process one request later than the last one, and begins
// anew when a process needed no more requests.
func (s *siege) nextStep(text string) {
	s.step++
	if s.await(s.start(ordeal{step: s.step}, text), 0) {
		s.step = 0
	}
}

// sufferer is a process under an ordeal.
type sufferer struct {
	*exec.Cmd
	ordeal
	stdout, stderr bytes.Buffer
}

func (s *siege) start(o ordeal, text string) *sufferer {
	p := &sufferer{Cmd: process(s.t, "suffer", s.workspace(), o.String(), text), ordeal: o}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// excuses are why a process may fail that was not killed.
var excuses = []string{"injected fault", "no space left on device", "CONCURRENT"}

// await waits for a process's end, which comes by a kill after a time unless
// that is 0. It reports whether the process came to its end by itself.
func (s *siege) await(p *sufferer, after time.Duration) bool {
	t := s.t
	t.Helper()
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = p.Process.Kill() })
		defer timer.Stop()
	}
	err := p.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		s.ended++
		if n, err := strconv.Atoi(p.stdout.String()); err != nil || n == 0 {
			t.Errorf("%s: it made %q requests", p.ordeal, p.stdout.String())
		}
		return true
	case errors.As(err, &exit) && exit.ExitCode() < 0 && p.stderr.Len() == 0:
		s.kills++
		return false
	}
	s.failed++
	for _, excuse := range excuses {
		if strings.Contains(p.stderr.String(), excuse) {
			return false
		}
	}
	t.Errorf("%s: a refresh failed by itself: %v: %s", p.ordeal, err, p.stderr.String())
	return false
}
