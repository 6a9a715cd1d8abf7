package session_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAssertion29_CleanSourceOfAFolder moves files that a table has loaded,
// and leaves those that it could not load.
func TestAssertion29_CleanSourceOfAFolder(t *testing.T) {
	w := newWorkspace(t)
	first := w.file("1.json", `{"id":1}`)
	done := filepath.Join(w.root, "done")
	w.rows("CREATE STREAMING TABLE moved (CONSTRAINT positive EXPECT (id > 0) ON VIOLATION FAIL UPDATE) AS SELECT id FROM STREAM read_files('$IN', format => 'json', " +
		"cleanSource => 'MOVE', `cleanSource.retentionDuration` => '0 seconds', `cloudFiles.cleanSource.moveDestination` => '" + done + "')")
	w.want("SELECT id FROM moved", "1")
	if _, err := os.Stat(first); !os.IsNotExist(err) {
		t.Errorf("a file that is loaded is still there: %v", err)
	}
	if body, err := os.ReadFile(filepath.Join(done, "1.json")); err != nil || string(body) != `{"id":1}` {
		t.Errorf("it was moved to %q, %v", body, err)
	}
	bad := w.file("2.json", `{"id":-2}`)
	w.fails("REFRESH STREAMING TABLE moved", "EXPECTATION_VIOLATION.VERBOSITY_ALL", "22000")
	if _, err := os.Stat(bad); err != nil {
		t.Errorf("a file that is not loaded has gone: %v", err)
	}
}
