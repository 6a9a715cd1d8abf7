package csv

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/format"
	"github.com/freshet/freshet/internal/format/block"
	"github.com/freshet/freshet/internal/format/charset"
)

// head is what the start of a file tells.
type head struct {
	// names are the values of the header line, "" where there is none; nil
	// if files have no header.
	names      []string
	width      int // values of the first record, the header if there is one
	separators lineSeparators
	// fields says which column each field is; see [reader.bind].
	fields *binding
}

// grammar is how records lie in files; see [block.Grammar].
type grammar struct {
	*dialect
	// bind relates the fields of a file to columns; nil when inferring.
	bind func(file *format.File, h *head) (*binding, error)
}

// Head skips rows, finds the line separators and reads the header.
func (g grammar) Head(file *format.File, data []byte, final bool) (block.Head[*head], error) {
	if !final && len(data) > 0 && data[len(data)-1] == '\r' {
		data = data[:len(data)-1] // it may be half of \r\n
	}
	h := &head{separators: detectSeparators(data, g.lineSep)}
	size, lines := 0, int64(0)
	for ; lines < g.skipRows && size < len(data); lines++ {
		end, next := h.separators.next(data, size, true)
		if end == next && !final {
			return block.Head[*head]{}, block.ErrMore
		}
		size = next
	}
	t := &tokenizer{dialect: g.dialect, keepExtras: true}
	t.begin(data[size:], 0, h.separators)
	_, err := t.next(1)
	if t.pos == len(t.data) && !final {
		return block.Head[*head]{}, block.ErrMore
	}
	if err != nil {
		return block.Head[*head]{}, atFile(err, file, lines)
	}
	h.width = len(t.extras)
	if g.header {
		h.names = make([]string, h.width)
		for i, e := range t.extras {
			h.names[i] = string(charset.Repair(t.text(e.cell)))
		}
		size += t.pos
		lines += int64(t.line)
	}
	if g.bind != nil {
		if h.fields, err = g.bind(file, h); err != nil {
			return block.Head[*head]{}, err
		}
	}
	return block.Head[*head]{Value: h, Size: size, Lines: lines}, nil
}

// Split finds the last record that ends in data. Where quoted values may hold
// line breaks it reads records with quotes as the parser will, and jumps over
// the others.
func (g grammar) Split(h *head, data []byte) int {
	if !g.multiLine || g.quote == "" || !bytes.Contains(data, []byte(g.quote)) {
		return h.separators.last(data)
	}
	t := &tokenizer{dialect: g.dialect}
	t.begin(data, 0, h.separators)
	for t.pos < len(data) {
		n := bytes.Index(data[t.pos:], []byte(g.quote))
		if n < 0 {
			return t.pos + h.separators.last(data[t.pos:])
		}
		start := t.pos + h.separators.last(data[t.pos:t.pos+n])
		t.pos = start
		t.rows, t.scratch, t.err = t.rows[:0], t.scratch[:0], nil
		if ended := t.nextRecord(); !ended || t.pos == len(data) && data[t.pos-1] == '\r' {
			return start
		}
	}
	return t.pos
}

// safeNames turns header values into column names as Spark does: an empty one,
// or one that means NULL, is _c and its position; names that occur more than
// once get their position appended.
func safeNames(values []string, nullValue string, caseSensitive bool) []string {
	fold := strings.ToLower
	if caseSensitive {
		fold = func(s string) string { return s }
	}
	seen := make(map[string]int, len(values))
	for _, v := range values {
		seen[fold(v)]++
	}
	names := make([]string, len(values))
	for i, v := range values {
		switch {
		case v == "" || v == nullValue:
			names[i] = positionName(i)
		case seen[fold(v)] > 1:
			names[i] = v + strconv.Itoa(i)
		default:
			names[i] = v
		}
	}
	return names
}

// positionName is the name of the column at position i, from 0, of files
// without header.
func positionName(i int) string { return "_c" + strconv.Itoa(i) }
