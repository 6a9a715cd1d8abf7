package autoloader_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/source/files/filestate"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// TestAssertion8_ArrivedDuringARun: with availableNow a file that comes while
// batches run waits for the next run.
func TestAssertion8_ArrivedDuringARun(t *testing.T) {
	l := newLanding(t, json("maxFilesPerTrigger", "1"))
	l.put("1.json", `{"a":1}`)
	l.put("2.json", `{"a":2}`)
	late := false
	l.before = func() error {
		if !late {
			late = true
			l.put("0.json", `{"a":3}`)
		}
		return nil
	}
	l.mustRun()
	l.expect("the first run", "1|(null)", "2|(null)")
	l.mustRun()
	l.expect("the second run", "1|(null)", "2|(null)", "3|(null)")
}

// TestAssertion26_SameFilesAgain: a batch that was planned and not written
// runs again with the files it had, whatever has come since and whatever the
// limits now are.
func TestAssertion26_SameFilesAgain(t *testing.T) {
	cut := errors.New("cut off")
	l := newLanding(t, json("maxFilesPerTrigger", "2"))
	l.put("b.json", `{"a":1}`)
	l.put("c.json", `{"a":2}`)
	l.before = func() error { return cut }
	if err := l.run(); !errors.Is(err, cut) {
		t.Fatalf("got %v, want the run cut off", err)
	}
	l.put("a.json", `{"a":3}`)
	l.options["maxFilesPerTrigger"] = "1000"
	l.before = nil
	l.mustRun()
	if got := l.sizes(); !slices.Equal(got, []int{2, 1}) || !slices.Equal(l.batches[0].rows, []string{"1|(null)", "2|(null)"}) {
		t.Errorf("got batches of %v, the first %q, want the two files that were planned and then the new one", got, l.batches[0].rows)
	}
}

// TestAssertion31_CorruptFile fails the run, or is left out and known as such.
func TestAssertion31_CorruptFile(t *testing.T) {
	for _, ignore := range []string{"false", "true"} {
		l := newLanding(t, map[string]string{"cloudFiles.format": "parquet", "ignoreCorruptFiles": ignore})
		l.schema = schema.New(schema.Col("a", schema.Integer))
		l.put("bad.parquet", "PAR1 but no Parquet")
		var skipped string
		l.progress = func(p stream.Progress) { skipped = p.Sources[0].Metrics["numSkippedCorruptFiles"] }
		err := l.run()
		if ignore == "false" {
			if err == nil {
				t.Error("a corrupt file was read")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if e := l.states()["bad.parquet"]; e.State != filestate.SkippedCorrupted || e.Detail == "" {
			t.Errorf("got state %d, %q, want it skipped as corrupt and why", e.State, e.Detail)
		}
		if skipped != "1" {
			t.Errorf("the batch tells of %q corrupt files, want 1", skipped)
		}
	}
}

// TestForbiddenFileIsNotCorrupt: a file that may not be read fails its batch
// whatever options say, and is loaded once it may be.
func TestForbiddenFileIsNotCorrupt(t *testing.T) {
	l := newLanding(t, json("ignoreCorruptFiles", "true", "ignoreMissingFiles", "true"))
	l.put("1.json", `{"a":1}`)
	l.mustRun()
	l.put("2.json", `{"a":2}`)
	l.faults = func(c objecttest.Call) objecttest.Fault {
		if c.Op == objecttest.Open && strings.HasSuffix(c.Key, "2.json") {
			return objecttest.Fault{When: objecttest.Before, Err: fs.ErrPermission}
		}
		return objecttest.Fault{}
	}
	if err := l.run(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want that the file may not be read", err)
	}
	l.faults = nil
	l.mustRun()
	l.expect("once it may be read", "1|(null)", "2|(null)")
}

// TestSkippedFileStaysSkipped: whenever a run is cut off, a file that was left
// out is known as that, and not taken for one that is loaded and may be
// deleted. One that a later try could read is known as loaded.
func TestSkippedFileStaysSkipped(t *testing.T) {
	crash := errors.New("cut off")
	for _, at := range []string{"commits/0", "sources/0/manifest/"} {
		l := newLanding(t, map[string]string{
			"cloudFiles.format": "parquet", "ignoreCorruptFiles": "true",
			"cleanSource": "DELETE", "cleanSource.retentionDuration": "8 days",
		})
		l.schema = schema.New(schema.Col("a", schema.Integer))
		l.put("bad.parquet", "PAR1 but no Parquet")
		l.faults = func(c objecttest.Call) objecttest.Fault {
			if c.Op == objecttest.PutIfAbsent && strings.HasPrefix(c.Key, at) && len(l.batches) > 0 {
				return objecttest.Fault{When: objecttest.Before, Err: crash}
			}
			return objecttest.Fault{}
		}
		if err := l.run(); !errors.Is(err, crash) {
			t.Fatalf("%s: got %v, want the run to be cut off", at, err)
		}
		l.faults = nil
		l.mustRun()
		if e := l.states()["bad.parquet"]; e.State != filestate.SkippedCorrupted {
			t.Errorf("%s: the file is in state %d, want it skipped", at, e.State)
		}
		l.now = l.now.Add(9 * day)
		l.mustRun()
		l.expectFiles(at, "in/bad.parquet")
	}
}

// TestFileThatALaterTryReads was skipped by a try of its batch that was cut
// off.
func TestFileThatALaterTryReads(t *testing.T) {
	crash := errors.New("cut off")
	l := newLanding(t, json("ignoreMissingFiles", "true"))
	l.schema = schema.New(schema.Col("a", schema.Integer))
	l.put("a.json", `{"a":1}`)
	l.discovered()
	if err := l.files.Delete(t.Context(), "in/a.json"); err != nil {
		t.Fatal(err)
	}
	l.after = func() error { return crash }
	if err := l.run(); !errors.Is(err, crash) {
		t.Fatalf("got %v, want the run to be cut off", err)
	}
	l.after = nil
	l.put("a.json", `{"a":1}`)
	l.mustRun()
	l.expect("the file that has come back", "1")
	if e := l.states()["a.json"]; e.State != filestate.Known {
		t.Errorf("the file is in state %d, want it loaded", e.State)
	}
}

// TestFileThatASecondReadingFinds is missing when the sink reads the rows of a
// batch for the first time, and there when it reads them again.
func TestFileThatASecondReadingFinds(t *testing.T) {
	l := newLanding(t, json("ignoreMissingFiles", "true"))
	l.schema = schema.New(schema.Col("a", schema.Integer))
	l.put("a.json", `{"a":1}`)
	source := l.discovered()
	end, err := source.Next(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := source.Read(t.Context(), nil, end)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rows  int64
		state filestate.State
	}{{0, filestate.SkippedMissing}, {1, filestate.Known}} {
		if c.rows > 0 {
			l.put("a.json", `{"a":1}`)
		} else if err := l.files.Delete(t.Context(), "in/a.json"); err != nil {
			t.Fatal(err)
		}
		n := int64(0)
		for rec, err := range rows.Read(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			n += rec.NumRows()
		}
		if e := l.states()["a.json"]; n != c.rows || e.State != c.state {
			t.Errorf("got %d rows, and the file in state %d; want %d and %d", n, e.State, c.rows, c.state)
		}
	}
}
