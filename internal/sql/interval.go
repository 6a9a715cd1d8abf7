package sql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// Intervals have the types of Spark: of years and months, of days down to
// seconds, both with the units they are written with, and the older INTERVAL of
// both that make_interval makes. No table stores them, so that they are types
// of this package alone; their values are DuckDB's INTERVAL.

// calendarInterval is the type of make_interval.
const calendarInterval schema.Primitive = "interval"

// intervalUnits holds the units of intervals; those of one family follow one
// another from large to small.
var intervalUnits = []string{"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}

// firstDayTime is the index of the first unit of the intervals of days down to
// seconds.
const firstDayTime = 2

// interval is the range of units of an interval's type.
type interval struct{ from, to int }

var (
	yearMonth = interval{0, 1}
	dayTime   = interval{firstDayTime, 5}
)

func (i interval) isYearMonth() bool { return i.from < firstDayTime }

func (i interval) full() interval {
	if i.isYearMonth() {
		return yearMonth
	}
	return dayTime
}

func (i interval) typ() schema.Type {
	text := "interval " + intervalUnits[i.from]
	if i.to != i.from {
		text += " to " + intervalUnits[i.to]
	}
	return schema.Primitive(strings.ToLower(text))
}

// intervalOf returns the units of a type, and whether it is one of years and
// months or of days down to seconds.
func intervalOf(t schema.Type) (interval, bool) {
	primitive, _ := t.(schema.Primitive)
	text, ok := strings.CutPrefix(strings.ToUpper(string(primitive)), "INTERVAL ")
	if !ok {
		return interval{}, false
	}
	from, to, ranged := strings.Cut(text, " TO ")
	if !ranged {
		to = from
	}
	return interval{slices.Index(intervalUnits, from), slices.Index(intervalUnits, to)}, true
}

func isInterval(t schema.Type) bool {
	_, ok := intervalOf(t)
	return ok || t == calendarInterval
}

// hasInterval reports whether a type is or has in it an interval.
func hasInterval(t schema.Type) bool {
	switch t := t.(type) {
	case schema.Array:
		return hasInterval(t.Element)
	case schema.Map:
		return hasInterval(t.Key) || hasInterval(t.Value)
	case *schema.Struct:
		return slices.ContainsFunc(t.Fields, func(f schema.Field) bool { return hasInterval(f.Type) })
	}
	return isInterval(t)
}

// commonInterval returns the type of intervals of both types, or nil.
func commonInterval(a, b schema.Type) schema.Type {
	x, xOK := intervalOf(a)
	y, yOK := intervalOf(b)
	if !xOK || !yOK || x.isYearMonth() != y.isYearMonth() {
		return nil
	}
	return interval{min(x.from, y.from), max(x.to, y.to)}.typ()
}

// unitNames are the units of literals that are not among intervalUnits.
var unitNames = map[string]string{"QUARTER": "MONTH", "WEEK": "DAY", "MILLISECOND": "SECOND", "MICROSECOND": "SECOND"}

// intervalType returns the type of a literal, or nil for one whose units are
// of both families.
func intervalType(e *Interval) schema.Type {
	var t schema.Type
	for _, f := range e.Fields {
		units := []string{f.Unit}
		if l, ok := f.Value.(*Literal); ok && f.Unit == "" {
			units = nil
			for word := range strings.FieldsSeq(strings.ToUpper(l.Value)) {
				if word = strings.TrimSuffix(word, "S"); word != "INTERVAL" && isLetter(word[len(word)-1]) {
					units = append(units, word)
				}
			}
		}
		if f.To != "" {
			units = append(units, f.To)
		}
		for _, unit := range units {
			if name, ok := unitNames[unit]; ok {
				unit = name
			}
			i := slices.Index(intervalUnits, unit)
			if i < 0 {
				return nil
			}
			one := interval{i, i}.typ()
			if t == nil {
				t = one
			}
			if t = commonInterval(t, one); t == nil {
				return nil
			}
		}
	}
	return t
}

// intervalArithmetic returns the type of an operator that takes intervals or
// makes one, or nil.
func intervalArithmetic(op string, a, b schema.Type) schema.Type {
	x, xOK := intervalOf(a)
	y, yOK := intervalOf(b)
	switch {
	case op == "-" && a == schema.Date && b == schema.Date:
		return interval{firstDayTime, firstDayTime}.typ()
	case op == "-" && isTime(a) && isTime(b):
		return dayTime.typ()
	case (op == "+" || op == "-") && xOK && yOK:
		return commonInterval(a, b)
	case (op == "+" || op == "-") && a == calendarInterval && b == calendarInterval:
		return calendarInterval
	case (op == "*" || op == "/") && xOK && isNumeric(b):
		return x.full().typ()
	case op == "*" && yOK && isNumeric(a):
		return y.full().typ()
	case (op == "+" || op == "-") && isTime(a) && isInterval(b):
		return timePlusInterval(a, b)
	case op == "+" && isInterval(a) && isTime(b):
		return timePlusInterval(b, a)
	}
	return nil
}

// timePlusInterval returns the type of a time and an interval: a date stays one
// with days alone or with months.
func timePlusInterval(t, i schema.Type) schema.Type {
	units, ok := intervalOf(i)
	if t == schema.Date && ok && !units.isYearMonth() && units.to != firstDayTime {
		return schema.Timestamp
	}
	return t
}

// Intervals in DuckDB's words: their months, and their microseconds.
func monthsOf(x string) string { return "(12 * year(" + x + ") + month(" + x + "))" }

func (i interval) number(x string) string {
	if i.isYearMonth() {
		return monthsOf(x)
	}
	return "epoch_us(" + x + ")"
}

// ofNumber is the inverse of number, rounded.
func (i interval) ofNumber(n string) string {
	if i.isYearMonth() {
		return "to_months(CAST(round(" + n + ") AS INTEGER))"
	}
	return "to_microseconds(CAST(round(" + n + ") AS BIGINT))"
}

// intervalOperator prints an operator whose result is an interval, unless
// DuckDB's own does. It reports whether it did.
func (p *printer) intervalOperator(e *Binary) bool {
	a, b := p.typeOf(e.Left), p.typeOf(e.Right)
	x, xOK := intervalOf(a)
	y, yOK := intervalOf(b)
	switch {
	case e.Op == "-" && a == schema.Date && b == schema.Date:
		p.put("to_days(CAST(", p.operand(e.Left), " - ", p.operand(e.Right), " AS INTEGER))")
	case e.Op == "-" && isTime(a) && isTime(b):
		p.put("(CAST(", p.text(e.Left), " AS TIMESTAMP) - CAST(", p.text(e.Right), " AS TIMESTAMP))")
	case e.Op == "*" && xOK && isNumeric(b):
		p.put(x.ofNumber(x.number(p.text(e.Left)) + " * " + p.operand(e.Right)))
	case e.Op == "*" && yOK && isNumeric(a):
		p.put(y.ofNumber(p.operand(e.Left) + " * " + y.number(p.text(e.Right))))
	case e.Op == "/" && xOK && isNumeric(b):
		n := p.operand(e.Right)
		zero := failing("INTERVAL_DIVIDED_BY_ZERO", "22012", "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL instead.")
		p.put(x.ofNumber("CASE WHEN " + n + " = 0 THEN " + zero + " ELSE " + x.number(p.text(e.Left)) + " / CAST(" + n + " AS DOUBLE) END"))
	case arithmetic[e.Op] && (isInterval(a) || isInterval(b)) && a != nil && b != nil && a != schema.Void && b != schema.Void &&
		a != schema.String && b != schema.String && intervalArithmetic(e.Op, a, b) == nil:
		p.fail(mismatch("UNEXPECTED_INPUT_TYPE", e.Range, "the operands of "+strconv.Quote(p.pretty(e))+" have the types "+
			strconv.Quote(a.String())+" and "+strconv.Quote(b.String())+"."))
	default:
		return false
	}
	return true
}

// totalled is the sum or the average of intervals.
func (p *printer) totalled(function string, call *FunctionCall) (string, bool) {
	units, ok := intervalOf(p.typeOf(call.Args[0]))
	if !ok {
		return "", false
	}
	distinct := ""
	if call.Distinct {
		distinct = "DISTINCT "
	}
	return units.ofNumber(function + "(" + distinct + units.number(p.text(call.Args[0])) + ")" + p.suffix(call)), true
}

// intervalText is the text that Spark writes an interval of type t as.
func intervalText(x string, t schema.Type) string {
	units, ok := intervalOf(t)
	if !ok {
		units = interval{-1, -1}
	}
	return "spark_interval_text(" + x + ", " + strconv.Itoa(units.from) + ", " + strconv.Itoa(units.to) + ")"
}

// showIntervals wraps a query so that its intervals are text, and returns
// their types by the places of their columns.
func (p *printer) showIntervals(q *Query, text string, columns []output, shown bool) (string, map[int]schema.Type) {
	types := map[int]schema.Type{}
	names, items := make([]string, len(columns)), make([]string, len(columns))
	for i, c := range columns {
		names[i] = "c" + strconv.Itoa(i)
		items[i] = names[i] + " AS " + ident(c.name)
		if !hasInterval(c.typ) {
			continue
		}
		types[i] = c.typ
		items[i] = intervalsAsText(names[i], c.typ, 0) + " AS " + ident(c.name)
		if !shown {
			p.fail(&Error{
				Class: "DELTA_UNSUPPORTED_DATA_TYPES", State: "0AKDC", Range: q.Range,
				Text: "Found columns using unsupported data types: [" + c.name + ": " + c.typ.String() + "]. Cast them to STRING.",
			})
		}
	}
	if len(types) == 0 {
		return text, nil
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM (" + text + ") AS result(" + strings.Join(names, ", ") + ")", types
}

// intervalFunctions are the functions that take intervals as they take other
// values.
var intervalFunctions = map[string]bool{}

func init() {
	for name := range strings.FieldsSeq("any_value array array_agg array_append array_contains array_distinct array_max array_min array_position " +
		"array_remove avg coalesce collect_list collect_set concat count date_part datepart dense_rank element_at exists explode filter first " +
		"first_value get greatest if ifnull iff isnotnull isnull lag last last_value lead least map map_keys map_values max mean min mode " +
		"named_struct nth_value nullif nvl nvl2 rank reverse row_number sequence size slice sort_array struct sum transform typeof") {
		intervalFunctions[name] = true
	}
}

// checkIntervals fails for a call of another function with an interval.
func (p *printer) checkIntervals(call *FunctionCall) {
	if intervalFunctions[call.Func()] {
		return
	}
	for _, x := range call.Args {
		if hasInterval(p.typeOf(x)) {
			p.fail(unsupported(call, "The function "+call.Func()+" of an interval"))
		}
	}
}

// intervalFields are the fields of intervals, of their months or microseconds.
var intervalFields = map[string]string{
	"YEAR":   "CAST($1 // 12 AS INTEGER)",
	"MONTH":  "CAST($1 % 12 AS TINYINT)",
	"DAY":    "CAST($1 // 86400000000 AS INTEGER)",
	"HOUR":   "CAST($1 // 3600000000 % 24 AS TINYINT)",
	"MINUTE": "CAST($1 // 60000000 % 60 AS TINYINT)",
	"SECOND": "CAST($1 % 60000000 / 1000000 AS DECIMAL(8,6))",
}

// intervalField is a field of an interval of type t.
func (p *printer) extracted(call *FunctionCall, field string, t schema.Type) (string, error) {
	units, ok := intervalOf(t)
	template, known := intervalFields[field]
	unit := slices.Index(intervalUnits, field)
	switch {
	case !ok || !known:
		return "", unsupported(call, "The field "+field+" of an interval")
	case unit < units.from || unit > units.to:
		return "", &Error{
			Class: "INVALID_EXTRACT_FIELD", State: "42601", Range: call.Range,
			Text: "Cannot extract " + stringText(field) + " from " + strconv.Quote(p.pretty(call.Args[1])) + ".",
		}
	}
	return strings.ReplaceAll(template, "$1", units.number(p.text(call.Args[1]))), nil
}
