package delta

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Defaults of table properties (semantics §15.14).
const (
	defaultCheckpointInterval = 10
	defaultFileRetention      = 7 * 24 * time.Hour
)

// checkpointInterval returns after how many commits a checkpoint is due.
func checkpointInterval(m *Metadata) int64 {
	n, err := strconv.ParseInt(m.Configuration["delta.checkpointInterval"], 10, 64)
	if err != nil || n < 1 {
		return defaultCheckpointInterval
	}
	return n
}

// durationProperty returns a property such as "interval 30 days".
func durationProperty(m *Metadata, name string) (time.Duration, bool) {
	text, ok := m.Configuration[name]
	if !ok {
		return 0, false
	}
	return parseInterval(text)
}

// validInterval reports whether text is an interval as table properties write
// it, such as "interval 30 days" or "2 weeks".
func validInterval(text string) bool {
	_, ok := parseInterval(text)
	return ok
}

var intervalPart = regexp.MustCompile(`(\d{1,9})\s+([a-z]+?)s?(?:\s+|$)`)

// intervalUnits are those of Spark's CalendarInterval that have a fixed
// length; months and years are not allowed in table properties.
var intervalUnits = map[string]time.Duration{
	"week": 7 * 24 * time.Hour, "day": 24 * time.Hour, "hour": time.Hour, "minute": time.Minute,
	"second": time.Second, "millisecond": time.Millisecond, "microsecond": time.Microsecond,
}

// parseInterval reads an interval as table properties write it.
func parseInterval(text string) (total time.Duration, ok bool) {
	rest := strings.TrimSpace(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(text)), "interval"))
	for rest != "" {
		m := intervalPart.FindStringSubmatchIndex(rest)
		if m == nil || m[0] != 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(rest[m[2]:m[3]], 10, 64)
		unit, known := intervalUnits[rest[m[4]:m[5]]]
		if err != nil || !known || n > int64(1<<62)/int64(unit) || total < 0 {
			return 0, false
		}
		total += time.Duration(n) * unit
		rest = rest[m[1]:]
		ok = true
	}
	return total, ok && total >= 0
}
