package query

import (
	"context"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// CopySelect applies the SELECT list of COPY INTO to the rows of the files.
func (p *Planner) CopySelect(ctx context.Context, stmt *sql.CopyInto, rows *ingest.Relation) (*ingest.Relation, error) {
	const source = "copy_source"
	sel := &sql.Select{Items: stmt.Items, Where: stmt.Where, From: []sql.TableRef{
		&sql.Table{Name: &sql.Name{Parts: []string{source}}, Alias: copyAlias(stmt)},
	}}
	for _, item := range sel.Items {
		if star, ok := item.Expr.(*sql.Star); ok {
			star.Except = append(star.Except, &sql.Column{Parts: []string{"_metadata"}})
		}
	}
	b := &copyBinder{rows: rows, Binder: Binder{ctx: ctx, planner: p}}
	q := &sql.Query{Body: sel}
	printed, err := p.Printer(b).Print(q)
	if err != nil {
		return nil, err
	}
	return p.runPrinted(ctx, q, printed, b.inputs)
}

func copyAlias(stmt *sql.CopyInto) *sql.Alias {
	if stmt.SourceAlias == "" {
		return nil
	}
	return &sql.Alias{Name: stmt.SourceAlias}
}

// copyBinder gives the engine the files of a COPY INTO.
type copyBinder struct {
	Binder
	rows *ingest.Relation
}

// Relation implements [sql.Relations].
func (b *copyBinder) Relation(ref sql.TableRef) (string, *schema.Struct, error) {
	if len(b.inputs) > 0 {
		return "", nil, errclass.New("COPY_INTO_UNSUPPORTED_FEATURE", "0A000", "The SELECT of COPY INTO reads its source alone, not %s.", ref)
	}
	return b.input(b.rows), b.rows.Schema, nil
}
