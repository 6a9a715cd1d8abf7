package dataset

import (
	"context"
	"fmt"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream/checkpoint"
	"github.com/freshet/freshet/internal/stream/deltalog"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// openTableSource opens the source of STREAM table.
func (d *Set) openTableSource(ctx context.Context, ref *sql.Table, c *checkpoint.Checkpoint, number int, want query.Scan) (sourceWithSchema, error) {
	if ref.TimeTravel != nil {
		return nil, errclass.Unsupported("a version of a stream; begin with one by WITH (startingVersion = …)", ref.String())
	}
	if ref.Sample != nil {
		return nil, errclass.Unsupported("TABLESAMPLE of a stream", ref.String())
	}
	t, snap, err := d.planner.Newest(ctx, ref.Name)
	if err != nil {
		return nil, err
	}
	if len(snap.Schema().Fields) == 0 {
		return nil, errclass.New("DELTA_SCHEMA_NOT_SET", "KD008", "Table %s has no columns yet; a stream can be read of it once it has.", t.Name)
	}
	options := make(map[string]string, len(ref.Options))
	for _, o := range ref.Options {
		options[o.Key] = o.Value
	}
	eventTime := ""
	if ref.Watermark != nil {
		eventTime = ref.Watermark.Column.Parts[len(ref.Watermark.Column.Parts)-1]
	}
	source, err := deltalog.Open(ctx, deltalog.Config{
		Name: t.Name, Table: t.Delta, Options: options, EventTime: eventTime, Columns: func(columns *schema.Struct) []string { return want.Pick(columns) },
		ParseTime: func(ctx context.Context, text string) (time.Time, error) {
			return d.planner.Timestamp(ctx, &sql.Literal{Kind: sql.StringLiteral, Value: text})
		},
		Checkpoint: c.Store(), State: fmt.Sprintf("sources/%d/", number), Parallelism: d.ws.Parallelism,
	})
	return source, workspace.Wrap(t.Name, err)
}
