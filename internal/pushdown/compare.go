package pushdown

import (
	"math"
	"math/big"
	"time"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// compare returns what x op y says when x is a column, or the date of one,
// and y names none; nil otherwise.
func (t *Table) compare(x sql.Expr, op delta.Op, y sql.Expr) delta.Predicate {
	path := t.column(x)
	if path == nil {
		return t.compareDate(x, op, y)
	}
	c, ok := t.constant(y)
	if !ok || c.moving && op != delta.Greater && op != delta.GreaterOrEqual {
		return nil
	}
	if c.Value == nil {
		return never
	}
	typ := t.typeOf(path)
	value, ok := operand(typ, c)
	if !ok {
		if value, ok = t.brought(typ, c, y); !ok {
			return nil
		}
	}
	p := delta.Comparison{Column: path, Op: op, Value: value}
	return and(append(t.derived(path, op, value), p)...)
}

// operand returns the constant in the form in which it is compared with a
// column without a cast that could lose anything.
func operand(column schema.Type, c Constant) (any, bool) {
	switch column {
	case schema.Byte, schema.Short, schema.Integer, schema.Long:
		switch v := c.Value.(type) {
		case int64, *big.Rat:
			return v, true
		case float64: // the column's value is brought to DOUBLE
			return exact(v, doubleDigits)
		}
	case schema.Float, schema.Double:
		return floatOperand(column, c.Value)
	case schema.String:
		_, ok := c.Value.(string)
		return c.Value, ok && c.Type == schema.String
	case schema.Binary:
		_, ok := c.Value.([]byte)
		return c.Value, ok
	case schema.Boolean:
		_, ok := c.Value.(bool)
		return c.Value, ok
	case schema.Date, schema.Timestamp, schema.TimestampNTZ:
		return c.Value, c.Type == column
	}
	if _, ok := column.(schema.Decimal); ok {
		switch v := c.Value.(type) {
		case int64, *big.Rat:
			return v, true
		}
	}
	return nil, false
}

// The whole numbers up to two to this power are floating-point numbers.
const (
	floatDigits  = 24
	doubleDigits = 53
)

// exact returns f as a number unless numbers near it are not all told apart.
func exact(f float64, digits int) (*big.Rat, bool) {
	if math.IsNaN(f) || math.Abs(f) >= math.Ldexp(1, digits) {
		return nil, false
	}
	return new(big.Rat).SetFloat64(f), true
}

// floatOperand is [operand] for a floating-point column: a constant that
// is not one of its values is brought to DOUBLE, or the column is.
func floatOperand(column schema.Type, value any) (any, bool) {
	var f float64
	switch v := value.(type) {
	case int64:
		if v > 1<<floatDigits || v < -1<<floatDigits {
			return nil, false
		}
		f = float64(v)
	case float64:
		f = v
	case *big.Rat:
		f, _ = v.Float64()
	default:
		return nil, false
	}
	if math.IsNaN(f) || math.IsInf(f, 0) || column == schema.Float && float64(float32(f)) != f {
		return nil, false
	}
	return f, true
}

// brought computes a constant of another type as what the column is compared
// with: text becomes a number or a time, and a date a timestamp.
func (t *Table) brought(column schema.Type, c Constant, e sql.Expr) (any, bool) {
	to := column
	switch {
	case c.Type == schema.String && (column == schema.Byte || column == schema.Short || column == schema.Integer || column == schema.Long):
		to = schema.Long
	case c.Type == schema.String && (column == schema.Date || column == schema.Timestamp || column == schema.TimestampNTZ):
	case c.Type == schema.Date && (column == schema.Timestamp || column == schema.TimestampNTZ):
	default:
		return nil, false
	}
	cast, ok := t.castTo(e, to)
	return cast.Value, ok && cast.Value != nil
}

// compareDate is [Table.compare] for the date of a timestamp: CAST(ts AS DATE),
// date(ts) and to_date(ts).
func (t *Table) compareDate(x sql.Expr, op delta.Op, y sql.Expr) delta.Predicate {
	path := t.column(dateOf(x))
	if path == nil || t.typeOf(path) != schema.Timestamp && t.typeOf(path) != schema.TimestampNTZ {
		return nil
	}
	c, ok := t.constant(y)
	if ok && c.Type == schema.String {
		moves := c.moving
		c, ok = t.castTo(y, schema.Date)
		c.moving = moves
	}
	day, isDay := c.Value.(time.Time)
	if !ok || !isDay || c.Type != schema.Date || c.moving && op != delta.Greater && op != delta.GreaterOrEqual {
		return nil
	}
	// Days of any time zone begin and end within one of UTC's neighbours.
	from := delta.Comparison{Column: path, Op: delta.GreaterOrEqual, Value: day.AddDate(0, 0, -1)}
	to := delta.Comparison{Column: path, Op: delta.Less, Value: day.AddDate(0, 0, 2)}
	if t.typeOf(path) == schema.TimestampNTZ {
		from.Value, to.Value = day, day.AddDate(0, 0, 1)
	}
	switch op {
	case delta.Equal:
		return delta.And{from, to}
	case delta.Less, delta.LessOrEqual:
		return to
	case delta.Greater, delta.GreaterOrEqual:
		return from
	case delta.NotEqual:
	}
	return nil
}

// dateOf returns the timestamp whose date e is; nil when e is no such thing.
func dateOf(e sql.Expr) sql.Expr {
	switch e := e.(type) {
	case *sql.Cast:
		if e.Type.Type == schema.Date {
			return e.X
		}
	case *sql.FunctionCall:
		if name := e.Func(); (name == "date" || name == "to_date") && len(e.Args) == 1 {
			return e.Args[0]
		}
	}
	return nil
}
