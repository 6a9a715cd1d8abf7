// Package value turns text into typed values as Apache Spark's readers do.
//
// Every function takes bytes, allocates nothing on the usual path and reports
// with ok whether the text is a value of the type; text that is not is the
// reader's to null, rescue or refuse.
package value

import (
	"math"
)

// Integer is the Go type of an integer column.
type Integer interface {
	int8 | int16 | int32 | int64
}

// ParseInt reads a decimal integer with an optional sign, as Java's parseLong
// and its narrower relatives. Text out of T's range is not ok.
func ParseInt[T Integer](text []byte) (v T, ok bool) {
	n, ok := ParseInt64(text)
	v = T(n)
	return v, ok && int64(v) == n
}

// ParseInt64 is [ParseInt] for BIGINT.
func ParseInt64(text []byte) (v int64, ok bool) {
	digits := text
	negative := false
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		negative = digits[0] == '-'
		digits = digits[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	if len(digits) > 18 {
		return parseLongInt64(digits, negative)
	}
	n := int64(0)
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	if negative {
		n = -n
	}
	return n, true
}

// parseLongInt64 reads digits that may be too many.
func parseLongInt64(digits []byte, negative bool) (v int64, ok bool) {
	n, limit := uint64(0), uint64(math.MaxInt64)
	if negative {
		limit++
	}
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// ParseBool reads true or false in any case.
func ParseBool(text []byte) (v, ok bool) {
	switch {
	case equalFold(text, "true"):
		return true, true
	case equalFold(text, "false"):
		return false, true
	}
	return false, false
}

// equalFold reports whether text is word, which is lower-case ASCII, in any
// case.
func equalFold(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// trim returns text without the blanks and control characters around it, as
// Spark's trimAll and Java's trim do.
func trim(text []byte) []byte {
	for len(text) > 0 && isBlank(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isBlank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func isBlank(c byte) bool { return c <= ' ' || c == 0x7f }
