package sql

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// literal returns a constant with the type it has in Spark.
func (p *printer) literal(e *Literal) string {
	switch e.Kind {
	case NullLiteral:
		return "NULL"
	case BooleanLiteral:
		return strings.ToUpper(e.Value)
	case StringLiteral:
		return stringText(e.Value)
	case BinaryLiteral:
		return "from_hex('" + e.Value + "')"
	case DateLiteral:
		return "CAST(" + stringText(e.Value) + " AS DATE)"
	case TimestampLiteral:
		return "CAST(" + stringText(e.Value) + " AS TIMESTAMPTZ)"
	case TimestampNTZLiteral:
		return "CAST(" + stringText(e.Value) + " AS TIMESTAMP)"
	case IntegerLiteral, ByteLiteral, ShortLiteral, LongLiteral, DecimalLiteral, FloatLiteral, DoubleLiteral:
	}
	return number(e, "")
}

// negative returns a number with a minus before it, which is part of it, or ""
// when the literal is no number.
func negative(e *Literal) string {
	switch e.Kind {
	case IntegerLiteral, ByteLiteral, ShortLiteral, LongLiteral, DecimalLiteral, FloatLiteral, DoubleLiteral:
		return number(e, "-")
	case NullLiteral, BooleanLiteral, StringLiteral, BinaryLiteral, DateLiteral, TimestampLiteral, TimestampNTZLiteral:
	}
	return ""
}

// numberTypes holds DuckDB's type of the literals that need a cast.
var numberTypes = map[LiteralKind]string{
	ByteLiteral: "TINYINT", ShortLiteral: "SMALLINT", LongLiteral: "BIGINT", FloatLiteral: "FLOAT",
}

func number(e *Literal, sign string) string {
	text := sign + e.Value
	if t, ok := numberTypes[e.Kind]; ok {
		return "CAST(" + text + " AS " + t + ")"
	}
	if e.Kind == DoubleLiteral {
		if !strings.Contains(text, "e") {
			text += "e0"
		}
		return text
	}
	if e.Kind == IntegerLiteral {
		if text == "-2147483648" {
			return "CAST(" + text + " AS INTEGER)" // which DuckDB takes for the negative of a BIGINT
		}
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			return text
		}
	}
	return decimalText(text)
}

// decimalText returns an exact number with the precision and scale that its
// digits ask for.
func decimalText(text string) string {
	mantissa, exponent, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	scale := len(fraction)
	if exp, err := strconv.Atoi(exponent); err == nil && exp > -100 && exp < 100 {
		scale -= exp
	}
	digits := strings.TrimLeft(strings.TrimLeft(whole, "-")+fraction, "0")
	scale = max(scale, 0)
	precision := max(len(digits), scale, 1)
	if exponent != "" {
		if n, ok := new(big.Rat).SetString(text); ok {
			precision = max(len(new(big.Int).Quo(n.Num(), n.Denom()).String())+scale, 1)
		}
	}
	return "CAST('" + text + "' AS DECIMAL(" + strconv.Itoa(precision) + ", " + strconv.Itoa(scale) + "))"
}

// interval returns the sum of an interval's quantities.
func (p *printer) interval(e *Interval) string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = p.intervalField(f)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts, " + ")
}

func (p *printer) intervalField(f *IntervalField) string {
	sign := ""
	value := f.Value
	if u, ok := value.(*Unary); ok {
		sign, value = strings.TrimPrefix(u.Op, "+"), u.X
	}
	l, ok := value.(*Literal)
	if !ok {
		p.fail(unsupported(f, "An interval of "+f.Value.String()))
		return ""
	}
	text := strings.TrimSpace(l.Value)
	switch {
	case f.To != "":
		text = ranged(text, f.Unit, f.To)
		if text == "" {
			p.fail(&Error{
				Class: "INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING", State: "22006", Range: f.Range,
				Text: "The interval " + f.String() + " does not have the form that its units ask for.",
			})
		}
	case f.Unit != "":
		text += " " + f.Unit
	default:
		text = strings.TrimPrefix(strings.TrimPrefix(text, "interval "), "INTERVAL ")
	}
	if sign == "" {
		return "INTERVAL " + stringText(text)
	}
	return "(" + sign + " INTERVAL " + stringText(text) + ")"
}

// intervalForm matches the text of an interval over several units: a sign, and
// numbers with signs between them.
var intervalForm = regexp.MustCompile(`^([+-]?)(\d+)(?:[- :](\d+))?(?::(\d+))?(?::(\d+(?:\.\d+)?))?(\.\d+)?$`)

// unitOrder holds the units an interval may run through.
var unitOrder = map[string][]string{
	"YEAR": {"YEAR", "MONTH"}, "DAY": {"DAY", "HOUR", "MINUTE", "SECOND"},
	"HOUR": {"HOUR", "MINUTE", "SECOND"}, "MINUTE": {"MINUTE", "SECOND"},
}

// ranged writes '1-2' of YEAR TO MONTH as '1 YEAR 2 MONTH', or returns "" when
// the text has another form.
func ranged(text, from, to string) string {
	units := unitOrder[from]
	m := intervalForm.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	sign := strings.TrimPrefix(m[1], "+")
	var parts []string
	for i, unit := range units {
		value := m[2+i]
		if value == "" {
			return ""
		}
		if unit == to {
			value += m[6]
			m[6] = ""
		}
		parts = append(parts, sign+value+" "+unit)
		m[2+i] = ""
		if unit == to {
			break
		}
	}
	if strings.Join(m[2:], "") != "" {
		return ""
	}
	return strings.Join(parts, " ")
}
