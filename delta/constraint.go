package delta

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

const (
	constraintPrefix = "delta.constraints."
	invariantsKey    = "delta.invariants"
)

// Constraint is a CHECK constraint: a Spark SQL expression that is TRUE of
// every row. FALSE and NULL violate it.
type Constraint struct {
	Name string
	Expr string
}

// Constraints returns the CHECK constraints of the table, in order of name.
func (m Metadata) Constraints() []Constraint {
	var out []Constraint
	for property, expr := range m.Configuration {
		if name, ok := strings.CutPrefix(property, constraintPrefix); ok {
			out = append(out, Constraint{Name: name, Expr: expr})
		}
	}
	slices.SortFunc(out, func(a, b Constraint) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// AddConstraint adds a CHECK constraint; names are compared ignoring case, and
// kept in lower case as Delta does. It changes m, whose configuration the
// caller owns.
func (m *Metadata) AddConstraint(c Constraint) error {
	if old, ok := m.constraint(c.Name); ok {
		return refuse("DELTA_CONSTRAINT_ALREADY_EXISTS", "42710", "constraint '%s' already exists; drop the old one first: %s", c.Name, m.Configuration[old])
	}
	if m.Configuration == nil {
		m.Configuration = map[string]string{}
	}
	m.Configuration[constraintPrefix+strings.ToLower(c.Name)] = c.Expr
	return nil
}

// constraint returns the property of a constraint.
func (m *Metadata) constraint(name string) (property string, ok bool) {
	for _, c := range m.Constraints() {
		if strings.EqualFold(c.Name, name) {
			return constraintPrefix + c.Name, true
		}
	}
	return "", false
}

// check is a boolean expression that must be true of every row.
type check struct {
	expression
	name string
	text string // as the error shows it
	// column is the generated column that it verifies, or "".
	column string
}

// constraintChecks returns the checks of the table's constraints, and of the
// invariants of its columns at any depth (protocol: Column Invariants).
func constraintChecks(m *Metadata) ([]check, error) {
	var checks []check
	for _, c := range m.Constraints() {
		checks = append(checks, check{expression: expression{c.Expr, "checkConstraints"}, name: c.Name, text: c.Expr})
	}
	var err error
	anyField(m.Schema, func(f schema.Field) bool {
		var expr string
		if expr, err = invariant(f); expr != "" {
			checks = append(checks, check{expression: expression{expr, "invariants"}, name: "EXPRESSION(" + expr + ")", text: expr})
		}
		return err != nil
	})
	return checks, err
}

// invariant returns the expression of a field's invariant, or "".
func invariant(f schema.Field) (string, error) {
	raw, ok := f.Metadata[invariantsKey]
	if !ok {
		return "", nil
	}
	text, ok := raw.(string)
	var wrapped struct {
		Expression struct {
			Expression string `json:"expression"`
		} `json:"expression"`
	}
	if !ok || json.Unmarshal([]byte(text), &wrapped) != nil || wrapped.Expression.Expression == "" {
		return "", fmt.Errorf("column %s: the invariant %v is not understood", schema.QuoteIdent(f.Name), raw)
	}
	return wrapped.Expression.Expression, nil
}

// ConstraintError says that a row violates a rule of the table: a CHECK
// constraint, an invariant, or the expression of a generated column.
type ConstraintError struct {
	Name string
	Expr string
	// Values are those of the columns that the expression names, in order of
	// name.
	Values []ColumnValue
}

// ColumnValue is a column's value in one row, as text.
type ColumnValue struct{ Column, Value string }

func (e *ConstraintError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "CHECK constraint %s (%s) violated by row with values:", e.Name, e.Expr)
	for _, v := range e.Values {
		fmt.Fprintf(&b, "\n - %s : %s", v.Column, v.Value)
	}
	return b.String()
}

// ErrorClass returns Delta's class of the error.
func (*ConstraintError) ErrorClass() string { return "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES" }

// SQLState returns the error's SQLSTATE.
func (*ConstraintError) SQLState() string { return "23001" }

// verify returns the violation of the first row for which c is not true.
func (c *check) verify(result arrow.Array, rows arrow.RecordBatch) error {
	truth, ok := result.(*array.Boolean)
	if !ok {
		return fmt.Errorf("evaluate %q: the result is Arrow %s, not a boolean", c.sql, result.DataType())
	}
	for row := range truth.Len() {
		if truth.IsValid(row) && truth.Value(row) {
			continue
		}
		e := &ConstraintError{Name: c.name, Expr: c.text}
		for i, f := range rows.Schema().Fields() {
			if mentions(c.sql, f.Name) {
				e.Values = append(e.Values, ColumnValue{f.Name, valueText(rows.Column(i), row)})
			}
		}
		slices.SortFunc(e.Values, func(a, b ColumnValue) int { return strings.Compare(a.Column, b.Column) })
		return e
	}
	return nil
}

func valueText(arr arrow.Array, row int) string {
	if arr.IsNull(row) {
		return "null"
	}
	return strings.Clone(arr.ValueStr(row)) // the row goes, the error stays
}
