package datafile_test

import (
	"bytes"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/delta/internal/datafile"
	"github.com/freshet/freshet/schema"
)

// FuzzDataFile reads damaged files under every schema of the round trips:
// whatever the bytes, there are rows or an error.
func FuzzDataFile(f *testing.F) {
	var schemas []*schema.Struct
	for _, tt := range roundTrips {
		s := parse(f, tt.ddl)
		schemas = append(schemas, s)
		f.Add(write(f, s, "snappy", []arrow.RecordBatch{record(f, s, tt.rows...)}))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<16 {
			return
		}
		for _, s := range schemas {
			rows := int64(0)
			for b, err := range datafile.Read(t.Context(), bytes.NewReader(file), int64(len(file)),
				datafile.Projection{Columns: s, BatchRows: 64}) {
				if err != nil {
					break
				}
				// What is read must hold together well enough to be shown.
				if _, err := b.MarshalJSON(); err != nil && b.NumRows() > 0 {
					t.Logf("%s: %v", s, err)
				}
				b.Release()
				if rows += b.NumRows(); rows > 10_000 {
					break
				}
			}
		}
	})
}
