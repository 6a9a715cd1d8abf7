package session_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/dataset"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/session"
	"github.com/freshet/freshet/internal/sql"
)

// BenchmarkRefresh is a refresh of a hundred batches of one small file each,
// with its events written or left in memory: the difference is what the event
// log costs.
func BenchmarkRefresh(b *testing.B) {
	in := b.TempDir()
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(in, fmt.Sprintf("%03d.json", i)), []byte(`{"id":1}`), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	text := "CREATE OR REFRESH STREAMING TABLE t AS SELECT * FROM STREAM read_files('" + in + "', format => 'json', schema => 'id INT', maxFilesPerTrigger => 1)"
	for _, written := range []bool{true, false} {
		b.Run(fmt.Sprintf("written=%t", written), func(b *testing.B) {
			for b.Loop() {
				s, err := session.Open(b.Context(), session.Config{Workspace: b.TempDir(), Parallelism: 2})
				if err != nil {
					b.Fatal(err)
				}
				statements, err := sql.Parse(text)
				if err != nil {
					b.Fatal(err)
				}
				how := dataset.Refreshing{}
				if !written {
					log, err := s.Datasets().Events(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					how.Update = log.Begin(eventlog.Pipeline{}, eventlog.Request{})
				}
				if _, err := s.Refresh(b.Context(), text, statements[0], how); err != nil {
					b.Fatal(err)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
