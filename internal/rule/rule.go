// Package rule computes the expressions that a table's rules are made of
// (constraints, expectations, generated columns, defaults) in the engine. What
// is planned once is kept for the next batch: most batches are small.
package rule

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/engine"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Evaluator computes expressions over rows. It is safe for concurrent use.
type Evaluator struct {
	// Engine opens the engine when the first expression needs it.
	Engine func() (engine.Engine, error)
	// TimeZone returns the zone that timestamps are read and written in.
	TimeZone func() *time.Location
	// Printer returns what writes expressions for the engine.
	Printer func(sql.Relations) *sql.Printer

	plans plans
}

var _ delta.Evaluator = (*Evaluator)(nil)

// query is a list of expressions as a query of the engine's.
type query struct {
	text    string
	layout  *arrow.Schema // of the columns that the expressions name
	columns []int         // where rows have them
	caster  *conform.Caster
	types   *schema.Struct // of the values

	statement engine.Statement
}

// inputName is what rules call the rows.
const inputName = "input_0"

// Evaluate implements [delta.Evaluator].
func (e *Evaluator) Evaluate(ctx context.Context, rows arrow.RecordBatch, exprs []string) ([]arrow.Array, error) {
	key := e.TimeZone().String() + "\x00" + rows.Schema().String() + "\x00" + strings.Join(exprs, "\x00")
	q := e.plans.take(key)
	if q == nil {
		var err error
		if q, err = e.prepare(ctx, rows.Schema(), exprs); err != nil {
			return nil, err
		}
	}
	values, err := q.evaluate(ctx, rows, len(exprs))
	if err != nil {
		q.statement.Close()
		return nil, err
	}
	e.plans.keep(key, q)
	return values, nil
}

// Close forgets what is planned. The evaluator can be used again.
func (e *Evaluator) Close() { e.plans.close() }

// prepare plans expressions over rows of a layout.
func (e *Evaluator) prepare(ctx context.Context, layout *arrow.Schema, exprs []string) (*query, error) {
	q, err := e.translate(layout, exprs)
	if err != nil {
		return nil, err
	}
	eng, err := e.Engine()
	if err != nil {
		return nil, err
	}
	q.statement, err = eng.InZone(e.TimeZone().String()).Prepare(ctx, q.text, engine.Input{Name: inputName, Schema: q.layout})
	return q, err
}

func (q *query) evaluate(ctx context.Context, rows arrow.RecordBatch, n int) ([]arrow.Array, error) {
	reader, err := q.statement.Query(ctx, q.input(rows).Open)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	return q.collect(reader, n)
}

// maxPlans bounds how many planned expressions an evaluator keeps.
const maxPlans = 16

// plans are the expressions of rules that nobody evaluates just now, as
// the engine has planned them: the last used is the last. It is safe for
// concurrent use.
type plans struct {
	mu   sync.Mutex
	idle []plan
}

type plan struct {
	key   string
	query *query
}

// take returns those of a key, to be given back, or nil.
func (r *plans) take(key string) *query {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.idle, func(p plan) bool { return p.key == key })
	if i < 0 {
		return nil
	}
	q := r.idle[i].query
	r.idle = slices.Delete(r.idle, i, i+1)
	return q
}

// keep takes expressions back, and forgets those used the longest ago.
func (r *plans) keep(key string, q *query) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, plan{key, q})
	for len(r.idle) > maxPlans {
		r.idle[0].query.statement.Close()
		r.idle = slices.Delete(r.idle, 0, 1)
	}
}

func (r *plans) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.idle {
		p.query.statement.Close()
	}
	r.idle = nil
}

// input gives the engine the rows of one batch.
func (q *query) input(rows arrow.RecordBatch) engine.Input {
	return engine.Input{Name: inputName, Schema: q.layout, Open: func(ctx context.Context) (array.RecordReader, error) {
		return engine.NewReader(ctx, q.layout, func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
			picked := q.pick(rows)
			return func(yield func(arrow.RecordBatch, error) bool) {
				defer picked.Release()
				conform.PlainRows(func(yield func(arrow.RecordBatch, error) bool) { yield(picked, nil) }, q.layout)(yield)
			}
		}), nil
	}}
}

// pick returns the columns that the expressions name; where they name none, a
// column of nulls stands for the rows.
func (q *query) pick(rows arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]arrow.Array, 0, len(q.columns)+1)
	fields := make([]arrow.Field, 0, len(q.columns)+1)
	for _, c := range q.columns {
		columns = append(columns, rows.Column(c))
		fields = append(fields, rows.Schema().Field(c))
	}
	if len(columns) == 0 {
		nulls := array.MakeArrayOfNull(memory.DefaultAllocator, arrow.FixedWidthTypes.Boolean, int(rows.NumRows()))
		defer nulls.Release()
		columns, fields = append(columns, nulls), q.layout.Fields()
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rows.NumRows())
}

// collect returns the columns of a result, each in one array of its type.
func (q *query) collect(reader array.RecordReader, n int) ([]arrow.Array, error) {
	parts := make([][]arrow.Array, n)
	defer func() {
		for _, p := range parts {
			for _, a := range p {
				a.Release()
			}
		}
	}()
	take := func(rec arrow.RecordBatch) error {
		rec, err := q.caster.Conform(rec)
		if err != nil {
			return err
		}
		defer rec.Release()
		for i := range parts {
			rec.Column(i).Retain()
			parts[i] = append(parts[i], rec.Column(i))
		}
		return nil
	}
	for reader.Next() {
		if err := take(reader.RecordBatch()); err != nil {
			return nil, err
		}
	}
	if err := reader.Err(); err != nil {
		return nil, err
	}
	out := make([]arrow.Array, n)
	for i, p := range parts {
		if len(p) == 0 {
			out[i] = array.MakeArrayOfNull(memory.DefaultAllocator, schema.ArrowType(q.types.Fields[i].Type), 0)
			continue
		}
		var err error
		if out[i], err = array.Concatenate(p, memory.DefaultAllocator); err != nil {
			return nil, fmt.Errorf("evaluate rules: %w", err)
		}
	}
	return out, nil
}

// translate writes expressions over rows of a layout for the engine.
func (e *Evaluator) translate(layout *arrow.Schema, exprs []string) (*query, error) {
	columns, err := schema.FromArrow(layout)
	if err != nil {
		return nil, err
	}
	const rows = "rows"
	sel := &sql.Select{From: []sql.TableRef{&sql.Table{Name: &sql.Name{Parts: []string{rows}}}}}
	types := schema.New()
	for i, text := range exprs {
		expr, err := sql.ParseExpr(text)
		if err != nil {
			return nil, fmt.Errorf("expression %s: %w", text, err)
		}
		if err := check(expr); err != nil {
			return nil, err
		}
		name := fmt.Sprintf("rule_%d", i)
		sel.Items = append(sel.Items, &sql.SelectItem{Expr: expr, Alias: name})
		types.Fields = append(types.Fields, schema.Col(name, typeOf(expr)))
	}
	selected := &sql.Query{Body: sel}
	names, _ := sql.ColumnNames(selected)
	q := &query{types: types, caster: conform.New(types, conform.Options{TimeZone: e.TimeZone()})}
	needed := schema.New()
	for i, f := range columns.Fields {
		if names[strings.ToLower(f.Name)] {
			needed.Fields = append(needed.Fields, f)
			q.columns = append(q.columns, i)
		}
	}
	b := &binder{columns: needed}
	if len(needed.Fields) == 0 {
		b.columns = schema.New(schema.Col("no column", schema.Boolean))
	}
	q.layout = schema.ToArrow(b.columns)
	if q.text, err = e.Printer(b).Query(selected); err == nil {
		return q, nil
	}
	// An error names the columns that there are, whether rules name them or not.
	if _, all := e.Printer(&binder{columns: columns}).Query(selected); all != nil {
		err = all
	}
	return nil, err
}

// typeOf returns the type that the value of a rule must have: rules are
// conditions, or cast to the type of a column.
func typeOf(e sql.Expr) schema.Type {
	if c, ok := e.(*sql.Cast); ok && c.Type != nil {
		return schema.AsNullable(c.Type.Type)
	}
	return schema.Boolean
}

// Type returns the type of an expression over columns, which it must find
// there.
func (e *Evaluator) Type(ctx context.Context, columns *schema.Struct, text string) (schema.Type, error) {
	layout := schema.ToArrow(columns)
	q, err := e.translate(layout, []string{text})
	if err != nil {
		return nil, err
	}
	eng, err := e.Engine()
	if err != nil {
		return nil, err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, layout)
	defer b.Release()
	none := b.NewRecordBatch()
	defer none.Release()
	reader, err := eng.Query(ctx, q.text, []engine.Input{q.input(none)})
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	return schema.FromArrowType(reader.Schema().Field(0).Type)
}

// check refuses what the expression of a rule cannot have.
func check(e sql.Expr) error {
	var err error
	sql.Inspect(e, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.ScalarSubquery, *sql.Exists, *sql.Query:
			err = errclass.New("UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000", "A rule of a table cannot have a subquery: %s.", n)
		case *sql.FunctionCall:
			if n.Over != nil {
				err = errclass.New("UNSUPPORTED_FEATURE.TABLE_OPERATION", "0A000", "A rule of a table cannot have a window function: %s.", n)
			}
		}
		return err == nil
	})
	return err
}

// binder gives the engine the one input of rules.
type binder struct{ columns *schema.Struct }

// Relation implements [sql.Relations].
func (b *binder) Relation(sql.TableRef) (string, *schema.Struct, error) {
	return inputName, b.columns, nil
}
