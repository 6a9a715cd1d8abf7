package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ledger"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/internal/source/files/filestate"
)

// busy is a state that a flow goes on with while it is read.
type busy struct {
	t       *testing.T
	objects object.Store
	flow    *filestate.Store
	names   int
	files   int
	opened  int
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	b := &busy{t: t, objects: mem.New(nil)}
	var err error
	if b.flow, err = b.open(b.objects); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		b.advance()
	}
	return b
}

func (b *busy) open(objects object.Store) (*filestate.Store, error) {
	return filestate.Open(b.t.Context(), objects, ledger.Prefix(0), filestate.Options{NewID: func() string { b.names++; return fmt.Sprint(b.names) }})
}

// advance is a batch of one file.
func (b *busy) advance() {
	b.t.Helper()
	path := fmt.Sprintf("file:///in/%06d", b.files)
	b.files++
	_, err := b.flow.Discover(b.t.Context(), known(slices.Values([]string{path})), filestate.Discovery{Now: 5})
	if err == nil {
		err = b.flow.Finish(b.t.Context(), filestate.Batch{ID: int64(b.files), End: b.flow.Next()}, nil)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// read returns the paths of the ledger. Each time that it is opened the flow
// goes on by some batches before anything is read, and when the given calls
// fail.
func (b *busy) read(batches func() int, fails func(objecttest.Call) bool) (paths []string, err error) {
	faulty := objecttest.NewFaulty(b.objects, func(c objecttest.Call) objecttest.Fault {
		if c.Op == objecttest.ReadAt && fails(c) {
			return objecttest.Fault{When: objecttest.Before, Err: fs.ErrNotExist}
		}
		return objecttest.Fault{}
	})
	rel := ledger.Relation(ledger.States(), nil, func(context.Context) ([]ledger.Source, error) {
		b.opened++
		s, err := b.open(faulty)
		for range batches() {
			b.advance()
		}
		return []ledger.Source{{ID: "0", State: s}}, err
	})
	for rec, err := range rel.Read(b.t.Context()) {
		if err != nil {
			return paths, err
		}
		column := rec.Column(0).(*array.String)
		for i := range column.Len() {
			paths = append(paths, column.Value(i))
		}
	}
	return paths, nil
}

// TestStateThatGoesOn: a state is read whole, each file once, however often the
// flow replaces it meanwhile.
func TestStateThatGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		batches int // of the flow, each of the first five times
		every   int // so many reads fail once
	}{
		"before it is read": {batches: 40},
		"while it is read":  {batches: 3, every: 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBusy(t)
			want, reads := b.files, 0
			got, err := b.read(func() int {
				if b.opened > 5 {
					return 0
				}
				return c.batches
			}, func(objecttest.Call) bool { reads++; return c.every > 0 && reads%c.every == 0 && reads < 20 })
			if err != nil {
				t.Fatal(err)
			}
			if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) || len(got) < want {
				t.Errorf("got %d files, want the first %d and each once: %q", len(got), want, got)
			}
			if b.opened < 2 {
				t.Error("the state was opened once: nothing of it was deleted meanwhile")
			}
		})
	}
}

// TestStateThatIsDamaged: what is missing for good is an error, soon.
func TestStateThatIsDamaged(t *testing.T) {
	b := newBusy(t)
	for in, err := range b.objects.List(t.Context(), ledger.Prefix(0)+"segments/", "") {
		if err == nil {
			err = b.objects.Delete(t.Context(), in.Name())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.read(func() int { return 0 }, func(objecttest.Call) bool { return false })
	if of, ok := errors.AsType[errclass.Classified](err); !ok || of.ErrorClass() != "STREAMING_CHECKPOINT_CORRUPT" || of.SQLState() != "KD002" {
		t.Errorf("got %v, want STREAMING_CHECKPOINT_CORRUPT", err)
	}
	if b.opened > 20 {
		t.Errorf("the state was opened %d times", b.opened)
	}
}
