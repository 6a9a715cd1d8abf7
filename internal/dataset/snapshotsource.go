package dataset

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// snapshotSource is a table that is read whole, once for each refresh that
// finds another version of it (semantics §13.4). Its offset is the version.
type snapshotSource struct {
	datasets *Set
	table    *sql.Name
}

var _ sourceWithSchema = (*snapshotSource)(nil)

// snapshotOffset is the offset of a snapshot.
type snapshotOffset struct {
	Version int64 `json:"version"`
}

// openSnapshot opens the source of AUTO CDC FROM SNAPSHOT.
func (d *Set) openSnapshot(ref sql.TableRef) (*snapshotSource, error) {
	t, ok := ref.(*sql.Table)
	if !ok {
		return nil, errclass.Unsupported("snapshots of anything but a table", ref.String())
	}
	return &snapshotSource{datasets: d, table: t.Name}, nil
}

// Schema implements [sourceWithSchema].
func (s *snapshotSource) Schema(ctx context.Context) (*schema.Struct, error) {
	_, snap, err := s.datasets.planner.Newest(ctx, s.table)
	if err != nil {
		return nil, err
	}
	return snap.Schema(), nil
}

// Discover implements [stream.Source].
func (*snapshotSource) Discover(context.Context) error { return nil }

// Next implements [stream.Source].
func (s *snapshotSource) Next(ctx context.Context, start json.RawMessage, _ bool) (json.RawMessage, error) {
	_, snap, err := s.datasets.planner.Newest(ctx, s.table)
	if err != nil {
		return nil, err
	}
	if start != nil {
		var last snapshotOffset
		if err := json.Unmarshal(start, &last); err != nil {
			return nil, fmt.Errorf("read offset of %s: %w", s.table, err)
		}
		if last.Version == snap.Version() {
			return nil, nil
		}
	}
	return json.Marshal(snapshotOffset{snap.Version()})
}

// Read implements [stream.Source].
func (s *snapshotSource) Read(ctx context.Context, _, end json.RawMessage) (*ingest.Relation, error) {
	var at snapshotOffset
	if err := json.Unmarshal(end, &at); err != nil {
		return nil, fmt.Errorf("read offset of %s: %w", s.table, err)
	}
	q, err := sql.ParseQuery(fmt.Sprintf("SELECT * FROM %s VERSION AS OF %d", s.table, at.Version))
	if err != nil {
		return nil, err
	}
	return s.datasets.planner.Query(ctx, q)
}

// Finish implements [stream.Source].
func (*snapshotSource) Finish(context.Context, stream.Done) error { return nil }

// Progress implements [stream.Source].
func (s *snapshotSource) Progress() stream.SourceProgress {
	return stream.SourceProgress{Description: "SnapshotSource[" + s.table.String() + "]"}
}
