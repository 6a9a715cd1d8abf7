package crash_test

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	wantedKills = flag.Int("kills", 60, "how many processes that refresh streaming tables are killed")
	siegeSeed   = flag.Uint64("seed", 0, "seed of the kills; 0 takes the time")
)

// manyKills is from how many on a scene's processes must have been killed at
// each step.
const manyKills = 100

// TestKilledRefreshes is the proof of "exactly once": in each scene processes
// bring tables up to date while files arrive. They are killed at each step that
// they take to it and at random moments, with storage that fails or lies, full
// disks, clocks that jump, and a second process beside. At no time a table
// holds a row that it must not, and in the end each row has come once, as the
// maker of the files knows them.
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
			wanted := *wantedKills / len(scenes)
			for n := 0; s.kills < wanted && !t.Failed(); {
				if wanted >= manyKills {
					s.takeSteps(t)
				}
				for more := s.kills + wanted/4; s.kills < more && !t.Failed(); n++ {
					s.live(t, n)
				}
			}
			t.Logf("seed %d: %d processes were killed, %d failed, %d came to their end", seed, s.kills, s.failed, s.ended)
		})
	}
}

// siege is processes of a scene under ordeals.
type siege struct {
	*scene
	*round // that runs
	data   data
	rng    *rand.Rand

	requests int           // that a process has made at most
	longest  time.Duration // that a process has taken of late

	kills, failed, ended int
}

// ordeals are what processes go through. Being killed at some request comes
// most often. All have clocks that are wrong.
var ordeals = []func(*siege){
	(*siege).killSomewhere, (*siege).killSomewhere, (*siege).killSomewhere, (*siege).killSomewhere, (*siege).killSomewhere, (*siege).killSomewhere,
	func(s *siege) { // a kill out of the blue
		s.await(s.start(ordeal{}), time.Duration(s.rng.Int64N(int64(s.longest))))
	},
	func(s *siege) { // storage that fails or lies, and a kill
		s.await(s.start(ordeal{step: s.anyRequest(), seed: s.rng.Uint64(), rate: 0.01}), 0)
	},
	func(s *siege) { // a disk that is full
		s.await(s.start(ordeal{space: 1 + s.rng.Int64N(s.scene.space)}), 0)
	},
	func(s *siege) { // two at once
		first, second := s.start(ordeal{step: s.anyRequest()}), s.start(ordeal{})
		s.await(first, 0)
		s.await(second, 0)
	},
	func(s *siege) { // one that is held up until another has overtaken it
		first := s.start(ordeal{step: s.anyRequest(), pauses: true})
		s.await(s.start(ordeal{}), 0)
		s.await(first, 0)
	},
}

func (s *siege) anyRequest() int { return 1 + s.rng.IntN(max(s.requests, 100)) }

func (s *siege) killSomewhere() { s.await(s.start(ordeal{step: s.anyRequest()}), 0) }

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

// goOn tells a process that pauses to go on, whenever it does, until the
// function that it returns is called.
func (p *sufferer) goOn() (stop func()) {
	if !p.pauses {
		return func() {}
	}
	tick, done := time.NewTicker(10*time.Millisecond), make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_ = p.Process.Signal(syscall.SIGCONT) // it may have ended
			}
		}
	})
	return func() {
		close(done)
		telling.Wait()
		tick.Stop()
	}
}

// excuses are why a process may fail that was not killed. Files that are not
// there are so when another process has moved them.
var excuses = []string{
	"injected fault", "no space left on device", "CONCURRENT", "changed while it was read",
	"CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE", "DBR_FILE_NOT_EXIST",
}

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
	case p.role == "keep" && !p.fresh && p.steps == "":
		timer := time.AfterFunc(time.Duration(s.rng.Int64N(int64(longest))), func() { _ = p.Process.Signal(syscall.SIGTERM) })
		defer timer.Stop()
	}
	landed := s.landMeanwhile()
	goneOn := p.goOn()
	err := p.Wait()
	goneOn()
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
		s.requests = max(s.requests, n)
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
