package session_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/object/objecttest"
)

// Ctrl-C cancels the context. It comes at each operation of the storage in
// turn: the statement says that it was cancelled and did nothing, or came too
// late and all is done; nothing is left behind, and run again it does the
// rest.
func TestCancelledStatements(t *testing.T) {
	for name, f := range faultedStatements() {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t, f)
			for n, more := 1, true; more; n = next(n) {
				t.Run(strconv.Itoa(n), func(t *testing.T) { more = tr.cancel(t, n) })
			}
		})
	}
}

// cancel runs the statement and cancels it at the nth operation. It reports
// whether it came to that.
func (tr *trial) cancel(t *testing.T, n int) (cancelled bool) {
	t.Helper()
	tr.restart(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tr.through(objecttest.NewFaulty(local.New("/"), func(c objecttest.Call) objecttest.Fault {
		if c.N == n {
			cancel()
		}
		return objecttest.Fault{}
	}))
	interrupted := tr.s
	_, err := tr.tryContext(ctx, tr.text)
	cancelled = ctx.Err() != nil
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	tr.open()
	clean := tr.s
	got, cerr := tr.counted()
	switch {
	case cerr != nil && tr.before != "no table":
		t.Error(describe(cerr))
	case cerr != nil:
		got = "no table"
	case !tr.replaces:
		tr.wantNoStrays("t")
	default:
		tr.wantNamed("t")
	}
	if got != tr.before && got != tr.after || err == nil && got != tr.after {
		t.Errorf("the statement gave %v and the table has %s rows, want %s or %s", err, got, tr.before, tr.after)
	}
	if got == tr.before || tr.repeatable {
		tr.s = interrupted
		tr.rows(tr.text)
		tr.s = clean
	}
	tr.wantCounted(tr.after)
	if err := errors.Join(interrupted.Close(), clean.Close()); err != nil {
		t.Error(err)
	}
	return cancelled
}
