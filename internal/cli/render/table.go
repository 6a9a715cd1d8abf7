package render

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/rivo/uniseg"

	"github.com/freshet/freshet/schema"
)

// measuredRows is how many rows decide the widths of columns. Later rows are
// printed as they come, so that a result of any size needs little memory; a
// wider value then pushes its line out.
const measuredRows = 1000

// table prints rows between lines, as DuckDB and psql do.
type table struct {
	w       *bufio.Writer
	columns []schema.Field
	widths  []int
	right   []bool     // which columns stand to the right
	held    [][]string // rows that wait for the widths; nil once they are known
	cells   []string
	err     error
}

func printTable(w *bufio.Writer, columns *schema.Struct, rows Rows) (int64, error) {
	t := &table{w: w, columns: columns.Fields, held: [][]string{}}
	t.widths, t.right = make([]int, len(t.columns)), make([]bool, len(t.columns))
	for i, f := range t.columns {
		t.right[i] = rightAligned(f.Type)
		t.widths[i] = max(width(printable(f.Name)), width(typeName(f.Type)))
	}
	n, err := t.rows(rows)
	if t.held != nil {
		t.begin()
	}
	t.rule("└", "┴", "┘")
	if err == nil && t.err != nil {
		err = fmt.Errorf("print result: %w", t.err)
	}
	return n, err
}

func (t *table) rows(rows Rows) (int64, error) {
	var n int64
	for batch, err := range rows {
		if err != nil {
			return n, err
		}
		for row := range int(batch.NumRows()) {
			t.row(batch, row)
			n++
		}
		if t.err != nil {
			return n, nil
		}
	}
	return n, nil
}

func (t *table) row(batch arrow.RecordBatch, row int) {
	cells := t.cells[:0]
	for _, column := range batch.Columns() {
		text := "NULL"
		if !isNull(column, row) {
			text = printable(string(appendText(nil, column, row)))
		}
		cells = append(cells, text)
	}
	if t.held == nil {
		t.cells = cells
		t.line(cells)
		return
	}
	t.held = append(t.held, cells)
	if len(t.held) == measuredRows {
		t.begin()
	}
}

// begin prints the head and the rows held back.
func (t *table) begin() {
	for _, cells := range t.held {
		for i, text := range cells {
			t.widths[i] = max(t.widths[i], width(text))
		}
	}
	names, types := make([]string, len(t.columns)), make([]string, len(t.columns))
	for i, f := range t.columns {
		names[i], types[i] = printable(f.Name), typeName(f.Type)
	}
	t.rule("┌", "┬", "┐")
	t.line(names)
	t.line(types)
	t.rule("├", "┼", "┤")
	for _, cells := range t.held {
		t.line(cells)
	}
	t.held = nil
}

func (t *table) line(cells []string) {
	for i, text := range cells {
		pad := strings.Repeat(" ", max(0, t.widths[i]-width(text)))
		if t.right[i] {
			t.write("│ ", pad, text, " ")
		} else {
			t.write("│ ", text, pad, " ")
		}
	}
	t.write("│\n")
}

func (t *table) rule(left, middle, right string) {
	t.write(left)
	for i, w := range t.widths {
		if i > 0 {
			t.write(middle)
		}
		t.write(strings.Repeat("─", w+2))
	}
	t.write(right, "\n")
}

func (t *table) write(parts ...string) {
	for _, p := range parts {
		if _, err := t.w.WriteString(p); err != nil {
			t.err = err
			return
		}
	}
}

// numbers are the types whose values stand to the right.
var numbers = []schema.Type{schema.Long, schema.Integer, schema.Short, schema.Byte, schema.Float, schema.Double}

func rightAligned(t schema.Type) bool {
	_, decimal := t.(schema.Decimal)
	return decimal || slices.ContainsFunc(numbers, func(n schema.Type) bool { return schema.Equal(n, t) })
}

// typeName is the type as the head shows it: nested types without what is in
// them, which would be wider than most values.
func typeName(t schema.Type) string {
	name, _, _ := strings.Cut(t.String(), "<")
	return name
}

func width(text string) int { return uniseg.StringWidth(text) }

// printable escapes what would break the table or steer the terminal: control
// characters and bytes that are not UTF-8.
func printable(text string) string {
	clean := true
	for _, r := range text {
		clean = clean && r >= 0x20 && (r < 0x7f || r > 0x9f) && r != '\uFFFD'
	}
	if clean {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r >= 0x7f && r <= 0x9f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
