package factory

import (
	"strconv"
	"time"
)

// tally sums the numbers of rows as they are made.
type tally struct {
	names []string
	row   []Decimal // of the row being made
	has   []bool
	last  []Decimal // of the last good row, for duplicates
	had   []bool
	sums  []Number
}

func newTally(names ...string) *tally {
	n := len(names)
	return &tally{
		names: names, sums: make([]Number, n),
		row: make([]Decimal, n), has: make([]bool, n),
		last: make([]Decimal, n), had: make([]bool, n),
	}
}

// set says that the row being made has number i.
func (t *tally) set(i int, v Decimal) {
	t.row[i], t.has[i] = v, true
}

// close counts the row being made and starts the next.
func (t *tally) close(good bool) {
	t.count(t.row, t.has)
	if good {
		copy(t.last, t.row)
		copy(t.had, t.has)
	}
	clear(t.has)
}

// repeat counts the last good row once more.
func (t *tally) repeat() { t.count(t.last, t.had) }

func (t *tally) count(row []Decimal, has []bool) {
	for i, ok := range has {
		if ok {
			t.sums[i].Values++
			t.sums[i].Sum += row[i]
		}
	}
}

func (t *tally) totals() map[string]Number {
	m := make(map[string]Number, len(t.names))
	for i, name := range t.names {
		m[name] = t.sums[i]
	}
	return m
}

// appendFixed appends v, counted in units of the last of the given digits
// after the point: 2135 with 2 digits is 21.35.
func appendFixed(dst []byte, v int64, digits int) []byte {
	if v < 0 {
		dst = append(dst, '-')
		v = -v
	}
	unit := int64(1)
	for range digits {
		unit *= 10
	}
	dst = strconv.AppendInt(dst, v/unit, 10)
	dst = append(dst, '.')
	return appendPadded(dst, v%unit, digits)
}

// appendPadded appends v with leading zeros.
func appendPadded(dst []byte, v int64, digits int) []byte {
	n := len(dst)
	for range digits {
		dst = append(dst, '0')
	}
	for i := n + digits - 1; v > 0 && i >= n; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
	return dst
}

// clock writes times as 2026-01-01T00:00:00.000000Z. Times of one file mostly
// fall into the second of the time before, whose text is kept.
type clock struct {
	second int64
	text   []byte
}

func (c *clock) append(dst []byte, micros int64) []byte {
	second, fraction := micros/1e6, micros%1e6
	if fraction < 0 {
		second, fraction = second-1, fraction+1e6
	}
	if c.text == nil || second != c.second {
		c.second = second
		c.text = time.Unix(second, 0).UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05.")
	}
	dst = append(dst, c.text...)
	dst = appendPadded(dst, fraction, 6)
	return append(dst, 'Z')
}
