package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// The rules of Spark's ANSI mode for values of different types. A nil type is
// one that the printer does not know.

// integralDigits holds the digits that the values of each integer type have.
var integralDigits = map[schema.Type]int{schema.Byte: 3, schema.Short: 5, schema.Integer: 10, schema.Long: 20}

// numericOrder holds the numeric types but decimals from narrow to wide.
var numericOrder = []schema.Type{schema.Byte, schema.Short, schema.Integer, schema.Long, schema.Float, schema.Double}

func isIntegral(t schema.Type) bool { return integralDigits[t] > 0 }

func isFloating(t schema.Type) bool { return t == schema.Float || t == schema.Double }

func isDecimal(t schema.Type) bool {
	_, ok := t.(schema.Decimal)
	return ok
}

func isNumeric(t schema.Type) bool { return isIntegral(t) || isFloating(t) || isDecimal(t) }

// commonType returns the type that values of both types are brought to, or nil
// when there is none or it is not known.
func commonType(a, b schema.Type) schema.Type {
	switch {
	case a == nil || b == nil:
		return nil
	case a == schema.Void || schema.EqualIgnoringNulls(a, b):
		return b
	case b == schema.Void:
		return a
	case isNumeric(a) && isNumeric(b):
		return commonNumber(a, b)
	case a == schema.String:
		return stringBeside(b)
	case b == schema.String:
		return stringBeside(a)
	case isTime(a) && isTime(b):
		if a == schema.Timestamp || b == schema.Timestamp {
			return schema.Timestamp
		}
		return schema.TimestampNTZ
	}
	if t := commonInterval(a, b); t != nil {
		return t
	}
	x, xOK := a.(schema.Array)
	y, yOK := b.(schema.Array)
	if xOK && yOK {
		if element := commonType(x.Element, y.Element); element != nil {
			return schema.Array{Element: element, ContainsNull: true}
		}
	}
	return nil
}

func isTime(t schema.Type) bool {
	return t == schema.Date || t == schema.Timestamp || t == schema.TimestampNTZ
}

// stringBeside returns what a string beside a value of type t is read as.
func stringBeside(t schema.Type) schema.Type {
	switch {
	case isIntegral(t):
		return schema.Long
	case isNumeric(t):
		return schema.Double
	case isTime(t), t == schema.Boolean, t == schema.Binary:
		return t
	}
	return nil
}

func commonNumber(a, b schema.Type) schema.Type {
	x, xOK := exactNumber(a)
	y, yOK := exactNumber(b)
	switch {
	case (isDecimal(a) || isDecimal(b)) && xOK && yOK:
		scale := max(x.Scale, y.Scale)
		return boundedDecimal(max(x.Precision-x.Scale, y.Precision-y.Scale)+scale, scale)
	case isDecimal(a) || isDecimal(b):
		return schema.Double
	}
	wider := a
	for _, t := range numericOrder {
		if t == a || t == b {
			wider = t
		}
	}
	if wider == schema.Float && a != b {
		return schema.Double // an integer may lose digits in a FLOAT
	}
	return wider
}

// exactNumber returns the decimal type that holds the values of a decimal or
// integer type.
func exactNumber(t schema.Type) (schema.Decimal, bool) {
	if d, ok := t.(schema.Decimal); ok {
		return d, true
	}
	digits := integralDigits[t]
	return schema.Decimal{Precision: digits}, digits > 0
}

// minimumScale is what a result of arithmetic keeps of its scale when it has
// too many digits.
const minimumScale = 6

// boundedDecimal returns the decimal type of a result, with fewer digits after
// the point where there would be more than 38 in all.
func boundedDecimal(precision, scale int) schema.Decimal {
	if precision <= schema.MaxDecimalPrecision {
		return schema.Decimal{Precision: precision, Scale: scale}
	}
	kept := max(schema.MaxDecimalPrecision-(precision-scale), min(scale, minimumScale))
	return schema.Decimal{Precision: schema.MaxDecimalPrecision, Scale: kept}
}

// decimalResult returns the type of a op b.
func decimalResult(op string, a, b schema.Decimal) schema.Decimal {
	scale := max(a.Scale, b.Scale)
	whole := a.Precision - a.Scale
	switch op {
	case "*":
		return boundedDecimal(a.Precision+b.Precision+1, a.Scale+b.Scale)
	case "/":
		scale = max(minimumScale, a.Scale+b.Precision+1)
		return boundedDecimal(whole+b.Scale+scale, scale)
	case "%":
		return boundedDecimal(min(whole, b.Precision-b.Scale)+scale, scale)
	}
	return boundedDecimal(max(whole, b.Precision-b.Scale)+scale+1, scale)
}

// roundedDecimal returns the type of a decimal rounded to n digits after the
// point, or before it when n is negative.
func roundedDecimal(d schema.Decimal, n int) schema.Decimal {
	whole := d.Precision - d.Scale + 1
	if n < 0 {
		return schema.Decimal{Precision: min(max(whole, 1-n), schema.MaxDecimalPrecision)}
	}
	n = min(n, d.Scale)
	return schema.Decimal{Precision: min(whole+n, schema.MaxDecimalPrecision), Scale: n}
}

// decimalType returns the type of a literal: as many digits as it has.
func decimalType(text string) schema.Decimal {
	mantissa, exponent, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	scale := len(fraction)
	exp, err := strconv.Atoi(exponent)
	if err == nil && exp > -100 && exp < 100 {
		scale -= exp
	}
	digits := len(strings.TrimLeft(strings.TrimLeft(whole, "-")+fraction, "0"))
	if scale < 0 {
		digits, scale = digits-scale, 0
	}
	return schema.Decimal{Precision: max(digits, scale, 1), Scale: scale}
}
