// Package render prints the results of statements: as a table for people, as
// JSON lines or CSV for programs.
package render

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/freshet/freshet/schema"
)

// Formats lists the names that [New] takes, the default first.
func Formats() []string { return []string{"table", "json", "csv"} }

// Rows are the rows of a result, in the order of its columns.
type Rows = iter.Seq2[arrow.RecordBatch, error]

// Printer prints results one after another.
type Printer struct {
	w    *bufio.Writer
	rows func(*bufio.Writer, *schema.Struct, Rows) (int64, error)
}

// New returns a printer to w in one of [Formats].
func New(format string, w io.Writer) (*Printer, error) {
	p := &Printer{w: bufio.NewWriterSize(w, 64<<10)}
	switch format {
	case "table":
		p.rows = printTable
	case "json":
		p.rows = printJSON
	case "csv":
		p.rows = printCSV
	default:
		return nil, fmt.Errorf("unknown format %q; it must be one of %v", format, Formats())
	}
	return p, nil
}

// Print prints a result and returns how many rows it had. After an error, what
// was read before it is printed.
func (p *Printer) Print(columns *schema.Struct, rows Rows) (int64, error) {
	n, err := p.rows(p.w, columns, rows)
	if ferr := p.w.Flush(); err == nil && ferr != nil {
		err = fmt.Errorf("print result: %w", ferr)
	}
	return n, err
}

func printJSON(w *bufio.Writer, columns *schema.Struct, rows Rows) (int64, error) {
	names := make([][]byte, len(columns.Fields))
	for i, f := range columns.Fields {
		names[i] = append(appendQuoted(nil, f.Name), ':')
	}
	return eachRow(w, rows, func(dst []byte, batch arrow.RecordBatch, row int) []byte {
		dst = append(dst, '{')
		for i, column := range batch.Columns() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSON(append(dst, names[i]...), column, row)
		}
		return append(dst, '}', '\n')
	})
}

func printCSV(w *bufio.Writer, columns *schema.Struct, rows Rows) (int64, error) {
	var header []byte
	for i, f := range columns.Fields {
		if i > 0 {
			header = append(header, ',')
		}
		header = appendCSV(header, f.Name)
	}
	if _, err := w.Write(append(header, '\n')); err != nil {
		return 0, fmt.Errorf("print result: %w", err)
	}
	var field []byte
	return eachRow(w, rows, func(dst []byte, batch arrow.RecordBatch, row int) []byte {
		for i, column := range batch.Columns() {
			if i > 0 {
				dst = append(dst, ',')
			}
			if isNull(column, row) {
				continue
			}
			field = appendText(field[:0], column, row)
			dst = appendCSV(dst, string(field))
		}
		return append(dst, '\n')
	})
}

// appendCSV appends a field by RFC 4180. An empty string is quoted, which
// tells it from NULL.
func appendCSV(dst []byte, text string) []byte {
	special := text == "" || slices.ContainsFunc([]byte(text), func(c byte) bool {
		return c == ',' || c == '"' || c == '\n' || c == '\r'
	})
	if !special {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for i := range len(text) {
		if text[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}

// eachRow prints every row as appendRow makes it, one at a time.
func eachRow(w io.Writer, rows Rows, appendRow func(dst []byte, batch arrow.RecordBatch, row int) []byte) (int64, error) {
	var line []byte
	var n int64
	for batch, err := range rows {
		if err != nil {
			return n, err
		}
		for row := range int(batch.NumRows()) {
			line = appendRow(line[:0], batch, row)
			if _, err := w.Write(line); err != nil {
				return n, fmt.Errorf("print result: %w", err)
			}
			n++
		}
	}
	return n, nil
}
