package delta

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Evaluator computes the Spark SQL expressions that a table's rules are
// written in: constraints, generated columns and defaults. This package has no
// SQL engine of its own; without an Evaluator it refuses rows that such rules
// concern.
type Evaluator interface {
	// Evaluate returns the values of each expression over the rows: an array
	// for each, as long as the batch, of the Arrow type that
	// [schema.ArrowType] gives the expression's type in Spark. Expressions
	// name columns of the batch as Spark does, ignoring case. The batch may
	// lack columns that no expression names; strings in it may be
	// dictionaries. The caller releases the arrays.
	Evaluate(ctx context.Context, rows arrow.RecordBatch, exprs []string) ([]arrow.Array, error)
}

// NoEvaluatorError refuses rows that a table has rules for, as there is no
// [Evaluator] to apply them. Nothing has been written.
type NoEvaluatorError struct {
	// Features are the table features that the rules belong to.
	Features []string
}

func (e *NoEvaluatorError) Error() string {
	return fmt.Sprintf("rows of the table are subject to SQL expressions (table features: %s): give the writer an Evaluator", strings.Join(e.Features, ", "))
}

// ErrorClass returns Delta's class of the error.
func (*NoEvaluatorError) ErrorClass() string { return "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE" }

// SQLState returns the error's SQLSTATE.
func (*NoEvaluatorError) SQLState() string { return "56038" }

// expression is a SQL text that belongs to a table feature.
type expression struct {
	sql     string
	feature string
}

// evaluate computes expressions that give arrays of the wanted types.
func evaluate(ctx context.Context, e Evaluator, rows arrow.RecordBatch, exprs []expression, want []arrow.DataType) ([]arrow.Array, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	if e == nil {
		refused := &NoEvaluatorError{}
		for _, x := range exprs {
			if !slices.Contains(refused.Features, x.feature) {
				refused.Features = append(refused.Features, x.feature)
			}
		}
		slices.Sort(refused.Features)
		return nil, refused
	}
	texts := make([]string, len(exprs))
	for i, x := range exprs {
		texts[i] = x.sql
	}
	arrays, err := e.Evaluate(ctx, rows, texts)
	if err != nil {
		return nil, fmt.Errorf("evaluate the table's rules: %w", err)
	}
	if err := checkEvaluated(arrays, rows.NumRows(), exprs, want); err != nil {
		releaseAll(arrays)
		return nil, err
	}
	for i, arr := range arrays {
		if !arrow.TypeEqual(arr.DataType(), want[i]) { // nested fields differ in nullability alone
			arrays[i] = retype(arr, want[i])
			arr.Release()
		}
	}
	return arrays, nil
}

// checkEvaluated holds an evaluator to its contract.
func checkEvaluated(arrays []arrow.Array, rows int64, exprs []expression, want []arrow.DataType) error {
	if len(arrays) != len(exprs) {
		return fmt.Errorf("evaluate the table's rules: %d results for %d expressions", len(arrays), len(exprs))
	}
	for i, arr := range arrays {
		if int64(arr.Len()) != rows {
			return fmt.Errorf("evaluate %q: %d values for %d rows", exprs[i].sql, arr.Len(), rows)
		}
		if !sameLayout(arr.DataType(), want[i]) {
			return fmt.Errorf("evaluate %q: the result is Arrow %s, not %s", exprs[i].sql, arr.DataType(), want[i])
		}
	}
	return nil
}

// sameLayout reports whether arrays of one type are arrays of the other but
// for the names and nullability of nested fields.
func sameLayout(a, b arrow.DataType) bool {
	x, nested := a.(arrow.NestedType)
	y, both := b.(arrow.NestedType)
	if !nested || !both {
		return arrow.TypeEqual(a, b)
	}
	return a.ID() == b.ID() && slices.EqualFunc(x.Fields(), y.Fields(), func(f, g arrow.Field) bool { return sameLayout(f.Type, g.Type) })
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		if a != nil {
			a.Release()
		}
	}
}

// mentions reports whether a SQL text has name as an identifier. It looks at
// words alone, so that it may be wrong about strings and fields of other
// columns, but never misses a column.
func mentions(sql, name string) bool {
	for word := range identifiers(sql) {
		if strings.EqualFold(word, name) {
			return true
		}
	}
	return false
}

// identifiers yields the words of a SQL text that may be names.
func identifiers(sql string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := 0; i < len(sql); {
			n := identifierLength(sql[i:])
			if n == 0 {
				i++
				continue
			}
			word := sql[i : i+n]
			if word[0] == '`' {
				word = strings.ReplaceAll(word[1:len(word)-1], "``", "`")
			}
			if !yield(word) {
				return
			}
			i += n
		}
	}
}

// identifierLength returns the length of the identifier that text begins
// with, backticks included, or 0.
func identifierLength(text string) int {
	if text[0] == '`' {
		for i := 1; i < len(text); i++ {
			if text[i] != '`' {
				continue
			}
			if i+1 == len(text) || text[i+1] != '`' {
				return i + 1
			}
			i++
		}
		return 0
	}
	n := 0
	for n < len(text) && (text[n] == '_' || text[n] >= 0x80 || '0' <= text[n] && text[n] <= '9' || 'a' <= text[n]|0x20 && text[n]|0x20 <= 'z') {
		n++
	}
	return n
}

// batchOf returns a batch of columns, which it retains.
func batchOf(fields []arrow.Field, columns []arrow.Array, rows int64) arrow.RecordBatch {
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), columns, rows)
}
