package stream

import (
	"strings"
	"time"

	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/option"
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
		every, err := option.ParseInterval(value)
		if err != nil {
			return Trigger{}, errclass.New("INVALID_INTERVAL_FORMAT", "22006",
				"%w; write a number and a unit from microseconds to weeks, such as '10 seconds'.", err)
		}
		return Trigger{Interval: every}, nil
	case "continuous", "realtime":
		return Trigger{}, errclass.New("STREAMING_TRIGGER_UNSUPPORTED", "0A000",
			"The trigger %s is not supported: rows are loaded in micro-batches, each exactly once. Use processingTime with a short interval.", name)
	}
	return Trigger{}, errclass.New("STREAMING_TRIGGER_UNSUPPORTED", "0A000",
		"There is no trigger %q; the triggers are processingTime, availableNow and once.", name)
}
