package files

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/freshet/freshet/schema"
)

// partitionTimes are the layouts of partition timestamps. Go's parser takes a
// fraction of a second after each.
var partitionTimes = []string{
	time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z07:00",
}

func parsePartitionTime(text string, zone *time.Location) (time.Time, bool) {
	for _, layout := range append(partitionTimes, time.DateOnly) {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// inferPartitionType returns the type that holds all values of a column, by
// Spark's rules for partition columns.
func inferPartitionType(values map[string]bool) schema.Type {
	var common schema.Type
	for v := range values {
		if v == nullPartition {
			continue
		}
		t := partitionValueType(v)
		if common == nil {
			common = t
			continue
		}
		common = widerPartitionType(common, t)
	}
	if common == nil {
		return schema.String
	}
	return common
}

// partitionValueType returns the narrowest type of one value.
func partitionValueType(text string) schema.Type {
	if _, err := strconv.ParseInt(text, 10, 32); err == nil {
		return schema.Integer
	}
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return schema.Long
	}
	if digits := significantDigits(text); digits > 0 && digits <= schema.MaxDecimalPrecision {
		return schema.Decimal{Precision: digits}
	}
	if isDouble(text) {
		return schema.Double
	}
	if _, err := time.Parse(time.DateOnly, text); err == nil {
		return schema.Date
	}
	for _, layout := range partitionTimes {
		if _, err := time.Parse(layout, text); err == nil {
			return schema.Timestamp
		}
	}
	return schema.String
}

// significantDigits returns how many digits a whole number has, or 0 for
// other text.
func significantDigits(text string) int {
	if text != "" && (text[0] == '+' || text[0] == '-') {
		text = text[1:]
	}
	if strings.Trim(text, "0123456789") != "" {
		return 0
	}
	return len(strings.TrimLeft(text, "0"))
}

// isDouble is true of decimal notation with or without an exponent, not of
// the hexadecimal, underscores and names that Go reads too.
func isDouble(text string) bool {
	switch text {
	case "NaN", "Infinity", "+Infinity", "-Infinity":
		return true
	}
	if strings.Trim(text, "0123456789+-.eE") != "" {
		return false
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// integerDigits are the decimal digits that hold every value of a type.
var integerDigits = map[schema.Type]int{schema.Integer: 10, schema.Long: 20}

// widerPartitionType is Spark's table: whole numbers widen among themselves,
// INT to DOUBLE, DATE to TIMESTAMP, all else to STRING.
func widerPartitionType(a, b schema.Type) schema.Type {
	if a == b {
		return a
	}
	aDigits, bDigits := wholeDigits(a), wholeDigits(b)
	switch {
	case aDigits > 0 && bDigits > 0:
		if integerDigits[a] > 0 && integerDigits[b] > 0 {
			return schema.Long
		}
		return schema.Decimal{Precision: max(aDigits, bDigits)}
	case a == schema.Integer && b == schema.Double, a == schema.Double && b == schema.Integer:
		return schema.Double
	case a == schema.Date && b == schema.Timestamp, a == schema.Timestamp && b == schema.Date:
		return schema.Timestamp
	}
	return schema.String
}

// wholeDigits returns how many digits a type of whole numbers has, or 0.
func wholeDigits(t schema.Type) int {
	if d, ok := t.(schema.Decimal); ok {
		return d.Precision
	}
	return integerDigits[t]
}

// maxDecimalText bounds what exact arithmetic is done on.
const maxDecimalText = 4096

// parseDecimal reads text as a decimal, exactly: digits that do not fit are
// an error, not rounded.
func parseDecimal(text string, d schema.Decimal) (decimal128.Num, bool) {
	if strings.Trim(text, "0123456789+-.") != "" || len(text) > maxDecimalText {
		return decimal128.Num{}, false
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return decimal128.Num{}, false
	}
	scaled := exact.Mul(exact, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Scale)), nil)))
	if !scaled.IsInt() || len(new(big.Int).Abs(scaled.Num()).String()) > d.Precision {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(scaled.Num()), true
}
