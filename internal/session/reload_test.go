package session_test

import (
	"fmt"
	"slices"
	"testing"
)

// TestReloadedAtOnce: however full refreshes of several sessions meet, each row
// is there once in the end.
func TestReloadedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	for i := range 4 {
		w.file(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d}`, i))
	}
	w.rows("CREATE STREAMING TABLE bronze AS SELECT * FROM STREAM read_files('$IN', format => 'json', maxFilesPerTrigger => 1)")
	const busy = "CONCURRENT_STREAM_LOG_UPDATE"
	got := w.atOnce(3, "REFRESH STREAMING TABLE bronze FULL")
	if slices.ContainsFunc(got, func(class string) bool { return class != "" && class != busy }) {
		t.Errorf("got errors %q, want none but %s", got, busy)
	}
	w.rows("REFRESH STREAMING TABLE bronze")
	w.want("SELECT id FROM bronze", "0", "1", "2", "3")
	if got := w.checkpoints(); len(got) != 1 {
		t.Errorf("there are checkpoints %q, want one", got)
	}
}

// TestRefreshOfARestoredTable: a table that was restored to what an earlier
// flow had fed is not emptied, as its flow would not load again what it has
// loaded.
func TestRefreshOfARestoredTable(t *testing.T) {
	w := newWorkspace(t)
	w.file("1.json", `{"id":1}`)
	w.rows(bronze + "; REFRESH STREAMING TABLE bronze FULL; RESTORE TABLE " + w.beneath("bronze") + " TO VERSION AS OF 1")
	w.want("SELECT id FROM bronze", "1")
	w.fails("REFRESH STREAMING TABLE bronze", "STREAMING_TABLE_OPERATION_NOT_ALLOWED.REQUIRES_FULL_REFRESH", "55000")
	w.want("SELECT id FROM bronze", "1")
	w.want("REFRESH STREAMING TABLE bronze FULL", "1|1")
	w.want("SELECT id FROM bronze", "1")
}
