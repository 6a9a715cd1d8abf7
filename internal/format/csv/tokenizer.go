package csv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/freshet/freshet/internal/format"
)

// cell is where the text of one value is: in the data of its table, or
// behind it in scratch. An empty cell is NULL unless at says it was quoted.
type cell struct{ at, size uint32 }

// quotedEmpty is the position of an empty value between quotes.
const quotedEmpty = 1<<32 - 1

// row is one record of a table.
type row struct {
	start, end int32 // of its text in data, without line end
	tokens     int32 // values it has
	line       int32 // from 0, in data
}

// extra is a value of a row beyond the table's width.
type extra struct {
	row, field int
	cell       cell
}

// table is some consecutive records, cut into values.
type table struct {
	data    []byte
	scratch []byte // text of values that differs from how it is written
	width   int    // values a row should have
	cells   []cell // width a row
	rows    []row
	extras  []extra // in order; kept only if keepExtras is set
}

// text returns the text of c. It is valid until the table is filled again.
func (t *table) text(c cell) []byte {
	if c.size == 0 {
		return nil
	}
	if int(c.at) < len(t.data) {
		return t.data[c.at : c.at+c.size]
	}
	at := int(c.at) - len(t.data)
	return t.scratch[at : at+int(c.size)]
}

// record returns the text of a row, without a line end.
func (t *table) record(r int) []byte {
	text := t.data[t.rows[r].start:t.rows[r].end]
	if line, ok := bytes.CutSuffix(text, []byte{'\n'}); ok {
		return bytes.TrimSuffix(line, []byte{'\r'})
	}
	return text
}

// tokenizer cuts text into records and values as Spark's parser, univocity,
// does. It has the text of one block at a time; see [tokenizer.begin].
type tokenizer struct {
	*dialect
	table
	keepExtras bool

	separators lineSeparators
	hasCR      bool    // data has \r that may end lines
	hasQuote   bool    // data has quotes
	breaks     [2]byte // what line separators that end records start with
	fast       bool    // values are what is between separators, and no more
	pos        int
	line       int32 // of pos, from 0
	rowLine    int32 // where the row at hand starts
	tokens     int   // of the row at hand
	err        error
}

// begin sets out to cut data, which starts with a record, into rows of width
// values.
func (t *tokenizer) begin(data []byte, width int, separators lineSeparators) {
	t.table = table{data: data, scratch: t.scratch[:0], width: width, cells: t.cells[:0], rows: t.rows[:0], extras: t.extras[:0]}
	t.separators = separators
	t.pos, t.line, t.err = 0, 0, nil
	t.hasCR = t.lineSep == nil && bytes.IndexByte(data, '\r') >= 0
	t.breaks = [2]byte{t.sep[0], t.sep[0]}
	switch {
	case t.multiLine && t.lineSep != nil:
		t.breaks[0] = t.lineSep[0]
	case t.multiLine:
		t.breaks = [2]byte{'\n', '\r'}
	}
	t.hasQuote = t.quote != "" && bytes.Contains(data, []byte(t.quote))
	t.fast = len(t.sep) == 1 && !t.trimLeading && !t.trimTrailing
}

// next fills the table with up to limit records, and reports whether there
// were any.
func (t *tokenizer) next(limit int) (bool, error) {
	t.cells, t.rows, t.extras, t.scratch = t.cells[:0], t.rows[:0], t.extras[:0], t.scratch[:0]
	for len(t.rows) < limit && t.pos < len(t.data) && t.err == nil {
		if t.multiLine {
			t.nextRecord()
		} else {
			t.nextLine()
		}
	}
	return len(t.rows) > 0, t.err
}

// nextLine makes a row of the line at pos, unless it is blank or a comment.
func (t *tokenizer) nextLine() {
	start := t.pos
	end, next := t.separators.next(t.data, start, t.hasCR)
	t.pos = next
	t.rowLine = t.line
	t.line++
	if isBlank(t.data[start:end]) || t.comment.at(t.data, start) {
		return
	}
	base := t.newRow()
	if t.fast && (!t.hasQuote || bytes.IndexByte(t.data[start:end], t.quote[0]) < 0) {
		t.plainValues(base, start, end)
	} else {
		t.values(start, end)
	}
	t.endRow(row{start: int32(start), end: int32(end), line: t.rowLine})
}

// newRow makes room for a row's cells and returns where they start.
func (t *tokenizer) newRow() int {
	base := len(t.rows) * t.width
	if base+t.width > cap(t.cells) {
		t.cells = append(t.cells, make([]cell, t.width)...)
	} else {
		t.cells = t.cells[:base+t.width]
	}
	t.tokens = 0
	return base
}

// endRow makes the values put since newRow a row. Values that it lacks are
// NULL.
func (t *tokenizer) endRow(r row) {
	if t.tokens < t.width {
		clear(t.cells[len(t.rows)*t.width+t.tokens:])
	}
	r.tokens = int32(t.tokens)
	t.rows = append(t.rows, r)
	if t.tokens > t.maxColumns {
		t.fail("the record has more than %d values (option maxColumns)", t.maxColumns)
	}
	if t.maxChars > 0 {
		t.checkSizes()
	}
}

// put adds a value to the row at hand.
func (t *tokenizer) put(c cell) {
	if t.tokens < t.width {
		t.cells[len(t.rows)*t.width+t.tokens] = c
	} else if t.keepExtras {
		t.extras = append(t.extras, extra{row: len(t.rows), field: t.tokens, cell: c})
	}
	t.tokens++
}

// Eight bytes at a time, as one word.
const (
	lowBits  = 0x7f7f7f7f7f7f7f7f
	everyOne = 0x0101010101010101
)

// plainValues cuts a line without quotes at each separator byte.
func (t *tokenizer) plainValues(base, start, end int) {
	data, sep := t.data, t.sep[0]
	cells := t.cells[base : base+t.width]
	pattern := everyOne * uint64(sep)
	n, i := 0, start
	for ; i+8 <= end; i += 8 {
		word := binary.LittleEndian.Uint64(data[i:]) ^ pattern
		// The top bit of each byte that is zero, exactly.
		zeros := ^((word&lowBits + lowBits) | word | lowBits)
		for ; zeros != 0; zeros &= zeros - 1 {
			at := i + bits.TrailingZeros64(zeros)/8
			if n < len(cells) {
				cells[n] = cell{uint32(start), uint32(at - start)}
			} else {
				t.putExtra(n, start, at)
			}
			n++
			start = at + 1
		}
	}
	for ; i < end; i++ {
		if data[i] != sep {
			continue
		}
		if n < len(cells) {
			cells[n] = cell{uint32(start), uint32(i - start)}
		} else {
			t.putExtra(n, start, i)
		}
		n++
		start = i + 1
	}
	t.tokens = n
	t.put(cell{uint32(start), uint32(end - start)})
}

func (t *tokenizer) putExtra(field, start, end int) {
	if t.keepExtras {
		t.extras = append(t.extras, extra{row: len(t.rows), field: field, cell: cell{uint32(start), uint32(end - start)}})
	}
}

// values cuts a record that starts at i by every rule. It ends at end, or, if
// records may span lines, at the first line end outside of quotes. It returns
// where it stopped.
func (t *tokenizer) values(i, end int) int {
	for {
		if t.trimLeading {
			for i < end && t.data[i] <= ' ' && !t.isSep(i) && t.newline(i) == 0 {
				i++
			}
		}
		switch {
		case t.quote.at(t.data[:end], i):
			i = t.quoted(i, end)
		default:
			i = t.unquoted(i, end)
		}
		if t.err != nil || i >= end || !t.isSep(i) {
			return i
		}
		i += len(t.sep)
	}
}

// unquoted takes the value from i to the next separator or line end.
func (t *tokenizer) unquoted(i, end int) int {
	start := i
	i = t.skipTo(i, end)
	last := i
	if t.trimTrailing {
		for last > start && t.data[last-1] <= ' ' {
			last--
		}
	}
	t.put(cell{uint32(start), uint32(last - start)})
	return i
}

// skipTo returns the position of the next separator or record end from i on.
func (t *tokenizer) skipTo(i, end int) int {
	first, breaks := t.sep[0], t.breaks
	for ; i < end; i++ {
		switch t.data[i] {
		case first:
			if t.isSep(i) || t.newline(i) > 0 {
				return i
			}
		case breaks[0], breaks[1]:
			if t.newline(i) > 0 {
				return i
			}
		}
	}
	return end
}

// newline returns the length of the record separator at i, where records may
// span lines; 0 for none.
func (t *tokenizer) newline(i int) int {
	if !t.multiLine {
		return 0
	}
	return t.separators.at(t.data, i)
}

func (t *tokenizer) isSep(i int) bool {
	return t.data[i] == t.sep[0] && (len(t.sep) == 1 || bytes.HasPrefix(t.data[i:], t.sep))
}

// checkSizes applies maxCharsPerColumn to the last row.
func (t *tokenizer) checkSizes() {
	base := (len(t.rows) - 1) * t.width
	for _, c := range t.cells[base : base+t.width] {
		if int(c.size) > t.maxChars {
			t.fail("a value is longer than %d characters (option maxCharsPerColumn)", t.maxChars)
		}
	}
}

// nextRecord makes a row of the record at pos, which may span lines. It
// reports whether a separator ends the record, rather than the data.
func (t *tokenizer) nextRecord() (ended bool) {
	start := t.pos
	t.rowLine = t.line
	if size := t.newline(start); size > 0 {
		t.pos += size
		t.line++
		return true
	}
	if t.comment.at(t.data, start) {
		end, next := t.separators.next(t.data, start, t.hasCR)
		t.pos = next
		t.line++
		return next > end
	}
	t.newRow()
	end := t.values(start, len(t.data))
	size := t.newline(end)
	t.pos = end + size
	if t.hasQuote {
		t.line += int32(t.separators.count(t.data[start:end]))
	}
	t.line++
	if t.tokens == 1 && t.trimLeading && isBlank(t.data[start:end]) {
		t.cells = t.cells[:len(t.rows)*t.width]
		return size > 0
	}
	t.endRow(row{start: int32(start), end: int32(end), line: t.rowLine})
	return size > 0
}

// fail makes the reading end with an error at the row at hand.
func (t *tokenizer) fail(reason string, args ...any) {
	if t.err == nil {
		t.err = &recordLimitError{format.RecordError{Line: int64(t.rowLine) + 1, Reason: fmt.Sprintf(reason, args...)}}
	}
}
