package delta

import (
	"fmt"

	"github.com/freshet/freshet/schema"
)

const generationKey = "delta.generationExpression"

// GenerationExpression returns the Spark SQL expression that gives the values
// of a generated column; ok is false for any other.
func GenerationExpression(f schema.Field) (expr string, ok bool) {
	expr, ok = f.Metadata[generationKey].(string)
	return expr, ok
}

// SetGeneration makes f a generated column.
func SetGeneration(f *schema.Field, expr string) { setFieldKey(f, generationKey, expr) }

// generation returns what computes a generated column.
func generation(f schema.Field) (expression, bool) {
	expr, ok := GenerationExpression(f)
	return expression{castTo(expr, f.Type), "generatedColumns"}, ok
}

// generatedChecks returns the checks that generated columns hold what their
// expressions give (protocol: Generated Columns).
func generatedChecks(m *Metadata) []check {
	var checks []check
	for _, f := range m.Schema.Fields {
		expr, ok := GenerationExpression(f)
		if !ok {
			continue
		}
		name := schema.QuoteIdent(f.Name)
		checks = append(checks, check{
			expression: expression{fmt.Sprintf("%s <=> %s", name, castTo(expr, f.Type)), "generatedColumns"},
			name:       "Generated Column", text: fmt.Sprintf("%s <=> %s", name, expr), column: f.Name,
		})
	}
	return checks
}

// castTo returns an expression whose value is stored in a column of type t.
func castTo(expr string, t schema.Type) string {
	return fmt.Sprintf("CAST((%s) AS %s)", expr, t)
}
