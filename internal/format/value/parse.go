package value

import "bytes"

// parts is what a text said under a format.
type parts struct {
	have   uint32 // bit set of fields
	values [fieldCount]int
	nanos  int
	// The zone, if the text had one: an offset in seconds, or a name.
	hasOffset bool
	offset    int
	zone      []byte
}

func (p *parts) set(f field, v int) {
	p.have |= 1 << f
	p.values[f] = v
}

func (p *parts) get(f field, otherwise int) int {
	if p.have&(1<<f) == 0 {
		return otherwise
	}
	return p.values[f]
}

func (p *parts) has(f field) bool { return p.have&(1<<f) != 0 }

// Date reads a date, in days since 1970-01-01. A time of day in the format is
// read and ignored.
func (f *Format) Date(text []byte) (days int32, ok bool) {
	var p parts
	c, ok := f.parse(text, &p)
	if !ok {
		return 0, false
	}
	return int32(c.days()), true
}

// Timestamp reads a timestamp, in microseconds since the epoch. Text without
// a zone is in z. Parts that the format lacks are those of 1970-01-01
// 00:00:00.
func (f *Format) Timestamp(text []byte, z *Zone) (micros int64, ok bool) {
	var p parts
	c, ok := f.parse(text, &p)
	if !ok {
		return 0, false
	}
	local := c.seconds()
	if p.hasOffset {
		return toMicros(local-int64(p.offset), c.micros)
	}
	if len(p.zone) > 0 {
		if z, ok = z.find(p.zone); !ok {
			return 0, false
		}
	}
	return toMicros(z.instant(local), c.micros)
}

// TimestampNTZ reads a timestamp without a zone, in microseconds since
// 1970-01-01 00:00:00 on the same clock. Text with a zone is not ok.
func (f *Format) TimestampNTZ(text []byte) (micros int64, ok bool) {
	var p parts
	c, ok := f.parse(text, &p)
	if !ok || p.hasOffset || len(p.zone) > 0 {
		return 0, false
	}
	return toMicros(c.seconds(), c.micros)
}

// parse reads all of text and resolves its parts.
func (f *Format) parse(text []byte, p *parts) (c civil, ok bool) {
	if f.rest != nil && c.scanFixed(text) && text[10]|0x20 == f.separator|0x20 {
		if n, ok := parseOps(f.rest, text, fixedLength, p); ok && n == len(text) && p.have == 0 {
			c.micros = p.nanos / 1000
			return c, c.valid()
		}
		*p = parts{}
	}
	n, ok := parseOps(f.ops, text, 0, p)
	if !ok || n != len(text) {
		return c, false
	}
	return p.resolve()
}

// parseOps reads text from pos on and returns where it ended.
func parseOps(ops []op, text []byte, pos int, p *parts) (end int, ok bool) {
	for i := range ops {
		o := &ops[i]
		n := 0
		switch o.kind {
		case opLiteral:
			if len(text)-pos < len(o.literal) || !foldedPrefix(text[pos:], o.literal) {
				return pos, false
			}
			n = len(o.literal)
		case opNumber:
			n = o.number(text[pos:], p)
		case opFraction:
			n = o.fraction(text[pos:], p)
		case opWord:
			n = o.word(text[pos:], p)
		case opOffset:
			n = o.scanZone(text[pos:], p)
		case opLocalOffset:
			n = localOffset(text[pos:], p)
		case opZone:
			n = zoneName(text[pos:], p)
		case opOptional:
			before := *p
			if end, ok := parseOps(o.optional, text, pos, p); ok {
				pos = end
			} else {
				*p = before
			}
			continue
		}
		if n == 0 {
			return pos, false
		}
		pos += n
	}
	return pos, true
}

func foldedPrefix(text []byte, literal string) bool {
	if string(text[:len(literal)]) == literal {
		return true
	}
	return bytes.EqualFold(text[:len(literal)], []byte(literal))
}

// number reads digits and returns how many bytes it took, 0 when they do not
// fit the op.
func (o *op) number(text []byte, p *parts) int {
	sign := 0
	if o.signed && len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		sign = 1
	}
	digits := sign
	for digits < len(text) && digits-sign < o.max+o.reserve && text[digits]-'0' <= 9 {
		digits++
	}
	n := digits - sign
	if o.reserve > 0 {
		n = max(o.min, n-o.reserve)
	}
	n = min(n, o.max)
	const maxDigits = 9 // of what a field can hold
	if n < o.min || n > digits-sign || n > maxDigits {
		return 0
	}
	if o.signed && o.min >= 4 && (sign == 0 && n > o.min || sign == 1 && text[0] == '+' && n <= o.min) {
		return 0 // a year of more digits than the pattern's needs its plus
	}
	if sign == 1 && text[0] == '+' && o.min < 4 {
		return 0
	}
	v, _ := scanDigits(text[sign:], n)
	switch {
	case sign == 1 && text[0] == '-':
		v = -v
	case o.field == fieldShortYear:
		p.set(fieldYear, 2000+v)
		return n
	}
	p.set(o.field, v)
	return sign + n
}

func (o *op) fraction(text []byte, p *parts) int {
	v, n := scanDigits(text, o.max)
	for i := n; i < 9; i++ {
		v *= 10
	}
	p.nanos = v
	return n
}

func (o *op) word(text []byte, p *parts) int {
	for i, w := range o.words {
		if len(text) >= len(w) && foldedPrefix(text, w) {
			p.set(o.field, o.base+i)
			return len(w)
		}
	}
	return 0
}

// scanZone reads an offset of exactly the op's shape.
func (o *op) scanZone(text []byte, p *parts) int {
	if o.zulu && len(text) > 0 && text[0]|0x20 == 'z' {
		p.hasOffset, p.offset = true, 0
		return 1
	}
	if len(text) < 3 || text[0] != '+' && text[0] != '-' {
		return 0
	}
	var parts [3]int
	pos := 1
	for i := range parts {
		at := pos
		if i > 0 && o.colon {
			if at >= len(text) || text[at] != ':' {
				break
			}
			at++
		}
		v, n := scanDigits(text[at:], 2)
		if n < 2 {
			break
		}
		parts[i] = v
		if pos = at + 2; i == 1 && !o.seconds {
			break
		}
	}
	least := 3
	if o.minutes {
		least = 5
	}
	seconds := parts[0]*3600 + parts[1]*60 + parts[2]
	if pos < least || parts[1] > 59 || parts[2] > 59 || seconds > maxOffset {
		return 0
	}
	if text[0] == '-' {
		seconds = -seconds
	}
	p.hasOffset, p.offset = true, seconds
	return pos
}

// localOffset reads GMT, or GMT followed by an offset.
func localOffset(text []byte, p *parts) int {
	if len(text) < 3 || !foldedPrefix(text, "gmt") {
		return 0
	}
	seconds, n := scanOffset(text[3:])
	p.hasOffset, p.offset = true, seconds
	return 3 + n
}

// summerZones are the names that zones have in summer, for regions whose name
// in winter is a zone itself.
var summerZones = map[string][]byte{
	"PDT": []byte("America/Los_Angeles"), "MDT": []byte("America/Denver"), "CDT": []byte("America/Chicago"),
	"EDT": []byte("America/New_York"), "AKDT": []byte("America/Anchorage"), "ADT": []byte("America/Halifax"),
	"CEST": []byte("Europe/Paris"), "EEST": []byte("Europe/Athens"), "WEST": []byte("Europe/Lisbon"), "AEDT": []byte("Australia/Sydney"),
}

// zoneName reads the characters that a zone's name may have; whether there is
// such a zone shows later.
func zoneName(text []byte, p *parts) int {
	n := 0
	for n < len(text) {
		c := text[n]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && c-'0' > 9 && bytes.IndexByte([]byte("/_-+:"), c) < 0 {
			break
		}
		n++
	}
	p.zone = text[:n]
	if region, ok := summerZones[string(text[:n])]; ok {
		p.zone = region
	}
	return n
}

// resolve makes a date and time of the parts, strictly: fields out of range
// and fields that contradict each other are not ok.
func (p *parts) resolve() (c civil, ok bool) {
	c.year, c.month, c.day = p.get(fieldYear, 1970), p.get(fieldMonth, 1), p.get(fieldDay, 1)
	if p.has(fieldYearOfEra) {
		c.year = p.values[fieldYearOfEra]
		if c.year < 1 {
			return c, false
		}
		if p.get(fieldEra, 1) == 0 {
			c.year = 1 - c.year
		}
	}
	if !c.validDate() {
		return c, false
	}
	if p.has(fieldDayOfYear) && !p.resolveDayOfYear(&c) {
		return c, false
	}
	if p.has(fieldWeekday) && p.values[fieldWeekday] != weekday(c.days()) {
		return c, false
	}
	if q := p.get(fieldQuarter, 1); q < 1 || q > 4 {
		return c, false
	}
	c.minute, c.second, c.micros = p.get(fieldMinute, 0), p.get(fieldSecond, 0), p.nanos/1000
	c.hour, ok = p.hour()
	return c, ok && c.valid()
}

func (p *parts) resolveDayOfYear(c *civil) bool {
	day := p.values[fieldDayOfYear]
	month := 1
	for month <= 12 && day > daysIn(c.year, month) {
		day -= daysIn(c.year, month)
		month++
	}
	if day < 1 || month > 12 || p.has(fieldMonth) && c.month != month || p.has(fieldDay) && c.day != day {
		return false
	}
	c.month, c.day = month, day
	return true
}

// weekday returns 1 for a Monday to 7 for a Sunday.
func weekday(days int64) int {
	d := (days + 3) % 7 // 1970-01-01 was a Thursday
	if d < 0 {
		d += 7
	}
	return int(d) + 1
}

// hour returns the hour of the day from whichever fields tell it. An hour of
// twelve without its half is in the morning.
func (p *parts) hour() (hour int, ok bool) {
	half := p.get(fieldHalf, 0)
	switch {
	case p.has(fieldHour):
		hour = p.values[fieldHour]
		return hour, !p.has(fieldHalf) || hour/12 == half
	case p.has(fieldClockHour):
		hour = p.values[fieldClockHour]
		return hour % 24, hour >= 1 && hour <= 24
	case p.has(fieldHour12):
		hour = p.values[fieldHour12]
		return hour%12 + 12*half, hour >= 1 && hour <= 12
	case p.has(fieldHour11):
		hour = p.values[fieldHour11]
		return hour + 12*half, hour >= 0 && hour <= 11
	}
	return 12 * half, true
}
