package location

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns the URI of a location as users see it in _metadata.file_path:
// as String gives it, with the bytes of its key percent-encoded that a path of
// a URI may not have. As in Spark, letters of any script stay as they are, and
// a percent sign becomes %25, so that no two keys have one URI.
func Escape(uri string) string { return escape(uri, false) }

// EscapeRest is as Escape for a URI that may have been escaped already: what
// reads as an escape stays.
func EscapeRest(uri string) string { return escape(uri, true) }

func escape(uri string, keep bool) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	done := 0
	for i := keyStart(uri); i < len(uri); {
		r, size := utf8.DecodeRuneInString(uri[i:])
		if !stays(r) && !(keep && isEscape(uri[i:])) {
			b.WriteString(uri[done:i])
			for _, c := range []byte(uri[i : i+size]) {
				b.Write([]byte{'%', digits[c>>4], digits[c&15]})
			}
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return uri
	}
	b.WriteString(uri[done:])
	return b.String()
}

// Unescape returns the URI whose Escape begins with as much of an escaped one
// as is well-formed, and how many bytes of it that is.
func Unescape(escaped string) (uri string, n int) {
	var b strings.Builder
	for n = keyStart(escaped); n < len(escaped); {
		r, size := utf8.DecodeRuneInString(escaped[n:])
		if isEscape(escaped[n:]) {
			b.WriteByte(unhex(escaped[n+1])<<4 | unhex(escaped[n+2]))
			n += len("%20")
			continue
		}
		if !stays(r) {
			break
		}
		b.WriteString(escaped[n : n+size])
		n += size
	}
	return escaped[:keyStart(escaped)] + b.String(), n
}

// keyStart is where the key of a URI begins: what comes before are names of
// schemes, buckets and hosts.
func keyStart(uri string) int {
	_, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return 0
	}
	if at := strings.IndexByte(rest, '/'); at >= 0 {
		return len(uri) - len(rest) + at
	}
	return len(uri)
}

// stays reports whether a character stands for itself in the path of a URI, as
// java.net.URI has it (RFC 2396).
func stays(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/-_.!~*'():@&=+$,;", r)
	case r < 0xA0: // control characters
		return false
	}
	return !unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp)
}

func isEscape(s string) bool { return len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2]) }

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}
