// Package drift_test loads files that drift at random into streaming tables,
// and looks for each of their values in the table.
package drift_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/schema"
)

var (
	trials = flag.Int("trials", 25, "how many trials to make")
	replay = flag.Uint64("seed", 0, "make the trial of this seed alone, and print its steps")
)

// TestDriftLosesNothing is the promise of streaming tables over files: whatever
// comes, in whatever order, each value of each record is in the table once, in
// its column or in the rescued data, or the refresh fails as its mode says
// (semantics §2.3, §3.6, §4).
func TestDriftLosesNothing(t *testing.T) {
	first, n := uint64(1), uint64(*trials)
	if *replay != 0 {
		first, n = *replay, 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newTrial(t, seed).run() })
	}
}

// trial is one streaming table and its files.
type trial struct {
	t    *testing.T
	rng  *rand.Rand
	root string
	s    *session.Session
	trip *tripwire

	w          writer
	mode       string
	query      string
	explicit   bool // the schema is given
	overwrites bool
	dirs       bool   // files lie in directories p=1, p=2 …
	bad        string // what becomes of corrupt records: "", "column", "path" or "drop"
	cancelled  bool
	oracle     oracle
	started    *schema.Struct // the columns after the first load

	there   map[string]*file // by path, that are there
	pending map[string]*file // those of them that no refresh has seen
	loaded  []occurrence     // that the table is to have
	steps   []string
}

// occurrence is a file that is loaded under a path.
type occurrence struct {
	path string
	file *file
}

func newTrial(t *testing.T, seed uint64) *trial {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	r := &trial{t: t, rng: rng, root: t.TempDir(), trip: &tripwire{Store: local.New("/")}, there: map[string]*file{}, pending: map[string]*file{}}
	r.w = writer{rng: rng, format: pick(rng, "json", "json", "csv", "csv", "parquet"), names: plainNames}
	r.options()
	s, err := session.Open(t.Context(), session.Config{
		Workspace: filepath.Join(r.root, "ws"), Parallelism: 1 + rng.IntN(2), Sample: int64(pick(rng, 0, 50, 500)),
		Openers: location.Openers{"file": func(context.Context, location.Location) (object.Store, error) { return r.trip, nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.s = s
	t.Cleanup(func() {
		_ = s.Close()
		if t.Failed() || *replay != 0 {
			t.Logf("replay by `go test ./test/drift -run TestDriftLosesNothing -seed %d`; its steps:\n%s", seed, strings.Join(r.steps, "\n"))
		}
	})
	return r
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

func (r *trial) step(format string, args ...any) {
	r.steps = append(r.steps, fmt.Sprintf(format, args...))
}

// options chooses how the files are loaded.
func (r *trial) options() {
	rng, o := r.rng, map[string]string{"format": r.w.format}
	r.mode = pick(rng, "addNewColumns", "addNewColumns", "addNewColumnsWithTypeWidening", "rescue", "failOnNewColumns", "none")
	o["schemaEvolutionMode"] = r.mode
	o["maxFilesPerTrigger"] = fmt.Sprint(pick(rng, 1, 2, 1000))
	r.oracle = oracle{exact: true, rescue: "_rescued_data"}
	if r.mode == "none" {
		r.oracle.rescue = ""
	}
	if rng.IntN(3) == 0 {
		o["inferColumnTypes"] = "false"
	}
	if (r.mode == "none" || r.mode == "rescue" || r.mode == "failOnNewColumns") && rng.IntN(3) == 0 {
		r.explicit = true
		r.oracle.rescue = ""
		o["schema"] = "id BIGINT, a INT, b STRING, price DECIMAL(10,2), s STRUCT<x: INT, deep: STRUCT<x: STRING>>, when TIMESTAMP"
		if r.w.format == "csv" {
			o["schema"] = "id BIGINT, a INT, b STRING, price DECIMAL(10,2), when TIMESTAMP"
		}
	}
	if rng.IntN(3) == 0 || r.explicit && rng.IntN(3) > 0 || r.w.format == "parquet" && r.oracle.rescue == "" {
		r.oracle.rescue = pick(rng, "_rescued_data", "rest")
		o["rescuedDataColumn"] = r.oracle.rescue
	}
	if !r.explicit && rng.IntN(3) == 0 {
		o["schemaHints"] = pick(rng, "a INT", "b STRING, new DATE", "price DECIMAL(10,2), ok STRING", "when TIMESTAMP, day DATE")
		if r.w.format != "csv" && rng.IntN(2) == 0 {
			o["schemaHints"] = pick(rng, "s.x STRING", "l ARRAY<INT>, s STRUCT<x: INT>", "s.deep.new INT, a INT")
		}
	}
	if rng.IntN(6) == 0 && r.oracle.rescue != "" {
		o["readerCaseSensitive"], r.oracle.exact = "false", false
	}
	r.oracle.exact = r.oracle.exact && r.oracle.rescue != ""
	r.w.fold = !r.oracle.exact
	if r.overwrites = rng.IntN(4) == 0; r.overwrites {
		o["allowOverwrites"] = "true"
	}
	if rng.IntN(5) == 0 {
		o["useIncrementalListing"] = "auto"
	}
	r.dirs = rng.IntN(4) == 0
	if r.w.types = rng.IntN(2) == 0; rng.IntN(3) == 0 {
		r.w.names = len(usual)
	}
	r.formatOptions(o)
	r.oracle.grown = strings.HasPrefix(r.mode, "addNew") || r.mode == "failOnNewColumns"
	r.oracle.typed = r.w.format != "parquet"
	var list []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		list = append(list, fmt.Sprintf("`%s` => '%s'", name, o[name]))
	}
	r.query = fmt.Sprintf("SELECT * FROM STREAM read_files('%s/in', %s)", r.root, strings.Join(list, ", "))
}

// formatOptions chooses what concerns the format, and corrupt records.
func (r *trial) formatOptions(o map[string]string) {
	rng := r.rng
	switch r.w.format {
	case "csv":
		o["header"] = "true"
		if r.w.escape = rng.IntN(2) == 0; r.w.escape {
			o["escape"] = `"`
		}
	case "json":
		if r.w.multi = rng.IntN(4) == 0; r.w.multi {
			o["multiLine"] = "true"
			return
		}
	default:
		return
	}
	if rng.IntN(3) > 0 {
		return
	}
	r.w.broken = true
	r.bad = "column"
	if r.oracle.rescue != "" { // without, values of other types are corrupt, too
		r.bad = pick(rng, "column", "path", "drop")
	}
	switch r.bad {
	case "path":
		o["badRecordsPath"] = r.root + "/bad"
		if rng.IntN(2) == 0 {
			o["badRecordsPath"] = r.root + "/in/bad"
		}
	case "drop":
		o["mode"] = "DROPMALFORMED"
	case "column":
		r.oracle.corrupt = "_corrupt_record"
		if r.explicit {
			o["schema"] += ", _corrupt_record STRING"
		} else {
			o["schemaHints"] = strings.TrimPrefix(o["schemaHints"]+", _corrupt_record STRING", ", ")
		}
	}
}

// tripwire is a local store that cancels a run after some requests.
type tripwire struct {
	*local.Store
	left   atomic.Int64
	cancel context.CancelFunc
}

func (s *tripwire) step() {
	if s.left.Add(-1) == 0 {
		s.cancel()
	}
}

func (s *tripwire) Open(ctx context.Context, key string) (object.Object, error) {
	s.step()
	return s.Store.Open(ctx, key)
}

func (s *tripwire) Create(ctx context.Context, key string) (object.Upload, error) {
	s.step()
	return s.Store.Create(ctx, key)
}

func (s *tripwire) Put(ctx context.Context, key string, data []byte) error {
	err := s.Store.Put(ctx, key, data)
	s.step()
	return err
}

func (s *tripwire) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	err := s.Store.PutIfAbsent(ctx, key, data)
	s.step()
	return err
}

// run makes the trial.
func (r *trial) run() {
	r.step("%s", r.query)
	if err := os.MkdirAll(filepath.Join(r.root, "in"), 0o777); err != nil {
		r.t.Fatal(err)
	}
	for r.w.next == 0 { // there is a record, so that there is a schema
		r.arrive()
	}
	mapping := ""
	if r.w.names > plainNames {
		mapping = ", 'delta.columnMapping.mode' = 'name'"
	}
	create := "CREATE OR REFRESH STREAMING TABLE s TBLPROPERTIES ('delta.enableTypeWidening' = 'true'" + mapping + ") AS " + r.query
	r.load(create)
	for range 2 + r.rng.IntN(3) {
		for range 1 + r.rng.IntN(3) {
			r.change()
		}
		r.load("REFRESH STREAMING TABLE s")
		if r.t.Failed() {
			return
		}
	}
	if rows := r.must("REFRESH STREAMING TABLE s"); len(rows) > 0 && rows[0].json() != `{"num_affected_rows":0,"num_inserted_rows":0}` {
		r.t.Errorf("a refresh with nothing new gave %s", rows[0].json())
	}
	if r.oracle.rescue != "" {
		r.repair()
	}
}

// change has something happen to the files.
func (r *trial) change() {
	paths := slices.Sorted(maps.Keys(r.there))
	if len(paths) == 0 || r.rng.IntN(3) > 0 {
		r.arrive()
		return
	}
	path := paths[r.rng.IntN(len(paths))]
	switch r.rng.IntN(3) {
	case 0:
		r.remove(path)
	case 1: // a file is its path, so it comes once more
		to := filepath.Join(filepath.Dir(path), fmt.Sprintf("renamed-%d", r.rng.Uint32()))
		r.step("rename %s to %s", path, to)
		r.noError(os.Rename(path, to))
		r.there[to], r.pending[to] = r.there[path], r.there[path]
		delete(r.there, path)
		delete(r.pending, path)
	case 2:
		r.put(path)
	}
}

func (r *trial) remove(path string) {
	r.step("remove %s", path)
	r.noError(os.Remove(path))
	delete(r.there, path)
	delete(r.pending, path)
}

// arrive has a new file come.
func (r *trial) arrive() {
	name := fmt.Sprintf("%c-%d", 'a'+rune(r.rng.IntN(26)), r.rng.Uint32())
	if r.dirs {
		name = fmt.Sprintf("p=%d/%s", r.rng.IntN(3), name)
	} else if r.rng.IntN(4) == 0 {
		name = "sub dir/" + name
	}
	r.put(filepath.Join(r.root, "in", name))
}

// put writes a file. One that replaces another of its path that was loaded
// counts only with option allowOverwrites.
func (r *trial) put(path string) {
	f, err := r.w.file()
	r.noError(err)
	text := f.text
	if r.w.format == "parquet" {
		text = ""
		for _, v := range f.records {
			text += v.json() + "\n"
		}
	}
	r.step("put %s:\n%s", path, text)
	r.noError(errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(f.text), 0o666)))
	_, waits := r.pending[path]
	_, known := r.there[path]
	if !known && r.rng.IntN(4) == 0 {
		at := time.Now().Add(-time.Duration(r.rng.IntN(1e6)) * time.Second)
		r.noError(os.Chtimes(path, at, at))
	}
	r.there[path] = f
	if waits || !known || r.overwrites {
		r.pending[path] = f
	}
}

func (r *trial) noError(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
