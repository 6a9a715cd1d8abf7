package session_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/freshet/freshet/internal/factory"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/internal/session"
)

// Whole loads, from text files to a committed table.
func BenchmarkLoad(b *testing.B) {
	const size = 64 << 20
	options := map[factory.Format]string{factory.CSV: "header => true", factory.JSON: "inferTimestamp => true"}
	for _, format := range []factory.Format{factory.CSV, factory.JSON} {
		b.Run(string(format), func(b *testing.B) {
			dir := b.TempDir()
			_, err := factory.Generate(b.Context(), factory.Config{
				Store: local.New(dir), Seed: 1, Size: size, Kinds: []factory.Kind{factory.Sensors}, Formats: []factory.Format{format},
			})
			if err != nil {
				b.Fatal(err)
			}
			s, err := session.Open(b.Context(), session.Config{Workspace: filepath.Join(dir, "ws")})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			b.SetBytes(size)
			for b.Loop() {
				text := fmt.Sprintf("CREATE OR REPLACE TABLE t AS SELECT * FROM read_files('%s/sensors/%s', format => '%s', %s)", dir, format, format, options[format])
				for _, err := range s.Run(b.Context(), text) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
