package value

// CastDate reads a date as Spark casts strings, the way of its readers when
// no dateFormat is given: yyyy, yyyy-[m]m or yyyy-[m]m-[d]d, the last followed
// by nothing or by a blank or T and anything. It returns days since
// 1970-01-01.
func CastDate(text []byte) (days int32, ok bool) {
	text = trim(text)
	var c civil
	n, ok := c.scanDate(text)
	if !ok || !c.validDate() {
		return 0, false
	}
	if n < len(text) && text[n] != ' ' && text[n] != 'T' {
		return 0, false
	}
	return int32(c.days()), true
}

// CastTimestamp reads a timestamp as Spark casts strings, the way of its
// readers when no timestampFormat is given:
//
//	yyyy[-[m]m[-[d]d[( |T)[h]h[:[m]m[:[s]s[.fraction][zone]]]]]]
//
// Of the fraction, six digits count. Text without a zone is in z. It returns
// microseconds since the epoch.
//
// Unlike a cast in Spark, a time without a date is not ok: today's date is
// none of the data's.
func CastTimestamp(text []byte, z *Zone) (micros int64, ok bool) {
	if micros, ok := z.usualTimestamp(text); ok {
		return micros, true
	}
	c, zone, ok := scanTimestamp(text)
	if !ok || !c.valid() {
		return 0, false
	}
	local := c.seconds()
	switch {
	case len(zone) == 0:
		return toMicros(z.instant(local), c.micros)
	case len(zone) == 1 && zone[0] == 'Z':
		return toMicros(local, c.micros)
	}
	if offset, n := scanOffset(zone); n == len(zone) {
		return toMicros(local-int64(offset), c.micros)
	}
	named, ok := z.find(zone)
	if !ok {
		return 0, false
	}
	return toMicros(named.instant(local), c.micros)
}

// CastTimestampNTZ is [CastTimestamp] for timestamps without a zone, in
// microseconds since 1970-01-01 00:00:00 on the same clock. Text with a zone
// is ok only if allowZone is set, and the zone is then ignored.
func CastTimestampNTZ(text []byte, allowZone bool) (micros int64, ok bool) {
	c, zone, ok := scanTimestamp(text)
	if !ok || !c.valid() {
		return 0, false
	}
	if len(zone) > 0 {
		if _, known := LoadZone(string(zone)); !allowZone || !known {
			return 0, false
		}
	}
	return toMicros(c.seconds(), c.micros)
}

// scanTimestamp splits text into its fields and the text of its zone.
func scanTimestamp(text []byte) (c civil, zone []byte, ok bool) {
	if c.scanFixed(text) {
		if len(text) == fixedLength {
			return c, nil, true
		}
		zone, ok = c.scanFraction(text[fixedLength:])
		return c, zone, ok
	}
	text = trim(text)
	n, ok := c.scanDate(text)
	if !ok || n == len(text) {
		return c, nil, ok
	}
	if text[n] != ' ' && text[n] != 'T' {
		return c, nil, false
	}
	text = text[n+1:]
	for i, field := range []*int{&c.hour, &c.minute, &c.second} {
		if i > 0 {
			if len(text) == 0 {
				return c, nil, true
			}
			if text[0] != ':' {
				return c, nil, false
			}
			text = text[1:]
		}
		if *field, n = scanDigits(text, 2); n == 0 || n < len(text) && text[n]-'0' <= 9 {
			return c, nil, false
		}
		text = text[n:]
	}
	zone, ok = c.scanFraction(text)
	return c, zone, ok
}

// fixedLength is the length of 2006-01-02 15:04:05.
const fixedLength = 19

// scanFixed reads the usual form, yyyy-MM-dd( |T)HH:mm:ss, at the start of
// text; what follows is not looked at.
func (c *civil) scanFixed(text []byte) bool {
	if len(text) < fixedLength {
		return false
	}
	t := text[:fixedLength]
	if t[4] != '-' || t[7] != '-' || t[10] != ' ' && t[10] != 'T' || t[13] != ':' || t[16] != ':' {
		return false
	}
	var bad byte
	pair := func(i int) int {
		tens, ones := t[i]-'0', t[i+1]-'0'
		if tens > 9 || ones > 9 {
			bad = 1
		}
		return int(tens)*10 + int(ones)
	}
	c.year = pair(0)*100 + pair(2)
	c.month, c.day = pair(5), pair(8)
	c.hour, c.minute, c.second = pair(11), pair(14), pair(17)
	return bad == 0
}

// scanDate reads [+|-]yyyy[-[m]m[-[d]d]] and returns where it ended. A year
// has four to seven digits. A missing month or day is 1.
func (c *civil) scanDate(text []byte) (n int, ok bool) {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		n = 1
	}
	const maxYearDigits = 7
	year, digits := scanDigits(text[n:], maxYearDigits)
	n += digits
	if digits < 4 {
		return n, false
	}
	if negative {
		year = -year
	}
	c.year, c.month, c.day = year, 1, 1
	for _, field := range []*int{&c.month, &c.day} {
		if n == len(text) {
			return n, true
		}
		if text[n] != '-' {
			return n, false
		}
		*field, digits = scanDigits(text[n+1:], 2)
		if digits == 0 {
			return n, false
		}
		n += 1 + digits
	}
	return n, true
}

// scanFraction reads what may follow the seconds: a point and digits, then
// the zone, which it returns.
func (c *civil) scanFraction(text []byte) (zone []byte, ok bool) {
	if len(text) > 0 && text[0] == '.' {
		var digits int
		c.micros, digits = scanDigits(text[1:], 6)
		text = text[1+digits:]
		for ; digits < 6; digits++ {
			c.micros *= 10
		}
		for len(text) > 0 && text[0]-'0' <= 9 {
			text = text[1:]
		}
	}
	if len(text) > 0 && text[0]-'0' <= 9 {
		return nil, false // a third digit of the seconds
	}
	return trim(text), true
}

// scanDigits reads up to limit digits at the start of text and returns how
// many there were.
func scanDigits(text []byte, limit int) (v, n int) {
	for n < len(text) && n < limit && text[n]-'0' <= 9 {
		v = v*10 + int(text[n]-'0')
		n++
	}
	return v, n
}
