package delta

import (
	"fmt"
	"slices"
	"strings"

	"github.com/freshet/freshet/schema"
)

// structAt returns the struct at a path, of the alteration's own schema.
func (a *Alteration) structAt(path []string) (*schema.Struct, error) {
	var t schema.Type = a.metadata.Schema
	for i := range path {
		next, ok := step(t, path[i])
		if !ok {
			return nil, a.unknown(path[:i+1])
		}
		t = next
	}
	s, ok := t.(*schema.Struct)
	if !ok {
		return nil, refuse("DELTA_ADD_COLUMN_PARENT_NOT_STRUCT", "42KD3", "%s is no struct, but of type %s: it cannot hold fields", quotePath(path), t)
	}
	return s, nil
}

// fieldAt returns the struct that the field at a path belongs to, and its
// place there.
func (a *Alteration) fieldAt(path []string) (*schema.Struct, int, error) {
	if len(path) == 0 {
		return nil, 0, a.unknown(path)
	}
	if _, err := a.typeAt(path); err != nil {
		return nil, 0, err
	}
	s, err := a.structAt(path[:len(path)-1])
	if err != nil {
		return nil, 0, err
	}
	i := s.Index(path[len(path)-1])
	if i < 0 {
		return nil, 0, a.unknown(path)
	}
	return s, i, nil
}

// typeAt returns the type at a path.
func (a *Alteration) typeAt(path []string) (schema.Type, error) {
	var t schema.Type = a.metadata.Schema
	for i, name := range path {
		next, ok := step(t, name)
		if !ok {
			return nil, a.unknown(path[:i+1])
		}
		t = next
	}
	return t, nil
}

func (a *Alteration) unknown(path []string) error {
	return refuse("UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "a column with name %s cannot be resolved; the columns are %s", quotePath(path), a.metadata.Schema.DDL())
}

// step returns the type that a name leads to inside t.
func step(t schema.Type, name string) (schema.Type, bool) {
	switch t := t.(type) {
	case *schema.Struct:
		if i := t.Index(name); i >= 0 {
			return t.Fields[i].Type, true
		}
	case schema.Array:
		return t.Element, strings.EqualFold(name, elementStep)
	case schema.Map:
		if strings.EqualFold(name, keyStep) {
			return t.Key, true
		}
		return t.Value, strings.EqualFold(name, valueStep)
	}
	return nil, false
}

// replaceType returns t with another type at a path, which exists. Structs on
// the way are changed, arrays and maps made anew.
func replaceType(t schema.Type, path []string, to schema.Type) (schema.Type, error) {
	if len(path) == 0 {
		return to, nil
	}
	inner, ok := step(t, path[0])
	if !ok {
		return nil, fmt.Errorf("no %s in %s", schema.QuoteIdent(path[0]), t)
	}
	inner, err := replaceType(inner, path[1:], to)
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case *schema.Struct:
		t.Fields[t.Index(path[0])].Type = inner
		return t, nil
	case schema.Array:
		t.Element = inner
		return t, nil
	case schema.Map:
		if strings.EqualFold(path[0], keyStep) {
			t.Key = inner
		} else {
			t.Value = inner
		}
		return t, nil
	}
	return t, nil
}

// throughCollection reports whether a path leads through an array or a map.
func throughCollection(t schema.Type, path []string) bool {
	for _, name := range path {
		if _, ok := t.(*schema.Struct); !ok {
			return true
		}
		t, _ = step(t, name)
	}
	return false
}

// placeOf returns where a position is among the fields of s.
func placeOf(s *schema.Struct, at Position) (int, error) {
	switch {
	case at.First:
		return 0, nil
	case at.After == "":
		return len(s.Fields), nil
	}
	i := s.Index(at.After)
	if i < 0 {
		return 0, refuse("FIELD_NOT_FOUND", "42704", "no such struct field %s in %s", schema.QuoteIdent(at.After), strings.Join(s.Names(), ", "))
	}
	return i + 1, nil
}

// checkDependents refuses to touch a column that constraints or generated
// columns are computed from.
func (a *Alteration) checkDependents(path []string) error {
	depends := func(expr string) bool {
		return !slices.ContainsFunc(path, func(name string) bool {
			return name != elementStep && name != keyStep && name != valueStep && !mentions(expr, name)
		})
	}
	var generated, constraints []string
	for _, f := range a.metadata.Schema.Fields {
		if expr, ok := GenerationExpression(f); ok && depends(expr) {
			generated = append(generated, f.Name+" -> "+expr)
		}
	}
	for _, c := range a.metadata.Constraints() {
		if depends(c.Expr) {
			constraints = append(constraints, c.Name+" -> "+c.Expr)
		}
	}
	switch {
	case generated != nil:
		return refuse("DELTA_GENERATED_COLUMNS_DEPENDENT_COLUMN_CHANGE", "42K09",
			"cannot alter column %s because this column is referenced by the following generated column(s):\n%s", quotePath(path), strings.Join(generated, "\n"))
	case constraints != nil:
		return refuse("DELTA_CONSTRAINT_DEPENDENT_COLUMN_CHANGE", "42K09",
			"cannot alter column %s because this column is referenced by the following check constraint(s):\n%s", quotePath(path), strings.Join(constraints, "\n"))
	}
	return nil
}

// check applies the rules that every table's metadata keeps.
func (a *Alteration) check() error { return checkMetadata(&a.metadata) }

// renameStatistics keeps the list of columns that have statistics, which
// names them as the schema does.
func (a *Alteration) renameStatistics(path []string, name string) {
	const property = "delta.dataSkippingStatsColumns"
	list, ok := a.metadata.Configuration[property]
	if !ok {
		return
	}
	columns := strings.Split(list, ",")
	for i, c := range columns {
		parts := strings.Split(strings.ReplaceAll(strings.TrimSpace(c), "`", ""), ".")
		if len(parts) >= len(path) && slices.EqualFunc(parts[:len(path)], path, strings.EqualFold) {
			parts[len(path)-1] = name
			columns[i] = quotePath(parts)
		}
	}
	a.metadata.Configuration[property] = strings.Join(columns, ",")
}
