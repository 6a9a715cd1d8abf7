// Package expectation checks rows by the rules that a dataset's definition
// states (CONSTRAINT … EXPECT): rows that break one are counted, dropped, or
// fail the update (semantics §12).
package expectation

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/eventlog"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/rule"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Set is the rules that the rows of a streaming table, a materialized view or a
// temporary view are checked by. A row meets one when it is TRUE. It is not safe
// for concurrent use.
type Set struct {
	evaluator     *rule.Evaluator
	flow, dataset string // names, for errors and for counts
	rules         []expectation
	exprs         []string
	only          string // the condition on the rows that are checked, "" for all
	dropped       int64
}

// expectation is one rule and what became of the rows it has seen.
type expectation struct {
	name, text     string
	drop, fail     bool
	passed, failed int64
}

// New returns the rules that constraints state, of a flow into a dataset.
func New(evaluator *rule.Evaluator, flow, dataset string, constraints []*sql.Constraint) *Set {
	e := &Set{evaluator: evaluator, flow: flow, dataset: dataset}
	for _, c := range constraints {
		e.rules = append(e.rules, expectation{name: c.Name, text: c.Check.String(), drop: c.OnViolate == "DROP ROW", fail: c.OnViolate == "FAIL UPDATE"})
		e.exprs = append(e.exprs, "("+c.Check.String()+") IS TRUE")
	}
	return e
}

// Limit has only the rows checked for which a condition is true.
func (e *Set) Limit(condition string) { e.only = condition }

// Drops reports whether rows may be dropped.
func (e *Set) Drops() bool {
	return slices.ContainsFunc(e.rules, func(r expectation) bool { return r.drop })
}

// Check refuses constraints that cannot be checked row by row: each is to have a
// name of its own, and to read nothing but the row.
func Check(table *sql.Name, constraints []*sql.Constraint) error {
	names := map[string]bool{}
	for _, c := range constraints {
		refuse := func(why string) error {
			return errclass.New("INVALID_EXPECTATION", "42000", "%s: the expectation %s %s.", table, c, why)
		}
		key := strings.ToLower(c.Name)
		switch {
		case c.Kind != "EXPECT":
			return errclass.Unsupported(c.Kind+" constraints of streaming tables and materialized views", c.Name)
		case c.Name == "":
			return refuse("needs a name: CONSTRAINT name EXPECT (…)")
		case names[key]:
			return refuse("has the name of another one")
		}
		names[key] = true
		var found string
		sql.Inspect(c.Check, func(n sql.Node) bool {
			switch n := n.(type) {
			case *sql.Query:
				found = "reads other rows than its own; join them in the query"
			case *sql.FunctionCall:
				if n.Over != nil || sql.IsAggregate(n) {
					found = "reads other rows than its own; aggregate in the query"
				}
			}
			return found == ""
		})
		if found != "" {
			return refuse(found)
		}
	}
	return nil
}

// Plan refuses rules that are no conditions on rows of some columns.
func (e *Set) Plan(ctx context.Context, columns *schema.Struct) error {
	for _, r := range e.rules {
		of, err := e.evaluator.Type(ctx, columns, r.text)
		if unresolved, ok := errors.AsType[*sql.Error](err); ok { // its place is that in the rule
			err = errclass.New(unresolved.Class, unresolved.State, "The expectation %s of %s: %s", r.name, e.flow, unresolved.Text)
		}
		if err != nil {
			return err
		}
		if of != schema.Boolean {
			return errclass.New("INVALID_EXPECTATION", "42000", "%s: the expectation CONSTRAINT %s EXPECT (%s) is no condition: its type is %s.", e.flow, r.name, r.text, of)
		}
	}
	return nil
}

// Counts returns what became of the rows that were checked.
func (e *Set) Counts() eventlog.Quality {
	q := eventlog.Quality{Dropped: e.dropped}
	for _, r := range e.rules {
		q.Expectations = append(q.Expectations, eventlog.Expectation{Name: r.name, Dataset: e.dataset, Passed: r.passed, Failed: r.failed})
	}
	return q
}

// reset counts from zero.
func (e *Set) reset() {
	e.dropped = 0
	for i := range e.rules {
		e.rules[i].passed, e.rules[i].failed = 0, 0
	}
}

// Filter returns the rows that may be written, and counts from zero, anew
// whenever they are read.
func (e *Set) Filter(rows *ingest.Relation) (*ingest.Relation, error) {
	e.reset()
	if len(e.rules) == 0 {
		return rows, nil
	}
	out := *rows
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		e.reset()
		return ingest.Map(rows.Read(ctx), func(rec arrow.RecordBatch) (arrow.RecordBatch, error) {
			return e.batch(ctx, rec)
		})
	}
	return &out, nil
}

// batch returns the rows of a batch that may be written, to be released.
func (e *Set) batch(ctx context.Context, rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	exprs := e.exprs
	if e.only != "" {
		exprs = append(slices.Clip(exprs), e.only)
	}
	results, err := e.evaluator.Evaluate(ctx, rec, exprs)
	if err != nil {
		return nil, err
	}
	defer release(results)
	return e.keep(ctx, rec, results)
}

func release(arrays []arrow.Array) {
	for _, a := range arrays {
		a.Release()
	}
}

// keep counts what rows meet, and returns those that are not dropped. A row
// that fails the update does so before any is written.
func (e *Set) keep(ctx context.Context, rec arrow.RecordBatch, results []arrow.Array) (arrow.RecordBatch, error) {
	drop := make([]bool, rec.NumRows())
	dropped := int64(0)
	checked := func(int) bool { return true }
	if only, ok := results[len(results)-1].(*array.Boolean); ok && e.only != "" {
		checked = func(row int) bool { return only.IsValid(row) && only.Value(row) }
	}
	for i := range e.rules {
		rule := &e.rules[i]
		met, ok := results[i].(*array.Boolean)
		if !ok {
			return nil, fmt.Errorf("expectation %s is %s, not a condition", rule.name, results[i].DataType())
		}
		for row := range drop {
			switch {
			case !checked(row):
				continue
			case met.IsValid(row) && met.Value(row):
				rule.passed++
				continue
			case rule.fail:
				return nil, e.violated(rec, results, row)
			case rule.drop && !drop[row]:
				drop[row] = true
				dropped++
			}
			rule.failed++
		}
	}
	if dropped == 0 {
		rec.Retain()
		return rec, nil
	}
	e.dropped += dropped
	mask := array.NewBooleanBuilder(compute.GetAllocator(ctx))
	defer mask.Release()
	for _, d := range drop {
		mask.Append(!d)
	}
	keep := mask.NewBooleanArray()
	defer keep.Release()
	return compute.FilterRecordBatch(ctx, rec, keep, compute.DefaultFilterOptions())
}

// maxRecordText bounds the record in an error, in bytes.
const maxRecordText = 8 << 10

// violated is the error of a row that fails an update: it names each
// expectation of that kind that the row does not meet. The row of the source
// is not known any more once a query has made another of it.
func (e *Set) violated(rec arrow.RecordBatch, results []arrow.Array, row int) error {
	var names []string
	for i, rule := range e.rules {
		if met, ok := results[i].(*array.Boolean); ok && rule.fail && !(met.IsValid(row) && met.Value(row)) {
			names = append(names, "'"+rule.name+"'")
		}
	}
	return errclass.New("EXPECTATION_VIOLATION.VERBOSITY_ALL", "22000",
		"Flow '%s' failed to meet the expectation. Violated expectations: %s. Input data: '{}'. Output record: '%s'. Missing input data: true. "+
			"Nothing of it was written; correct the data or the expectation, and refresh again.",
		e.flow, strings.Join(names, ", "), recordText(rec, row))
}

// recordText writes one row as a JSON object.
func recordText(rec arrow.RecordBatch, row int) string {
	one := rec.NewSlice(int64(row), int64(row)+1)
	defer one.Release()
	body, err := one.MarshalJSON()
	if err != nil {
		return "not shown: " + err.Error()
	}
	text := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(body)), "["), "]")
	if len(text) > maxRecordText {
		text = strings.ToValidUTF8(text[:maxRecordText], "") + "…"
	}
	return strings.TrimSpace(text)
}
