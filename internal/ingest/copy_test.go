package ingest_test

import (
	"bytes"
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object"
	"github.com/freshet/freshet/internal/object/location"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/object/objecttest"
	"github.com/freshet/freshet/schema"
)

// worthSampling is from how many bytes on a sample is inferred from.
const worthSampling = 4 * ingest.DefaultSample

// TestFileThatIsBackWhenALoadBeginsAgain: a file may be missing when a load
// opens it for the nth time, and there when the load begins anew as the schema
// of its sample does not hold. Its rows are loaded once, then or by the next
// load.
func TestFileThatIsBackWhenALoadBeginsAgain(t *testing.T) {
	large := append(bytes.Repeat([]byte(`{"text":"`+strings.Repeat("x", 1<<12)+"\"}\n"), 1+worthSampling>>12), `{"new":1}`...)
	began := false
	for n := 1; ; n++ {
		files, store := mem.New(nil), mem.New(nil)
		for name, body := range map[string][]byte{"in/a.json": []byte(`{"id":-1}`), "in/z.json": large} {
			if err := files.Put(t.Context(), name, body); err != nil {
				t.Fatal(err)
			}
		}
		table := delta.NewTable(store, delta.Options{Clock: time.Now, NewID: uuid.NewString})
		create := table.Begin(nil)
		create.SetMetadata(delta.Metadata{Schema: schema.New(schema.Col("id", schema.Long), schema.Col("text", schema.String))})
		if _, err := create.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
			t.Fatal(err)
		}
		opened := 0
		faulty := objecttest.NewFaulty(files, func(c objecttest.Call) objecttest.Fault {
			if c.Op == objecttest.Open && c.Key == "in/a.json" {
				if opened++; opened == n {
					return objecttest.Fault{When: objecttest.Before, Err: fs.ErrNotExist}
				}
			}
			return objecttest.Fault{}
		})
		for range 2 {
			load := ingest.Copy{
				Name: "t", Table: table, Store: store, Env: ingest.Env{Parallelism: 1, Clock: time.Now, NewID: uuid.NewString},
				MergeSchema: true,
				Query: ingest.FileQuery{
					Path: "s3://bucket/in/", Format: "json",
					Openers: location.Openers{"s3": func(context.Context, location.Location) (object.Store, error) { return faulty, nil }},
				},
			}
			if _, err := load.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := rows(t, table), int64(bytes.Count(large, []byte("\n"))+2); got != want {
			t.Errorf("missing at %d: got %d rows, want %d", n, got, want)
		}
		began = began || opened > 3
		if opened < n {
			break // it was never missing
		}
	}
	if !began {
		t.Error("no load began anew")
	}
}

// rows counts the rows of a table.
func rows(t *testing.T, table *delta.Table) (n int64) {
	t.Helper()
	now, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range now.Scan(t.Context(), delta.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n += rec.NumRows()
		rec.Release()
	}
	return n
}
