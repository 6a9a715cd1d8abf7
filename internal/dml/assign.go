package dml

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/freshet/freshet/delta"
	"github.com/freshet/freshet/internal/conform"
	"github.com/freshet/freshet/internal/errclass"
	"github.com/freshet/freshet/internal/sql"
	"github.com/freshet/freshet/schema"
)

// images are the rows that a clause makes: an expression for each column but
// those left out, which the table's writer fills: with defaults, with what they
// are generated as, or with nulls.
type images struct {
	columns []schema.Field
	values  []sql.Expr
}

// add has a column take a value. A bare NULL has no type of its own.
func (m *images) add(f schema.Field, value sql.Expr) {
	if l, ok := value.(*sql.Literal); ok && l.Kind == sql.NullLiteral {
		value = &sql.Cast{Range: l.Range, X: l, Type: &sql.TypeName{Type: f.Type}}
	}
	m.columns = append(m.columns, f)
	m.values = append(m.values, value)
}

func (m *images) exprs() []sql.Expr { return m.values }

// items is the select list that computes the rows.
func (m *images) items() []*sql.SelectItem {
	list := make([]*sql.SelectItem, len(m.values))
	for i, e := range m.values {
		list[i] = item(e, m.columns[i].Name)
	}
	return list
}

// write computes rows and hands them on, with the columns' types.
func (s *statement) write(ctx context.Context, b bound, set *images, to func(context.Context, arrow.RecordBatch) error) error {
	caster := conform.New(schema.New(set.columns...), conform.Options{TimeZone: s.env.Zone})
	for rec, err := range s.query(ctx, b) {
		if err != nil {
			return err
		}
		if rec, err = caster.Conform(rec); err != nil {
			return err
		}
		err = to(ctx, rec)
		rec.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// Keys in the metadata of generated columns and of identity columns.
const (
	generationKey = "delta.generationExpression"
	identityKey   = "delta.identity.start"
)

// assignments returns the new images of updated rows of a table with columns
// to, which may be more than it has now: a column that is not assigned keeps
// its value, and a generated one is computed anew.
func (s *statement) assignments(to *schema.Struct, set []*sql.Assignment) (*images, error) {
	root := &assigned{}
	for _, a := range set {
		if err := s.assign(root, to, a); err != nil {
			return nil, err
		}
	}
	m := &images{}
	for _, f := range to.Fields {
		a := root.field(f.Name)
		_, generated := f.Metadata[generationKey]
		_, identity := f.Metadata[identityKey]
		switch {
		case a != nil && identity:
			return nil, errclass.New("DELTA_IDENTITY_COLUMNS_UPDATE_NOT_SUPPORTED", "42808", "UPDATE on IDENTITY column %s is not supported.", f.Name)
		case a == nil && (generated || s.columns.Index(f.Name) < 0):
		case a == nil:
			m.add(f, column(s.alias, f.Name))
		case a.value != nil && sql.IsDefault(a.value):
		default:
			m.add(f, s.valueOf(a, f.Type, column(s.alias, f.Name)))
		}
	}
	if s.tracked {
		m.add(schema.Col(rowIDColumn, schema.Long), column(s.alias, rowIDColumn))
	}
	return m, nil
}

// update hands on the new images of rows, whose ids, if the table tracks them,
// are the last column.
func (s *statement) update(c *delta.RowChange) func(context.Context, arrow.RecordBatch) error {
	if !s.tracked {
		return c.Update
	}
	return func(ctx context.Context, rec arrow.RecordBatch) error {
		last := int(rec.NumCols()) - 1
		ids, ok := rec.Column(last).(*array.Int64)
		if !ok {
			return errors.New("the engine returned no row ids")
		}
		rows := array.NewRecordBatch(arrow.NewSchema(rec.Schema().Fields()[:last], nil), rec.Columns()[:last], rec.NumRows())
		defer rows.Release()
		return c.UpdateTracked(ctx, rows, ids)
	}
}

// assigned is what is assigned to a column, or to fields of it.
type assigned struct {
	name   string
	value  sql.Expr // nil when fields are assigned
	fields []*assigned
}

func (a *assigned) field(name string) *assigned {
	for _, f := range a.fields {
		if strings.EqualFold(f.name, name) {
			return f
		}
	}
	return nil
}

// assign puts an assignment into the tree of all.
func (s *statement) assign(root *assigned, to *schema.Struct, a *sql.Assignment) error {
	path := s.assignee(to, a.Column)
	if path == nil {
		return &sql.Error{
			Class: "UNRESOLVED_COLUMN.WITH_SUGGESTION", State: "42703", Range: a.Column.Range,
			Text: fmt.Sprintf("A column with name %s cannot be resolved. Did you mean one of the following? [%s].", a.Column, strings.Join(to.Names(), ", ")),
		}
	}
	at := root
	for i, name := range path {
		next := at.field(name)
		if next != nil && (next.value != nil || i == len(path)-1) {
			return &sql.Error{
				Class: "DELTA_CONFLICT_SET_COLUMN", State: "42701", Range: a.Column.Range,
				Text: fmt.Sprintf("There is a conflict from these SET columns: %s is assigned twice.", a.Column),
			}
		}
		if next == nil {
			next = &assigned{name: name}
			at.fields = append(at.fields, next)
		}
		at = next
	}
	at.value = a.Value
	return nil
}

// assignee returns the path of an assigned column or field.
func (s *statement) assignee(to *schema.Struct, c *sql.Column) []string {
	path := c.Parts
	if len(path) > 1 && strings.EqualFold(path[0], s.alias) && to.Index(path[1]) >= 0 {
		path = path[1:]
	} else if own := s.resolve(path); own != nil {
		path = own
	}
	var t schema.Type = to
	for _, name := range path {
		in, ok := t.(*schema.Struct)
		if !ok || in.Index(name) < 0 {
			return nil
		}
		t = in.Fields[in.Index(name)].Type
	}
	return path
}

// valueOf returns the new value of a column or field: what is assigned, or a
// struct of what is assigned to its fields and of the others as they are.
func (s *statement) valueOf(a *assigned, t schema.Type, old *sql.Column) sql.Expr {
	if a.value != nil {
		return s.store(a.value, t)
	}
	in, _ := t.(*schema.Struct)
	call := &sql.FunctionCall{Name: &sql.Name{Parts: []string{"named_struct"}}}
	for _, f := range in.Fields {
		of := column(append(slices.Clone(old.Parts), f.Name)...)
		value := sql.Expr(of)
		if field := a.field(f.Name); field != nil {
			value = s.valueOf(field, f.Type, of)
		}
		call.Args = append(call.Args, &sql.Literal{Kind: sql.StringLiteral, Value: f.Name}, value)
	}
	return call
}

// store casts a value to the type it is stored as (semantics §15.2). Nested
// values are matched by the names of their fields when they are written.
func (s *statement) store(e sql.Expr, t schema.Type) sql.Expr {
	switch t.(type) {
	case *schema.Struct, schema.Array, schema.Map:
		return e
	}
	if c, ok := e.(*sql.Column); ok {
		if path := s.resolve(c.Parts); len(path) == 1 && s.columns.Fields[s.columns.Index(path[0])].Type == t && len(c.Parts) > 1 {
			return e
		}
	}
	return &sql.Cast{Range: e.Pos(), X: e, Type: &sql.TypeName{Type: t}}
}

// insertion returns the rows of INSERT (columns) VALUES (values).
func insertion(s *statement, to *schema.Struct, columns []*sql.Column, values []sql.Expr) (*images, error) {
	if len(columns) == 0 {
		for _, f := range to.Fields {
			columns = append(columns, column(f.Name))
		}
	}
	if len(columns) != len(values) {
		return nil, errclass.New("INSERT_COLUMN_ARITY_MISMATCH", "21S01", "INSERT lists %d columns and has %d values.", len(columns), len(values))
	}
	root, seen := &assigned{}, map[string]bool{}
	for i, c := range columns {
		name := strings.ToLower(c.Parts[len(c.Parts)-1])
		if seen[name] {
			return nil, &sql.Error{
				Class: "DELTA_DUPLICATE_COLUMNS_ON_INSERT", State: "42701", Range: c.Range,
				Text: fmt.Sprintf("Duplicate column names in INSERT clause: %s is listed twice.", c),
			}
		}
		seen[name] = true
		if err := s.assign(root, to, &sql.Assignment{Range: c.Range, Column: c, Value: values[i]}); err != nil {
			return nil, err
		}
	}
	m := &images{}
	for _, f := range to.Fields {
		if a := root.field(f.Name); a != nil && a.value != nil && !sql.IsDefault(a.value) {
			m.add(f, s.store(a.value, f.Type))
		}
	}
	return m, nil
}
