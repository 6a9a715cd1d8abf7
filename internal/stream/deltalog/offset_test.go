package deltalog_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream/deltalog"
	"github.com/freshet/freshet/schema"
)

const tableID = "5f2f7a3e-0c9f-4d6e-9b39-1c1a5a6f0d11"

// source returns a stream of a table with a file in each of three versions.
func source(tb testing.TB) *deltalog.Source {
	tb.Helper()
	store := mem.New(nil)
	table := delta.NewTable(store, delta.Options{Clock: time.Now, NewID: uuid.NewString})
	var base *delta.Snapshot
	for range 3 {
		tx := table.Begin(base)
		if base == nil {
			tx.SetMetadata(delta.Metadata{ID: tableID, Schema: schema.New(schema.Col("n", schema.Long))})
		}
		tx.Add(delta.AddFile{Path: uuid.NewString(), Size: 1, DataChange: true, PartitionValues: map[string]*string{}})
		if _, err := tx.Commit(tb.Context(), delta.CommitInfo{Operation: "WRITE"}); err != nil {
			tb.Fatal(err)
		}
		var err error
		if base, err = table.Snapshot(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	s, err := deltalog.Open(tb.Context(), deltalog.Config{Name: "t", Table: table, Checkpoint: store, State: "sources/0/", Parallelism: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func offset(version, index int64, initial bool) string {
	body, err := json.Marshal(map[string]any{
		"sourceVersion": 1, "reservoirId": tableID, "reservoirVersion": version, "index": index, "isStartingVersion": initial,
	})
	if err != nil {
		return ""
	}
	return string(body)
}

// FuzzOffset goes on from places that a checkpoint may say, to others: what
// they make no sense of is an error, or nothing.
func FuzzOffset(f *testing.F) {
	for _, initial := range []bool{true, false} {
		f.Add(offset(0, -1, initial), offset(2, 0, false))
		f.Add(offset(2, 1, initial), offset(2, 0, initial))
		f.Add(offset(2, math.MaxInt64, initial), offset(math.MaxInt64, math.MaxInt64, initial))
		f.Add(offset(math.MaxInt64, -1, initial), offset(0, math.MaxInt64, initial))
	}
	f.Add("{}", "[]")
	s := source(f)
	f.Fuzz(func(t *testing.T, from, to string) {
		if !json.Valid([]byte(from)) || !json.Valid([]byte(to)) {
			return // which the checkpoint refuses
		}
		_, _ = s.Next(t.Context(), json.RawMessage(from), false)
		rows, err := s.Read(t.Context(), json.RawMessage(from), json.RawMessage(to))
		if err != nil {
			return
		}
		n := int64(0)
		for rec, err := range rows.Read(t.Context()) {
			if err != nil {
				return // the table's files are none
			}
			n += rec.NumRows()
		}
		if n != 0 {
			t.Errorf("%s to %s: got %d rows of files that are none", from, to, n)
		}
	})
}
