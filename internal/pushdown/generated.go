package pushdown

import (
	"slices"
	"strings"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// generationKey is where a field's metadata has the expression of a generated
// column (protocol: Generated Columns).
const generationKey = "delta.generationExpression"

// derived returns what a comparison of a time says of the columns generated
// from it as its date or its year. The session in which they were generated
// may have had another time zone, so that a timestamp's date is known to a day
// only.
func (t *Table) derived(path []string, op delta.Op, value any) []delta.Predicate {
	at, ok := value.(time.Time)
	if !ok || op == delta.NotEqual {
		return nil
	}
	slack := 0
	if t.typeOf(path) == schema.Timestamp {
		slack = 1
	}
	var all []delta.Predicate
	for _, f := range t.Schema.Fields {
		text, ok := f.Metadata[generationKey].(string)
		if !ok {
			continue
		}
		of := generation(text)
		if !slices.EqualFunc(of.column, path, strings.EqualFold) {
			continue
		}
		low, high := any(at.AddDate(0, 0, -slack)), any(at.AddDate(0, 0, slack))
		switch {
		case of.year && f.Type == schema.Integer:
			low, high = int64(at.AddDate(0, 0, -slack).Year()), int64(at.AddDate(0, 0, slack).Year())
		case of.year || f.Type != schema.Date:
			continue
		}
		if op != delta.Less && op != delta.LessOrEqual {
			all = append(all, delta.Comparison{Column: []string{f.Name}, Op: delta.GreaterOrEqual, Value: low})
		}
		if op != delta.Greater && op != delta.GreaterOrEqual {
			all = append(all, delta.Comparison{Column: []string{f.Name}, Op: delta.LessOrEqual, Value: high})
		}
	}
	return all
}

// generator says of which column a generated one is the date, or the year.
type generator struct {
	column []string
	year   bool
}

// generation reads the expression of a generated column; the zero value is one
// that tells nothing.
func generation(text string) generator {
	q, err := sql.ParseQuery("SELECT " + text)
	if err != nil {
		return generator{}
	}
	s, ok := q.Body.(*sql.Select)
	if !ok || len(s.Items) != 1 {
		return generator{}
	}
	x, year := dateOf(s.Items[0].Expr), false
	if call, ok := s.Items[0].Expr.(*sql.FunctionCall); ok && call.Func() == "year" && len(call.Args) == 1 {
		x, year = call.Args[0], true
	}
	if column, ok := x.(*sql.Column); ok {
		return generator{column.Parts, year}
	}
	return generator{}
}
