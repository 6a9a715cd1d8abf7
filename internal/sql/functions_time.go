package sql

import (
	"slices"
	"strings"
)

// Dates and times. TIMESTAMP is DuckDB's TIMESTAMPTZ; text becomes a date or
// timestamp where Spark's function takes one.
const (
	asDate      = "CAST($1 AS DATE)"
	asTimestamp = "CAST($1 AS TIMESTAMPTZ)"
)

var timeFunctions = functionTable{
	"add_months":          expr("CAST(" + asDate + " + to_months(CAST($2 AS INTEGER)) AS DATE)"),
	"convert_timezone":    expr("timezone($1, CAST($2 AS TIMESTAMPTZ))", "timezone($2, timezone($1, CAST($3 AS TIMESTAMP)))"),
	"curdate":             expr("CAST(now() AS DATE)"),
	"current_date":        expr("CAST(now() AS DATE)"),
	"current_timestamp":   expr("now()"),
	"current_timezone":    expr("current_setting('TimeZone')"),
	"date_add":            dateAdd,
	"date_diff":           dateDiff,
	"date_format":         dateFormat,
	"date_from_unix_date": expr("(DATE '1970-01-01' + CAST($1 AS INTEGER))"),
	"date_part":           datePart,
	"date_sub":            expr("(" + asDate + " - CAST($2 AS INTEGER))"),
	"date_trunc":          dateTrunc,
	"dateadd":             dateAdd,
	"datediff":            dateDiff,
	"datepart":            datePart,
	"day":                 dateField("DAY"),
	"dayname":             expr("left(dayname(" + asDate + "), 3)"),
	"dayofmonth":          dateField("DAY"),
	"dayofweek":           dateField("DAYOFWEEK"),
	"dayofyear":           dateField("DOY"),
	"from_unixtime":       fromUnixtime,
	"from_utc_timestamp":  expr("timezone('UTC', timezone($2, " + asTimestamp + "))"),
	"hour":                dateField("HOUR"),
	"last_day":            expr("last_day(" + asDate + ")"),
	"localtimestamp":      expr("CAST(now() AS TIMESTAMP)"),
	"make_date":           expr("make_date($1, $2, $3)"),
	"make_dt_interval":    expr("to_days(0)", "to_days($1)", "(to_days($1) + to_hours($2))", "(to_days($1) + to_hours($2) + to_minutes($3))", "(to_days($1) + to_hours($2) + to_minutes($3) + to_microseconds(CAST(round(CAST($4 AS DOUBLE) * 1000000) AS BIGINT)))"),
	"make_interval": expr("to_days(0)",
		"to_years($1)",
		"(to_years($1) + to_months($2))",
		"(to_years($1) + to_months($2) + to_weeks($3))",
		"(to_years($1) + to_months($2) + to_weeks($3) + to_days($4))",
		"(to_years($1) + to_months($2) + to_weeks($3) + to_days($4) + to_hours($5))",
		"(to_years($1) + to_months($2) + to_weeks($3) + to_days($4) + to_hours($5) + to_minutes($6))",
		"(to_years($1) + to_months($2) + to_weeks($3) + to_days($4) + to_hours($5) + to_minutes($6) + to_microseconds(CAST(round(CAST($7 AS DOUBLE) * 1000000) AS BIGINT)))"),
	"make_timestamp":     expr("make_timestamptz($1, $2, $3, $4, $5, CAST($6 AS DOUBLE))", "make_timestamptz($1, $2, $3, $4, $5, CAST($6 AS DOUBLE), $7)"),
	"make_timestamp_ntz": expr("make_timestamp($1, $2, $3, $4, $5, CAST($6 AS DOUBLE))"),
	"make_ym_interval":   expr("to_months(0)", "to_years($1)", "to_months(12 * $1 + $2)"),
	"minute":             dateField("MINUTE"),
	"month":              dateField("MONTH"),
	"monthname":          expr("left(monthname(" + asDate + "), 3)"),
	"months_between":     expr("spark_months_between(CAST($1 AS TIMESTAMP), CAST($2 AS TIMESTAMP), true)", "spark_months_between(CAST($1 AS TIMESTAMP), CAST($2 AS TIMESTAMP), $3)"),
	"next_day":           expr("spark_next_day(" + asDate + ", $2)"),
	"now":                expr("now()"),
	"quarter":            dateField("QUARTER"),
	"second":             expr("CAST(second(" + asTimestamp + ") AS INTEGER)"),
	"timestamp_micros":   expr("make_timestamptz(CAST($1 AS BIGINT))"),
	"timestamp_millis":   expr("make_timestamptz(CAST($1 AS BIGINT) * 1000)"),
	"timestamp_seconds":  expr("make_timestamptz(CAST(CAST($1 AS DECIMAL(20,6)) * 1000000 AS BIGINT))"),
	"timestampadd":       dateAdd,
	"timestampdiff":      dateDiff,
	"to_date":            parseTime("CAST(%s AS DATE)"),
	"to_timestamp":       parseTime("CAST(%s AS TIMESTAMPTZ)"),
	"to_timestamp_ltz":   parseTime("CAST(%s AS TIMESTAMPTZ)"),
	"to_timestamp_ntz":   parseTime("CAST(%s AS TIMESTAMP)"),
	"to_unix_timestamp":  parseTime("CAST(trunc(epoch(CAST(%s AS TIMESTAMPTZ))) AS BIGINT)"),
	"to_utc_timestamp":   expr("timezone($2, timezone('UTC', " + asTimestamp + "))"),
	"trunc":              expr("spark_trunc(" + asDate + ", $2)"),
	"try_to_date":        parseTime("TRY(CAST(%s AS DATE))"),
	"try_to_timestamp":   parseTime("TRY(CAST(%s AS TIMESTAMPTZ))"),
	"unix_date":          expr("CAST(" + asDate + " - DATE '1970-01-01' AS INTEGER)"),
	"unix_micros":        expr("epoch_us(" + asTimestamp + ")"),
	"unix_millis":        expr("CAST(floor(epoch_us(" + asTimestamp + ") / 1000) AS BIGINT)"),
	"unix_seconds":       expr("CAST(floor(epoch_us(" + asTimestamp + ") / 1000000) AS BIGINT)"),
	"unix_timestamp":     unixTimestamp,
	"weekday":            expr("CAST(isodow(" + asDate + ") - 1 AS INTEGER)"),
	"weekofyear":         dateField("WEEK"),
	"window":             tumblingWindow,
	"year":               dateField("YEAR"),
}

// timeUnits are the units of dateadd, datediff and date_trunc in DuckDB's words.
var timeUnits = map[string]string{
	"MICROSECOND": "microsecond", "MILLISECOND": "millisecond", "SECOND": "second", "MINUTE": "minute",
	"HOUR": "hour", "DAY": "day", "DAYOFYEAR": "day", "WEEK": "week", "MONTH": "month", "QUARTER": "quarter", "YEAR": "year",
	"DD": "day", "MM": "month", "MON": "month", "YYYY": "year", "YY": "year",
	"MICROSECONDS": "microsecond", "MILLISECONDS": "millisecond", "SECONDS": "second", "MINUTES": "minute",
	"HOURS": "hour", "DAYS": "day", "WEEKS": "week", "MONTHS": "month", "QUARTERS": "quarter", "YEARS": "year",
}

// dateAdd is date_add(date, days) and dateadd(unit, number, timestamp).
func dateAdd(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 2 {
		return fill(p, call, "("+asDate+" + CAST($2 AS INTEGER))")
	}
	if len(call.Args) != 3 {
		return "", wrongArguments(call, countText(2, 3))
	}
	unit, err := timeUnit(call.Args[0])
	if err != nil {
		return "", err
	}
	return fill(p, call, "(CAST($3 AS TIMESTAMPTZ) + to_"+unit+"s(CAST($2 AS INTEGER)))")
}

// dateDiff is datediff(end, start) and datediff(unit, start, end), which
// counts whole units as DuckDB's date_sub does.
func dateDiff(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 2 {
		return fill(p, call, "CAST(date_diff('day', CAST($2 AS DATE), "+asDate+") AS INTEGER)")
	}
	if len(call.Args) != 3 {
		return "", wrongArguments(call, countText(2, 3))
	}
	unit, err := timeUnit(call.Args[0])
	if err != nil {
		return "", err
	}
	return fill(p, call, "date_sub('"+unit+"', CAST($2 AS TIMESTAMP), CAST($3 AS TIMESTAMP))")
}

func timeUnit(e Expr) (string, error) {
	text, ok := constant(e)
	if unit, known := timeUnits[strings.ToUpper(text)]; ok && known {
		return unit, nil
	}
	return "", unsupported(e, "The unit "+e.String())
}

// dateTrunc is NULL for an unknown unit, as in Spark.
func dateTrunc(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 {
		return "", wrongArguments(call, "2")
	}
	text, ok := constant(call.Args[0])
	if !ok {
		return "", unsupported(call.Args[0], "A unit that is not a literal in date_trunc")
	}
	unit, known := timeUnits[strings.ToUpper(text)]
	if !known {
		return "CAST(NULL AS TIMESTAMPTZ)", nil
	}
	return fill(p, call, "date_trunc('"+unit+"', CAST($2 AS TIMESTAMPTZ))")
}

// dateFields are the fields of extract by any of their names. $1 is a
// timestamp; all but the seconds with fraction are INT.
var dateFields = map[string]string{
	"YEAR": "year", "Y": "year", "YEARS": "year", "YR": "year", "YRS": "year",
	"YEAROFWEEK": "isoyear",
	"QUARTER":    "quarter", "QTR": "quarter",
	"MONTH": "month", "MON": "month", "MONS": "month", "MONTHS": "month",
	"WEEK": "week", "W": "week", "WEEKS": "week",
	"DAY": "day", "D": "day", "DAYS": "day",
	"DAYOFWEEK": "1 + dayofweek", "DOW": "1 + dayofweek",
	"DAYOFWEEK_ISO": "isodow", "DOW_ISO": "isodow",
	"DOY":  "dayofyear",
	"HOUR": "hour", "H": "hour", "HOURS": "hour", "HR": "hour", "HRS": "hour",
	"MINUTE": "minute", "M": "minute", "MIN": "minute", "MINS": "minute", "MINUTES": "minute",
}

var secondFields = []string{"SECOND", "S", "SEC", "SECONDS", "SECS"}

func dateField(field string) functionMapping {
	argument := asDate
	if field == "HOUR" || field == "MINUTE" {
		argument = asTimestamp
	}
	return expr("CAST(" + dateFields[field] + "(" + argument + ") AS INTEGER)")
}

// datePart is date_part('field', source), and so extract(field FROM source).
func datePart(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 {
		return "", wrongArguments(call, "2")
	}
	text, _ := constant(call.Args[0])
	field := strings.ToUpper(text)
	if t := p.typeOf(call.Args[1]); isInterval(t) {
		return p.extracted(call, field, t)
	}
	if slices.Contains(secondFields, field) {
		return fill(p, call, "CAST(microsecond(CAST($2 AS TIMESTAMPTZ)) / 1000000 AS DECIMAL(8,6))")
	}
	function, ok := dateFields[field]
	if !ok {
		return "", unsupported(call.Args[0], "The field "+call.Args[0].String())
	}
	return fill(p, call, "CAST("+function+"(CAST($2 AS TIMESTAMPTZ)) AS INTEGER)")
}

// parseTime makes a value of the text, or of another type, by the cast; with
// a second argument the text has that pattern.
func parseTime(cast string) functionMapping {
	return func(p *printer, call *FunctionCall) (string, error) {
		if len(call.Args) != 1 && len(call.Args) != 2 {
			return "", wrongArguments(call, countText(1, 2))
		}
		value := p.text(call.Args[0])
		if len(call.Args) == 2 {
			pattern, err := strptimePattern(call.Args[1])
			if err != nil {
				return "", err
			}
			value = "CAST(" + value + " AS VARCHAR)"
			if strings.HasSuffix(pattern, "%z") {
				value = "regexp_replace(" + value + ", 'Z$', '+00')" // no offset to strptime
			}
			value = "strptime(" + value + ", " + stringText(pattern) + ")"
		}
		return strings.ReplaceAll(cast, "%s", value), nil
	}
}

func unixTimestamp(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) == 0 {
		return "CAST(floor(epoch(now())) AS BIGINT)", nil
	}
	return parseTime("CAST(trunc(epoch(CAST(%s AS TIMESTAMPTZ))) AS BIGINT)")(p, call)
}

func fromUnixtime(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 1 && len(call.Args) != 2 {
		return "", wrongArguments(call, countText(1, 2))
	}
	value := "make_timestamptz(CAST(" + p.text(call.Args[0]) + " AS BIGINT) * 1000000)"
	if len(call.Args) == 1 {
		return "strftime(" + value + ", '%Y-%m-%d %H:%M:%S')", nil
	}
	return formatTime(value, call.Args[1])
}

func dateFormat(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 {
		return "", wrongArguments(call, "2")
	}
	return formatTime("CAST("+p.text(call.Args[0])+" AS TIMESTAMPTZ)", call.Args[1])
}

// tumblingWindow is window(time, 'duration'): the struct of the window that the
// time falls into.
func tumblingWindow(p *printer, call *FunctionCall) (string, error) {
	if len(call.Args) != 2 {
		return "", unsupported(call, "A sliding or shifted window")
	}
	length, ok := constant(call.Args[1])
	if !ok {
		return "", unsupported(call.Args[1], "A window length that is not a literal")
	}
	interval := "INTERVAL " + stringText(length)
	return fill(p, call, "struct_pack(\"start\" := time_bucket("+interval+", "+asTimestamp+", TIMESTAMPTZ '1970-01-01 00:00:00+00'), "+
		"\"end\" := time_bucket("+interval+", "+asTimestamp+", TIMESTAMPTZ '1970-01-01 00:00:00+00') + "+interval+")")
}
