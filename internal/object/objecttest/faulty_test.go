package objecttest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
)

func TestFaultyWithoutFaultsKeepsContract(t *testing.T) {
	objecttest.Run(t, func(*testing.T) object.Store {
		return objecttest.NewFaulty(mem.New(nil), objecttest.Script())
	})
}

func TestFaultKinds(t *testing.T) {
	for _, c := range []struct {
		when      objecttest.When
		atOnce    bool // the object is there when the call has failed
		atTheNext bool // and after the next call
	}{
		{objecttest.Before, false, false},
		{objecttest.After, true, true},
		{objecttest.Late, false, true},
	} {
		t.Run(c.when.String(), func(t *testing.T) {
			under := mem.New(nil)
			st := objecttest.NewFaulty(under, objecttest.OnNth(1, objecttest.PutIfAbsent, ".json", c.when, nil))
			err := st.PutIfAbsent(t.Context(), "0.json", []byte("x"))
			if !errors.Is(err, objecttest.ErrInjected) {
				t.Fatalf("got %v, want the injected fault", err)
			}
			if got := exists(t, under, "0.json"); got != c.atOnce {
				t.Errorf("object exists at once: %t, want %t", got, c.atOnce)
			}
			if got := exists(t, st, "0.json"); got != c.atTheNext {
				t.Errorf("object exists at the next call: %t, want %t", got, c.atTheNext)
			}
		})
	}
}

func TestRandomScheduleReplays(t *testing.T) {
	run := func(plan objecttest.Plan) (*objecttest.Faulty, string) {
		st := objecttest.NewFaulty(mem.New(nil), plan)
		outcome := ""
		for i := range 200 {
			err := st.PutIfAbsent(t.Context(), strconv.Itoa(i%50), nil)
			outcome += fmt.Sprint(err) + "\n"
		}
		return st, outcome
	}
	first, want := run(objecttest.Random(42, 0.2))
	if n := len(first.Faults()); n < 20 || n > 70 {
		t.Fatalf("%d faults in 200 calls at a rate of 0.2", n)
	}
	if _, got := run(objecttest.Random(42, 0.2)); got != want {
		t.Errorf("the same seed gives another run: %s", cmp.Diff(want, got))
	}
	if _, got := run(objecttest.Script(first.Faults()...)); got != want {
		t.Errorf("the recorded faults give another run: %s", cmp.Diff(want, got))
	}
}

func TestCrashAt(t *testing.T) {
	under := mem.New(nil)
	st := objecttest.NewFaulty(under, objecttest.CrashAt(3))
	for i := range 5 {
		err := st.Put(t.Context(), strconv.Itoa(i), nil)
		if alive := i < 2; (err == nil) != alive || exists(t, under, strconv.Itoa(i)) != alive {
			t.Errorf("call %d: %v, object there: %t", i+1, err, exists(t, under, strconv.Itoa(i)))
		}
	}
}

func exists(t *testing.T, st object.Store, key string) bool {
	t.Helper()
	o, err := st.Open(t.Context(), key)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return o.Close() == nil
}
