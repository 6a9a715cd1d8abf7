//go:build duckdb_arrow

package duckdb_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/engine/duckdb"
)

func generated(name string, n int64, err error) engine.Input {
	return engine.Input{Name: name, Schema: numbers, Rows: n, Open: func(context.Context) (array.RecordReader, error) {
		return &counter{rows: n, size: 1 << 15, err: err, mem: memory.DefaultAllocator}, nil
	}}
}

// scalar returns the one number that a query of a scratch gives.
func scalar(t *testing.T, s engine.Scratch, query string, inputs ...engine.Input) int64 {
	t.Helper()
	r, err := s.Query(t.Context(), query, inputs)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if !r.Next() {
		t.Fatalf("%s: no rows, %v", query, r.Err())
	}
	return r.RecordBatch().Column(0).(*array.Int64).Value(0)
}

func TestScratchKeepsTablesUntilItCloses(t *testing.T) {
	e := open(t, duckdb.Config{})
	s, err := e.InZone("Asia/Tokyo").Scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.Create(t.Context(), "kept", "SELECT n, count(*)::HUGEINT AS c FROM input_0 GROUP BY n", []engine.Input{generated("input_0", 1000, nil)})
	if err != nil || n != 1000 {
		t.Fatalf("Create: %d rows, %v", n, err)
	}
	for range 2 { // inputs of one name, one after another; read twice in one query
		got := scalar(t, s, "SELECT sum(a.n + k.c) FROM input_0 a JOIN input_0 b USING (n) JOIN kept k USING (n)", generated("input_0", 10, nil))
		if got != 55 {
			t.Errorf("sum is %d, want 55", got)
		}
	}
	if _, err := rows(t, e, "SELECT * FROM kept"); err == nil {
		t.Error("another query sees the table of a scratch")
	}
	if err := s.Drop(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Query(t.Context(), "SELECT * FROM kept", nil); err == nil {
		t.Error("a dropped table is still there")
	}
	s.Close()
}

func TestScratchOfAFailedCreateHasNoTable(t *testing.T) {
	e := open(t, duckdb.Config{})
	s, err := e.Scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cause := errors.New("gone")
	if _, err := s.Create(t.Context(), "kept", "SELECT * FROM input_0", []engine.Input{generated("input_0", 100_000, cause)}); !errors.Is(err, cause) {
		t.Errorf("Create: error %v, want %v", err, cause)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Create(ctx, "kept", "SELECT 1", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Create of a cancelled statement: %v", err)
	}
	if got := scalar(t, s, "SELECT count(*) FROM duckdb_tables()"); got != 0 {
		t.Errorf("%d tables are left", got)
	}
}

// A table that does not fit into the memory limit goes to the disk, and leaves
// it when the scratch closes.
func TestScratchSpills(t *testing.T) {
	dir := t.TempDir()
	e := open(t, duckdb.Config{MemoryLimit: 32 << 20, Threads: 2, TempDir: dir})
	s, err := e.Scratch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const n = 8_000_000 // 64 MB of numbers that do not compress
	if _, err := s.Create(t.Context(), "kept", "SELECT hash(n)::UBIGINT % 4611686018427387904 :: BIGINT AS h FROM input_0", []engine.Input{generated("input_0", n, nil)}); err != nil {
		t.Fatal(err)
	}
	spilled, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(spilled) == 0 {
		t.Error("nothing was spilled")
	}
	if got := scalar(t, s, "SELECT count(h) FROM kept"); got != n {
		t.Errorf("%d rows, want %d", got, n)
	}
	s.Close()
	left, err := os.ReadDir(dir)
	for _, f := range left {
		t.Errorf("%s is left, %v", f.Name(), err)
	}
}
