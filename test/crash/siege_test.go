package crash_test

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	wantedKills = flag.Int("kills", 60, "how many processes that refresh streaming tables are killed")
	siegeSeed   = flag.Uint64("seed", 0, "seed of the kills; 0 takes the time")
)

// manyKills is from how many on a scene must have been killed at each step.
const manyKills = 300

// TestKilledRefreshes is the proof of "exactly once": in each scene processes
// bring tables up to date while files arrive. They are killed before each
// request to their store in turn and at random moments, with storage that
// fails or lies, full disks, clocks that jump, and a second process beside. At
// no time a table holds a row that it must not, and in the end each row has
// come once, as the maker of the files knows them.
func TestKilledRefreshes(t *testing.T) {
	t.Parallel()
	data := newData(t, 12_000)
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			seed := *siegeSeed
			if seed == 0 {
				seed = uint64(time.Now().UnixNano())
			}
			s := &siege{scene: sc, data: data, rng: rand.New(rand.NewPCG(seed, 0)), longest: longest}
			s.step = s.rng.IntN(100)
			wanted := *wantedKills / len(scenes)
			for n := 0; s.kills < wanted && !t.Failed(); n++ {
				s.live(t, n)
			}
			t.Logf("seed %d: %d processes were killed, %d failed, %d came to their end; at most %d steps, %d times the last was reached",
				seed, s.kills, s.failed, s.ended, s.steps, s.passes)
			if wanted >= manyKills && s.passes < 2 && !t.Failed() {
				t.Errorf("not every step of a process was one to be killed at: the last was reached %d times", s.passes)
			}
		})
	}
}

// siege is processes of a scene under ordeals.
type siege struct {
	*scene
	*round // that runs
	data   data
	rng    *rand.Rand

	step    int           // that killed last
	steps   int           // that a process has taken at most
	passes  int           // how often a process has come to its end before the step to kill it at
	longest time.Duration // that a process has taken of late

	kills, failed, ended int
}

// ordeals are what processes go through. Being killed before one request after
// the other comes most often. All have clocks that are wrong.
var ordeals = []func(*siege){
	(*siege).nextStep, (*siege).nextStep, (*siege).nextStep, (*siege).nextStep, (*siege).nextStep, (*siege).nextStep,
	func(s *siege) { // a kill out of the blue
		s.await(s.start(ordeal{}), time.Duration(s.rng.Int64N(int64(s.longest))))
	},
	func(s *siege) { // storage that fails or lies, and a kill
		s.await(s.start(ordeal{step: s.anyStep(), seed: s.rng.Uint64(), rate: 0.01}), 0)
	},
	func(s *siege) { // a disk that is full
		s.await(s.start(ordeal{space: 1 + s.rng.Int64N(s.scene.space)}), 0)
	},
	func(s *siege) { // two at once
		first, second := s.start(ordeal{step: s.anyStep()}), s.start(ordeal{})
		s.await(first, 0)
		s.await(second, 0)
	},
}

func (s *siege) anyStep() int { return 1 + s.rng.IntN(max(s.steps, 100)) }

// nextStep kills a process one request later than the last one, and begins
// anew when a process needed no more requests.
func (s *siege) nextStep() {
	s.step++
	if s.await(s.start(ordeal{step: s.step}), 0) {
		s.step = 0
		s.passes++
	}
}

// sufferer is a process under an ordeal.
type sufferer struct {
	*exec.Cmd
	ordeal
	role           string
	began          time.Time
	stdout, stderr bytes.Buffer
}

// start starts a process of the scene, by a clock that is up to ten days
// wrong.
func (s *siege) start(o ordeal) *sufferer {
	o.skew += time.Duration(s.rng.Int64N(int64(20*24*time.Hour))) - 10*24*time.Hour
	o.copies = s.rng.IntN(2) == 0
	return s.run(s.role, o)
}

// run starts a process of the scene.
func (s *siege) run(role string, o ordeal) *sufferer {
	p := &sufferer{Cmd: process(s.t, role, s.workspace(), o.String(), s.task), ordeal: o, role: role, began: time.Now()}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// excuses are why a process may fail that was not killed.
var excuses = []string{"injected fault", "no space left on device", "CONCURRENT", "changed while it was read"}

// excused reports whether what a process said is no fault of its own.
func excused(stderr string) bool {
	if strings.Contains(stderr, "panic:") || strings.Contains(stderr, "fatal error:") || strings.Contains(stderr, "DATA RACE") {
		return false
	}
	for _, excuse := range excuses {
		if strings.Contains(stderr, excuse) {
			return true
		}
	}
	return false
}

// await waits for a process's end, which comes by a kill after a time unless
// that is 0; processes that keep going are asked to stop after a while. It
// reports whether the process came to its end by itself.
func (s *siege) await(p *sufferer, after time.Duration) bool {
	t := s.t
	t.Helper()
	switch {
	case after > 0:
		timer := time.AfterFunc(after, func() { _ = p.Process.Kill() })
		defer timer.Stop()
	case p.role == "keep":
		timer := time.AfterFunc(time.Duration(s.rng.Int64N(int64(longest))), func() { _ = p.Process.Signal(syscall.SIGTERM) })
		defer timer.Stop()
	}
	landed := s.landMeanwhile()
	err := p.Wait()
	landed()
	var exit *exec.ExitError
	switch {
	case err == nil:
		s.ended++
		s.longest = time.Since(p.began)
		n, err := strconv.Atoi(p.stdout.String())
		if err != nil || n == 0 && p.role != "keep" {
			t.Errorf("%s: it made %q requests", p.ordeal, p.stdout.String())
		}
		s.steps = max(s.steps, n)
		return true
	case errors.As(err, &exit) && exit.ExitCode() < 0 && (p.stderr.Len() == 0 || excused(p.stderr.String())):
		s.kills++
		return false
	}
	s.failed++
	if !excused(p.stderr.String()) {
		t.Errorf("%s: a process failed by itself: %v: %s", p.ordeal, err, p.stderr.String())
	}
	return false
}
