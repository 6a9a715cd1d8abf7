// Package trial_test tries random views and random queries over streams, and
// compares what they leave behind with what computing everything anew gives.
package trial_test

import (
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/session"
)

var (
	trials = flag.Int("trials", 0, "how many trials of each kind to make; 0 is those of a test run")
	replay = flag.Uint64("seed", 0, "make the trial of this seed alone, and print its statements")
)

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// eachSeed makes n trials, or those that the flags ask for.
func eachSeed(t *testing.T, n int, try func(t *testing.T, seed uint64)) {
	t.Helper()
	first := uint64(1)
	switch {
	case *replay != 0:
		first, n = *replay, 1
	case *trials != 0:
		n = *trials
	}
	for seed := first; seed < first+uint64(n); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { try(t, seed) })
	}
}

// workspace is a session over a directory of its own, with a folder of source
// files, and all the statements that it was given. In SQL, $IN is the folder.
type workspace struct {
	*rand.Rand
	t    *testing.T
	s    *session.Session
	root string
	in   string
	text []string
}

func newWorkspace(t *testing.T, seed uint64) *workspace {
	t.Helper()
	w := &workspace{Rand: rand.New(rand.NewPCG(seed, 0)), t: t, root: t.TempDir()}
	w.in = filepath.Join(w.root, "in")
	if err := os.Mkdir(w.in, 0o777); err != nil {
		t.Fatal(err)
	}
	w.open(local.New("/"))
	t.Cleanup(func() {
		if err := w.s.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() || *replay != 0 {
			name, _, _ := strings.Cut(t.Name(), "/")
			t.Logf("replay by `go test -tags duckdb_arrow ./test/trial -run '%s$' -seed %d`; its statements:\n%s", name, seed, strings.Join(w.text, ";\n"))
		}
	})
	return w
}

// open starts a session, as another process would, after the one that there is
// has ended.
func (w *workspace) open(store object.Store) {
	w.t.Helper()
	if w.s != nil {
		if err := w.s.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	s, err := session.Open(w.t.Context(), session.Config{
		Workspace: filepath.Join(w.root, "ws"), Parallelism: 2,
		Openers: location.Openers{"file": func(context.Context, location.Location) (object.Store, error) { return store, nil }},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = s
	w.text = append(w.text, "-- another session")
}

// try runs statements. It returns the columns and the rows of the last one.
func (w *workspace) try(text string) (columns string, rows []string, err error) {
	w.text = append(w.text, text)
	for r, err := range w.s.Run(w.t.Context(), strings.ReplaceAll(text, "$IN", w.in)) {
		if err != nil {
			return "", nil, err
		}
		columns, rows = "", nil
		if r.Schema == nil {
			continue
		}
		for _, f := range r.Schema.Fields {
			columns += f.Name + " " + f.Type.String() + ", "
		}
		for rec, err := range r.Rows {
			if err != nil {
				return "", nil, err
			}
			for i := range int(rec.NumRows()) {
				cells := make([]string, rec.NumCols())
				for j := range cells {
					cells[j] = "NULL"
					if c := rec.Column(j); c.IsValid(i) {
						cells[j] = strings.Clone(c.ValueStr(i))
					}
				}
				rows = append(rows, strings.Join(cells, "|"))
			}
		}
	}
	slices.Sort(rows)
	return columns, rows, nil
}

// run runs statements that must succeed.
func (w *workspace) run(text string) (columns string, rows []string) {
	w.t.Helper()
	columns, rows, err := w.try(text)
	if err != nil {
		w.t.Fatalf("%s\n%s", text, errclass.Format(err))
	}
	return columns, rows
}

// same compares what two statements give, in any order.
func (w *workspace) same(got, want string) {
	w.t.Helper()
	gotColumns, gotRows := w.run(got)
	wantColumns, wantRows := w.run(want)
	if gotColumns != wantColumns || !slices.Equal(gotRows, wantRows) {
		w.t.Errorf("%s\nhas  %s\n     %s\nwant, by %s\n     %s\n     %s", got, gotColumns, strings.Join(gotRows, "\n     "),
			want, wantColumns, strings.Join(wantRows, "\n     "))
	}
}

// interrupted runs statements in a process that dies at some request to its
// store, if it comes to that, and starts another one.
func (w *workspace) interrupted(text string) {
	w.t.Helper()
	at := 1 + w.IntN(250)
	w.open(objecttest.NewFaulty(local.New("/"), objecttest.CrashAt(at)))
	w.text = append(w.text, fmt.Sprintf("-- which dies at request %d", at))
	_, _, err := w.try(text) // whatever it says: it is dead
	w.text = append(w.text, fmt.Sprintf("-- which says %v", err))
	w.open(local.New("/"))
	// The leases of the dead process, which this one is.
	err = filepath.WalkDir(filepath.Join(w.root, "ws", "checkpoints"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || e.Name() != "lease" {
			return err
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return fs.SkipDir
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// chance reports true one time in n.
func (w *workspace) chance(n int) bool { return w.IntN(n) == 0 }

// oneOf returns some element of a list.
func oneOf[E any](r *rand.Rand, list ...E) E { return list[r.IntN(len(list))] }
