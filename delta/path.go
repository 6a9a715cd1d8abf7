package delta

import (
	"net/url"
	"path"
	"strings"
)

// FilePath returns how the log spells the storage key of a data file: each
// byte that RFC 2396 does not allow in a path is percent-encoded, as Hadoop's
// Path does.
func FilePath(key string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(key))
	for i := range len(key) {
		c := key[i]
		if isPathByte(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// isPathByte reports whether c stands for itself in a path of RFC 2396. A
// colon is encoded: in the first segment it would read as a URI scheme.
func isPathByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-_.!~*'()/=@&+$,", c) >= 0
}

// FileKey returns the storage key of a data file that the log calls p. The
// error is an [*ExternalPathError] when p is absolute or leaves the table.
func FileKey(p string) (string, error) {
	key := canonicalPath(p)
	if isAbsolute(key) || key == ".." || strings.HasPrefix(key, "../") || key == "" || key == "." {
		return "", &ExternalPathError{Path: p}
	}
	return key, nil
}

func isAbsolute(p string) bool {
	return strings.HasPrefix(p, "/") || uriScheme(p) != ""
}

// canonicalPath returns the one spelling that all spellings of a path share:
// percent-decoded once, "file:/x", "file:///x" and "/x" the same. A path that
// does not decode is taken literally, as Spark does.
func canonicalPath(p string) string {
	if isCanonical(p) {
		return p
	}
	decoded, err := url.PathUnescape(p)
	if err != nil {
		decoded = p
	}
	if rest, ok := strings.CutPrefix(decoded, "file:"); ok {
		return "/" + strings.TrimLeft(rest, "/")
	}
	if uriScheme(p) != "" {
		return decoded
	}
	return path.Clean(decoded)
}

// isCanonical reports quickly that p is its own canonical spelling; it is the
// case for nearly every path of nearly every table.
func isCanonical[T string | []byte](p T) bool {
	if len(p) == 0 || p[0] == '/' || p[0] == '.' {
		return false
	}
	for i := range len(p) {
		switch p[i] {
		case '%', ':':
			return false
		case '/':
			if i+1 == len(p) || p[i+1] == '/' || p[i+1] == '.' {
				return false
			}
		}
	}
	return true
}

// uriScheme returns the scheme p starts with, or "".
func uriScheme(p string) string {
	for i := range len(p) {
		c := p[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return p[:i]
		default:
			return ""
		}
	}
	return ""
}
