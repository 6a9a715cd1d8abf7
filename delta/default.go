package delta

import "github.com/freshet/freshet/schema"

const defaultKey = "CURRENT_DEFAULT"

// DefaultExpression returns the Spark SQL expression of a column's default
// value; ok is false when it has none, which means NULL.
func DefaultExpression(f schema.Field) (expr string, ok bool) {
	expr, ok = f.Metadata[defaultKey].(string)
	return expr, ok
}

// defaulting returns what computes a column's default.
func defaulting(f schema.Field) (expression, bool) {
	expr, ok := DefaultExpression(f)
	return expression{castTo(expr, f.Type), "allowColumnDefaults"}, ok
}

// SetDefault gives f a default value; "" takes it away.
func SetDefault(f *schema.Field, expr string) { setFieldKey(f, defaultKey, expr) }

func setFieldKey(f *schema.Field, key, value string) {
	if value == "" {
		delete(f.Metadata, key)
		return
	}
	if f.Metadata == nil {
		f.Metadata = map[string]any{}
	}
	f.Metadata[key] = value
}
