package pushdown

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// Constant is the value of an expression that names no column.
type Constant struct {
	Type schema.Type
	// Value is nil for NULL, a bool, int64, float64, string, []byte,
	// time.Time (for DATE and both timestamps) or *big.Rat (for DECIMAL).
	Value any
	// moving says that the value depends on the clock, and is later when it is
	// computed later.
	moving bool
}

// stable has the functions whose value depends on their arguments alone.
var stable = map[string]bool{
	"abs": true, "add_months": true, "coalesce": true, "concat": true, "date": true, "date_add": true, "date_format": true,
	"date_sub": true, "date_trunc": true, "dateadd": true, "last_day": true, "lower": true, "make_date": true, "make_timestamp": true,
	"next_day": true, "substring": true, "timestamp": true, "to_date": true, "to_timestamp": true, "trim": true, "trunc": true, "upper": true,
}

// clock has the functions that tell the time; increasing those that, of a
// later first argument, give no earlier a value.
var (
	clock      = map[string]bool{"current_date": true, "curdate": true, "current_timestamp": true, "now": true}
	increasing = map[string]bool{"date": true, "date_add": true, "date_sub": true, "to_date": true, "timestamp": true, "add_months": true}
)

// constant computes an expression that names no column.
func (t *Table) constant(e sql.Expr) (Constant, bool) {
	if c, ok := literal(e); ok {
		return c, true
	}
	if t.Fold == nil {
		return Constant{}, false
	}
	fixed, moves := true, false
	sql.Inspect(e, func(n sql.Node) bool {
		switch n := n.(type) {
		case *sql.FunctionCall:
			moves = moves || clock[n.Func()]
			fixed = fixed && (stable[n.Func()] || clock[n.Func()]) && n.Over == nil
		case *sql.Column, *sql.Star, *sql.Query, *sql.Parameter, *sql.Lambda:
			fixed = false
		}
		return fixed
	})
	if !fixed || moves && !moving(e) {
		return Constant{}, false
	}
	c, ok := t.Fold(e)
	c.moving = moves
	return c, ok
}

// moving reports whether the value of e goes with the clock in step.
func moving(e sql.Expr) bool {
	switch e := e.(type) {
	case *sql.FunctionCall:
		if clock[e.Func()] {
			return true
		}
		return increasing[e.Func()] && len(e.Args) > 0 && moving(e.Args[0]) && !slices.ContainsFunc(e.Args[1:], readsClock)
	case *sql.Cast:
		return (e.Type.Type == schema.Date || e.Type.Type == schema.Timestamp) && moving(e.X)
	case *sql.Binary:
		return (e.Op == "+" || e.Op == "-") && moving(e.Left) && !readsClock(e.Right)
	}
	return false
}

func readsClock(e sql.Expr) bool {
	found := false
	sql.Inspect(e, func(n sql.Node) bool {
		call, ok := n.(*sql.FunctionCall)
		found = found || ok && clock[call.Func()]
		return !found
	})
	return found
}

// castTo computes an expression brought to a type.
func (t *Table) castTo(e sql.Expr, typ schema.Type) (Constant, bool) {
	if t.Fold == nil {
		return Constant{}, false
	}
	return t.constant(&sql.Cast{Range: e.Pos(), X: e, Type: &sql.TypeName{Type: typ}})
}

// literal returns the value of a literal, signed or not.
func literal(e sql.Expr) (Constant, bool) {
	sign := ""
	if u, ok := e.(*sql.Unary); ok && u.Op == "-" {
		sign, e = "-", u.X
	}
	l, ok := e.(*sql.Literal)
	if !ok {
		return Constant{}, false
	}
	switch l.Kind {
	case sql.IntegerLiteral, sql.ByteLiteral, sql.ShortLiteral, sql.LongLiteral:
		if n, err := strconv.ParseInt(sign+l.Value, 10, 64); err == nil {
			return Constant{Type: schema.Long, Value: n}, true
		}
		return decimal(sign + l.Value)
	case sql.DecimalLiteral:
		return decimal(sign + l.Value)
	case sql.FloatLiteral:
		f, err := strconv.ParseFloat(sign+l.Value, 32)
		return Constant{Type: schema.Double, Value: f}, err == nil
	case sql.DoubleLiteral:
		f, err := strconv.ParseFloat(sign+l.Value, 64)
		return Constant{Type: schema.Double, Value: f}, err == nil
	case sql.NullLiteral:
		return Constant{Type: schema.Void}, sign == ""
	case sql.BooleanLiteral:
		return Constant{Type: schema.Boolean, Value: l.Value == "true"}, sign == ""
	case sql.StringLiteral:
		return Constant{Type: schema.String, Value: l.Value}, sign == ""
	case sql.DateLiteral:
		day, err := time.Parse(time.DateOnly, l.Value)
		return Constant{Type: schema.Date, Value: day}, err == nil && sign == ""
	case sql.BinaryLiteral, sql.TimestampLiteral, sql.TimestampNTZLiteral: // the engine's to read
	}
	return Constant{}, false
}

// maxDecimal bounds the text of a number that is worth a look: its exponent
// could make it as large as memory.
const maxDecimal = 100

func decimal(text string) (Constant, bool) {
	if len(text) > maxDecimal || strings.ContainsAny(text, "eE") {
		return Constant{}, false
	}
	r, ok := new(big.Rat).SetString(text)
	return Constant{Type: schema.Decimal{Precision: schema.MaxDecimalPrecision}, Value: r}, ok
}
