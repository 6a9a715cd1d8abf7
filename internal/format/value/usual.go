package value

import (
	"encoding/binary"
)

// date is a date as text, and when it begins. Timestamps near each other
// mostly share it.
type date struct {
	year, day uint64 // yyyy-MM-, dd
	seconds   int64  // since the epoch, at which it begins in UTC
}

// usualTimestamp is [CastTimestamp] for text of the usual form, read as words:
// yyyy-MM-dd( |T)HH:mm:ss[.fraction][Z], the fraction of up to six digits. It
// is not ok for any other.
func (z *Zone) usualTimestamp(text []byte) (micros int64, ok bool) {
	const longest = fixedLength + WordSize
	if len(text) < fixedLength || len(text) > longest || text[10] != 'T' && text[10] != ' ' {
		return 0, false
	}
	year, day := binary.LittleEndian.Uint64(text), uint64(binary.LittleEndian.Uint16(text[8:]))
	if year != z.date.year || day != z.date.day || year == 0 {
		var c civil
		if !c.scanFixed(text) || !c.validDate() {
			return 0, false
		}
		z.date = date{year, day, c.days() * secondsPerDay}
	}
	second, ok := clock(binary.LittleEndian.Uint64(text[fixedLength-WordSize:]))
	if !ok {
		return 0, false
	}
	seconds := z.date.seconds + second
	// The rest, as a word: what comes before it in the last one is shifted out.
	rest := len(text) - fixedLength
	word := binary.LittleEndian.Uint64(text[len(text)-WordSize:]) >> (8 * (WordSize - uint(rest)))
	if byte(word) == '.' {
		digits, n := Digits(word >> 8)
		if n > 6 {
			return 0, false
		}
		micros = int64(Number(digits, n)) * microsOf[n]
		word >>= 8 + 8*uint(n)
		rest -= 1 + n
	}
	switch {
	case rest == 0:
		return toMicros(z.instant(seconds), int(micros))
	case rest == 1 && word == 'Z':
		return toMicros(seconds, int(micros))
	}
	return 0, false
}

// microsOf is what one of the last of n digits of a fraction of a second is worth.
var microsOf = [...]int64{1_000_000, 100_000, 10_000, 1000, 100, 10, 1}

// clock returns the second of the day that word, HH:mm:ss, is the time of.
func clock(word uint64) (second int64, ok bool) {
	const (
		colons = ':'<<16 | ':'<<40
		spots  = 0xff<<16 | 0xff<<40
	)
	if word&spots != colons {
		return 0, false
	}
	digits, n := Digits(word&^spots | '0'<<16 | '0'<<40)
	if n < WordSize {
		return 0, false
	}
	pairs := digits * (10<<8 + 1) >> 8 // of digits, at bytes 0, 3 and 6
	hour, minute, sec := pairs&0xff, pairs>>24&0xff, pairs>>48&0xff
	return int64(hour*3600 + minute*60 + sec), hour < 24 && minute < 60 && sec < 60
}
