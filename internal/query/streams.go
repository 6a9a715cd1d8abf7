package query

import (
	"context"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Streams returns the relations of a query that are read as streams, in the
// order of its text. A table without a query has none.
func Streams(q *sql.Query) []sql.TableRef {
	var refs []sql.TableRef
	if q == nil {
		return nil
	}
	sql.Inspect(q, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.TableFunction:
			if n.Stream {
				refs = append(refs, n)
			}
		case *sql.Table:
			if n.Stream {
				refs = append(refs, n)
			}
		}
		return true
	})
	return refs
}

// QueryStreams runs a query whose streams are the given rows, in the order of
// its text.
func (p *Planner) QueryStreams(ctx context.Context, q *sql.Query, rows []*ingest.Relation) (*ingest.Relation, error) {
	p.streams = map[sql.TableRef]*ingest.Relation{}
	defer func() { p.streams = nil }()
	for i, ref := range Streams(q) {
		p.streams[ref] = rows[i]
	}
	return p.Query(ctx, q)
}

// QueryStreamsText is QueryStreams of a query as text.
func (p *Planner) QueryStreamsText(ctx context.Context, text string, rows []*ingest.Relation) (*ingest.Relation, error) {
	q, err := sql.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	return p.QueryStreams(ctx, q, rows)
}

// Empty returns no rows of these columns.
func Empty(columns *schema.Struct) *ingest.Relation {
	return &ingest.Relation{Schema: columns, Read: func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(func(arrow.RecordBatch, error) bool) {}
	}}
}
