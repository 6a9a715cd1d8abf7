package sql

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is an error in a statement's text: a syntax error, or a statement or
// function that is not supported. It has the methods that give errors a class.
type Error struct {
	Class string
	State string // SQLSTATE
	Text  string // one sentence
	Range Range  // where, in SQL
	SQL   string // the whole text parsed; "" when there is none to show
}

// Error returns the sentence with its place, as Spark words it: "Syntax error
// at or near 'x'. (line 1, pos 7)". Lines count from 1, positions from 0.
func (e *Error) Error() string {
	if e.SQL == "" {
		return e.Text
	}
	line, pos := Position(e.SQL, e.Range.Start)
	return fmt.Sprintf("%s (line %d, pos %d)", e.Text, line, pos)
}

// In returns the error with the text it is about, for errors of a [Printer],
// which knows the tree alone. An error that has a text keeps it.
func (e *Error) In(text string) *Error {
	if e.SQL != "" {
		return e
	}
	located := *e
	located.SQL = text
	return &located
}

// ErrorClass returns the error's class, such as PARSE_SYNTAX_ERROR.
func (e *Error) ErrorClass() string { return e.Class }

// SQLState returns the error's SQLSTATE.
func (e *Error) SQLState() string { return e.State }

// maxExcerpt bounds the length of the line that an excerpt shows.
const maxExcerpt = 160

// Excerpt returns the line of the SQL text where the error is and below it a
// line of carets that marks the place, or "" when there is no text. Tabs are
// kept so that the carets stand right.
func (e *Error) Excerpt() string {
	if e.SQL == "" {
		return ""
	}
	start := min(max(e.Range.Start, 0), len(e.SQL))
	end := min(max(e.Range.End, start), len(e.SQL))
	from := strings.LastIndexByte(e.SQL[:start], '\n') + 1
	to := len(e.SQL)
	if i := strings.IndexByte(e.SQL[start:], '\n'); i >= 0 {
		to = start + i
	}
	from = max(from, runeStart(e.SQL, start-maxExcerpt/2))
	to = min(to, runeStart(e.SQL, from+maxExcerpt))
	end = min(end, to)
	var b strings.Builder
	b.WriteString(strings.TrimRight(e.SQL[from:to], "\r"))
	b.WriteByte('\n')
	for _, r := range e.SQL[from:start] {
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	carets := 1
	if end > start {
		carets = utf8.RuneCountInString(e.SQL[start:end])
	}
	b.WriteString(strings.Repeat("^", carets))
	return b.String()
}

// runeStart returns the start of the character that byte i of s is in.
func runeStart(s string, i int) int {
	if i <= 0 {
		return 0
	}
	if i >= len(s) {
		return len(s)
	}
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// Position returns the line, from 1, and the column, from 0 and in
// characters, of a byte offset.
func Position(text string, offset int) (line, pos int) {
	before := text[:min(max(offset, 0), len(text))]
	line = 1 + strings.Count(before, "\n")
	return line, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}
