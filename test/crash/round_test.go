package crash_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// round is one life of a scene: a new workspace, and files that arrive by and
// by and in any order.
type round struct {
	*plant
	sc        *scene
	rng       *rand.Rand
	landing   string   // where files arrive
	away      string   // where they may be moved to
	task      string   // what processes are told to run
	toCome    []string // files
	later     []string // and those that come when these are there
	overwrite *overwritten
}

// live runs a scene until all files are there and all is at peace, and
// compares what the tables hold with the truth.
func (s *siege) live(t *testing.T, n int) {
	t.Helper()
	r := s.enter(t, n)
	defer r.close()
	for len(r.toCome) > 0 {
		for range min(1+s.rng.IntN(2), len(r.toCome)) {
			r.nextFile()()
		}
		for range 1 + s.rng.IntN(4) {
			ordeals[s.rng.IntN(len(ordeals))](s)
		}
		r.checkAlways()
	}
	// Twice, since what is loaded last is cleaned up by the next run.
	for i := range 2 {
		s.calm(strings.Replace(s.role, "keep", "update", 1), ordeal{skew: time.Duration(i+1) * 30 * 24 * time.Hour})
	}
	r.checkAlways()
	r.checkEnd()
	if t.Failed() {
		t.Logf("it was round %d in %s", n, r.dir)
	}
}

// enter begins a round.
func (s *siege) enter(t *testing.T, n int) *round {
	t.Helper()
	p := s.data.plant(t, placeOf(t, n))
	s.round = &round{plant: p, sc: s.scene, rng: s.rng, landing: filepath.Join(p.dir, "landing"), away: filepath.Join(p.dir, "away")}
	s.longest = longest
	s.begin()
	return s.round
}

// calm runs a process that comes to its end by itself.
func (s *siege) calm(role string, o ordeal) {
	s.t.Helper()
	if !s.await(s.run(role, o), 0) {
		s.t.Fatal("at peace a process did not come to its end")
	}
}

// begin lays out what the first process finds.
func (r *round) begin() {
	r.t.Helper()
	if err := os.MkdirAll(r.landing, 0o777); err != nil {
		r.t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(r.source(), "*"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	r.toCome = files
	if r.sc.prepare != "" {
		r.must(r.fill(r.sc.prepare))
	}
	r.task = r.fill(r.sc.text)
	if r.sc.role == "suffer" {
		return
	}
	// A pipeline is a folder; its files are in no order of their own.
	r.task = filepath.Join(r.dir, "pipeline")
	if err := os.MkdirAll(r.task, 0o777); err != nil {
		r.t.Fatal(err)
	}
	statements := strings.Split(r.sc.text, ";")
	for i, text := range statements {
		name := fmt.Sprintf("%d.sql", len(statements)-i)
		if err := os.WriteFile(filepath.Join(r.task, name), []byte(r.fill(text)), 0o666); err != nil {
			r.t.Fatal(err)
		}
	}
}

// fill replaces what stands for folders, and for all the rows there are.
func (r *round) fill(text string) string {
	named := "(SELECT * FROM " + r.data.table + " WHERE f NOT IN ('" + strings.Join(r.awaited(), "', '") + "'))"
	return strings.NewReplacer("$IN", r.landing, "$AWAY", r.away, "$ALL", "(SELECT * EXCEPT (f) FROM "+named+")", "$NAMED", named).Replace(text)
}

// awaited returns the names of the files that are to come.
func (r *round) awaited() (names []string) {
	for _, name := range slices.Concat(r.toCome, r.later) {
		names = append(names, filepath.Base(name))
	}
	return names
}

// nextFile returns what lets the next file arrive.
func (r *round) nextFile() (land func()) {
	from := r.toCome[0]
	r.toCome = r.toCome[1:]
	if r.sc.land != nil {
		return r.sc.land(r, from)
	}
	return func() { r.arrive(from) }
}

// arrive puts a copy of a file into the landing folder, all at once.
func (r *round) arrive(from string) {
	content, err := os.ReadFile(from)
	if err != nil {
		r.t.Error(err)
		return
	}
	r.put(filepath.Base(from), content)
}

// put makes or replaces a file of the landing folder, all at once.
func (r *round) put(name string, content []byte) {
	temp := filepath.Join(filepath.Dir(r.landing), "arriving-"+name)
	if err := os.WriteFile(temp, content, 0o666); err != nil {
		r.t.Error(err)
		return
	}
	r.touch(temp)
	if err := os.Rename(temp, filepath.Join(r.landing, name)); err != nil {
		r.t.Error(err)
	}
}

// touch makes the file newer than any was: file systems may give the same time
// to what is written one after the other.
func (r *round) touch(name string) {
	now := time.Now()
	if err := os.Chtimes(name, now, now); err != nil {
		r.t.Error(err)
	}
}

// landMeanwhile lets a file arrive at a random moment, at the latest when what
// it returns is called.
func (r *round) landMeanwhile() (landed func()) {
	if len(r.toCome) == 0 || r.rng.IntN(4) > 0 {
		return func() {}
	}
	land, done := r.nextFile(), make(chan struct{})
	timer := time.AfterFunc(time.Duration(r.rng.Int64N(int64(100*time.Millisecond))), func() {
		defer close(done)
		land()
	})
	return func() {
		if timer.Stop() {
			land()
			return
		}
		<-done
	}
}

// checkAlways checks what holds at any time.
func (r *round) checkAlways() {
	r.t.Helper()
	if r.sc.always != nil {
		r.sc.always(r)
	}
	for table, truth := range r.sc.want {
		if strings.HasPrefix(table, "SELECT") {
			continue // true in the end alone
		}
		if got, ok := r.ask(r.fill("SELECT count(*) FROM (SELECT * FROM " + table + " EXCEPT ALL " + truth + ")")); ok && got != "0" {
			r.t.Errorf("%s rows of %s are not, or not so often, in %s", got, table, truth)
		}
	}
}

// checkEnd checks what holds when all has come.
func (r *round) checkEnd() {
	t := r.t
	t.Helper()
	if !r.sc.otherRows {
		if got, want := r.found(), r.truth(1); got != want {
			t.Errorf("the table holds %q, want %q", got, want)
		}
	}
	r.checkRows()
	if r.sc.end != nil {
		r.sc.end(r)
	}
}

// checkRows checks that the rows of all files are there that have come.
func (r *round) checkRows() {
	t := r.t
	t.Helper()
	for loaded, truth := range r.sc.want {
		if !strings.HasPrefix(loaded, "SELECT") {
			loaded = "SELECT * FROM " + loaded
		}
		for _, difference := range []string{loaded + " EXCEPT ALL " + truth, truth + " EXCEPT ALL " + loaded} {
			if got := r.must(r.fill("SELECT count(*) FROM (" + difference + ")")); got != "0" {
				t.Errorf("%s rows of %s", got, difference)
			}
		}
	}
}

// memoryFiles is a file system in memory, where there is one. A kill loses
// nothing that was written, be it on a disk or not: there the processes need
// not wait for the disk.
const memoryFiles = "/dev/shm"

// placeOf returns a directory for a round: every tenth one is on the disk, the
// others in memory, if there is room.
func placeOf(t *testing.T, n int) string {
	t.Helper()
	parent := memoryFiles
	var stat syscall.Statfs_t
	if err := syscall.Statfs(parent, &stat); n%10 == 9 || err != nil || stat.Bavail*uint64(stat.Bsize) < 1<<30 {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "freshet-crash-") //nolint:usetesting // the test chooses where
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// contents returns the files of a directory by name. What a writer that was
// killed has begun is none: no listing shows it.
func (r *round) contents(dir string) map[string][]byte {
	r.t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), ".freshet-") {
			return nil
		}
		found[d.Name()], err = os.ReadFile(name)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return found
}

// equalFiles compares the files of two directories.
func (r *round) equalFiles(got, want map[string][]byte, where string) {
	r.t.Helper()
	for name, content := range want {
		if !bytes.Equal(got[name], content) {
			r.t.Errorf("%s: %s has %d bytes, want the %d it came with", where, name, len(got[name]), len(content))
		}
	}
	if len(got) != len(want) {
		r.t.Errorf("%s: files are %v, want %d", where, slices.Sorted(maps.Keys(got)), len(want))
	}
}
