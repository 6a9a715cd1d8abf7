package sql

import (
	"strconv"
	"strings"

	"github.com/freshet/freshet/schema"
)

// Printed is a query in DuckDB's dialect that knows which expression each
// place of its text was printed from.
type Printed struct {
	Text string
	// Intervals has the types of the columns that are the text of intervals, by
	// their places.
	Intervals map[int]schema.Type
	spans     []span
}

// span is the text of an expression. Spans lie within one another or apart.
type span struct {
	start, end int
	node       Expr
}

// At returns the smallest expression whose text has the byte at an offset, or
// nil. Constants and * are none.
func (t *Printed) At(offset int) Expr {
	var at *span
	for i := range t.spans {
		s := &t.spans[i]
		if s.start <= offset && offset < s.end && (at == nil || s.end-s.start <= at.end-at.start) {
			at = s
		}
	}
	if at == nil {
		return nil
	}
	return at.node
}

// While a query is printed, marks in the text say where an expression's text
// begins and ends, as the text is moved about in pieces. A mark begins with a
// NUL, which no text of a query has otherwise.
const (
	markBegin = "\x00<"
	markEnd   = "\x00>"
)

// marked prints the text of e, which f prints, between marks.
func (p *printer) marked(e Expr, f func()) {
	p.marks = append(p.marks, e)
	p.put(markBegin, strconv.Itoa(len(p.marks)-1), ";")
	f()
	p.put(markEnd)
}

// unmarked takes the marks out of a text.
func unmarked(text string, nodes []Expr) *Printed {
	t := &Printed{}
	var b strings.Builder
	var open []int // spans
	for {
		before, after, found := strings.Cut(text, "\x00")
		b.WriteString(before)
		if !found {
			break
		}
		if number, rest, ok := strings.Cut(after, ";"); after[0] == markBegin[1] && ok {
			n, _ := strconv.Atoi(number[1:])
			open = append(open, len(t.spans))
			t.spans = append(t.spans, span{start: b.Len(), node: nodes[n]})
			text = rest
			continue
		}
		t.spans[open[len(open)-1]].end = b.Len()
		open = open[:len(open)-1]
		text = after[1:]
	}
	t.Text = b.String()
	return t
}
