package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/session"
)

// block finds the statements of a document and, right after them, the rows
// that the last one returns.
var block = regexp.MustCompile("(?s)```sql\n(.*?)```\n(?:\n```text\n(.*?)```\n)?")

// TestMaintenanceRuns runs the statements of maintenance.md from the top.
func TestMaintenanceRuns(t *testing.T) {
	text, err := os.ReadFile("maintenance.md")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	s, err := session.Open(t.Context(), session.Config{Workspace: filepath.Join(root, "ws")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	run := func(statements string) string {
		t.Helper()
		rows, err := lines(t, s, statements)
		if err != nil {
			t.Errorf("%s\n%s", statements, errclass.Format(err))
		}
		return rows
	}
	// The Parquet files to convert are those of a table without its log.
	events := filepath.Join(root, "events")
	run("CREATE TABLE delta.`" + events + "` PARTITIONED BY (day) AS SELECT 1 AS id, DATE'2026-01-01' AS day")
	if err := os.RemoveAll(filepath.Join(events, "_delta_log")); err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 10 {
		t.Fatalf("%d blocks of statements are found", len(blocks))
	}
	for _, b := range blocks {
		got := run(strings.ReplaceAll(b[1], "data/events", events))
		if b[2] != "" && got != b[2] {
			t.Errorf("%s\nreturned\n%s\nand is said to return\n%s", b[1], got, b[2])
		}
	}
}

// lines runs statements and returns the rows of the last, a line each.
func lines(t *testing.T, s *session.Session, statements string) (string, error) {
	t.Helper()
	var out strings.Builder
	for r, err := range s.Run(t.Context(), statements) {
		if err != nil {
			return "", err
		}
		out.Reset()
		if r.Schema == nil {
			continue
		}
		for rows, err := range r.Rows {
			if err != nil {
				return "", err
			}
			for i := range int(rows.NumRows()) {
				cells := make([]string, rows.NumCols())
				for j := range cells {
					cells[j] = rows.Column(j).ValueStr(i)
				}
				out.WriteString(strings.Join(cells, "|") + "\n")
			}
		}
	}
	return out.String(), nil
}
