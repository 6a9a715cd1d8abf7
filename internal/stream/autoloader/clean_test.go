package autoloader_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

const day = 24 * time.Hour

// all returns the objects of the bucket and what is in them.
func (l *landing) all() map[string]string {
	l.t.Helper()
	found := map[string]string{}
	for info, err := range l.files.List(l.t.Context(), "", "") {
		if err != nil {
			l.t.Fatal(err)
		}
		body, err := object.ReadAll(l.t.Context(), l.files, info.Name(), 1<<20)
		if err != nil {
			l.t.Fatal(err)
		}
		found[info.Name()] = string(body)
	}
	return found
}

func (l *landing) expectFiles(what string, want ...string) {
	l.t.Helper()
	if got := slices.Sorted(maps.Keys(l.all())); !slices.Equal(got, want) {
		l.t.Errorf("%s: got files %q, want %q", what, got, want)
	}
}

// states returns what the file state says of each file.
func (l *landing) states() map[string]filestate.Entry {
	l.t.Helper()
	st, err := filestate.Open(l.t.Context(), l.checkpoint, "sources/0/", filestate.Options{})
	if err != nil {
		l.t.Fatal(err)
	}
	found := map[string]filestate.Entry{}
	for e, err := range st.Select(l.t.Context(), filestate.Select{}) {
		if err != nil {
			l.t.Fatal(err)
		}
		found[strings.TrimPrefix(e.Path, "s3://bucket/in/")] = e
	}
	return found
}

func moving(extra ...string) map[string]string {
	return json(append([]string{"cloudFiles.cleanSource", "MOVE", "cloudFiles.cleanSource.retentionDuration", "0 seconds", "cloudFiles.cleanSource.moveDestination", "s3://bucket/done"}, extra...)...)
}

func TestAssertion29_DeletedWhenRetentionIsOver(t *testing.T) {
	l := newLanding(t, json("cleanSource", "DELETE", "cleanSource.retentionDuration", "8 days"))
	l.put("a.json", `{"a":1}`)
	l.mustRun()
	l.now = l.now.Add(4 * day)
	l.put("b.json", `{"a":2}`)
	l.mustRun()
	l.expectFiles("after 4 days", "in/a.json", "in/b.json")
	l.now = l.now.Add(4*day + time.Hour)
	l.mustRun()
	l.expectFiles("after 8 days", "in/b.json")
	l.now = l.now.Add(8 * day)
	l.mustRun()
	l.expectFiles("after 16 days")
	l.expect("rows", "1|(null)", "2|(null)")
	for name, e := range l.states() {
		if e.State != filestate.ArchivedByDelete || e.StateTime == 0 {
			t.Errorf("%s is in state %d since %d, want it archived by deletion", name, e.State, e.StateTime)
		}
	}
}

func TestAssertion29_MovedWithTheirPath(t *testing.T) {
	l := newLanding(t, moving())
	l.put("x.json", `{"a":1}`)
	l.put("d=1/y.json", `{"a":2}`)
	// Another file has the place of one.
	if err := l.files.Put(t.Context(), "done/x.json", []byte("other")); err != nil {
		t.Fatal(err)
	}
	l.mustRun()
	l.mustRun()
	l.expectFiles("moved", "done/d=1/y.json", "done/x.json", "done/x.json.0")
	if got := l.all()["done/x.json"]; got != "other" {
		t.Errorf("a file at the destination was overwritten with %q", got)
	}
	if e := l.states()["d=1/y.json"]; e.State != filestate.ArchivedByMove || e.Detail != "s3://bucket/done/d=1/y.json" {
		t.Errorf("got state %d, moved to %q", e.State, e.Detail)
	}
}

// TestAssertion29_ModeAtCleaningTime: the mode in force then counts, also for
// files that were loaded when there was none.
func TestAssertion29_ModeAtCleaningTime(t *testing.T) {
	for _, first := range []map[string]string{json(), json("cleanSource", "MOVE", "cleanSource.moveDestination", "s3://bucket/done")} {
		l := newLanding(t, first)
		for i := range 5 {
			l.put(fmt.Sprintf("%d.json", i), `{"a":1}`)
			l.mustRun()
		}
		l.expectFiles("before", "in/0.json", "in/1.json", "in/2.json", "in/3.json", "in/4.json")
		l.now = l.now.Add(9 * day)
		l.options = json("cleanSource", "DELETE", "cleanSource.retentionDuration", "8 days")
		l.put("new.json", `{"a":1}`)
		l.mustRun()
		l.expectFiles("after", "in/new.json")
	}
}

// TestAssertion29_OnlyWhatIsLoaded: files that the target does not have, that
// were skipped or that have changed since they were discovered stay.
func TestAssertion29_OnlyWhatIsLoaded(t *testing.T) {
	t.Run("not committed", func(t *testing.T) {
		l := newLanding(t, moving("schemaEvolutionMode", "failOnNewColumns"))
		l.put("a.json", `{"a":1}`)
		l.mustRun()
		l.put("b.json", `{"b":1}`)
		unknownField(t, l.run())
		l.expectFiles("a batch failed", "done/a.json", "in/b.json")
	})
	t.Run("not in the target", func(t *testing.T) {
		l := newLanding(t, moving())
		l.put("a.json", `{"a":1}`)
		l.lost = true
		l.mustRun()
		l.expectFiles("a target that denies", "in/a.json")
		l.lost = false
		l.mustRun()
		l.expectFiles("a target that has it", "done/a.json")
	})
	t.Run("existing", func(t *testing.T) {
		l := newLanding(t, moving("includeExistingFiles", "false", "schemaHints", "a INT"))
		l.put("old.json", `{"a":1}`)
		l.discovered()
		l.put("new.json", `{"a":1}`)
		l.mustRun()
		l.expectFiles("never loaded", "done/new.json", "in/old.json")
	})
	t.Run("changed", func(t *testing.T) {
		l := newLanding(t, json("cleanSource", "DELETE"))
		l.put("a.json", `{"a":1}`)
		l.put("b.json", `{"a":1}`)
		l.mustRun()
		l.put("a.json", `{"a":3}`)
		l.now = l.now.Add(31 * day)
		l.mustRun()
		l.expectFiles("one was overwritten", "in/a.json")
	})
}

// TestCleaningLosesNothing cuts runs off at accesses to files and checkpoint,
// a few apart, before or after they take effect. At each, every file is whole in one place at least, and after
// the next run in one place only.
func TestCleaningLosesNothing(t *testing.T) {
	crash := errors.New("cut off")
	for n := int64(1); ; n += 5 {
		l := newLanding(t, moving("maxFilesPerTrigger", "2"))
		for i := range 4 {
			l.put(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"a":%d}`, i))
		}
		var accesses atomic.Int64 // of the run and of its lease
		l.faults = func(c objecttest.Call) objecttest.Fault {
			access := accesses.Add(1)
			if access < n {
				return objecttest.Fault{}
			}
			when := objecttest.Before
			if access == n && n%2 == 0 {
				when = objecttest.After
			}
			return objecttest.Fault{Call: c, When: when, Err: crash}
		}
		cut := l.run()
		bodies := map[string]int{}
		for _, body := range l.all() {
			bodies[body]++
		}
		for i := range 4 {
			if body := fmt.Sprintf(`{"a":%d}`, i); bodies[body] == 0 {
				t.Fatalf("cut off at access %d: file %d is lost", n, i)
			}
		}
		l.faults = nil
		l.now = l.now.Add(time.Hour) // the lease of the run that was cut off
		l.mustRun()
		l.mustRun()
		l.expect(fmt.Sprintf("after access %d", n), "0|(null)", "1|(null)", "2|(null)", "3|(null)")
		l.expectFiles(fmt.Sprintf("after access %d", n), "done/0.json", "done/1.json", "done/2.json", "done/3.json")
		if t.Failed() {
			return
		}
		if cut == nil && accesses.Load() < n {
			t.Logf("%d accesses", accesses.Load())
			break
		}
	}
}
