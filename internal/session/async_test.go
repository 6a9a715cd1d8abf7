package session_test

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestRefreshAsync: REFRESH … ASYNC returns at once, and the refresh goes on
// beside what follows. What cannot be refreshed is said at once.
func TestRefreshAsync(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1); CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM src")
	w.failing("REFRESH MATERIALIZED VIEW src ASYNC", "EXPECT_MATERIALIZED_VIEW")
	w.failing("REFRESH TABLE nothing ASYNC", "TABLE_OR_VIEW_NOT_FOUND")
	w.rows("INSERT INTO src VALUES (2); REFRESH MATERIALIZED VIEW v ASYNC")
	if err := w.s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want("SELECT * FROM v", "2")
}

// TestRefreshAsyncIsCancelled: a refresh that nobody has the patience to wait
// for ends, and leaves the view as it was.
func TestRefreshAsyncIsCancelled(t *testing.T) {
	w := newWorkspace(t)
	w.rows(`CREATE TABLE src (id BIGINT);
		CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM src a, src b, src c, src d WHERE a.id + b.id + c.id + d.id % 7 > 3`)
	w.rows("INSERT INTO src SELECT * FROM range(5000); REFRESH MATERIALIZED VIEW v ASYNC")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.s.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	w.want("SELECT * FROM v", "0")
}
