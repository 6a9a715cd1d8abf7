package conform

import (
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/schema"
)

const microsPerDay = 24 * 60 * 60 * 1_000_000

// toDate takes the day of a timestamp: of points in time, in the session's
// zone.
func (p *planner) toDate(a arrow.Array) (arrow.Array, error) {
	day := func(int) arrow.Date32 { return 0 }
	switch a := a.(type) {
	case *array.Date64:
		day = func(i int) arrow.Date32 { return arrow.Date32FromTime(a.Value(i).ToTime()) }
	case *array.Timestamp:
		zone, unit := p.zoneOf(a), timeUnit(a)
		day = func(i int) arrow.Date32 {
			y, m, d := a.Value(i).ToTime(unit).In(zone).Date()
			return arrow.Date32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60))
		}
	}
	return build(a, array.NewDate32Builder(p.opts.Allocator), func(i int) (arrow.Date32, error) { return day(i), nil })
}

// toTimestamp returns dates and timestamps of any unit in microseconds. Wall
// clocks become points in time, and the reverse, in the session's zone.
func (p *planner) toTimestamp(a arrow.Array, to schema.Type, fail failure) (arrow.Array, error) {
	value := func(int) (int64, bool) { return 0, false }
	fromInstant := false
	switch a := a.(type) {
	case *array.Date32:
		value = func(i int) (int64, bool) { return times(int64(a.Value(i)), microsPerDay) }
	case *array.Date64:
		value = func(i int) (int64, bool) { return times(int64(a.Value(i)), 1000) }
	case *array.Timestamp:
		value = micros(a)
		t, ok := a.DataType().(*arrow.TimestampType)
		fromInstant = ok && t.TimeZone != ""
	}
	shift := func(v int64) int64 { return v }
	if toInstant := to == schema.Timestamp; p.opts.TimeZone != time.UTC && toInstant != fromInstant {
		shift = p.wallClock
		if toInstant {
			shift = p.instant
		}
	}
	typ, ok := schema.ArrowType(to).(*arrow.TimestampType)
	if !ok {
		return nil, &IncompatibleError{To: to}
	}
	return build(a, array.NewTimestampBuilder(p.opts.Allocator, typ), func(i int) (arrow.Timestamp, error) {
		v, ok := value(i)
		if !ok {
			return 0, fail(a, i)
		}
		return arrow.Timestamp(shift(v)), nil
	})
}

// micros returns the values of a in microseconds, rounded down.
func micros(a *array.Timestamp) func(i int) (int64, bool) {
	switch timeUnit(a) {
	case arrow.Second:
		return func(i int) (int64, bool) { return times(int64(a.Value(i)), 1_000_000) }
	case arrow.Millisecond:
		return func(i int) (int64, bool) { return times(int64(a.Value(i)), 1000) }
	case arrow.Nanosecond:
		return func(i int) (int64, bool) { return floorDiv(int64(a.Value(i)), 1000), true }
	case arrow.Microsecond:
	}
	return func(i int) (int64, bool) { return int64(a.Value(i)), true }
}

func times(v, factor int64) (int64, bool) {
	return v * factor, v >= math.MinInt64/factor && v <= math.MaxInt64/factor
}

func floorDiv(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}

// wallClock returns what clocks in the session's zone show at a point in
// time.
func (p *planner) wallClock(v int64) int64 {
	_, offset := time.UnixMicro(v).In(p.opts.TimeZone).Zone()
	return v + int64(offset)*1_000_000
}

// instant returns when clocks in the session's zone show v.
func (p *planner) instant(v int64) int64 {
	t := time.UnixMicro(v).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), p.opts.TimeZone).UnixMicro()
}
