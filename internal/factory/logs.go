package factory

import (
	"math/rand/v2"
	"strconv"
)

// Numbers of an event, in the order of its tally.
const (
	duration = iota
	code
)

// events makes the nested log lines of equipment.
type events struct {
	rng   *rand.PCG
	file  file
	sums  *tally
	clock clock
	turn  int64
}

func newEvents(rng *rand.PCG, f file) *events {
	return &events{rng: rng, file: f, sums: newTally("duration_ms", "code")}
}

func (e *events) tally() *tally { return e.sums }

func (e *events) columns() []string {
	names := []string{"event_id", "timestamp", "equipment", "level", "code", "message", "duration_ms", "metrics", "tags"}
	if e.file.drift >= newColumns {
		names = append(names, "trace_id")
	}
	return names
}

var (
	levels    = [...]string{"INFO", "INFO", "INFO", "INFO", "DEBUG", "WARN", "WARN", "ERROR"}
	machines  = [...]string{"press", "mill", "lathe", "oven", "robot", "conveyor", "welder", "packer"}
	messages  = [...]string{"cycle completed", "tool changed", "door opened", "spindle speed adjusted", "coolant low", "axis \\\"X\\\" re-homed", "temperature above limit", "emergency stop"}
	eventTags = [...]string{`[]`, `["cycle"]`, `["tool","wear"]`, `["safety","door"]`, `["spindle"]`, `["coolant","level"]`, `["axis"]`, `["überhitzt"]`}
)

func (e *events) appendRecord(dst []byte, at int64, fault Fault) []byte {
	start := len(dst)
	a, b := e.rng.Uint64(), e.rng.Uint64()
	dst = append(dst, `{"event_id":`...)
	if fault == MissingKey {
		dst = append(dst, "null"...)
	} else {
		dst = append(e.appendID(append(dst, '"')), '"')
	}
	e.turn++
	dst = append(dst, `,"timestamp":"`...)
	if fault == BadTime {
		dst = append(dst, badTime...)
	} else {
		dst = e.clock.append(dst, at)
	}
	dst = e.appendMachine(append(dst, `","equipment":`...), a)
	kind := b & 7
	dst = append(append(dst, `,"level":"`...), levels[a>>8&7]...)
	dst = e.appendCode(append(dst, `","code":`...), 4000+int64(kind))
	dst = append(append(dst, `,"message":"`...), messages[kind]...)
	dst = append(dst, `","duration_ms":`...)
	if fault == BadNumber {
		dst = append(dst, `"unknown"`...)
	} else {
		millis := int64(b >> 8 & 0xffff)
		dst = strconv.AppendInt(dst, millis, 10)
		e.sums.set(duration, decimal(millis, 0))
	}
	dst = e.appendMetrics(append(dst, `,"metrics":`...), a>>16)
	dst = append(append(dst, `,"tags":`...), eventTags[kind]...)
	if e.file.drift >= newColumns {
		dst = strconv.AppendUint(append(dst, `,"trace_id":"`...), a|1<<63, 16)
		dst = append(dst, '"')
	}
	dst = append(dst, '}')
	if fault == Truncated {
		clear(e.sums.has)
		dst = dst[:start+(len(dst)-start)*2/3]
	}
	return append(dst, '\n')
}

// appendID appends an identifier that no other row has: the file's start in
// seconds and the row's number.
func (e *events) appendID(dst []byte) []byte {
	dst = append(dst, "E-"...)
	dst = strconv.AppendInt(dst, e.file.start/1e6, 36)
	dst = append(dst, '-')
	return strconv.AppendInt(dst, e.turn, 10)
}

func (e *events) appendMachine(dst []byte, r uint64) []byte {
	machine := machines[r&7]
	dst = append(append(dst, `{"id":"`...), machine...)
	dst = appendPadded(append(dst, '-'), int64(r>>3&0xf), 2)
	dst = append(dst, `","line":"L`...)
	dst = append(dst, byte('1'+r>>3&7), '"')
	return append(dst, `,"model":{"vendor":"ACME","year":2019}}`...)
}

// appendCode appends the event's code, which is a number until it becomes text
// such as E4012 under [newTypes].
func (e *events) appendCode(dst []byte, n int64) []byte {
	if e.file.drift >= newTypes {
		dst = strconv.AppendInt(append(dst, `"E`...), n, 10)
		return append(dst, '"')
	}
	e.sums.set(code, decimal(n, 0))
	return strconv.AppendInt(dst, n, 10)
}

func (e *events) appendMetrics(dst []byte, r uint64) []byte {
	dst = appendFixed(append(dst, `{"load":`...), int64(r&0x3ff), 3)
	dst = append(dst, `,"temps":[`...)
	for i := range r >> 10 & 3 {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendFixed(dst, 400+int64(r>>(12+8*i)&0xff), 1)
	}
	dst = append(dst, ']')
	if e.file.drift >= newColumns {
		dst = appendFixed(append(dst, `,"power_kw":`...), int64(r>>36&0xfff), 2)
	}
	return append(dst, '}')
}
