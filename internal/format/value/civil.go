package value

// Units of time.
const (
	secondsPerDay   = 24 * 60 * 60
	microsPerSecond = 1_000_000
)

// maxMicrosSecond is the last second whose microseconds fit 64 bits.
const maxMicrosSecond = (1<<63 - 1) / microsPerSecond

// civil is a date and time of day without a zone, in the proleptic Gregorian
// calendar.
type civil struct {
	year, month, day     int
	hour, minute, second int
	micros               int // of the second
}

// valid reports whether the date and the time of day exist.
func (c *civil) valid() bool {
	return c.validDate() && uint(c.hour) < 24 && uint(c.minute) < 60 && uint(c.second) < 60
}

func (c *civil) validDate() bool {
	return c.month >= 1 && c.month <= 12 && c.day >= 1 && (c.day <= 28 || c.day <= daysIn(c.year, c.month))
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if isLeap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// days returns the days since 1970-01-01.
func (c *civil) days() int64 {
	// Years begin in March here, so that the leap day is a year's last; then
	// 153 days are five months from any month's start.
	y, m := int64(c.year), int64(c.month)-3
	if m < 0 {
		y, m = y-1, m+12
	}
	century := floorDiv(y, 100)
	const epoch = 719468 // days from 0000-03-01 to 1970-01-01
	return 365*y + floorDiv(y, 4) - century + floorDiv(century, 4) + (153*m+2)/5 + int64(c.day) - 1 - epoch
}

// seconds returns the seconds since 1970-01-01 00:00:00 on the same clock.
func (c *civil) seconds() int64 {
	return c.days()*secondsPerDay + int64(c.hour*3600+c.minute*60+c.second)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// toMicros joins seconds and microseconds; it is not ok when they do not fit.
func toMicros(seconds int64, micros int) (int64, bool) {
	v := seconds*microsPerSecond + int64(micros)
	fits := seconds >= -maxMicrosSecond && (seconds < maxMicrosSecond || seconds == maxMicrosSecond && v > 0)
	return v, fits
}
