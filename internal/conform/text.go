package conform

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

// Layouts of Spark's text of dates and times.
const (
	timeLayout      = "15:04:05.999999999"
	timestampLayout = "2006-01-02 15:04:05.999999"
)

// toText returns the values of a as Spark's CAST(… AS STRING) writes them, or
// as bytes.
func (p *planner) toText(a arrow.Array, to schema.Type) (arrow.Array, error) {
	if to == schema.Binary {
		raw := rawBytes(a)
		return build(a, array.NewBinaryBuilder(p.opts.Allocator, arrow.BinaryTypes.Binary), func(i int) ([]byte, error) { return raw(i), nil })
	}
	text := p.text(a)
	return build(a, array.NewStringBuilder(p.opts.Allocator), func(i int) (string, error) { return text(i), nil })
}

// rawBytes returns the values of an array of bytes.
func rawBytes(a arrow.Array) func(i int) []byte {
	switch a := a.(type) {
	case *array.LargeBinary:
		return a.Value
	case *array.FixedSizeBinary:
		return a.Value
	case *array.BinaryView:
		return a.Value
	case *array.Binary:
		return a.Value
	}
	return func(int) []byte { return nil }
}

func (p *planner) text(a arrow.Array) func(i int) string {
	if value := integers(a); value != nil {
		return func(i int) string { return strconv.FormatInt(value(i), 10) }
	}
	if value, scale := decimals(a); value != nil {
		return func(i int) string { return value(i).ToString(scale) }
	}
	switch a := a.(type) {
	case *array.Float32:
		return func(i int) string { return formatFloat(float64(a.Value(i)), 32) }
	case *array.Float64:
		return func(i int) string { return formatFloat(a.Value(i), 64) }
	case *array.Boolean:
		return func(i int) string { return strconv.FormatBool(a.Value(i)) }
	case *array.LargeString:
		return a.Value
	case *array.StringView:
		return a.Value
	case *array.Date32:
		return func(i int) string { return a.Value(i).ToTime().Format(time.DateOnly) }
	case *array.Date64:
		return func(i int) string { return a.Value(i).ToTime().Format(time.DateOnly) }
	case *array.Timestamp:
		return p.timestampText(a)
	case *array.Time32:
		return func(i int) string { return a.Value(i).ToTime(timeUnit(a)).Format(timeLayout) }
	case *array.Time64:
		return func(i int) string { return a.Value(i).ToTime(timeUnit(a)).Format(timeLayout) }
	case *array.Binary, *array.LargeBinary, *array.BinaryView, *array.FixedSizeBinary:
		raw := rawBytes(a)
		return func(i int) string { return strings.ToValidUTF8(string(raw(i)), "\uFFFD") }
	}
	return a.ValueStr
}

func timeUnit(a arrow.Array) arrow.TimeUnit {
	if t, ok := a.DataType().(arrow.TemporalWithUnit); ok {
		return t.TimeUnit()
	}
	return arrow.Microsecond
}

func (p *planner) timestampText(a *array.Timestamp) func(i int) string {
	zone := p.zoneOf(a)
	unit := timeUnit(a)
	return func(i int) string { return a.Value(i).ToTime(unit).In(zone).Format(timestampLayout) }
}

// zoneOf is the zone in which the array's timestamps are read: the session's
// for points in time, UTC for those without zone.
func (p *planner) zoneOf(a *array.Timestamp) *time.Location {
	if t, ok := a.DataType().(*arrow.TimestampType); ok && t.TimeZone != "" {
		return p.opts.TimeZone
	}
	return time.UTC
}

// formatFloat is Java's Double.toString: always a fraction, an exponent
// outside of 10^-3 to 10^7.
func formatFloat(f float64, bits int) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case abs == 0 || abs >= 1e-3 && abs < 1e7:
		return withFraction(strconv.FormatFloat(f, 'f', -1, bits))
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
	sign := strings.TrimSuffix(exponent[:1], "+")
	return withFraction(mantissa) + "E" + sign + strings.TrimLeft(exponent[1:], "0")
}

func withFraction(digits string) string {
	if strings.Contains(digits, ".") {
		return digits
	}
	return digits + ".0"
}
