package session_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/session"
)

// atOnce runs a statement in several sessions of the workspace at once, and
// returns the classes of their errors, "" for none.
func (w *workspace) atOnce(sessions int, text string) []string {
	w.t.Helper()
	classes := make([]string, sessions)
	begin := make(chan struct{})
	var wait sync.WaitGroup
	for i := range sessions {
		s, err := session.Open(w.t.Context(), session.Config{Workspace: filepath.Join(w.root, "ws"), Parallelism: 1})
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = s.Close() })
		wait.Go(func() {
			<-begin
			for _, err := range s.Run(w.t.Context(), text) {
				if c, ok := errors.AsType[errclass.Classified](err); ok {
					classes[i] = c.ErrorClass()
				} else if err != nil {
					classes[i] = err.Error()
				}
			}
		})
	}
	close(begin)
	wait.Wait()
	return sorted(classes)
}

// TestCreatedAtOnce: of several sessions that create a dataset at the same
// time one does. The others find it there, or are told so if they must not.
func TestCreatedAtOnce(t *testing.T) {
	t.Parallel()
	const files = " AS SELECT * FROM STREAM read_files('%s', format => 'json', schema => 'id INT')"
	const taken = "TABLE_OR_VIEW_ALREADY_EXISTS"
	for name, c := range map[string]struct {
		text   string
		losers string
	}{
		"view if not there":  {"CREATE MATERIALIZED VIEW IF NOT EXISTS d AS SELECT count(*) AS n FROM src", ""},
		"view or refreshed":  {"CREATE OR REFRESH MATERIALIZED VIEW d AS SELECT count(*) AS n FROM src", ""},
		"view or replaced":   {"CREATE OR REPLACE MATERIALIZED VIEW d AS SELECT count(*) AS n FROM src", ""},
		"view":               {"CREATE MATERIALIZED VIEW d AS SELECT count(*) AS n FROM src", taken},
		"table if not there": {"CREATE STREAMING TABLE IF NOT EXISTS d" + files, ""},
		"table":              {"CREATE STREAMING TABLE d" + files, taken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkspace(t)
			w.file("1.json", `{"id":1}`)
			w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1)")
			text := c.text
			if name == "table" || name == "table if not there" {
				text = fmt.Sprintf(text, w.in)
			}
			got := w.atOnce(4, text)
			if want := []string{"", c.losers, c.losers, c.losers}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %q, want %q", got, want)
			}
			w.want("SELECT * FROM d", "1")
			if got, want := len(w.rows("SHOW TABLES")), 2; got != want {
				t.Errorf("there are %d tables, want %d", got, want)
			}
		})
	}
}

// TestCreateFails: a view whose first rows cannot be computed leaves nothing
// behind, and the statement can be given again.
func TestCreateFails(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT); INSERT INTO src VALUES (1)")
	const strict = "CREATE MATERIALIZED VIEW v (CONSTRAINT big EXPECT (id > %d) ON VIOLATION FAIL UPDATE) AS SELECT id FROM src"
	w.failing(fmt.Sprintf(strict, 1), "EXPECTATION_VIOLATION.VERBOSITY_ALL")
	w.failing("SELECT * FROM v", "TABLE_OR_VIEW_NOT_FOUND")
	w.rows(fmt.Sprintf(strict, 0))
	w.want("SELECT * FROM v", "1")
}

// TestCreateStreamingTableFails: a query that cannot be planned leaves nothing
// behind, and an earlier definition as it was.
func TestCreateStreamingTableFails(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	const text = "STREAMING TABLE d AS SELECT %s FROM STREAM read_files('$IN', format => 'json')"
	w.failing("CREATE "+fmt.Sprintf(text, "nope"), "UNRESOLVED_COLUMN.WITH_SUGGESTION")
	w.failing("SELECT * FROM d", "TABLE_OR_VIEW_NOT_FOUND")
	w.rows("CREATE " + fmt.Sprintf(text, "id"))
	w.failing("CREATE OR REFRESH "+fmt.Sprintf(text, "id, nope"), "UNRESOLVED_COLUMN.WITH_SUGGESTION")
	w.file("2.json", `{"id":2}`)
	w.rows("REFRESH STREAMING TABLE d")
	w.want("SELECT * FROM d", "1", "2")
}
