//go:build duckdb_arrow

package duckdb

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// intervalValue is DuckDB's layout of an INTERVAL.
type intervalValue struct {
	months, days int32
	micros       int64
}

// intervalFunctions write intervals as Spark does: the arguments after the
// interval are the first and the last of intervalUnits, or -1 for the intervals
// of all units.
var intervalFunctions = map[string][]*function{
	"spark_interval_text": {{
		takes: []bindings.Type{bindings.TypeInterval, intType, intType}, returns: textType,
		row: func(a []column, i int, out column) {
			out.setText(i, intervalText(*at[intervalValue](a[0], i), int(*at[int32](a[1], i)), int(*at[int32](a[2], i))))
		},
	}},
}

func init() {
	for name, try := range map[string]bool{"spark_interval": false, "spark_try_interval": true} {
		intervalFunctions[name] = []*function{{
			takes: []bindings.Type{textType, intType, intType}, returns: bindings.TypeInterval,
			trying: func([]column) (tryingRow, error) {
				return func(a []column, i int, out column) error { return castInterval(a, i, out, try) }, nil
			},
		}}
	}
}

// castInterval is the cast of a text to an interval of the units between two.
func castInterval(a []column, i int, out column, try bool) error {
	text, from, to := a[0].text(i), int(*at[int32](a[1], i)), int(*at[int32](a[2], i))
	v, problem := parseInterval(text, from, to)
	if problem == "" {
		*at[intervalValue](out, i) = v
		return nil
	}
	if try {
		out.setNull(i)
		return nil
	}
	units := intervalUnits[from]
	if to != from {
		units += " TO " + intervalUnits[to]
	}
	return fmt.Errorf("[INVALID_INTERVAL_FORMAT.%s] Error parsing '%s' to an interval %s. Write it as a literal's text, such as '3' for a day or '1-2' for a year to month. SQLSTATE: 22006",
		problem, text, units)
}

// intervalForm is an interval as text: as a literal, or what stands between
// the quotes of one.
var intervalForm = regexp.MustCompile(`(?i)^INTERVAL\s+([+-]?)'([^']*)'\s+(\w+)(?:\s+TO\s+(\w+))?$`)

// unitCounts are how many months, or microseconds, each of intervalUnits is.
var unitCounts = []int64{12, 1, 86400e6, 3600e6, 60e6, 1e6}

// mostOfUnits are the greatest numbers of units that are not the first.
var mostOfUnits = []int64{0, 11, 0, 23, 59, 59}

// What may be wrong with the text of an interval, in the words of Spark.
const (
	wrongForm  = "UNMATCHED_FORMAT_STRING_WITH_NOTICE"
	wrongValue = "INTERVAL_PARSING"
)

// parseInterval reads an interval of the units between from and to. It returns
// what is wrong with the text, or "".
func parseInterval(text string, from, to int) (v intervalValue, problem string) {
	text = strings.TrimSpace(text)
	sign := int64(1)
	if m := intervalForm.FindStringSubmatch(text); m != nil {
		if !strings.EqualFold(m[3], intervalUnits[from]) || to != from && !strings.EqualFold(m[4], intervalUnits[to]) || to == from && m[4] != "" {
			return v, wrongForm
		}
		if text = m[2]; m[1] == "-" {
			sign = -1
		}
	}
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		text, sign = rest, -sign
	} else {
		text = strings.TrimPrefix(text, "+")
	}
	total, problem := intervalTotal(text, from, to)
	total *= sign
	switch {
	case problem != "":
	case from >= firstDayTime:
		v.micros = total
	case total == int64(int32(total)):
		v.months = int32(total)
	default:
		problem = wrongValue
	}
	return v, problem
}

// separators stand after the units of an interval as text.
var separators = []string{"-", "", " ", ":", ":", ""}

// intervalTotal returns the months, or microseconds, of the numbers of units
// between from and to.
func intervalTotal(text string, from, to int) (total int64, problem string) {
	for unit := from; unit <= to; unit++ {
		part, fraction, ok := text, int64(0), true
		if unit < to {
			part, text, ok = strings.Cut(text, separators[unit])
		}
		if ok && unit == len(intervalUnits)-1 {
			part, fraction, ok = cutFraction(part)
		}
		n, err := strconv.ParseUint(part, 10, 31)
		if !ok || errors.Is(err, strconv.ErrSyntax) {
			return 0, wrongForm
		}
		size := unitCounts[unit]
		if err != nil || unit > from && int64(n) > mostOfUnits[unit] || int64(n) > (math.MaxInt64-fraction-total)/size {
			return 0, wrongValue
		}
		total += int64(n)*size + fraction
	}
	return total, ""
}

// cutFraction takes a fraction off a number of seconds, in microseconds.
func cutFraction(text string) (whole string, micros int64, ok bool) {
	whole, digits, found := strings.Cut(text, ".")
	if !found {
		return text, 0, true
	}
	if len(digits) > 9 {
		return "", 0, false
	}
	n, err := strconv.ParseUint((digits + "000000")[:6], 10, 32)
	if whole == "" {
		whole = "0"
	}
	return whole, int64(n), err == nil
}

var intervalUnits = []string{"YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}

// unitSizes are how many of the next unit make one of intervalUnits, from the
// days on; seconds count in microseconds.
var unitSizes = []int64{2: 24, 3: 60, 4: 60, 5: 1e6}

const firstDayTime = 2 // the index of DAY

func intervalText(v intervalValue, from, to int) string {
	if from < 0 || to >= len(intervalUnits) {
		return calendarText(v)
	}
	var sign, body string
	if from < firstDayTime {
		months := int64(v.months)
		if months < 0 {
			sign, months = "-", -months
		}
		body = []string{fmt.Sprint(months / 12), fmt.Sprintf("%d-%d", months/12, months%12), fmt.Sprint(months)}[from+to]
	} else {
		micros := int64(v.days)*86400e6 + v.micros
		if micros < 0 {
			sign, micros = "-", -micros
		}
		body = dayTimeText(micros, from, to)
	}
	units := intervalUnits[from]
	if from != to {
		units += " TO " + intervalUnits[to]
	}
	return "INTERVAL '" + sign + body + "' " + units
}

// dayTimeText writes the units between from and to: the first with all that is
// above it, the others with two digits.
func dayTimeText(micros int64, from, to int) string {
	var b strings.Builder
	for unit := from; unit <= to; unit++ {
		size := int64(1)
		for _, n := range unitSizes[unit:] {
			size *= n
		}
		switch {
		case unit == firstDayTime+1 && unit > from:
			b.WriteByte(' ')
		case unit > from:
			b.WriteByte(':')
		}
		digits := "%02d"
		if unit == firstDayTime {
			digits = "%d"
		}
		fmt.Fprintf(&b, digits, micros/size)
		micros %= size
	}
	if to == len(intervalUnits)-1 && micros != 0 {
		b.WriteString(strings.TrimRight(fmt.Sprintf(".%06d", micros), "0"))
	}
	return b.String()
}

// calendarText writes all units that are not zero, each with its sign.
func calendarText(v intervalValue) string {
	var parts []string
	add := func(n int64, unit string) {
		if n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit))
		}
	}
	add(int64(v.months/12), "years")
	add(int64(v.months%12), "months")
	add(int64(v.days), "days")
	add(v.micros/3600e6, "hours")
	add(v.micros/60e6%60, "minutes")
	if rest := v.micros % 60e6; rest != 0 {
		sign := ""
		if rest < 0 {
			sign, rest = "-", -rest
		}
		seconds := strings.TrimRight(strings.TrimRight(fmt.Sprintf("%d.%06d", rest/1e6, rest%1e6), "0"), ".")
		parts = append(parts, sign+seconds+" seconds")
	}
	if len(parts) == 0 {
		return "0 seconds"
	}
	return strings.Join(parts, " ")
}
