package csv

import "bytes"

// lineSeparators is what ends a line: lineSep if it is given, otherwise any of
// \n, \r\n and \r.
type lineSeparators struct {
	lineSep []byte
	// quoted is the separator that becomes \n inside quotes: the one at the
	// file's first line end, where lineSep is not given; nil for none.
	quoted []byte
}

// detectSeparators looks at the first line end of a file, as univocity does,
// to find what line breaks inside quotes look like.
func detectSeparators(start, lineSep []byte) lineSeparators {
	s := lineSeparators{lineSep: lineSep}
	i := bytes.IndexAny(start, "\r\n")
	if lineSep != nil || i < 0 || start[i] == '\n' {
		return s
	}
	s.quoted = start[i : i+1]
	if i+1 < len(start) && start[i+1] == '\n' {
		s.quoted = start[i : i+2]
	}
	s.quoted = bytes.Clone(s.quoted) // start does not stay
	return s
}

// at returns the length of the separator at data[i], 0 for none.
func (s lineSeparators) at(data []byte, i int) int {
	switch {
	case i >= len(data):
		return 0
	case s.lineSep != nil:
		if data[i] == s.lineSep[0] && bytes.HasPrefix(data[i:], s.lineSep) {
			return len(s.lineSep)
		}
		return 0
	case data[i] == '\n':
		return 1
	case data[i] != '\r':
		return 0
	case i+1 < len(data) && data[i+1] == '\n':
		return 2
	}
	return 1
}

// next returns where the line at data[start:] ends and where the next begins.
// hasCR says that data may hold \r.
func (s lineSeparators) next(data []byte, start int, hasCR bool) (end, next int) {
	rest := data[start:]
	if s.lineSep != nil {
		if n := bytes.Index(rest, s.lineSep); n >= 0 {
			return start + n, start + n + len(s.lineSep)
		}
		return len(data), len(data)
	}
	n := bytes.IndexByte(rest, '\n')
	if n < 0 {
		n = len(rest)
	}
	if hasCR {
		if cr := bytes.IndexByte(rest[:n], '\r'); cr >= 0 {
			return start + cr, start + cr + s.at(data, start+cr)
		}
	}
	return start + n, min(start+n+1, len(data))
}

// last returns where the last line that ends in data ends, separator
// included; 0 if none surely does. More text follows data.
func (s lineSeparators) last(data []byte) int {
	if s.lineSep != nil {
		if n := bytes.LastIndex(data, s.lineSep); n >= 0 {
			return n + len(s.lineSep)
		}
		return 0
	}
	if n := bytes.LastIndexByte(data, '\n'); n >= 0 {
		return n + 1
	}
	// A \r at the very end may be half of \r\n.
	return bytes.LastIndexByte(data[:max(len(data)-1, 0)], '\r') + 1
}

// count returns how many line ends text has.
func (s lineSeparators) count(text []byte) int {
	switch {
	case s.lineSep != nil:
		return bytes.Count(text, s.lineSep)
	case len(s.quoted) == 1:
		return bytes.Count(text, s.quoted)
	}
	return bytes.Count(text, []byte{'\n'})
}

// isBlank reports whether text has only blanks and control characters.
func isBlank(text []byte) bool {
	for _, c := range text {
		if c > ' ' {
			return false
		}
	}
	return true
}
