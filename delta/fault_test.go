package delta_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/freshet/freshet/delta"
)

// TestCommitUnderFaults fails one call of a commit after the other, before
// and after its effect, and checks that what Commit says is what happened.
func TestCommitUnderFaults(t *testing.T) {
	start := newMemory()
	create(t, start, options(), map[string]string{"delta.checkpointInterval": "2"})
	for _, kind := range []faultKind{faultBefore, faultAfter} {
		for _, calls := range []int{1, 3, 1000} { // how many in a row fail
			for k := 1; ; k++ {
				m := start.clone()
				table := delta.NewTable(m, options())
				base := snapshot(t, table)
				interfere(t, m) // so that the first try loses
				count, failed := 0, false
				m.fault = func(string) faultKind {
					if count++; count < k || count >= k+calls {
						return noFault
					}
					failed = true
					return kind
				}
				tx := table.Begin(base)
				tx.Add(file("mine"))
				version, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
				m.fault = nil
				name := fmt.Sprintf("fault %d of %d calls from call %d", kind, calls, k)
				checkOutcome(t, name, m, version, err)
				if calls == 1 && err != nil {
					t.Errorf("%s: one fault is not ridden out: %v", name, err)
				}
				if !failed {
					break
				}
			}
		}
	}
}

// interfere commits as another writer.
func interfere(t *testing.T, m *memory) {
	t.Helper()
	other := delta.NewTable(m, delta.Options{})
	tx := other.Begin(snapshot(t, other))
	tx.Add(file("theirs"))
	commit(t, tx)
}

// checkOutcome compares what a commit reported with the log.
func checkOutcome(t *testing.T, name string, m *memory, version int64, err error) {
	t.Helper()
	times, at := 0, int64(-1)
	for key, obj := range m.objects {
		if strings.HasSuffix(key, ".json") && strings.Contains(string(obj.data), `"path":"mine"`) {
			times++
			fmt.Sscanf(key, "_delta_log/%020d.json", &at)
		}
	}
	var unknown *delta.UnknownCommitError
	switch {
	case times > 1:
		t.Errorf("%s: committed %d times", name, times)
	case errors.As(err, &unknown):
		if times == 1 && unknown.Version != at {
			t.Errorf("%s: unknown at version %d, but it is at %d", name, unknown.Version, at)
		}
	case err == nil && (times != 1 || version != at):
		t.Errorf("%s: reported version %d, found %d times at %d", name, version, times, at)
	case err != nil && times != 0:
		t.Errorf("%s: reported failure %v, but version %d holds it", name, err, at)
	}
	s := snapshot(t, delta.NewTable(m, options()))
	if want := int64(1 + times); s.NumFiles() != want {
		t.Errorf("%s: table has %d files, want %d", name, s.NumFiles(), want)
	}
}

// TestCommitFindsItselfAfterHiddenRetry has a storage answer that the object
// exists although it is our own that landed.
func TestCommitFindsItselfAfterHiddenRetry(t *testing.T) {
	m := newMemory()
	create(t, m, options(), nil)
	again := delta.NewTable(hiddenRetry{m}, options())
	tx := again.Begin(snapshot(t, again))
	tx.Add(file("mine"))
	got, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
	if err != nil || got != 1 {
		t.Errorf("Commit = %d, %v, want 1", got, err)
	}
	if s := snapshot(t, again); s.NumFiles() != 1 || s.Version() != 1 {
		t.Errorf("got version %d with %d files, want one of each", s.Version(), s.NumFiles())
	}
}

// hiddenRetry puts every object twice, as a client library does whose first
// answer got lost.
type hiddenRetry struct{ *memory }

func (h hiddenRetry) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	_ = h.memory.PutIfAbsent(ctx, key, data) // the answer that got lost
	return h.memory.PutIfAbsent(ctx, key, data)
}

// TestCommitTellsWhenItCannotKnow has a storage go away in the middle.
func TestCommitTellsWhenItCannotKnow(t *testing.T) {
	for _, kind := range []faultKind{faultBefore, faultAfter} {
		m := newMemory()
		table := create(t, m, options(), nil)
		tx := table.Begin(snapshot(t, table))
		tx.Add(file("mine"))
		m.fault = func(string) faultKind { return kind }
		_, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
		unknown, ok := errors.AsType[*delta.UnknownCommitError](err)
		if !ok || unknown.Version != 1 || unknown.TxnID == "" || !errors.Is(err, errInjected) {
			t.Errorf("storage gone: error = %v, want an UnknownCommitError of version 1", err)
		}
	}
}

func TestCommitCancelled(t *testing.T) {
	m := newMemory()
	table := create(t, m, options(), nil)
	tx := table.Begin(snapshot(t, table))
	tx.Add(file("mine"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit error = %v, want context.Canceled", err)
	}
	if m.commits() != 1 {
		t.Error("a cancelled commit was written")
	}

	// Cancelled while the put is under way, it is still known to have landed.
	tx = table.Begin(snapshot(t, table))
	tx.Add(file("mine"))
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	m.fault = func(call string) faultKind {
		cancel()
		return noFault
	}
	if version, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE"}); err != nil || version != 1 {
		t.Errorf("Commit = %d, %v, want 1", version, err)
	}
}

func TestCommitGivesUp(t *testing.T) {
	m := newMemory()
	opts := options()
	opts.MaxRetries = 3
	table := create(t, m, opts, nil)
	tx := table.Begin(snapshot(t, table))
	tx.Add(file("mine"))
	next := 1
	m.fault = func(call string) faultKind { // someone is always faster
		if strings.HasPrefix(call, "PutIfAbsent") {
			m.put(fmt.Sprintf("_delta_log/%020d.json", next), []byte("{}\n"))
			next++
		}
		return noFault
	}
	_, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "WRITE"})
	lost, ok := errors.AsType[*delta.ConflictError](err)
	if !ok || lost.Kind != delta.ConflictConcurrentWrite || next != 5 {
		t.Errorf("after %d tries: error = %v, want ConflictConcurrentWrite after 4", next-1, err)
	}
}
