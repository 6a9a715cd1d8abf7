package query

import (
	"context"
	"fmt"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/pushdown"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/workspace"
	"github.com/freshet/freshet/schema"
)

// Fold returns what computes constant expressions in the engine. One that
// fails is not known here: the query itself is to fail, if it reads it at all.
func (p *Planner) Fold(ctx context.Context) func(sql.Expr) (pushdown.Constant, bool) {
	return func(e sql.Expr) (pushdown.Constant, bool) {
		text, err := p.Printer(nil).Expr(e)
		if err != nil {
			return pushdown.Constant{}, false
		}
		rows, err := p.runText(ctx, "SELECT "+text, nil)
		if err != nil {
			return pushdown.Constant{}, false
		}
		var c pushdown.Constant
		known := false
		for rec, err := range rows.Read(ctx) {
			if err != nil {
				return pushdown.Constant{}, false
			}
			if rec.NumRows() == 1 {
				c, known = pushdown.ValueAt(rec.Column(0), 0)
			}
		}
		return c, known
	}
}

// skipping is the scan of one table with what its query leaves out of it.
type skipping struct {
	name     string
	snapshot *delta.Snapshot
	filter   delta.Predicate
}

// note tells a reader of EXPLAIN how many of the table's files are read.
func (k skipping) note(ctx context.Context) (string, error) {
	total := k.snapshot.NumFiles()
	kept, bytes := total, k.snapshot.SizeInBytes()
	if k.filter != nil {
		kept, bytes = 0, 0
		for f, err := range k.snapshot.FilesMatching(ctx, k.filter) {
			if err != nil {
				return "", workspace.Wrap(k.name, err)
			}
			kept++
			bytes += f.Size
		}
	}
	return fmt.Sprintf("Scan %s: %d of %d files, %d bytes", k.name, kept, total, bytes), nil
}

// Filter returns what the scan of a table may leave files out by, nil for
// nothing.
func (p *Planner) Filter(ctx context.Context, site *pushdown.Site, columns *schema.Struct) delta.Predicate {
	if site == nil {
		return nil
	}
	return site.Predicate(columns, p.Fold(ctx))
}
