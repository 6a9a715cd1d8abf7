package stream

import (
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
)

// Trigger says when batches run (semantics §10.3). The zero value is the
// default trigger: the next batch as soon as there is something for it.
type Trigger struct {
	Kind TriggerKind
	// Interval is from the beginning of one batch to that of the next, for
	// ProcessingTime.
	Interval time.Duration
}

// TriggerKind is the kind of a trigger.
type TriggerKind int

// The kinds of triggers.
const (
	// ProcessingTime runs a batch every interval. One that takes longer is
	// followed at once by the next; ticks that were missed are not made up.
	ProcessingTime TriggerKind = iota
	// AvailableNow runs what there is at the start, in batches within the
	// sources' limits, and ends.
	AvailableNow
	// Once runs what there is in a single batch and ends.
	Once
)

// pollInterval is how long the default trigger waits when nothing is new, so
// that an idle flow costs next to nothing.
const pollInterval = time.Second

// ParseTrigger reads a trigger by the names of Spark's options: availableNow,
// once, processingTime. Continuous processing is refused, as on Databricks.
func ParseTrigger(name, value string) (Trigger, error) {
	switch strings.ToLower(name) {
	case "":
		return Trigger{}, nil
	case "availablenow":
		return Trigger{Kind: AvailableNow}, nil
	case "once":
		return Trigger{Kind: Once}, nil
	case "processingtime":
		every, err := ParseInterval(value)
		return Trigger{Interval: every}, err
	case "continuous", "realtime":
		return Trigger{}, errclass.New("STREAMING_TRIGGER_UNSUPPORTED", "0A000",
			"The trigger %s is not supported: rows are loaded in micro-batches, each exactly once. Use processingTime with a short interval.", name)
	}
	return Trigger{}, errclass.New("STREAMING_TRIGGER_UNSUPPORTED", "0A000",
		"There is no trigger %q; the triggers are processingTime, availableNow and once.", name)
}

// units are the words of intervals, in the singular.
var units = map[string]time.Duration{
	"microsecond": time.Microsecond, "millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute,
	"hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// ParseInterval reads an interval as options have it: "10 seconds",
// "interval 1 day 12 hours". Months and years have no fixed length and are
// refused.
func ParseInterval(text string) (time.Duration, error) {
	fields := strings.Fields(strings.ToLower(text))
	if len(fields) > 0 && fields[0] == "interval" {
		fields = fields[1:]
	}
	bad := errclass.New("INVALID_INTERVAL_FORMAT", "22006", "%q is no interval; write a number and a unit from microseconds to weeks, such as '10 seconds'.", text)
	if len(fields) == 0 || len(fields)%2 != 0 {
		return 0, bad
	}
	var total time.Duration
	for i := 0; i < len(fields); i += 2 {
		unit, ok := units[strings.TrimSuffix(fields[i+1], "s")]
		n, err := parseCount(fields[i])
		if !ok || err != nil || unit > 0 && n > int64(maxInterval/unit) {
			return 0, bad
		}
		total += time.Duration(n) * unit
	}
	if total < 0 || total > maxInterval {
		return 0, bad
	}
	return total, nil
}

// maxInterval bounds intervals so that sums of them cannot overflow.
const maxInterval = 100 * 365 * 24 * time.Hour
