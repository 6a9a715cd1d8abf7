//go:build duckdb_arrow

package duckdb

import (
	"fmt"
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
