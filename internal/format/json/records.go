package json

import (
	"bytes"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
)

// layout tells how records lie in a file's text. It is the [block.Grammar] of
// the format; a file's head says whether its text is one array.
type layout struct {
	// documents is set for multiLine: a record is any value at the top level,
	// or an element of the array that is the file. Otherwise it is a line.
	documents bool
	separator []byte // of lines; nil is CR, LF and CRLF
	dialect
}

// Head implements [block.Grammar]. An array is entered, so that its elements
// are the records and a file of any size streams.
func (l *layout) Head(_ *format.File, data []byte, final bool) (block.Head[bool], error) {
	if !l.documents {
		return block.Head[bool]{}, nil
	}
	s := scanner{dialect: l.dialect, data: data}
	c := s.peek()
	switch {
	case c == '[':
		s.pos++
		return block.Head[bool]{Value: true, Size: s.pos, Lines: int64(bytes.Count(data[:s.pos], newline))}, nil
	case c == 0 && !final:
		return block.Head[bool]{}, block.ErrMore
	}
	return block.Head[bool]{}, nil
}

var (
	newline      = []byte("\n")
	commentStart = []byte("/*")
	arrayStart   = []byte("[")
)

// Split implements [block.Grammar].
func (l *layout) Split(_ bool, data []byte) int {
	if l.documents {
		return l.splitDocuments(data)
	}
	if l.separator != nil {
		if i := bytes.LastIndex(data, l.separator); i >= 0 {
			return i + len(l.separator)
		}
		return 0
	}
	if i := bytes.LastIndexByte(data, '\n'); i >= 0 {
		return i + 1
	}
	// A CR at the very end may be half of a CRLF.
	return bytes.LastIndexByte(data[:max(len(data)-1, 0)], '\r') + 1
}

// splitDocuments leaves a record that nothing follows yet to the next block, so
// that the last block of an array shows whether it is closed.
func (l *layout) splitDocuments(data []byte) int {
	end := 0
	for {
		_, n, whole := l.document(data[end:])
		if !whole || end+n == len(data) {
			return end
		}
		end += n
	}
}

// records calls each with the text of every record of a block that is not
// blank and the lines before it, and returns the lines of the block. It stops
// when each does not return true.
func (l *layout) records(data []byte, each func(record []byte, line int64) bool) (lines int64) {
	switch {
	case l.documents:
		return l.eachDocument(data, each)
	case l.separator != nil:
		return eachLine(data, each, func(data []byte) (int, int) {
			return bytes.Index(data, l.separator), len(l.separator)
		})
	case bytes.IndexByte(data, '\r') >= 0:
		return eachLine(data, each, lineEnds(data))
	}
	return eachLine(data, each, func(data []byte) (int, int) { return bytes.IndexByte(data, '\n'), 1 })
}

// lineEnds returns a function that finds the first CR, LF or CRLF in a rest of
// data. It looks at each byte once, however far apart the two kinds are.
func lineEnds(data []byte) func(rest []byte) (at, length int) {
	cr, lf := -1, -1
	return func(rest []byte) (at, length int) {
		from := len(data) - len(rest)
		if cr < from {
			cr = indexFrom(data, from, '\r')
		}
		if lf < from {
			lf = indexFrom(data, from, '\n')
		}
		first := min(cr, lf)
		switch {
		case first == len(data):
			return -1, 0
		case lf == cr+1 && lf < len(data):
			return first - from, 2
		}
		return first - from, 1
	}
}

// indexFrom returns where c is in data from from on, len(data) when nowhere.
func indexFrom(data []byte, from int, c byte) int {
	if i := bytes.IndexByte(data[from:], c); i >= 0 {
		return from + i
	}
	return len(data)
}

// eachLine cuts data where find finds a separator of some length.
func eachLine(data []byte, each func([]byte, int64) bool, find func([]byte) (at, length int)) (lines int64) {
	for len(data) > 0 {
		at, length := find(data)
		record := data
		if at >= 0 {
			record, data = data[:at], data[at+length:]
		} else {
			data = nil
		}
		if !isBlank(record) && !each(record, lines) {
			return lines
		}
		lines++
	}
	return lines
}

func isBlank(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

func (l *layout) eachDocument(data []byte, each func([]byte, int64) bool) (lines int64) {
	for len(data) > 0 {
		start, n, _ := l.document(data)
		before := lines + int64(bytes.Count(data[:start], newline))
		if start < n && !each(data[start:n], before) {
			return before
		}
		lines += int64(bytes.Count(data[:n], newline))
		data = data[n:]
	}
	return lines
}

// unclosed reports whether the array that is a file, of which data is the end,
// lacks its closing bracket though its last record is whole: the file was cut
// short between two records. A record that is cut short tells so itself.
func (l *layout) unclosed(data []byte) bool {
	if l.comments || bytes.HasSuffix(bytes.TrimRight(data, " \t\r\n"), []byte("]")) {
		return false
	}
	for len(data) > 0 {
		start, end, whole := l.document(data)
		if bytes.IndexByte(data[:start], ']') >= 0 || !whole && start < len(data) {
			return false
		}
		data = data[end:]
	}
	return true
}

// document finds the next record in data: from start to end. It is whole when
// its end is certain without the text that may follow. What separates records
// (blanks, commas, the bracket that closes the file's array) comes before
// start.
func (l *layout) document(data []byte) (start, end int, whole bool) {
	s := scanner{dialect: l.dialect, data: data}
	for c := s.peek(); c == ',' || c == ']'; c = s.peek() {
		s.pos++
	}
	start = s.pos
	if start == len(data) {
		return start, start, false
	}
	depth := 0
	for s.pos < len(data) {
		switch c := data[s.pos]; c {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return start, max(s.pos, start+1), true
			}
		case ',':
			if depth == 0 {
				return start, s.pos, true
			}
		case '"', '\'':
			if c == '"' || l.singleQuotes {
				s.pos++
				if !s.quoted(c) {
					return start, len(data), false
				}
				continue
			}
		case '/':
			if l.comments && s.comment() {
				continue
			}
			if l.comments && bytes.HasPrefix(data[s.pos:], commentStart) {
				return start, len(data), false
			}
		}
		s.pos++
		if depth == 0 && (data[s.pos-1] == '}' || data[s.pos-1] == ']') {
			return start, s.pos, true
		}
	}
	return start, len(data), false
}

// quoted moves behind the closing quote, whatever the string holds.
func (s *scanner) quoted(quote byte) bool {
	for {
		i := bytes.IndexByte(s.data[s.pos:], quote)
		if i < 0 {
			return false
		}
		end := s.pos + i
		slashes := 0
		for slashes < i && s.data[end-1-slashes] == '\\' {
			slashes++
		}
		s.pos = end + 1
		if slashes%2 == 0 {
			return true
		}
	}
}
