package session

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/compute"

	"github.com/freshet/freshet/internal/catalog"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/ingest"
	"github.com/freshet/freshet/internal/sql"
)

// expectations are the rules that a streaming table's rows are checked by
// (semantics §12). A row meets one when it is TRUE.
type expectations struct {
	session *Session
	table   catalog.Name
	rules   []expectation
	exprs   []string
}

// expectation is one rule and what became of the rows it has seen.
type expectation struct {
	name           string
	text           string
	drop, fail     bool
	passed, failed int64
}

func (s *Session) expectations(entry catalog.Table, constraints []*sql.Constraint) *expectations {
	e := &expectations{session: s, table: entry.Name}
	for _, c := range constraints {
		text := c.Check.String()
		e.rules = append(e.rules, expectation{name: c.Name, text: text, drop: c.OnViolate == "DROP ROW", fail: c.OnViolate == "FAIL UPDATE"})
		e.exprs = append(e.exprs, "("+text+") IS TRUE")
	}
	return e
}

// check returns the rows that may be written.
func (e *expectations) check(rows *ingest.Relation) *ingest.Relation {
	if len(e.rules) == 0 {
		return rows
	}
	out := *rows
	evaluator := e.session.evaluator()
	out.Read = func(ctx context.Context) iter.Seq2[arrow.RecordBatch, error] {
		return func(yield func(arrow.RecordBatch, error) bool) {
			for rec, err := range rows.Read(ctx) {
				if err != nil {
					yield(nil, err)
					return
				}
				results, err := evaluator.Evaluate(ctx, rec, e.exprs)
				if err != nil {
					yield(nil, err)
					return
				}
				kept, err := e.keep(ctx, rec, results)
				release(results)
				if err != nil {
					yield(nil, err)
					return
				}
				more := yield(kept, nil)
				kept.Release()
				if !more {
					return
				}
			}
		}
	}
	return &out
}

func release(arrays []arrow.Array) {
	for _, a := range arrays {
		a.Release()
	}
}

// keep counts what rows meet, and returns those that are not dropped.
func (e *expectations) keep(ctx context.Context, rec arrow.RecordBatch, results []arrow.Array) (arrow.RecordBatch, error) {
	n := int(rec.NumRows())
	drop := make([]bool, n)
	dropped := 0
	for i := range e.rules {
		rule := &e.rules[i]
		met, ok := results[i].(*array.Boolean)
		if !ok {
			return nil, fmt.Errorf("expectation %s is %s, not a condition", rule.name, results[i].DataType())
		}
		for row := range n {
			if met.IsValid(row) && met.Value(row) {
				rule.passed++
				continue
			}
			rule.failed++
			if rule.fail {
				return nil, e.violated(rule, rec, row)
			}
			if rule.drop && !drop[row] {
				drop[row] = true
				dropped++
			}
		}
	}
	if dropped == 0 {
		rec.Retain()
		return rec, nil
	}
	mask := array.NewBooleanBuilder(compute.GetAllocator(ctx))
	defer mask.Release()
	for _, d := range drop {
		mask.Append(!d)
	}
	keep := mask.NewBooleanArray()
	defer keep.Release()
	return compute.FilterRecordBatch(ctx, rec, keep, compute.DefaultFilterOptions())
}

// violated is the error of a row that fails an update.
func (e *expectations) violated(rule *expectation, rec arrow.RecordBatch, row int) error {
	var record []string
	for i, f := range rec.Schema().Fields() {
		record = append(record, fmt.Sprintf("%q: %s", f.Name, rec.Column(i).ValueStr(row)))
	}
	return errclass.New("EXPECTATION_VIOLATION.VERBOSITY_ALL", "22000",
		"Flow '%s' failed to meet the expectation. Violated expectations: '%s'. Output record: '{%s}'. Nothing of the batch was written.",
		e.table, rule.name, strings.Join(record, ", "))
}
