package crash_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object/objecttest"
)

// A step is a moment just before or just after a request that changes what is
// stored, named by its operation, the role of its object, and how often the
// process has done the like:
//
//	2 PutIfAbsent checkpoints/main/default/t-*/offsets/* before
//
// Requests that only read are no steps: who is killed at one leaves what is
// left by who is killed after the change before it. Of the writes that make up
// a file that nobody sees yet, the first stands for all.
type step struct {
	nth   int // and from some number on the same for all
	kind  string
	after bool
}

func (s step) String() string {
	return fmt.Sprint(s.nth, " ", s.kind, map[bool]string{false: " before", true: " after"}[s.after])
}

// followers is from which on steps of a kind are the same. To a process that
// keeps going all are: how many there are is a matter of time.
func followers(role string) int {
	if role == "keep" {
		return 1
	}
	return 3
}

// changes reports whether a request changes what is stored.
func changes(c objecttest.Call) bool {
	switch c.Op {
	case objecttest.Write, objecttest.Close, objecttest.Put, objecttest.PutIfAbsent, objecttest.Delete, objecttest.Move:
		return true
	case objecttest.Open, objecttest.ReadAt, objecttest.List, objecttest.Create:
	}
	return false
}

// isLease reports whether an object is of a lease, which has signs of life, as
// many as the time allows.
func isLease(key string) bool { return strings.Contains(key, "/lease/") }

// accidental is what differs in the names of objects of the same role.
var accidental = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{2}\b|[0-9]+`)

// steps are those of a process.
type steps struct {
	root  string   // the keys of all objects begin with it
	known *os.File // the steps that were taken, one a line
	fatal bool     // the process is killed at the first step that is new
	most  int      // see followers

	mu    sync.Mutex
	names map[string]bool // the steps that are known
	times map[string]int  // how often a kind of step was done
}

// beginSteps reads the steps that are known, of a file that new ones are added
// to.
func beginSteps(root, file string, fatal bool) (*steps, error) {
	if file == "" {
		return nil, nil
	}
	names, err := readSteps(file)
	if err != nil {
		return nil, err
	}
	known, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	return &steps{root: strings.TrimPrefix(root, "/") + "/", known: known, names: names, times: map[string]int{}, fatal: fatal, most: followers(os.Getenv(roleVariable))}, err
}

// meet is told of each request, and returns what is to be done after it.
// Nothing is noted of steps that are nil.
func (s *steps) meet(c objecttest.Call) (then func()) {
	if s == nil || !changes(c) {
		return nil
	}
	at := step{nth: 1, kind: string(c.Op) + " " + accidental.ReplaceAllString(strings.TrimPrefix(c.Key, s.root), "*")}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times[at.kind]++
	if c.Op != objecttest.Write && !isLease(c.Key) {
		at.nth = min(s.times[at.kind], s.most)
	}
	s.take(at)
	if c.Op == objecttest.Write {
		return nil
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		at.after = true
		s.take(at)
	}
}

// take takes a step, the last one if it is new and fatal.
func (s *steps) take(at step) {
	name := at.String()
	if s.names[name] {
		return
	}
	s.names[name] = true
	_, _ = fmt.Fprintln(s.known, name) // a step that is not noted is taken again
	if s.fatal {
		die()
	}
}

// die kills this process.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until the signal comes
}

// readSteps reads the steps of a file, if there is one.
func readSteps(file string) (map[string]bool, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	names := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		names[strings.TrimSpace(line)] = true
	}
	return names, nil
}

// phases are what the processes of a scene are killed in at each step: they
// make the tables, add to them, and add to them another time. What was loaded
// is cleaned up in the second and third; by a store that cannot move files, and
// by one that can.
const phases = 3

// takeSteps kills processes at each step that one takes to which nothing
// happens, from the plan of a batch to what is cleaned up after it. The tables
// are what they must be whenever a process comes to its end.
func (s *siege) takeSteps(t *testing.T) {
	t.Helper()
	s.enter(t, 0)
	defer func() { s.close() }() // the plant that is there in the end
	dir := t.TempDir()
	walked, taken := filepath.Join(dir, "walked"), filepath.Join(dir, "taken")
	s.toCome, s.later = nil, s.toCome
	for phase := range phases {
		s.toCome, s.later = s.later[:2], s.later[2:]
		s.nextFile()()
		s.nextFile()()
		saved := s.save(phase)
		o := ordeal{steps: walked, skew: time.Duration(phase) * 30 * 24 * time.Hour, copies: phase == 1}
		s.calm(s.role, o)
		s.checkNow()
		o.steps, o.fresh = taken, true
		for idle := 0; idle < 10 && len(missed(t, walked, taken)) > 0 && !t.Failed(); idle++ {
			s.restore(saved)
			if s.killAtSteps(o) > 0 {
				idle = 0
			}
			s.checkNow()
		}
	}
	if s.after != nil && !t.Failed() {
		s.after(s)
	}
	all, err := readSteps(walked)
	if err != nil {
		t.Fatal(err)
	}
	left := missed(t, walked, taken)
	t.Logf("processes were killed at %d of %d steps, which are of %d kinds", len(all)-len(left), len(all), kinds(all))
	if len(left) > 0 && !t.Failed() {
		t.Errorf("no process was killed at %q", left)
	}
}

// killAtSteps runs processes that go on from one another, and are killed at
// steps that none was killed at before, until one comes to its end.
func (s *siege) killAtSteps(o ordeal) (kills int) {
	s.t.Helper()
	for before := s.kills; !s.await(s.run(s.role, o), 0); kills++ {
		if s.kills-before == kills {
			s.t.Fatal("a process failed that was not killed")
		}
	}
	return kills
}

// checkNow checks that the rows of the files that have come are there, and no
// others.
func (r *round) checkNow() {
	r.t.Helper()
	r.checkAlways()
	r.checkRows()
}

// missed returns the steps that were walked, and not taken.
func missed(t *testing.T, walked, taken string) []string {
	t.Helper()
	want, err := readSteps(walked)
	got, gerr := readSteps(taken)
	if err := errors.Join(err, gerr); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(name string) bool { return got[name] })
}

// kinds counts the kinds of steps.
func kinds(names map[string]bool) int {
	found := map[string]bool{}
	for name := range names {
		words := strings.Fields(name)
		found[strings.Join(words[1:len(words)-1], " ")] = true
	}
	return len(found)
}

// save copies what there is: workspace and files.
func (r *round) save(n int) (saved string) {
	r.t.Helper()
	saved = filepath.Join(r.dir, "saved", strconv.Itoa(n))
	if err := os.MkdirAll(saved, 0o777); err != nil {
		r.t.Fatal(err)
	}
	r.copy(r.dir, saved)
	return saved
}

// restore brings back what was saved.
func (r *round) restore(saved string) {
	r.t.Helper()
	r.close()
	for _, name := range kept {
		if err := os.RemoveAll(filepath.Join(r.dir, name)); err != nil {
			r.t.Fatal(err)
		}
	}
	r.copy(saved, r.dir)
	r.plant = r.data.plant(r.t, r.dir)
}

// kept are the directories of a round that are saved.
var kept = []string{"ws", "landing", "away"}

// copy copies the directories of a round, with the times of the files.
func (r *round) copy(from, to string) {
	r.t.Helper()
	for _, name := range kept {
		if _, err := os.Stat(filepath.Join(from, name)); err != nil {
			continue // nothing was moved away yet
		}
		copyDir(r.t, filepath.Join(from, name), filepath.Join(to, name))
	}
}

// copyDir copies a directory, with the times of its files.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}
