package value

import (
	"encoding/binary"
	"math/bits"
)

// A word is up to eight bytes of text as one number, the first byte lowest,
// zeros where there is no text. Short values are read as words: all their
// characters at once.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	// WordSize is how many bytes of text a word holds.
	WordSize = 8
)

// Word returns text, of at most WordSize bytes, as a word.
func Word(text []byte) uint64 {
	n := len(text)
	switch {
	case n == WordSize:
		return binary.LittleEndian.Uint64(text)
	case n >= WordSize/2: // two halves that may overlap
		low, high := binary.LittleEndian.Uint32(text), binary.LittleEndian.Uint32(text[n-4:])
		return uint64(low) | uint64(high)<<(8*uint(n-4)&63)
	case n > 0: // first, middle and last, which may be the same
		return uint64(text[0]) | uint64(text[n/2])<<(8*uint(n/2)&63) | uint64(text[n-1])<<(8*uint(n-1)&63)
	}
	return 0
}

// Digits returns the values of the digits that word begins with, and how many
// they are.
func Digits(word uint64) (digits uint64, n int) {
	digits = word ^ '0'*ones
	return digits, bits.TrailingZeros64(notDigits(digits)) / 8
}

// notDigits returns the high bit of each byte of digits that is over nine. A
// byte over 0x8a may spoil those behind it, so only the lowest is certain, and
// what is below it.
func notDigits(digits uint64) uint64 { return (digits + (0x80-10)*ones | digits) & highs }

// Number returns the number that the first n bytes of digits, from 0 to 8, are
// the decimal digits of, as [Digits] returns them.
func Number(digits uint64, n int) uint64 {
	// Other bytes are shifted out; then neighbours are added up, in pairs.
	digits <<= (WordSize - uint(n)) * 8
	digits = digits * (10<<8 + 1) >> 8 & 0x00ff00ff00ff00ff
	digits = digits * (100<<16 + 1) >> 16 & 0x0000ffff0000ffff
	return digits * (10000<<32 + 1) >> 32
}

// ShortDecimal reads the decimal, without sign and exponent, that word begins
// with: mantissa / 10^scale. Its size is in bytes, 0 for anything else and for
// a number that does not end within the word. One with a leading zero before
// another digit is not short, nor is one that begins or ends with its point;
// what follows is not looked at.
func ShortDecimal(word uint64) (mantissa uint64, scale, size int) {
	digits := word ^ '0'*ones
	others := notDigits(digits)
	whole := bits.TrailingZeros64(others) &^ 7 // in bits
	if whole == 0 || whole == 64 || digits&0xff == 0 && whole > 8 {
		return 0, 0, 0
	}
	if byte(digits>>(whole&63)) != '.'^'0' {
		return Number(digits, whole/8), 0, whole / 8
	}
	end := bits.TrailingZeros64(others&(others-1)) &^ 7
	if end == 64 || end == whole+8 {
		return 0, 0, 0
	}
	front := uint64(1)<<(whole&63) - 1
	digits = digits&front | digits>>8&^front // without the point
	return Number(digits, end/8-1), end/8 - 1 - whole/8, end / 8
}
