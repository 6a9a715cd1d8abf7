package variant

import (
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/freshet/freshet/schema"
)

// time returns the text of a date or timestamp.
func (s scalar) time(t schema.Type, zone *time.Location) (string, bool) {
	at, ok := s.moment(t, zone)
	if !ok {
		return "", false
	}
	layout := "-01-02 15:04:05.999999"
	switch t {
	case schema.Date:
		layout = "-01-02"
	case schema.Timestamp:
		at, layout = at.UTC(), layout+"-07:00"
	}
	return string(appendYear(nil, at, layout)), true
}

// moment returns the time that a scalar is: a clock's in the zone. Numbers are
// seconds, and times without a zone those of the session's clock.
func (s scalar) moment(t schema.Type, zone *time.Location) (time.Time, bool) {
	switch s.kind {
	case String:
		return parseMoment(s.text, t, zone)
	case Date:
		return asClock(time.Unix(s.i*secondsPerDay, 0).UTC(), zone), true
	case TimestampNTZ:
		return asClock(time.UnixMicro(s.i).UTC(), zone), true
	case Timestamp:
		return time.UnixMicro(s.i).In(zone), true
	case Integer, Decimal, Double, Float:
		if t != schema.Timestamp || s.num == nil {
			return time.Time{}, false
		}
		micros := new(big.Rat).Mul(s.num, big.NewRat(microsPerSecond, 1))
		whole := new(big.Int).Quo(micros.Num(), micros.Denom())
		if !whole.IsInt64() {
			return time.Time{}, false
		}
		return time.UnixMicro(whole.Int64()).In(zone), true
	case Null, Boolean, Binary, UUID, Object, Array:
	}
	return time.Time{}, false
}

// asClock returns the moment at which a clock in the zone shows what at does.
func asClock(at time.Time, zone *time.Location) time.Time {
	year, month, day := at.Date()
	return time.Date(year, month, day, at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), zone)
}

// parseMoment reads a date or timestamp as Spark's casts of strings do:
// yyyy[-m[-d]], and after a space or T [h]h[:[m]m[:[s]s[.fraction]]] with a
// zone's offset or name.
func parseMoment(text string, t schema.Type, zone *time.Location) (time.Time, bool) {
	p := clockParser{strings.TrimSpace(text)}
	sign := p.sign()
	date := [3]int{1, 1, 1}
	for i := range date {
		low, high := 1, 2
		if i == 0 {
			low, high = 4, 6
		}
		n, ok := p.number(low, high)
		if !ok {
			return time.Time{}, false
		}
		date[i] = n
		if i == 2 || !p.skip('-') {
			break
		}
	}
	day := time.Date(sign*date[0], time.Month(date[1]), date[2], 0, 0, 0, 0, zone)
	if valid := time.Date(sign*date[0], time.Month(date[1]), date[2], 0, 0, 0, 0, time.UTC); valid.Day() != date[2] || int(valid.Month()) != date[1] {
		return time.Time{}, false
	}
	if p.rest == "" {
		return day, true
	}
	if !p.skip(' ') && !p.skip('T') {
		return time.Time{}, false
	}
	if t == schema.Date {
		return day, true // whatever follows
	}
	return p.clock(day, t == schema.TimestampNTZ)
}

type clockParser struct{ rest string }

func (p *clockParser) skip(c byte) bool {
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *clockParser) sign() int {
	if p.skip('-') {
		return -1
	}
	p.skip('+')
	return 1
}

// number reads low to high digits.
func (p *clockParser) number(low, high int) (int, bool) {
	n, count := 0, 0
	for count < high && count < len(p.rest) && '0' <= p.rest[count] && p.rest[count] <= '9' {
		n = n*10 + int(p.rest[count]-'0')
		count++
	}
	p.rest = p.rest[count:]
	return n, count >= low
}

// clock reads the time of day and the zone.
func (p *clockParser) clock(day time.Time, ignoreZone bool) (time.Time, bool) {
	var at [3]int
	limits := [3]int{23, 59, 59}
	for i := range at {
		n, ok := p.number(1, 2)
		if !ok || n > limits[i] {
			return time.Time{}, false
		}
		at[i] = n
		if i == 2 || !p.skip(':') {
			break
		}
	}
	nanos := 0
	if p.skip('.') {
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		fraction, _ := (&clockParser{(p.rest[:digits] + "000000")[:6]}).number(6, 6)
		nanos, p.rest = fraction*1000, p.rest[digits:]
	}
	zone, ok := parseZone(strings.TrimSpace(p.rest), day.Location())
	if !ok {
		return time.Time{}, false
	}
	if ignoreZone {
		zone = day.Location()
	}
	year, month, d := day.Date()
	return time.Date(year, month, d, at[0], at[1], at[2], nanos, zone), true
}

// Zone returns the time zone of a session: an IANA name or an offset.
func Zone(name string) (*time.Location, error) {
	zone, ok := parseZone(name, time.UTC)
	if !ok {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return zone, nil
}

// parseZone reads Z, an offset, or the name of a zone.
func parseZone(text string, session *time.Location) (*time.Location, bool) {
	switch text {
	case "":
		return session, true
	case "Z", "UTC", "GMT":
		return time.UTC, true
	}
	offset := strings.TrimPrefix(strings.TrimPrefix(text, "UTC"), "GMT")
	if offset == "" || offset[0] != '+' && offset[0] != '-' {
		zone, err := time.LoadLocation(text)
		return zone, err == nil && text != "Local"
	}
	p := clockParser{offset}
	sign := p.sign()
	hours, ok := p.number(1, 2)
	p.skip(':')
	minutes, _ := p.number(0, 2)
	if !ok || p.rest != "" || hours > 18 || minutes > 59 {
		return nil, false
	}
	return time.FixedZone("", sign*(hours*60+minutes)*60), true
}
