package autoloader_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/freshet/freshet/internal/object/local"
)

// TestAbandonedCopies: a run that is killed while it copies a file to the
// destination leaves what it has written so far; the next run that copies
// deletes it, moves the file, and leaves alone what may be another's at work.
func TestAbandonedCopies(t *testing.T) {
	for name, c := range map[string]struct {
		age  time.Duration
		left int
	}{"of a run that was killed": {2 * time.Hour, 0}, "of a run at work": {time.Minute, 1}} {
		t.Run(name, func(t *testing.T) {
			done := filepath.Join(t.TempDir(), "done")
			l := newLanding(t, moving("cloudFiles.cleanSource.moveDestination", "file://"+done))
			l.put("sub/1.json", `{"id":1}`)
			up, err := local.New("/").Create(t.Context(), filepath.Join(done, "sub", "1.json")[1:])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := up.Write([]byte("{")); err != nil {
				t.Fatal(err)
			}
			defer up.Abort()
			halves, err := filepath.Glob(filepath.Join(done, "sub", ".*"))
			if err != nil || len(halves) != 1 {
				t.Fatalf("got %q, %v, want one unfinished copy", halves, err)
			}
			at := l.now.Add(-c.age)
			if err := os.Chtimes(halves[0], at, at); err != nil {
				t.Fatal(err)
			}
			l.mustRun()
			l.expectFiles("source")
			var found []string
			entries, err := os.ReadDir(filepath.Join(done, "sub"))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				found = append(found, e.Name())
			}
			if len(found) != 1+c.left || found[len(found)-1] != "1.json" {
				t.Errorf("the destination has %q, want 1.json and %d copies of others", found, c.left)
			}
			body, err := os.ReadFile(filepath.Join(done, "sub", "1.json"))
			if err != nil || strings.TrimSpace(string(body)) != `{"id":1}` {
				t.Errorf("got %q, %v, want the whole file", body, err)
			}
		})
	}
}
