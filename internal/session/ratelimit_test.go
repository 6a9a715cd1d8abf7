package session_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestRateLimits is semantics §2.7 and §10.9 as SQL: both limits end a batch,
// whichever is reached first; that of bytes is soft, so that a file larger than
// it is a batch of its own.
func TestRateLimits(t *testing.T) {
	w := newWorkspace(t)
	w.rows("CREATE TABLE src (id INT)")
	for i := range 6 {
		w.file(fmt.Sprintf("%d.json", i), fmt.Sprintf(`{"id":%d}`, i)) // of 8 bytes
		w.rows(fmt.Sprintf("INSERT INTO src VALUES (%d)", i))
	}
	w.file("6.json", `{"id":6}`+strings.Repeat("\n", 100))
	const files, tables = "STREAM read_files('$IN', format => 'json', schema => 'id INT'%s)", "STREAM src WITH (%s)"
	for i, c := range []struct {
		from    string
		batches string
	}{
		{fmt.Sprintf(files, ""), "7"},
		{fmt.Sprintf(files, ", maxFilesPerTrigger => 2"), "2 2 2 1"},
		{fmt.Sprintf(files, ", maxBytesPerTrigger => '20b'"), "3 3 1"},
		{fmt.Sprintf(files, ", maxBytesPerTrigger => '1b'"), "1 1 1 1 1 1 1"},
		{fmt.Sprintf(files, ", maxBytesPerTrigger => '20b', maxFilesPerTrigger => 2"), "2 2 2 1"},
		{fmt.Sprintf(files, ", maxBytesPerTrigger => '20b', maxFilesPerTrigger => 100"), "3 3 1"},
		{"STREAM src", "6"},
		{fmt.Sprintf(tables, "maxFilesPerTrigger = 4"), "4 2"},
		{fmt.Sprintf(tables, "maxBytesPerTrigger = '1b'"), "1 1 1 1 1 1"},
		{fmt.Sprintf(tables, "maxBytesPerTrigger = '1g', maxFilesPerTrigger = 5"), "5 1"},
		{fmt.Sprintf(tables, "maxBytesPerTrigger = '1b', maxFilesPerTrigger = 5"), "1 1 1 1 1 1"},
	} {
		table := fmt.Sprintf("s%d", i)
		w.rows("CREATE STREAMING TABLE " + table + " AS SELECT * FROM " + c.from)
		got := w.rows("SELECT get_json_object(details, '$.flow_progress.metrics.num_output_rows') FROM event_log(TABLE(" + table + ")) WHERE event_type = 'flow_progress' AND level = 'METRICS' ORDER BY sequence")
		if got := strings.Join(got, " "); got != c.batches {
			t.Errorf("%s\ngot batches of %s rows, want %s", c.from, got, c.batches)
		}
	}
}
