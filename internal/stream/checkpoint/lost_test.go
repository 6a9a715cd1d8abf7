package checkpoint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/object/mem"
	"github.com/freshet/freshet/internal/stream/checkpoint"
)

// TestLostFiles: what is missing of a checkpoint is an error that says where it
// was and what to do, unless the flow can go on without it.
func TestLostFiles(t *testing.T) {
	const missing, corrupt = "STREAMING_CHECKPOINT_MISSING_METADATA_FILE", "STREAMING_CHECKPOINT_CORRUPT"
	for _, c := range []struct {
		name   string
		lost   []string
		reopen bool
		class  string
		names  string
	}{
		{name: "nothing"},
		{name: "all", lost: []string{"metadata", "offsets/0", "offsets/1", "commits/0"}},
		{name: "all, of a flow that has run", lost: []string{"metadata", "offsets/0", "offsets/1", "commits/0"}, reopen: true, class: missing, names: "s3://bucket/flow"},
		{name: "metadata", lost: []string{"metadata"}, class: missing, names: "s3://bucket/flow"},
		{name: "metadata and offsets", lost: []string{"metadata", "offsets/0", "offsets/1"}, class: missing, names: "s3://bucket/flow"},
		{name: "offsets", lost: []string{"offsets/0", "offsets/1"}, class: corrupt, names: "offsets/0"},
		{name: "offset of the batch before", lost: []string{"offsets/0"}, class: corrupt, names: "offsets/0"},
		{name: "commits", lost: []string{"commits/0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := mem.New(nil)
			first := open(t, store, "first")
			for id := range int64(2) {
				if err := first.Plan(t.Context(), checkpoint.Batch{ID: id}); err != nil {
					t.Fatal(err)
				}
			}
			if err := first.Finish(t.Context(), 0, 0); err != nil {
				t.Fatal(err)
			}
			for _, key := range c.lost {
				if err := store.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
			opts := options("second")
			opts.Place = "s3://bucket/flow"
			opening := checkpoint.Open
			if c.reopen {
				opening = checkpoint.Reopen
			}
			found, err := opening(t.Context(), store, opts)
			if err == nil {
				_, err = found.Progress(t.Context())
			}
			if err == nil {
				_, err = found.Batch(t.Context(), 0)
			}
			if c.name == "all" { // begins anew
				p, err := found.Progress(t.Context())
				if err != nil || found.ID() != "second" || p.Planned != nil {
					t.Errorf("got flow %s with batch %v, %v, want a new one", found.ID(), p.Planned, err)
				}
				return
			}
			class := ""
			if of, ok := errors.AsType[errclass.Classified](err); ok {
				class = of.ErrorClass()
			}
			if class != c.class || err != nil && (!strings.Contains(err.Error(), c.names) || !strings.Contains(err.Error(), "Put it back")) {
				t.Errorf("got %v, want %q that names %q", err, c.class, c.names)
			}
		})
	}
}
