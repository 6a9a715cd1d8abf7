package sql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// castTypeName parses the type of a cast, which may be one of intervals where
// a column's may not.
func (p *parser) castTypeName() *TypeName {
	if !p.word("INTERVAL") {
		return p.typeName()
	}
	start := p.start()
	p.advance()
	from := p.intervalUnit()
	if from < 0 {
		return &TypeName{Range: p.from(start), Type: calendarInterval}
	}
	units := interval{from, from}
	if p.accept("TO") {
		units.to = p.intervalUnit()
		if units.to <= from || (interval{from, from}).isYearMonth() != (interval{units.to, units.to}).isYearMonth() {
			p.fail(start, "PARSE_SYNTAX_ERROR", "42601", "An interval runs from YEAR to MONTH, or from a unit of DAY, HOUR, MINUTE, SECOND to a smaller one.")
			units.to = from
		}
	}
	return &TypeName{Range: p.from(start), Type: units.typ()}
}

// intervalUnit parses the name of one of intervalUnits, or returns -1.
func (p *parser) intervalUnit() int {
	i := slices.Index(intervalUnits, unitOfTime(p.peek(0).value))
	if i >= 0 && p.peek(0).kind == wordToken {
		p.advance()
		return i
	}
	return -1
}

// unitCounts are how many months, or microseconds, each of intervalUnits is.
var unitCounts = []int64{12, 1, 86400e6, 3600e6, 60e6, 1e6}

// daySeconds returns the length of a constant interval of days down to seconds.
func daySeconds(e *Interval) (seconds int, ok bool) {
	for _, f := range e.Fields {
		sign, value := 1, f.Value
		if u, ok := value.(*Unary); ok && u.Op == "-" {
			sign, value = -1, u.X
		}
		l, ok := value.(*Literal)
		if !ok || f.Unit == "" {
			return 0, false
		}
		text := strings.TrimSpace(l.Value) + " " + f.Unit
		if f.To != "" {
			text = ranged(strings.TrimSpace(l.Value), f.Unit, f.To)
		}
		words := strings.Fields(text)
		if len(words) == 0 {
			return 0, false
		}
		for pair := range slices.Chunk(words, 2) {
			n, err := strconv.ParseFloat(pair[0], 64)
			unit := slices.Index(intervalUnits, pair[1])
			if err != nil || unit < firstDayTime {
				return 0, false
			}
			seconds += sign * int(n*float64(unitCounts[unit]/1e6))
		}
	}
	return seconds, true
}

// toInterval prints a cast of x to a type of intervals.
func (p *printer) toInterval(x Expr, t *TypeName, try bool) string {
	from := p.typeOf(x)
	to, ok := intervalOf(t.Type)
	was, isOne := intervalOf(from)
	text := p.text(x)
	switch {
	case from == schema.Void || from == t.Type:
		return "CAST(" + text + " AS INTERVAL)"
	case !ok && from == schema.String:
		if try {
			return "TRY_CAST(" + text + " AS INTERVAL)"
		}
		return "CAST(" + text + " AS INTERVAL)"
	case ok && from == schema.String:
		name := "spark_interval("
		if try {
			name = "spark_try_interval("
		}
		return name + text + ", " + strconv.Itoa(to.from) + ", " + strconv.Itoa(to.to) + ")"
	case ok && isOne && was.isYearMonth() == to.isYearMonth():
		return to.cut(was.number(text))
	case ok && isIntegral(from):
		return to.ofNumber("(CAST(" + text + " AS BIGINT) * " + strconv.FormatInt(unitCounts[to.to], 10) + ")")
	case ok && isDecimal(from):
		return to.ofNumber("(CAST(" + text + " AS DECIMAL(24,6)) * CAST(" + strconv.FormatInt(unitCounts[to.to], 10) + " AS DECIMAL(12,0)))")
	}
	p.fail(mismatch("CAST_WITHOUT_SUGGESTION", x.Pos(), "cannot cast "+p.pretty(x)+" to "+strconv.Quote(t.Type.String())+"."))
	return ""
}

// cut is an interval of so many months or microseconds without what is less
// than the smallest unit.
func (i interval) cut(number string) string {
	if size := unitCounts[i.to]; size > 1 && i.to < len(intervalUnits)-1 {
		count := strconv.FormatInt(size, 10)
		number = "(" + number + " // " + count + " * " + count + ")"
	}
	return i.ofNumber(number)
}

// fromInterval prints a cast of an interval to a number: of its smallest units.
func (p *printer) fromInterval(x Expr, t *TypeName, try bool) string {
	from := p.typeOf(x)
	units, ok := intervalOf(from)
	integral := isIntegral(t.Type)
	if !ok || !integral && !isDecimal(t.Type) {
		p.fail(mismatch("CAST_WITHOUT_SUGGESTION", x.Pos(), "cannot cast "+strconv.Quote(from.String())+" to "+strconv.Quote(t.Type.String())+"."))
		return ""
	}
	number, size := units.number(p.text(x)), strconv.FormatInt(unitCounts[units.to], 10)
	divided := "(" + number + " // " + size + ")"
	if !integral {
		divided = "spark_decimal_6('/', CAST(" + number + " AS DECIMAL(20,0)), CAST(" + size + " AS DECIMAL(12,0)))"
	}
	cast := "CAST("
	if try {
		cast = "TRY_CAST("
	}
	return cast + divided + " AS " + p.duckType(t.Type, t) + ")"
}

// intervalsAsText is x, whose type t is or has in it intervals, with those as
// text.
func intervalsAsText(x string, t schema.Type, depth int) string {
	item := "freshet_part_" + strconv.Itoa(depth)
	if !hasInterval(t) {
		return x
	}
	switch t := t.(type) {
	case schema.Array:
		return "list_transform(" + x + ", lambda " + item + ": " + intervalsAsText(item, t.Element, depth+1) + ")"
	case schema.Map:
		return "map_from_entries(list_transform(map_entries(" + x + "), lambda " + item + ": struct_pack(key := " +
			intervalsAsText(item+".key", t.Key, depth+1) + ", value := " + intervalsAsText(item+".value", t.Value, depth+1) + ")))"
	case *schema.Struct:
		fields := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = ident(f.Name) + " := " + intervalsAsText("("+x+")."+ident(f.Name), f.Type, depth+1)
		}
		return "CASE WHEN " + x + " IS NOT NULL THEN struct_pack(" + strings.Join(fields, ", ") + ") END"
	}
	return intervalText(x, t)
}
