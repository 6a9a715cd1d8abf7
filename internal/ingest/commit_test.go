package ingest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/schema"
)

// TestCommitAgainstChangedTable: rows that were staged for a table are not
// committed to what another writer has made of it meanwhile, unless the change
// does not concern them.
func TestCommitAgainstChangedTable(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*delta.Metadata)
		lands  bool
	}{
		{"a description", func(m *delta.Metadata) { m.Description = "changed" }, true},
		{"a constraint", func(m *delta.Metadata) { m.Configuration["delta.constraints.positive"] = "id > 0" }, false},
		{"a column", func(m *delta.Metadata) {
			m.Schema = schema.New(append(m.Schema.Clone().Fields, schema.Col("w", schema.String))...)
		}, false},
		{"the partitioning", func(m *delta.Metadata) { m.PartitionColumns = []string{"v"} }, false},
		{"a default", func(m *delta.Metadata) {
			m.Schema = m.Schema.Clone()
			m.Schema.Fields[0].Metadata = map[string]any{"CURRENT_DEFAULT": "7"}
		}, false},
	} {
		store := mem.New(nil)
		table := delta.NewTable(store, delta.Options{})
		create := table.Begin(nil)
		create.SetMetadata(delta.Metadata{Schema: schema.New(schema.Col("id", schema.Long), schema.Col("v", schema.String)), Configuration: map[string]string{"k": "v"}})
		if _, err := create.Commit(t.Context(), delta.CommitInfo{Operation: "CREATE TABLE"}); err != nil {
			t.Fatal(err)
		}
		base, err := table.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		meta := base.Metadata().Clone()
		c.change(&meta)
		other := table.Begin(base)
		other.SetMetadata(meta)
		if _, err := other.Commit(t.Context(), delta.CommitInfo{Operation: "CHANGE"}); err != nil {
			t.Fatal(err)
		}
		commit := ingest.Commit{Table: table, Store: store, Base: base, Now: time.Now, Operation: "WRITE"}
		_, err = commit.Apply(t.Context(), &ingest.Staged{Files: []delta.AddFile{{Path: "f", Size: 1, DataChange: true, PartitionValues: map[string]*string{}}}})
		var refused interface{ ErrorClass() string }
		if c.lands && err != nil || !c.lands && (!errors.As(err, &refused) || refused.ErrorClass() != "DELTA_METADATA_CHANGED") {
			t.Errorf("after %s has changed: got %v, want it to land: %v", c.name, err, c.lands)
		}
	}
}
