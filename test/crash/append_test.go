// Package crash_test holds the tests that need processes of their own: many
// writers of one table, and writers that are killed.
package crash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/local"
	"github.com/freshet/freshet/schema"
)

// roleVariable tells a test binary that it is a process of a test, and which.
const roleVariable = "FRESHET_TEST_ROLE"

// roles are what a process of a test may do; the rest of its arguments are in
// FRESHET_TEST_ARGS, separated by commas.
var roles = map[string]func(ctx context.Context, args []string) error{
	"append": appendRows,
	"sql":    runSQL,
	"suffer": suffer,
	"update": update,
	"keep":   update,
}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(context.Background(), strings.Split(os.Getenv("FRESHET_TEST_ARGS"), ",")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// process starts this test binary in a role.
func process(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "FRESHET_TEST_ARGS="+strings.Join(args, ","))
	cmd.Stderr = os.Stderr
	return cmd
}

// numbers is the table's schema: one number that no two appends share.
var numbers = schema.New(schema.Col("n", schema.Long))

func numberTable(dir string) (*delta.Table, delta.Storage) {
	store := local.New(dir)
	return delta.NewTable(store, delta.Options{}), store
}

func batch(n int64) arrow.RecordBatch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Append(n)
	column := b.NewArray()
	defer column.Release()
	return array.NewRecordBatch(schema.ToArrow(numbers), []arrow.Array{column}, 1)
}

// stage writes n as a data file.
func stage(ctx context.Context, store delta.Storage, m delta.Metadata, n int64) ([]delta.AddFile, error) {
	w, err := delta.NewWriter(store, delta.WriterConfig{Metadata: m, Parallelism: 1})
	if err != nil {
		return nil, err
	}
	rec := batch(n)
	defer rec.Release()
	if err := w.Write(ctx, rec); err != nil {
		return nil, errors.Join(err, w.Abort(ctx))
	}
	return w.Close(ctx)
}

// appendRows appends the numbers from first on, count of them, each in a
// commit of its own: args are directory, first, count.
func appendRows(ctx context.Context, args []string) error {
	first, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	count, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	table, store := numberTable(args[0])
	for n := first; n < first+count; n++ {
		base, err := table.Snapshot(ctx)
		if err != nil {
			return err
		}
		files, err := stage(ctx, store, base.Metadata(), n)
		if err != nil {
			return err
		}
		tx := table.Begin(base)
		for _, f := range files {
			tx.Add(f)
		}
		if _, err := tx.Commit(ctx, delta.CommitInfo{Operation: "WRITE", Parameters: map[string]any{"mode": "Append"}}); err != nil {
			return fmt.Errorf("append %d: %w", n, err)
		}
	}
	return nil
}

// createNumbers makes the empty table.
func createNumbers(t *testing.T, dir string) *delta.Table {
	t.Helper()
	table, _ := numberTable(dir)
	tx := table.Begin(nil)
	tx.SetMetadata(delta.Metadata{Schema: numbers})
	if _, err := tx.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
		t.Fatal(err)
	}
	return table
}

// rows returns the numbers in the table, sorted.
func rows(t *testing.T, snap *delta.Snapshot) []int64 {
	t.Helper()
	var got []int64
	for rec, err := range snap.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		column, ok := rec.Column(0).(*array.Int64)
		if !ok {
			t.Fatalf("column is %T", rec.Column(0))
		}
		got = append(got, column.Int64Values()...)
	}
	slices.Sort(got)
	return got
}

// Eight processes append 500 times to one table: nothing is lost, nothing
// comes twice, and the versions have no hole.
func TestProcessesAppendToOneTable(t *testing.T) {
	const processes, appends = 8, 500
	dir := filepath.Join(t.TempDir(), "table")
	createNumbers(t, dir)
	var running []*exec.Cmd
	var want []int64
	for p := range int64(processes) {
		count := int64(appends / processes)
		if p < appends%processes {
			count++
		}
		first := p * 1000
		for n := range count {
			want = append(want, first+n)
		}
		cmd := process(t, "append", dir, strconv.FormatInt(first, 10), strconv.FormatInt(count, 10))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
	table, _ := numberTable(dir)
	snap, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if snap.Version() != appends {
		t.Errorf("version is %d, want %d", snap.Version(), appends)
	}
	if got := rows(t, snap); !slices.Equal(got, want) {
		t.Errorf("the table has %d rows, want the %d that were appended: %v", len(got), len(want), got)
	}
	for v := range int64(appends + 1) {
		if _, err := os.Stat(filepath.Join(dir, "_delta_log", fmt.Sprintf("%020d.json", v))); err != nil {
			t.Errorf("version %d: %v", v, err)
		}
	}
}
