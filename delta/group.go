package delta

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// group is a struct column of a checkpoint: each row that is not null is one
// action. Its accessors return the zero value for columns that are missing
// and cells that are null, as the protocol wants absent fields read.
type group struct {
	name   string
	rows   *array.Struct
	fields map[string]arrow.Array
	err    error // the first of the accessors
}

func newGroup(name string, column arrow.Array) (*group, error) {
	rows, ok := column.(*array.Struct)
	if !ok {
		return nil, fmt.Errorf("column %s is %s, not a struct", name, column.DataType())
	}
	g := &group{name: name, rows: rows, fields: make(map[string]arrow.Array)}
	for i, f := range rows.DataType().(*arrow.StructType).Fields() { //nolint:errcheck // a Struct array's type is one
		g.fields[f.Name] = rows.Field(i)
	}
	return g, nil
}

// present yields the rows that hold an action.
func (g *group) present(yield func(row int) bool) {
	if g.rows.NullN() == g.rows.Len() {
		return
	}
	for row := range g.rows.Len() {
		if g.rows.IsValid(row) && !yield(row) {
			return
		}
	}
}

// sub returns a nested struct column; its rows are none when it is missing.
func (g *group) sub(name string) *group {
	column, ok := g.fields[name]
	if !ok {
		return &group{name: name}
	}
	sub, err := newGroup(g.name+"."+name, column)
	if err != nil {
		g.fail(err)
		return &group{name: name}
	}
	return sub
}

// fail keeps the first error of the accessors, so that a reader can ask for
// all its columns and then look once.
func (g *group) fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

func (g *group) unexpected(name string, a arrow.Array, want string) {
	g.fail(fmt.Errorf("%s.%s is %s, not %s", g.name, name, a.DataType(), want))
}

// texts returns a column of strings. Binary ones are strings of old writers.
func (g *group) texts(name string) textColumn {
	switch a := g.fields[name].(type) {
	case nil:
	case *array.String:
		return textColumn{cells: a, at: a.Value}
	case *array.LargeString:
		return textColumn{cells: a, at: a.Value}
	case *array.Binary:
		return textColumn{cells: a, at: a.ValueString}
	default:
		g.unexpected(name, a, "a string")
	}
	return textColumn{}
}

// numbers returns a column of integers.
func (g *group) numbers(name string) numberColumn {
	switch a := g.fields[name].(type) {
	case nil:
	case *array.Int64:
		return numberColumn{cells: a, at: a.Value}
	case *array.Int32:
		return numberColumn{cells: a, at: func(row int) int64 { return int64(a.Value(row)) }}
	default:
		g.unexpected(name, a, "an integer")
	}
	return numberColumn{}
}

// flags returns a column of booleans.
func (g *group) flags(name string) flagColumn {
	switch a := g.fields[name].(type) {
	case nil:
	case *array.Boolean:
		return flagColumn{cells: a}
	default:
		g.unexpected(name, a, "a boolean")
	}
	return flagColumn{}
}

// pairs returns a column of maps from string to string.
func (g *group) pairs(name string) pairColumn {
	switch a := g.fields[name].(type) {
	case nil:
	case *array.Map:
		entries := &group{name: g.name + "." + name, fields: map[string]arrow.Array{"key": a.Keys(), "value": a.Items()}}
		pairs := pairColumn{cells: a, keys: entries.texts("key"), values: entries.texts("value")}
		if entries.err != nil {
			g.fail(entries.err)
			return pairColumn{}
		}
		return pairs
	default:
		g.unexpected(name, a, "a map")
	}
	return pairColumn{}
}

// lists returns a column of lists of strings.
func (g *group) lists(name string) listColumn {
	switch a := g.fields[name].(type) {
	case nil:
	case *array.List:
		items := &group{name: g.name + "." + name, fields: map[string]arrow.Array{"element": a.ListValues()}}
		list := listColumn{cells: a, items: items.texts("element")}
		if items.err != nil {
			g.fail(items.err)
			return listColumn{}
		}
		return list
	default:
		g.unexpected(name, a, "a list")
	}
	return listColumn{}
}

// keep copies a text that is only good while its batch is.
func keep(text string) string { return strings.Clone(text) }

type textColumn struct {
	cells arrow.Array
	at    func(int) string
}

// get returns the cell's text, which is only good while the batch is.
func (c textColumn) get(row int) string {
	if c.cells == nil || c.cells.IsNull(row) {
		return ""
	}
	return c.at(row)
}

func (c textColumn) pointer(row int) *string {
	if c.cells == nil || c.cells.IsNull(row) {
		return nil
	}
	text := keep(c.at(row))
	return &text
}

type numberColumn struct {
	cells arrow.Array
	at    func(int) int64
}

func (c numberColumn) get(row int) int64 {
	if c.cells == nil || c.cells.IsNull(row) {
		return 0
	}
	return c.at(row)
}

func (c numberColumn) pointer(row int) *int64 {
	if c.cells == nil || c.cells.IsNull(row) {
		return nil
	}
	n := c.at(row)
	return &n
}

type flagColumn struct{ cells *array.Boolean }

func (c flagColumn) get(row int) bool {
	return c.cells != nil && c.cells.IsValid(row) && c.cells.Value(row)
}

type pairColumn struct {
	cells        *array.Map
	keys, values textColumn
}

func (c pairColumn) null(row int) bool { return c.cells == nil || c.cells.IsNull(row) }

// each yields the entries of a row.
func (c pairColumn) each(row int, yield func(key string, entry int)) {
	if c.null(row) {
		return
	}
	start, end := c.cells.ValueOffsets(row)
	for i := int(start); i < int(end); i++ {
		yield(c.keys.get(i), i)
	}
}

// getTexts returns a row's map without its nulls, or nil for a null.
func (c pairColumn) getTexts(row int) map[string]string {
	if c.null(row) {
		return nil
	}
	m := make(map[string]string)
	c.each(row, func(key string, entry int) {
		if value := c.values.pointer(entry); value != nil {
			m[keep(key)] = *value
		}
	})
	return m
}

type listColumn struct {
	cells *array.List
	items textColumn
}

// get returns a row's list, or nil for a null.
func (c listColumn) get(row int) []string {
	if c.cells == nil || c.cells.IsNull(row) {
		return nil
	}
	start, end := c.cells.ValueOffsets(row)
	list := make([]string, 0, max(0, end-start))
	for i := int(start); i < int(end); i++ {
		list = append(list, keep(c.items.get(i)))
	}
	return list
}
