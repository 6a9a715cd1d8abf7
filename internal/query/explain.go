package query

import (
	"context"

	"github.com/freshet/freshet/internal/sql"
)

// Explain returns lines that tell what the engine is asked for, and what is
// read of each table. Planning changes q.
func (p *Planner) Explain(ctx context.Context, q *sql.Query) ([]string, error) {
	if err := p.ExpandViews(ctx, q); err != nil {
		return nil, err
	}
	if ref, ok := sql.PlainScan(q); ok {
		return []string{"Scan " + ref.String()}, nil
	}
	b := p.binder(ctx, q)
	text, err := p.Printer(b).Query(q)
	if err != nil {
		return nil, err
	}
	lines := []string{"Engine query: " + text}
	for _, scan := range b.scans {
		note, err := scan.note(ctx)
		if err != nil {
			return nil, err
		}
		lines = append(lines, note)
	}
	return lines, nil
}
