package option

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// units are the words of intervals, in the singular.
var units = map[string]time.Duration{
	"microsecond": time.Microsecond, "millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute,
	"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// maxInterval bounds intervals, so that they can be added to a time.
const maxInterval = 100 * 365 * 24 * time.Hour

// ParseInterval reads a length of time as options have it: "10 seconds",
// "interval 1 day 12 hours". Months and years have no fixed length and are
// refused, as are negative numbers.
func ParseInterval(text string) (time.Duration, error) {
	fields := strings.Fields(strings.ToLower(text))
	if len(fields) > 0 && fields[0] == "interval" {
		fields = fields[1:]
	}
	if len(fields) == 0 || len(fields)%2 != 0 {
		return 0, fmt.Errorf("%q is no interval", text)
	}
	var total time.Duration
	for i := 0; i < len(fields); i += 2 {
		unit, ok := units[strings.TrimSuffix(fields[i+1], "s")]
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if !ok || err != nil || n < 0 || n > int64((maxInterval-total)/unit) {
			return 0, fmt.Errorf("%q is no interval", text)
		}
		total += time.Duration(n) * unit
	}
	return total, nil
}

// Interval returns an Interval option, 0 when it is empty.
func (v Values) Interval(name string) time.Duration {
	d, err := ParseInterval(v.Text(name))
	if err != nil {
		return 0 // empty: Parse has checked every other text
	}
	return d
}
