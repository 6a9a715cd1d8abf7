package session

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

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

// evaluator computes the expressions of tables' rules in the engine. It is not
// safe for concurrent use; those of one session are, beside one another.
type evaluator struct{ session *Session }

var _ delta.Evaluator = (*evaluator)(nil)

func (s *Session) evaluator() *evaluator {
	return &evaluator{session: s}
}

// ruleQuery is a list of expressions as a query of the engine's.
type ruleQuery struct {
	text    string
	layout  *arrow.Schema // of the columns that the expressions name
	columns []int         // where rows have them
	caster  *conform.Caster
	types   *schema.Struct // of the values

	statement engine.Statement
}

// ruleInput is what rules call the rows.
const ruleInput = "input_0"

// Evaluate implements [delta.Evaluator].
func (e *evaluator) Evaluate(ctx context.Context, rows arrow.RecordBatch, exprs []string) ([]arrow.Array, error) {
	key := e.session.timeZone().String() + "\x00" + rows.Schema().String() + "\x00" + strings.Join(exprs, "\x00")
	q := e.session.rules.take(key)
	if q == nil {
		var err error
		if q, err = e.session.prepareRules(ctx, rows.Schema(), exprs); err != nil {
			return nil, err
		}
	}
	values, err := q.evaluate(ctx, rows, len(exprs))
	if err != nil {
		q.statement.Close()
		return nil, err
	}
	e.session.rules.keep(key, q)
	return values, nil
}

// prepareRules plans expressions over rows of a layout.
func (s *Session) prepareRules(ctx context.Context, layout *arrow.Schema, exprs []string) (*ruleQuery, error) {
	q, err := s.ruleQuery(layout, exprs)
	if err != nil {
		return nil, err
	}
	eng, err := s.openEngine()
	if err != nil {
		return nil, err
	}
	q.statement, err = eng.InZone(s.timeZone().String()).Prepare(ctx, q.text, engine.Input{Name: ruleInput, Schema: q.layout})
	return q, err
}

func (q *ruleQuery) evaluate(ctx context.Context, rows arrow.RecordBatch, n int) ([]arrow.Array, error) {
	reader, err := q.statement.Query(ctx, q.input(rows).Open)
	if err != nil {
		return nil, err
	}
	defer reader.Release()
	return q.collect(reader, n)
}

// maxRules bounds how many planned expressions a session keeps.
const maxRules = 16

// plannedRules are the expressions of rules that nobody evaluates just now, as
// the engine has planned them: the last used is the last. It is safe for
// concurrent use.
type plannedRules struct {
	mu   sync.Mutex
	idle []plannedRule
}

type plannedRule struct {
	key   string
	query *ruleQuery
}

// take returns those of a key, to be given back, or nil.
func (r *plannedRules) take(key string) *ruleQuery {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.idle, func(p plannedRule) bool { return p.key == key })
	if i < 0 {
		return nil
	}
	q := r.idle[i].query
	r.idle = slices.Delete(r.idle, i, i+1)
	return q
}

// keep takes expressions back, and forgets those used the longest ago.
func (r *plannedRules) keep(key string, q *ruleQuery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.idle = append(r.idle, plannedRule{key, q})
	for len(r.idle) > maxRules {
		r.idle[0].query.statement.Close()
		r.idle = slices.Delete(r.idle, 0, 1)
	}
}

func (r *plannedRules) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.idle {
		p.query.statement.Close()
	}
	r.idle = nil
}

// input gives the engine the rows of one batch.
func (q *ruleQuery) input(rows arrow.RecordBatch) engine.Input {
	return engine.Input{Name: ruleInput, Schema: q.layout, Open: func(ctx context.Context) (array.RecordReader, error) {
		return engine.NewReader(ctx, q.layout, func(context.Context) iter.Seq2[arrow.RecordBatch, error] {
			picked := q.pick(rows)
			return func(yield func(arrow.RecordBatch, error) bool) {
				defer picked.Release()
				plain(func(yield func(arrow.RecordBatch, error) bool) { yield(picked, nil) }, q.layout)(yield)
			}
		}), nil
	}}
}

// pick returns the columns that the expressions name; where they name none, a
// column of nulls stands for the rows.
func (q *ruleQuery) pick(rows arrow.RecordBatch) arrow.RecordBatch {
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
func (q *ruleQuery) collect(reader array.RecordReader, n int) ([]arrow.Array, error) {
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

// ruleQuery translates expressions over rows of a layout.
func (s *Session) ruleQuery(layout *arrow.Schema, exprs []string) (*ruleQuery, error) {
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
		if err := checkRule(expr); err != nil {
			return nil, err
		}
		name := fmt.Sprintf("rule_%d", i)
		sel.Items = append(sel.Items, &sql.SelectItem{Expr: expr, Alias: name})
		types.Fields = append(types.Fields, schema.Col(name, ruleType(expr)))
	}
	query := &sql.Query{Body: sel}
	names, _ := sql.ColumnNames(query)
	q := &ruleQuery{types: types, caster: conform.New(types, conform.Options{TimeZone: s.timeZone()})}
	needed := schema.New()
	for i, f := range columns.Fields {
		if names[strings.ToLower(f.Name)] {
			needed.Fields = append(needed.Fields, f)
			q.columns = append(q.columns, i)
		}
	}
	b := &ruleBinder{columns: needed}
	if len(needed.Fields) == 0 {
		b.columns = schema.New(schema.Col("no column", schema.Boolean))
	}
	q.layout = schema.ToArrow(b.columns)
	q.text, err = s.printer(b).Query(query)
	return q, err
}

// ruleType returns the type that the value of a rule must have: rules are
// conditions, or cast to the type of a column.
func ruleType(e sql.Expr) schema.Type {
	if c, ok := e.(*sql.Cast); ok && c.Type != nil {
		return schema.AsNullable(c.Type.Type)
	}
	return schema.Boolean
}

// typeOfRule returns the type of an expression over columns, which it must
// find there.
func (s *Session) typeOfRule(ctx context.Context, columns *schema.Struct, text string) (schema.Type, error) {
	layout := schema.ToArrow(columns)
	q, err := s.ruleQuery(layout, []string{text})
	if err != nil {
		return nil, err
	}
	eng, err := s.openEngine()
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

// checkRule refuses what the expression of a rule cannot have.
func checkRule(e sql.Expr) error {
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

// ruleBinder gives the engine the one input of rules.
type ruleBinder struct{ columns *schema.Struct }

// Relation implements [sql.Relations].
func (b *ruleBinder) Relation(sql.TableRef) (string, *schema.Struct, error) {
	return ruleInput, b.columns, nil
}
