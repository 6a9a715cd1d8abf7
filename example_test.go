package freshet_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet"
)

// Statements run in a workspace, and results come as Arrow batches.
func Example() {
	ctx := context.Background()
	err := inFolder(func(dir string) (err error) {
		ws, err := freshet.Open(ctx, freshet.Config{Workspace: filepath.Join(dir, "workspace")})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, ws.Close()) }()
		if err := ws.Exec(ctx, "CREATE TABLE readings AS SELECT * FROM VALUES ('a', 20.5), ('b', 19.0), ('a', 23.5) AS t(sensor, temperature)"); err != nil {
			return err
		}
		for batch, err := range ws.Query(ctx, "SELECT sensor, max(CAST(temperature AS DOUBLE)) FROM readings GROUP BY sensor ORDER BY sensor") {
			if err != nil {
				return err
			}
			sensors, highest := batch.Column(0).(*array.String), batch.Column(1).(*array.Float64)
			for i := range int(batch.NumRows()) {
				fmt.Println(sensors.Value(i), highest.Value(i))
			}
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// a 23.5
	// b 19
}

// Files that arrive in a folder come into a table, each once.
func ExampleWorkspace_Stream() {
	ctx := context.Background()
	err := inWorkspace(ctx, func(ws *freshet.Workspace, dir string) (err error) {
		in := filepath.Join(dir, "in")
		load := func() error {
			q, err := ws.Stream("SELECT id, temperature, ts FROM STREAM read_files('"+in+"', format => 'json', schemaHints => 'ts TIMESTAMP')").
				WithWatermark("ts", time.Hour).
				DropDuplicatesWithinWatermark("id").
				Start(ctx, freshet.Sink{Checkpoint: filepath.Join(dir, "checkpoint"), Table: "readings", Trigger: freshet.AvailableNow()})
			if err != nil {
				return err
			}
			return q.AwaitTermination(ctx)
		}
		for _, row := range []string{
			`{"id":1,"temperature":20.5,"ts":"2026-01-01T08:00:00Z"}`,
			`{"id":1,"temperature":20.5,"ts":"2026-01-01T08:00:00Z"}`,
			`{"id":2,"temperature":21.5,"ts":"2026-01-01T08:01:00Z"}`,
		} {
			if err := arrives(in, row); err != nil {
				return err
			}
			if err := load(); err != nil {
				return err
			}
		}
		for batch, err := range ws.Query(ctx, "SELECT count(*) FROM readings") {
			if err != nil {
				return err
			}
			fmt.Println("readings:", batch.Column(0))
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// readings: [2]
}

// A function is called with each batch. When it fails, or the process dies, it
// is called with that batch again: AppendTo writes a batch to a table once.
func ExampleSink_foreachBatch() {
	ctx := context.Background()
	err := inWorkspace(ctx, func(ws *freshet.Workspace, dir string) (err error) {
		if err := errors.Join(ws.Exec(ctx, "CREATE TABLE orders (id INT, country STRING)"), arrives(filepath.Join(dir, "in"), `{"id":7,"country":"NL"}`)); err != nil {
			return err
		}
		orders := ws.Stream("SELECT * FROM STREAM read_files('" + filepath.Join(dir, "in") + "', format => 'json', schema => 'id INT, country STRING')")
		for range 2 {
			q, err := orders.Start(ctx, freshet.Sink{
				Checkpoint: filepath.Join(dir, "checkpoint"), Trigger: freshet.AvailableNow(),
				ForeachBatch: func(ctx context.Context, batch *freshet.Batch, id int64) error {
					written, err := batch.AppendTo(ctx, "orders")
					fmt.Printf("batch %d: written %t, %v\n", id, written, err)
					return err
				},
			})
			if err != nil {
				return err
			}
			if err := q.AwaitTermination(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// batch 0: written true, <nil>
}

// A query that keeps going is told to take up all there is, and to stop.
func ExampleStreamingQuery_ProcessAllAvailable() {
	ctx := context.Background()
	err := inWorkspace(ctx, func(ws *freshet.Workspace, dir string) (err error) {
		if err := ws.Exec(ctx, "CREATE TABLE bronze (n INT)"); err != nil {
			return err
		}
		q, err := ws.Stream("SELECT n * n AS square FROM STREAM bronze").
			Start(ctx, freshet.Sink{Checkpoint: filepath.Join(dir, "checkpoint"), Table: "silver", Trigger: freshet.ProcessingTime(time.Minute)})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, q.Stop()) }()
		if err := errors.Join(ws.Exec(ctx, "INSERT INTO bronze VALUES (2), (3)"), q.ProcessAllAvailable(ctx)); err != nil {
			return err
		}
		p, _ := q.LastProgress()
		fmt.Println("batch", p.BatchID, "has", p.NumInputRows, "rows")
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// batch 0 has 2 rows
}

// inWorkspace runs do with a new workspace in a new folder.
func inWorkspace(ctx context.Context, do func(ws *freshet.Workspace, dir string) error) error {
	return inFolder(func(dir string) (err error) {
		ws, err := freshet.Open(ctx, freshet.Config{Workspace: filepath.Join(dir, "workspace")})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, ws.Close()) }()
		return do(ws, dir)
	})
}

// inFolder runs do with a folder that is removed after it.
func inFolder(do func(dir string) error) error {
	dir, err := os.MkdirTemp("", "freshet")
	if err != nil {
		return err
	}
	return errors.Join(do(dir), os.RemoveAll(dir))
}

// arrives has a file with a row arrive in a folder.
func arrives(folder, row string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "*.json")
	if err != nil {
		return err
	}
	_, err = f.WriteString(row)
	return errors.Join(err, f.Close())
}
