package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/session"
)

// BenchmarkSmallFiles loads JSON files of 10 KB into a streaming table, in
// batches of 1000, one op a file.
func BenchmarkSmallFiles(b *testing.B) {
	const files = 4000
	dir := b.TempDir()
	for i := range files {
		var text strings.Builder
		for row := 0; text.Len() < 10_000; row++ {
			fmt.Fprintf(&text, `{"id":%d,"sensor":"S-%04d","ts":"2026-01-02T03:04:05.000Z","temperature":2%d.%03d,"status":"ok","note":"reading %d of %d"}`+"\n",
				i*100+row, row%1000, row%10, i%1000, row, i)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.json", i)), []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s, err := session.Open(b.Context(), session.Config{Workspace: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	runs := 0
	for b.Loop() {
		runs++
		text := fmt.Sprintf("CREATE STREAMING TABLE t%d AS SELECT * FROM STREAM read_files('%s', format => 'json')", runs, dir)
		for _, err := range s.Run(b.Context(), text) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(runs*files), "µs/file")
}
