package stateful

import (
	"context"
	"fmt"
	"strings"

	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/internal/stream"
	"github.com/freshet/freshet/schema"
)

// duplicates is DISTINCT ON (keys) [WITHIN WATERMARK] of a stream, Spark's
// dropDuplicates and dropDuplicatesWithinWatermark: of the rows with equal keys
// the first comes through. Keys are kept for ever, unless the column of the
// watermark is one of them, or WITHIN WATERMARK says that those are forgotten
// that the watermark has passed by its delay.
type duplicates struct {
	keys   []string // Databricks SQL
	time   string   // the watermark's column as Databricks SQL; "" for none
	delay  int64    // of the watermark, in microseconds
	within bool
}

// Columns of a batch's rows besides keys and parts.
const (
	timeColumn = "_time" // event time
	orderOfRow = "rowid" // of the engine's table: that in which rows came
)

// readDuplicates reads DISTINCT ON.
func (p *Plan) readDuplicates() error {
	on := p.top.DistinctOn
	d := &duplicates{within: on.WithinWatermark}
	for _, k := range on.Keys {
		k = p.selected(k)
		p.groups = append(p.groups, group{expr: k, rows: p.slice(k), timed: p.marked(k)})
		d.keys = append(d.keys, p.slice(k))
	}
	for _, m := range p.marks {
		if m.column != "" && d.time == "" {
			d.time, d.delay = schema.QuoteIdent(m.column), m.delay.Microseconds()
		}
	}
	if d.within {
		if d.time == "" {
			return unsupported("DISTINCT ON … WITHIN WATERMARK of a stream without a watermark is not supported; write WATERMARK column DELAY OF INTERVAL … after the stream.")
		}
		p.parts = []part{{merge: "CASE WHEN s._in THEN s.p0 ELSE b.p0 END"}}
	}
	p.duplicates = d
	return nil
}

// selected returns what a key is called by: a column of the result by its
// alias, before those of the stream.
func (p *Plan) selected(e sql.Expr) sql.Expr {
	if c, ok := e.(*sql.Column); ok && len(c.Parts) == 1 {
		for _, item := range p.top.Items {
			if strings.EqualFold(item.Alias, c.Parts[0]) {
				return item.Expr
			}
		}
	}
	return e
}

// items is the select list.
func (p *Plan) items() string {
	items := p.top.Items
	return p.text[items[0].Pos().Start:items[len(items)-1].Pos().End]
}

// keysOfRows returns the query for the keys of a batch's rows, when they are
// forgotten, their event time, and what is selected of them.
func (d *duplicates) keysOfRows(p *Plan, items string) string {
	var list []string
	for i, k := range d.keys {
		list = append(list, k+" AS "+numbered("__k", i))
	}
	if d.within {
		list = append(list, fmt.Sprintf("timestamp_micros(CAST(coalesce(unix_micros(%s), 0) + %d AS BIGINT)) AS __p0", d.time, d.delay))
	}
	if d.time != "" {
		list = append(list, d.time+" AS "+timeColumn)
	}
	if items != "" {
		list = append(list, items)
	}
	return p.with() + "SELECT " + strings.Join(list, ", ") + p.from()
}

// shape returns what the columns of the state are.
func (d *duplicates) shape(p *Plan) shape {
	s := shape{keys: len(d.keys), parts: len(p.parts), distinct: true, first: true}
	for _, part := range p.parts {
		s.merges = append(s.merges, part.merge)
	}
	if d.time != "" {
		s.time = "$t." + timeColumn
	}
	for i, g := range p.groups {
		if g.timed {
			s.ends = numbered("$t.k", i)
		}
	}
	if d.within {
		s.ends, s.timers = "$t.p0", true
	}
	return s
}

// name is that of Spark's operator.
func (d *duplicates) name() string {
	if d.within {
		return "dedupeWithinWatermark"
	}
	return "dedupe"
}

// inputNames are the columns of the batch's rows as the engine is handed them:
// what is selected comes after the state's.
func (d *duplicates) inputNames(s shape, columns *schema.Struct) []string {
	names := s.list("")
	if d.time != "" {
		names = append(names, timeColumn)
	}
	for i := range len(columns.Fields) - len(names) {
		names = append(names, numbered("r", i))
	}
	return names
}

// keepRows keeps the rows that a batch brings, so that one that runs again
// brings the same, and returns the file of the state that has them.
func (o *Operator) keepRows(ctx context.Context, at stream.Moment, scratch engine.Scratch, rows *schema.Struct) (string, error) {
	r, err := scratch.Query(ctx, o.shape.firstRows(len(rows.Fields)), nil)
	if err != nil {
		return "", err
	}
	names := make([]string, len(rows.Fields))
	for i, f := range rows.Fields {
		names[i] = f.Name
	}
	first, err := ingest.Results(r)
	if err != nil {
		return "", err
	}
	fitting, err := first.Rename(names).Conform(rows, o.cfg.TimeZone)
	if err != nil {
		first.Close()
		return "", err
	}
	defer fitting.Close() // unread when the store fails first
	return o.store.WriteRows(ctx, at.Batch, rows, fitting.Read(ctx))
}

// keptRows returns the rows that a batch brings.
func (o *Operator) keptRows(ctx context.Context, batch int64) (*ingest.Relation, error) {
	columns, read, err := o.store.Rows(ctx, batch)
	if err != nil {
		return nil, err
	}
	return &ingest.Relation{Schema: columns, Read: read}, nil
}
